"""A channel that keeps its messages in memory: for tests."""

from __future__ import annotations

from notifications.contrib.delivery.channels import base
from notifications.contrib.delivery.channels.base import Message, Outcome, Sent
from notifications.presentation import sentences

#: What was sent, the oldest first, by the name of the channel. Tests empty it.
outbox: list[tuple[str, Message]] = []


class Channel(base.Channel):
    """Keep messages in :data:`outbox`. ``default`` is the frequency of types that do not name the channel."""

    label = "Memory"
    default = "instant"

    def send(self, message: Message) -> Outcome:
        """Keep the message, after rendering it as another channel would."""
        for notification in message.notifications:
            sentences.text(notification)
        outbox.append((self.name, message))
        return Sent(f"memory-{len(outbox)}")
