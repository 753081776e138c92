"""Every kind of row that an older package can have left behind."""

import datetime as dt
import json
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from things.models import Document, Project

from notifications.signals import notify

DEEP = "[" * 40 + "1" + "]" * 40

#: What stands in a text column, by name.
TEXTS = {
    "nothing": None,
    "empty object": "{}",
    "nested": json.dumps(
        {"a": [1, {"b": [None, True, 2.5, "x"]}], "actions": [{"href": "/x/", "title": "X"}]}
    ),
    "unicode": json.dumps({"grüße": "日本語 😀"}, ensure_ascii=False),
    "unicode escaped": json.dumps({"grüße": "日本語 😀"}),
    "spaced": ' {\n\t"a" : 1 ,\r\n "b" : [ ] } ',
    "key twice": '{"a": 1, "a": 2}',
    "number": "3",
    "big number": "[123456789012345678901234567890, 1.5e3, -0.1]",
    "string": '"just \\"text\\""',
    "false": "false",
    "JSON null": "null",
    "list": "[]",
    "forty levels": DEEP,
    "empty text": "",
    "blank text": "  ",
    "plain text": "a user wrote this: \\ \" ' % %s {0} 日本語 😀\n\tand this",
    "python": "{'a': u'b', 'c': None}",
    "cut off": '{"a": "b',
    "NaN": '{"a": NaN, "b": -Infinity}',
    "NUL": '{"a": "before\\u0000after"}',
    "surrogate": '{"a": "\\ud800"}',
}
COLUMNS = [
    "level",
    "recipient_id",
    "unread",
    "actor_content_type_id",
    "actor_object_id",
    "verb",
    "description",
    "target_content_type_id",
    "target_object_id",
    "action_object_content_type_id",
    "action_object_object_id",
    "timestamp",
    "public",
    "deleted",
    "emailed",
    "data",
]
#: What the JSON column of no database takes, and what that of one does not.
NOT_JSON = {"empty text", "blank text", "plain text", "python", "cut off", "NaN"}
REFUSED = {
    "sqlite": NOT_JSON,
    "postgresql": NOT_JSON | {"NUL", "surrogate"},
    "mysql": NOT_JSON | {"forty levels", "surrogate"},
}


def make(model: Any, total: int, native: bool) -> None:
    """Fill the table; where the column is native JSON, only with what such a column takes."""
    users = [User.objects.create_user(f"user{n}", f"user{n}@example.com", "secret") for n in range(7)]
    group = Group.objects.create(name="everybody")
    group.user_set.add(*users)
    projects = [Project.objects.create(name=f"Project {n}") for n in range(3)]
    document = Document.objects.create(slug="übersicht")

    # Through the package itself, as a site does it.
    for number in range(30):
        notify.send(users[number % 7], recipient=users[(number + 1) % 7], verb="sent to a user")
        notify.send(
            projects[number % 3],
            recipient=group,
            verb="sent to a group",
            action_object=document,
            target=users[0],
            description=f"Größe {number}",
            level="warning",
            public=False,
            number=number,
            nested={"a": [1, None, {"b": "日本語"}]},
        )
    model.objects.filter(recipient=users[1]).mark_all_as_read()
    model.objects.filter(recipient=users[2]).mark_all_as_deleted()

    # And as a database of many years has it.
    types = [ContentType.objects.get_for_model(kind).pk for kind in (User, Project, Document)]
    gone = ContentType.objects.create(app_label="gone", model="gone").pk
    refused = REFUSED[connection.vendor] if native else ()
    texts = [(name, text) for name, text in TEXTS.items() if name not in refused]
    own = {field.column: "own" for field in model._meta.local_fields if field.name == "details"}
    start = dt.datetime(2015, 1, 1, 12, 30, 15, 123456, tzinfo=dt.timezone.utc)
    rows = []
    for number in range(total - model.objects.count()):
        name, text = texts[number % len(texts)]
        target = number % 3
        rows.append(
            [
                ("success", "info", "warning", "error")[number % 4],
                users[number % 7].pk,
                bool(number % 2),
                types[number % 3] if number % 50 else gone,
                ("1", "2", "übersicht", "")[number % 4],
                name,
                (None, "", "line\nline", "日本語")[number % 4],
                types[target] if target else None,
                str(number) if target else None,
                types[number % 3] if number % 5 else None,
                "x" * 255 if number % 5 else None,
                connection.ops.adapt_datetimefield_value(start + dt.timedelta(minutes=number)),
                bool(number % 3),
                bool(number % 5 == 0),
                bool(number % 7 == 0),
                text,
                *own.values(),
            ]
        )
    columns = ", ".join([*COLUMNS, *own])
    places = ", ".join(["%s"] * len(rows[0]))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({places})", rows)  # noqa: S608
