"""Conditions, put together."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

#: What is never true.
NEVER = Q(pk__in=[])


def all_of(conditions: Iterable[Q]) -> Q:
    """Return the condition that all of these are true."""
    whole = Q()
    for condition in conditions:
        whole &= condition
    return whole


def any_of(conditions: Iterable[Q]) -> Q:
    """Return the condition that one of these is true."""
    whole = Q()
    for condition in conditions:
        whole |= condition
    return whole
