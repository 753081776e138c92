"""The extra data of an event: the part that is stored in ``data``, and errors and warnings about the rest.

If ``USE_JSONFIELD`` is set to True, a value that cannot be stored is an error that names the key. If it is not set, the
value is dropped with a warning in the log. If it is set to False, all values are.
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
    """Return the value of ``data``: the dict ``data`` merged with the extra keywords, as JSON reads it back, or None.

    A ``data`` that is not a dict is a keyword like any other. If ``USE_JSONFIELD`` is set to True, or ``is_strict``,
    raise TypeError for values that the field's encoder cannot write, ValueError for NaN, infinity, text that a
    database refuses, nesting deeper than 31 and more than ``MAX_DATA_BYTES`` bytes, each naming the key. Otherwise
    drop that key with a warning in the log.
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
            # First, because text that judge_json refuses cannot be encoded to count its bytes.
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
    warn_of_actions(kept.get("actions", []))
    return kept or None


def warn_of_actions(actions: Any) -> None:
    """Log that ``data["actions"]`` has something that is not shown as a link."""
    if not isinstance(actions, list) or not all(
        isinstance(action, dict) and action.get("href") for action in actions
    ):
        logger.warning(
            "data['actions'] is shown as links where it is a list of dicts with 'href' and 'title', got %.100r.",
            actions,
        )


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
        # The encoder calls code of the site, such as the __str__ of a lazy text.
        raise TypeError(f"data[{name!r}] cannot be stored as JSON: {error!r}.") from error


def judge_json(name: str, value: Any) -> None:
    """Raise ValueError if some database refuses the value of one key."""
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
