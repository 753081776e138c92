"""The extra data of an event: what of it is stored in ``data``, and what is said of the rest.

With ``USE_JSONFIELD`` set to True it is stored, or an error that names the key. Where a site never set it, what JSON
cannot hold is dropped with a warning in the log; set to False, all of it is.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from notifications.conf import settings
from notifications.objects.text import text_problem
from notifications.storage.fields import DataField

logger = logging.getLogger("notifications")

#: How deep arrays and objects may be nested in data. MariaDB's JSON functions accept no more.
MAX_DATA_DEPTH = 31


def clean_data(field: Any, data: Any, extra: Mapping[str, Any], *, is_strict: bool | None = None) -> Any:
    """Return what goes to ``data``: the dict ``data`` merged with the extra keywords, as JSON reads it back; else None.

    A ``data`` that is no dict is a keyword like any other. Raise TypeError for what the field's encoder cannot write,
    ValueError for NaN, infinity, text that a database refuses, nesting deeper than 31 and more than ``MAX_DATA_BYTES``
    bytes, each naming the key, where ``USE_JSONFIELD`` is set to True or ``is_strict``; else drop that key, and say so
    in the log.
    """
    given = data if isinstance(data, Mapping) else {} if data is None else {"data": data}
    merged = {**given, **extra}
    if not settings.USE_JSONFIELD:
        if merged:
            logger.warning(
                "Extra data of a notification was dropped, because USE_JSONFIELD is False: %s.",
                ", ".join(map(str, merged)),
            )
        return None
    if is_strict is None:
        is_strict = settings.is_set("USE_JSONFIELD")
    encoder = field.json_encoder() if isinstance(field, DataField) else getattr(field, "encoder", None)
    kept: dict[str, Any] = {}
    size = 0
    for name, value in merged.items():
        try:
            text = encode(name, value, encoder)
            read = json.loads(text)
            # First, because what judge_json refuses cannot be counted in bytes either.
            judge_json(name, read)
            added = len(f'"{name}": {text}, '.encode())
            if size + added > settings.MAX_DATA_BYTES:
                raise ValueError(
                    f"data is larger than MAX_DATA_BYTES ({settings.MAX_DATA_BYTES} bytes) at key {name!r}, "
                    f"which has {len(text)} characters."
                )
        except (TypeError, ValueError) as error:
            if is_strict:
                raise
            logger.warning("Extra data of a notification was dropped: %s", error)
        else:
            size += added
            kept[name] = read
    return kept or None


def encode(name: Any, value: Any, encoder: Any) -> str:
    """Return one value of data as JSON text."""
    if not isinstance(name, str):
        raise TypeError(f"data has the key {name!r}; keys must be text.")
    if problem := text_problem(name):
        raise ValueError(f"data has a key with {problem}, which not every database can store: {name!r}.")
    try:
        return json.dumps(value, cls=encoder, allow_nan=False, ensure_ascii=False)
    except TypeError as error:
        raise TypeError(f"data[{name!r}] cannot be stored as JSON: {error}.") from error
    except RecursionError as error:
        raise ValueError(f"data[{name!r}] is nested deeper than {MAX_DATA_DEPTH}.") from error
    except ValueError as error:
        raise ValueError(f"data[{name!r}] cannot be stored as JSON: {error}.") from error
    except Exception as error:
        # The encoder asks a lazy text, or a Decimal of the site's own, for its text.
        raise TypeError(f"data[{name!r}] cannot be stored as JSON: {error!r}.") from error


def judge_json(name: str, value: Any) -> None:
    """Raise ValueError for what in the value of one key some database refuses."""
    # The dict of data itself is the first level.
    pending = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        if isinstance(item, (dict, list)):
            if depth >= MAX_DATA_DEPTH:
                raise ValueError(f"data[{name!r}] is nested deeper than {MAX_DATA_DEPTH}.")
            parts = [*item, *item.values()] if isinstance(item, dict) else item
            pending.extend((part, depth + 1) for part in parts)
        elif isinstance(item, str) and (problem := text_problem(item)):
            raise ValueError(f"data[{name!r}] holds {problem}, which not every database can store.")
