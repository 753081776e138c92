"""A channel that does what a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from notifications.contrib.delivery.channels import Channel, Message, Outcome, Sent

Step = Any


class Scripted(Channel):
    """Answer each message by the next step: an outcome, an exception, or a function of the message."""

    label = "Scripted"
    default = "instant"
    max_notifications = 3
    #: The steps of all channels of this class, and what was sent.
    steps: list[Step] = []
    sent: list[Message] = []
    opened: list[str] = []
    opening: Callable[[], object] = staticmethod(lambda: None)
    closing: Callable[[], object] = staticmethod(lambda: None)

    @classmethod
    def forget(cls) -> None:
        cls.steps, cls.sent, cls.opened = [], [], []
        cls.opening = cls.closing = staticmethod(lambda: None)

    def reachable(self, users: Any) -> Any:
        return users.exclude(username__startswith="unreachable")

    def address(self, user: Any) -> str:
        return "" if user.username.startswith("homeless") else f"{user.username}@Example.com"

    def open(self) -> None:
        self.opened.append(self.name)
        type(self).opening()

    def send(self, message: Message) -> Outcome:
        self.sent.append(message)
        step = self.steps.pop(0) if self.steps else Sent()
        if callable(step) and not isinstance(step, type):
            step = step(message)
        if isinstance(step, Exception):
            raise step
        outcome: Any = step or Sent()
        return outcome  # type: ignore[no-any-return]

    def close(self) -> None:
        type(self).closing()
