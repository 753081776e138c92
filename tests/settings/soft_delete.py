"""A site that hides deleted notifications and keeps their rows."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403

NOTIFICATIONS = {"SOFT_DELETE": True}
