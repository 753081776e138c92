"""The signals of the app: one goes in, two come out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from asgiref.sync import sync_to_async
from django.dispatch import Signal

if TYPE_CHECKING:
    from typing import TypeAlias

    from django.db import models
    from django.utils.functional import Promise

    from notifications.sending.result import Notifications
    from notifications.storage.notification import AbstractNotification

    #: What ``notify.send`` returns: for each receiver its response, which is the rows of the event.
    Sent: TypeAlias = list[tuple[Callable[..., Any], Notifications[AbstractNotification]]]
    #: What ``notify.send_robust`` returns: an error can stand in place of the rows.
    RobustlySent: TypeAlias = list[tuple[Callable[..., Any], Notifications[AbstractNotification] | Exception]]

R_co = TypeVar("R_co", covariant=True)


class Send(Protocol[R_co]):
    """The arguments of ``notify.send``, for type checkers and editors. At run time, the receiver validates them."""

    def __call__(
        self,
        sender: Any,
        *,
        verb: str | Promise,
        recipient: models.Model | Iterable[Any] | None = None,
        action_object: models.Model | None = None,
        target: models.Model | None = None,
        description: object = None,
        level: str | None = None,
        public: bool = True,
        timestamp: date | str | None = None,
        idempotency_key: str | None = None,
        recipient_reason: str | None = None,
        data: object = None,
        fanout_chunk: int | None = None,
        on_progress: Callable[[int, int | None], object] | None = None,
        actor_for_concrete_model: bool = True,
        action_object_for_concrete_model: bool = True,
        target_for_concrete_model: bool = True,
        **extra: Any,
    ) -> R_co:
        """Notify the recipients that the sender, who is the actor, did something."""


class AnySender(dict[Any, Any]):
    """The cache of receivers of Django's signal, always empty: senders do not have to be hashable.

    Django looks up each sender in it before it calls a receiver, even if the signal does not use the cache. An unsaved
    model instance, or one whose class defines ``__eq__`` but no ``__hash__``, is not hashable.
    """

    def get(self, sender: Any, default: Any = None) -> Any:
        """Return the default: nothing is cached."""
        return default


async def with_rows(responses: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return the responses of receivers, with their rows loaded: async code cannot query when it accesses them."""
    for _, response in responses:
        # A receiver of the site's can return anything.
        if (load := getattr(response, "load_few", None)) is not None:
            await sync_to_async(load)()
    return responses


class NotifySignal(Signal):
    """A signal whose sender can be any value. The receiver validates it."""

    def __init__(self) -> None:
        super().__init__()
        self.sender_receivers_cache: Any = AnySender()

    if TYPE_CHECKING:
        # One signature for all four, which Django's Signal gives as **named.
        send: Send[Sent]  # type: ignore[assignment]
        asend: Send[Coroutine[Any, Any, Sent]]  # type: ignore[assignment]
        send_robust: Send[RobustlySent]  # type: ignore[assignment]
        asend_robust: Send[Coroutine[Any, Any, RobustlySent]]  # type: ignore[assignment]

    else:

        def send(self, sender: Any, **named: Any) -> Any:
            """Notify the recipients. Return ``[(receiver, notifications)]``."""
            return super().send(sender, **named)

        async def asend(self, sender: Any, **named: Any) -> Any:
            """Do as :meth:`send` does."""
            return await with_rows(await super().asend(sender, **named))

        def send_robust(self, sender: Any, **named: Any) -> Any:
            """Do as :meth:`send` does, but return an error in place of the notifications."""
            return super().send_robust(sender, **named)

        async def asend_robust(self, sender: Any, **named: Any) -> Any:
            """Do as :meth:`send_robust` does."""
            return await with_rows(await super().asend_robust(sender, **named))


#: Notify the recipients: ``notify.send(actor, verb="closed", ...)``.
#:
#: Arguments: ``sender`` (positional: the actor, a saved model instance), ``verb`` (text, at most 255 characters),
#: ``recipient`` (a user, a Group, a queryset of users, an iterable of users or of primary keys; by default the
#: actor, if it is a user), ``action_object``, ``target`` (saved model instances), ``description`` (text), ``level``
#: (one of ``Notification.LEVELS``), ``public`` (bool), ``timestamp`` (datetime, default now),
#: ``idempotency_key`` (text: the same key is the same event, sent once), ``recipient_reason`` (text, at most 32
#: characters: why they are notified, such as "mention"), ``data`` (a dict), ``actor_for_concrete_model``,
#: ``action_object_for_concrete_model``, ``target_for_concrete_model`` (bool, default True), ``fanout_chunk`` (int: so
#: many users in one statement and one transaction), ``on_progress`` (called with ``(done, total)`` users). As in
#: the older packages, any other keyword sets a column of their table or of the site's own model, or is extra data.
#:
#: ``send`` and ``await asend`` return ``[(receiver, notifications)]``. They raise TypeError or ValueError, naming
#: the argument, before anything is written; ``send_robust`` and ``asend_robust`` return the error.
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
