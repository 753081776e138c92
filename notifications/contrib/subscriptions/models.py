"""A user's standing choice about one object."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy as _

from notifications.contrib.subscriptions.fields import ObjectKeyField
from notifications.contrib.subscriptions.levels import Level
from notifications.objects.keys import ObjectKey
from notifications.objects.labels import label_of, name_of
from notifications.objects.text import isolated
from notifications.storage.fields import without_labels_in_migrations
from notifications.storage.reasons import Reason


@without_labels_in_migrations
class Subscription(models.Model):
    """The level that a user chose for an object, and the reason why they get its notifications."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notification_subscriptions",
        verbose_name=_("user"),
        # The constraint leads with it.
        db_index=False,
    )
    # Without a constraint, an index and a search when a type is deleted: prune_subscriptions cleans up after it.
    content_type = models.ForeignKey(
        ContentType,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("content type of the object"),
    )
    object_id = models.CharField(_("id of the object"), max_length=255)
    object = ObjectKey("content_type", "object_id", viewer="user", label=_("object"))
    #: Both in one column, so that a few objects are a few places in one index on every database.
    object_key = ObjectKeyField(max_length=276, editable=False)
    level = models.CharField(_("level"), max_length=13, choices=Level, default=Level.ALL, blank=True)
    reason = models.CharField(
        _("reason"), max_length=32, choices=Reason, default=Reason.SUBSCRIBED, blank=True
    )
    #: When a mute ends by itself, and what holds after it.
    until = models.DateTimeField(_("muted until"), null=True, blank=True)
    then = models.CharField(
        _("level after mute expires"), max_length=13, choices=Level, default=Level.NONE, blank=True
    )
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        indexes = [
            # Who is subscribed to these objects, at which level, and why? It holds all of the answer.
            models.Index(
                fields=["object_key", "user", "level", "until", "then", "reason"], name="ntf_subs_audience"
            ),
        ]
        constraints = [
            # What did this user choose for this object, and for which objects at all?
            models.UniqueConstraint(fields=["user", "object_key"], name="ntf_subs_user_object"),
        ]

    def __str__(self) -> str:
        return gettext("%(user)s: %(object)s: %(level)s") % {
            "user": isolated(name_of(self.user)),
            "object": isolated(self.label()),
            "level": self.level_label,
        }

    @property
    def level_now(self) -> str:
        """Return the level that holds now: a mute that has ended is none, nor is a word that another program wrote."""
        ended = self.until is not None and self.until <= timezone.now()
        level = self.then if ended else self.level
        return level if level in Level.values else Level.NONE

    @property
    def level_label(self) -> str:
        """Return the level that holds now, as people read it."""
        return str(Level(self.level_now).label)

    @property
    def mute_ends(self) -> datetime | None:
        """Return when the mute that holds now ends by itself, or None."""
        return self.until if self.level_now == Level.MUTED else None

    def label(self) -> str:
        """Return the name of the object, or what says that it is gone."""
        return label_of(self, "object")
