"""A site with naive timestamps."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403

USE_TZ = False
