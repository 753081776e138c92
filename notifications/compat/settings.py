"""The settings of the older packages, as they stand, under the keys that they have here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

#: What a setting is that is not set.
MISSING: Any = object()

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
#: Under each key of today, where the older packages have it: the keys of the dict, and the settings, later names first.
OLDER_NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    key: (
        tuple(old for old, today in LEGACY_KEYS.items() if today == key),
        tuple(name for name, today in LEGACY_SETTINGS.items() if today == key),
    )
    for key in [*LEGACY_KEYS.values(), *LEGACY_SETTINGS.values()]
}


def legacy_value(key: str, default: Any = None) -> Any:
    """Return what the settings of the older packages say about a key of today, otherwise ``default``."""
    in_dict, names = OLDER_NAMES.get(key, ((), ()))
    legacy = getattr(settings, LEGACY_DICT, None)
    if isinstance(legacy, Mapping):
        for old in in_dict:
            if old in legacy:
                return legacy[old]
    for name in names:
        value = getattr(settings, name, MISSING)
        if value is not MISSING:
            return value
    return default


def legacy_values() -> dict[str, Any]:
    """Return all that the settings of the older packages say, under the keys of today."""
    found = {key: legacy_value(key, MISSING) for key in OLDER_NAMES}
    return {key: value for key, value in found.items() if value is not MISSING}
