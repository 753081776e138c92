"""The hooks of django-notifications-community. In new code, use :class:`~notifications.extensions.Extension`.

A filter says which notifications a request sees, as :meth:`~notifications.extensions.Extension.notifications_rows`
does. The hooks for cache keys do nothing, because counts that an extension narrows are not cached.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest

from notifications.extensions import ROW_FILTERS

logger = logging.getLogger("notifications")

F = TypeVar("F", bound=Callable[..., Any])

_queryset_filters = ROW_FILTERS
_cache_key_modifiers: list[Callable[..., Any]] = []
_cache_invalidation_keys: list[Callable[..., Any]] = []


def register_queryset_filter(fn: Callable[[Any, HttpRequest | None], Any]) -> None:
    """Let ``fn(rows, request)`` return those of the rows that a request may see. ``request`` may be None."""
    ROW_FILTERS.append(fn)


def apply_queryset_filters(queryset: Any, request: HttpRequest | None) -> Any:
    """Return what the registered filters make of a queryset."""
    for fn in ROW_FILTERS:
        queryset = fn(queryset, request)
    return queryset


def register_cache_key_modifier(fn: F) -> F:
    """Do nothing, and say so once in the log: no count is cached that depends on the request."""
    return _ignore("register_cache_key_modifier", fn, _cache_key_modifiers)


def register_cache_invalidation_keys(fn: F) -> F:
    """Do nothing, and say so once in the log: no count is cached that depends on the request."""
    return _ignore("register_cache_invalidation_keys", fn, _cache_invalidation_keys)


def derive_cache_key(base_key: str, user: Any, request: HttpRequest | None = None) -> str:
    """Return what the registered functions make of a cache key of the site's own."""
    for fn in _cache_key_modifiers:
        base_key = fn(base_key, user, request)
    return base_key


def collect_invalidation_keys(user: Any, request: HttpRequest | None = None) -> list[str]:
    """Return the keys that the registered functions return, for a cache of the site's own."""
    return [key for fn in _cache_invalidation_keys for key in fn(user, request)]


def _ignore(name: str, fn: F, ignored: list[Callable[..., Any]]) -> F:
    if not ignored:
        logger.warning(
            "notifications.registry.%s() does nothing: counts that a queryset filter narrows are not cached.",
            name,
        )
    ignored.append(fn)
    return fn
