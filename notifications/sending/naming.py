"""How things are called in errors and in the log, whatever their own code does."""

from __future__ import annotations

from typing import Any

from django.db import models


def shown(value: Any) -> str:
    """Return the ``repr()`` of anything, or the name of its class where that fails."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - there is nothing else to say of it
        # The __str__ of a model instance that is not saved often needs what it does not have yet.
        return f"<{type(value).__name__}>"


def name_of(obj: models.Model) -> str:
    """Return how a saved object is called in the log: its model and its key, for which nothing of it is asked."""
    return f"{obj._meta.label} {obj.pk}"
