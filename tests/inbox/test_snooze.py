"""Until when a notification is snoozed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from notifications.inbox.snooze import PRESETS, SnoozeError, choices, snooze_until
from tests.factories import make_notification, moment


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # A Tuesday.
        (
            datetime(2026, 11, 24, 15, 30),  # noqa: DTZ001 - the clock on the wall
            {
                "hour": (2026, 11, 24, 16, 30),
                "evening": (2026, 11, 24, 18),
                "tomorrow": (2026, 11, 25, 8),
                "week": (2026, 11, 30, 8),
            },
        ),
        # A Sunday evening.
        (
            datetime(2026, 11, 29, 18, 0),  # noqa: DTZ001
            {
                "hour": (2026, 11, 29, 19),
                "evening": (2026, 11, 30, 18),
                "tomorrow": (2026, 11, 30, 8),
                "week": (2026, 11, 30, 8),
            },
        ),
    ],
)
def test_the_presets_are_moments_on_the_clock_of_the_reader(
    monkeypatch: Any, settings: Any, now: datetime, expected: dict[str, tuple[int, ...]]
) -> None:
    local = timezone.make_aware(now) if settings.USE_TZ else now
    monkeypatch.setattr("notifications.inbox.snooze.local_now", lambda: local)
    assert {name: snooze_until(name) for name in PRESETS} == {
        name: moment(*parts) for name, parts in expected.items()
    }
    moments = [found for _, _, found in choices()]
    assert moments == sorted(moments)


@pytest.mark.shape("default")
@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_is_an_hour_in_the_night_in_which_the_clocks_are_put_back(
    monkeypatch: Any, fold: int
) -> None:
    """It was two, for who pressed the button in the hour that comes twice."""
    now = datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Berlin"))
    monkeypatch.setattr("notifications.inbox.snooze.local_now", lambda: now)
    assert snooze_until("hour") == datetime(2026, 10, 25, 1 + fold, 30, tzinfo=ZoneInfo("UTC"))


@pytest.mark.shape("default")
def test_a_time_that_comes_twice_is_the_one_that_is_yet_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 02:10 for the second time, "02:30" was past and could not be chosen."""
    seen = {}
    for hour in (0, 1):
        now = datetime(2026, 10, 25, hour, 10, tzinfo=ZoneInfo("UTC"))
        monkeypatch.setattr("django.utils.timezone.now", lambda now=now: now)
        with timezone.override(ZoneInfo("Europe/Berlin")):
            seen[hour] = snooze_until("2026-10-25T02:30").astimezone(ZoneInfo("UTC"))
            with pytest.raises(SnoozeError):
                snooze_until("2026-10-25T01:30")
    assert seen == {hour: datetime(2026, 10, 25, hour, 30, tzinfo=ZoneInfo("UTC")) for hour in (0, 1)}


def test_now_is_that_of_the_reader() -> None:
    before = timezone.now()
    found = snooze_until("hour")
    assert before + timedelta(hours=1) <= found <= timezone.now() + timedelta(hours=1)


@pytest.mark.shape("default")
def test_what_is_typed_is_in_the_time_zone_of_the_reader() -> None:
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert snooze_until("2099-12-24T18:00") == moment(2099, 12, 24, 9)
        assert snooze_until("tomorrow").astimezone(ZoneInfo("Asia/Tokyo")).hour == 8


@pytest.mark.parametrize(
    "text", ["2099-12-24T18:00", "2099-12-24 18:00:00", "2099-12-24T18:00Z", "2099-12-25T17:59+23:59"]
)
def test_a_date_and_a_time_can_be_typed(text: str) -> None:
    assert snooze_until(text) == moment(2099, 12, 24, 18)


def test_a_date_alone_is_its_morning() -> None:
    assert snooze_until("2099-12-24") == moment(2099, 12, 24, 8)


@pytest.mark.parametrize("text", ["never", "12:30", "\x00", "<script>", "9" * 5000])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(SnoozeError, match="is not a valid date and time"):
        snooze_until(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2011-01-01T00:00",
        "2011-01-01",
        "0001-01-01T00:00",
        "9999-12-31T23:59",
        "2099-13-01T00:00",
        "2099-02-30",
        "9999-12-31T23:59-14:00",
    ],
)
def test_what_is_past_or_in_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(SnoozeError, match="Choose a date and time in the future"):
        snooze_until(text)


@pytest.mark.shape("default")
@pytest.mark.django_db
def test_a_time_is_named_with_its_zone(client: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    client.force_login(justquick)
    with timezone.override("Europe/Berlin"):
        html = client.post("/inbox/notifications/act/", {"one": f"snooze:{row.slug}"}).content.decode()
        assert "Times are in the time zone Europe/Berlin." in html
        row.snooze(moment(2099, 1, 1, 8))
        html = client.get("/inbox/notifications/snoozed/").content.decode()
    assert "Snoozed until 01/01/2099 9 a.m. CET" in html


@pytest.mark.django_db
def test_the_script_asks_until_when_by_json(client: Client, justquick: Any) -> None:
    client.force_login(justquick)
    row = make_notification(justquick)
    answer = client.get(
        "/inbox/notifications/act/", {"one": f"snooze:{row.slug}"}, headers={"Accept": "application/json"}
    ).json()
    assert answer["title"] == "Snooze until…"
    assert [button["value"] for button in answer["buttons"]] == [name for name, _, _ in choices()]
    assert (answer["input"]["type"], answer["input"]["name"]) == ("datetime-local", "until")
    assert justquick.notifications.inbox().count() == 1
