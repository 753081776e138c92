"""Where rows are read: a replica may be behind the database to which they are written."""

from __future__ import annotations

from typing import TypeVar

from django.db import models, router

M = TypeVar("M", bound=models.Model)


def at_home(rows: models.QuerySet[M]) -> models.QuerySet[M]:
    """Return the same rows, read where they are written: a replica may not have yet what somebody names."""
    return rows.using(router.db_for_write(rows.model, **rows._hints))  # type: ignore[attr-defined] # not in the stubs
