"""The import path of django-notifications-hq; the things themselves live elsewhere."""

from __future__ import annotations

from notifications.compat.slugs import id2slug, slug2id

__all__ = ["id2slug", "slug2id"]
