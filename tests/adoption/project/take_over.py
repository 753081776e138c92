"""With today's package installed: take over the database of an older one, and compare."""

import itertools
import json
import logging
import pathlib
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

# Models can be imported from here on.
django.setup()

import rows  # noqa: E402
import table  # noqa: E402

NEW_COLUMNS = {**dict.fromkeys(["read_at", "event", "done_at", "saved_at", "snoozed_until"]), "reason": ""}


def main(dumped: str) -> None:
    logging.getLogger("notifications").setLevel(logging.ERROR)
    # What jsonfield says when it reads a text that is not JSON, and then gives.
    warnings.filterwarnings("ignore", ".*failed to load invalid json", RuntimeWarning)
    if settings.SWAPPED:
        write_migration()
    began = time.monotonic()
    call_command("migrate", verbosity=0)
    seconds = time.monotonic() - began

    import notifications
    from notifications.conf import get_notification_model

    model = get_notification_model()
    old = [json.loads(line) for line in pathlib.Path(dumped).read_text().splitlines()]
    differences = [
        *different_rows(model, old),
        *different_objects(model, old),
        *different_shape(model),
        *different_life(model, old),
        *different_way_back(model),
    ]
    report = {"rows": len(old), "seconds": seconds, "differences": differences}
    print(json.dumps({**report, "package": notifications.__file__}))


def write_migration() -> None:
    """Do what the page on coming from hq tells a site with a model of its own."""
    call_command("makemigrations", "inbox", name="swap", verbosity=0)
    (path,) = pathlib.Path("inbox/migrations").glob("*_swap.py")
    text = path.read_text().replace("operations = [", "written = [", 1)
    adopt = """
    operations = [
        migrations.SeparateDatabaseAndState(state_operations=written),
        AdoptTable("notification"),
    ]
"""
    path.write_text("from notifications.compat.adoption import AdoptTable\n" + text + adopt)


def expected(row: Any) -> Any:
    """Return what ``data`` is to Python in this row, and to the JSON column."""
    text = row["data"]
    if text is None or row["verb"] in rows.NOT_JSON - {"NaN"}:
        return text, text
    value = json.loads(text)
    return value, text if row["verb"] in rows.REFUSED[connection.vendor] else value


def native(model: Any) -> bool:
    return model._meta.get_field("data").get_internal_type() == "JSONField"


def different_rows(model: Any, old: Any) -> Iterator[str]:
    """Compare every column of every row."""
    for before, after in itertools.zip_longest(old, table.dump(model._meta.db_table), fillvalue={}):
        before_data, after_data = before.get("data"), after.get("data")
        if before_data is not None and after_data is not None:
            if native(model):
                same = json.loads(after_data) == expected(before)[1]
            elif before["verb"] in rows.NOT_JSON:
                same = after_data == before_data
            else:
                # PostgreSQL writes its own JSON in its own way where it is turned into text.
                same = json.loads(after_data) == json.loads(before_data)
            if same:
                after["data"] = before_data
        wanted = {**before, **NEW_COLUMNS, "inbox_at": before.get("timestamp")}
        for column in sorted({*wanted, *after}):
            if wanted.get(column) != after.get(column):
                row = before.get("id", after.get("id"))
                yield f"row {row}, {column}: {after.get(column)!r} is not {wanted.get(column)!r}"


def different_objects(model: Any, old: Any) -> Iterator[str]:
    """Read every row through the model."""
    objects = model.objects.order_by("pk").iterator()
    for before, notification in zip(old, objects, strict=True):
        wanted = expected(before)[native(model)]
        # NaN is not equal to itself, its text is.
        if notification.data != wanted and repr(notification.data) != repr(wanted):
            yield f"object {before['id']}: {notification.data!r} is not {wanted!r}"


def different_shape(model: Any) -> Iterator[str]:
    """Compare the table with that of a fresh database."""
    call_command("migrate", verbosity=0, database="fresh")
    name = model._meta.db_table
    kinds = ("column", "constraint")
    for kind, adopted, fresh in zip(
        kinds, table.shape(connection, name), table.shape(connections["fresh"], name), strict=True
    ):
        for key in sorted({*adopted, *fresh}):
            if adopted.get(key) != fresh.get(key):
                yield f"{kind} {key}: {adopted.get(key)} is not {fresh.get(key)}"
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


def different_life(model: Any, old: Any) -> Iterator[str]:
    """Go on notifying."""
    from django.contrib.auth.models import User
    from django.test import Client
    from things.models import Document

    from notifications import notify

    user, actor = User.objects.order_by("pk")[:2]
    mine = [row for row in old if row["recipient_id"] == user.pk and not row["deleted"]]
    unread = {row["id"] for row in mine if row["unread"]}
    [(_, (sent,))] = notify.send(
        actor,
        recipient=user,
        verb="sent after",
        target=Document.objects.get(),
        number=3,
        nested={"a": ["日本語"]},
    )
    checks = {
        "the next key": sent.pk == old[-1]["id"] + 1,
        "event": sent.event is not None,
        "data": model.objects.get(pk=sent.pk).data == {"number": 3, "nested": {"a": ["日本語"]}},
        "unread": set(user.notifications.unread().values_list("pk", flat=True)) == unread | {sent.pk},
        "sentence": str(model.objects.get(pk=old[0]["id"])).startswith("user0 sent to a user"),
    }
    client = Client()
    client.force_login(user)
    prefix = "/inbox/notifications/"
    newest = sorted(mine, key=lambda row: (row["timestamp"], row["id"]), reverse=True)[:99]
    page = client.get(prefix)
    checks["page"] = page.status_code == 200 and b"sent after" in page.content
    items = client.get(prefix + "api/all_list/?max=100").json()["all_list"]
    checks["list"] = [item["id"] for item in items] == [sent.pk, *(row["id"] for row in newest)]
    checks["list data"] = [item["data"] for item in items[1:]] == [
        expected(row)[native(model)] for row in newest
    ]
    client.post(f"{prefix}mark-as-read/{items[1]['slug']}/")
    client.post(f"{prefix}mark-as-read/{sent.slug}/")
    left = unread - {items[1]["id"]}
    checks["marked by the page"] = set(user.notifications.unread().values_list("pk", flat=True)) == left
    checks["all marked"] = user.notifications.mark_all_as_read() >= len(left)
    checks["read_at"] = not model.objects.filter(pk__in=left, read_at=None).exists()
    if not settings.SWAPPED:
        from replies.models import Reply

        replies = Reply.objects.order_by("pk").values_list("notification__verb", "notification__pk")
        checks["what points at rows"] = [*replies] == [(row["verb"], row["id"]) for row in old[:10]]
        from early.models import Note

        notes = [*Note.objects.order_by("pk").values_list("notification__pk", "verb", "data")]
        wanted = [(row["id"], row["verb"], json.dumps(expected(row)[0])) for row in old[:20]]
        checks["a migration that ran before ours"] = notes == wanted
        # Larger than the integers that the older keys were.
        Note.objects.create(
            notification=model.objects.create(pk=2**40, recipient=user, actor=user, verb="big")
        )
    yield from (f"{name}: not so" for name, good in checks.items() if not good)


def different_way_back(model: Any) -> Iterator[str]:
    """Take the migration back, which changes nothing, do it again, and leave."""
    if settings.SWAPPED:
        # The migrations are the site's own then.
        return
    name = model._meta.db_table
    before = table.shape(connection, name), [*table.dump(name)]
    call_command("migrate", "notifications", "0009", verbosity=0)
    call_command("migrate", verbosity=0)
    if (table.shape(connection, name), [*table.dump(name)]) != before:
        yield "back and forth changed the table"
    call_command("migrate", "notifications", "zero", verbosity=0)
    if name in connection.introspection.table_names():
        yield "the table is still there after migrate zero"
    call_command("migrate", verbosity=0)
    if model.objects.exists():
        yield "rows are there after migrate zero"


if __name__ == "__main__":
    main(sys.argv[1])
