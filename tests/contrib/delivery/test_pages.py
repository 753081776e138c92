"""The page of preferences, with and without logging in, and the end of a subscription by one click."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.signing import dumps
from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from notifications import notify
from notifications.contrib.delivery import links
from notifications.contrib.delivery.models import Delivery, Preference, Schedule
from notifications.contrib.delivery.pages import preferences as page
from notifications.contrib.delivery.preferences import choices_of, choose, turn_off
from tests.factories import at_once, make_project, make_user, moment

pytestmark = pytest.mark.django_db

PAGE = "/inbox/settings/"
JSON: Any = {"headers": {"accept": "application/json"}}


@pytest.fixture
def ann() -> Any:
    return make_user("ann")


@pytest.fixture
def mine(client: Client, ann: Any) -> Client:
    client.force_login(ann)
    return client


@pytest.fixture(autouse=True)
def two_channels(settings: Any) -> None:
    memory = {"channel": "notifications.contrib.delivery.channels.memory.Channel"}
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"memory": {}, "other": memory},
        "DELIVERY_RUNNER": "none",
        "BASE_URL": "https://example.com",
    }


def chosen(user: Any) -> dict[tuple[str, str], str]:
    return choices_of([user])[user.pk]


def token(purpose: str, user: Any, *more: str) -> str:
    return links.sign(purpose, user, *more)


# The page


def test_the_page_shows_every_type_and_channel_in_four_queries(
    mine: Client, ann: Any, make_type: Any
) -> None:
    make_type("closed", label="Closed", category="work", category_label="Work")
    make_type("hacked", label="Alarms", category="security", critical=True, channels={"other": None})
    choose(ann, "category:work", "memory", "daily")
    mine.get(PAGE)

    with CaptureQueriesContext(connection) as captured:
        shown = mine.get(PAGE).content.decode()

    assert len(captured) <= 4
    for words in (
        "All notifications",
        "Work",
        "Closed",
        "Security",
        "Alarms",
        "Other notifications",
        "Always",
    ):
        assert words in shown
    rows = re.findall(r'<tr data-ntf-depth="(\d)">\s*<th scope="row">([^<]*)<', shown)
    depths = {label: depth for depth, label in rows}
    assert [depths[label] for label in ("All notifications", "Work", "Closed")] == ["0", "1", "2"]
    assert 'name="choice:memory:category:work"' in shown
    assert '<option value="daily" selected>' in shown
    assert "Default (Daily)" in shown
    assert "Default (Immediately)" in shown
    assert 'name="choice:memory:type:hacked"' not in shown


def test_the_page_needs_a_login(client: Client) -> None:
    assert client.get(PAGE).status_code == 302
    assert client.post(PAGE).status_code == 302


def test_the_inbox_links_to_the_page(mine: Client) -> None:
    assert f'href="{PAGE}"' in mine.get("/inbox/notifications/").content.decode()


def test_the_bell_links_to_the_page(ann: Any, rf: Any) -> None:
    request = rf.get("/")
    request.user = ann
    template = Template("{% load notifications_tags %}{% notifications_bell %}")
    assert f'href="{PAGE}"' in template.render(Context({"user": ann, "request": request}))


def test_the_form_stores_what_was_chosen_and_only_that(mine: Client, ann: Any, make_type: Any) -> None:
    make_type("closed", category="work")
    choose(ann, "", "other", "weekly")
    choose(ann, "other", "memory", "off")

    answer = mine.post(
        PAGE, {"choice:memory:": "daily", "choice:memory:type:closed": "hourly", "choice:memory:other": ""}
    )

    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert chosen(ann) == {
        ("", "other"): "weekly",
        ("", "memory"): "daily",
        ("type:closed", "memory"): "hourly",
    }
    assert "Your settings were saved." in mine.get(PAGE).content.decode()
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    "data",
    [
        {"choice:memory:": "sometimes"},
        {"choice:pigeon:": "daily"},
        {"choice:pigeon:type:closed": "daily"},
        {"choice:memory:type:nothing": "daily"},
        {"choice:memory:type:hacked": "off"},
        {"choice:other:type:closed": "daily"},
        {"choice:memory": "daily", "choice:": "daily"},
        {"time_zone": "Mars"},
        {"time_zone": "x" * 100},
        {"digest_time": "25:00"},
        {"digest_time": ""},
        {"digest_weekday": "7"},
        {"quiet_from_0": "22:00"},
        {"quiet_from_0": "22:00", "quiet_to_0": "x"},
        {"quiet_from_0": "x", "quiet_to_0": ""},
        {"quiet_from_0": "00:00", "quiet_to_0": "00:00"},
        {"quiet_from_0": "22:00:10", "quiet_to_0": "22:00:50"},
        {"paused_until": "tomorrow"},
        {"paused_until": "2026-02-30T10:00"},
        {"paused_until": "9999-12-31T23:59"},
    ],
)
def test_what_cannot_be_stored_is_refused_and_nothing_is_stored(
    mine: Client, ann: Any, make_type: Any, data: dict[str, str]
) -> None:
    make_type("closed", channels={"other": None})
    make_type("hacked", critical=True)

    answer = mine.post(PAGE, {"choice:memory:category:other": "off", **data})

    assert answer.status_code == 400
    assert chosen(ann) == {}
    assert not Schedule.objects.exists()


def test_a_request_that_names_nothing_to_store_is_not_said_to_be_stored(mine: Client) -> None:
    json = {"accept": "application/json"}
    sent = mine.post(PAGE, '{"time_zone": "Europe/Berlin"}', content_type="application/json", headers=json)
    assert (sent.status_code, sent.json()["error"]) == (400, "This choice is not possible.")
    assert mine.post(PAGE, {"timezone": "Europe/Berlin"}, headers=json).status_code == 400
    assert mine.post(PAGE).status_code == 400


def test_the_form_stores_a_schedule(mine: Client, ann: Any) -> None:
    data = {
        "time_zone": "Europe/Berlin",
        "digest_time": "07:30",
        "digest_weekday": "4",
        "quiet_from_0": "22:00",
        "quiet_to_0": "07:00",
        "quiet_from_1": "",
        "quiet_to_1": "",
        "paused_until": "2099-03-04T12:00",
    }

    assert mine.post(PAGE, data, headers={"accept-language": "de"}).status_code == 302

    schedule = Schedule.objects.get()
    assert (schedule.time_zone, schedule.language) == ("Europe/Berlin", "de")
    assert (f"{schedule.digest_time:%H:%M}", schedule.digest_weekday) == ("07:30", 4)
    assert schedule.quiet == {"0": ["22:00", "07:00"]}
    assert schedule.paused_until == moment(2099, 3, 4, 11)
    assert schedule.next_daily_at is not None
    assert str(schedule) == "ann: Europe/Berlin, 07:30"
    shown = mine.get(PAGE).content.decode()
    for words in ('value="Europe/Berlin"', 'value="07:30"', 'value="22:00"', 'value="2099-03-04T12:00"'):
        assert words in shown

    mine.post(PAGE, {"paused_until": "", "time_zone": ""})
    assert Schedule.objects.values_list("paused_until", "time_zone").get() == (None, "")


def test_a_pause_that_is_over_is_not_shown(mine: Client, ann: Any) -> None:
    Schedule.objects.create(user=ann, paused_until=timezone.now() - timedelta(days=1))
    assert 'name="paused_until" value=""' in mine.get(PAGE).content.decode()


@pytest.mark.parametrize("hour", [0, 1])
def test_a_pause_until_a_time_that_comes_twice_ends_at_the_one_that_is_yet_to_come(
    mine: Client, monkeypatch: pytest.MonkeyPatch, hour: int
) -> None:
    """At 02:10 for the second time, a pause until 02:30 was over before it began."""
    monkeypatch.setattr(page, "utc_now", lambda: moment(2026, 10, 25, hour, 10))
    mine.post(PAGE, {"time_zone": "Europe/Berlin", "paused_until": "2026-10-25T02:30"})
    assert Schedule.objects.get().paused_until == moment(2026, 10, 25, hour, 30)


def test_another_clock_moves_the_digests_that_wait(mine: Client, ann: Any) -> None:
    choose(ann, "", "memory", "daily")
    choose(ann, "", "other", "weekly")
    notify.send(make_project(), verb="closed", recipient=ann)
    before = set(Delivery.objects.values_list("due_at", flat=True))

    mine.post(PAGE, {"time_zone": "Asia/Tokyo", "digest_time": "03:10"})

    schedule = Schedule.objects.get()
    due = dict(Delivery.objects.values_list("frequency", "due_at"))
    assert due == {"daily": schedule.next_daily_at, "weekly": schedule.next_weekly_at}
    assert before.isdisjoint(due.values())


def test_a_form_that_changes_nothing_moves_nothing(mine: Client, ann: Any) -> None:
    notify.send(make_project(), verb="closed", recipient=ann)
    later = timezone.now() + timedelta(minutes=2)
    Delivery.objects.update(due_at=later, next_attempt_at=later)
    days = {f"quiet_{end}_{day}": "" for end in ("from", "to") for day in range(7)}

    mine.post(
        PAGE, {"digest_time": "09:00", "digest_weekday": "0", "time_zone": "", "paused_until": "", **days}
    )

    assert Schedule.objects.get().quiet == {}
    assert set(Delivery.objects.values_list("due_at", flat=True)) == {later}


def test_the_end_of_a_pause_lets_what_waits_be_looked_at(mine: Client, ann: Any) -> None:
    Schedule.objects.create(user=ann, paused_until=timezone.now() + timedelta(days=9))
    choose(ann, "", "other", "daily")
    notify.send(make_project(), verb="closed", recipient=ann)
    later = timezone.now() + timedelta(days=9)
    Delivery.objects.update(due_at=later, next_attempt_at=later)

    mine.post(PAGE, {"paused_until": ""})

    due = dict(Delivery.objects.values_list("frequency", "next_attempt_at"))
    assert due["instant"] <= timezone.now()
    assert due["daily"] == Schedule.objects.get().next_daily_at


@pytest.mark.parametrize("is_paused", [False, True])
@pytest.mark.parametrize("frequency", ["instant", "hourly"])
def test_another_pause_leaves_alone_what_waits_for_something_else(
    mine: Client, ann: Any, is_paused: bool, frequency: str
) -> None:
    choose(ann, "", "memory", frequency)
    if is_paused:
        Schedule.objects.create(user=ann, paused_until=timezone.now() + timedelta(days=9))
    notify.send(make_project(), verb="closed", recipient=ann)
    soon = timezone.now() + timedelta(minutes=10)
    Delivery.objects.update(due_at=soon, next_attempt_at=soon)

    mine.post(PAGE, {"quiet_from_0": "22:00", "quiet_to_0": "22:01", "paused_until": ""})

    assert set(Delivery.objects.filter(channel="memory").values_list("due_at", flat=True)) == {soon}


def test_json_has_all_of_it_and_takes_one_cell(mine: Client, ann: Any, make_type: Any) -> None:
    make_type("closed", channels={"other": None})

    answer = mine.post(PAGE, {"choice:memory:type:closed": "weekly"}, **JSON)

    found = answer.json()
    assert found == mine.get(PAGE, **JSON).json()
    [cell] = [one for one in found["choices"] if one["scope"] == "type:closed"]
    assert cell == {
        "scope": "type:closed",
        "channel": "memory",
        "chosen": "weekly",
        "frequency": "weekly",
        "locked": False,
    }
    assert found["schedule"]["digest_time"] == "09:00"
    assert mine.post(PAGE, {"digest_time": "x"}, **JSON).json() == {"error": "Enter a valid time."}


def test_the_form_is_protected_from_other_sites(ann: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    assert strict.post(PAGE, {"choice:memory:": "off"}).status_code == 403
    url = reverse("notifications_delivery:signed", args=[token("preferences", ann)])
    assert strict.post(url, {"choice:memory:": "off"}).status_code == 403


# Without logging in


def test_a_signed_link_shows_and_changes_the_preferences_of_its_user_only(client: Client, ann: Any) -> None:
    bob = make_user("bob")
    url = reverse("notifications_delivery:signed", args=[token("preferences", ann)])
    assert links.preferences_url(ann).startswith("https://example.com/inbox/settings/s/")

    assert client.get(url).status_code == 200
    assert client.post(url, {"choice:memory:": "off"}).headers["Location"] == url
    assert "Your settings were saved." in client.get(url).content.decode()

    assert (chosen(ann), chosen(bob)) == ({("", "memory"): "off"}, {})


def test_a_signed_link_works_on_a_site_that_requires_a_login(settings: Any, client: Client, ann: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    for name in ("unsubscribe", "preferences"):
        view = {"preferences": "signed"}.get(name, name)
        url = reverse(f"notifications_delivery:{view}", args=[token(name, ann, "", "memory")])
        assert client.get(url).status_code == 200


def wrong_tokens(ann: Any) -> dict[str, str]:
    good = token("preferences", ann)
    gone = make_user("gone")
    of_nobody = token("preferences", gone)
    gone.delete()
    return {
        "forged": good[:-2] + ("aa" if good[-2:] != "aa" else "bb"),
        "empty": "x",
        "purpose": token("unsubscribe", ann),
        "salt": dumps([str(ann.pk), "", ""]),
        "nobody": of_nobody,
    }


@pytest.mark.parametrize("kind", ["forged", "empty", "purpose", "salt", "nobody"])
def test_a_wrong_token_is_not_found(client: Client, ann: Any, kind: str) -> None:
    url = reverse("notifications_delivery:signed", args=[wrong_tokens(ann)[kind]])
    assert client.get(url).status_code == 404
    assert client.post(url, {"choice:memory:": "off"}).status_code == 404
    assert not Preference.objects.exists()


def test_a_link_to_the_preferences_expires_and_one_to_unsubscribe_does_not(
    client: Client, ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = reverse("notifications_delivery:signed", args=[token("preferences", ann)])
    ended = reverse("notifications_delivery:unsubscribe", args=[token("unsubscribe", ann, "", "memory")])
    monkeypatch.setattr(links, "PREFERENCES_AGE", timedelta(seconds=-1))

    assert client.get(signed).status_code == 404
    assert client.get(ended).status_code == 200


# One click

BODIES: list[dict[str, Any]] = [
    {"data": {"List-Unsubscribe": "One-Click"}},
    {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"},
]


@pytest.mark.parametrize("body", BODIES, ids=["multipart", "urlencoded"])
def test_one_click_ends_a_type_without_cookies_and_without_a_redirect(
    ann: Any, make_type: Any, body: dict[str, Any], settings: Any
) -> None:
    make_type("closed", label="Closed issues")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    strict = Client(enforce_csrf_checks=True)
    url = links.unsubscribe_url(ann, "type:closed", "memory").removeprefix("https://example.com")

    for _ in range(2):
        answer = strict.post(url, **body)
        assert answer.status_code == 200
        assert "You will not receive “Closed issues” by Memory any more." in answer.content.decode()
        assert chosen(ann) == {("type:closed", "memory"): "off"}


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_link_changes_nothing(client: Client, ann: Any, method: str) -> None:
    url = reverse("notifications_delivery:unsubscribe", args=[token("unsubscribe", ann, "", "memory")])
    assert getattr(client, method)(url).status_code == 200
    assert not Preference.objects.exists()


def test_ending_everything_on_a_channel_goes_before_nearer_choices(client: Client, ann: Any) -> None:
    choose(ann, "", "memory", "daily")
    choose(ann, "other", "memory", "instant")
    choose(ann, "other", "other", "instant")
    url = reverse("notifications_delivery:unsubscribe", args=[token("unsubscribe", ann, "", "memory")])

    client.post(url)

    assert chosen(ann) == {("", "memory"): "off", ("other", "other"): "instant"}


def test_the_link_of_a_type_or_a_channel_that_is_gone_still_works(client: Client, ann: Any) -> None:
    url = reverse(
        "notifications_delivery:unsubscribe", args=[token("unsubscribe", ann, "type:<b>gone</b>", "pigeon")]
    )
    shown = client.post(url).content.decode()

    assert "&lt;b&gt;gone" in shown
    assert "pigeon" in shown
    assert chosen(ann) == {("type:<b>gone</b>", "pigeon"): "off"}


@pytest.mark.parametrize("kind", ["forged", "empty", "purpose", "salt", "nobody"])
def test_a_wrong_token_ends_nothing(client: Client, ann: Any, kind: str) -> None:
    tokens = {**wrong_tokens(ann), "purpose": token("preferences", ann)}
    url = reverse("notifications_delivery:unsubscribe", args=[tokens[kind]])
    assert client.get(url).status_code == 404
    assert client.post(url).status_code == 404
    assert not Preference.objects.exists()


@pytest.mark.parametrize("purpose", [links.UNSUBSCRIBE, links.PREFERENCES])
def test_a_link_of_another_tenant_is_not_found(client: Client, ann: Any, schema: Any, purpose: str) -> None:
    # In the schema of another tenant, the same key is another user.
    schema("first")
    token = links.sign(purpose, ann, "", "memory")
    url = reverse(
        f"notifications_delivery:{'signed' if purpose == links.PREFERENCES else purpose}", args=[token]
    )
    assert client.get(url).status_code == 200
    schema("second")
    assert client.get(url).status_code == 404
    assert client.post(url).status_code == 404
    assert not chosen(ann)


@pytest.mark.parametrize("purpose", ["preferences", "unsubscribe"])
@pytest.mark.parametrize("key", ["4d1c9c0e-2b1f-4d0e-8f0a-6a3a1f4e9b11", "", None, "9" * 40])
def test_a_key_that_no_user_can_have_any_more_is_not_found(client: Client, purpose: str, key: Any) -> None:
    view = "signed" if purpose == "preferences" else "unsubscribe"
    found = dumps([key, "", "memory"], salt=links.SALT + purpose, compress=True)
    url = reverse(f"notifications_delivery:{view}", args=[found])
    assert client.get(url).status_code == client.post(url).status_code == 404


# One row for each choice


@pytest.mark.django_db(transaction=True)
@pytest.mark.backend("postgres", "mariadb")
def test_eight_threads_of_one_user_store_one_row() -> None:
    ann = make_user("ann")

    answers = at_once(8, lambda: choose(ann, "", "memory", "off"))

    assert answers == [None] * 8
    assert Preference.objects.count() == 1


@pytest.mark.parametrize("frequency", ["off", "daily", None])
def test_a_choice_is_stored_by_one_statement_so_that_nobody_comes_in_between(
    ann: Any, frequency: str | None
) -> None:
    choose(ann, "", "memory", "off")
    with CaptureQueriesContext(connection) as queries:
        choose(ann, "", "memory", frequency)
    [_, statement, _] = [query["sql"] for query in queries]
    assert statement.startswith("INSERT" if frequency else "DELETE")
    assert chosen(ann) == ({("", "memory"): frequency} if frequency else {})


@pytest.mark.django_db(transaction=True)
@pytest.mark.backend("postgres", "mariadb")
def test_what_seven_tabs_change_at_once_is_all_kept() -> None:
    ann = make_user("ann")
    days = iter(range(7))

    def change() -> None:
        day = next(days)
        page.save(ann, {f"quiet_from_{day}": "22:00", f"quiet_to_{day}": "07:00"})

    assert at_once(7, change) == [None] * 7
    assert sorted(Schedule.objects.get().quiet) == list("0123456")


def test_choices_have_names() -> None:
    ann = make_user("ann")
    choose(ann, "", "memory", "off")
    turn_off(ann, "type:closed", "memory")
    assert sorted(map(str, Preference.objects.all())) == [
        "ann: *, memory: Off",
        "ann: type:closed, memory: Off",
    ]


def test_a_delivery_says_what_became_of_it() -> None:
    assert str(Delivery(channel="memory", status="sent")) == "memory: sent"
    skipped = Delivery(channel="memory", status="skipped", problem="read")
    assert str(skipped) == "memory: skipped: it was read before"
    assert str(Delivery(channel="memory", status="skipped", problem="x")) == "memory: skipped"
    assert str(Delivery(channel="memory", status="lost")) == "memory: lost"
