"""The queryset of notifications: adjectives filter, verbs write."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils import timezone

from notifications.conf import settings
from notifications.events import OBJECTS, event_uuid
from notifications.objects.fetch import content_type_ids
from notifications.objects.keys import OWNER, attach_objects
from notifications.storage import changes
from notifications.storage.async_verbs import AsyncVerbs, UpTo
from notifications.storage.expressions import CurrentMoment, LongAgo, judge_moment
from notifications.storage.locking import lockable, write_in_order

if TYPE_CHECKING:
    from typing_extensions import Self

M = TypeVar("M", bound=models.Model)

#: What is done. A row that was, and is snoozed since, comes back.
IS_DONE = Q(done_at__isnull=False, snoozed_until__isnull=True)

#: The columns that decide whether and where a row is shown, and so whether it counts as unread.
COUNTED_COLUMNS = {"unread", "deleted", "done_at", "snoozed_until", "timestamp"}
#: Those and the one that only decides whether it is kept.
STATE_COLUMNS = COUNTED_COLUMNS | {"saved_at"}


def is_soft_delete() -> bool:
    """Return whether deleting through the site only hides a row."""
    return settings.SOFT_DELETE


def assert_soft_delete() -> None:
    """Raise ImproperlyConfigured unless rows are hidden, not deleted."""
    if not settings.SOFT_DELETE:
        raise ImproperlyConfigured(
            "deleted(), active(), mark_all_as_deleted() and mark_all_as_active() need soft deletion: "
            'set NOTIFICATIONS["SOFT_DELETE"] = True.'
        )


class NotificationQuerySet(AsyncVerbs, models.QuerySet[M]):
    """Notifications of one or of many recipients; ``user.notifications`` speaks the same words."""

    #: Whether the objects come with the rows, and whose rows these are where a verb was given a recipient.
    _with_objects = False
    _viewer: Any = OWNER
    _recipient_pk: Any = None
    #: Whether the rows of one user were mixed with others, and whether the caller announces what changes.
    _is_mixed = False
    _is_quiet = False
    _known_related_objects: dict[Any, dict[Any, Any]]

    # Adjectives

    def unread(self, include_deleted: bool = False) -> Self:
        """Return the unread rows but for the snoozed; under SOFT_DELETE no deleted ones unless they are asked for."""
        return self._visible(include_deleted)._in_inbox(_whether("unread", True))

    def read(self, include_deleted: bool = False) -> Self:
        """Return the read rows; under SOFT_DELETE without the deleted ones unless they are asked for."""
        return self._visible(include_deleted).filter(_whether("unread", False))

    def inbox(self) -> Self:
        """Return what is neither done nor snoozed, nor deleted under SOFT_DELETE."""
        return self.visible()._in_inbox()

    def done(self) -> Self:
        """Return the rows that are done with, the last one first."""
        return self.visible().filter(IS_DONE).order_by("-done_at", "-pk")

    def saved(self) -> Self:
        """Return the rows that are kept, also those that are done or snoozed, the last one first."""
        return self.visible().filter(saved_at__isnull=False).order_by("-saved_at", "-pk")

    def snoozed(self) -> Self:
        """Return the rows that are out of sight until a moment to come, the one that comes back first first."""
        snoozed = self.visible().filter(inbox_at__gt=CurrentMoment(), snoozed_until__isnull=False)
        return snoozed.order_by("inbox_at", "pk")

    def deleted(self) -> Self:
        """Return the soft-deleted rows. Raise ImproperlyConfigured unless SOFT_DELETE is on."""
        assert_soft_delete()
        return self.filter(deleted=True)

    def active(self) -> Self:
        """Return the rows that are not soft-deleted. Raise ImproperlyConfigured unless SOFT_DELETE is on."""
        assert_soft_delete()
        return self.filter(deleted=False)

    def visible(self) -> Self:
        """Return the rows that a user may see: all of them, or under SOFT_DELETE the active ones."""
        return self._visible(include_deleted=False)

    def sent(self) -> Self:
        """Return the rows that were sent by e-mail."""
        return self.filter(emailed=True)

    def unsent(self) -> Self:
        """Return the rows that were not sent by e-mail."""
        return self.filter(emailed=False)

    def about(self, obj: models.Model) -> Self:
        """Return the rows in which ``obj`` is the actor, the action object or the target."""
        if obj.pk is None:
            raise ValueError(f"about() takes a saved object, got {obj!r}.")
        types = content_type_ids(obj, self.db)
        match = Q()
        for name in OBJECTS:
            key: Any = self.model._meta.get_field(name)
            match |= Q(**{f"{key.ct_field}__in": types, key.fk_field: str(obj.pk)})
        return self.filter(match)

    def of_event(self, event: UUID | str) -> Self:
        """Return the rows of one event, named by its UUID or by the key that it was sent under."""
        return self.filter(event=event if isinstance(event, UUID) else event_uuid(event))

    def with_objects(self, *, viewer: Any = OWNER) -> Self:
        """Fetch actors, action objects and targets with the rows: one query for each content type among them.

        An object that is gone reads as None and does not disturb the others. The rows of ``iterator()`` come without.
        ``viewer`` is the user who looks at them, by default the recipient of each row; None sees everything.
        """
        clone = self.all()
        clone._with_objects = True
        clone._viewer = viewer
        return clone

    def _in_inbox(self, *conditions: Q) -> Self:
        return self.filter(*conditions, inbox_at__gt=LongAgo(), inbox_at__lte=CurrentMoment())

    def _visible(self, include_deleted: bool) -> Self:
        return self.filter(deleted=False) if settings.SOFT_DELETE and not include_deleted else self.all()

    # Verbs

    # Each takes a ``recipient`` (a user or a primary key) to narrow the rows, and ``up_to`` (a notification or a
    # moment) to leave alone what came after it. Those that note a moment take it as ``at``, by default now.

    def mark_all_as_read(
        self, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Mark the unread rows, soft-deleted ones included, as read, but for the snoozed. Return how many changed."""
        still = _whether("unread", True) & ~Q(snoozed_until__gt=CurrentMoment())
        return self._of(recipient, up_to)._write(still, read_at=at or timezone.now(), unread=False)

    def mark_all_as_unread(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Mark the read rows, soft-deleted ones included, as unread, and so not done. Return how many changed."""
        return self._of(recipient, up_to)._write(_whether("unread", False), unread=True, done_at=None)

    def mark_all_as_done(
        self, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Take the rows out of the inbox for good; they are read then, and not snoozed. Return how many changed."""
        moment = at or timezone.now()
        # The moment of reading goes first, because MySQL computes each assignment from the ones before it.
        read_at = Case(When(_whether("unread", True), then=Value(moment)), default=F("read_at"))
        return self._of(recipient, up_to)._write(
            ~IS_DONE, read_at=read_at, unread=False, done_at=moment, snoozed_until=None
        )

    def mark_all_as_undone(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Put the rows that are done back into the inbox, read. Return how many changed."""
        return self._of(recipient, up_to)._write(IS_DONE, done_at=None)

    def save_all(self, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None) -> int:
        """Keep the rows: they are never pruned. Return how many changed."""
        return self._of(recipient, up_to)._write(Q(saved_at__isnull=True), saved_at=at or timezone.now())

    def unsave_all(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Keep the rows no longer than others. Return how many changed."""
        return self._of(recipient, up_to)._write(Q(saved_at__isnull=False), saved_at=None)

    def snooze_all(self, until: datetime, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Put the rows out of sight until a moment, when they are unread and on top. Return how many changed.

        Raise ValueError for a moment that is not in the future, or is naive where times have zones.
        """
        judge_moment(until)
        # What was read or done before, and may be snoozed since, keeps when: unsnooze_all() says what it was.
        was_unread = _whether("unread", True) & ~Q(snoozed_until__gt=CurrentMoment())
        has_come_back = Q(snoozed_until__lte=CurrentMoment())
        return self._of(recipient, up_to)._write(
            ~Q(snoozed_until=until),
            read_at=Case(When(was_unread, then=None), default=F("read_at")),
            done_at=Case(When(has_come_back, then=None), default=F("done_at")),
            unread=True,
            snoozed_until=until,
        )

    def unsnooze_all(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Put the snoozed rows back to where they were, done or read if they were. Return how many changed."""
        was_unread = Case(When(read_at__isnull=True, then=Value(True)), default=Value(False))
        return self._of(recipient, up_to)._write(
            Q(snoozed_until__gt=CurrentMoment()), read_at=F("read_at"), unread=was_unread, snoozed_until=None
        )

    def mark_all_as_deleted(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Hide the active rows. Return how many changed.

        Raise ImproperlyConfigured unless SOFT_DELETE is on.
        """
        assert_soft_delete()
        return self._of(recipient, up_to)._turn("deleted", True)

    def mark_all_as_active(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Show the deleted rows again. Return how many changed.

        Raise ImproperlyConfigured unless SOFT_DELETE is on.
        """
        assert_soft_delete()
        return self._of(recipient, up_to)._turn("deleted", False)

    def mark_as_sent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Note of the unsent rows that they were sent by e-mail. Return how many changed."""
        return self._of(recipient, up_to)._turn("emailed", True)

    def mark_as_unsent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Take back of the sent rows that they were sent by e-mail. Return how many changed."""
        return self._of(recipient, up_to)._turn("emailed", False)

    def recall(self, *, key: UUID | str) -> int:
        """Delete the rows of an event that nobody has read yet. Return how many.

        ``key`` is the key that the event was sent under, or its UUID.
        """
        # A snoozed row may have been read before.
        unread = _whether("unread", True) & Q(read_at__isnull=True)
        return self.of_event(key).filter(unread).delete_in_order(still=unread)

    def delete_in_order(self, *, still: Q | None = None) -> int:
        """Delete the rows, locked in the order of their primary keys as the verbs do. Return how many.

        ``still`` is what must be true of them when they are deleted, for what another process may have changed since
        they were found.
        """
        label, condition = self.model._meta.label, Q() if still is None else still
        rows = lockable(self)
        deleted = write_in_order(rows, lambda locked: locked.filter(condition).delete()[1].get(label, 0))
        self._announce(deleted)
        return deleted

    def _of(self, recipient: Any, up_to: UpTo) -> Self:
        rows = self.all()
        if recipient is not None:
            rows = rows.filter(recipient=recipient)
            rows._recipient_pk = getattr(recipient, "pk", recipient)
        if isinstance(up_to, datetime):
            rows = rows.filter(timestamp__lte=up_to)
        elif up_to is not None:
            moment: datetime = up_to.timestamp  # type: ignore[attr-defined]
            older = Q(timestamp__lt=moment) | Q(pk__lte=up_to.pk)
            rows = rows.filter(older, timestamp__lte=moment)
        return rows

    def _turn(self, column: str, value: bool) -> int:
        """Set a boolean column where it is different. Return how many rows changed."""
        return self._write(_whether(column, not value), **{column: value})

    def _write(self, still: Q, **values: Any) -> int:
        """Set these columns of the rows of which that is still true when they are locked. Return how many changed."""
        rows = lockable(self).filter(still)
        changed = write_in_order(rows, lambda locked: locked.filter(still).update(**values))
        if STATE_COLUMNS & values.keys():
            self._announce(changed)
        return changed

    # What Django's own verbs must do besides, so that read_at follows unread and no cached count outlives a change

    def update(self, **values: Any) -> int:
        """Update the rows as Django does; ``read_at`` follows ``unread``."""
        self._for_write = True
        if "read_at" not in values and "unread" in values:
            # First, because MySQL computes each assignment from the ones before it.
            values = {"read_at": _read_at(values["unread"]), **values}
        changed = super().update(**values)
        if COUNTED_COLUMNS & values.keys():
            self._announce(changed)
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows as Django does."""
        self._for_write = True
        deleted = super().delete()
        self._announce(deleted[1].get(self.model._meta.label, 0))
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[M]:
        """Insert the rows as Django does; ``read_at`` follows ``unread``."""
        rows: list[Any] = list(objs)
        for row in rows:
            row.settle_read_at()
        if update_fields and "unread" in update_fields:
            update_fields = {*update_fields, "read_at"}
        created = super().bulk_create(
            rows, batch_size, ignore_conflicts, update_conflicts, update_fields, unique_fields
        )
        changes.drop_counts([row.recipient_id for row in rows], using=self.db)
        return created

    def bulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Update the rows as Django does; ``read_at`` follows ``unread``."""
        rows: tuple[Any, ...] = tuple(objs)
        names = set(fields)
        if "unread" in names:
            names.add("read_at")
            for row in rows:
                row.settle_read_at()
        self._for_write = True
        quiet = self.all()
        quiet._is_quiet = True
        changed = super(NotificationQuerySet, quiet).bulk_update(rows, names, batch_size)
        if COUNTED_COLUMNS & names:
            self._announce(changed, {row.recipient_id for row in rows})
        return changed

    def _announce(self, changed: int, recipient_ids: set[Any] | None = None) -> None:
        """Drop the cached counts and, after commit, send ``read_state_changed``."""
        if not changed or self._is_quiet:
            return
        if recipient_ids is None:
            recipient_id = self._recipient_id()
            recipient_ids = None if recipient_id is None else {recipient_id}
        changes.drop_counts(None if recipient_ids is None else list(recipient_ids), using=self.db)
        one = recipient_ids.copy().pop() if recipient_ids and len(recipient_ids) == 1 else None
        changes.announce(self.model, one, changed, using=self.db)

    def _recipient_id(self) -> Any:
        """Return the primary key of the one recipient all rows belong to, or None where that cannot be said."""
        if self._is_mixed or self.query.combinator:
            return None
        # The related manager of a user leaves the user here.
        owners = self._known_related_objects.get(self.model._meta.get_field("recipient"), ())
        return next(iter(owners)) if len(owners) == 1 else self._recipient_pk

    # How these marks travel with the queryset

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._with_objects = self._with_objects
        clone._viewer = self._viewer
        clone._recipient_pk = self._recipient_pk
        clone._is_mixed = self._is_mixed
        clone._is_quiet = self._is_quiet
        return clone

    def __or__(self, other: Any) -> Self:
        return super().__or__(other)._mixed()

    def __xor__(self, other: Any) -> Self:
        return super().__xor__(other)._mixed()

    def _mixed(self) -> Self:
        clone = self.all()
        clone._is_mixed = True
        return clone

    def _fetch_all(self) -> None:
        fresh = self._result_cache is None
        super()._fetch_all()
        rows: Sequence[Any] = self._result_cache or ()
        if fresh and self._with_objects and rows and isinstance(rows[0], models.Model):
            attach_objects(rows, viewer=self._viewer)


def _whether(column: str, value: bool) -> Q:
    """Return the condition that a boolean column has this value, as a comparison.

    Django writes the column alone where it can, and SQLite does not look into an index for that.
    """
    return Q(**{f"{column}__in": [value]})


def _read_at(unread: Any) -> Any:
    """Return what ``read_at`` becomes when ``unread`` is set to this value, which may be an expression."""
    when_read = Coalesce("read_at", timezone.now())
    if not hasattr(unread, "resolve_expression"):
        return None if models.BooleanField().to_python(unread) else when_read
    becomes_unread = Exact(models.ExpressionWrapper(unread, models.BooleanField()), True)
    return Case(When(becomes_unread, then=None), default=when_read)
