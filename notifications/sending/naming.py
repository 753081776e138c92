"""Names of objects in errors and in the log, even if their own code fails."""

from __future__ import annotations

from typing import Any

from django.db import models


def shown(value: Any) -> str:
    """Return the ``repr()`` of a value, or the name of its class if that fails."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - the error does not matter
        # The __str__ of an unsaved model instance often needs values that it does not have yet.
        return f"<{type(value).__name__}>"


def name_of(obj: models.Model) -> str:
    """Return the name of a saved object in the log: its model and primary key, without calling its code."""
    return f"{obj._meta.label} {obj.pk}"
