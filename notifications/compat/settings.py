"""The settings of the older packages, as they stand, under the keys that they have here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

#: Where the older packages kept the same settings: the keys of ``DJANGO_NOTIFICATIONS_CONFIG`` ...
LEGACY_DICT = "DJANGO_NOTIFICATIONS_CONFIG"
LEGACY_KEYS = {
    "PAGINATE_BY": "PAGE_SIZE",
    "NUM_TO_FETCH": "NUM_TO_FETCH",
    "CACHE_TIMEOUT": "CACHE_TIMEOUT",
    "SOFT_DELETE": "SOFT_DELETE",
    "USE_JSONFIELD": "USE_JSONFIELD",
    "API_EXCLUDED_FIELDS": "API_EXCLUDED_FIELDS",
}
#: ... and, before that, settings of their own. The later name wins over the earlier one.
LEGACY_SETTINGS = {
    "NOTIFICATIONS_USE_JSONFIELD": "USE_JSONFIELD",
    "NOTIFY_USE_JSONFIELD": "USE_JSONFIELD",
    "NOTIFICATIONS_SOFT_DELETE": "SOFT_DELETE",
}
OLDER_KEYS = frozenset([*LEGACY_KEYS.values(), *LEGACY_SETTINGS.values()])


def legacy_values() -> dict[str, Any]:
    """Return what the settings of the older packages say, under today's keys."""
    found: dict[str, Any] = {}
    for name, key in LEGACY_SETTINGS.items():
        if hasattr(settings, name):
            found.setdefault(key, getattr(settings, name))
    legacy = getattr(settings, LEGACY_DICT, None)
    if isinstance(legacy, Mapping):
        found.update({key: legacy[old] for old, key in LEGACY_KEYS.items() if old in legacy})
    return found
