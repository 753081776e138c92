"""The verbs of the queryset: each writes the rows that are not yet what it says, and returns how many that were."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from notifications.conf import settings
from notifications.storage import changes
from notifications.storage.async_verbs import awaited
from notifications.storage.expressions import CurrentMoment, judge_moment
from notifications.storage.locking import lockable, unsliced, write_in_order
from notifications.storage.states import DONE, IS_MARKED_UNREAD, IS_TO_COME, READ, SAVED, SNOOZED, whether

if TYPE_CHECKING:
    from typing_extensions import Self

M = TypeVar("M", bound=models.Model)

#: The last row, or the last moment, that a verb reaches.
UpTo: TypeAlias = "models.Model | datetime | None"

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


class VerbsQuerySet(models.QuerySet[M]):
    """The verbs, and what they need to know of the queryset that they are called on.

    Each takes a ``recipient`` (a user or a primary key) to narrow the rows, and ``up_to`` (a notification or a moment)
    to leave alone what came after it. Those that note a moment take it as ``at``, by default now.
    """

    #: Whose rows these are where a verb was given a recipient.
    _recipient_pk: Any = None
    #: Whether the rows of one user were mixed with others, and whether the caller announces what changes.
    _is_mixed = False
    _is_quiet = False
    _known_related_objects: dict[Any, dict[Any, Any]]

    def mark_all_as_read(
        self, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Mark the unread rows, soft-deleted ones included, as read. Return how many changed.

        What is still to come, because it is snoozed or has a later timestamp, is left as it is.
        """
        still = IS_MARKED_UNREAD & ~IS_TO_COME
        return self._of(recipient, up_to).write(still, read_at=at or timezone.now(), unread=False)

    amark_all_as_read = awaited(mark_all_as_read)

    def mark_all_as_unread(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Mark the read rows, soft-deleted ones included, as unread, and so not done. Return how many changed."""
        return self._of(recipient, up_to).write(READ.condition(), unread=True, done_at=None)

    amark_all_as_unread = awaited(mark_all_as_unread)

    def mark_all_as_done(
        self, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Take the rows out of the inbox for good; they are read then, and not snoozed. Return how many changed."""
        moment = at or timezone.now()
        # The moment of reading goes first, because MySQL computes each assignment from the ones before it.
        read_at = Case(When(IS_MARKED_UNREAD, then=Value(moment)), default=F("read_at"))
        return self._of(recipient, up_to).write(
            ~DONE.condition(), read_at=read_at, unread=False, done_at=moment, snoozed_until=None
        )

    amark_all_as_done = awaited(mark_all_as_done)

    def mark_all_as_undone(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Put the rows that are done back into the inbox, read. Return how many changed."""
        return self._of(recipient, up_to).write(DONE.condition(), done_at=None)

    amark_all_as_undone = awaited(mark_all_as_undone)

    def mark_all_as_saved(
        self, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Keep the rows: they are never pruned. Return how many changed."""
        return self._of(recipient, up_to).write(~SAVED.condition(), saved_at=at or timezone.now())

    amark_all_as_saved = awaited(mark_all_as_saved)

    def mark_all_as_unsaved(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Keep the rows no longer than others. Return how many changed."""
        return self._of(recipient, up_to).write(SAVED.condition(), saved_at=None)

    amark_all_as_unsaved = awaited(mark_all_as_unsaved)

    def snooze_all(self, until: datetime, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Put the rows out of sight until a moment, when they are unread and on top. Return how many changed.

        Raise ValueError for a moment that is not in the future, or is naive where times have zones.
        """
        judge_moment(until)
        # What was read or done before, and may be snoozed since, keeps when: unsnooze_all() says what it was.
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
        """Put the snoozed rows back to where they were, done or read if they were. Return how many changed."""
        was_unread = Case(When(read_at__isnull=True, then=Value(True)), default=Value(False))
        return self._of(recipient, up_to).write(
            SNOOZED.condition(), read_at=F("read_at"), unread=was_unread, snoozed_until=None
        )

    aunsnooze_all = awaited(unsnooze_all)

    def mark_all_as_deleted(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Hide the active rows. Return how many changed.

        Raise ImproperlyConfigured unless SOFT_DELETE is on.
        """
        assert_soft_delete()
        return self._of(recipient, up_to)._turn("deleted", True)

    amark_all_as_deleted = awaited(mark_all_as_deleted)

    def mark_all_as_active(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Show the deleted rows again. Return how many changed.

        Raise ImproperlyConfigured unless SOFT_DELETE is on.
        """
        assert_soft_delete()
        return self._of(recipient, up_to)._turn("deleted", False)

    amark_all_as_active = awaited(mark_all_as_active)

    def mark_all_as_sent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Note of the unsent rows that they were sent by e-mail. Return how many changed."""
        return self._of(recipient, up_to)._turn("emailed", True)

    amark_all_as_sent = awaited(mark_all_as_sent)

    def mark_all_as_unsent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Take back of the sent rows that they were sent by e-mail. Return how many changed."""
        return self._of(recipient, up_to)._turn("emailed", False)

    amark_all_as_unsent = awaited(mark_all_as_unsent)

    # The older packages' names of two of them

    def mark_as_sent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`mark_all_as_sent` does."""
        return self.mark_all_as_sent(recipient, up_to=up_to)

    def mark_as_unsent(self, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`mark_all_as_unsent` does."""
        return self.mark_all_as_unsent(recipient, up_to=up_to)

    def _of(self, recipient: Any, up_to: UpTo) -> Self:
        rows = unsliced(self).owned_by(self._recipient_id()) if self.query.is_sliced else self.all()
        if recipient is not None:
            rows = rows.filter(recipient=recipient).owned_by(recipient)
        if isinstance(up_to, datetime):
            rows = rows.filter(timestamp__lte=up_to)
        elif up_to is not None:
            moment: datetime = up_to.timestamp  # type: ignore[attr-defined]
            older = Q(timestamp__lt=moment) | Q(pk__lte=up_to.pk)
            rows = rows.filter(older, timestamp__lte=moment)
        return rows

    def _turn(self, column: str, value: bool) -> int:
        """Set a boolean column where it is different. Return how many rows changed."""
        return self.write(whether(column, not value), **{column: value})

    def write(self, still: Q, **values: Any) -> int:
        """Set these columns of the rows of which that is still true when they are locked. Return how many changed."""
        rows = lockable(self).filter(still)
        changed = write_in_order(rows, lambda locked: locked.filter(still).update(**values))
        if STATE_COLUMNS & values.keys():
            self.announce(changed)
        return changed

    write.queryset_only = True  # type: ignore[attr-defined]

    def announce(self, changed: int, recipient_ids: set[Any] | None = None) -> None:
        """Drop the cached counts and, after commit, send ``read_state_changed``: so many of the rows changed."""
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
        """Return the primary key of the one recipient all rows belong to, or None where that cannot be said."""
        if self._is_mixed or self.query.combinator:
            return None
        # The related manager of a user leaves the user here.
        owners = self._known_related_objects.get(self.model._meta.get_field("recipient"), ())
        return next(iter(owners)) if len(owners) == 1 else self._recipient_pk

    # How these marks travel with the queryset

    def quietly(self) -> Self:
        """Return the same rows as a queryset that announces nothing: the caller does, with :meth:`announce`."""
        clone = self.all()
        clone._is_quiet = True
        return clone

    quietly.queryset_only = True  # type: ignore[attr-defined]

    def owned_by(self, recipient: Any) -> Self:
        """Return the same rows as a queryset that knows whose they all are: a user or a primary key."""
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
