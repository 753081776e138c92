"""What is remembered of a user rather than of a notification."""

from __future__ import annotations

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from notifications.storage.fields import without_labels_in_migrations


@without_labels_in_migrations
class InboxState(models.Model):
    """What is remembered of a user rather than of a notification; there is none before there is anything to say."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    #: When the user last looked at the bell: what came later is unseen.
    seen_at = models.DateTimeField(null=True)
    #: What it takes to undo the last thing that was done to many rows.
    undo = models.JSONField(null=True, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = _("inbox state")
        verbose_name_plural = _("inbox states")

    def __str__(self) -> str:
        return str(self.pk)
