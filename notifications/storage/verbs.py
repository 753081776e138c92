"""The queryset methods that change rows: each changes only the rows that differ, and returns their number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.manager import BaseManager
from django.utils import timezone

from notifications.conf import settings
from notifications.objects.fetch import is_numbered, key_field
from notifications.storage import changes
from notifications.storage.async_verbs import awaited
from notifications.storage.expressions import CurrentMoment, judge_moment
from notifications.storage.locking import lockable, write_in_order
from notifications.storage.states import DONE, IS_MARKED_UNREAD, IS_TO_COME, READ, SAVED, SNOOZED, whether

if TYPE_CHECKING:
    from typing_extensions import Self

M = TypeVar("M", bound=models.Model)

#: The last row, or the last time, that a method changes.
UpTo: TypeAlias = "models.Model | datetime | None"

#: The columns that determine whether and where a row is shown, and so whether it is counted as unread.
COUNTED_COLUMNS = {"recipient", "recipient_id", "unread", "deleted", "done_at", "snoozed_until", "timestamp"}
#: These columns, and the one that only determines whether the row is saved.
STATE_COLUMNS = COUNTED_COLUMNS | {"saved_at"}


def is_soft_delete() -> bool:
    """Return whether rows are only marked as deleted (setting ``SOFT_DELETE``)."""
    return settings.SOFT_DELETE


def assert_soft_delete() -> None:
    """Raise ImproperlyConfigured unless ``SOFT_DELETE`` is on."""
    if not settings.SOFT_DELETE:
        raise ImproperlyConfigured(
            "deleted(), active(), mark_all_as_deleted() and mark_all_as_active() need soft deletion: "
            'set NOTIFICATIONS["SOFT_DELETE"] = True.'
        )


def judge_recipient(recipient: Any) -> None:
    """Raise TypeError unless this is a saved user or can be the primary key of one."""
    user_model = get_user_model()
    if isinstance(recipient, models.Model):
        if isinstance(recipient, user_model._meta.concrete_model) and recipient.pk is not None:  # type: ignore[arg-type]
            return
    elif isinstance(recipient, str) or not (
        isinstance(recipient, (bool, float, Iterable, BaseManager)) or hasattr(recipient, "is_anonymous")
    ):
        try:
            key_field(user_model).to_python(recipient)
        except (ValidationError, ValueError, TypeError):
            pass
        else:
            return
    raise TypeError(
        f"recipient must be a saved user or the primary key of a user, got {recipient!r}. For other values, filter "
        f"first: filter(recipient__{user_model.USERNAME_FIELD}=...) or, for several users, filter(recipient__in=...)."
    )


def arrived_after(row: Any, model: type[models.Model]) -> Q:
    """Return the condition of the rows that arrived after a row: those with a higher number, whatever their timestamp.

    If the primary keys of the model are not numbers, nobody knows, and the timestamps decide. Raise TypeError for
    anything but a saved row.
    """
    kind: Any = model._meta.concrete_model
    if not isinstance(row, kind) or row.pk is None:
        raise TypeError(f"since() and up_to= take a saved notification or a datetime, got {row!r}.")
    if is_numbered(row.__class__):
        return Q(pk__gt=row.pk)
    same = Q(timestamp__exact=row.timestamp)
    return Q(timestamp__gt=row.timestamp) | same & Q(pk__gt=row.pk)


def changed_by(verb: str, rows: models.QuerySet[Any], *arguments: Any, **named: Any) -> int:
    """Call a method of a queryset that changes its rows, or ``update`` or ``delete``. Return their number, no cascades.

    A method of the site's own may return only a number, or nothing: then all rows count.
    """
    method = getattr(type(rows), verb)
    is_ours = getattr(method, "__module__", "").startswith("notifications.storage.")
    number = 0 if is_ours else rows.count()
    answer = getattr(rows, verb)(*arguments, **named)
    if isinstance(answer, tuple):
        answer = answer[1].get(rows.model._meta.label, 0)
    return number if answer is None else int(answer)


class VerbsQuerySet(models.QuerySet[M]):
    """The methods that change rows, and what they need to know about their queryset.

    Each takes ``recipient`` (a user or a primary key) to change only the rows of this user, and ``up_to`` to leave
    newer rows as they are: those that arrived after a notification, or that have a ``timestamp`` after a time. Those
    that store a time take it as ``at``, by default now.
    """

    #: The primary key of the recipient of all rows, if a method was called with a recipient.
    _recipient_pk: Any = None
    #: Whether the rows of one user were combined with others, and whether the caller announces the changes.
    _is_mixed = False
    _is_quiet = False
    _known_related_objects: dict[Any, dict[Any, Any]]

    def mark_all_as_read(
        self, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Mark the unread rows as read, also soft-deleted ones. Return the number of changes.

        Rows that are snoozed or that have a ``timestamp`` in the future are not changed.
        """
        still = IS_MARKED_UNREAD & ~IS_TO_COME
        return self._of(recipient, up_to).write(still, read_at=at or timezone.now(), unread=False)

    amark_all_as_read = awaited(mark_all_as_read)

    def mark_all_as_unread(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Mark the read rows as unread and not done, also soft-deleted ones. Return the number of changes."""
        return self._of(recipient, up_to).write(READ.condition(), unread=True, done_at=None)

    amark_all_as_unread = awaited(mark_all_as_unread)

    def mark_all_as_done(
        self, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Mark the rows as done, which removes them from the inbox, as read and as not snoozed.

        Return the number of changes.
        """
        moment = at or timezone.now()
        # read_at goes first, because MySQL computes each assignment from the ones before it.
        read_at = Case(When(IS_MARKED_UNREAD, then=Value(moment)), default=F("read_at"))
        return self._of(recipient, up_to).write(
            ~DONE.condition(), read_at=read_at, unread=False, done_at=moment, snoozed_until=None
        )

    amark_all_as_done = awaited(mark_all_as_done)

    def mark_all_as_undone(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Move the rows that are done back to the inbox, as read. Return the number of changes."""
        return self._of(recipient, up_to).write(DONE.condition(), done_at=None)

    amark_all_as_undone = awaited(mark_all_as_undone)

    def mark_all_as_saved(
        self, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Save the rows, so that they are never pruned. Return the number of changes."""
        return self._of(recipient, up_to).write(~SAVED.condition(), saved_at=at or timezone.now())

    amark_all_as_saved = awaited(mark_all_as_saved)

    def mark_all_as_unsaved(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Mark the rows as not saved. Return the number of changes."""
        return self._of(recipient, up_to).write(SAVED.condition(), saved_at=None)

    amark_all_as_unsaved = awaited(mark_all_as_unsaved)

    def snooze_all(self, until: datetime, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Hide the rows until a time, when they return to the top of the inbox, unread. Return the number of changes.

        Raise ValueError for a time that is not in the future, or that is naive while ``USE_TZ`` is on.
        """
        until = judge_moment(until)
        # Rows that were read or done before keep these times, so that unsnooze_all() can restore their state.
        was_unread = IS_MARKED_UNREAD & ~SNOOZED.condition()
        has_come_back = Q(snoozed_until__lte=CurrentMoment())
        return self._of(recipient, up_to).write(
            ~Q(snoozed_until=until),
            read_at=Case(When(was_unread, then=None), default=F("read_at")),
            done_at=Case(When(has_come_back, then=None), default=F("done_at")),
            unread=True,
            snoozed_until=until,
        )

    asnooze_all = awaited(snooze_all)

    def unsnooze_all(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Restore the snoozed rows to their previous state, done or read. Return the number of changes."""
        was_unread = Case(When(read_at__isnull=True, then=Value(True)), default=Value(False))
        return self._of(recipient, up_to).write(
            SNOOZED.condition(), read_at=F("read_at"), unread=was_unread, snoozed_until=None
        )

    aunsnooze_all = awaited(unsnooze_all)

    def mark_all_as_deleted(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Mark the active rows as deleted. Return the number of changes.

        Raise ImproperlyConfigured unless SOFT_DELETE is on.
        """
        assert_soft_delete()
        return self._of(recipient, up_to)._turn("deleted", True)

    amark_all_as_deleted = awaited(mark_all_as_deleted)

    def mark_all_as_active(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Restore the soft-deleted rows. Return the number of changes.

        Raise ImproperlyConfigured unless SOFT_DELETE is on.
        """
        assert_soft_delete()
        return self._of(recipient, up_to)._turn("deleted", False)

    amark_all_as_active = awaited(mark_all_as_active)

    def mark_all_as_sent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Mark the unsent rows as sent by e-mail. Return the number of changes."""
        return self._of(recipient, up_to)._turn("emailed", True)

    amark_all_as_sent = awaited(mark_all_as_sent)

    def mark_all_as_unsent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Mark the sent rows as not sent by e-mail. Return the number of changes."""
        return self._of(recipient, up_to)._turn("emailed", False)

    amark_all_as_unsent = awaited(mark_all_as_unsent)

    # The names of the older packages for two of them

    def mark_as_sent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do the same as :meth:`mark_all_as_sent`, under its older name."""
        return self.mark_all_as_sent(recipient, up_to=up_to)

    def mark_as_unsent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do the same as :meth:`mark_all_as_unsent`, under its older name."""
        return self.mark_all_as_unsent(recipient, up_to=up_to)

    def _of(self, recipient: Any, up_to: UpTo) -> Self:
        # First, because a further filter of a choice would choose among fewer rows, and a union takes none.
        rows = lockable(self.all()).owned_by(self._recipient_id())
        rows = rows.quietly() if self._is_quiet else rows
        if recipient is not None:
            judge_recipient(recipient)
            rows = rows.filter(recipient=recipient).owned_by(recipient)
        if isinstance(up_to, datetime):
            rows = rows.filter(timestamp__lte=up_to)
        elif up_to is not None:
            rows = rows.filter(~arrived_after(up_to, self.model))
        return rows

    def _turn(self, column: str, value: bool) -> int:
        """Set a boolean column where it is different. Return how many rows changed."""
        return self.write(whether(column, not value), **{column: value})

    def write(self, still: Q, **values: Any) -> int:
        """Set these columns of the rows that still match the condition when locked. Return the number of changes."""
        rows = lockable(self).filter(still)
        changed = write_in_order(rows, lambda locked: changed_by("update", locked.filter(still), **values))
        if STATE_COLUMNS & values.keys():
            self.announce(changed)
        return changed

    write.queryset_only = True  # type: ignore[attr-defined]

    def announce(self, changed: int, recipient_ids: set[Any] | None = None) -> None:
        """Clear the cached counts and send ``read_state_changed`` with this number of changes, after the commit."""
        if not changed or self._is_quiet:
            return
        if recipient_ids is None:
            recipient_id = self._recipient_id()
            recipient_ids = None if recipient_id is None else {recipient_id}
        changes.drop_counts(None if recipient_ids is None else list(recipient_ids), using=self.db)
        one = recipient_ids.copy().pop() if recipient_ids and len(recipient_ids) == 1 else None
        changes.announce(self.model, one, changed, using=self.db)

    announce.queryset_only = True  # type: ignore[attr-defined]

    def _recipient_id(self) -> Any:
        """Return the primary key of the recipient of all rows, or None if it is not known to be only one."""
        if self._is_mixed or self.query.combinator:
            return None
        # The related manager of a user leaves the user here.
        owners = self._known_related_objects.get(self.model._meta.get_field("recipient"), ())
        return next(iter(owners)) if len(owners) == 1 else self._recipient_pk

    # How these marks travel with the queryset

    def quietly(self) -> Self:
        """Return the same rows as a queryset that does not announce changes. The caller does, by :meth:`announce`."""
        clone = self.all()
        clone._is_quiet = True
        return clone

    quietly.queryset_only = True  # type: ignore[attr-defined]

    def owned_by(self, recipient: Any) -> Self:
        """Return the same rows as a queryset that knows their common recipient, a user or a primary key."""
        clone = self.all()
        clone._recipient_pk = getattr(recipient, "pk", recipient)
        return clone

    owned_by.queryset_only = True  # type: ignore[attr-defined]

    def _mixed(self) -> Self:
        clone = self.all()
        clone._is_mixed = True
        return clone

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._recipient_pk = self._recipient_pk
        clone._is_mixed = self._is_mixed
        clone._is_quiet = self._is_quiet
        return clone

    def __or__(self, other: Any) -> Self:
        return super().__or__(other)._mixed()

    def __xor__(self, other: Any) -> Self:
        return super().__xor__(other)._mixed()
