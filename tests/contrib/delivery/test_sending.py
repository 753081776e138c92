"""Sending: what is due is claimed, asked about again, sent, and noted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from notifications import notify
from notifications.contrib.delivery import circuits, claims, sending
from notifications.contrib.delivery.channels import Down, Failed, Message, Retry, Sent, make_channels
from notifications.contrib.delivery.claims import (
    DIGEST_WAIT,
    LEASE,
    claim_digests,
    claim_instant,
    due_recipients,
)
from notifications.contrib.delivery.clocks import as_utc, stored, utc_now
from notifications.contrib.delivery.models import Circuit, Delivery, Preference, Schedule, StoppedAddress
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.recheck import Facts, gather
from notifications.contrib.delivery.sending import Tally, Worker, deliver, pause_after
from notifications.extensions import Extension
from tests.contrib.delivery.scripted import Scripted
from tests.factories import at_once, make_project, make_user, make_users, moment, rows

pytestmark = pytest.mark.django_db

NAME = "scripted"


class Clock:
    """The time of the test."""

    def __init__(self) -> None:
        # A Wednesday.
        self.now = moment(2026, 3, 4, 12)

    def __call__(self) -> Any:
        return self.now

    def pass_(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(timezone, "now", found)
    return found


@pytest.fixture(autouse=True)
def channel(settings: Any) -> Iterator[type[Scripted]]:
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "DELIVERY_CHANNELS": {NAME: {"channel": "tests.contrib.delivery.scripted.Scripted"}},
    }
    Scripted.forget()
    yield Scripted
    Scripted.forget()


def send(*users: Any, verb: str = "closed", **arguments: Any) -> None:
    notify.send(make_project(), verb=verb, recipient=list(users), **arguments)


def states() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("pk").values_list("status", "problem"))


def recipients() -> list[str]:
    return [message.recipient.username for message in Scripted.sent]


# One by one


def test_what_is_due_is_sent_once(clock: Clock) -> None:
    ann, bob = make_user("ann"), make_user("bob")
    send(ann, bob)
    Scripted.steps = [Sent("number 1"), Sent("x" * 300)]

    assert deliver() == Tally(sent=2)

    assert recipients() == ["ann", "bob"]
    first, second = Delivery.objects.order_by("pk")
    assert (first.status, first.reference, first.sent_at, first.attempts) == (
        "sent",
        "number 1",
        clock.now,
        1,
    )
    assert (first.token, len(second.reference)) == (None, 255)
    assert deliver() == Tally()
    message = Scripted.sent[0]
    assert first.notification.event
    assert message.key == f"{first.pk}.{first.notification.event.hex}"
    assert (message.address, message.is_digest) == ("ann@Example.com", False)
    assert [row.recipient for row in message.notifications] == [ann]


def test_a_batch_costs_a_constant_number_of_queries_and_one_for_each_message() -> None:
    def queries(count: int) -> int:
        send(*make_users(count, f"u{count}x"))
        with CaptureQueriesContext(connection) as captured:
            assert deliver().sent == count
        return len(captured)

    queries(1)
    # The objects of the rows are one query whatever their number.
    assert queries(12) - queries(2) == 10


def test_what_is_not_due_waits(clock: Clock) -> None:
    send(make_user())
    Delivery.objects.update(next_attempt_at=clock.now + timedelta(minutes=1))

    assert deliver() == Tally()
    clock.pass_(minutes=1)
    assert deliver() == Tally(sent=1)


def test_the_message_is_in_the_language_and_the_time_zone_of_the_recipient() -> None:
    ann, bob = make_user("ann"), make_user("bob")
    Schedule.objects.create(user=ann, language="de", time_zone="Asia/Tokyo")
    Schedule.objects.create(user=bob, language="xx", time_zone="Mars")
    seen: list[tuple[str | None, str]] = []

    def look(message: Message) -> None:
        seen.append((translation.get_language(), timezone.get_current_timezone_name()))

    Scripted.steps = [look, look]
    send(ann, bob)
    deliver()

    assert seen == [("de", "Asia/Tokyo"), ("en", "UTC")]


# Ask again


CHANGES: dict[str, Any] = {
    "read": lambda row: row.mark_as_read(),
    "done": lambda row: row.mark_as_done(),
    "deleted": lambda row: row.delete(),
    "inactive": lambda row: type(row.recipient).objects.filter(pk=row.recipient_id).update(is_active=False),
    "preference": lambda row: choose(row.recipient, "", NAME, "off"),
    "unreachable": lambda row: type(row.recipient).objects.update(username="unreachable"),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_what_is_not_wanted_any_more_is_skipped(reason: str) -> None:
    send(make_user())
    CHANGES[reason](rows().get())

    assert deliver() == Tally(skipped=1)

    assert states() == [("skipped", reason)]
    assert Scripted.sent == []


def test_what_was_deleted_and_kept_is_skipped(settings: Any) -> None:
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SOFT_DELETE": True}
    send(make_user())
    rows().update(deleted=True)

    deliver()

    assert states() == [("skipped", "deleted")]


def test_a_user_without_an_address_is_not_reachable() -> None:
    send(make_user("homeless"))
    deliver()
    assert states() == [("skipped", "unreachable")]


def test_an_object_that_was_hidden_meanwhile_is_in_no_message(settings: Any) -> None:
    send(make_user("stranger"))
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "VISIBILITY": {"testapp.Project": "tests.testapp.rules.NotForStrangers"},
    }

    deliver()

    assert states() == [("skipped", "hidden")]


def test_what_an_extension_finds_muted_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = make_users(2)
    send(ann, bob)
    assert Extension().notifications_muted([]) == ()

    def muted(self: Any, found: Any) -> Any:
        return {row.pk for row in found if row.recipient_id == ann.pk}

    monkeypatch.setattr(Extension, "notifications_muted", muted)

    assert deliver() == Tally(sent=1, skipped=1)
    assert ("skipped", "muted") in states()


@pytest.mark.django_db(databases=["default", "other"])
def test_a_worker_asks_the_database_from_which_it_sends() -> None:
    ann = make_user("ann")
    choose(ann, "", NAME, "off")
    ann.save(using="other")
    Preference.objects.using("other").create(user_id=ann.pk, channel=NAME, frequency="daily")
    facts = gather(make_channels()[NAME], [Delivery(recipient_id=ann.pk, notification_id=1)], "other")
    assert facts.choices == {ann.pk: {("", NAME): "daily"}}


def test_a_recipient_who_is_gone_is_no_error() -> None:
    user = make_user()
    send(user)
    key = Delivery.objects.get().recipient_id
    Delivery.objects.update(recipient_id=key)
    gone = claim_instant("default", NAME, utc_now(), 10)
    facts = gather(Scripted(NAME), gone.deliveries, "default")
    without = Facts(facts.channel, facts.notifications, {}, frozenset(), {}, {})
    assert without.skip(gone.deliveries[0]) == "inactive"


def test_what_is_critical_is_sent_in_quiet_hours_and_whatever_the_preference(make_type: Any) -> None:
    make_type("closed", critical=True)
    user = make_user()
    Schedule.objects.create(user=user, quiet={"2": ["10:00", "14:00"]})
    choose(user, "", NAME, "off")
    send(user)

    assert deliver() == Tally(sent=1)


def test_a_quiet_hour_moves_a_delivery_and_never_drops_it(clock: Clock) -> None:
    user = make_user()
    Schedule.objects.create(user=user, quiet={"2": ["10:00", "14:00"]})
    send(user)

    assert deliver() == Tally(moved=1)
    delivery = Delivery.objects.get()
    assert delivery.due_at == delivery.next_attempt_at == moment(2026, 3, 4, 14)
    clock.pass_(hours=2)
    assert deliver() == Tally(sent=1)


def test_a_pause_moves_a_delivery_also_past_quiet_hours_after_it(clock: Clock) -> None:
    ann, bob = make_users(2)
    Schedule.objects.create(user=ann, paused_until=moment(2026, 3, 4, 13), quiet={"2": ["13:00", "14:00"]})
    Schedule.objects.create(user=bob, paused_until=moment(2026, 3, 4, 13))
    send(ann, bob)

    assert deliver() == Tally(moved=2)
    assert [one.due_at for one in Delivery.objects.order_by("pk")] == [
        moment(2026, 3, 4, 14),
        moment(2026, 3, 4, 13),
    ]
    clock.pass_(hours=2)
    assert deliver() == Tally(sent=2)


def test_what_is_snoozed_or_to_come_waits_until_it_is_in_the_inbox(clock: Clock) -> None:
    user = make_user()
    send(user)
    rows().get().snooze(clock.now + timedelta(hours=1))
    send(user, timestamp=clock.now + timedelta(hours=2))

    assert deliver() == Tally(moved=2)
    clock.pass_(hours=1)
    assert deliver() == Tally(sent=1)
    clock.pass_(hours=1)
    assert deliver() == Tally(sent=1)


def test_what_is_known_is_believed_for_some_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("notifications.contrib.delivery.sending.time.monotonic", lambda: now[0])
    users = make_users(3)
    send(*users)

    def slow(message: Message) -> None:
        now[0] += sending.MAX_AGE + 1
        rows().get(recipient=users[1]).mark_as_read()

    Scripted.steps = [slow]

    assert deliver() == Tally(sent=2, skipped=1)
    assert recipients() == ["user0", "user2"]


# Digests


def test_a_digest_is_one_message_with_the_newest_first_and_the_number_of_others(clock: Clock) -> None:
    ann, bob = make_users(2)
    for user in (ann, bob):
        choose(user, "", NAME, "daily")
    for number in range(5):
        send(ann, bob, verb=f"did {number}")
        clock.pass_(seconds=1)
    rows().filter(recipient=bob).exclude(verb="did 3").mark_all_as_read()
    clock.now = moment(2026, 3, 5, 9, 1)

    assert deliver() == Tally(sent=6, skipped=4)

    assert recipients() == ["user0", "user1"]
    first, second = Scripted.sent
    assert ([row.verb for row in first.notifications], first.more) == (["did 4", "did 3", "did 2"], 2)
    assert ([row.verb for row in second.notifications], second.more) == (["did 3"], 0)
    assert first.is_digest
    assert {one.reference for one in Delivery.objects.all()} == {""}


@pytest.mark.parametrize("ordering", ["last_name", "groups__name"])
def test_a_digest_is_one_message_whatever_the_order_of_the_user_model(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, ordering: str
) -> None:
    monkeypatch.setattr(get_user_model()._meta, "ordering", [ordering])
    users = make_users(2)
    for user in users:
        choose(user, "", NAME, "daily")
    for number in range(3):
        send(*users, verb=f"did {number}")
        clock.pass_(seconds=1)
    clock.now = moment(2026, 3, 5, 9, 1)

    assert deliver() == Tally(sent=6)

    assert recipients() == ["user0", "user1"]


def test_a_digest_is_never_empty(clock: Clock) -> None:
    user = make_user()
    choose(user, "", NAME, "daily")
    send(user)
    rows().mark_all_as_read()
    clock.pass_(days=1)

    assert deliver() == Tally(skipped=1)
    assert Scripted.sent == []


def test_digests_of_every_frequency_that_are_due_are_one_message(clock: Clock) -> None:
    user = make_user()
    for verb, frequency in {"a": "hourly", "b": "daily", "c": "weekly"}.items():
        choose(user, "other", NAME, frequency)
        send(user, verb=verb)
    clock.pass_(days=7)

    assert deliver() == Tally(sent=3)
    assert len(Scripted.sent) == 1


def test_a_digest_waits_a_moment_for_what_is_committed_late(clock: Clock) -> None:
    user = make_user()
    choose(user, "", NAME, "hourly")
    send(user)
    clock.now = moment(2026, 3, 4, 13)

    assert deliver() == Tally()
    clock.pass_(seconds=60)
    assert deliver() == Tally(sent=1)


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/Berlin", (2027, 3, 28)),
        ("Europe/Berlin", (2027, 10, 31)),
        ("America/New_York", (2027, 3, 14)),
        ("America/New_York", (2027, 11, 7)),
        ("Australia/Lord_Howe", (2027, 4, 4)),
        ("Australia/Lord_Howe", (2027, 10, 3)),
        ("America/Santiago", (2027, 4, 4)),
        ("America/Santiago", (2027, 9, 5)),
    ],
)
def test_the_nights_in_which_clocks_change_have_one_digest_like_all_others(
    clock: Clock, zone: str, night: tuple[int, int, int]
) -> None:
    user, place = make_user(), ZoneInfo(zone)
    choose(user, "", NAME, "daily")
    # On the day before, at noon; the digest is due when clocks are changed.
    noon = datetime(*night, 12, tzinfo=place) - timedelta(days=1)
    clock.now = stored(as_utc(noon))
    schedule = Schedule(user=user, time_zone=zone, digest_time=time(2, 30))
    schedule.settle()
    schedule.save()
    days = []
    for hour in range(48):
        send(user, verb=f"did {hour}")
        clock.pass_(hours=1)
        before = len(Scripted.sent)
        deliver()
        days += [as_utc(clock.now).astimezone(place).date() for _ in Scripted.sent[before:]]

    assert days == [date(*night), date(*night) + timedelta(days=1)]
    told = [row.verb for message in Scripted.sent for row in message.notifications]
    assert (
        len(told) + sum(message.more for message in Scripted.sent)
        == Delivery.objects.filter(status="sent").count()
    )
    assert Delivery.objects.filter(status="pending").count() < 24


def test_a_schedule_that_the_site_made_gets_the_moments_of_its_zone(clock: Clock) -> None:
    [user] = make_users(1)
    Schedule.objects.bulk_create([Schedule(user=user, time_zone="Asia/Tokyo")])
    choose(user, "", NAME, "daily")

    deliver()
    send(user)

    assert Schedule.objects.get().next_daily_at == Delivery.objects.get().due_at == moment(2026, 3, 5, 0)


def test_the_moments_of_digests_move_on_when_they_have_passed(clock: Clock) -> None:
    ann, bob = make_users(2)
    for user, zone in ((ann, "Asia/Tokyo"), (bob, "")):
        schedule = Schedule(user=user, time_zone=zone)
        schedule.settle()
        schedule.save()
    clock.pass_(days=7)

    deliver()

    found = dict(Schedule.objects.values_list("user__username", "next_daily_at"))
    assert found == {"user0": moment(2026, 3, 12, 0), "user1": moment(2026, 3, 12, 9)}
    assert set(Schedule.objects.values_list("next_weekly_at", flat=True)) == {
        moment(2026, 3, 16, 0),
        moment(2026, 3, 16, 9),
    }


#: What SQL can write into a schedule and Python cannot hold: by column, for each database.
UNREADABLE = {
    "paused_until": {"sqlite": "2030-13-45 00:00:00", "postgresql": "infinity"},
    "digest_time": {"sqlite": "25:00:00", "postgresql": "24:00:00"},
}


@pytest.mark.backend("sqlite", "postgres")
@pytest.mark.parametrize("column", UNREADABLE)
def test_a_schedule_that_cannot_be_loaded_costs_no_other_one(clock: Clock, column: str) -> None:
    ann, bob = make_user("ann"), make_user("bob")
    for user in (ann, bob):
        Schedule.objects.create(user=user, next_daily_at=clock.now - timedelta(days=1))
    send(ann, bob)
    value = UNREADABLE[column][connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE notifications_delivery_schedule SET {column} = %s WHERE user_id = %s",  # noqa: S608
            [value, ann.pk],
        )

    assert deliver() == Tally(sent=1, retried=1)

    assert recipients() == ["bob"]
    assert [status for status, _ in states()] == ["pending", "sent"]
    assert Schedule.objects.filter(next_daily_at__gt=clock.now, user=bob).exists()
    assert not Circuit.objects.exists()


@pytest.mark.backend("sqlite")
def test_a_schedule_of_which_the_next_digest_is_not_known_costs_no_other_one(clock: Clock) -> None:
    odd, _ = [Schedule.objects.create(user=user) for user in make_users(2)]
    with connection.cursor() as cursor:
        sql = "UPDATE notifications_delivery_schedule SET digest_time = 'noon' WHERE id = %s"
        cursor.execute(sql, [odd.pk])

    deliver()

    assert list(Schedule.objects.filter(next_daily_at=None).values_list("pk", flat=True)) == [odd.pk]


# Failures


def test_a_failure_for_now_is_tried_again_later_and_the_others_are_sent(clock: Clock) -> None:
    send(*make_users(3))
    Scripted.steps = [Sent(), Retry("451 busy"), Sent()]

    assert deliver() == Tally(sent=2, retried=1)

    tried = Delivery.objects.get(status="pending")
    assert (tried.attempts, tried.problem, tried.token) == (1, "451 busy", None)
    assert timedelta(seconds=5) < tried.next_attempt_at - clock.now < timedelta(seconds=9)
    assert deliver() == Tally()
    clock.pass_(seconds=9)
    assert deliver() == Tally(sent=1)
    tried.refresh_from_db()
    assert (tried.attempts, tried.problem, tried.status) == (2, "", "sent")
    assert Scripted.sent[-1].key == Scripted.sent[1].key


@pytest.mark.parametrize(
    ("after", "seconds"),
    [(timedelta(minutes=3), 180), (timedelta(0), 1), (timedelta(-1), 1), (timedelta(days=9), 86400)],
)
def test_a_service_that_says_when_is_heard(clock: Clock, after: timedelta, seconds: float) -> None:
    send(make_user())
    Scripted.steps = [Retry("429", after)]

    deliver()

    assert Delivery.objects.get().next_attempt_at == clock.now + timedelta(seconds=seconds)


def test_a_failure_for_good_is_not_tried_again() -> None:
    send(*make_users(2))
    Scripted.steps = [Failed("554 no"), Failed("550 no such user", stop=True)]

    assert deliver() == Tally(failed=2)

    assert states() == [("failed", "554 no"), ("failed", "550 no such user")]
    stopped = StoppedAddress.objects.get()
    assert (stopped.channel, stopped.address, stopped.reason) == (
        NAME,
        "user1@example.com",
        "550 no such user",
    )
    assert str(stopped) == "scripted: user1@example.com"


@pytest.mark.parametrize("outcome", [Sent, Retry, Failed, Down, partial(Failed, stop=True)])
def test_whatever_a_service_says_can_be_stored(outcome: Any) -> None:
    words = "no\x00thing \ud800 " + "x" * 300
    Scripted.steps = [outcome(words)]
    send(make_user("ann"))

    deliver()

    delivery = Delivery.objects.get()
    found = [delivery.problem, delivery.reference, *Circuit.objects.values_list("problem", flat=True)]
    stopped = StoppedAddress.objects.values_list("reason", flat=True)
    assert {*found, *stopped} == {"", ("no\ufffdthing \ufffd " + "x" * 300)[:255]}


def test_it_is_given_up_after_a_day(clock: Clock) -> None:
    send(make_user())
    Delivery.objects.update(attempts=sending.MAX_TRIES - 1)
    Scripted.steps = [Retry("still busy")]

    assert deliver() == Tally(failed=1)
    assert states() == [("failed", "still busy")]


def test_the_pauses_are_half_an_hour_of_eight_tries_and_then_hours() -> None:
    fast = sum((pause_after(number) for number in range(1, 9)), timedelta())
    assert timedelta(minutes=20) < fast < timedelta(minutes=40)
    assert timedelta(minutes=48) <= pause_after(9) <= timedelta(minutes=72)
    slow = sum((pause_after(number) for number in range(9, sending.MAX_TRIES)), timedelta())
    assert timedelta(hours=17) < slow < timedelta(hours=28)


def test_an_exception_is_a_failure_for_now_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    send(*make_users(2))
    Scripted.steps = [ZeroDivisionError("oh"), Sent()]

    assert deliver() == Tally(sent=1, retried=1)
    assert ("pending", "ZeroDivisionError: oh") in states()
    assert "failed to send" in caplog.text


def test_an_address_that_raises_is_a_failure_of_one_message_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    def address(self: Any, user: Any) -> str:
        return {"user1": "ok"}[user.username]

    monkeypatch.setattr(Scripted, "address", address)
    send(*make_users(2))

    assert deliver() == Tally(sent=1, retried=1)


def test_a_channel_that_is_broken_altogether_is_paused_and_the_others_are_not(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = {**settings.NOTIFICATIONS["DELIVERY_CHANNELS"], "memory": {}}
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "DELIVERY_CHANNELS": channels}
    send(make_user())

    def reachable(self: Any, users: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(Scripted, "reachable", reachable)

    assert deliver() == Tally(sent=1)
    assert Circuit.objects.get().channel == NAME
    assert Delivery.objects.get(channel=NAME).token is None


def test_an_error_of_the_database_is_not_taken_for_one_of_the_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(make_user())

    def lost(*arguments: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(sending, "gather", lost)

    with pytest.raises(OperationalError):
        deliver()
    assert not Circuit.objects.exists()


def test_each_worker_has_channels_of_its_own() -> None:
    assert make_channels()[NAME] is not make_channels()[NAME]


@pytest.mark.django_db(transaction=True)
@pytest.mark.backend("postgres", "mariadb")
def test_workers_that_send_at_the_same_time_send_each_message_once() -> None:
    users = make_users(40)
    for user in users[:20]:
        choose(user, "", NAME, "hourly")
    for verb in ("opened", "closed"):
        send(*users, verb=verb)
    Delivery.objects.update(next_attempt_at=moment(2026, 3, 4, 9))

    tallies = at_once(4, deliver)

    assert sum(tally.sent for tally in tallies) == 80
    # One for each notification, and a digest of both for each who wants that.
    assert len(Scripted.sent) == len({message.key for message in Scripted.sent}) == 60


def break_opening() -> None:
    raise ConnectionRefusedError("refused")


def test_a_dead_service_costs_one_attempt_per_pause_and_no_attempts_of_deliveries(clock: Clock) -> None:
    send(*make_users(3))
    Scripted.opening = staticmethod(break_opening)

    assert deliver() == Tally()
    assert deliver() == Tally()

    assert Scripted.opened == [NAME]
    assert states() == [("pending", "")] * 3
    circuit = Circuit.objects.get()
    assert (circuit.failures, circuit.problem) == (1, "ConnectionRefusedError: refused")
    assert str(circuit) == "scripted: ConnectionRefusedError: refused"
    clock.pass_(seconds=30)
    assert deliver() == Tally()
    assert len(Scripted.opened) == 2
    clock.pass_(seconds=30)
    assert deliver() == Tally()
    assert len(Scripted.opened) == 2
    clock.pass_(seconds=30)
    Scripted.opening = staticmethod(lambda: None)
    assert deliver() == Tally(sent=3)
    assert not Circuit.objects.exists()


def test_a_service_that_dies_between_messages_keeps_the_others(clock: Clock) -> None:
    send(*make_users(3))
    Scripted.steps = [Sent(), Down("421 closing")]

    assert deliver() == Tally(sent=1)

    assert states() == [("sent", ""), ("pending", ""), ("pending", "")]
    assert Delivery.objects.filter(token=None).count() == 3
    clock.pass_(seconds=31)
    Scripted.steps = [Retry("no luck")]
    assert deliver() == Tally(sent=1, retried=1)


def test_after_a_pause_one_worker_tries(clock: Clock) -> None:
    Circuit.objects.create(channel=NAME, failures=3, open_until=clock.now)

    allowed = [circuits.allowed("default", NAME, utc_now()) for _ in range(2)]

    assert allowed == [1, 0]
    assert Circuit.objects.get().open_until == clock.now + timedelta(minutes=2)
    assert circuits.pause_after(99) == timedelta(minutes=10)


def test_a_pause_is_twice_as_long_after_each_failure(clock: Clock) -> None:
    for failures in range(1, 5):
        circuits.trip("default", NAME, "down", utc_now())
        circuit = Circuit.objects.get()
        assert (circuit.failures, circuit.open_until - clock.now) == (
            failures,
            circuits.pause_after(failures),
        )


def test_what_goes_wrong_at_the_end_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    send(make_user())
    Scripted.closing = staticmethod(break_opening)

    assert deliver() == Tally(sent=1)
    assert "could not be closed" in caplog.text


# Claims


def test_what_a_worker_has_no_other_takes_until_its_lease_is_over(clock: Clock) -> None:
    send(*make_users(3))
    first = claim_instant("default", NAME, utc_now(), 2)

    second = claim_instant("default", NAME, utc_now(), 10)
    assert (len(first.deliveries), len(second.deliveries)) == (2, 1)
    assert claim_instant("default", NAME, utc_now(), 10).deliveries == []
    clock.pass_(seconds=LEASE.total_seconds())
    third = claim_instant("default", NAME, utc_now(), 10)
    assert len(third.deliveries) == 3
    # The first one is late.
    assert first.note(first.deliveries, status="sent") == 0
    assert first.renew(first.deliveries, utc_now()) == []
    assert third.note(third.deliveries[:1], status="sent") == 1
    assert third.renew(third.deliveries, utc_now()) == third.deliveries[1:]
    assert third.renew(third.deliveries[1:], utc_now()) == third.deliveries[1:]


def test_a_digest_belongs_to_one_worker(clock: Clock) -> None:
    users = make_users(3)
    for user in users:
        choose(user, "", NAME, "hourly")
    for _ in range(2):
        send(*users)
    clock.pass_(hours=2)

    first = claim_digests("default", NAME, utc_now(), 1)
    second = claim_digests("default", NAME, utc_now(), 10)

    assert [one.recipient.username for one in first.deliveries] == ["user0"] * 2
    assert {one.recipient.username for one in second.deliveries} == {"user1", "user2"}
    assert len(second.deliveries) == 4
    assert claim_digests("default", NAME, utc_now(), 10).deliveries == []


def test_a_digest_that_another_worker_takes_first_is_left_to_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user()
    choose(user, "", NAME, "hourly")
    send(user)
    clock.pass_(hours=2)
    looked = claims.due

    def look(*arguments: Any) -> Any:
        found = looked(*arguments)
        keys = list(found.values_list("pk", flat=True))
        Delivery.objects.filter(pk__in=keys).update(next_attempt_at=stored(utc_now() + LEASE))
        return Delivery.objects.filter(pk__in=keys)

    monkeypatch.setattr(claims, "due", look)

    assert claim_digests("default", NAME, utc_now(), 10).deliveries == []


def test_a_worker_looks_for_other_digests_when_another_one_took_what_it_found(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = make_users(2)
    for user in (ann, bob):
        choose(user, "", NAME, "hourly")
        send(user)
    clock.pass_(hours=2)
    claim_digests("default", NAME, utc_now(), 1)
    [free] = due_recipients("default", NAME, utc_now() - DIGEST_WAIT, 10)
    taken = ann.pk if free == bob.pk else bob.pk
    looks = iter([[taken], [free]])
    monkeypatch.setattr(claims, "due_recipients", lambda *arguments: next(looks))

    [delivery] = claim_digests("default", NAME, utc_now(), 1).deliveries

    assert delivery.recipient_id == free
    # It does not look for ever.
    looks = iter([[taken]] * claims.DIGEST_TRIES)
    assert claim_digests("default", NAME, utc_now(), 1).deliveries == []
    assert next(looks, None) is None


def test_digests_of_many_notifications_are_claimed_a_few_at_a_time_and_each_whole(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "MAX_ROWS", 4)
    users = make_users(3)
    for user in users:
        choose(user, "", NAME, "hourly")
    for number in range(3):
        send(*users, verb=f"did {number}")
    send(users[0], verb="did more")
    send(users[0], verb="did most")
    clock.pass_(hours=2)

    counts = [len(claim_digests("default", NAME, utc_now(), 10).deliveries) for _ in range(4)]

    assert counts == [5, 3, 3, 0]


@pytest.mark.parametrize("frequency", ["instant", "hourly"])
def test_the_claim_is_read_from_its_index(frequency: str) -> None:
    users = make_users(50)
    send(*users)
    if connection.vendor == "mysql":
        Delivery.objects.exclude(recipient__in=users[:3]).update(status="sent")
    plan = str(claims.due("default", NAME, frequency, utc_now()).values_list("pk")[:10].explain())
    if connection.vendor == "postgresql":
        # A small table is read whole unless that is forbidden.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = str(claims.due("default", NAME, frequency, utc_now()).values_list("pk")[:10].explain())
        assert "Sort" not in plan
    assert "ntf_dlv_due" in plan
    assert "filesort" not in plan.lower()
    assert "TEMP B-TREE" not in plan


# The end of a worker


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_worker_stops_at_its_limit(limit: int) -> None:
    send(*make_users(3))
    assert deliver(limit=limit) == Tally(sent=limit)
    assert Delivery.objects.filter(status="pending", token=None).count() == 3 - limit


def test_a_worker_that_is_stopped_gives_back_what_it_has(clock: Clock) -> None:
    send(*make_users(3))
    stop: list[bool] = []
    Scripted.steps = [lambda message: stop.append(True)]

    assert Worker("default", stopped=lambda: bool(stop)).run() == Tally(sent=1)
    assert Delivery.objects.filter(status="pending", token=None).count() == 2
    assert deliver() == Tally(sent=2)


def test_a_worker_stops_at_its_deadline() -> None:
    send(*make_users(3))
    assert deliver(deadline=0.0) == Tally()


def test_without_digests_only_instant_deliveries_are_sent(clock: Clock) -> None:
    ann, bob = make_users(2)
    choose(ann, "", NAME, "hourly")
    send(ann, bob)
    clock.pass_(hours=2)

    assert deliver(digests=False) == Tally(sent=1)
    assert recipients() == ["user1"]
