"""Actor, action object and target: found with few queries, and gone without a sound."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.db import models
from django.test.utils import isolate_apps
from django.utils.functional import SimpleLazyObject

from notifications import notify
from notifications.conf import get_notification_model
from notifications.objects import fast_fetch
from notifications.objects.fetch import model_of, objects_of, primary_key
from notifications.objects.keys import ObjectAccess
from notifications.presentation import serialize
from tests.factories import make_issue, make_notification, make_project, rows
from tests.testapp.models import (
    BigThing,
    Fork,
    Issue,
    Pair,
    Project,
    ProjectProxy,
    Quiet,
    SlugThing,
    TextThing,
    UuidThing,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def type_without_app() -> Any:
    """The content type of a model whose app is not installed any more."""
    yield ContentType.objects.create(app_label="gone", model="thing")
    # The cache outlives the transaction of the test.
    ContentType.objects.clear_cache()


def make_rows(recipient: Any, *, targets: list[Any], **columns: Any) -> None:
    """Write one row for each target, in one statement."""
    model = get_notification_model()
    rows().bulk_create(
        model(recipient=recipient, actor=recipient, verb="closed", target=target, **columns)
        for target in targets
    )


def names(found: Any) -> list[Any]:
    """Return what the rows have, by primary key of the row, without a query."""
    return [(row.actor, row.action_object, row.target) for row in found]


# One row


def test_an_object_is_fetched_once_by_one_query(justquick: Any, django_assert_num_queries: Any) -> None:
    project = make_project()
    row = rows().get(pk=make_notification(justquick, target=project).pk)
    with django_assert_num_queries(1):
        assert row.target == project
        assert row.target == project


def test_an_object_that_never_was_costs_no_query(justquick: Any, django_assert_num_queries: Any) -> None:
    row = rows().get(pk=make_notification(justquick).pk)
    with django_assert_num_queries(0):
        assert (row.action_object, row.target) == (None, None)


def test_an_object_is_found_by_columns_that_were_left_out(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    project = make_project()
    make_notification(justquick, target=project)
    row = rows().defer("target_object_id").get()
    with django_assert_num_queries(2):
        assert row.target == project


def test_an_object_that_was_just_put_there_costs_no_query(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    project = make_project()
    row = make_notification(justquick, target=project)
    with django_assert_num_queries(0):
        assert row.target is project


def test_the_id_is_text_from_the_start(justquick: Any) -> None:
    thing = UuidThing.objects.create(name="uuid")
    row = make_notification(justquick, target=thing)
    assert (row.target_object_id, row.actor_object_id) == (str(thing.pk), str(justquick.pk))
    assert rows().get(pk=row.pk).target_object_id == str(thing.pk)


def test_an_object_can_be_taken_away(justquick: Any) -> None:
    row = make_notification(justquick, target=make_project())
    row.target = None
    row.save()
    fresh = rows().get(pk=row.pk)
    assert (fresh.target, fresh.target_content_type, fresh.target_object_id) == (None, None, None)


def test_an_unsaved_object_cannot_be_stored(justquick: Any) -> None:
    row = make_notification(justquick)
    row.target = Project(name="unsaved")
    assert row.target_object_id is None
    with pytest.raises(ValueError, match="unsaved related object 'target'"):
        row.save()


def test_another_id_is_another_object(justquick: Any, django_assert_num_queries: Any) -> None:
    first, second = make_project("first"), make_project("second")
    row = make_notification(justquick, target=first)
    row.target_object_id = str(second.pk)
    with django_assert_num_queries(1):
        assert row.target == second


def test_another_content_type_is_another_object(justquick: Any) -> None:
    project = make_project()
    issue = Issue.objects.create(pk=project.pk, name="the same key")
    row = make_notification(justquick, target=project)
    row.target_content_type = ContentType.objects.get_for_model(Issue)
    assert row.target == issue
    row.target_content_type = None
    assert row.target is None


def test_refresh_from_db_looks_again(justquick: Any) -> None:
    project = make_project("before")
    row = make_notification(justquick, target=project)
    Project.objects.update(name="after")
    row.refresh_from_db()
    assert str(row.target) == "after"


def test_the_class_has_the_access_that_prefetch_related_looks_for() -> None:
    assert isinstance(get_notification_model().target, ObjectAccess)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Project, "no number"),
        (Project, ""),
        (Project, "1.5"),
        (Project, "9" * 30),
        (Project, "-" + "9" * 30),
        (Project, "9" * 5000),
        (Project, "1\x00"),
        (Fork, "no number"),
        (BigThing, str(2**63)),
        (BigThing, str(-(2**63) - 1)),
        (UuidThing, "no uuid"),
        (TextThing, "nul\x00byte"),
        (Pair, "(1, 2)"),
        (Pair, "[1, 2]"),
    ],
)
def test_an_id_that_no_row_can_have_is_no_key_and_costs_no_query(
    model: Any, text: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert primary_key(model, text) is None


@pytest.mark.parametrize(
    ("model", "text", "key"),
    [
        (Project, "7", 7),
        (Fork, "7", 7),
        (ProjectProxy, "7", 7),
        (BigThing, str(2**63 - 1), 2**63 - 1),
        (BigThing, str(-(2**63)), -(2**63)),
        (UuidThing, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", uuid.UUID("6ba7b8109dad11d180b400c04fd430c8")),
        (UuidThing, "6BA7B8109DAD11D180B400C04FD430C8", uuid.UUID("6ba7b8109dad11d180b400c04fd430c8")),
        (TextThing, "any/Text ü", "any/Text ü"),
        (TextThing, "", ""),
        (SlugThing, "no slug!", "no slug!"),
    ],
)
def test_an_id_is_read_as_the_key_of_its_model(model: Any, text: str, key: Any) -> None:
    assert primary_key(model, text) == key


def test_a_key_that_breaks_a_rule_of_forms_is_found_nevertheless(justquick: Any) -> None:
    thing = SlugThing.objects.create(code="no slug!", name="saved without a form")
    row = make_notification(justquick, target=thing)
    assert rows().get(pk=row.pk).target == thing


@pytest.mark.parametrize(
    "text", ["no number", "", "9" * 30, "-1", "1.5", "1; DROP TABLE auth_user", "'", "None"]
)
def test_an_id_that_does_not_fit_its_model_is_an_object_that_is_gone(justquick: Any, text: str) -> None:
    row = make_notification(justquick, target=make_project(), action_object=make_issue())
    rows().update(target_object_id=text, action_object_object_id=text, actor_object_id=text)
    fresh = rows().get(pk=row.pk)
    assert (fresh.actor, fresh.action_object, fresh.target) == (None, None, None)
    assert names(rows().with_objects()) == [(None, None, None)]


def test_a_content_type_whose_app_is_gone_is_an_object_that_is_gone(
    justquick: Any, type_without_app: ContentType
) -> None:
    make_notification(justquick, target=make_project())
    rows().update(target_content_type=type_without_app)
    assert rows().get().target is None
    assert names(rows().with_objects()) == [(justquick, None, None)]


def test_a_content_type_that_nobody_knows_is_an_object_that_is_gone(justquick: Any) -> None:
    make_notification(justquick, target=make_project())
    # No constraint of the database checks it.
    rows().update(target_content_type_id=2**31 - 1)
    assert rows().get().target is None
    assert rows().get().label("target") == "deleted object"
    assert names(rows().with_objects()) == [(justquick, None, None)]


# A page of rows


@pytest.fixture
def cast(justquick: Any, type_without_app: ContentType) -> list[Any]:
    """What 20 targets can be, most of them gone or strange. Warms the cache of content types."""
    project, issue, deleted = make_project(), make_issue(), make_project("deleted")
    things = [
        project,
        issue,
        Fork.objects.create(name="fork"),
        UuidThing.objects.create(name="uuid"),
        TextThing.objects.create(code="t/1", name="text"),
        BigThing.objects.create(pk=2**63 - 1, name="big"),
        Quiet.objects.create(),
        justquick,
        deleted,
        None,
    ]
    deleted_pk = deleted.pk
    deleted.delete()
    deleted.pk = deleted_pk
    return things


def expected(cast: list[Any]) -> list[Any]:
    return [None if thing is cast[8] else thing for thing in cast]


@pytest.mark.parametrize("count", [20, 100])
def test_a_page_costs_one_query_for_each_content_type_in_it(
    cast: list[Any], justquick: Any, django_assert_num_queries: Any, count: int
) -> None:
    make_rows(justquick, targets=cast * (count // 10))
    # The rows; user, project, issue, fork, uuid, text, big, quiet.
    with django_assert_num_queries(1 + 8):
        found = list(rows().order_by("pk").with_objects())
        assert [row.target for row in found] == expected(cast) * (count // 10)
        assert {row.actor for row in found} == {justquick}
        assert {row.action_object for row in found} == {None}


@pytest.mark.parametrize("count", [20, 100])
def test_a_content_type_that_all_three_keys_name_costs_one_query(
    justquick: Any, django_assert_num_queries: Any, count: int
) -> None:
    projects = [make_project(str(number)) for number in range(5)]
    model = get_notification_model()
    rows().bulk_create(
        model(
            recipient=justquick,
            verb="forked",
            actor=projects[number % 5],
            action_object=projects[(number + 1) % 5],
            target=projects[(number + 2) % 5],
        )
        for number in range(count)
    )
    with django_assert_num_queries(2):
        found = names(rows().order_by("pk").with_objects())
    assert found == [
        (projects[number % 5], projects[(number + 1) % 5], projects[(number + 2) % 5])
        for number in range(count)
    ]


def test_rows_whose_objects_are_all_gone_cost_no_query_for_them(
    justquick: Any, type_without_app: ContentType, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, targets=[make_project()] * 3)
    rows().update(target_content_type=type_without_app, actor_object_id="not an id of any user")
    assert ContentType.objects.get_for_id(type_without_app.pk).model_class() is None
    with django_assert_num_queries(1):
        assert names(rows().with_objects()) == [(None, None, None)] * 3


@pytest.mark.parametrize("count", [1, 20])
def test_content_types_that_nobody_knows_cost_two_queries_however_many_they_are(
    justquick: Any, django_assert_num_queries: Any, count: int
) -> None:
    """Django looks for each of them again and again, because it remembers only those that it has found."""
    made = [make_notification(justquick, target=make_project()) for _ in range(count)]
    for number, row in enumerate(made):
        rows().filter(pk=row.pk).update(target_content_type_id=2**31 - 1 - number)
    # The rows; the actors; one of the unknown types, and then which of the others are known.
    with django_assert_num_queries(2 + 2):
        found = list(rows().with_objects())
        assert {row.target for row in found} == {None}
        assert {row.label("target") for row in found} == {"deleted object"}


def test_a_row_that_is_broken_does_not_disturb_the_others(
    justquick: Any, type_without_app: ContentType
) -> None:
    project = make_project()
    broken = [make_notification(justquick, target=project) for _ in range(3)]
    whole = make_notification(justquick, target=project)
    rows().filter(pk=broken[0].pk).update(target_object_id="no number")
    rows().filter(pk=broken[1].pk).update(target_content_type=type_without_app)
    rows().filter(pk=broken[2].pk).update(target_content_type=None)
    found = {row.pk: row.target for row in rows().with_objects()}
    assert found == {**dict.fromkeys(row.pk for row in broken), whole.pk: project}
    assert len([str(row) for row in rows().with_objects()]) == 4


def test_a_proxy_is_the_concrete_object_unless_the_row_names_the_proxy(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    proxy = ProjectProxy.objects.create(name="proxy")
    make_notification(justquick, target=proxy)
    own_type = ContentType.objects.get_for_model(ProjectProxy, for_concrete_model=False)
    make_notification(justquick, target_content_type=own_type, target_object_id=str(proxy.pk))
    with django_assert_num_queries(1 + 3):
        found = [row.target for row in rows().order_by("pk").with_objects()]
    assert [type(target) for target in found] == [Project, ProjectProxy]
    assert {target.pk for target in found} == {proxy.pk}


def test_a_child_of_a_multi_table_parent_is_itself(justquick: Any) -> None:
    fork = Fork.objects.create(name="fork")
    make_notification(justquick, target=fork, actor=Project.objects.get(pk=fork.pk))
    found = rows().with_objects().get()
    assert (type(found.actor), type(found.target)) == (Project, Fork)
    assert found.target == fork


def test_two_texts_for_one_key_are_one_object(justquick: Any, django_assert_num_queries: Any) -> None:
    thing = UuidThing.objects.create(name="uuid")
    make_rows(justquick, targets=[thing, thing])
    rows().filter(pk=rows().first().pk).update(target_object_id=thing.pk.hex.upper())
    with django_assert_num_queries(3):
        assert [row.target for row in rows().with_objects()] == [thing, thing]


def test_with_objects_survives_filter_slice_clone_and_get(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    project = make_project()
    make_rows(justquick, targets=[project] * 5)
    chosen = justquick.notifications.with_objects().filter(unread=True).exclude(level="error").order_by("pk")
    for found in (chosen, chosen.all(), chosen[1:3], chosen.unread(), chosen.using("default")):
        with django_assert_num_queries(3):
            assert {row.target for row in found} == {project}
    for one in (chosen.first, chosen.last, lambda: chosen[0], lambda: chosen.get(pk=chosen.first().pk)):
        row = one()
        with django_assert_num_queries(0):
            assert (row.target, row.actor) == (project, justquick)


def test_the_objects_are_fetched_when_the_rows_are_and_not_again(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, targets=[make_project()])
    found = rows().with_objects()
    with django_assert_num_queries(3):
        assert len(found) == 1
        assert list(found) == list(found)


def test_with_objects_leaves_values_counts_and_verbs_alone(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, targets=[make_project()] * 2)
    found = rows().with_objects()
    with django_assert_num_queries(5):
        assert list(found.values("verb")) == [{"verb": "closed"}] * 2
        assert list(found.values_list("verb", flat=True)) == ["closed"] * 2
        assert list(found.values_list("verb")) == [("closed",)] * 2
        assert found.count() == 2
        assert found.exists()


def test_no_rows_cost_no_query_for_their_objects(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert list(rows().with_objects()) == []
    with django_assert_num_queries(0):
        assert list(rows().none().with_objects()) == []


def test_without_with_objects_nothing_is_fetched_ahead(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, targets=[make_project()])
    with django_assert_num_queries(1):
        assert len(rows().all()) == 1


def test_related_columns_can_come_along(justquick: Any, django_assert_num_queries: Any) -> None:
    project = make_project()
    make_rows(justquick, targets=[project] * 3)
    with django_assert_num_queries(3):
        found = [(row.recipient, row.target) for row in rows().select_related("recipient").with_objects()]
    assert found == [(justquick, project)] * 3


# prefetch_related, which users of the older packages wrote where with_objects() is now


def test_prefetch_related_finds_what_there_is(
    cast: list[Any], justquick: Any, django_assert_num_queries: Any
) -> None:
    make_rows(justquick, targets=cast * 2)
    rows().filter(pk=rows().earliest("pk").pk).update(target_object_id="no number")
    # The targets of eight models, and the actors.
    with django_assert_num_queries(1 + 8 + 1):
        found = list(rows().order_by("pk").prefetch_related("target", "actor"))
        assert [row.target for row in found[1:10]] == expected(cast)[1:]
        assert {row.actor for row in found} == {justquick}
        assert found[0].target is None


def test_prefetch_related_may_be_told_where_to_look(justquick: Any, django_assert_num_queries: Any) -> None:
    hidden, shown, issue = make_project("hidden"), make_project("shown"), make_issue()
    make_rows(justquick, targets=[hidden, shown, issue])
    only_shown = Project.objects.filter(name="shown")
    with django_assert_num_queries(3):
        found = list(rows().order_by("pk").prefetch_related(GenericPrefetch("target", [only_shown])))
        assert [row.target for row in found] == [None, shown, issue]


def test_prefetch_related_goes_on_from_the_objects(justquick: Any, django_assert_num_queries: Any) -> None:
    fork = Fork.objects.create(name="fork")
    make_rows(justquick, targets=[fork, fork])
    with django_assert_num_queries(3):
        found = list(rows().prefetch_related("target__project_ptr"))
        assert {row.target.project_ptr.name for row in found} == {"fork"}


def test_what_was_fetched_before_is_not_fetched_again(justquick: Any, django_assert_num_queries: Any) -> None:
    make_rows(justquick, targets=[make_project()])
    with django_assert_num_queries(3):
        found = rows().prefetch_related("target").with_objects().get()
        assert found.target is not None
        assert found.actor == justquick


def test_where_everything_was_fetched_before_there_is_nothing_to_fetch(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    project, issue = make_project(), make_issue()
    make_rows(justquick, targets=[project] * 2, action_object=issue)
    with django_assert_num_queries(4):
        found = names(rows().prefetch_related("actor", "action_object", "target").with_objects())
    assert found == [(justquick, issue, project)] * 2


def test_the_queries_ask_only_for_keys_that_can_exist(justquick: Any, django_assert_num_queries: Any) -> None:
    big = BigThing.objects.create(pk=1, name="big")
    make_rows(justquick, targets=[big, big])
    rows().filter(pk=rows().first().pk).update(target_object_id=str(2**64))
    with django_assert_num_queries(3) as queries:
        assert {row.target for row in rows().with_objects()} == {None, big}
    assert not any(str(2**64) in query["sql"] for query in queries.captured_queries)


# Plain statements


@isolate_apps("tests.testapp")
def test_a_column_that_is_read_through_a_function_is_left_to_django() -> None:
    class Shouted(models.TextField):  # type: ignore[type-arg]
        def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
            return f"UPPER({sql})", params

    class Loud(models.Model):
        name = Shouted()

        class Meta:
            app_label = "testapp"

    assert fast_fetch.columns_of(Loud, "default") is None
    assert fast_fetch.columns_of(Project, "default") is not None


def test_more_objects_than_one_statement_takes_are_found_too(justquick: Any) -> None:
    project = make_project("activity-stream")
    keys = set(range(project.pk, project.pk + fast_fetch.MAX_KEYS + 1))
    assert fast_fetch.by_primary_key(Project, keys, "default") is None
    assert objects_of(Project, keys, "default") == {project.pk: project}


def test_a_content_type_that_is_gone_has_no_model() -> None:
    assert model_of(2_000_000_000, None) is None


# Lazy objects, such as the user of a request, pass for what is in them

MADE = {
    "constructor": lambda model, columns: model(**columns),
    "create": lambda model, columns: model.objects.create(**columns),
    "bulk_create": lambda model, columns: model.objects.bulk_create([model(**columns)])[0],
    "related manager": lambda model, columns: columns["recipient"].notifications.create(**columns),
}


@pytest.mark.parametrize("way", MADE)
def test_a_row_of_lazy_objects_has_these_objects(justquick: Any, way: str) -> None:
    project = make_project()
    user: Any = SimpleLazyObject(lambda: type(justquick)._base_manager.get(pk=justquick.pk))
    columns = {
        "recipient": user,
        "actor": user,
        "verb": "closed",
        "target": SimpleLazyObject(lambda: Project.objects.get(pk=project.pk)),
    }
    row = MADE[way](get_notification_model(), columns)
    assert (row.actor, row.target) == (justquick, project)
    assert str(row).startswith("justquick closed activity-stream")
    lazy: Any = SimpleLazyObject(lambda: row)
    assert serialize.item(lazy)["target"] == "activity-stream"
    row.save()
    assert rows().get() == row


def test_a_verb_up_to_a_lazy_row_leaves_newer_rows_alone(justquick: Any) -> None:
    first, _ = make_notification(justquick), make_notification(justquick)
    lazy: Any = SimpleLazyObject(lambda: first)
    assert justquick.notifications.mark_all_as_read(up_to=lazy) == 1


# One object has one text, however its primary key was spelt when it was made

UUID_TEXT = "3e639537-b537-495d-aa2e-c95e7256d147"
SPELLINGS: list[tuple[Any, Any]] = [
    (UuidThing, UUID_TEXT),
    (UuidThing, UUID_TEXT.upper()),
    (UuidThing, UUID_TEXT.replace("-", "")),
    (Project, "77"),
    (Project, " 77"),
    (TextThing, " a"),
]


@pytest.mark.parametrize(("model", "pk"), SPELLINGS)
def test_an_object_is_found_however_its_key_was_spelt(justquick: Any, model: Any, pk: Any) -> None:
    made = model(pk=pk, name="it")
    made.save()
    loaded = model.objects.get()
    notify.send(justquick, verb="opened", recipient=justquick, target=made)
    make_notification(justquick, action_object=made)

    assert {row.target_object_id for row in rows().exclude(target_object_id=None)} == {str(loaded.pk)}
    assert rows().about(loaded).count() == rows().about(made).count() == 2
    assert [row.target or row.action_object for row in rows()] == [loaded] * 2
