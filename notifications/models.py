"""The one table of the core: an event, told to one recipient, is one row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.contrib.humanize.templatetags import humanize
from django.db import models, router
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince as django_timesince
from django.utils.translation import gettext, gettext_lazy as _, npgettext_lazy
from model_utils import Choices

from notifications import badge
from notifications.fields import DataField
from notifications.generic import ObjectKey, model_of
from notifications.querysets import NotificationQuerySet, announce
from notifications.slugs import id2slug

MODEL_SETTING = "NOTIFICATIONS_NOTIFICATION_MODEL"

# Migrations of a site that points at the model write ``settings.NOTIFICATIONS_NOTIFICATION_MODEL``, so the name has
# to exist in every site, as Django's own AUTH_USER_MODEL does.
if not hasattr(settings, MODEL_SETTING):
    setattr(settings, MODEL_SETTING, "notifications.Notification")

# Django's own are for a time that stands alone. Beside "ago" many languages want another case of them.
AGO: Any = {
    "year": npgettext_lazy("ago", "%(num)d year", "%(num)d years", "num"),
    "month": npgettext_lazy("ago", "%(num)d month", "%(num)d months", "num"),
    "week": npgettext_lazy("ago", "%(num)d week", "%(num)d weeks", "num"),
    "day": npgettext_lazy("ago", "%(num)d day", "%(num)d days", "num"),
    "hour": npgettext_lazy("ago", "%(num)d hour", "%(num)d hours", "num"),
    "minute": npgettext_lazy("ago", "%(num)d minute", "%(num)d minutes", "num"),
}


def object_type(related_name: str, **options: Any) -> Any:
    """Return the foreign key for the content type of an object.

    Without a constraint in the database, where the check costs more than the row, and SET_NULL, so that removing the
    stale content types of an app never deletes what people were told.
    """
    return models.ForeignKey(
        ContentType,
        on_delete=models.SET_NULL,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name=related_name,
        **options,
    )


class AbstractNotification(models.Model):
    """Say to a recipient that an actor did (verb) something with an action object on a target."""

    LEVELS = Choices(
        ("success", "success", _("success")),
        ("info", "info", _("info")),
        ("warning", "warning", _("warning")),
        ("error", "error", _("error")),
    )

    level = models.CharField(_("level"), choices=LEVELS, default=LEVELS.info, max_length=20)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notifications",
        verbose_name=_("recipient"),
        # The indexes below lead with the recipient.
        db_index=False,
    )
    unread = models.BooleanField(_("unread"), default=True)
    read_at = models.DateTimeField(_("read at"), null=True, editable=False)

    actor_content_type = object_type("notify_actor", verbose_name=_("content type of the actor"))
    actor_object_id = models.CharField(_("id of the actor"), max_length=255)
    actor = ObjectKey("actor_content_type", "actor_object_id")

    verb = models.CharField(_("verb"), max_length=255)
    description = models.TextField(_("description"), blank=True, null=True)  # noqa: DJ001 - hq's column, hq's meaning

    target_content_type = object_type(
        "notify_target", blank=True, verbose_name=_("content type of the target")
    )
    target_object_id = models.CharField(_("id of the target"), max_length=255, blank=True, null=True)  # noqa: DJ001
    target = ObjectKey("target_content_type", "target_object_id")

    action_object_content_type = object_type(
        "notify_action_object", blank=True, verbose_name=_("content type of the action object")
    )
    action_object_object_id = models.CharField(  # noqa: DJ001
        _("id of the action object"), max_length=255, blank=True, null=True
    )
    action_object = ObjectKey("action_object_content_type", "action_object_object_id")

    timestamp = models.DateTimeField(_("timestamp"), default=timezone.now)
    public = models.BooleanField(_("public"), default=True)
    deleted = models.BooleanField(_("deleted"), default=False)
    emailed = models.BooleanField(_("emailed"), default=False)
    data = DataField(verbose_name=_("data"), blank=True, null=True)
    #: The event this row tells of; null on rows that an older package wrote.
    event = models.UUIDField(_("event"), null=True, editable=False)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ("-timestamp", "-pk")
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes = [
            # What is the newest in the inbox of this recipient?
            models.Index(fields=["recipient", "-timestamp", "-id"], name="ntf_inbox"),
            # What has this recipient not read yet, and how much is it?
            models.Index(fields=["recipient", "unread", "-timestamp", "-id"], name="ntf_unread"),
            # What was told about this object? And: which rows name a content type that is being removed?
            models.Index(fields=["actor_content_type", "actor_object_id"], name="ntf_actor"),
            models.Index(fields=["target_content_type", "target_object_id"], name="ntf_target"),
            models.Index(
                fields=["action_object_content_type", "action_object_object_id"], name="ntf_action_object"
            ),
        ]
        constraints = [
            # Was this recipient told of this event already?
            models.UniqueConstraint(fields=["event", "recipient"], name="ntf_event_recipient"),
        ]

    def __str__(self) -> str:
        """Return the sentence of the seed, in the four shapes that it has."""
        parts = {
            "actor": self.label("actor"),
            "verb": self.verb,
            "action_object": self.label("action_object"),
            "target": self.label("target"),
            "timesince": django_timesince(self.timestamp, time_strings=AGO),
        }
        if parts["action_object"] and parts["target"]:
            return gettext("%(actor)s %(verb)s %(action_object)s on %(target)s %(timesince)s ago") % parts
        if parts["target"]:
            return gettext("%(actor)s %(verb)s %(target)s %(timesince)s ago") % parts
        if parts["action_object"]:
            return gettext("%(actor)s %(verb)s %(action_object)s %(timesince)s ago") % parts
        return gettext("%(actor)s %(verb)s %(timesince)s ago") % parts

    def save(
        self,
        *,
        force_insert: bool | tuple[models.base.ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save as Django does; ``read_at`` follows ``unread``, and the recipient's cached count is dropped."""
        if update_fields is not None:
            update_fields = set(update_fields)
            if "unread" in update_fields:
                update_fields.add("read_at")
        if "unread" in self.__dict__:
            self.settle_read_at()
        using = using or router.db_for_write(type(self), instance=self)
        super().save(
            force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields
        )
        badge.forget([self.recipient_id], using=using)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Delete as Django does, drop the recipient's cached count, and tell who listens."""
        using = using or router.db_for_write(type(self), instance=self)
        # Before, because a column that was not loaded cannot be loaded any more after.
        recipient_id = self.recipient_id
        deleted = super().delete(using=using, keep_parents=keep_parents)
        badge.forget([recipient_id], using=using)
        announce(type(self), recipient_id, 1, using=using)
        return deleted

    def label(self, key: str) -> str:
        """Return the name of the ``actor``, ``action_object`` or ``target``.

        A gone object reads as "deleted <model>", or "deleted object" where its model is gone too. An object that the
        row never had is an empty text.
        """
        obj = getattr(self, key)
        if obj is not None:
            return str(obj)
        field: Any = self._meta.get_field(key)
        content_type_id = getattr(self, f"{field.ct_field}_id")
        # The admin of old Djangos stored an empty text where it was told nothing.
        if content_type_id is None and getattr(self, field.fk_field) in (None, ""):
            return ""
        model = model_of(content_type_id, self._state.db) if content_type_id is not None else None
        if model is None:
            return gettext("deleted object")
        return gettext("deleted %(model)s") % {"model": model._meta.verbose_name}

    def timesince(self, now: datetime | None = None) -> str:
        """Return how long ago this happened, as Django's ``timesince`` says it."""
        return django_timesince(self.timestamp, now)

    def ago(self) -> str:
        """Return how long ago this happened, such as "12 hours ago", in the reader's language."""
        return gettext("%(timesince)s ago") % {
            "timesince": django_timesince(self.timestamp, time_strings=AGO)
        }

    @property
    def slug(self) -> int:
        """Return the number that stands for this row in urls."""
        return id2slug(self.pk)

    def mark_as_read(self) -> bool:
        """Mark this row as read. Return whether that changed anything."""
        return self._set_unread(False)

    def mark_as_unread(self) -> bool:
        """Mark this row as unread. Return whether that changed anything."""
        return self._set_unread(True)

    def _set_unread(self, unread: bool) -> bool:
        if self.unread == unread:
            return False
        self.unread = unread
        self.save(update_fields=["unread", "read_at"])
        announce(type(self), self.recipient_id, 1, using=self._state.db or router.db_for_write(type(self)))
        return True

    def naturalday(self) -> str | None:
        """Return "today", "yesterday", "tomorrow", or else the date."""
        day: str | None = humanize.naturalday(self.timestamp)
        return day

    def naturaltime(self) -> str:
        """Return how long ago this happened, as ``humanize`` says it."""
        time: str = humanize.naturaltime(self.timestamp)
        return time

    def actor_object_url(self) -> str:
        """Return a link to the actor's page in the admin, or its id where it has none."""
        return self._admin_link("actor")

    actor_object_url.short_description = _("link to the actor")  # type: ignore[attr-defined]

    def action_object_url(self) -> str:
        """Return a link to the action object's page in the admin, or its id where it has none."""
        return self._admin_link("action_object")

    action_object_url.short_description = _("link to the action object")  # type: ignore[attr-defined]

    def target_object_url(self) -> str:
        """Return a link to the target's page in the admin, or its id where it has none."""
        return self._admin_link("target")

    target_object_url.short_description = _("link to the target")  # type: ignore[attr-defined]

    def _admin_link(self, key: str) -> str:
        field: Any = self._meta.get_field(key)
        stored = getattr(self, field.fk_field)
        # As text: an object that was only just put here left its key as it is.
        object_id = "" if stored is None else str(stored)
        obj = getattr(self, key)
        if obj is None:
            return object_id
        # Here, so that a site without the admin never loads it.
        from django.contrib.admin.utils import quote

        try:
            url = reverse(
                f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[quote(object_id)]
            )
        except NoReverseMatch:
            return object_id
        return format_html('<a href="{}">{}</a>', url, object_id)

    def settle_read_at(self) -> None:
        """Let ``read_at`` follow ``unread``, whoever set it."""
        if self.unread:
            self.read_at = None
        elif self.read_at is None:
            self.read_at = timezone.now()


class Notification(AbstractNotification):
    """The model of a site that does not bring its own."""

    class Meta(AbstractNotification.Meta):
        abstract = False
        swappable = MODEL_SETTING


def get_notification_model() -> type[AbstractNotification]:
    """Return the model of this site: ``NOTIFICATIONS_NOTIFICATION_MODEL``, else :class:`Notification`."""
    model: type[AbstractNotification] = apps.get_model(getattr(settings, MODEL_SETTING), require_ready=False)
    return model


def __getattr__(name: str) -> Any:
    # Where django-notifications-hq had the handler; it needs this module, so it cannot be imported above.
    if name == "notify_handler":
        from notifications.handlers import notify_handler

        return notify_handler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
