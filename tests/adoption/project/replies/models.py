"""A table of the site that points at notifications, whose key grows under it."""

from django.db import models


class Reply(models.Model):
    notification = models.ForeignKey("notifications.Notification", on_delete=models.CASCADE)
    text = models.CharField(max_length=100)
