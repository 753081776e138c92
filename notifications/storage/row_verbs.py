"""The methods that change one row: each calls the method of the queryset for the primary key of the row."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from inspect import Parameter, signature
from typing import Any

from django.db import models, router

from notifications.storage.async_verbs import awaited
from notifications.storage.locking import retry, writing
from notifications.storage.querysets import NotificationQuerySet
from notifications.storage.verbs import changed_by

#: The columns that are reloaded after one of the methods was called.
REFRESHED_COLUMNS = (
    "unread", "read_at", "done_at", "saved_at", "snoozed_until", "deleted", "emailed", "inbox_at",
)  # fmt: skip


def call_save(row: models.Model, using: str, **options: Any) -> None:
    """Call ``save()`` of a row with those of Django's arguments that it takes.

    The older packages called it without any, so a site may have written one that takes none. It then saves all columns.
    """
    save: Any = row.save
    names, takes_any = parameters_of(type(row).save)
    taken = {name: value for name, value in {"using": using, **options}.items() if takes_any or name in names}
    if "using" not in taken:
        # Where Django saves a row unless a router knows better.
        row._state.db = using
    save(**taken)


@lru_cache(maxsize=100)
def parameters_of(function: Any) -> tuple[frozenset[str], bool]:
    """Return the names of the parameters of a function, and whether it takes keywords of any name."""
    parameters = signature(function).parameters.values()
    takes_any = any(each.kind is Parameter.VAR_KEYWORD for each in parameters)
    return frozenset(each.name for each in parameters), takes_any


class RowVerbs(models.Model):
    """The methods that change one row. Each returns whether it changed the row in the database.

    It writes and locks like the method of the queryset, checks the state in the database instead of the loaded one, and
    reloads the columns of the state. If the row was deleted, it changes nothing and returns False. Other attributes
    that were set on the object are kept, but not saved.
    """

    class Meta:
        abstract = True

    def mark_as_read(self, *, at: datetime | None = None) -> bool:
        """Mark this row as read, unless it is snoozed: snoozed rows return unread."""
        # A queryset of a site may have the method as the older packages do, without a time.
        named = {} if at is None else {"at": at}
        return self._call("mark_all_as_read", "unread", "read_at", **named)

    amark_as_read = awaited(mark_as_read)

    def mark_as_unread(self) -> bool:
        """Mark this row as unread, which moves it back to the inbox if it was done."""
        return self._call("mark_all_as_unread", "unread", "read_at", "done_at")

    amark_as_unread = awaited(mark_as_unread)

    def mark_as_done(self, *, at: datetime | None = None) -> bool:
        """Mark this row as done, which removes it from the inbox, as read and as not snoozed."""
        columns = ("unread", "read_at", "done_at", "snoozed_until")
        return self._call("mark_all_as_done", *columns, at=at)

    amark_as_done = awaited(mark_as_done)

    def mark_as_undone(self) -> bool:
        """Move this row back to the inbox, as read."""
        return self._call("mark_all_as_undone", "done_at")

    amark_as_undone = awaited(mark_as_undone)

    def mark_as_saved(self, *, at: datetime | None = None) -> bool:
        """Save this row, so that it is never pruned."""
        return self._call("mark_all_as_saved", "saved_at", at=at)

    amark_as_saved = awaited(mark_as_saved)

    def mark_as_unsaved(self) -> bool:
        """Mark this row as not saved."""
        return self._call("mark_all_as_unsaved", "saved_at")

    amark_as_unsaved = awaited(mark_as_unsaved)

    def snooze(self, until: datetime) -> bool:
        """Hide this row until a time, when it returns to the top of the inbox, unread.

        Raise ValueError for a time that is not in the future, or that is naive while ``USE_TZ`` is on.
        """
        columns = ("unread", "read_at", "done_at", "snoozed_until")
        return self._call("snooze_all", *columns, until=until)

    asnooze = awaited(snooze)

    def unsnooze(self) -> bool:
        """Restore a snoozed row to its previous state, done or read."""
        return self._call("unsnooze_all", "unread", "snoozed_until")

    aunsnooze = awaited(unsnooze)

    def mark_as_deleted(self) -> bool:
        """Mark this row as deleted. Raise ImproperlyConfigured unless SOFT_DELETE is on."""
        return self._call("mark_all_as_deleted", "deleted")

    amark_as_deleted = awaited(mark_as_deleted)

    def mark_as_active(self) -> bool:
        """Restore this row if it is soft-deleted. Raise ImproperlyConfigured unless SOFT_DELETE is on."""
        return self._call("mark_all_as_active", "deleted")

    amark_as_active = awaited(mark_as_active)

    def mark_as_sent(self) -> bool:
        """Mark this row as sent by e-mail."""
        return self._call("mark_all_as_sent", "emailed")

    amark_as_sent = awaited(mark_as_sent)

    def mark_as_unsent(self) -> bool:
        """Mark this row as not sent by e-mail."""
        return self._call("mark_all_as_unsent", "emailed")

    amark_as_unsent = awaited(mark_as_unsent)

    def _call(self: Any, verb: str, *columns: str, **named: Any) -> bool:
        """Call a queryset method for this row. Return whether it changed the row, and reload the columns of the state.

        If rows must be saved one by one, ``save()`` is called as well, with these columns as ``update_fields``, in the
        same transaction. An exception from it undoes the change.
        """
        model = type(self)
        if self.pk is None:
            raise ValueError(f"This {model._meta.object_name} is not saved yet. Call save() first.")
        using = router.db_for_write(model, instance=self)
        # The queryset class of the default manager, which may override the methods, but without its filters.
        found = type(model._default_manager.all())
        kind = found if issubclass(found, NotificationQuerySet) else NotificationQuerySet
        row = kind(model, using=using).filter(pk=self.pk).owned_by(self.recipient_id)

        def call() -> bool:
            changed = bool(changed_by(verb, row, **named))
            state = row.order_by().values(*REFRESHED_COLUMNS).first()
            if state is None:
                return False
            vars(self).update(state)
            if changed and model.is_saved_by_others():
                call_save(self, using, update_fields=columns)
                # Django 6.0 discards the value of a generated column in save().
                vars(self)["inbox_at"] = state["inbox_at"]
            return changed

        def call_at_once() -> bool:
            with writing(using, savepoint=False):
                return call()

        return retry(call_at_once, using) if model.is_saved_by_others() else call()
