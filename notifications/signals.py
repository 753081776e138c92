"""The signals of the app: one goes in, two come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.dispatch import Signal


class NotifySignal(Signal):
    """A signal that raises a clear error for an unsaved actor.

    Django uses the sender as a key of a dict before it calls the receivers. An unsaved instance is not hashable, so the
    error would be a TypeError about hashes.
    """

    def send(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """Notify the recipients. Return ``[(receiver, notifications)]``."""
        return super().send(saved(sender), **named)

    async def asend(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """Do as :meth:`send` does."""
        return await super().asend(saved(sender), **named)


def saved(actor: Any) -> Any:
    """Return the actor. Raise ValueError when it is a model instance that is not saved."""
    if isinstance(actor, Model) and actor.pk is None:
        raise ValueError(
            f"actor must be saved before anybody is notified of it, got {actor!r} without primary key."
        )
    return actor


#: Notify the recipients: ``notify.send(actor, verb="closed", ...)``.
#:
#: Arguments: ``sender`` (positional: the actor, a saved model instance), ``verb`` (text, at most 255 characters),
#: ``recipient`` (a user, a Group, a queryset of users, an iterable of users or of primary keys; by default the
#: actor, if it is a user), ``action_object``, ``target`` (saved model instances), ``description`` (text), ``level``
#: (one of ``Notification.LEVELS``), ``public`` (bool), ``timestamp`` (datetime, default now), ``key`` (text: the
#: same key is the same event, sent once), ``reason`` (text, at most 32 characters: why they are notified, such as
#: "mention"), ``data`` (a dict), ``actor_for_concrete_model``,
#: ``action_object_for_concrete_model``, ``target_for_concrete_model`` (bool, default True), ``chunk_size`` (int: so
#: many users in one statement and one transaction), ``progress`` (called with ``(done, total)`` users). Any other
#: keyword sets the plain column of that name on every row, or goes to ``data``.
#:
#: ``send`` and ``await asend`` return ``[(receiver, notifications)]``. They raise TypeError or ValueError, naming
#: the argument, before anything is written.
notify = NotifySignal()

#: Sent after commit, once for each ``notify.send`` that wrote at least one row and ended without an error.
#:
#: Arguments: ``sender`` (the notification model), ``event`` (:class:`notifications.events.Event`),
#: ``audience_size`` (int: the rows written), ``using`` (database alias).
notified = Signal()

#: Sent after commit, once for each call of a method that changed the read state of rows or deleted rows; not by a
#: plain ``save()``, which does not know the previous state.
#:
#: Arguments: ``sender`` (the notification model), ``recipient_id`` (a user's primary key, or None when the call
#: reached rows of more than one recipient), ``changed`` (int: how many rows), ``using`` (database alias).
read_state_changed = Signal()
