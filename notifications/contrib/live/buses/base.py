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

#: Seconds for which a bus that failed to publish is left alone. The hubs find what it did not say by themselves.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one process tells the others: the UUID of an event, or whose rows changed. Nothing else leaves it.

    Neither an event nor a recipient stands for everybody: look at all.
    """

    event: str | None = None
    recipient: str | None = None

    def dumps(self) -> str:
        """Return the message as JSON, well under the 8,000 bytes that PostgreSQL carries."""
        return json.dumps({"event": self.event} if self.event else {"recipient": self.recipient})

    @classmethod
    def loads(cls, text: str | bytes) -> Message:
        """Return the message that a text holds. What nobody here wrote stands for everybody."""
        try:
            said = json.loads(text)
            event, recipient = said.get("event"), said.get("recipient")
            return cls(
                event=None if event is None else str(UUID(event)),
                recipient=None if recipient is None else str(recipient),
            )
        except (ValueError, AttributeError, TypeError):
            return cls()


class Bus:
    """Carry messages between processes. One instance serves a process; its hubs each listen on their own.

    A bus is only a wake-up: the rows in the database are the truth. A message may come twice, late or never.
    """

    #: Seconds between two looks at the database while the bus is heard. They find what nobody published: a row that
    #: a site wrote by other means, a snoozed one that is back, and what a process did not live to say.
    interval: float = 5.0
    #: Whether somebody is told of anything; a bus that only polls says nothing.
    speaks: ClassVar[bool] = True

    def __init__(self) -> None:
        self._silent_until = 0.0

    def publish(self, message: Message, *, using: str) -> None:
        """Send a message that concerns rows of this database, from any thread. A failure is logged, never raised."""
        if not self.speaks or time.monotonic() < self._silent_until:
            return
        try:
            self.send(message, using=using)
        except Exception:
            self._silent_until = time.monotonic() + PATIENCE
            logger.exception("The live bus did not take a message; the streams hear of it a little later.")

    def send(self, message: Message, *, using: str) -> None:
        """Send a message, or raise whatever the server's client raises."""
        raise NotImplementedError(f"{type(self).__name__} must say how it sends.")

    def listen(self) -> AsyncGenerator[Message, None]:
        """Yield a message that stands for everybody as soon as the bus is heard, and then what is said.

        Raise whatever the server's client raises when it is not heard any more.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how it listens.")
