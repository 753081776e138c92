"""Who may see what in the tests: projects are for whoever is not called "stranger"."""

from __future__ import annotations

from typing import Any

from notifications.objects.visibility import Rule


class NotForStrangers(Rule):
    def users(self, users: Any, obj: Any) -> Any:
        return users.exclude(username="stranger")

    def objects(self, objects: Any, user: Any) -> Any:
        return objects.none() if user.username == "stranger" else objects
