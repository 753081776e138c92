"""A site that keeps the text column of an older installation."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403

NOTIFICATIONS = {"JSONFIELD": "jsonfield.JSONField"}
