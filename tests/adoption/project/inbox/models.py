"""The site's own model, in place of the package's."""

from django.db import models

from notifications.base.models import AbstractNotification


class Notification(AbstractNotification):
    details = models.CharField(max_length=20, default="none")

    class Meta(AbstractNotification.Meta):
        abstract = False
