"""Calls of ``notify.send`` as sites write them, and what comes of each: in the older packages and here.

Run as a script, with an older package (or ours) first on the path, it prints the outcomes as JSON, by the name of the
shape: once without the setting ``USE_JSONFIELD`` and once with it on.
``tests/compat/make_call_shapes.py`` runs it for
the three packages and writes ``call_shapes.json``, by which ``test_call_shapes.py`` judges ours in every run.
It knows only what all three have.
"""

from __future__ import annotations

import enum
import json
import logging
import sys
import warnings
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

MOMENT = datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


class Verb(enum.Enum):
    CLOSED = "closed"


class Site:
    """Three users, a group of two of them, and an object. Made by what has Django set up."""

    def __init__(self) -> None:
        from django.contrib.auth import get_user_model
        from django.contrib.auth.models import Group

        self.model: Any = get_user_model()
        users = self.model._default_manager
        self.ann, self.bob, self.cid = (users.create(username=name) for name in ("ann", "bob", "cid"))
        self.group = Group.objects.create(name="crew")
        self.group.user_set.add(self.bob, self.cid)
        self.empty = Group.objects.create(name="nobody")
        self.users: Any = users.exclude(username="ann").order_by("pk")
        self.type: Any = self.content_type()

    def content_type(self) -> Any:
        from django.contrib.contenttypes.models import ContentType

        return ContentType.objects.get_for_model(self.model)


#: Each shape: what is given to ``notify.send`` beside ``ann``, ``recipient=bob`` and ``verb="closed"``.
Shape = Callable[[Site], "dict[str, Any]"]


def keyword(name: str, value: Any = 5) -> Shape:
    return lambda site: {name: value}


SHAPES: dict[str, Shape] = {
    "nothing more": lambda s: {},
    # recipient
    "recipient: a user": lambda s: {"recipient": s.bob},
    "recipient: oneself": lambda s: {"recipient": s.ann},
    "recipient: a list": lambda s: {"recipient": [s.bob, s.cid]},
    "recipient: a list of one": lambda s: {"recipient": [s.bob]},
    "recipient: an empty list": lambda s: {"recipient": []},
    "recipient: a user twice": lambda s: {"recipient": [s.bob, s.bob]},
    "recipient: a tuple": lambda s: {"recipient": (s.bob, s.cid)},
    "recipient: a set": lambda s: {"recipient": {s.bob, s.cid}},
    "recipient: an iterator": lambda s: {"recipient": iter([s.bob, s.cid])},
    "recipient: keys": lambda s: {"recipient": [s.bob.pk, s.cid.pk]},
    "recipient: a key": lambda s: {"recipient": s.bob.pk},
    "recipient: a group": lambda s: {"recipient": s.group},
    "recipient: an empty group": lambda s: {"recipient": s.empty},
    "recipient: a queryset": lambda s: {"recipient": s.users},
    "recipient: a sliced queryset": lambda s: {"recipient": s.users[:1]},
    "recipient: an empty queryset": lambda s: {"recipient": s.users.none()},
    "recipient: a distinct queryset": lambda s: {"recipient": s.users.filter(groups__isnull=False).distinct()},
    "recipient: a union": lambda s: {"recipient":
    s.users.filter(username="bob").union(s.users.filter(username="cid"))},
    "recipient: the users of a group": lambda s: {"recipient": s.group.user_set.all()},
    "recipient: a manager": lambda s: {"recipient": s.group.user_set},
    "recipient: values()": lambda s: {"recipient": s.users.values("pk")},
    "recipient: names by values_list()": lambda s: {"recipient": s.users.values_list("username", flat=True)},
    "recipient: a list of groups": lambda s: {"recipient": [s.group]},
    "recipient: None": lambda s: {"recipient": None},
    "recipient: a name": lambda s: {"recipient": "bob"},
    "recipient: not saved": lambda s: {"recipient": s.model(username="new")},
    # verb and description
    **{
        f"{name}: {kind}": keyword(name, value)
        for name in ("verb", "description")
        for kind, value in {
            "empty": "", "a blank": " ", "a number": 5, "zero": 0, "False": False, "an enum": Verb.CLOSED,
            "a list": ["x"],
            "a dict": {"a": 1}, "bytes": b"x", "None": None, "a date": date(2020, 1, 2), "255 characters": "x" * 255,
            "256 characters": "x" * 256,
        }.items()
    },
    "verb: an object": lambda s: {"verb": s.bob},
    "description: an object": lambda s: {"description": s.bob},
    # level and public
    **{f"level: {value!r}": keyword("level", value) for value in ("success", "error", "danger", "INFO", "", None)},
    **{f"public: {value!r}": keyword("public", value) for value in (True, False, None, "yes", "", 0, 2)},
    # timestamp
    "timestamp: a moment": keyword("timestamp", MOMENT),
    "timestamp: naive": keyword("timestamp", MOMENT.replace(tzinfo=None)),
    "timestamp: a date": keyword("timestamp", MOMENT.date()),
    "timestamp: a text": keyword("timestamp", "2020-01-02T03:04:05Z"),
    "timestamp: a number": keyword("timestamp", 1577934245),
    "timestamp: None": keyword("timestamp", None),
    # objects
    "target: an object": lambda s: {"target": s.group},
    "target: None": lambda s: {"target": None},
    "target: a key": lambda s: {"target": s.group.pk},
    "target: a text": keyword("target", "crew"),
    "target: not saved": lambda s: {"target": type(s.group)(name="new")},
    "action_object: an object": lambda s: {"action_object": s.group},
    "action_object: a text": keyword("action_object", "crew"),
    "target_for_concrete_model: False": lambda s: {"target": s.group, "target_for_concrete_model": False},
    "actor_for_concrete_model: False": keyword("actor_for_concrete_model", False),
    "target_object_id and target_content_type": lambda s: {
        "target_object_id": s.bob.pk,
        "target_content_type": s.type,
    },
    # actor= beside the sender
    "actor: the sender": lambda s: {"actor": s.ann},
    "actor: another": lambda s: {"actor": s.cid},
    "actor: a text": keyword("actor", "ann"),
    "actor: None": keyword("actor", None),
    # columns
    **{
        f"{name}: {value}": keyword(name, value)
        for name, value in [("unread", False), ("deleted", True), ("emailed", True)]
    },
    "unread: for two": lambda s: {"recipient": [s.bob, s.cid], "unread": False},
    "foo: for two": lambda s: {"recipient": [s.bob, s.cid], "foo": "bar"},
    # data
    "data: a dict": keyword("data", {"a": 1}),
    "data: a dict and a keyword": lambda s: {"data": {"a": 1}, "b": 2},
    "data: empty": keyword("data", {}),
    "data: None": keyword("data", None),
    "data: a list": keyword("data", [1]),
    "data: a text": keyword("data", "text"),
    **{
        f"foo: {kind}": keyword("foo", value)
        for kind, value in {
            "a text": "bar", "a number": 5, "None": None, "False": False, "a list": [1], "a dict": {"a": {"b": 1}},
            "a tuple": (1, 2), "a date": date(2020, 1, 2), "a moment": MOMENT, "a decimal":
            Decimal("1.50"), "a UUID": UUID(int=7),
            "a set": {1}, "bytes": b"x", "a class": int, "NaN": float("nan"),
            "70,000 characters": "x" * 70_000,
        }.items()
    },
    "foo: an object": lambda s: {"foo": s.bob},
    "foo: a queryset": lambda s: {"foo": s.users},
    "foo: a function": lambda s: {"foo": len},
    # names
    **{
        f"{name}=": keyword(name)
        for name in (
            "key", "reason", "progress", "chunk_size", "event", "events", "read_at", "done_at",
            "saved_at", "snoozed_until",
            "inbox_at", "request", "url", "type", "user", "user_id", "object", "count", "category",
            "priority", "recipients",
            "desciption", "targt", "receiver", "using", "model", "name", "is_done", "label",
            "notification", "kwargs", "id_",
        )
    },
    "key: a text, twice": lambda s: {"key": "post-1", "twice": True},
    "reason: a long text": keyword("reason", "because you asked for a refund yesterday"),
    "slug=": keyword("slug"),
    "timesince=": keyword("timesince"),
}  # fmt: skip


def outcome(site: Site, shape: Shape) -> str:
    """Return in one line what comes of a call: the rows that are there then, or the class of the error."""
    from django.db import transaction

    from notifications.models import Notification
    from notifications.signals import notify

    rows: Any = Notification._default_manager
    rows.all().delete()
    arguments = {"recipient": site.bob, "verb": "closed", **shape(site)}
    times = 2 if arguments.pop("twice", False) else 1
    try:
        with transaction.atomic(), warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            for _ in range(times):
                notify.send(site.ann, **arguments)
    except Exception as error:  # noqa: BLE001 - which one it is, is the outcome
        return type(error).__name__
    return "; ".join(told(row) for row in rows.order_by("pk")) or "nobody"


def told(row: Any) -> str:
    """Return what a row says, without what it says in every case."""
    parts = [f"{row.recipient.username}:", str(row.actor), short(row.verb)]
    for name in ("action_object", "target"):
        if getattr(row, f"{name}_object_id"):
            parts += [f"{name}={getattr(row, name)}"]
    defaults = {
        "description": None,
        "level": "info",
        "public": True,
        "unread": True,
        "deleted": False,
        "emailed": False,
    }
    parts += [
        f"{name}={short(getattr(row, name))}"
        for name, usual in defaults.items()
        if getattr(row, name) != usual
    ]
    if row.timestamp.year < 2021:
        parts.append(f"at {row.timestamp.isoformat()}")
    if row.data:
        parts.append(f"data={short(json.dumps(row.data, sort_keys=True, default=str))}")
    return " ".join(parts)


def short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    shown = repr(text) if text.strip() != text or not text else text
    return shown if len(shown) < 60 else f"({len(text)} characters)"


def main() -> None:
    """Set up a site of its own, and print what comes of each shape."""
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="only for tests",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "notifications"],
        USE_TZ=True,
        TIME_ZONE="UTC",
        LOGGING_CONFIG=None,
        **({"DJANGO_NOTIFICATIONS_CONFIG": {"USE_JSONFIELD": True}} if sys.argv[1:] == ["on"] else {}),
    )
    django.setup()
    from django.core.management import call_command

    logging.disable()
    call_command("migrate", verbosity=0)
    site = Site()
    print(json.dumps({name: outcome(site, shape) for name, shape in SHAPES.items()}))


if __name__ == "__main__":
    main()
