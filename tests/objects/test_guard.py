"""The site's own code: whatever it does costs one row its name or its link, and one line in the log."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

import notifications
from notifications.objects import fetch, guard, labels, links
from notifications.objects.keys import attach_objects
from notifications.objects.text import MAX_LABEL_LENGTH
from tests.factories import make_issue, make_notification, make_project, rows
from tests.testapp.models import Issue, Project

pytestmark = pytest.mark.django_db

PACKAGE = Path(notifications.__file__).parent


def broken(*arguments: Any) -> Any:
    raise RuntimeError("no")


def itself(obj: Any) -> str:
    return str(obj)


def of_the_other_table(*arguments: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column FROM no_such_table")


def count_projects() -> int:
    return Project.objects.count()


# The name

ANSWERS = {
    "raises": (broken, "unavailable project"),
    "none": (lambda obj: None, "unavailable project"),
    "number": (lambda obj: 7, "unavailable project"),
    "bytes": (lambda obj: b"name", "unavailable project"),
    "recursion": (itself, "unavailable project"),
    "database": (of_the_other_table, "unavailable project"),
    "empty": (lambda obj: "", "(untitled project)"),
    "blanks": (lambda obj: " \t\n", "(untitled project)"),
    "invisible": (lambda obj: "\u200b\u2060", "(untitled project)"),
    "huge": (lambda obj: "ab" * 2_500_000, f"{'ab' * 500}"[: MAX_LABEL_LENGTH - 1] + "…"),
    "as long as can be": (lambda obj: "a" * MAX_LABEL_LENGTH, "a" * MAX_LABEL_LENGTH),
    "surrogate": (lambda obj: "a\ud800b\x00", "a\ufffdb\ufffd"),
    "punctuation": (lambda obj: "...", "..."),
}


@pytest.mark.parametrize("way", ANSWERS)
def test_a_name_is_one_that_a_page_can_show(monkeypatch: Any, caplog: Any, way: str) -> None:
    answer, shown = ANSWERS[way]
    monkeypatch.setattr(Project, "__str__", answer)
    project = make_project()
    assert [labels.name_of(project), labels.name_of(project)] == [shown, shown]
    # A query still works: the transaction of this test is not broken.
    assert Project.objects.count() == 1
    assert len(caplog.records) == (1 if shown.startswith("unavailable") else 0)
    assert all(f"testapp.Project {project.pk}: " in record.getMessage() for record in caplog.records)


def test_a_name_is_never_html(monkeypatch: Any) -> None:
    from django.utils.safestring import mark_safe

    monkeypatch.setattr(Project, "__str__", lambda obj: mark_safe("<b>"))
    assert not hasattr(labels.name_of(make_project()), "__html__")
    assert not hasattr(links.safe_url(mark_safe('/"><script>')), "__html__")


def test_the_name_of_a_model_may_fail_as_well(monkeypatch: Any) -> None:
    class Lazy:
        def __str__(self) -> str:
            raise RuntimeError

    monkeypatch.setattr(Project._meta, "verbose_name", Lazy())
    monkeypatch.setattr(Project, "__str__", broken)
    assert labels.name_of(make_project()) == "unavailable project"


# The link


@pytest.mark.parametrize("answer", [7, b"/", ["/"], object()])
def test_a_link_of_a_wrong_type_is_none_and_logged(monkeypatch: Any, caplog: Any, answer: Any) -> None:
    monkeypatch.setattr(Project, "get_absolute_url", lambda obj: answer)
    project = make_project()
    assert [links.page_of(project), links.url_of(project, None)] == ["", ""]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("hook", ["get_absolute_url", "get_url_for_notifications"])
def test_an_attribute_that_raises_costs_the_link(monkeypatch: Any, hook: str) -> None:
    monkeypatch.setattr(Project, hook, property(broken), raising=False)
    assert links.url_of(make_project(), None) == ""


# Reading


def test_an_object_that_cannot_be_read_costs_its_own_row_alone(
    justquick: Any, monkeypatch: Any, caplog: Any
) -> None:
    for name in ("a", "broken", "b"):
        make_notification(justquick, verb=name, target=make_project(name))

    def objects_of(model: Any, keys: Any, using: str) -> Any:
        found = model._base_manager.using(using).in_bulk(keys)
        if any(getattr(obj, "name", "") == "broken" for obj in found.values()):
            raise RuntimeError
        return found

    monkeypatch.setattr(fetch, "objects_of", objects_of)
    for _ in range(2):
        found = {row.verb: row.label("target") for row in rows().with_objects()}
        assert found == {"a": "a", "broken": "unavailable project", "b": "b"}
    assert len(caplog.records) == 1


def test_a_table_that_is_not_there_is_asked_once(justquick: Any, monkeypatch: Any) -> None:
    for _ in range(3):
        make_notification(justquick, target=make_project())
    asked = []

    def objects_of(model: Any, keys: Any, using: str) -> Any:
        if model is Project:
            asked.append(keys)
            raise DatabaseError
        return model._base_manager.using(using).in_bulk(keys)

    monkeypatch.setattr(fetch, "objects_of", objects_of)
    assert {row.label("target") for row in rows().with_objects()} == {"unavailable project"}
    assert len(asked) == 1


def test_a_key_that_cannot_be_read_is_of_nothing(justquick: Any, monkeypatch: Any) -> None:
    make_notification(justquick, target=make_project())
    monkeypatch.setattr(Project._meta.pk, "to_python", broken, raising=False)
    assert rows().get().target is None


# The transaction


def test_a_transaction_outlives_a_statement_that_fails(monkeypatch: Any) -> None:
    project = make_project()
    monkeypatch.setattr(Project, "__str__", of_the_other_table)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        make_issue("before")
        assert labels.name_of(project) == "unavailable project"
        make_issue("after")
    assert Issue.objects.count() == 2
    # No savepoint is left in a transaction that may be long.
    said = [query["sql"].split()[0] for query in queries]
    assert said.count("SAVEPOINT") == said.count("RELEASE") == 1


def test_what_marks_the_transaction_as_broken_is_taken_back(monkeypatch: Any) -> None:
    def saves(obj: Any) -> str:
        Issue(pk=other.pk, name="x").save(force_insert=True)
        return "saved"

    project, other = make_project(), make_issue()
    monkeypatch.setattr(Project, "__str__", saves)
    with transaction.atomic():
        assert labels.name_of(project) == "unavailable project"
        assert Issue.objects.count() == 1


def test_a_name_costs_statements_only_where_it_asks_the_database(monkeypatch: Any) -> None:
    project = make_project()
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert labels.name_of(project) == "activity-stream"
    assert len(queries) == 0
    monkeypatch.setattr(Project, "__str__", lambda obj: str(Issue.objects.count() + Project.objects.count()))
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert labels.name_of(project) == "1"
    # The savepoint and its end.
    assert len(queries) == 2 + 2


@pytest.mark.parametrize("inner", [count_projects, of_the_other_table], ids=["works", "fails"])
@pytest.mark.parametrize("outer_fails", [False, True])
def test_a_guarded_call_may_be_made_in_another_one(inner: Any, outer_fails: bool) -> None:
    """What the outer one did before and after the inner one is undone if the outer one fails, and only then."""

    def outer() -> str:
        guard.guarded("inner", "it", inner, otherwise=None)
        make_project("after")
        if outer_fails:
            raise RuntimeError
        return "done"

    with transaction.atomic():
        assert guard.guarded("outer", "it", outer, otherwise="failed") == (
            "failed" if outer_fails else "done"
        )
        assert Project.objects.count() == (not outer_fails)


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_there_is_no_savepoint(monkeypatch: Any) -> None:
    project = make_project()
    monkeypatch.setattr(Project, "__str__", lambda obj: str(Project.objects.count()))
    with CaptureQueriesContext(connection) as queries:
        assert labels.name_of(project) == "1"
    assert len(queries) == 1


# The log


def test_the_memory_of_what_was_logged_is_bounded(monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr(guard, "MAX_REMEMBERED_FAULTS", 2)
    for name in ("a", "b", "c", "c", "b", "a"):
        guard.report(name, "it", RuntimeError())
    assert [record.getMessage()[0] for record in caplog.records] == ["a", "b", "c", "a"]


def test_the_log_names_an_object_without_asking_it(caplog: Any) -> None:
    class Key:
        __str__ = broken

    project: Any = Project()
    project.pk = Key()
    guard.report(project, "its name", RuntimeError("no"))
    guard.report(type("Other", (), {"__str__": broken})(), "its name", RuntimeError("no"))
    said = "its name failed: RuntimeError: no"
    assert [record.getMessage() for record in caplog.records] == [
        f"testapp.Project: {said}",
        f"Other: {said}",
    ]


def test_an_error_that_cannot_be_said_is_logged_by_its_type(caplog: Any) -> None:
    class Unsayable(Exception):
        __str__ = __repr__ = broken

    guard.report("it", "its name", Unsayable())
    assert caplog.records[0].getMessage() == "it: its name failed: Unsayable"


# Every door

#: What belongs to the site, by the name under which it is called, and the modules that may: nobody can call it past
#: the guard without standing here.
DOORS = {
    "get_absolute_url": {"objects/links.py"},
    "get_url_for_notifications": {"objects/links.py"},
    "notifications_parents": {"contrib/subscriptions/containment.py"},
    "notifications_subject": {"contrib/subscriptions/containment.py"},
    "get_template": {"presentation/verb_templates.py"},
    "import_string": {
        "objects/faces.py",
        "objects/visibility.py",
        # It only looks whether there is something.
        "checks.py",
        # Classes that a site names once, when it starts.
        "storage/fields.py",
        "contrib/delivery/channels/__init__.py",
        "contrib/delivery/channels/webhook.py",
        "contrib/delivery/runners/__init__.py",
        "contrib/live/buses/__init__.py",
        "inbox/identity.py",
    },
    "verbose_name": {"objects/labels.py"},
}


@pytest.mark.parametrize("name", DOORS)
def test_foreign_code_is_called_behind_its_door_only(name: str) -> None:
    calls = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "migrations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load))
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "getattr"
            and any(isinstance(argument, ast.Constant) and argument.value == name for argument in node.args)
        )
    }
    assert calls <= DOORS[name]


# Async code, which must not query

QUERIES: dict[str, Callable[[Any], Any]] = {
    "attribute": lambda row: row.target,
    "page": lambda row: attach_objects([row]),
    "label": lambda row: row.label("target"),
    "sentence": str,
    "link": lambda row: row.target_object_url(),
}


@pytest.mark.parametrize("way", QUERIES)
def test_a_query_in_async_code_is_an_error_and_no_lost_object(justquick: Any, way: str) -> None:
    target = make_project()
    make_notification(justquick, target=target, action_object=make_project("another"))
    row = rows().get()

    async def look() -> Any:
        return QUERIES[way](row)

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(look())
    assert row.target == target


def test_a_name_that_queries_is_an_error_in_async_code(
    justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_notification(justquick, target=make_project())
    [row] = rows().with_objects()
    monkeypatch.setattr(Project, "__str__", lambda project: str(Project.objects.get(pk=project.pk).name))

    async def look() -> Any:
        return row.label("target")

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(look())
    assert row.label("target") == "activity-stream"
