"""The signals of the app: one goes in, two come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.dispatch import Signal


class AnySender(dict[Any, Any]):
    """What Django keeps for each sender of a signal: here, nothing.

    Django looks the sender up before any receiver sees it, although only a signal with a cache has put anything in. A
    model instance that is not saved, or that defines ``__eq__`` alone, has no hash to be looked up by.
    """

    def get(self, sender: Any, default: Any = None) -> Any:
        """Return that nothing is kept for the sender."""
        return default


class NotifySignal(Signal):
    """Django's signal, whose sender may be anything: the receiver says of it whether it can be an actor."""

    def __init__(self) -> None:
        super().__init__()
        self.sender_receivers_cache: Any = AnySender()

    def send(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """Notify the recipients. Return ``[(receiver, notifications)]``."""
        return super().send(sender, **named)

    async def asend(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """Do as :meth:`send` does."""
        return await super().asend(sender, **named)

    def send_robust(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """Do as :meth:`send` does; an error stands in the answer, in place of the notifications."""
        return super().send_robust(sender, **named)

    async def asend_robust(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """Do as :meth:`send_robust` does."""
        return await super().asend_robust(sender, **named)


#: Notify the recipients: ``notify.send(actor, verb="closed", ...)``.
#:
#: Arguments: ``sender`` (positional: the actor, a saved model instance), ``verb`` (text, at most 255 characters),
#: ``recipient`` (a user, a Group, a queryset of users, an iterable of users or of primary keys; without one the
#: actor, if it is a user), ``action_object``, ``target`` (saved model instances), ``description`` (text), ``level``
#: (one of ``Notification.LEVELS``), ``public`` (bool), ``timestamp`` (datetime, default now),
#: ``idempotency_key`` (text: the same key is the same event, sent once), ``recipient_reason`` (text, at most 32
#: characters: why they are notified, such as "mention"), ``data`` (a dict), ``actor_for_concrete_model``,
#: ``action_object_for_concrete_model``, ``target_for_concrete_model`` (bool, default True), ``fanout_chunk`` (int: so
#: many users in one statement and one transaction), ``on_progress`` (called with ``(done, total)`` users). Any other
#: keyword is what it was in the older packages: a column of theirs or of the site's own model, or else extra data.
#:
#: ``send`` and ``await asend`` return ``[(receiver, notifications)]``. They raise TypeError or ValueError, naming
#: the argument, before anything is written; ``send_robust`` and ``asend_robust`` return it in place of the rows.
notify = NotifySignal()

#: Sent after commit, once for each ``notify.send`` that wrote at least one row and ended without an error.
#:
#: Arguments: ``sender`` (the notification model), ``event`` (:class:`notifications.events.Event`),
#: ``audience_size`` (int: the rows written), ``using`` (database alias).
notified = Signal()

#: Sent after commit, once for each call of a verb that changed the read state (or the deletion) of rows; not by a
#: plain ``save()``, which does not know what was there before.
#:
#: Arguments: ``sender`` (the notification model), ``recipient_id`` (a user's primary key, or None when the call
#: reached rows of more than one recipient), ``changed`` (int: how many rows), ``using`` (database alias).
read_state_changed = Signal()
