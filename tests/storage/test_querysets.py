"""The queryset: adjectives filter, verbs write, and read_at follows unread through every door."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from notifications.conf import get_notification_model
from notifications.events import event_uuid
from notifications.models import AbstractNotification
from notifications.objects.fetch import key_field
from notifications.signals import read_state_changed
from notifications.storage import locking
from notifications.storage.querysets import NotificationQuerySet, assert_soft_delete, is_soft_delete
from tests.factories import listening, make_issue, make_notification, make_project, make_user, moment, rows
from tests.testapp.models import BigThing, Fork, Project, ProjectProxy, TextThing, UuidThing

pytestmark = pytest.mark.django_db

#: MariaDB reads the keys that it is to lock; the others lock and write in one statement.
READS_FIRST = connection.vendor == "mysql"


@pytest.fixture
def brosner() -> Any:
    return make_user("brosner")


@pytest.fixture
def soft(settings: Any) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}


@pytest.fixture
def hard(settings: Any) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": False}


@pytest.fixture
def changes() -> Iterator[list[tuple[Any, int]]]:
    """What read_state_changed told: whose rows, and how many."""
    heard: list[tuple[Any, int]] = []

    def listen(sender: Any, recipient_id: Any, changed: int, using: str, **kwargs: Any) -> None:
        assert (sender, using) == (get_notification_model(), "default")
        heard.append((recipient_id, changed))

    read_state_changed.connect(listen)
    yield heard
    read_state_changed.disconnect(listen)


def make_rows(recipient: Any, count: int, **columns: Any) -> list[Any]:
    model = get_notification_model()
    made: list[Any] = rows().bulk_create(
        model(recipient=recipient, actor=recipient, verb="closed", **columns) for _ in range(count)
    )
    return made


def unread() -> int:
    count: int = rows().filter(unread=True).count()
    return count


# Adjectives


@pytest.fixture
def four(justquick: Any) -> dict[str, Any]:
    """A row of each kind."""
    return {
        "unread": make_notification(justquick),
        "read": make_notification(justquick, unread=False),
        "unread, deleted": make_notification(justquick, deleted=True),
        "read, deleted": make_notification(justquick, unread=False, deleted=True),
    }


def kinds(four: dict[str, Any], found: Any) -> set[str]:
    return {kind for kind, row in four.items() if row in set(found)}


@pytest.mark.usefixtures("hard")
def test_without_soft_delete_unread_and_read_know_no_deleted_rows(four: dict[str, Any]) -> None:
    assert kinds(four, rows().unread()) == {"unread", "unread, deleted"}
    assert kinds(four, rows().read()) == {"read", "read, deleted"}
    assert kinds(four, rows().visible()) == set(four)


@pytest.mark.usefixtures("soft")
def test_under_soft_delete_unread_and_read_leave_out_the_deleted_rows(four: dict[str, Any]) -> None:
    assert kinds(four, rows().unread()) == {"unread"}
    assert kinds(four, rows().read()) == {"read"}
    assert kinds(four, rows().visible()) == {"unread", "read"}


@pytest.mark.parametrize("setting", [True, False])
def test_unread_and_read_show_deleted_rows_when_they_are_asked_for(
    four: dict[str, Any], settings: Any, setting: bool
) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": setting}
    assert kinds(four, rows().unread(include_deleted=True)) == {"unread", "unread, deleted"}
    assert kinds(four, rows().unread(True)) == {"unread", "unread, deleted"}
    assert kinds(four, rows().read(include_deleted=True)) == {"read", "read, deleted"}


@pytest.mark.usefixtures("soft")
def test_deleted_and_active_are_each_others_rest(four: dict[str, Any]) -> None:
    assert kinds(four, rows().deleted()) == {"unread, deleted", "read, deleted"}
    assert kinds(four, rows().active()) == {"unread", "read"}


@pytest.mark.usefixtures("hard")
@pytest.mark.parametrize("name", ["deleted", "active", "mark_all_as_deleted", "mark_all_as_active"])
def test_without_soft_delete_these_say_which_setting_is_missing(four: dict[str, Any], name: str) -> None:
    # django-notifications-hq said "REVERTME".
    with pytest.raises(ImproperlyConfigured, match=r'set NOTIFICATIONS\["SOFT_DELETE"\] = True') as error:
        getattr(rows(), name)()
    assert f"{name}()" in str(error.value)
    assert rows().filter(deleted=True).count() == 2


def test_the_setting_is_read_when_it_is_used(settings: Any) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": False}
    assert is_soft_delete() is False
    settings.NOTIFICATIONS = {"SOFT_DELETE": True}
    assert is_soft_delete() is True
    assert_soft_delete()


@pytest.mark.parametrize("setting", [True, False])
def test_sent_and_unsent_look_at_nothing_but_emailed(justquick: Any, settings: Any, setting: bool) -> None:
    settings.NOTIFICATIONS = {"SOFT_DELETE": setting}
    sent = [make_notification(justquick, emailed=True, deleted=deleted) for deleted in (False, True)]
    unsent = [make_notification(justquick, emailed=False, deleted=deleted) for deleted in (False, True)]
    assert set(rows().sent()) == set(sent)
    assert set(rows().unsent()) == set(unsent)


def test_the_adjectives_can_be_chained_from_the_manager_the_user_and_each_other(
    justquick: Any, brosner: Any
) -> None:
    row = make_notification(justquick, level="error", emailed=True)
    make_notification(brosner, level="error", emailed=True)
    make_notification(justquick, level="info", emailed=True)
    assert list(justquick.notifications.unread().sent().filter(level="error")) == [row]
    assert list(rows().sent().filter(recipient=justquick, level="error").unread()) == [row]
    assert list(get_notification_model()._default_manager.unread().filter(pk=row.pk)) == [row]


def test_the_related_manager_sees_one_users_rows(justquick: Any, brosner: Any) -> None:
    make_rows(justquick, 2)
    make_rows(brosner, 3)
    assert (justquick.notifications.unread().count(), brosner.notifications.unread().count()) == (2, 3)


# about


def test_about_finds_an_object_wherever_it_stands(justquick: Any, django_assert_num_queries: Any) -> None:
    project, issue = make_project(), make_issue()
    as_actor = make_notification(justquick, actor=project)
    as_action_object = make_notification(justquick, action_object=project, target=issue)
    as_target = make_notification(justquick, target=project)
    another = make_notification(justquick, target=make_project("another"), action_object=issue)
    make_notification(justquick, target=Project.objects.create(pk=project.pk + 1000, name="another"))
    with django_assert_num_queries(1):
        assert set(rows().about(project)) == {as_actor, as_action_object, as_target}
    assert list(justquick.notifications.unread().about(issue).exclude(pk=another.pk)) == [as_action_object]


def test_about_is_not_about_an_object_of_another_model_with_the_same_key(justquick: Any) -> None:
    project = make_project()
    issue = make_issue()
    issue.pk = project.pk
    issue.save(force_insert=False)
    row = make_notification(justquick, target=project)
    assert list(rows().about(issue)) == []
    assert list(rows().about(project)) == [row]


def test_about_a_user_is_about_what_the_user_did_not_what_the_user_was_told(
    justquick: Any, brosner: Any
) -> None:
    done = make_notification(justquick, actor=brosner)
    make_notification(brosner, actor=justquick)
    assert list(rows().about(brosner)) == [done]


@pytest.mark.parametrize(
    "make",
    [
        lambda: UuidThing.objects.create(name="uuid"),
        lambda: TextThing.objects.create(code="a/ü'\"%", name="text"),
        lambda: BigThing.objects.create(pk=2**63 - 1, name="big"),
        lambda: Fork.objects.create(name="fork"),
    ],
)
def test_about_takes_keys_of_every_kind(justquick: Any, make: Callable[[], Any]) -> None:
    thing = make()
    row = make_notification(justquick, target=thing)
    make_notification(justquick, target=make_project())
    assert list(rows().about(thing)) == [row]


def test_about_a_proxy_is_about_the_same_object(justquick: Any) -> None:
    proxy = ProjectProxy.objects.create(name="proxy")
    concrete = Project.objects.get(pk=proxy.pk)
    by_concrete = make_notification(justquick, target=concrete)
    own_type = ContentType.objects.get_for_model(ProjectProxy, for_concrete_model=False)
    by_proxy = make_notification(justquick, target_content_type=own_type, target_object_id=str(proxy.pk))
    assert set(rows().about(proxy)) == {by_concrete, by_proxy}
    assert list(rows().about(concrete)) == [by_concrete]


def test_about_nothing_saved_is_an_error_that_shows_it() -> None:
    with pytest.raises(ValueError, match=r"about\(\) takes a saved object, got <Project: unsaved>"):
        rows().about(Project(name="unsaved"))


@pytest.mark.parametrize("obj", [None, 1, "bob", Project, [1]], ids=repr)
def test_about_what_is_no_object_is_an_error_that_says_what_to_write(obj: Any) -> None:
    with pytest.raises(TypeError, match=r"about\(\) takes one saved object, such as about\(issue\), got"):
        rows().about(obj)


def test_about_does_not_mix_up_keys_that_differ_in_case_or_accents(justquick: Any) -> None:
    # The table of TextThing may not hold all of them on MariaDB, that of another site may.
    things = [TextThing(code=code, name=code) for code in ("aB3x", "Ab3X", "ab3x", "áb3x")]
    told = {thing.code: make_notification(justquick, target=thing, actor=thing) for thing in things}

    for thing in things:
        assert list(rows().about(thing)) == [told[thing.code]]
        assert list(rows().filter(target_object_id=thing.code)) == [told[thing.code]]
    assert rows().filter(target_object_id__in=["aB3x", "AB3X"]).count() == 1
    assert rows().order_by().values("target_object_id").distinct().count() == 4
    assert rows().about(things[0]).mark_all_as_read() == 1


# Verbs


VERBS = [
    ("mark_all_as_read", {"unread": True}, {"unread": False}),
    ("mark_all_as_unread", {"unread": False}, {"unread": True}),
    ("mark_all_as_deleted", {"deleted": False}, {"deleted": True}),
    ("mark_all_as_active", {"deleted": True}, {"deleted": False}),
    ("mark_all_as_sent", {"emailed": False}, {"emailed": True}),
    ("mark_all_as_unsent", {"emailed": True}, {"emailed": False}),
]
every_verb = pytest.mark.parametrize(("name", "before", "after"), VERBS, ids=[verb[0] for verb in VERBS])


@pytest.mark.usefixtures("soft")
@every_verb
def test_a_verb_changes_what_is_different_in_one_update_and_says_how_many(
    justquick: Any, brosner: Any, django_assert_num_queries: Any, name: str, before: Any, after: Any
) -> None:
    make_rows(justquick, 3, **before)
    make_rows(brosner, 2, **before)
    make_rows(justquick, 4, **after)
    with django_assert_num_queries(1 + READS_FIRST) as queries:
        assert getattr(rows(), name)() == 5
    assert [query["sql"][:6] for query in queries.captured_queries].count("UPDATE") == 1
    assert rows().filter(**after).count() == 9


@pytest.mark.usefixtures("soft")
@every_verb
def test_a_verb_that_changes_nothing_says_so(
    justquick: Any, django_assert_num_queries: Any, name: str, before: Any, after: Any
) -> None:
    make_rows(justquick, 2, **after)
    with django_assert_num_queries(1):
        assert getattr(rows(), name)() == 0
    assert getattr(rows().none(), name)() == 0


@pytest.mark.usefixtures("soft")
@every_verb
def test_an_update_of_a_site_need_not_say_how_many_rows_it_changed(
    justquick: Any,
    replace_verb: Any,
    django_capture_on_commit_callbacks: Any,
    name: str,
    before: Any,
    after: Any,
) -> None:
    """One that writes a column of its own besides may forget to return what Django's does."""
    make_rows(justquick, 3, **before)
    make_rows(justquick, 2, **after)
    replace_verb("update")
    with listening(read_state_changed) as heard, django_capture_on_commit_callbacks(execute=True):
        assert getattr(rows(), name)() == 3
    assert [change["changed"] for change in heard] == ([] if "emailed" in after else [3])
    assert rows().filter(**after).count() == 5


@pytest.mark.usefixtures("soft")
@every_verb
def test_a_verb_may_be_told_whose_rows(
    justquick: Any, brosner: Any, name: str, before: Any, after: Any
) -> None:
    make_rows(justquick, 3, **before)
    make_rows(brosner, 2, **before)
    assert getattr(rows(), name)(brosner) == 2
    assert getattr(rows(), name)(recipient=brosner) == 0
    assert set(rows().filter(**after).values_list("recipient", flat=True)) == {brosner.pk}
    assert getattr(rows(), name)(justquick.pk) == 3


@pytest.mark.usefixtures("soft")
@every_verb
def test_a_verb_of_a_users_rows_leaves_those_of_others_alone(
    justquick: Any, brosner: Any, name: str, before: Any, after: Any
) -> None:
    make_rows(justquick, 3, **before)
    make_rows(brosner, 2, **before)
    assert getattr(justquick.notifications, name)() == 3
    assert rows().filter(**before).count() == 2
    assert getattr(justquick.notifications, name)(brosner) == 0


@pytest.mark.usefixtures("soft")
@every_verb
def test_a_verb_obeys_the_filters_before_it(justquick: Any, name: str, before: Any, after: Any) -> None:
    make_rows(justquick, 2, level="error", **before)
    make_rows(justquick, 3, **before)
    assert getattr(justquick.notifications.filter(level="error"), name)() == 2
    assert rows().filter(**before).count() == 3


@pytest.mark.usefixtures("soft")
@every_verb
def test_the_async_twin_of_a_verb_does_the_same(
    justquick: Any, brosner: Any, name: str, before: Any, after: Any
) -> None:
    make_rows(justquick, 3, **before)
    make_rows(brosner, 2, **before)
    twin = async_to_sync(getattr(rows(), f"a{name}"))
    assert twin(brosner) == 2
    assert twin() == 3
    assert twin() == 0
    assert rows().filter(**after).count() == 5


@pytest.mark.usefixtures("soft")
def test_marking_as_read_reaches_the_deleted_rows_too(justquick: Any) -> None:
    make_rows(justquick, 2)
    make_rows(justquick, 3, deleted=True)
    assert justquick.notifications.mark_all_as_read() == 5
    assert justquick.notifications.mark_all_as_unread() == 5


@pytest.mark.usefixtures("hard")
@pytest.mark.parametrize("name", ["amark_all_as_deleted", "amark_all_as_active"])
def test_an_async_verb_needs_soft_delete_as_its_twin_does(name: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        async_to_sync(getattr(rows(), name))()


def test_a_verb_about_an_object_writes_the_rows_about_it(justquick: Any, brosner: Any) -> None:
    issue = make_issue()
    make_rows(justquick, 2, action_object=issue)
    make_rows(justquick, 1)
    make_rows(brosner, 1, action_object=issue)
    assert justquick.notifications.unread().about(issue).mark_all_as_read() == 2
    assert unread() == 2


@pytest.mark.parametrize(
    "recipient",
    [
        lambda: "bob" if key_field(get_user_model()).get_internal_type() != "CharField" else 1.5,
        lambda: get_user_model()(username="unsaved", pk=None),
        make_project,
        AnonymousUser,
        lambda: [make_user("one"), make_user("two")],
        get_user_model()._base_manager.all,
        lambda: get_user_model()._base_manager,
        lambda: True,
    ],
)
def test_a_verb_for_somebody_who_is_no_user_is_an_error_that_says_what_to_write(
    justquick: Any, recipient: Callable[[], Any]
) -> None:
    make_rows(justquick, 2)
    with pytest.raises(TypeError, match="recipient must be a saved user or the primary key of a user, got"):
        rows().mark_all_as_read(recipient=recipient())
    assert unread() == 2


def test_a_verb_takes_a_user_a_primary_key_and_its_text(justquick: Any) -> None:
    for recipient in (justquick, justquick.pk, str(justquick.pk), SimpleLazyObject(lambda: justquick)):
        make_rows(justquick, 1)
        assert rows().mark_all_as_read(recipient) == 1


@pytest.mark.parametrize(
    "shape",
    [
        lambda found: found.order_by("-timestamp"),
        lambda found: found.order_by("?"),
        lambda found: found.distinct(),
        lambda found: found.select_related("recipient"),
        lambda found: found.with_objects(),
        lambda found: found.annotate(n=Count("recipient__groups")),
        lambda found: found.annotate(twice=F("pk") * 2).filter(twice__gt=0),
        lambda found: found.filter(recipient__username="justquick"),
        lambda found: found.filter(Q(recipient__groups=None) | Q(recipient__is_active=True)),
        lambda found: found | found.filter(level="error"),
        lambda found: found & found.filter(verb="closed"),
        lambda found: found.order_by().union(found.filter(level="error").order_by()),
        lambda found: found.only("verb"),
        lambda found: found.exclude(recipient__username="brosner"),
        lambda found: found.annotate(place=Window(RowNumber(), order_by="pk")).filter(place__lte=3),
        lambda found: found.order_by("pk")[:3],
    ],
)
@pytest.mark.parametrize("is_limited", [False, True])
def test_a_verb_takes_querysets_of_any_shape(
    justquick: Any, brosner: Any, shape: Callable[[Any], Any], is_limited: bool
) -> None:
    make_rows(justquick, 3)
    make_rows(brosner, 2)
    found = shape(justquick.notifications.all())
    limits = {"recipient": justquick, "up_to": timezone.now()} if is_limited else {}
    assert found.mark_all_as_read(**limits) == 3
    assert unread() == 2
    assert found.delete_in_order() == 3
    assert rows().count() == 2


def test_a_limit_does_not_change_which_rows_are_chosen(justquick: Any) -> None:
    make_rows(justquick, 2)
    make_notification(justquick, timestamp=timezone.now() + timedelta(days=1))
    latest = Window(RowNumber(), order_by="-pk")
    chosen = rows().annotate(place=latest).filter(place=1)
    assert chosen.mark_all_as_done(up_to=timezone.now()) == 0
    assert chosen.mark_all_as_done(justquick) == 1


def test_the_verbs_of_rows_and_of_querysets_have_one_scheme_of_names_and_each_can_be_awaited() -> None:
    what = ("read", "unread", "done", "undone", "saved", "unsaved", "sent", "unsent", "deleted", "active")
    of_row = {"snooze", "unsnooze", *(f"mark_as_{name}" for name in what)}
    of_many = {"snooze_all", "unsnooze_all", *(f"mark_all_as_{name}" for name in what)}
    older = {"mark_as_sent", "mark_as_unsent"}
    for kind, names, others in (
        (AbstractNotification, of_row, set()),
        (NotificationQuerySet, of_many | {"recall"}, older),
        (type(rows()), of_many | {"recall"}, older),
    ):
        verbs = {name for name in dir(kind) if name.startswith(("mark_", "snooze", "unsnooze", "recall"))}
        verbs -= {"snoozed", "snoozed_until"}
        assert verbs == names | others
        for name in names:
            verb, awaited = getattr(kind, name), getattr(kind, f"a{name}")
            assert inspect.signature(awaited) == inspect.signature(verb)
            assert (awaited.__name__, awaited.__module__) == (f"a{name}", verb.__module__)
            assert name in awaited.__doc__


@pytest.mark.usefixtures("soft")
def test_the_older_names_of_two_verbs_do_the_same(justquick: Any, brosner: Any) -> None:
    make_rows(justquick, 3)
    make_rows(brosner, 2)
    assert [rows().mark_as_sent(brosner), rows().mark_as_sent()] == [2, 3]
    assert [justquick.notifications.mark_as_unsent(), rows().mark_as_unsent()] == [3, 2]


def test_a_verb_of_a_slice_reaches_the_rows_of_the_slice(
    justquick: Any, brosner: Any, changes: list[tuple[Any, int]], django_capture_on_commit_callbacks: Any
) -> None:
    make_rows(justquick, 5)
    make_rows(brosner, 2)
    newest = list(justquick.notifications.all()[:2])
    with django_capture_on_commit_callbacks(execute=True):
        assert justquick.notifications.all()[:2].mark_all_as_read() == 2
    assert set(justquick.notifications.read()) == set(newest)
    # The rows are still known to be of one user.
    assert changes == [(justquick.pk, 2)]
    assert justquick.notifications.unread()[1:2].mark_all_as_read(up_to=newest[0]) == 1
    assert rows().order_by("pk")[:7].mark_all_as_done(brosner) == 2
    assert rows().order_by("pk")[:4].delete_in_order() == 4
    assert rows().count() == 3


def test_a_verb_does_not_look_at_what_a_queryset_has_loaded(justquick: Any) -> None:
    make_rows(justquick, 2)
    found = justquick.notifications.unread()
    assert len(found) == 2
    assert found.mark_all_as_read() == 2
    assert found.mark_all_as_read() == 0


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_verb_cuts_what_does_not_fit_one_statement(
    justquick: Any,
    monkeypatch: Any,
    changes: list[tuple[Any, int]],
    django_capture_on_commit_callbacks: Any,
    size: int,
) -> None:
    monkeypatch.setattr(locking, "MAX_UPDATE_KEYS", size)
    make_rows(justquick, 5)
    with django_capture_on_commit_callbacks(execute=True):
        assert justquick.notifications.mark_all_as_read() == 5
    assert unread() == 0
    assert changes == [(justquick.pk, 5)]
    with django_capture_on_commit_callbacks(execute=True):
        assert justquick.notifications.delete_in_order() == 5
    assert changes == [(justquick.pk, 5), (justquick.pk, 5)]


# up_to: what came after is left alone


def test_a_verb_up_to_a_row_leaves_newer_rows_alone(justquick: Any) -> None:
    old, middle, twin, new = [
        make_notification(justquick, timestamp=moment(2026, 1, day)) for day in (1, 2, 2, 3)
    ]
    assert justquick.notifications.mark_all_as_read(up_to=middle) == 2
    assert list(justquick.notifications.unread()) == [new, twin]
    assert justquick.notifications.mark_all_as_unread(up_to=old) == 1
    # It arrived later, although it happened earlier.
    late = make_notification(justquick, timestamp=moment(2025, 1, 1))
    assert justquick.notifications.mark_all_as_read(up_to=old) == 1
    assert list(justquick.notifications.since(middle)) == [new, twin, late]
    assert late.mark_as_read()
    assert justquick.notifications.mark_all_as_unread(up_to=old) == 1
    assert async_to_sync(justquick.notifications.all().amark_all_as_read)(up_to=new) == 3


def test_a_verb_up_to_a_moment_leaves_later_rows_alone(justquick: Any, brosner: Any) -> None:
    for day in (1, 2, 3):
        make_notification(justquick, timestamp=moment(2026, 1, day))
        make_notification(brosner, timestamp=moment(2026, 1, day))
    assert rows().mark_all_as_read(justquick, up_to=moment(2026, 1, 2)) == 2
    assert rows().mark_as_sent(up_to=moment(2026, 1, 1)) == 2
    assert rows().mark_as_unsent(up_to=moment(2026, 1, 1) - timedelta(microseconds=1)) == 0


# The rows of one event


def test_of_event_finds_the_rows_by_the_events_uuid_or_its_key(justquick: Any, brosner: Any) -> None:
    event = uuid.uuid4()
    pair = [make_notification(user, event=event) for user in (justquick, brosner)]
    keyed = make_notification(justquick, event=event_uuid("order:17:paid"))
    make_notification(justquick)
    assert set(rows().of_event(event)) == set(pair)
    assert list(rows().of_event("order:17:paid")) == [keyed]
    assert list(justquick.notifications.of_event(event)) == [pair[0]]


def test_recall_deletes_what_nobody_has_read(justquick: Any, brosner: Any) -> None:
    event = event_uuid("order:17:paid")
    make_notification(justquick, event=event)
    kept = make_notification(brosner, event=event, unread=False)
    other = make_notification(justquick)
    assert rows().recall(key="order:17:paid") == 1
    assert set(rows()) == {kept, other}
    assert rows().recall(key=event) == 0
    assert async_to_sync(rows().arecall)(key="order:18:paid") == 0


def test_since_finds_what_came_into_the_inbox_after_a_moment_and_is_there(justquick: Any) -> None:
    now = timezone.now()
    make_notification(justquick, timestamp=now - timedelta(days=2))
    late = make_notification(justquick, timestamp=now - timedelta(minutes=1))
    back = make_notification(justquick, timestamp=now - timedelta(days=3))
    rows().filter(pk=back.pk).update(snoozed_until=now - timedelta(hours=1))
    make_notification(justquick, timestamp=now + timedelta(days=1))
    make_notification(justquick).mark_as_done()
    assert list(justquick.notifications.since(now - timedelta(days=1))) == [late, back]


@pytest.mark.parametrize(
    "last",
    [lambda row: row.recipient, lambda row: type(row)(), lambda row: row.pk, lambda row: date(2026, 1, 2)],
)
def test_what_is_no_last_row_and_no_time_is_an_error_that_says_so(
    justquick: Any, last: Callable[[Any], Any]
) -> None:
    row = make_notification(justquick)

    for call in (rows().since, lambda wrong: rows().mark_all_as_read(up_to=wrong)):
        with pytest.raises(TypeError, match="take a saved notification or a datetime, got"):
            call(last(row))
    assert unread() == 1


def test_with_level_finds_the_rows_of_the_levels(justquick: Any) -> None:
    made = [make_notification(justquick, level=level) for level in ("info", "error", "warning")]
    assert list(rows().with_level("error")) == [made[1]]
    assert set(rows().with_level("error", "warning")) == set(made[1:])


@pytest.mark.parametrize("levels", [(), ("fatal",), ("error", "fatal"), (["error"],)])
def test_a_level_that_there_is_not_is_an_error_that_says_which_there_are(levels: Any) -> None:
    with pytest.raises(ValueError, match="takes one or more of success, info, warning, error, got "):
        rows().with_level(*levels)


# Django's own verbs, and read_at


def states(found: Any) -> list[tuple[bool, bool]]:
    """Return of each row whether it is unread and whether it says when it was read."""
    return [(row.unread, row.read_at is not None) for row in found.order_by("pk")]


UNREAD, READ = (True, False), (False, True)


def test_the_verbs_write_read_at(justquick: Any) -> None:
    make_rows(justquick, 2)
    rows().mark_all_as_read()
    assert states(rows()) == [READ, READ]
    rows().mark_all_as_unread()
    assert states(rows()) == [UNREAD, UNREAD]


def test_marking_again_keeps_the_moment_of_the_first_reading(justquick: Any) -> None:
    make_rows(justquick, 1, unread=False, read_at=moment(2026, 1, 1))
    rows().mark_all_as_read()
    rows().update(unread=False)
    assert rows().get().read_at == moment(2026, 1, 1)


@pytest.mark.parametrize("value", [False, 0, "False", Value(False)])
def test_an_update_to_read_writes_read_at(justquick: Any, django_assert_num_queries: Any, value: Any) -> None:
    make_rows(justquick, 1)
    make_rows(justquick, 1, unread=False)
    with django_assert_num_queries(1):
        assert rows().update(unread=value) == 2
    assert states(rows()) == [READ, READ]


@pytest.mark.parametrize("value", [True, 1, "True", Value(True)])
def test_an_update_to_unread_takes_read_at_back(
    justquick: Any, django_assert_num_queries: Any, value: Any
) -> None:
    make_rows(justquick, 1)
    make_rows(justquick, 1, unread=False)
    with django_assert_num_queries(1):
        assert rows().update(unread=value) == 2
    assert states(rows()) == [UNREAD, UNREAD]


@pytest.mark.parametrize(
    "expression",
    [
        Case(When(level="error", then=True), default=False),
        Case(When(level="error", then=Value(True)), default=Value(False)),
        Q(level="error"),
        ~Q(level="info"),
        Q(level="error") | Q(level="warning"),
        F("emailed"),
        Exists(Project.objects.filter(name=OuterRef("level"))),
    ],
)
def test_an_update_by_an_expression_lets_read_at_follow_row_by_row(
    justquick: Any, django_assert_num_queries: Any, expression: Any
) -> None:
    make_project("error")
    for was_unread in (True, False):
        make_rows(justquick, 1, level="error", emailed=True, unread=was_unread)
        make_rows(justquick, 1, level="info", emailed=False, unread=was_unread)
    with django_assert_num_queries(1):
        assert rows().update(unread=expression) == 4
    assert states(rows()) == [UNREAD, READ, UNREAD, READ]


def test_an_update_that_turns_unread_over_lets_read_at_follow(justquick: Any) -> None:
    make_rows(justquick, 1)
    make_rows(justquick, 1, unread=False)
    rows().update(unread=Case(When(unread=True, then=False), default=True))
    assert states(rows()) == [READ, UNREAD]


def test_an_update_that_says_read_at_itself_is_obeyed(justquick: Any) -> None:
    make_rows(justquick, 1)
    rows().update(unread=False, read_at=moment(2026, 1, 1))
    assert rows().get().read_at == moment(2026, 1, 1)


def test_an_update_of_other_columns_leaves_read_at_alone(justquick: Any) -> None:
    make_rows(justquick, 1, unread=False, read_at=moment(2026, 1, 1))
    assert rows().update(verb="reopened", deleted=True) == 1
    assert rows().get().read_at == moment(2026, 1, 1)


def test_the_async_update_does_the_same(justquick: Any) -> None:
    make_rows(justquick, 1)
    assert async_to_sync(rows().aupdate)(unread=False) == 1
    assert states(rows()) == [READ]


def test_bulk_create_lets_read_at_follow(justquick: Any, django_assert_num_queries: Any) -> None:
    model = get_notification_model()
    made = [
        model(recipient=justquick, actor=justquick, verb="closed", unread=value) for value in (True, False)
    ]
    with django_assert_num_queries(1):
        rows().bulk_create(iter(made))
    assert states(rows()) == [UNREAD, READ]
    assert async_to_sync(rows().abulk_create)([]) == []


def test_bulk_create_over_rows_that_exist_lets_read_at_follow(justquick: Any) -> None:
    event = uuid.uuid4()
    make_rows(justquick, 1, event=event)
    model = get_notification_model()
    again = model(recipient=justquick, actor=justquick, verb="closed", unread=False, event=event)
    unique = {"unique_fields": ["event", "recipient"]} if not READS_FIRST else {}
    rows().bulk_create([again], update_conflicts=True, update_fields=["unread"], **unique)
    assert states(rows()) == [READ]


def test_bulk_create_may_pass_over_rows_that_exist(justquick: Any) -> None:
    event = uuid.uuid4()
    make_rows(justquick, 1, event=event)
    model = get_notification_model()
    again = model(recipient=justquick, actor=justquick, verb="closed", unread=False, event=event)
    rows().bulk_create([again], ignore_conflicts=True)
    assert states(rows()) == [UNREAD]


def test_bulk_update_lets_read_at_follow(justquick: Any, django_assert_num_queries: Any) -> None:
    first, second = make_rows(justquick, 1) + make_rows(justquick, 1, unread=False)
    first, second = rows().order_by("pk")
    first.unread, second.unread = False, True
    with django_assert_num_queries(1):
        assert rows().bulk_update([first, second], ["unread"]) == 2
    assert states(rows()) == [READ, UNREAD]


def changed_to(row: Any, value: Any) -> Any:
    row.unread = value
    return row


#: The ways by which Django writes a row with a value of ``unread``.
WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "save": lambda row, value: changed_to(row, value).save(),
    "save of the column": lambda row, value: changed_to(row, value).save(update_fields=["unread"]),
    "bulk_update": lambda row, value: rows().bulk_update([changed_to(row, value)], ["unread"]),
    "create": lambda row, value: make_notification(row.recipient, unread=value) and row.delete(),
    "bulk_create": lambda row, value: (
        row.delete()
        and rows().bulk_create([changed_to(type(row)(actor=row.recipient, recipient=row.recipient), value)])
    ),
}


@pytest.mark.parametrize("value", [False, 0, "False", "f", "0"])
@pytest.mark.parametrize("way", WRITES)
def test_read_at_follows_whatever_django_takes_for_false(justquick: Any, way: str, value: Any) -> None:
    WRITES[way](make_notification(justquick), value)

    assert states(rows()) == [READ]


def test_bulk_update_of_other_columns_leaves_read_at_alone(justquick: Any) -> None:
    make_rows(justquick, 1)
    row = rows().get()
    row.unread, row.verb = False, "reopened"
    assert rows().bulk_update(iter([row]), ["verb"], batch_size=10) == 1
    assert states(rows()) == [UNREAD]
    assert rows().get().verb == "reopened"


def test_delete_says_what_it_deleted(justquick: Any, brosner: Any) -> None:
    make_rows(justquick, 3)
    make_rows(brosner, 1)
    assert justquick.notifications.all().delete() == (3, {get_notification_model()._meta.label: 3})
    assert justquick.notifications.all().delete()[0] == 0
    assert async_to_sync(rows().adelete)() == (1, {get_notification_model()._meta.label: 1})


# The swapped model has a multi-table child, whose rows Django looks for first.
@pytest.mark.shape("default", "custom_user", "jsonfield", "no_tz", "soft_delete")
def test_delete_is_one_statement(justquick: Any, django_assert_num_queries: Any) -> None:
    make_rows(justquick, 3)
    with django_assert_num_queries(1):
        justquick.notifications.all().delete()
    assert rows().count() == 0


def test_a_template_cannot_call_the_verbs(justquick: Any) -> None:
    found = justquick.notifications.all()
    changing = ["update", "delete"]
    assert all(getattr(getattr(found, name), "alters_data", False) for name in changing)
    assert not hasattr(justquick.notifications, "delete")


# read_state_changed


@pytest.mark.usefixtures("soft")
@pytest.mark.parametrize(
    ("act", "changed"),
    [
        (lambda found: found.mark_all_as_read(), 3),
        (lambda found: found.mark_all_as_unread(), 2),
        (lambda found: found.mark_all_as_deleted(), 4),
        (lambda found: found.mark_all_as_active(), 1),
        (lambda found: found.update(unread=False), 5),
        (lambda found: found.update(deleted=True), 5),
        (lambda found: found.delete(), 5),
        (lambda found: found.delete_in_order(), 5),
    ],
)
def test_a_change_is_told_once_for_each_call_after_commit(
    justquick: Any,
    changes: list[tuple[Any, int]],
    django_capture_on_commit_callbacks: Any,
    act: Callable[[Any], Any],
    changed: int,
) -> None:
    make_rows(justquick, 2)
    make_rows(justquick, 2, unread=False)
    make_rows(justquick, 1, deleted=True)
    with django_capture_on_commit_callbacks(execute=True):
        act(justquick.notifications.all())
        assert changes == []
    assert changes == [(justquick.pk, changed)]


def test_a_change_of_one_row_is_told_too(
    justquick: Any, changes: list[tuple[Any, int]], django_capture_on_commit_callbacks: Any
) -> None:
    row = make_notification(justquick)
    with django_capture_on_commit_callbacks(execute=True):
        row.mark_as_read()
        row.mark_as_read()
    assert changes == [(justquick.pk, 1)]
    with django_capture_on_commit_callbacks(execute=True):
        row.mark_as_unread()
    assert changes == [(justquick.pk, 1)] * 2
    again = rows().get(pk=row.pk)
    with django_capture_on_commit_callbacks(execute=True):
        row.delete()
    assert changes == [(justquick.pk, 1)] * 3
    with django_capture_on_commit_callbacks(execute=True):
        again.delete()
    assert changes == [(justquick.pk, 1)] * 3


def test_bulk_update_tells_once(
    justquick: Any, brosner: Any, changes: list[tuple[Any, int]], django_capture_on_commit_callbacks: Any
) -> None:
    make_rows(justquick, 5)
    found = list(rows())
    for row in found:
        row.unread = False
    with django_capture_on_commit_callbacks(execute=True):
        rows().bulk_update(found, ["unread"], batch_size=2)
    assert changes == [(justquick.pk, 5)]
    make_rows(brosner, 1)
    with django_capture_on_commit_callbacks(execute=True):
        rows().bulk_update(list(rows()), ["deleted"])
    assert changes == [(justquick.pk, 5), (None, 6)]
    with django_capture_on_commit_callbacks(execute=True):
        rows().bulk_update(found, ["verb"])
    assert len(changes) == 2


@pytest.mark.parametrize(
    "act",
    [
        lambda found: found.filter(unread=False).mark_all_as_read(),
        lambda found: found.mark_as_sent(),
        lambda found: found.update(verb="reopened"),
        lambda found: found.none().delete(),
        lambda found: found.filter(verb="nothing").update(unread=False),
        lambda found: found.bulk_update([], ["unread"]),
    ],
)
def test_a_call_that_changes_no_read_state_tells_nobody(
    justquick: Any,
    changes: list[tuple[Any, int]],
    django_capture_on_commit_callbacks: Any,
    act: Callable[[Any], Any],
) -> None:
    make_rows(justquick, 2)
    with django_capture_on_commit_callbacks(execute=True):
        act(rows())
    assert changes == []


def test_what_is_rolled_back_is_told_to_nobody(
    justquick: Any, changes: list[tuple[Any, int]], django_capture_on_commit_callbacks: Any
) -> None:
    def change_and_fail() -> None:
        with transaction.atomic():
            justquick.notifications.mark_all_as_read()
            raise ZeroDivisionError

    make_rows(justquick, 2)
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert (changes, unread()) == ([], 2)


@pytest.mark.parametrize(
    "of",
    [
        lambda user, others: user.notifications.unread(),
        lambda user, others: user.notifications.filter(level="info").all(),
    ],
)
def test_a_change_of_one_users_rows_names_the_user(
    justquick: Any,
    brosner: Any,
    changes: list[tuple[Any, int]],
    django_capture_on_commit_callbacks: Any,
    of: Callable[[Any, Any], Any],
) -> None:
    make_rows(justquick, 2)
    with django_capture_on_commit_callbacks(execute=True):
        of(justquick, brosner).mark_all_as_read()
    assert changes == [(justquick.pk, 2)]


@pytest.mark.parametrize(
    "of",
    [
        lambda user, other: rows(),
        lambda user, other: rows().filter(recipient__in=[user, other]),
        lambda user, other: user.notifications.all() | other.notifications.all(),
        lambda user, other: other.notifications.all() | rows(),
        lambda user, other: user.notifications.all() ^ other.notifications.all(),
        lambda user, other: ContentType.objects.get_for_model(user).notify_actor.all(),
    ],
)
def test_a_change_that_may_reach_several_users_names_nobody(
    justquick: Any,
    brosner: Any,
    changes: list[tuple[Any, int]],
    django_capture_on_commit_callbacks: Any,
    of: Callable[[Any, Any], Any],
) -> None:
    make_rows(justquick, 2)
    make_rows(brosner, 1)
    with django_capture_on_commit_callbacks(execute=True):
        assert of(justquick, brosner).mark_all_as_read() == 3
    assert changes == [(None, 3)]


@pytest.mark.parametrize("given", [lambda user: user, lambda user: user.pk])
def test_a_verb_that_was_told_whose_rows_names_the_user(
    justquick: Any,
    brosner: Any,
    changes: list[tuple[Any, int]],
    django_capture_on_commit_callbacks: Any,
    given: Callable[[Any], Any],
) -> None:
    make_rows(justquick, 2)
    make_rows(brosner, 1)
    with django_capture_on_commit_callbacks(execute=True):
        rows().mark_all_as_read(given(justquick))
    assert changes == [(justquick.pk, 2)]


def test_a_listener_that_fails_disturbs_nobody(
    justquick: Any, changes: list[tuple[Any, int]], django_capture_on_commit_callbacks: Any, caplog: Any
) -> None:
    def fail(**kwargs: Any) -> None:
        raise ZeroDivisionError

    make_rows(justquick, 2)
    read_state_changed.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            assert justquick.notifications.mark_all_as_read() == 2
    finally:
        read_state_changed.disconnect(fail)
    assert changes == [(justquick.pk, 2)]
    assert "ZeroDivisionError" in caplog.text


# Another database


@pytest.mark.django_db(databases=["default", "other"])
def test_the_rows_of_another_database_stay_there(django_capture_on_commit_callbacks: Any) -> None:
    user = make_user("brosner", using="other")
    project = Project.objects.using("other").create(name="pinax")
    Project.objects.create(pk=project.pk, name="the same key elsewhere")
    row, second = [
        rows(using="other").create(recipient=user, actor=user, verb="closed", target=project)
        for _ in range(2)
    ]
    own = make_notification(make_user("brosner"))

    found = rows(using="other").with_objects().about(project)
    assert {str(one.target) for one in found} == {"pinax"}
    assert str(rows(using="other").get(pk=row.pk).target) == "pinax"

    with (
        listening(read_state_changed) as heard,
        django_capture_on_commit_callbacks(using="other", execute=True),
        django_capture_on_commit_callbacks(using="default", execute=True) as here,
    ):
        assert row.mark_as_read() is True
        assert rows(using="other").mark_all_as_read() == 1
        assert user.notifications.mark_all_as_unread() == 2
        second.delete()
        assert rows(using="other").all().delete()[0] == 1
    assert [change["using"] for change in heard] == ["other"] * 5
    assert here == []
    assert rows(using="other").count() == 0
    assert list(rows().unread()) == [own]
