"""The columns and methods of a row: one event for one recipient. Custom models inherit from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.contrib.humanize.templatetags import humanize
from django.core.exceptions import ValidationError
from django.db import models, router
from django.db.models.functions import Coalesce
from django.db.models.options import Options
from django.db.models.signals import class_prepared, post_save, pre_save
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.timesince import timesince as django_timesince
from django.utils.translation import gettext, gettext_lazy as _, npgettext_lazy
from model_utils import Choices

from notifications.compat.slugs import id2slug
from notifications.conf import settings as conf_settings
from notifications.events import OBJECTS
from notifications.objects.keys import ObjectKey
from notifications.objects.labels import label_of, labels_of, sentence
from notifications.objects.links import admin_link
from notifications.storage import changes
from notifications.storage.fields import DataField, ObjectIdField, without_labels_in_migrations
from notifications.storage.indexes import StateIndex, with_own_index_names
from notifications.storage.querysets import NotificationQuerySet
from notifications.storage.row_verbs import RowVerbs
from notifications.storage.states import DONE, INBOX, READ, SAVED, SNOOZED, UNREAD, newest_first

if TYPE_CHECKING:
    from typing_extensions import Self

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
    stale content types of an app never deletes notifications.
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


class Levels(Choices):  # type: ignore[type-arg]
    """The levels, which django-notifications-community has as Django's ``TextChoices``: with these four attributes."""

    @property
    def choices(self) -> list[Any]:
        """Return pairs of a level and its label."""
        return list(self)

    @property
    def values(self) -> list[Any]:
        """Return the levels."""
        return [level for level, _label in self.choices]

    names = values

    @property
    def labels(self) -> list[Any]:
        """Return the labels of the levels."""
        return [label for _level, label in self.choices]


@with_own_index_names
@without_labels_in_migrations
class AbstractNotification(RowVerbs):
    """Notify a recipient that an actor did (verb) something with an action object on a target."""

    LEVELS = Levels(
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
    actor_object_id = ObjectIdField(_("id of the actor"), max_length=255)
    actor = ObjectKey("actor_content_type", "actor_object_id", viewer="recipient", label=_("actor"))

    verb = models.CharField(_("verb"), max_length=255)
    description = models.TextField(_("description"), blank=True, null=True)  # noqa: DJ001 - hq's column, hq's meaning

    target_content_type = object_type(
        "notify_target", blank=True, verbose_name=_("content type of the target")
    )
    target_object_id = ObjectIdField(_("id of the target"), max_length=255, blank=True, null=True)
    target = ObjectKey("target_content_type", "target_object_id", viewer="recipient", label=_("target"))

    action_object_content_type = object_type(
        "notify_action_object", blank=True, verbose_name=_("content type of the action object")
    )
    action_object_object_id = ObjectIdField(
        _("id of the action object"), max_length=255, blank=True, null=True
    )
    action_object = ObjectKey(
        "action_object_content_type", "action_object_object_id", viewer="recipient", label=_("action object")
    )

    timestamp = models.DateTimeField(_("timestamp"), default=timezone.now)
    public = models.BooleanField(_("public"), default=True)
    deleted = models.BooleanField(_("deleted"), default=False)
    emailed = models.BooleanField(_("emailed"), default=False)
    data = DataField(verbose_name=_("data"), blank=True, null=True)
    #: The event of this row; null on rows that an older package wrote.
    event = models.UUIDField(_("event"), null=True, editable=False)
    #: Why this recipient was notified, in one word: mention, author, subscribed ... Empty if there is no reason.
    reason = models.CharField(
        _("reason"), max_length=32, default="", db_default="", blank=True, editable=False
    )

    done_at = models.DateTimeField(_("done at"), null=True, editable=False)
    saved_at = models.DateTimeField(_("saved at"), null=True, editable=False)
    #: Until when the row is snoozed. If it is in the past: since when the row is back in the inbox.
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True, editable=False)
    #: Since when the row is in the inbox, or from when on; null once it is done. The database keeps it, so that one
    #: range of one index is the inbox, and a snoozed row comes back without anybody's work.
    inbox_at = models.GeneratedField(
        expression=Coalesce(
            "snoozed_until", models.Case(models.When(done_at__isnull=True, then="timestamp"))
        ),
        output_field=models.DateTimeField(),
        db_persist=True,
        null=True,
        verbose_name=_("inbox date"),
    )

    objects = NotificationQuerySet.as_manager()

    #: Whose row it has been since it was loaded, or None if its recipient was deferred.
    _recipient_ids: frozenset[Any] | None = frozenset()

    class Meta:
        abstract = True
        ordering = newest_first("inbox_at")
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes = [
            # What is the newest in the inbox of this recipient, what is snoozed, and what is there at all?
            StateIndex(fields=["recipient", "inbox_at"], name="ntf_inbox"),
            # What has this recipient not read yet, and how much is it?
            StateIndex(
                fields=["recipient", "unread", "inbox_at"], where=models.Q(unread=True), name="ntf_unread"
            ),
            # What has this recipient saved?
            StateIndex(
                fields=["recipient", "saved_at"], where=models.Q(saved_at__isnull=False), name="ntf_saved"
            ),
            # What is this recipient done with?
            StateIndex(
                fields=["recipient", "done_at"], where=models.Q(done_at__isnull=False), name="ntf_done"
            ),
            # Which rows are about this object? And: which rows name a content type that is being removed?
            models.Index(fields=["actor_content_type", "actor_object_id"], name="ntf_actor"),
            models.Index(fields=["target_content_type", "target_object_id"], name="ntf_target"),
            models.Index(
                fields=["action_object_content_type", "action_object_object_id"], name="ntf_action_object"
            ),
        ]
        constraints = [
            # Was this recipient notified of this event already?
            models.UniqueConstraint(fields=["event", "recipient"], name="ntf_event_recipient"),
        ]

    def __str__(self) -> str:
        """Return the sentence of the seed, in one of its four shapes, with how long ago it happened."""
        return sentence({**labels_of(self), "verb": self.verb, "timesince": self._timesince_ago()})

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any
    ) -> Self:
        """Return a row that was loaded. It remembers whose it was, because a change of that concerns both users."""
        row = super().from_db(db, field_names, values, **options)
        row._remember_recipient()
        return row

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Any] | None = None,
    ) -> None:
        """Load the row again, or a deferred field. If that is the recipient, it remembers whose row it is."""
        names = None if fields is None else list(fields)
        super().refresh_from_db(using, names, from_queryset)
        if names is None or not {"recipient", "recipient_id"}.isdisjoint(names):
            self._remember_recipient()

    def _remember_recipient(self) -> None:
        self._recipient_ids = frozenset([self.recipient_id]) if "recipient_id" in vars(self) else None

    def save(
        self,
        force_insert: bool | tuple[models.base.ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save the row, update ``read_at`` to match ``unread``, and clear the recipient's cached counts."""
        if update_fields is not None:
            update_fields = set(update_fields)
            if "unread" in update_fields:
                update_fields.add("read_at")
        if "unread" in self.__dict__:
            self.settle_read_at()
        using = using or router.db_for_write(type(self), instance=self)
        try:
            super().save(
                force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields
            )
        except BaseException:
            # If it was a receiver of post_save that failed, outside a transaction, the row is stored.
            owners = changes.recipients_of_change(self) if "recipient_id" in vars(self) else None
            changes.drop_counts(owners, using=using)
            raise
        changes.drop_counts(changes.recipients_of_change(self), using=using)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Delete the row, clear the recipient's cached counts, and send ``read_state_changed``."""
        using = using or router.db_for_write(type(self), instance=self)
        # Before, because a column that was not loaded cannot be loaded any more after.
        owners = changes.recipients_of_change(self)
        deleted = super().delete(using=using, keep_parents=keep_parents)
        changes.drop_counts(owners, using=using)
        if changed := deleted[1].get(self._meta.label):
            # Another request may have deleted it before.
            recipient_id = self.recipient_id if owners and len(owners) == 1 else None
            changes.announce(type(self), recipient_id, changed, using=using)
        return deleted

    def label(self, key: str) -> str:
        """Return the name of the ``actor``, ``action_object`` or ``target``.

        A deleted object is "deleted <model>", or "deleted object" if its model was removed as well. An object that the
        recipient may not see is "hidden <model>". An object that the row does not have is an empty string.
        """
        return label_of(self, key)

    def timesince(self, now: datetime | None = None) -> str:
        """Return how long ago this happened, as formatted by Django's ``timesince``."""
        return django_timesince(self.timestamp, now)

    def ago(self) -> str:
        """Return how long ago this happened in one unit, such as "12 hours ago", in the current language."""
        return gettext("%(timesince)s ago") % {"timesince": self._timesince_ago(depth=1)}

    def _timesince_ago(self, depth: int = 2) -> str:
        return django_timesince(self.timestamp, time_strings=AGO, depth=depth)

    @property
    def slug(self) -> Any:
        """Return what identifies this row in URLs: a number, or a string if the primary key is not a number."""
        return id2slug(self.pk)

    @property
    def is_hidden(self) -> bool:
        """Return whether the row has an object that the recipient may not see (setting ``VISIBILITY``)."""
        return bool(conf_settings.VISIBILITY) and any(
            cast(Any, self._meta.get_field(name)).is_hidden(self) for name in OBJECTS
        )

    # The states, as the queryset defines them.

    @property
    def is_in_inbox(self) -> bool:
        """Return whether the row is neither done nor snoozed, and its timestamp is not in the future."""
        return INBOX.holds(self)

    @property
    def is_unread(self) -> bool:
        """Return whether the row is unread and in the inbox. A snoozed row is unread when it returns."""
        return UNREAD.holds(self)

    @property
    def is_read(self) -> bool:
        """Return whether the row is read."""
        return READ.holds(self)

    @property
    def is_done(self) -> bool:
        """Return whether the row is marked as done and was not snoozed since then."""
        return DONE.holds(self)

    @property
    def is_saved(self) -> bool:
        """Return whether the row is saved."""
        return SAVED.holds(self)

    @property
    def is_snoozed(self) -> bool:
        """Return whether the row is snoozed."""
        return SNOOZED.holds(self)

    @classmethod
    def is_saved_by_others(cls) -> bool:
        """Return whether rows must be saved one by one: there is a custom ``save()``, or a receiver of its signals."""
        own_save = cls.save is not AbstractNotification.save
        return own_save or pre_save.has_listeners(cls) or post_save.has_listeners(cls)

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
        return admin_link(self, "actor")

    actor_object_url.short_description = _("link to the actor")  # type: ignore[attr-defined]

    def action_object_url(self) -> str:
        """Return a link to the action object's page in the admin, or its id where it has none."""
        return admin_link(self, "action_object")

    action_object_url.short_description = _("link to the action object")  # type: ignore[attr-defined]

    def target_object_url(self) -> str:
        """Return a link to the target's page in the admin, or its id where it has none."""
        return admin_link(self, "target")

    target_object_url.short_description = _("link to the target")  # type: ignore[attr-defined]

    def settle_read_at(self) -> None:
        """Let ``read_at`` follow ``unread``, whoever set it; a snoozed row keeps it for when it is unsnoozed."""
        unread: Any = self.unread
        field: Any = self._meta.get_field("unread")
        # What is neither true nor false is left to Django: an expression is, and others are an error.
        with suppress(ValidationError):
            unread = field.to_python(unread)
        if not unread:
            self.read_at = self.read_at or timezone.now()
        elif not SNOOZED.holds(self):
            self.read_at = None


class OurOptions(Options):  # type: ignore[type-arg]
    """What ``_meta`` of a notification model is, so that Django's own writes go through the queryset of this app.

    Such as ``user.notifications.add()``, which changes the recipient of rows, and so the counts of two users. A manager
    in ``Meta.base_manager_name`` would do the same, but be a part of the migrations of each site.
    """

    @cached_property
    def base_manager(self) -> Any:
        """Return the manager of Django, with the methods of the queryset of this app."""
        manager: Any = super().base_manager
        if type(manager) is models.Manager:
            manager = models.Manager.from_queryset(NotificationQuerySet)()
            manager.name, manager.model, manager.auto_created = "_base_manager", self.model, True
        return manager


def use_our_options(sender: type[models.Model], **kwargs: Any) -> None:
    """Let the ``_meta`` of each notification model be :class:`OurOptions`."""
    if issubclass(sender, AbstractNotification):
        sender._meta.__class__ = OurOptions
        vars(sender._meta).pop("base_manager", None)


class_prepared.connect(use_our_options)

#: Rows of the site's notification model, as a queryset.
Rows: TypeAlias = NotificationQuerySet[AbstractNotification]
