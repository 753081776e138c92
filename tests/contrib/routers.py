"""Routers that keep the tables of an app apart from the notifications and the users."""

from __future__ import annotations

from typing import Any


class Elsewhere:
    """Sends the tables of an app to another database."""

    def __init__(self, app_label: str) -> None:
        self.app_label = app_label

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "other" if model._meta.app_label == self.app_label else None


class NotThere:
    """Makes the tables of an app in another database only."""

    def __init__(self, app_label: str) -> None:
        self.app_label = app_label

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return db == "other" if app_label == self.app_label else None


class EmptyReplica:
    """Reads the tables of an app, or all, from a database that has none of their rows yet."""

    def __init__(self, *app_labels: str) -> None:
        self.app_labels = app_labels

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "other" if not self.app_labels or model._meta.app_label in self.app_labels else None

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, *objects: Any, **hints: Any) -> bool:
        return True
