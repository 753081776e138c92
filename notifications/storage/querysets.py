"""The queryset of notifications: adjectives filter, verbs write."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Case, Q, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils import timezone

from notifications.events import OBJECTS, event_uuid
from notifications.objects.fetch import content_type_ids, stored_key
from notifications.objects.keys import OWNER, attach_objects
from notifications.storage import changes
from notifications.storage.async_verbs import awaited
from notifications.storage.locking import lockable, retry, write_in_order
from notifications.storage.states import (
    DONE,
    INBOX,
    IS_IN_INBOX,
    IS_MARKED_UNREAD,
    READ,
    SAVED,
    SNOOZED,
    UNREAD,
    VISIBLE,
    newest_first,
    oldest_first,
)
from notifications.storage.verbs import (
    COUNTED_COLUMNS,
    VerbsQuerySet,
    arrived_after,
    assert_soft_delete,
    changed_by,
    is_soft_delete,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NotificationQuerySet", "assert_soft_delete", "is_soft_delete"]

M = TypeVar("M", bound=models.Model)


class NotificationQuerySet(VerbsQuerySet[M]):
    """Notifications of one or many recipients. ``user.notifications`` has the same methods."""

    #: Whether the objects come with the rows.
    _with_objects = False
    #: The user who looks at the rows.
    _viewer: Any = OWNER

    # Adjectives

    def unread(self, include_deleted: bool = False) -> Self:
        """Return the unread rows in the inbox; with SOFT_DELETE without deleted ones by default."""
        return self._visible(include_deleted).filter(UNREAD.condition())

    def read(self, include_deleted: bool = False) -> Self:
        """Return the read rows; with SOFT_DELETE without deleted ones by default."""
        return self._visible(include_deleted).filter(READ.condition())

    def inbox(self) -> Self:
        """Return the rows that are neither done nor snoozed; with SOFT_DELETE without deleted ones."""
        return self.visible().filter(INBOX.condition())

    def done(self) -> Self:
        """Return the rows that are marked as done, latest first."""
        return self.visible().filter(DONE.condition()).order_by(*newest_first("done_at"))

    def saved(self) -> Self:
        """Return the saved rows, also those that are done or snoozed, latest first."""
        return self.visible().filter(SAVED.condition()).order_by(*newest_first("saved_at"))

    def snoozed(self) -> Self:
        """Return the snoozed rows, ordered by the time of their return."""
        return self.visible().filter(SNOOZED.condition()).order_by(*oldest_first("inbox_at"))

    def deleted(self) -> Self:
        """Return the soft-deleted rows. Raise ImproperlyConfigured unless SOFT_DELETE is on."""
        assert_soft_delete()
        return self.filter(deleted=True)

    def active(self) -> Self:
        """Return the rows that are not soft-deleted. Raise ImproperlyConfigured unless SOFT_DELETE is on."""
        assert_soft_delete()
        return self.filter(deleted=False)

    def visible(self) -> Self:
        """Return the rows that a user may see: all rows, or with SOFT_DELETE the active ones."""
        return self._visible(include_deleted=False)

    def sent(self) -> Self:
        """Return the rows that were sent by e-mail."""
        return self.filter(emailed=True)

    def unsent(self) -> Self:
        """Return the rows that were not sent by e-mail."""
        return self.filter(emailed=False)

    def about(self, obj: models.Model, *, as_: Iterable[str] = OBJECTS) -> Self:
        """Return the rows in which ``obj`` is the actor, the action object or the target, or only one of ``as_``."""
        if not isinstance(obj, models.Model):
            raise TypeError(
                f"about() takes one saved object, such as about(issue), got {obj!r}. "
                "For several objects, combine the querysets: about(first) | about(second)."
            )
        if obj.pk is None:
            raise ValueError(f"about() takes a saved object, got {obj!r}.")
        types, text = content_type_ids(obj, self.db), stored_key(obj)
        match = Q()
        for name in as_:
            key: Any = self.model._meta.get_field(name)
            match |= Q(**{f"{key.ct_field}__in": types, key.fk_field: text})
        return self.filter(match)

    def of_event(self, event: UUID | str) -> Self:
        """Return the rows of one event, given by its UUID or by the key with which it was sent."""
        return self.filter(event=event if isinstance(event, UUID) else event_uuid(event))

    def since(self, last: models.Model | datetime) -> Self:
        """Return the rows of the inbox that are newer than a notification or a time.

        After a notification: those that arrived after it, whatever their ``timestamp``, if primary keys are numbers.
        Rows that were committed after it, but numbered before, are not among them.

        After a time: those that entered the inbox, or returned to it, since then. This compares ``inbox_at``: the
        ``timestamp`` of a row, which can be set by the sender, or the time when its snooze ended.
        """
        if isinstance(last, datetime):
            return self.filter(IS_IN_INBOX, inbox_at__gt=last)
        return self.filter(IS_IN_INBOX, arrived_after(last, self.model))

    def with_level(self, *levels: str) -> Self:
        """Return the rows of one of these levels. Raise ValueError for a level that the model does not have."""
        known = levels_of(self.model)
        if not levels or not all(level in [*known] for level in levels):
            raise ValueError(f"with_level() takes one or more of {', '.join(known)}, got {levels!r}.")
        return self.filter(level__in=levels)

    def with_objects(self, *, viewer: Any = OWNER) -> Self:
        """Prefetch actors, action objects and targets: one query for each content type among them.

        A deleted object is None and does not affect the others. ``iterator()`` does not prefetch. ``viewer`` is the
        user who looks at the objects, by default the recipient of each row; None sees everything.
        """
        clone = self.all()
        clone._with_objects = True
        clone._viewer = viewer
        return clone

    def _without_objects(self) -> Self:
        """Return the rows without their objects: the caller attaches those that it shows."""
        clone = self.all()
        clone._with_objects = False
        return clone

    def _visible(self, include_deleted: bool) -> Self:
        return self.all() if include_deleted else self.filter(VISIBLE.condition())

    # Verbs that delete; the others are in VerbsQuerySet

    def recall(self, *, key: UUID | str) -> int:
        """Delete the unread rows of an event. Return their number.

        ``key`` is the key with which the event was sent, or its UUID.
        """
        # A snoozed row may have been read before.
        unread = IS_MARKED_UNREAD & Q(read_at__isnull=True)
        return self.of_event(key).filter(unread).delete_in_order(still=unread)

    arecall = awaited(recall)

    def delete_in_order(self, *, still: Q | None = None) -> int:
        """Delete the rows, locked in the order of their primary keys. Return their number.

        ``still`` is a condition that is checked again when the rows are locked, because another process may have
        changed them in the meantime.
        """
        condition = Q() if still is None else still
        rows = lockable(self)
        deleted = write_in_order(rows, lambda locked: changed_by("delete", locked.filter(condition)))
        self.announce(deleted)
        return deleted

    # What Django's own verbs must do besides, so that read_at follows unread and no cached count outlives a change

    def update(self, **values: Any) -> int:
        """Update the rows as Django does; ``read_at`` follows ``unread``.

        Outside a transaction, retry after a deadlock.
        """
        self._for_write = True
        if "read_at" not in values and "unread" in values:
            # First, because MySQL computes each assignment from the ones before it.
            values = {"read_at": _read_at(values["unread"]), **values}
        changed = retry(partial(super().update, **values), self.db)
        if COUNTED_COLUMNS & values.keys():
            self._announce_update(changed, values.get("recipient", values.get("recipient_id")))
        return changed

    def _announce_update(self, changed: int, recipient: Any) -> None:
        """Announce an update, which may have moved the rows to another recipient, a user, a key or an expression."""
        owner = self._recipient_id()
        if hasattr(recipient, "resolve_expression"):
            self._mixed().announce(changed)
        elif recipient is None or owner is None:
            self.announce(changed)
        else:
            self.announce(changed, {owner, getattr(recipient, "pk", recipient)})

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows as Django does. Outside a transaction, retry after a deadlock."""
        self._for_write = True
        deleted = retry(super().delete, self.db)
        self.announce(deleted[1].get(self.model._meta.label, 0))
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
        owners = [changes.recipients_of_change(row) for row in rows]
        # A row that was there may have been anybody's.
        is_known = not update_conflicts and None not in owners
        changes.drop_counts(set().union(*owners) if is_known else None, using=self.db)  # type: ignore[arg-type]
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
        changed = super(NotificationQuerySet, self.quietly()).bulk_update(rows, names, batch_size)
        if COUNTED_COLUMNS & names:
            owners: list[Any] = [changes.recipients_of_change(row) for row in rows]
            if None in owners:
                self._mixed().announce(changed)
            else:
                self.announce(changed, set().union(*owners))
        return changed

    # How the mark travels with the queryset, and what it does

    def _clone(self) -> Self:
        clone = super()._clone()
        clone._with_objects = self._with_objects
        clone._viewer = self._viewer
        return clone

    def _fetch_all(self) -> None:
        fresh = self._result_cache is None
        super()._fetch_all()
        rows: Sequence[Any] = self._result_cache or ()
        if fresh and self._with_objects and rows and isinstance(rows[0], models.Model):
            attach_objects(rows, viewer=self._viewer)


def levels_of(model: Any) -> dict[Any, Any]:
    """Return the levels of a model with their labels: those of ``LEVELS``, and the choices of the column.

    Both may be the site's own: Django's ``TextChoices``, or pairs, which may be in groups.
    """
    pairs = getattr(model.LEVELS, "choices", model.LEVELS)
    return {**dict(pairs), **dict(model._meta.get_field("level").flatchoices)}


def _read_at(unread: Any) -> Any:
    """Return what ``read_at`` becomes when ``unread`` is set to this value, which may be an expression."""
    when_read = Coalesce("read_at", timezone.now())
    if not hasattr(unread, "resolve_expression"):
        return None if models.BooleanField().to_python(unread) else when_read
    becomes_unread = Exact(models.ExpressionWrapper(unread, models.BooleanField()), True)
    return Case(When(becomes_unread, then=None), default=when_read)
