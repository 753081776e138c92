"""The one door by which another app changes who is told."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import AppConfig, apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Value
from django.db.models.signals import pre_save

from notifications import notify
from notifications.conf import get_notification_model
from notifications.events import Event
from notifications.extensions import REASON, Extension, audience_extensions, known_settings
from notifications.objects.guard import forget_faults
from notifications.sending import audience as audience_module, batches
from tests.factories import listening, make_group, make_project, make_user, make_users, rows, told

pytestmark = pytest.mark.django_db

Plug = Callable[[Event, Any], Any]


@pytest.fixture
def install(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install one app for each of these functions, which do what ``notifications_audience`` does, in this order."""

    def install_apps(*plugs: Plug) -> None:
        names = []
        for number, plug in enumerate(plugs):
            name = f"plug{number}"
            members = {
                "name": name,
                "path": str(Path(__file__).parent),
                "notifications_audience": lambda self, event, audience, plug=plug: plug(event, audience),
            }
            module = ModuleType(name)
            vars(module)["Config"] = type("Config", (Extension, AppConfig), {**members, "__module__": name})
            monkeypatch.setitem(sys.modules, name, module)
            names.append(f"{name}.Config")
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, *names]

    return install_apps


def watch(install: Any) -> list[Event]:
    """Install an app that changes nothing, and return the events it sees."""
    seen: list[Event] = []

    def look(event: Event, audience: Any) -> Any:
        seen.append(event)
        return audience

    install(look)
    return seen


def everybody() -> Any:
    return get_user_model()._default_manager.all()


def test_the_mixin_is_no_app_configuration_so_that_django_finds_the_right_one(settings: Any) -> None:
    assert not issubclass(Extension, AppConfig)

    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.extending"]

    config: Any = apps.get_app_config("extending")
    assert (config.label, config.name) == ("extending", "tests.extending")
    assert audience_extensions()[-1] == config


@pytest.mark.without_extensions
def test_no_extension_is_installed_unless_the_site_says_so() -> None:
    assert audience_extensions() == []


def test_an_app_may_narrow_the_audience(settings: Any) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.extending"]
    ann, bob = make_user("ann"), make_user("bob", is_active=False)

    notify.send(make_project(), verb="closed", recipient=[ann, bob])
    notify.send(make_project(), verb="closed", recipient=make_group("all", ann, bob))
    notify.send(make_project(), verb="closed", recipient=everybody())
    notify.send(make_project(), verb="closed", recipient=bob)

    assert told() == ["ann", "ann", "ann"]


def test_an_app_may_widen_the_audience(install: Any) -> None:
    install(lambda event, audience: audience | everybody().filter(username="watcher"))
    ann, bob = make_user("ann"), make_user("bob")
    make_user("watcher")

    notify.send(bob, verb="closed", recipient=ann)

    assert told() == ["ann", "watcher"]


@pytest.mark.without_extensions
def test_an_app_may_name_an_audience_where_nobody_did(install: Any) -> None:
    install(lambda event, audience: everybody().filter(username="watcher") if audience is None else audience)
    make_user("watcher")

    notify.send(make_project(), verb="was saved")
    notify.send(make_user("actor"), verb="was saved")

    assert told() == ["watcher", "watcher"]


def test_an_audience_that_an_app_emptied_is_told_nothing_and_the_actor_is_not_told_instead(
    install: Any,
) -> None:
    install(lambda event, audience: everybody().none())

    [(_, answer)] = notify.send(make_user(), verb="closed")

    assert answer == []
    assert rows().count() == 0


def test_without_an_audience_the_actor_is_told_also_with_an_app_installed(install: Any) -> None:
    install(lambda event, audience: audience)

    notify.send(make_user("actor"), verb="closed")

    assert told() == ["actor"]


@pytest.mark.without_extensions
def test_without_an_audience_and_a_user_the_log_says_so_also_with_an_app_installed(
    install: Any, caplog: pytest.LogCaptureFixture
) -> None:
    install(lambda event, audience: audience)

    with caplog.at_level(logging.INFO, logger="notifications"):
        [(_, answer)] = notify.send(make_project(), verb="closed")

    assert answer == []
    assert [record.levelname for record in caplog.records] == ["INFO"]


@pytest.fixture
def wrote(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], str]]:
    """Install an app that notes each event whose rows were written: its verb, its recipients, its database."""
    seen: list[tuple[str, list[str], str]] = []

    def note(self: Any, event: Event, found: Any, using: str) -> None:
        # The order of the rows is that of the keys of users, which may be random.
        names = sorted(row.recipient.username for row in found)
        seen.append((event.verb, names, using))
        if event.verb == "failed":
            raise RuntimeError

    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.extending"]
    config: Any = type(apps.get_app_config("extending"))
    monkeypatch.setattr(config, "notifications_sent", note)
    return seen


def test_an_app_hears_of_each_event_after_its_rows_were_written(wrote: list[Any]) -> None:
    ann, bob, nobody = make_user("ann"), make_user("bob"), make_user("nobody", is_active=False)
    notify.send(make_project(), verb="closed", recipient=[ann, bob])
    notify.send(make_project(), verb="opened", recipient=make_group("all", ann, bob), fanout_chunk=1)
    notify.send(make_project(), verb="moved", recipient=nobody)
    for _ in range(2):
        notify.send(make_project(), verb="sent once", recipient=ann, idempotency_key="one")
    assert wrote == [
        ("closed", ["ann", "bob"], "default"),
        ("opened", ["ann", "bob"], "default"),
        ("moved", [], "default"),
        *[("sent once", ["ann"], "default")] * 2,
    ]


def test_an_app_hears_of_no_event_that_failed_and_makes_none_fail(
    wrote: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    forget_faults()
    with pytest.raises(ValueError, match="no user has"), transaction.atomic():
        notify.send(make_project(), verb="closed", recipient=[make_user("ann").pk, 10**6])
    notify.send(make_project(), verb="failed", recipient=make_user("bob"))
    assert wrote == [("failed", ["bob"], "default")]
    assert told() == ["bob"]
    assert "tests.extending.apps: notifications_sent() failed: RuntimeError" in caplog.text


@pytest.mark.parametrize(
    "form", [lambda ann, bob: ann, lambda ann, bob: iter([ann, bob])], ids=["one", "iterator"]
)
def test_an_app_that_takes_the_named_recipients_away_altogether_does_not_make_the_actor_one(
    install: Any, form: Any
) -> None:
    install(lambda event, audience: None)

    recipient = form(make_user("ann"), make_user("bob"))
    [(_, answer)] = notify.send(make_user("actor"), verb="closed", recipient=recipient)

    assert answer == []
    assert rows().count() == 0


def test_an_app_gives_the_named_reasons_also_where_each_row_is_saved(install: Any) -> None:
    install(lambda event, audience: audience.annotate(**{REASON: Value("author")}))

    with listening(pre_save, get_notification_model()):
        notify.send(make_project(), verb="closed", recipient=iter(make_users(3)))

    assert set(rows().values_list("reason", flat=True)) == {"author"}
    assert rows().count() == 3


def test_apps_are_asked_in_the_order_in_which_they_are_installed(install: Any) -> None:
    asked: list[tuple[str, int]] = []

    def first(event: Event, audience: Any) -> Any:
        asked.append(("first", audience.count()))
        return audience.exclude(username="user0")

    def second(event: Event, audience: Any) -> Any:
        asked.append(("second", audience.count()))
        return audience.exclude(username="user1")

    install(first, second)

    notify.send(make_project(), verb="closed", recipient=make_users(3))

    assert asked == [("first", 3), ("second", 2)]
    assert told() == ["user2"]


def test_an_app_sees_the_event(install: Any) -> None:
    seen = watch(install)
    project = make_project()

    user = make_user()
    notify.send(user, recipient=user, verb="closed", target=project, foo="bar")

    assert [(event.verb, event.target, event.data) for event in seen] == [("closed", project, {"foo": "bar"})]
    assert seen[0].uuid == rows().get().event


def test_an_app_does_not_see_an_event_that_is_refused(install: Any) -> None:
    seen = watch(install)

    with pytest.raises(ValueError, match="level"):
        notify.send(make_user(), verb="closed", level="critical")

    assert seen == []


def test_the_mixin_by_itself_changes_nothing() -> None:
    audience = everybody()

    assert Extension().notifications_audience(object(), audience) is audience  # type: ignore[arg-type]
    assert Extension().notifications_audience(object(), None) is None  # type: ignore[arg-type]


def test_members_are_judged_before_an_app_is_asked(install: Any) -> None:
    seen = watch(install)

    with pytest.raises(TypeError, match="recipient"):
        notify.send(make_user(), verb="closed", recipient=iter([None]))

    assert seen == []


def test_recipients_who_do_not_exist_are_refused_also_with_an_app_installed(install: Any) -> None:
    install(lambda event, audience: audience)
    gone = make_user("gone")
    gone_pk = gone.pk
    gone.delete()

    with pytest.raises(ValueError, match="no user has"):
        notify.send(make_user("actor"), verb="closed", recipient=[make_user("ann"), gone_pk])
    assert rows().count() == 0


@pytest.mark.parametrize("wrap", [list, iter], ids=["list", "iterator"])
def test_an_app_is_asked_about_one_batch_of_named_users_after_the_other(
    install: Any, monkeypatch: pytest.MonkeyPatch, wrap: Any
) -> None:
    """A statement that names hundreds of thousands of users is more than SQLite takes."""
    for module in (audience_module, batches):
        monkeypatch.setattr(module, "BATCH_SIZE", 2)
    asked: list[list[str]] = []

    def look(event: Event, audience: Any) -> Any:
        asked.append([user.username for user in audience.order_by("username")])
        return audience.exclude(username="user3")

    install(look)
    notify.send(make_project(), verb="closed", recipient=wrap([user.pk for user in make_users(5)]))

    assert asked == [["user0", "user1"], ["user2", "user3"], ["user4"]]
    assert told() == ["user0", "user1", "user2", "user4"]


@pytest.mark.parametrize(("named", "queries"), [(True, 2), (False, 1)])
def test_with_an_app_installed_named_users_cost_one_query_more_than_a_queryset(
    install: Any, django_assert_num_queries: Any, named: bool, queries: int
) -> None:
    watch(install)
    project, users = make_project(), make_users(3)
    ContentType.objects.get_for_model(project)

    with django_assert_num_queries(queries):
        notify.send(project, verb="closed", recipient=users if named else everybody())

    assert told() == ["user0", "user1", "user2"]


# Writing in the transaction of the rows


@pytest.fixture
def written(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], bool]]:
    """Install an app that keeps the names of the recipients of the rows that it is given, and whether they are new."""
    calls: list[tuple[list[str], bool]] = []

    def keep(self: Any, event: Event, rows: Any, using: str, *, fresh: bool) -> None:
        calls.append((sorted(rows.values_list("recipient__username", flat=True)), fresh))
        if event.verb == "failed":
            raise ZeroDivisionError

    name = "writing_app"
    module = ModuleType(name)
    members = {"name": name, "path": str(Path(__file__).parent), "notifications_written": keep}
    vars(module)["Config"] = type("Config", (Extension, AppConfig), {**members, "__module__": name})
    monkeypatch.setitem(sys.modules, name, module)
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, f"{name}.Config"]
    return calls


EVERY_WAY: dict[str, Callable[[list[Any]], Any]] = {
    "queryset": lambda users: everybody().filter(username__startswith="user"),
    "list": lambda users: users,
    "iterator": iter,
}


@pytest.mark.parametrize("recipient", EVERY_WAY.values(), ids=EVERY_WAY.keys())
def test_an_app_may_write_for_the_rows_of_an_event(
    written: Any, recipient: Callable[[list[Any]], Any]
) -> None:
    users = make_users(3)

    notify.send(make_project(), verb="closed", recipient=recipient(users))

    assert written == [(["user0", "user1", "user2"], True)]


@pytest.mark.without_extensions
@pytest.mark.parametrize("recipient", EVERY_WAY.values(), ids=EVERY_WAY.keys())
def test_an_app_is_given_the_rows_of_each_part(
    written: Any, recipient: Callable[[list[Any]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.sending.audience.BATCH_SIZE", 2)
    users = make_users(3)

    notify.send(make_project(), verb="closed", recipient=recipient(users), fanout_chunk=2)

    # In the order of primary keys, which may be random.
    assert [(len(names), fresh) for names, fresh in written] == [(2, True), (1, True)]
    assert sorted(name for names, _ in written for name in names) == ["user0", "user1", "user2"]


def test_an_app_that_may_have_added_others_makes_the_parts_overlap(install: Any, written: Any) -> None:
    install(lambda event, audience: audience | everybody().filter(username="watcher"))
    make_user("watcher")

    notify.send(make_project(), verb="closed", recipient=make_users(2), fanout_chunk=2)

    assert written == [(["user0", "user1", "watcher"], False)]


def test_an_app_has_nothing_to_write_where_nobody_was_notified(written: Any) -> None:
    users = make_users(2)
    for _ in range(2):
        notify.send(make_project(), verb="closed", recipient=everybody().none(), fanout_chunk=1)
        notify.send(users[0], verb="closed", recipient=users, idempotency_key="one", fanout_chunk=2)
    notify.send(users[0], verb="closed", recipient=everybody().none())

    assert written == [(["user0", "user1"], False)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("recipient", EVERY_WAY.values(), ids=EVERY_WAY.keys())
@pytest.mark.parametrize("options", [{}, {"fanout_chunk": 5}], ids=["whole", "in parts"])
def test_rows_do_not_stay_without_what_an_app_writes_for_them(
    written: Any, recipient: Callable[[list[Any]], Any], options: Any
) -> None:
    users = make_users(2)
    with pytest.raises(ZeroDivisionError):
        notify.send(make_project(), verb="failed", recipient=recipient(users), **options)

    assert len(written) == 1
    assert rows().count() == 0


def test_the_mixin_by_itself_writes_nothing() -> None:
    plain: Any = Extension()

    assert plain.notifications_writes(None) is False
    assert plain.notifications_written(None, None, "default", fresh=True) is None


def test_an_app_that_does_nothing_leaves_everything_as_it_is(justquick: Any) -> None:
    nothing = Extension()
    found = rows()

    assert nothing.notifications_rows(None, found) is found
    assert nothing.notifications_settings is None


def test_an_app_that_has_no_recipients_leaves_none_of_those_that_are_named(
    install: Any, justquick: Any
) -> None:
    install(lambda event, audience: None)

    notify.send(justquick, verb="closed", recipient=[justquick])

    assert not rows().exists()


def test_an_app_without_settings_adds_none(install: Any) -> None:
    before = known_settings()
    install(lambda event, audience: audience)

    assert known_settings() == before
