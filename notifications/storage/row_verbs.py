"""The verbs of one row: each is the queryset's verb on the primary key of the row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import models, router, transaction

from notifications.storage.async_verbs import awaited
from notifications.storage.locking import retry
from notifications.storage.querysets import NotificationQuerySet

#: What a row takes over from the database when a verb was called on it.
REFRESHED_COLUMNS = (
    "unread", "read_at", "done_at", "saved_at", "snoozed_until", "deleted", "emailed", "inbox_at",
)  # fmt: skip


class RowVerbs(models.Model):
    """The verbs of one row. Each returns whether it changed the row that is in the database.

    It writes and locks as the queryset's verb does, judges by what the database has and not by what was loaded, and
    loads the columns of the state anew. Nothing is changed, and False returned, where the row is gone. Other columns
    that were set on the object are neither saved nor lost.
    """

    class Meta:
        abstract = True

    def mark_as_read(self, *, at: datetime | None = None) -> bool:
        """Mark this row as read, unless it is snoozed: it will come back unread."""
        return self._call(lambda rows: rows.mark_all_as_read(at=at), "unread", "read_at")

    amark_as_read = awaited(mark_as_read)

    def mark_as_unread(self) -> bool:
        """Mark this row as unread; one that was done is back in the inbox."""
        return self._call(lambda rows: rows.mark_all_as_unread(), "unread", "read_at", "done_at")

    amark_as_unread = awaited(mark_as_unread)

    def mark_as_done(self, *, at: datetime | None = None) -> bool:
        """Take this row out of the inbox for good. It is read then, and no longer snoozed."""
        columns = ("unread", "read_at", "done_at", "snoozed_until")
        return self._call(lambda rows: rows.mark_all_as_done(at=at), *columns)

    amark_as_done = awaited(mark_as_done)

    def mark_as_undone(self) -> bool:
        """Put this row back into the inbox, read."""
        return self._call(lambda rows: rows.mark_all_as_undone(), "done_at")

    amark_as_undone = awaited(mark_as_undone)

    def mark_as_saved(self, *, at: datetime | None = None) -> bool:
        """Keep this row: it is never pruned."""
        return self._call(lambda rows: rows.mark_all_as_saved(at=at), "saved_at")

    amark_as_saved = awaited(mark_as_saved)

    def mark_as_unsaved(self) -> bool:
        """Keep this row no longer than others."""
        return self._call(lambda rows: rows.mark_all_as_unsaved(), "saved_at")

    amark_as_unsaved = awaited(mark_as_unsaved)

    def snooze(self, until: datetime) -> bool:
        """Put this row out of sight until a moment, when it is unread and on top of the inbox.

        Raise ValueError for a moment that is not in the future, or is naive where times have zones.
        """
        columns = ("unread", "read_at", "done_at", "snoozed_until")
        return self._call(lambda rows: rows.snooze_all(until), *columns)

    asnooze = awaited(snooze)

    def unsnooze(self) -> bool:
        """Put a snoozed row back to where it was, done if it was done and read if it was read."""
        return self._call(lambda rows: rows.unsnooze_all(), "unread", "snoozed_until")

    aunsnooze = awaited(unsnooze)

    def mark_as_deleted(self) -> bool:
        """Hide this row. Raise ImproperlyConfigured unless SOFT_DELETE is on."""
        return self._call(lambda rows: rows.mark_all_as_deleted(), "deleted")

    amark_as_deleted = awaited(mark_as_deleted)

    def mark_as_active(self) -> bool:
        """Show this row again if it is deleted. Raise ImproperlyConfigured unless SOFT_DELETE is on."""
        return self._call(lambda rows: rows.mark_all_as_active(), "deleted")

    amark_as_active = awaited(mark_as_active)

    def mark_as_sent(self) -> bool:
        """Note that this row was sent by e-mail."""
        return self._call(lambda rows: rows.mark_all_as_sent(), "emailed")

    amark_as_sent = awaited(mark_as_sent)

    def mark_as_unsent(self) -> bool:
        """Take back that this row was sent by e-mail."""
        return self._call(lambda rows: rows.mark_all_as_unsent(), "emailed")

    amark_as_unsent = awaited(mark_as_unsent)

    def _call(self: Any, verb: Callable[[NotificationQuerySet[Any]], int], *columns: str) -> bool:
        """Call a verb on this row alone. Return whether it changed anything in these columns, and load them.

        Where somebody is to know of each row that is saved, ``save()`` is called as well, with these columns as
        ``update_fields``, in the same transaction: what it raises undoes the verb.
        """
        model = type(self)
        if self.pk is None:
            raise ValueError(f"This {model._meta.object_name} is not saved yet: save() it first.")
        using = router.db_for_write(model, instance=self)
        # The site's own verbs, if its manager has some, but not what it filters.
        found = type(model._default_manager.all())
        kind = found if issubclass(found, NotificationQuerySet) else NotificationQuerySet
        row = kind(model, using=using).filter(pk=self.pk).owned_by(self.recipient_id)

        def call() -> bool:
            changed = bool(verb(row))
            state = row.order_by().values(*REFRESHED_COLUMNS).first()
            if state is None:
                return False
            vars(self).update(state)
            if changed and model.is_saved_by_others():
                self.save(using=using, update_fields=columns)
                # Django 6.0 takes what the database computes for unknown after this.
                vars(self)["inbox_at"] = state["inbox_at"]
            return changed

        def call_at_once() -> bool:
            with transaction.atomic(using, savepoint=False):
                return call()

        return retry(call_at_once, using) if model.is_saved_by_others() else call()
