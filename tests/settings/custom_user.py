"""A site with a user model of its own, whose primary key is a UUID."""

from __future__ import annotations

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS

INSTALLED_APPS = ["tests.custom_user", *DEFAULT_APPS]
AUTH_USER_MODEL = "custom_user.User"
