"""The urls of a site that has none of ours."""

from __future__ import annotations

from typing import Any

urlpatterns: list[Any] = []
