"""The model of a site that brings its own."""

from __future__ import annotations

from django.db import models

from notifications.models import AbstractNotification


class SwappedNotification(AbstractNotification):
    """A notification with columns of the site."""

    details = models.CharField(max_length=20, default="none")
    urgent = models.BooleanField(default=False)

    class Meta(AbstractNotification.Meta):
        abstract = False
