"""What a channel is: whom it reaches, and how it sends one message. The flow is not its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from notifications.objects.narrowing import within
from notifications.types import FREQUENCIES

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import Promise

    from notifications.types import NotificationType

logger = logging.getLogger("notifications")

#: The longest time that an instant delivery waits.
MAX_DELAY = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one recipient: a notification, or the notifications of a digest.

    ``key`` is the same for each attempt to send it. ``notifications`` are the newest first, with their objects as the
    recipient may see them; ``more`` is how many others there are. ``address`` is what :meth:`Channel.address` returned.
    The language and the time zone of the recipient are active while the channel sends it.
    """

    key: str
    recipient: Any
    address: str
    notifications: Sequence[Any]
    more: int = 0
    frequency: str = "instant"

    @property
    def is_digest(self) -> bool:
        """Return whether this is a digest, which may have one notification."""
        return self.frequency != "instant"


@dataclass(frozen=True, slots=True)
class Sent:
    """The service took the message. ``reference`` is what it calls it."""

    reference: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """It may work later. ``after`` is how long the service asks to wait."""

    problem: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not work. ``stop`` says that nothing can be sent to this address any more."""

    problem: str
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Down:
    """The service does not work for anybody, so the channel is paused and this is not counted as an attempt."""

    problem: str


Outcome: TypeAlias = "Sent | Retry | Failed | Down"


def judged(channel: Channel, answer: Any) -> Outcome:
    """Return the outcome that ``send()`` of a channel returned, with what each of its fields can hold.

    For an answer that is no outcome this is a permanent failure. Nobody knows whether the service took the message, and
    the next attempt might be the second message.
    """
    match answer:
        case Sent():
            return Sent(words_of(answer.reference))
        case Retry():
            return Retry(
                words_of(answer.problem), answer.after if isinstance(answer.after, timedelta) else None
            )
        case Failed():
            return Failed(words_of(answer.problem), stop=bool(answer.stop))
        case Down():
            return Down(words_of(answer.problem))
    problem = f"send() returned {type(answer).__name__}, which is not Sent, Retry, Failed or Down"
    logger.error("The channel %s: %s.", channel.name, problem)
    return Failed(problem)


def words_of(value: Any) -> str:
    """Return a value as text: an id of a service can be a number, and an error the exception itself."""
    if value is None:
        return ""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - code of the site
        return type(value).__name__


def constant(reachable: Callable[..., Any]) -> Callable[..., Any]:
    """Say of a method ``reachable`` that its condition is always the same, so that it is compiled once: a decorator."""
    reachable.is_constant = True  # type: ignore[attr-defined]
    return reachable


class Channel:
    """Inherit from this class to write a channel, and name it in the setting ``DELIVERY_CHANNELS``."""

    #: The name for users.
    label: str | Promise = ""
    #: The frequency of types that do not name the channel, until the user chooses another one. The option ``default``
    #: replaces it.
    default: str = "off"
    #: The most notifications in a message.
    max_notifications = 20
    #: Whether the messages have links to the site. Without ``BASE_URL``, such a channel waits.
    has_links = False

    def __init__(self, name: str, *, default: str | None = None, **options: Any) -> None:
        self.name = name
        if default is not None:
            self.default = default
        if options:
            raise TypeError(f"the channel {name!r} has no options {', '.join(options)}")
        if self.default not in {*FREQUENCIES, None}:
            raise ValueError(
                f"'default' of the channel {name!r} is {self.default!r}, not one of {', '.join(FREQUENCIES)}"
            )

    @constant
    def reachable(self, users: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the users whom the channel can reach. It filters the queryset and does not run queries."""
        return users

    def reached(self, users: QuerySet[Any]) -> QuerySet[Any]:
        """Return what :meth:`reachable` returns. Raise TypeError if that is no queryset of the same model."""
        found: Any = self.reachable(users)
        if getattr(found, "model", None) is not users.model or not hasattr(found, "query"):
            raise TypeError(
                f"reachable() must return a queryset of {users.model.__name__}, got {type(found).__name__}"
            )
        reached: QuerySet[Any] = found
        return reached

    def reached_among(self, users: QuerySet[Any]) -> QuerySet[Any]:
        """Return what :meth:`reachable` returns, without others than these users. A slice costs a query."""
        return within(users, self.reached(users))

    def delay(self, kind: type[NotificationType]) -> timedelta:
        """Return how long an instant delivery of a type waits. It is not sent if the notification is read by then."""
        return timedelta(0)

    def waits(self, kind: type[NotificationType]) -> timedelta:
        """Return what :meth:`delay` returns. Raise TypeError for what is no time of 0 or more."""
        found: Any = self.delay(kind)
        if not isinstance(found, timedelta) or not timedelta(0) <= found <= MAX_DELAY:
            raise TypeError(f"delay() must return a timedelta of 0 to {MAX_DELAY.days} days, got {found!r}")
        return found

    def address(self, user: Any) -> str:
        """Return where messages to a user go, or an empty text if the user cannot be reached."""
        return str(user.pk)

    def open(self) -> None:
        """Prepare to send several messages. What it raises pauses the channel."""

    def send(self, message: Message) -> Outcome:
        """Send a message. An exception is taken for :class:`Retry`."""
        raise NotImplementedError

    def preview(self, message: Message) -> Mapping[str, str]:
        """Return the parts of a message as texts by their names, for the preview page. "html" is shown as a page."""
        from notifications.presentation import sentences

        return {"text": "\n".join(sentences.text(notification) for notification in message.notifications)}

    def close(self) -> None:
        """Finish after several messages."""
