"""The deliveries of an event: written with its rows, for whom wants them, when they want them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications import notify
from notifications.contrib.delivery import explain_delivery
from notifications.contrib.delivery.channels import Channel, get_channels, memory
from notifications.contrib.delivery.clocks import as_utc
from notifications.contrib.delivery.models import Delivery, Preference, Schedule, StoppedAddress
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.sending import stop_address
from tests.factories import make_project, make_user, make_users, moment, rows

pytestmark = pytest.mark.django_db


class Picky(memory.Channel):
    """Reach only users whose names end in an even number."""

    def reachable(self, users: Any) -> Any:
        return users.filter(username__regex="[02468]$")


class Nobody(Channel):
    default = "instant"

    def reachable(self, users: Any) -> Any:
        return users.none()


class Grouped(memory.Channel):
    """Reach users by a join that names some of them twice."""

    form = "join"

    def reachable(self, users: Any) -> Any:
        members = users.filter(groups__name__startswith="g")
        return {
            "join": members,
            "distinct": members.distinct(),
            "union": members.union(members),
        }[self.form]


PICKY = {"channel": "tests.contrib.delivery.test_ledger.Picky"}
NOBODY = {"channel": "tests.contrib.delivery.test_ledger.Nobody"}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """A Wednesday afternoon."""
    found = moment(2026, 3, 4, 15, 20)
    monkeypatch.setattr(timezone, "now", lambda: found)
    return found


def send(recipient: Any, verb: str = "closed", **arguments: Any) -> Any:
    return notify.send(make_project(), verb=verb, recipient=recipient, **arguments)


def ledger() -> list[tuple[str, str, str]]:
    found = Delivery.objects.values_list("recipient__username", "channel", "frequency")
    return sorted(found)


def everybody() -> Any:
    return get_user_model()._default_manager.all()


def test_an_event_writes_its_deliveries_by_one_statement(now: Any) -> None:
    make_users(3)
    send(make_user("before"))
    Delivery.objects.all().delete()

    with CaptureQueriesContext(connection) as captured:
        send(everybody(), verb="closed")

    inserts = [query["sql"] for query in captured if "INSERT INTO" in query["sql"]]
    assert len([sql for sql in inserts if "delivery" in sql]) == 1
    assert ledger() == [(name, "memory", "instant") for name in ("before", "user0", "user1", "user2")]
    delivery = Delivery.objects.select_related("notification").first()
    assert delivery is not None
    assert delivery.notification.recipient_id == delivery.recipient_id
    assert (delivery.status, delivery.due_at, delivery.next_attempt_at) == ("pending", now, now)
    assert (delivery.attempts, delivery.token, delivery.problem, delivery.sent_at) == (0, None, "", None)


def test_all_channels_are_one_statement_and_each_reaches_its_own(settings: Any) -> None:
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"memory": {}, "picky": PICKY, "nobody": NOBODY},
        "DELIVERY_RUNNER": "none",
    }
    users = make_users(2)

    with CaptureQueriesContext(connection) as captured:
        send(users)

    assert sum("INSERT INTO" in q["sql"] and "_delivery" in q["sql"] for q in captured) == 1
    assert ledger() == [
        ("user0", "memory", "instant"),
        ("user0", "picky", "instant"),
        ("user1", "memory", "instant"),
    ]


@pytest.mark.parametrize("form", ["join", "distinct", "union"])
def test_a_channel_reaches_a_user_once_whatever_its_queryset_is(
    settings: Any, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(Grouped, "form", form)
    path = {"channel": "tests.contrib.delivery.test_ledger.Grouped"}
    settings.NOTIFICATIONS = {"DELIVERY_CHANNELS": {"memory": path}, "DELIVERY_RUNNER": "none"}
    twice, _ = make_users(2)
    for name in ("g1", "g2"):
        twice.groups.add(Group.objects.create(name=name))

    send(everybody())

    assert ledger() == [("user0", "memory", "instant")]


@pytest.mark.parametrize("channels", [{}, {"nobody": NOBODY}])
def test_where_no_channel_reaches_anybody_nothing_is_written(settings: Any, channels: Any) -> None:
    settings.NOTIFICATIONS = {"DELIVERY_CHANNELS": channels}
    user = make_user()
    send(user)

    with CaptureQueriesContext(connection) as captured:
        send(user)

    assert not any("INSERT INTO" in q["sql"] and "_delivery" in q["sql"] for q in captured)
    assert ledger() == []


def test_a_type_that_does_not_offer_the_channel_costs_nothing(make_type: Any) -> None:
    make_type("closed", channels={"memory": None})
    user = make_user()
    project = make_project()
    notify.send(project, verb="closed", recipient=user)

    with CaptureQueriesContext(connection) as captured:
        notify.send(project, verb="closed", recipient=user)

    assert len([query for query in captured if "INSERT INTO" in query["sql"]]) == 1
    assert not any("SAVEPOINT" in query["sql"] and "INSERT" in query["sql"] for query in captured)
    assert ledger() == []


@pytest.mark.parametrize(
    ("choices", "frequency"),
    [
        ({}, "instant"),
        ({"": "daily"}, "daily"),
        ({"": "daily", "category:work": "weekly"}, "weekly"),
        ({"": "daily", "category:work": "weekly", "type:closed": "hourly"}, "hourly"),
        ({"": "off"}, None),
        ({"": "off", "type:closed": "instant"}, "instant"),
        ({"type:closed": "off"}, None),
        ({"type:opened": "off", "category:play": "off", "other": "off"}, "instant"),
    ],
)
def test_the_nearest_choice_wins(make_type: Any, choices: dict[str, str], frequency: str | None) -> None:
    make_type("closed", category="work", channels={"memory": "instant"})
    user, other = make_user("user"), make_user("zoe")
    for scope, chosen in choices.items():
        choose(user, scope, "memory", chosen)
        choose(user, scope, "another", "weekly")

    send([user, other])

    expected = [("user", "memory", frequency)] if frequency else []
    assert ledger() == [*expected, ("zoe", "memory", "instant")]


def test_a_stored_frequency_that_there_is_not_is_no_choice(client: Client) -> None:
    user = make_user("user")
    choose(user, "", "memory", "daily")
    Preference.objects.create(user=user, scope="other", channel="memory", frequency="monthly")

    send([user])

    assert ledger() == [("user", "memory", "daily")]
    assert str(explain_delivery(user, rows()[0], "memory")).startswith("Memory: Daily (")
    client.force_login(user)
    assert client.get("/inbox/settings/").status_code == 200


def test_names_that_a_collation_takes_for_the_same_are_not(settings: Any, make_type: Any) -> None:
    """As those of MySQL and MariaDB take letters with accents, and capital ones, for others."""
    memory = {"channel": "notifications.contrib.delivery.channels.memory.Channel"}
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"email": {}, "sms": memory, "SMS": memory},
        "DELIVERY_RUNNER": "none",
    }
    make_type("resume sent")
    make_type("résumé sent")
    user = make_user("user", email="ann@muller.example")
    for channel in ("sms", "SMS"):
        choose(user, "type:resume sent", channel, "off")
        choose(user, "type:résumé sent", channel, "daily")
    for name in ("ann@müller.example", "ann@möller.example"):
        stop_address("email", name, "gone", "default")

    send([user], verb="resume sent")
    assert ledger() == [("user", "email", "instant")]
    send([user], verb="résumé sent")
    assert ledger()[:2] == [("user", "SMS", "daily"), ("user", "email", "instant")]
    assert ledger()[3] == ("user", "sms", "daily")
    assert StoppedAddress.objects.count() == 2


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        (("", "memory", "monthly"), "frequency must be one of off, .* or None, got 'monthly'"),
        (("x" * 261, "memory", None), "scope must be a text of at most 260 characters"),
        (("type:a\0", "memory", "off"), "without NUL, got 'type:a"),
        (("", "x" * 33, "off"), "channel must be a text of at most 32 characters"),
    ],
)
def test_what_cannot_be_chosen_is_refused(choice: tuple[str, str, str | None], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        choose(make_user(), *choice)


def test_what_is_off_by_default_is_delivered_to_who_chose_it(make_type: Any) -> None:
    make_type("closed", channels={"memory": "off"})
    ann, _ = make_users(2)
    choose(ann, "type:closed", "memory", "daily")

    send(everybody())

    assert ledger() == [("user0", "memory", "daily")]


def test_what_is_critical_is_delivered_whatever_was_chosen(make_type: Any, now: Any) -> None:
    make_type("closed", critical=True, channels={"memory": "off"})
    user = make_user()
    choose(user, "", "memory", "off")

    send(user)

    assert ledger() == [("justquick", "memory", "instant")]
    assert Delivery.objects.get().due_at == now


def test_verbs_that_are_not_registered_are_one_scope(make_type: Any) -> None:
    make_type("closed")
    user = make_user()
    choose(user, "other", "memory", "off")

    send(user, "opened")
    send(user, "closed")

    assert [delivery.notification.verb for delivery in Delivery.objects.all()] == ["closed"]


# When it is due


@pytest.mark.parametrize(
    ("frequency", "due"),
    [
        ("instant", (2026, 3, 4, 15, 20)),
        ("hourly", (2026, 3, 4, 16, 0)),
        ("daily", (2026, 3, 5, 9, 0)),
        ("weekly", (2026, 3, 9, 9, 0)),
    ],
)
def test_a_delivery_says_when_it_is_due(now: Any, frequency: str, due: Any) -> None:
    user = make_user()
    choose(user, "", "memory", frequency)

    send(user)

    delivery = Delivery.objects.get()
    assert delivery.due_at == delivery.next_attempt_at == moment(*due)


@pytest.mark.parametrize(
    ("frequency", "due"), [("daily", (2026, 3, 5, 7, 0)), ("weekly", (2026, 3, 6, 7, 0))]
)
def test_digests_are_due_by_the_clock_of_the_recipient(now: Any, frequency: str, due: Any) -> None:
    user = make_user()
    choose(user, "", "memory", frequency)
    schedule = Schedule(user=user, time_zone="Europe/Berlin", digest_time="08:00", digest_weekday=4)
    schedule.digest_time = Schedule._meta.get_field("digest_time").to_python("08:00")
    schedule.settle()
    schedule.save()

    send(user)

    assert as_utc(Delivery.objects.get().due_at) == as_utc(moment(*due))


def test_email_waits_for_the_delay_of_the_type_whatever_the_channel_is_called(
    make_type: Any, now: Any, settings: Any
) -> None:
    make_type("closed", email_delay=timedelta(minutes=2))
    mail = {"channel": "notifications.contrib.delivery.channels.email.Channel"}
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"memory": {}, "mail": mail},
        "DELIVERY_RUNNER": "none",
    }

    send(make_user(email="ann@example.com"))

    due = dict(Delivery.objects.values_list("channel", "due_at"))
    assert due == {"memory": now, "mail": now + timedelta(minutes=2)}


# With the rows, once, and all of them


def test_deliveries_die_with_the_transaction_of_the_rows() -> None:
    user = make_user()
    with transaction.atomic():
        send(user)
        assert ledger()
        transaction.set_rollback(True)
    assert ledger() == []


@pytest.mark.parametrize("chunk", [None, 2])
def test_an_event_that_is_sent_again_writes_what_is_missing(chunk: int | None) -> None:
    users = make_users(3)
    project = make_project()

    def again(recipient: Any) -> None:
        notify.send(project, verb="closed", recipient=recipient, idempotency_key="one", fanout_chunk=chunk)

    again(users[:1])
    again(users[:2])
    again(everybody())
    again(users)

    assert ledger() == [(name, "memory", "instant") for name in ("user0", "user1", "user2")]


@pytest.mark.parametrize("chunk", [None, 1, 2, 10])
def test_each_row_has_its_delivery_in_whatever_parts_it_is_written(chunk: int | None) -> None:
    users = make_users(5)

    send(everybody(), fanout_chunk=chunk)
    send(users, fanout_chunk=chunk)
    send(iter(users), fanout_chunk=chunk)

    assert Delivery.objects.count() == rows().count() == 15


def test_the_runner_is_woken_after_the_commit(
    settings: Any, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr("notifications.contrib.delivery.runners.wait_for_command", woken.append)
    user = make_user()

    with django_capture_on_commit_callbacks(execute=True):
        send(user)
        choose(user, "", "memory", "off")
        send(user)
        assert woken == []

    assert woken == ["default"]


def test_a_runner_that_fails_does_not_reach_the_sender(
    settings: Any, django_capture_on_commit_callbacks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "DELIVERY_RUNNER": "nowhere.at.all"}

    with django_capture_on_commit_callbacks(execute=True):
        send(make_user())

    assert "The runner nowhere.at.all failed" in caplog.text
    assert len(ledger()) == 1


# What stays


def test_a_delivery_outlives_its_notification_and_not_its_recipient() -> None:
    user = make_user()
    send(user)
    rows().all().delete()
    assert len(ledger()) == 1

    user.delete()

    assert ledger() == []


def test_channels_are_loaded_once() -> None:
    assert get_channels() is get_channels()


class OfTenant(models.Manager[Any]):
    """Returns the users of the current tenant, as a base manager of a site may."""

    tenant = "a"

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(username__startswith=self.tenant)


def test_a_base_manager_that_filters_by_what_changes_is_asked_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users = [make_user("ann"), make_user("bob")]
    manager = OfTenant()
    manager.model = get_user_model()
    monkeypatch.setattr(get_user_model()._meta, "base_manager", manager)
    for tenant in ("a", "b"):
        monkeypatch.setattr(OfTenant, "tenant", tenant)
        send(get_user_model()._default_manager.filter(pk__in=[user.pk for user in users]))

    assert sorted(name for name, _, _ in ledger()) == ["ann", "bob"]
