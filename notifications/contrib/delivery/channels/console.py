"""A channel that prints its messages: for development."""

from __future__ import annotations

import sys

from notifications.contrib.delivery.channels import base
from notifications.contrib.delivery.channels.base import Message, Outcome, Sent
from notifications.presentation import sentences


class Channel(base.Channel):
    """Print messages. ``default`` is the frequency of types that do not name the channel."""

    label = "Console"
    default = "instant"

    def send(self, message: Message) -> Outcome:
        """Print the sentences of the message."""
        for notification in message.notifications:
            sys.stdout.write(f"[{self.name}] {message.address}: {sentences.text(notification)}\n")
        if message.more:
            sys.stdout.write(f"[{self.name}] {message.address}: +{message.more}\n")
        return Sent()
