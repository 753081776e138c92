"""An app that is new when the package is swapped, and whose migration runs before ours."""

from django.db import models


class Note(models.Model):
    notification = models.ForeignKey("notifications.Notification", on_delete=models.CASCADE)
    verb = models.CharField(max_length=255)
    data = models.TextField(null=True)
