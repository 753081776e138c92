"""The column ``data`` as the older packages had it, for the migrations of sites that run before ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

if TYPE_CHECKING:
    TextColumn = models.TextField[Any, Any]
else:
    TextColumn = models.TextField


class OlderDataField(TextColumn):
    """A text column with JSON, as the package jsonfield made it, which does not have to be installed.

    It also reads and writes a JSON column. Text that is not JSON is read as text.
    """

    def from_db_value(self, value: str | None, *args: Any) -> Any:
        """Return what the text stands for."""
        try:
            return None if value is None else json.loads(value)
        except ValueError:
            return value

    def get_prep_value(self, value: Any) -> str | None:
        """Return the text that is stored."""
        return None if value is None else json.dumps(value, cls=DjangoJSONEncoder)
