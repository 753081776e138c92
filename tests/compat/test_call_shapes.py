"""What comes of 150 ways to call ``notify.send``: as in the older packages, or as docs/upgrade.rst says why not.

``call_shapes.json`` holds what came of each in django-notifications-hq, in its fork and here, with the setting
``USE_JSONFIELD`` and without.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.compat.call_shapes import SHAPES, Site, outcome

HERE = Path(__file__).resolve().parent
RECORD: dict[str, dict[str, dict[str, str]]] = json.loads((HERE / "call_shapes.json").read_text())
UPGRADE = " ".join((HERE.parent.parent / "docs" / "upgrade.rst").read_text().split())

ONCE = "Any iterable is accepted, also of primary keys. Each user is notified once per event."
NAMED = "The error names the argument and what is allowed."
STORED = "They are stored."
DROPPED = "or raise an error if you set ``USE_JSONFIELD`` to ``True``."
OPEN = "Everything else is extra data."
COLUMNS = "They are always set."

#: Why ours differs from django-notifications-hq, by the beginning of a shape's name: a sentence of docs/upgrade.rst.
#: The first that fits holds.
WHY = {
    **dict.fromkeys([f"recipient: {what}" for what in ("a user twice", "a tuple", "a set", "an iterator")], ONCE),
    "recipient: keys": ONCE,
    "recipient: values()": "Querysets of primary keys are accepted.",
    "recipient: None": "If it is missing and the actor is a user, the actor is notified.",
    "recipient": NAMED,
    "verb: None": "It raises ``TypeError``.",
    "verb: 256": "Both raise ``ValueError``.",
    "level: None": "The default level is used.",
    "level": "Both raise ``ValueError``.",
    "timestamp: None": "The current time is used.",
    "target: not saved": "It raises ``ValueError``.",
    "target: ": NAMED,
    "action_object": NAMED,
    "target_object_id": COLUMNS,
    "actor": "``None`` is ignored. The error names the argument.",
    "unread: for two": "It is set on every row.",
    **dict.fromkeys(["unread", "deleted", "emailed"], COLUMNS),
    "data": "A value that is not a dict is stored under ``\"data\"``.",
    "foo: a decimal": "It becomes text, as in Django's encoder.",
    **dict.fromkeys(["foo: a set", "foo: bytes", "foo: NaN", "foo: 70,000"], DROPPED),
    **dict.fromkeys(["slug", "timesince"], OPEN),
    "": STORED,
}  # fmt: skip


def why(shape: str) -> str:
    """Return the sentence that says why ours differs."""
    return next(text for start, text in WHY.items() if shape.startswith(start))


def differs(shape: str, mode: str) -> bool:
    found = RECORD[shape][mode]
    return found["ours"] != found["hq"]


def test_every_shape_is_on_record() -> None:
    """Run tests/compat/make_call_shapes.py when this fails."""
    assert list(RECORD) == list(SHAPES)
    assert len(SHAPES) >= 140


def test_each_sentence_is_needed_and_stands_in_the_guide() -> None:
    used = {why(shape) for shape in SHAPES for mode in ("on", "off") if differs(shape, mode)}

    assert used == set(WHY.values())
    assert [text for text in used if text not in UPGRADE] == []


def test_with_extra_data_on_hardly_anything_differs_and_no_row_is_lost() -> None:
    """What hq wrote is written, but for what some database refuses or what says nothing."""
    lost = [
        shape
        for shape in SHAPES
        if not re.search("Error$", RECORD[shape]["on"]["hq"])
        and re.search("Error$", RECORD[shape]["on"]["ours"])
    ]

    assert lost == [
        "verb: None", "verb: 256 characters", "level: 'danger'", "level: 'INFO'", "level: ''", "target: not saved",
        "foo: a set", "foo: bytes", "foo: NaN", "foo: 70,000 characters",
    ]  # fmt: skip


def test_without_the_setting_only_the_verb_the_level_and_unsaved_objects_are_judged() -> None:
    lost = [
        shape
        for shape in SHAPES
        if not re.search("Error$", RECORD[shape]["off"]["hq"])
        and re.search("Error$", RECORD[shape]["off"]["ours"])
    ]

    assert lost == [
        "verb: None", "verb: 256 characters", "level: 'danger'", "level: 'INFO'", "level: ''", "target: not saved",
    ]  # fmt: skip


@pytest.mark.backend("sqlite")
@pytest.mark.django_db
@pytest.mark.shape("default")
@pytest.mark.parametrize("mode", ["off", "on"])
def test_ours_are_as_they_are_on_record(mode: str, settings: Any) -> None:
    settings.NOTIFICATIONS = {}
    if mode == "on":
        settings.DJANGO_NOTIFICATIONS_CONFIG = {"USE_JSONFIELD": True}
    site = Site()

    found = {name: outcome(site, shape) for name, shape in SHAPES.items()}

    assert found == {name: RECORD[name][mode]["ours"] for name in SHAPES}
