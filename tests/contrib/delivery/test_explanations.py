"""Why something is delivered, or is not; the command that says so, and the admin."""

from __future__ import annotations

import uuid
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, RequestFactory
from django.urls import reverse

from notifications import notify
from notifications.contrib import delivery as wing
from notifications.contrib.delivery import explain_delivery
from notifications.contrib.delivery.admin import LookAt
from notifications.contrib.delivery.management.commands import explain_delivery as explain_command
from notifications.contrib.delivery.models import Circuit, Delivery, Preference, Schedule, StoppedAddress
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.sending import deliver
from notifications.extensions import explained
from tests.contrib.routers import EmptyReplica
from tests.factories import as_child, make_project, make_user, moment, rows
from tests.testapp.models import UuidThing

pytestmark = pytest.mark.django_db

MEMORY = {"channel": "notifications.contrib.delivery.channels.memory.Channel"}


def send(user: Any, verb: str = "closed") -> Any:
    [(_, sent)] = notify.send(make_project(), verb=verb, recipient=user)
    return sent


@pytest.mark.parametrize(
    ("scope", "rule"),
    [(None, "default"), ("", "everything"), ("category:work", "category"), ("type:closed", "type")],
)
def test_the_rule_that_decided_is_named(make_type: Any, scope: str | None, rule: str) -> None:
    make_type("closed", category="work", channels={"memory": "daily"})
    user = make_user()
    if scope is not None:
        choose(user, scope, "memory", "daily")
    [row] = send(user)

    found = explain_delivery(user, row, "memory")

    assert (found.frequency, found.rule, found.status) == ("daily", rule, "pending")
    assert str(found).startswith("Memory: Daily (")
    assert str(found).endswith("Status: pending.")


def test_a_user_of_a_child_with_a_key_of_its_own_is_not_the_one_with_that_number(make_type: Any) -> None:
    make_type("closed", channels={"memory": "daily"})
    user, other = make_user(), make_user("other")
    choose(user, "type:closed", "memory", "weekly")
    choose(other, "type:closed", "memory", "instant")
    [row] = send(user)

    found = explain_delivery(as_child(user, other.pk), row, "memory")

    assert (found.frequency, found.rule, found.status) == ("weekly", "type", "pending")


def test_the_ledger_says_what_became_of_it() -> None:
    user = make_user()
    sent = send(user)
    rows().get().mark_as_read()
    deliver()

    found = explain_delivery(user, sent.event, "memory")

    assert (found.status, found.problem) == ("skipped", "read")
    assert found.text == "Memory: Immediately (the default). Status: skipped: it was read before."


@pytest.mark.parametrize(
    ("attributes", "rule"),
    [({"critical": True}, "critical"), ({"channels": {"memory": None}}, "not_offered")],
)
def test_what_nobody_can_choose_is_explained_too(make_type: Any, attributes: Any, rule: str) -> None:
    make_type("closed", **attributes)
    user = make_user()
    [row] = send(user)
    assert explain_delivery(user, row, "memory").rule == rule


def test_without_a_delivery_the_status_is_empty() -> None:
    user = make_user()
    choose(user, "", "memory", "off")
    [row] = send(user)

    found = explain_delivery(user, row, "memory")
    assert (found.frequency, found.status) == ("off", "")
    assert found.text.endswith("Status: not in the ledger.")


def test_a_row_is_explained_on_each_channel_that_is_offered_for_it_in_two_queries(
    make_type: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"memory": {}, "console": {}, "other": MEMORY},
        "DELIVERY_RUNNER": "none",
    }
    user = make_user()
    for name in ("console", "other"):
        choose(user, "other", name, "off")
    [row] = send(user)
    row.recipient = user
    make_type("closed", channels={"memory": None, "console": None, "other": "off"})

    # The savepoint that guards an extension in a transaction, and its end.
    with django_assert_num_queries(2 + 2):
        texts = explained(row)

    assert texts == [
        "Memory: Off (it is not offered on this channel). Status: pending.",
        "Memory: Off (the default). Status: not in the ledger.",
    ]


def test_an_unknown_channel_is_an_error() -> None:
    user = make_user()
    [row] = send(user)
    with pytest.raises(KeyError):
        explain_delivery(user, row, "pigeon")


def command(*arguments: Any) -> str:
    out = StringIO()
    call_command("explain_delivery", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_command_says_it_for_each_channel() -> None:
    user = make_user()
    [row] = send(user)
    expected = "Memory: Immediately (the default). Status: pending.\n"
    assert command(row.pk) == command(row.pk, "memory") == expected


@pytest.mark.django_db(databases=["default", "other"])
def test_the_command_says_it_of_a_row_that_a_replica_does_not_have_yet(settings: Any) -> None:
    [row] = send(make_user())
    settings.DATABASE_ROUTERS = [EmptyReplica(row._meta.app_label)]
    assert command(row.pk) == "Memory: Immediately (the default). Status: pending.\n"


def test_the_command_says_what_is_wrong() -> None:
    user = make_user()
    [row] = send(user)
    with pytest.raises(CommandError, match="no channel 'pigeon'"):
        command(row.pk, "pigeon")
    with pytest.raises(CommandError, match="no notification"):
        command(row.pk + 1)
    with pytest.raises(CommandError, match="is not the id"):
        command("x")


def test_the_command_takes_the_ids_of_any_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_command, "get_notification_model", lambda: UuidThing)
    with pytest.raises(CommandError, match="'x' is not the id"):
        command("x")
    with pytest.raises(CommandError, match="There is no notification"):
        command(uuid.uuid4())


def test_the_names_of_the_app_are_found_when_they_are_asked_for() -> None:
    for name in wing.__all__:
        assert getattr(wing, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = wing.nothing


# The admin

ADMIN = "/admin/notifications_delivery/"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("staff", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("model", ["delivery", "preference", "schedule", "stoppedaddress", "circuit"])
def test_the_admin_shows_and_changes_nothing(staff: Client, model: str) -> None:
    user = make_user()
    send(user)
    choose(user, "", "memory", "daily")
    Schedule.objects.create(user=user)
    StoppedAddress.objects.create(channel="email", address="a@example.com")
    Circuit.objects.create(channel="email", open_until=moment(2026, 1, 1))
    row = apps.get_model("notifications_delivery", model)._default_manager.get()

    assert staff.get(f"{ADMIN}{model}/?q=x").status_code == 200
    page = staff.get(f"{ADMIN}{model}/{row.pk}/change/").content.decode()
    assert 'name="_save"' not in page
    assert staff.get(f"{ADMIN}{model}/add/").status_code == 403
    can_delete = model in {"stoppedaddress", "circuit"}
    assert staff.get(f"{ADMIN}{model}/{row.pk}/delete/").status_code == (200 if can_delete else 403)


@pytest.mark.parametrize("way", ["page", "action"])
def test_the_admin_deletes_a_user_with_all_that_is_the_users(staff: Client, way: str) -> None:
    user = make_user()
    send(user)
    choose(user, "", "memory", "daily")
    Schedule.objects.create(user=user)
    users = reverse(f"admin:{user._meta.app_label}_{user._meta.model_name}_changelist")

    if way == "page":
        answer = staff.post(f"{users}{user.pk}/delete/", {"post": "yes"})
    else:
        action = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
        answer = staff.post(users, action)

    assert answer.status_code == 302
    assert not type(user)._default_manager.filter(pk=user.pk).exists()
    assert Delivery.objects.count() == Preference.objects.count() == Schedule.objects.count() == 0


@pytest.mark.parametrize("model", ["delivery", "preference", "schedule"])
def test_the_admin_offers_to_delete_none_of_what_it_only_shows(staff: Client, model: str) -> None:
    user = make_user()
    send(user)
    choose(user, "", "memory", "daily")
    Schedule.objects.create(user=user)

    assert "delete_selected" not in staff.get(f"{ADMIN}{model}/").content.decode()
    assert not LookAt(Delivery, site).has_delete_permission(RequestFactory().get("/"))


def test_what_failed_can_be_sent_again(staff: Client) -> None:
    user = make_user()
    for status in ("failed", "bounced", "sent"):
        send(user)
        Delivery.objects.filter(status="pending").update(status=status, attempts=9)

    keys = list(Delivery.objects.values_list("pk", flat=True))
    answer = staff.post(f"{ADMIN}delivery/", {"action": "send_again", "_selected_action": keys}, follow=True)

    assert "2 deliveries will be sent again." in answer.content.decode()
    assert sorted(Delivery.objects.values_list("status", "attempts")) == [
        ("pending", 0),
        ("pending", 0),
        ("sent", 9),
    ]


def test_who_may_only_look_cannot_send_again(client: Client) -> None:
    watcher = make_user("watcher", is_staff=True)
    watcher.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    client.force_login(watcher)
    send(make_user())

    assert "send_again" not in client.get(f"{ADMIN}delivery/").content.decode()
