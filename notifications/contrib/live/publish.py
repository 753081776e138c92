"""From the signals of the core to the bus: one message for each event, after commit, with ids only."""

from __future__ import annotations

from typing import Any

from notifications.contrib.live.buses import Message, get_bus
from notifications.events import Event


def publish_event(*, event: Event, using: str, **arguments: Any) -> None:
    """Publish that an event was sent, whoever its recipients are."""
    get_bus().publish(Message(event=str(event.uuid)), using=using)


def publish_state(*, recipient_id: Any, using: str, **arguments: Any) -> None:
    """Publish whose rows changed; None stands for everybody."""
    recipient = None if recipient_id is None else str(recipient_id)
    get_bus().publish(Message(recipient=recipient), using=using)
