"""The event of a ``notify.send``: the value that signals and extensions get."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import models

#: What an event is about, by the names that its values and the generic keys of a row have.
OBJECTS = ("actor", "action_object", "target")

#: The namespace in which the key of an event becomes its UUID. Never change it: a retried task would notify twice.
KEY_NAMESPACE = UUID("b1d1f0d3-6a0e-5c2f-9f0e-0f5a6c0c7d11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One call of ``notify.send``: what happened, without its recipients.

    ``actor``, ``action_object`` and ``target`` are saved model instances (the last two can be None). ``concrete`` is,
    for each of them, whether a row stores its concrete model or the proxy model. ``reason`` is why all recipients are
    notified, in one word; if it is empty, an extension can set it for each recipient. ``key`` is the
    ``idempotency_key``. ``columns`` are the values of other columns of the notification model, by the name of the field
    or of the column; ``attributes`` those of other attributes of a custom model. Source:
    :func:`notifications.sending.arguments.clean_event`.
    """

    uuid: UUID
    actor: models.Model
    verb: str
    timestamp: datetime
    level: str
    action_object: models.Model | None = None
    target: models.Model | None = None
    description: str | None = None
    public: bool = True
    data: Any = None
    key: str | None = None
    reason: str = ""
    columns: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    concrete: Mapping[str, bool] = field(default_factory=dict)


def event_uuid(key: str | None = None) -> UUID:
    """Return the UUID of an event: the same one for the same ``key``, else a new one, later ones sorting later."""
    if key is not None:
        return uuid5(KEY_NAMESPACE, key)
    # Version 7 of RFC 9562: 48 bits of milliseconds, then chance. Python has it from 3.14 on.
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)
