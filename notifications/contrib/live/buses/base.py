"""What every bus promises."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

logger = logging.getLogger("notifications")

#: Seconds for which a bus that failed to publish is left alone. The hubs find by themselves what it did not say.
RETRY_INTERVAL = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one process says to the others: the UUID of an event, or whose rows changed. Nothing else leaves it.

    An ``echo`` is for the hub alone that sent it, to learn whether messages arrive.
    A message without event and recipient stands for everybody: look at all inboxes.
    """

    event: str | None = None
    recipient: str | None = None
    echo: str | None = None

    def dumps(self) -> str:
        """Return the message as JSON, well under the 8,000 bytes that PostgreSQL carries."""
        if self.echo:
            return json.dumps({"echo": self.echo})
        return json.dumps({"event": self.event} if self.event else {"recipient": self.recipient})

    @classmethod
    def loads(cls, text: str | bytes) -> Message:
        """Return the message that a text holds. One that is not ours stands for everybody."""
        try:
            content = json.loads(text)
            event, recipient, echo = (content.get(name) for name in ("event", "recipient", "echo"))
            return cls(
                event=None if event is None else str(UUID(event)),
                recipient=None if recipient is None else str(recipient),
                echo=None if echo is None else str(echo),
            )
        except (ValueError, AttributeError, TypeError, RecursionError):
            return cls()


class Bus:
    """Carry messages between processes. One instance serves a process; its hubs each listen on their own.

    A bus is only a wake-up: the rows in the database are the truth. A message may come twice, late or never.
    """

    #: Seconds between two regular queries while the bus is connected. They find what nobody published: a row that a
    #: site wrote by other means, a snoozed one that is back, and what a process could not publish before it died.
    interval: float = 5.0
    #: Whether it sends messages; a bus that only polls does not.
    sends: ClassVar[bool] = True
    #: What to do where the bus is connected, and what it sends does not arrive.
    deaf_hint: ClassVar[str] = "Check the server of the bus, and what is between it and this process."

    def __init__(self) -> None:
        self._silent_until = 0.0

    def publish(self, message: Message, *, using: str) -> None:
        """Send a message that concerns rows of this database, from any thread. A failure is logged, never raised."""
        if not self.sends or time.monotonic() < self._silent_until:
            return
        try:
            self.send(message, using=using)
        except Exception:
            self._silent_until = time.monotonic() + RETRY_INTERVAL
            logger.exception("The live bus did not accept a message; the streams are updated a little later.")

    def send(self, message: Message, *, using: str) -> None:
        """Send a message, or raise whatever the server's client raises."""
        raise NotImplementedError(f"{type(self).__name__} must implement send().")

    def listen(self) -> AsyncGenerator[Message, None]:
        """Yield a message that stands for everybody as soon as the bus is connected, and then each message.

        Raise whatever the server's client raises when the connection is lost.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement listen().")

    def close(self) -> None:
        """Close the connection that this process sends by, if the bus keeps one. The next message opens another."""
