"""The management commands: whom send_notification tells, what prune_notifications deletes, and what they draw."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.apps import AppConfig
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command, load_command_class
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

import notifications
from notifications.extensions import Extension
from notifications.management.base import Output
from notifications.management.progress import BAR_WIDTH, ProgressBar
from tests.contrib.routers import EmptyReplica
from tests.factories import (
    deleted_meanwhile,
    make_group,
    make_issue,
    make_notification,
    make_project,
    make_user,
    make_users,
    rows,
    told,
)

pytestmark = pytest.mark.django_db


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def run(name: str, *arguments: Any, stderr: io.StringIO | None = None) -> str:
    """Run a command, and return what it said."""
    out = io.StringIO()
    call_command(name, *map(str, arguments), stdout=out, stderr=stderr or io.StringIO())
    return out.getvalue().strip()


# send_notification


@pytest.fixture
def actor() -> Any:
    return make_user("actor")


def named(obj: Any) -> str:
    return f"{obj._meta.label_lower}:{obj.pk}"


def send(actor: Any, *arguments: Any, **options: Any) -> str:
    return run("send_notification", "released", "--actor", named(actor), *arguments, **options)


def test_a_group_is_told(actor: Any) -> None:
    one, two, _ = make_users(3)
    make_group("maintainers", one, two)
    assert send(actor, "--group", "maintainers") == "Notified 2 users."
    assert told() == ["user0", "user1"]


def test_all_active_users_are_told(actor: Any) -> None:
    make_users(2)
    make_user("gone", is_active=False)
    assert send(actor, "--all") == "Notified 3 users."
    assert told() == ["actor", "user0", "user1"]


def test_the_users_that_a_file_selects_are_told(actor: Any, tmp_path: Path) -> None:
    make_users(3)
    make_user("übersetzer", is_staff=True)
    query = tmp_path / "query.json"
    query.write_bytes('{"is_staff": true, "username__startswith": "ü"}'.encode())
    assert send(actor, "--query", query) == "Notified 1 user."
    assert told() == ["übersetzer"]
    query.write_text('{"username__in": []}')
    assert send(actor, "--query", query) == "Notified 0 users."


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize("who", ["--all", "--group=team", "--query=FILE"])
def test_who_and_what_a_replica_does_not_have_yet_is_found(
    actor: Any, settings: Any, tmp_path: Path, who: str
) -> None:
    make_group("team", actor)
    query = tmp_path / "query.json"
    query.write_text('{"username": "actor"}')
    settings.DATABASE_ROUTERS = [EmptyReplica("auth", actor._meta.app_label)]

    assert send(actor, who.replace("FILE", str(query))) == "Notified 1 user."


@pytest.mark.django_db(databases=["default", "other"])
def test_who_is_gone_but_for_a_replica_was_not_left_out(actor: Any, settings: Any) -> None:
    get_user_model()._base_manager.using("other").bulk_create(
        [get_user_model()(username=name) for name in ("one", "two", "three")]
    )
    settings.DATABASE_ROUTERS = [EmptyReplica("auth", actor._meta.app_label)]

    assert send(actor, "--all") == "Notified 1 user."


def test_a_query_that_finds_a_user_twice_tells_the_user_once(actor: Any, tmp_path: Path) -> None:
    (one,) = make_users(1)
    make_group("team one", one)
    make_group("team two", one)
    query = tmp_path / "query.json"
    query.write_text('{"groups__name__startswith": "team"}')
    assert send(actor, "--query", query) == "Notified 1 user."


def test_the_query_may_come_from_the_standard_input(actor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_users(2)
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"username": "user1"}'))
    assert send(actor, "--query", "-") == "Notified 1 user."
    assert told() == ["user1"]


def test_everything_that_can_be_said_is_in_the_rows(actor: Any) -> None:
    project, issue = make_project(), make_issue()
    send(
        actor,
        "--all",
        *("--target", named(project), "--action-object", named(issue)),
        *("--description", "At last.", "--level", "warning", "--data", '{"version": "6.1"}'),
    )
    row = rows().get()
    assert (row.actor, row.verb, row.target, row.action_object) == (actor, "released", project, issue)
    assert (row.description, row.level, row.data) == ("At last.", "warning", {"version": "6.1"})


def test_what_is_not_said_is_the_default(actor: Any) -> None:
    send(actor, "--all")
    row = rows().get()
    assert (row.target, row.action_object, row.description, row.data) == (None, None, None, None)
    assert (row.level, row.unread, row.recipient) == ("info", True, actor)


def test_with_a_key_a_run_is_finished_by_running_it_again(actor: Any) -> None:
    one, two, three = make_users(3)
    group = make_group("maintainers", one)
    arguments = ("--group", "maintainers", "--key", "release:6.1", "--chunk-size", "1")
    assert send(actor, *arguments) == "Notified 1 user (0 were already notified)."
    group.user_set.add(two, three)
    assert send(actor, *arguments) == "Notified 2 users (1 were already notified)."
    assert send(actor, *arguments) == "Notified 0 users (3 were already notified)."
    assert rows().of_event("release:6.1").count() == rows().count() == 3


def test_users_are_told_in_chunks(actor: Any, django_assert_num_queries: Any) -> None:
    make_users(5)
    send(actor, "--all")
    # The actor, the number of users, the edges of three chunks, of which the last is at the last user, a rest, and
    # how many were left out.
    with django_assert_num_queries(1 + 1 + 4 + 4 + 1):
        send(actor, "--all", "--chunk-size", "2")


def test_an_extension_that_names_nobody_is_no_error_and_the_command_says_so(
    actor: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("nobody_at_all")
    members = {
        "name": "nobody_at_all",
        "path": str(Path(__file__).parent),
        "__module__": "nobody_at_all",
        "notifications_audience": lambda self, event, audience: None,
    }
    vars(module)["Config"] = type("Config", (Extension, AppConfig), members)
    monkeypatch.setitem(sys.modules, "nobody_at_all", module)
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "nobody_at_all.Config"]

    said = send(actor, "--all", "--key", "release:6.1")
    assert said == "Notified 0 users (0 were already notified).\n1 of these users was left out."


def test_a_group_of_a_site_whose_users_have_none_is_a_clear_error(settings: Any) -> None:
    project, group = make_project(), make_group("staff")
    # It stands in for a user model without PermissionsMixin.
    settings.AUTH_USER_MODEL = "testapp.Quiet"
    with pytest.raises(CommandError, match="--group: recipient is a Group, but Quiet has no groups"):
        call_command("send_notification", "closed", actor=f"testapp.project:{project.pk}", group=group.name)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "one of the arguments --group --all --query is required"),
        (["--all", "--group", "x"], "not allowed with argument --all"),
        (["--all", "--query", "x"], "not allowed with argument --all"),
        (["--group", "nobody"], "There is no group 'nobody'."),
        (["--group", ""], "There is no group ''."),
        (["--query", ""], "--query: "),
        (["--query", "/nowhere/query.json"], "--query: [Errno 2] No such file"),
        (["--query", str(Path(__file__).parent)], "--query: [Errno 21] Is a directory"),
        (
            ["--all", "--target", "auth.group:1"],
            "There is no object 'auth.group:1'. Use app_label.model:pk, e.g. auth.user:1.",
        ),
        (["--all", "--target", "testapp.issue"], "There is no object 'testapp.issue'"),
        (["--all", "--target", "testapp.issue:"], "There is no object 'testapp.issue:'"),
        (["--all", "--target", "testapp.issue:x"], "There is no object 'testapp.issue:x'"),
        (["--all", "--target", f"testapp.issue:{10**40}"], "There is no object 'testapp.issue:1000"),
        (["--all", "--target", "testapp.uuidthing:7"], "There is no object 'testapp.uuidthing:7'"),
        (["--all", "--target", "testapp.nothing:1"], "There is no object 'testapp.nothing:1'"),
        (["--all", "--target", "nothing:1"], "There is no object 'nothing:1'"),
        (["--all", "--target", "a.b.c:1"], "There is no object 'a.b.c:1'"),
        (["--all", "--target", ""], "target must be a saved model instance, got ''"),
        (["--all", "--action-object", "issue 2"], "There is no object 'issue 2'"),
        (["--all", "--data", "{'a': 1}"], "--data is not JSON: "),
        (["--all", "--data", "[1]"], "--data must be a JSON object, got '[1]'."),
        (["--all", "--data", "null"], "--data must be a JSON object, got 'null'."),
        (["--all", "--data", ""], "--data is not JSON: "),
        (["--all", "--data", '{"a": "\\u0000"}'], "data['a'] holds a NUL byte"),
        (["--all", "--data", '{"a": NaN}'], "data['a'] cannot be stored as JSON"),
        (
            ["--all", "--level", "critical"],
            "level must be one of success, info, warning, error, got 'critical'",
        ),
        (["--all", "--chunk-size", "0"], "fanout_chunk must be at least 1, got 0"),
        (["--all", "--chunk-size", "many"], "invalid int value: 'many'"),
        (["--all", "--key", ""], "key must not be empty, got ''"),
        (["--all", "--key", "\x00"], "key holds a NUL byte"),
        (["--all", "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_a_bad_argument_is_a_clear_error_and_nobody_is_told(
    actor: Any, arguments: list[str], words: str
) -> None:
    with pytest.raises(CommandError, match=re.escape(words)):
        send(actor, *arguments)
    assert rows().count() == 0


@pytest.mark.parametrize(
    ("verb", "words"),
    [("", "verb must not be empty"), ("x" * 256, "verb must be at most 255 characters, got 256")],
)
def test_a_bad_verb_is_a_clear_error(actor: Any, verb: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run("send_notification", verb, "--actor", named(actor), "--all")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (b"{'is_staff': True}", "--query is not JSON: "),
        (b"", "--query is not JSON: "),
        (b'["is_staff"]', "--query must be a JSON object, got"),
        (b'{"is_stuff": true}', "--query: Cannot resolve keyword 'is_stuff' into field"),
        (b'{"is_staff__startswith__x": 1}', "--query: Unsupported lookup"),
        (b'{"is_staff": "maybe"}', "--query: "),
        (b'{"date_joined__gt": "yesterday"}', "--query: "),
        (b'{"pk__in": 7}', "--query: "),
        (b'{"": 1}', "--query: "),
        (b'"\xff"', "--query: 'utf-8' codec can't decode"),
        (b"[" * 100_000, "--query is not JSON: "),
        (b'{"pk": Infinity}', "--query: "),
        (b'{"pk__range": [1]}', "--query: "),
        (b'{"last_login__year": 99999999999}', "--query: "),
        (b'{"password__regex": "("}', "--query: "),
    ],
)
def test_a_query_that_selects_nothing_known_is_a_clear_error(
    actor: Any, tmp_path: Path, query: bytes, words: str
) -> None:
    path = tmp_path / "query.json"
    path.write_bytes(query)
    with pytest.raises(CommandError, match=re.escape(words)):
        send(actor, "--query", path)
    assert rows().count() == 0


def test_a_query_with_a_nul_finds_nobody_or_is_a_clear_error(actor: Any, tmp_path: Path) -> None:
    path = tmp_path / "query.json"
    path.write_text('{"password": "\\u0000"}')
    with suppress(CommandError):
        assert send(actor, "--query", path) == "Notified 0 users."
    assert rows().count() == 0


def test_a_query_is_not_blamed_for_a_database_that_does_not_answer(
    actor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "query.json"
    path.write_text('{"password__regex": "("}')
    monkeypatch.setattr(connections["default"], "is_usable", lambda: False)
    with pytest.raises(DatabaseError):
        send(actor, "--query", path)


def test_a_query_from_a_standard_input_that_is_closed_is_a_clear_error(
    actor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CommandError, match="--query: there is no standard input"):
        send(actor, "--query", "-")


def test_without_an_actor_the_command_says_so() -> None:
    with pytest.raises(CommandError, match="arguments are required: --actor"):
        run("send_notification", "released", "--all")


def test_on_a_terminal_sending_shows_a_bar(actor: Any) -> None:
    make_users(3)
    terminal = Terminal()
    send(actor, "--all", "--chunk-size", "2", stderr=terminal)
    assert frames(terminal) == [
        f"[{'#' * 15}{' ' * 15}]  50%  2 of 4",
        f"[{'#' * 30}] 100%  4 of 4",
    ]


def test_a_command_that_fails_at_once_draws_no_line(actor: Any) -> None:
    terminal = Terminal()
    with pytest.raises(CommandError):
        send(actor, "--all", "--level", "critical", stderr=terminal)
    assert terminal.getvalue() == ""


# The bar


def frames(terminal: Terminal) -> list[str]:
    """Return what the line showed, one after the other."""
    text = terminal.getvalue()
    assert text.endswith("\n")
    return [frame.rstrip() for frame in text.removesuffix("\n").split("\r")[1:]]


class Stream(Terminal):
    """What Django makes of the stream of a command."""

    def write(self, text: str, ending: str = "\n") -> int:
        return super().write(text + ending)


def test_the_bar_grows_to_its_full_width() -> None:
    stream = Stream()
    with ProgressBar(stream) as bar:
        for done in (0, 1, 1_500_000, 3_000_000, 4_000_000):
            bar(done, 3_000_000)
    assert frames(stream) == [
        f"[{' ' * BAR_WIDTH}]   0%  0 of 3,000,000",
        f"[{' ' * BAR_WIDTH}]   0%  1 of 3,000,000",
        f"[{'#' * (BAR_WIDTH // 2)}{' ' * (BAR_WIDTH // 2)}]  50%  1,500,000 of 3,000,000",
        f"[{'#' * BAR_WIDTH}] 100%  3,000,000 of 3,000,000",
        f"[{'#' * BAR_WIDTH}] 100%  4,000,000 of 3,000,000",
    ]


def test_who_interrupts_a_command_gets_a_line_of_their_own() -> None:
    def interrupted(stream: Any) -> None:
        with ProgressBar(stream) as bar:
            bar(500)
            raise KeyboardInterrupt

    stream = Stream()
    with pytest.raises(KeyboardInterrupt):
        interrupted(stream)
    assert frames(stream) == ["500"]


def test_a_round_in_which_nothing_happens_draws_no_line() -> None:
    stream = Stream()
    with ProgressBar(stream):
        pass
    assert stream.getvalue() == ""


def test_nothing_of_nothing_is_all_of_it() -> None:
    stream = Stream()
    with ProgressBar(stream) as bar:
        bar(0, 0)
    assert frames(stream) == [f"[{'#' * BAR_WIDTH}] 100%  0 of 0"]


def test_where_nobody_knows_the_total_the_bar_is_a_number() -> None:
    stream = Stream()
    with ProgressBar(stream) as bar:
        bar(500, None)
        bar(12_345, None)
    assert frames(stream) == ["500", "12,345"]


@pytest.mark.parametrize("stream", [io.StringIO(), object()], ids=["file", "no stream"])
def test_nothing_is_drawn_where_nobody_looks(stream: Any) -> None:
    with ProgressBar(stream) as bar:
        bar(1, 2)
        bar(1, None)
    assert not bar.shown
    assert not (isinstance(stream, io.StringIO) and stream.getvalue())


# prune_notifications


def ago(**parts: float) -> Any:
    return timezone.now() - timedelta(**parts)


def make_row(
    recipient: Any, name: str, *, days: float = 0, read_days: float | None = None, **columns: Any
) -> Any:
    """Return a row that happened, and was read, so many days ago."""
    read = {} if read_days is None else {"unread": False, "read_at": ago(days=read_days)}
    return make_notification(recipient, verb=name, timestamp=ago(days=days), **read, **columns)


def prune(*arguments: Any, **options: Any) -> str:
    return run("prune_notifications", *arguments, **options)


def left() -> list[str]:
    return sorted(rows().values_list("verb", flat=True))


@pytest.fixture
def inbox(justquick: Any) -> None:
    make_row(justquick, "old unread", days=400)
    make_row(justquick, "old, read long ago", days=400, read_days=200)
    make_row(justquick, "old, read lately", days=400, read_days=1)
    make_row(justquick, "new, read", days=1, read_days=0.5)
    make_row(justquick, "old, deleted", days=400, deleted=True)
    make_row(justquick, "new, deleted", deleted=True)
    # As older packages left them: read, and nobody knows when.
    rows().filter(pk=make_row(justquick, "old, read once", days=400, read_days=0).pk).update(read_at=None)
    rows().filter(pk=make_row(justquick, "new, read once", days=1, read_days=0).pk).update(read_at=None)


@pytest.mark.usefixtures("inbox")
@pytest.mark.parametrize(
    ("arguments", "gone"),
    [
        (["--read-older-than", "90d"], {"old, read long ago", "old, read once"}),
        (["--read-older-than", "13w"], {"old, read long ago", "old, read once"}),
        (["--read-older-than", "2d"], {"old, read long ago", "old, read once"}),
        (
            ["--read-older-than", "20h"],
            {"old, read long ago", "old, read lately", "old, read once", "new, read once"},
        ),
        (["--read-older-than", "500d"], set()),
        (["--read-older-than", "99999w"], set()),
        (
            ["--read-older-than", "0h"],
            {"old, read long ago", "old, read lately", "new, read", "old, read once", "new, read once"},
        ),
        (["--deleted"], {"old, deleted", "new, deleted"}),
        (
            ["--deleted", "--read-older-than", "90d"],
            {"old, deleted", "new, deleted", "old, read long ago", "old, read once"},
        ),
    ],
    # Of a set the order is chance, and an id must not be.
    ids=lambda words: " ".join(words) if isinstance(words, list) else str(len(words)),
)
def test_the_rules_say_what_goes(arguments: list[str], gone: set[str]) -> None:
    before = set(left())
    assert prune(*arguments, "--dry-run") == f"Would delete {len(gone)} notifications."
    assert set(left()) == before
    assert prune(*arguments) == f"Deleted {len(gone)} notifications."
    assert set(left()) == before - gone
    assert prune(*arguments) == "Deleted 0 notifications."


def test_the_newest_of_each_recipient_are_spared(justquick: Any) -> None:
    brosner = make_user("brosner")
    for days in range(1, 6):
        make_row(justquick, f"j{days}", days=days, read_days=0)
    make_row(brosner, "b1", days=100, read_days=99)
    make_row(brosner, "b2", days=200, read_days=99)

    assert prune("--keep", "2", "--dry-run") == "Would delete 3 notifications."
    assert prune("--keep", "2") == "Deleted 3 notifications."
    assert left() == ["b1", "b2", "j1", "j2"]
    assert prune("--keep", "1", "--read-older-than", "90d") == "Deleted 1 notification."
    assert left() == ["b1", "j1", "j2"]


def test_unread_rows_count_among_the_newest_and_are_never_deleted(justquick: Any) -> None:
    make_row(justquick, "1 unread", days=1)
    make_row(justquick, "2 read", days=2, read_days=0)
    make_row(justquick, "3 unread", days=3)
    make_row(justquick, "4 read", days=4, read_days=0)

    assert prune("--keep", "2") == "Deleted 1 notification."
    assert left() == ["1 unread", "2 read", "3 unread"]
    assert prune("--keep", "1") == "Deleted 1 notification."
    assert left() == ["1 unread", "3 unread"]


def test_rows_of_the_moment_of_the_last_one_that_is_kept_are_kept_too(justquick: Any) -> None:
    moment = ago(days=5)
    for name in ("a", "b", "c"):
        make_notification(justquick, verb=name, timestamp=moment, unread=False)
    make_row(justquick, "older", days=6, read_days=0)

    assert prune("--keep", "2") == "Deleted 1 notification."
    assert left() == ["a", "b", "c"]


def test_keep_spares_deleted_rows_among_the_newest(justquick: Any) -> None:
    make_row(justquick, "1 deleted", days=1, deleted=True)
    make_row(justquick, "2 deleted", days=2, deleted=True)

    assert prune("--keep", "1", "--deleted") == "Deleted 1 notification."
    assert left() == ["1 deleted"]


def test_only_the_rows_that_it_deleted_are_counted(justquick: Any) -> None:
    for number in range(3):
        make_row(justquick, f"read {number}", days=9, read_days=9)

    with deleted_meanwhile(rows().filter(verb="read 0")):
        assert prune("--read-older-than", "1d") == "Deleted 2 notifications."

    assert left() == []


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7, 8, 1000])
def test_rows_go_in_chunks_and_the_chunks_find_them_all(
    justquick: Any, chunk_size: int, django_assert_num_queries: Any
) -> None:
    for number in range(7):
        make_row(justquick, f"read {number}", days=9, read_days=9)
        make_row(justquick, f"unread {number}", days=9)
    arguments = ("--read-older-than", "1d", "--chunk-size", str(chunk_size))

    assert prune(*arguments) == "Deleted 7 notifications."
    assert left() == [f"unread {number}" for number in range(7)]


def test_on_a_terminal_pruning_shows_a_bar(justquick: Any) -> None:
    for number in range(4):
        make_row(justquick, f"read {number}", days=9, read_days=9)
    terminal = Terminal()
    prune("--read-older-than", "1d", "--chunk-size", "3", stderr=terminal)
    assert frames(terminal) == [
        f"[{'#' * 22}{' ' * 8}]  75%  3 of 4",
        f"[{'#' * 30}] 100%  4 of 4",
    ]


def test_a_dry_run_draws_no_bar(justquick: Any) -> None:
    make_row(justquick, "read", days=9, read_days=9)
    terminal = Terminal()
    prune("--read-older-than", "1d", "--dry-run", stderr=terminal)
    assert terminal.getvalue() == ""


@pytest.mark.django_db(databases=["default", "other"])
def test_the_database_can_be_named() -> None:
    here, there = make_user("here"), make_user("there", using="other")
    make_row(here, "here", days=9, read_days=9)
    row = make_row(here, "moved", days=9, read_days=9)
    row.recipient_id = there.pk
    row.save(using="other", force_insert=True)
    rows().filter(pk=row.pk).delete()

    assert prune("--read-older-than", "1d", "--database", "other") == "Deleted 1 notification."
    assert (rows().count(), rows(using="other").count()) == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Specify at least one of --read-older-than, --deleted or --keep."),
        (["--dry-run"], "Specify at least one of"),
        (
            ["--read-older-than", "90"],
            "invalid age '90'. Use a number followed by h, d or w, e.g. 12h, 90d, 8w.",
        ),
        (["--read-older-than", "d"], "invalid age 'd'"),
        (["--read-older-than", "1y"], "invalid age '1y'"),
        (["--read-older-than=-1d"], "invalid age '-1d'"),
        (["--read-older-than", "1.5d"], "invalid age '1.5d'"),
        (["--read-older-than", "999999w"], "invalid age '999999w'"),
        (["--read-older-than", "٣d"], "invalid age '٣d'"),
        (["--keep", "0"], "invalid number '0'"),
        (["--keep=-1"], "invalid number '-1'"),
        (["--keep", "all"], "invalid number 'all'"),
        (["--keep", str(10**30)], "invalid number"),
        (["--keep", "²"], "invalid number '²'"),
        (["--deleted", "--chunk-size", "0"], "invalid number '0'"),
        (["--deleted", "--chunk-size", "30001"], "30001 rows are too many for one statement"),
        (["--deleted", "--database", "nowhere"], "invalid choice: 'nowhere'"),
    ],
)
def test_a_rule_that_is_none_is_a_clear_error_and_nothing_goes(
    justquick: Any, arguments: list[str], words: str
) -> None:
    make_row(justquick, "old, deleted", days=400, read_days=300, deleted=True)
    with pytest.raises(CommandError, match=re.escape(words)):
        prune(*arguments)
    assert rows().count() == 1


def test_what_was_saved_is_never_pruned(justquick: Any) -> None:
    saved, _ = (make_notification(justquick, unread=False) for _ in range(2))
    saved.mark_as_saved()
    rows().update(read_at=timezone.now() - timedelta(days=2), deleted=True)

    call_command("prune_notifications", read_older_than=timedelta(days=1), deleted=True, stdout=io.StringIO())

    assert list(rows()) == [saved]


# All of them


@pytest.fixture
def manual(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the connections be as on a site whose setting ``AUTOCOMMIT`` is False."""
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)
    transaction.set_autocommit(False)
    yield
    connection.rollback()
    transaction.set_autocommit(True)


def test_what_a_command_writes_is_committed_also_where_nothing_is_by_itself(manual: None) -> None:
    user = make_user()
    make_notification(user, verb="said", deleted=True)
    connection.commit()

    for name, *arguments in [
        ("prune_notifications", "--deleted"),
        ("send_notification", "sent", f"--actor={named(user)}", "--all"),
    ]:
        load_command_class("notifications", name).run_from_argv(["manage.py", name, *arguments])
        # As when the process ends.
        connection.rollback()

    assert left() == ["sent"]


def test_a_command_that_is_called_writes_in_the_transaction_of_its_caller(manual: None) -> None:
    user = make_user()
    connection.commit()

    assert send(user, "--all") == "Notified 1 user."
    connection.rollback()

    assert left() == []


def files_of_commands() -> list[Path]:
    folders = Path(notifications.__file__).parent.rglob("management/commands")
    return [path for folder in folders for path in folder.glob("[!_]*.py")]


def test_no_command_writes_what_nobody_commits() -> None:
    # Those that only read, and one that commits by itself each time that it opens a connection again.
    others = {"deliver_notifications", "explain_delivery", "explain_notification"}
    files = files_of_commands()
    assert others < {path.stem for path in files}
    for path in files:
        assert ("class Command(WritingCommand):" in path.read_text()) == (path.stem not in others), path


def test_every_command_prints_as_all_do() -> None:
    for path in files_of_commands():
        text = path.read_text()
        assert re.search(r"class Command\((Printing|Writing)Command\):", text), path
        # Bars as well, of which none may leave the line open when the command is interrupted.
        assert "ProgressBar(" not in text, path
        assert text.count("progress_bar()") == text.count("with self.progress_bar() as bar:"), path


def test_every_command_counts_what_it_deleted_itself() -> None:
    # By delete_rows(), or the queryset's own method: two of them may run at once.
    for path in files_of_commands():
        text = path.read_text()
        assert not re.search(r"\.delete\b", text), path
        assert (path.stem.startswith("prune_")) == bool(re.search(r"\+= .*\bdelete_\w+\(", text)), path


def test_with_verbosity_0_nothing_is_printed(actor: Any) -> None:
    terminal = Terminal()
    assert send(actor, "--all", "--verbosity", 0, stderr=terminal) == ""
    assert terminal.getvalue() == ""
    assert told() == ["actor"]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_an_output_has_escapes_for_what_it_cannot_have(encoding: str) -> None:
    raw = io.BytesIO()
    stream = Output(io.TextIOWrapper(raw, encoding), is_silent=False)
    stream.write("größe\n")
    assert stream.encoding == encoding
    assert raw.getvalue().decode(encoding) == ("größe\n" if encoding == "utf-8" else "gr\\xf6\\xdfe\n")


@pytest.mark.parametrize("buffering", [0, -1])
def test_a_command_whose_output_nobody_reads_any_more_ends_well(actor: Any, buffering: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering) as raw:
        stream = io.TextIOWrapper(raw, write_through=not buffering)
        call_command("send_notification", "released", f"--actor={named(actor)}", "--all", stdout=stream)
        # As the interpreter does at its end.
        stream.flush()
    assert told() == ["actor"]


def test_a_command_without_a_standard_output_ends_well(actor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    call_command("send_notification", "released", f"--actor={named(actor)}", "--all")
    assert told() == ["actor"]


def test_an_output_without_flush_is_written_to() -> None:
    written: list[str] = []
    stream = Output(SimpleNamespace(write=written.append), is_silent=False)
    stream.write("text")
    stream.flush()
    assert written == ["text"]
