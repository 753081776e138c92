"""Code of the site, or a service, that fails or answers what it should not costs one delivery, or one channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone as fixed
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from django.contrib.auth import get_user_model
from django.db import DataError, OperationalError, connection
from django.db.models import Count
from django.db.models.signals import post_init
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications import notify
from notifications.conf import get_notification_model
from notifications.contrib.delivery import circuits, links, recheck
from notifications.contrib.delivery.channels import (
    Channel,
    Down,
    Failed,
    Retry,
    Sent,
    get_channels,
    webhook,
)
from notifications.contrib.delivery.checks import check_channels
from notifications.contrib.delivery.clocks import utc_now
from notifications.contrib.delivery.models import Circuit, Delivery, Schedule, StoppedAddress, stopped_form
from notifications.contrib.delivery.pages import preferences as page
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.sending import deliver
from notifications.extensions import Extension
from tests.contrib.delivery.scripted import Scripted
from tests.factories import make_group, make_project, make_user, make_users
from tests.test_types import FAULTS

pytestmark = pytest.mark.django_db

SCRIPTED = {"scripted": {"channel": "tests.contrib.delivery.scripted.Scripted"}}


@pytest.fixture(autouse=True)
def channel(settings: Any) -> Iterator[type[Scripted]]:
    use(settings, SCRIPTED)
    Scripted.forget()
    yield Scripted
    Scripted.forget()


def use(settings: Any, channels: Any) -> None:
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "DELIVERY_CHANNELS": channels,
        "BASE_URL": "https://example.com",
    }


def send(*users: Any, verb: str = "closed") -> None:
    notify.send(make_project(), verb=verb, recipient=list(users))


def statuses() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


#: Channels of sites are not typed.
sent: Any = Sent
retry: Any = Retry
failed: Any = Failed


class NoText:
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("answer", "status", "stored"),
    [
        (sent(12345), "sent", ("12345", "")),
        (sent(None), "sent", ("", "")),
        (sent(NoText()), "sent", ("NoText", "")),
        (retry(None, 30), "pending", ("", "")),
        (failed(ValueError("gone"), stop="yes"), "failed", ("", "gone")),
        (True, "failed", ("", "send() returned bool, which is not Sent, Retry, Failed or Down")),
        (Sent, "failed", ("", "send() returned type, which is not Sent, Retry, Failed or Down")),
    ],
)
def test_an_answer_of_a_wrong_type_costs_no_second_message_and_no_other_delivery(
    channel: type[Scripted], answer: Any, status: str, stored: tuple[str, str]
) -> None:
    channel.steps = [lambda message: answer]
    ann, bob = make_users(2)
    send(ann, bob)
    deliver()
    assert statuses() == [status, "sent"]
    assert Delivery.objects.order_by("pk").values_list("reference", "problem")[0] == stored
    assert len(channel.sent) == 2
    assert not Circuit.objects.exists()


def test_a_pause_by_the_problem_of_a_wrong_type(channel: type[Scripted]) -> None:
    channel.steps = [Down(OSError("no route"))]  # type: ignore[arg-type]
    send(make_user())
    deliver()
    assert Circuit.objects.get().problem == "no route"


@pytest.mark.parametrize("error", [ValueError, DataError])
@pytest.mark.parametrize("model", [get_user_model, get_notification_model])
def test_a_row_that_cannot_be_loaded_fails_alone(
    channel: type[Scripted],
    model: Callable[[], Any],
    error: type[Exception],
    request: pytest.FixtureRequest,
) -> None:
    ann, bob, cid = make_users(3)
    send(ann, bob, cid)

    def raise_for_bob(instance: Any, **kwargs: Any) -> None:
        if bob.pk == (instance.pk if model is get_user_model else instance.recipient_id):
            raise error("cannot be decrypted")

    post_init.connect(raise_for_bob, sender=model())
    request.addfinalizer(lambda: post_init.disconnect(raise_for_bob, sender=model()))
    deliver()
    assert statuses() == ["sent", "pending", "sent"]
    assert Delivery.objects.get(recipient=bob).problem == f"{error.__name__}: cannot be decrypted"
    assert Delivery.objects.get(recipient=bob).attempts == 1
    assert not Circuit.objects.exists()


def test_a_question_that_raises_for_one_delivery_fails_alone(
    channel: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = make_users(2)
    send(ann, bob)

    def is_hidden(row: Any) -> bool:
        if row.recipient_id == ann.pk:
            raise ValueError("no")
        return False

    monkeypatch.setattr(get_notification_model(), "is_hidden", property(is_hidden))
    deliver()
    assert statuses() == ["pending", "sent"]


def endpoint_of(user: Any) -> tuple[str, str]:
    return f" https://example.com/{user.username.upper()}", "whsec_" + "A" * 44


def stop_by_answer(channel: type[Scripted], monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    channel.steps = [Failed("gone", stop=True)]


def stop_by_410(channel: type[Scripted], monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    use(settings, {"webhook": {"endpoint": f"{__name__}.endpoint_of", "default": "instant"}})
    monkeypatch.setattr(webhook, "post", lambda *arguments, **options: (410, None))


def stop_of_a_mail_with_spaces(
    channel: type[Scripted], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    use(settings, {"email": {}})
    get_user_model().objects.update(email=" Ann@Example.com ")
    StoppedAddress.objects.create(channel="email", address=stopped_form("ann@example.com"))


@pytest.mark.parametrize("stop", [stop_by_answer, stop_by_410, stop_of_a_mail_with_spaces])
def test_a_stopped_address_is_not_used_again_whatever_the_channel(
    channel: type[Scripted], monkeypatch: pytest.MonkeyPatch, settings: Any, stop: Any
) -> None:
    ann = make_user("ann")
    stop(channel, monkeypatch, settings)
    send(ann)
    deliver()
    send(ann, verb="opened")
    deliver()
    assert Delivery.objects.order_by("pk").values_list("status", "problem").last() == (
        "skipped",
        "unreachable",
    )
    assert StoppedAddress.objects.count() == 1


class Odd(Channel):
    """A channel that reaches whom a test says."""

    default = "instant"
    answer: ClassVar[Any] = None

    def reachable(self, users: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [None, [], ValueError("no")])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_channel_that_cannot_say_whom_it_reaches_waits_and_costs_nobody_a_notification(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: Any,
    is_first: bool,
) -> None:
    monkeypatch.setattr(Odd, "answer", answer)
    odd = {"odd": {"channel": f"{__name__}.Odd"}}
    use(settings, {**odd, **SCRIPTED} if is_first else {**SCRIPTED, **odd})
    send(make_user())
    assert get_notification_model().objects.count() == 1
    deliver()
    assert dict(Delivery.objects.values_list("channel", "status")) == {"odd": "pending", "scripted": "sent"}
    assert Circuit.objects.get().channel == "odd"
    assert "The channel odd failed." in caplog.text
    assert [error.id for error in check_channels(None)] == ["notifications_delivery.E001"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_first", [True, False])
def test_the_wrong_query_of_a_channel_costs_no_other_channel(
    settings: Any, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    odd = {"odd": {"channel": f"{__name__}.Odd"}}
    use(settings, {**odd, **SCRIPTED} if is_first else {**SCRIPTED, **odd})
    users: Any = get_user_model()._base_manager
    monkeypatch.setattr(Odd, "answer", users.all())
    send(make_user())
    monkeypatch.setattr(Odd, "answer", users.extra(where=["no_such_column = 1"]))
    deliver()
    assert dict(Delivery.objects.values_list("channel", "status")) == {"odd": "pending", "scripted": "sent"}
    assert "no_such_column" in Circuit.objects.get().problem


def test_a_pause_is_not_spent_on_what_is_not_to_be_sent_any_more(channel: type[Scripted]) -> None:
    users = make_users(4)
    channel.steps = [Down("no")]
    send(*users)
    deliver()
    for user in users[:3]:
        user.notifications.mark_all_as_read()
    Circuit.objects.update(open_until=timezone.now())
    deliver()
    assert statuses() == ["skipped", "skipped", "skipped", "sent"]
    assert not Circuit.objects.exists()


@pytest.mark.parametrize(
    "options", [{"digests": False}, {"deadline": 0.0}, {"stopped": iter([False, False, True, True]).__next__}]
)
def test_a_pause_is_not_spent_by_a_worker_that_sends_nothing(
    channel: type[Scripted], options: dict[str, Any]
) -> None:
    ann = make_user()
    choose(ann, "", "scripted", "hourly")
    send(ann)
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(hours=1))
    Circuit.objects.create(channel="scripted", failures=9, open_until=timezone.now())
    assert deliver(**options).total == 0
    assert circuits.allowed("default", "scripted", utc_now()) == 1


FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=fixed.utc)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"digest_weekday": 9}, "sent"),
        ({"quiet": []}, "sent"),
        ({"quiet": "22:00"}, "sent"),
        ({"quiet": {"0": 5}}, "sent"),
        ({"paused_until": FAR, "time_zone": "Asia/Tokyo"}, "pending"),
        ({"paused_until": FAR, "quiet": {"4": ["22:00", "07:00"]}}, "pending"),
    ],
    ids=str,
)
def test_an_odd_schedule_is_served_and_can_be_changed(
    channel: type[Scripted], values: dict[str, Any], status: str
) -> None:
    ann, bob = make_users(2)
    long_ago = datetime(2020, 1, 1, tzinfo=fixed.utc)
    Schedule.objects.create(user=ann, next_daily_at=long_ago, **values)
    send(ann, bob)
    deliver()
    assert statuses() == [status, "sent"]
    assert Delivery.objects.order_by("pk")[0].problem == ""
    page.paused_until(Schedule.objects.get())
    page.save(ann, {"digest_time": "10:00", "quiet_from_1": "22:00", "quiet_to_1": "07:00"})
    assert Schedule.objects.get().quiet["1"] == ["22:00", "07:00"]
    following: Any = Schedule.objects.get().next_daily_at
    assert following > timezone.now() - timedelta(minutes=1)


def test_an_extension_that_fails_for_one_notification_costs_no_other_one(
    channel: type[Scripted], add_extension: Callable[[Extension], None]
) -> None:
    ann, bob, cid = make_users(3)
    send(ann, bob, cid)

    def muted(extension: Any, rows: Any) -> set[Any]:
        if bob.pk in {row.recipient_id for row in rows}:
            raise ValueError("no")
        return {row.pk for row in rows if row.recipient_id == cid.pk}

    add_extension(type("Odd", (Extension,), {"notifications_muted": muted})())
    deliver()
    assert statuses() == ["sent", "pending", "skipped"]


#: Whom a channel may say that it reaches, who are "user0" and "user1" of those that are asked about.
REACHED: dict[str, Callable[[Any], Any]] = {
    "a filter": lambda users: users.filter(username__in=["user0", "user1"]),
    "other users": lambda users: get_user_model()._base_manager.filter(username__in=["user0", "user1"]),
    "a union": lambda users: users.filter(username="user0").union(users.filter(username="user1")),
    "a slice": lambda users: users.order_by("username")[:2],
    "a slice in the order of a join": lambda users: users.filter(groups__isnull=False).order_by(
        "groups__name"
    )[:4],
    "a join": lambda users: users.filter(groups__name__startswith="group"),
    "distinct": lambda users: users.filter(groups__name__startswith="group").distinct(),
    "a group": lambda users: users.annotate(number=Count("groups")).filter(number=2),
    "distinct without a join": lambda users: users.filter(username__in=["user0", "user1"]).distinct(),
    "a group without a join": lambda users: users.annotate(number=Count("pk")).filter(
        number=1, username__in=["user0", "user1"]
    ),
    "an order": lambda users: users.filter(username__in=["user0", "user1"]).order_by("-groups__name"),
    "columns": lambda users: users.filter(username__in=["user0", "user1"]).values("username"),
}


@pytest.mark.parametrize("way", REACHED)
def test_whom_a_channel_reaches_can_be_said_by_any_queryset(
    settings: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    users = make_users(4)
    for name in ("group 1", "group 2"):
        make_group(name, *users[:2])
    use(settings, {"odd": {"channel": f"{__name__}.Odd"}})
    monkeypatch.setattr(Odd, "reachable", lambda channel, found: REACHED[way](found))
    monkeypatch.setattr(Odd, "send", lambda channel, message: Sent())
    for some in (users, get_user_model()._base_manager.all()):
        Delivery.objects.all().delete()
        notify.send(make_project(), verb="closed", recipient=some)
        deliver()
        reached = Delivery.objects.order_by("recipient__username").values_list(
            "recipient__username", "status"
        )
        assert list(reached) == [("user0", "sent"), ("user1", "sent")]


@pytest.mark.parametrize("answer", [None, 60, "an hour", timedelta(-1), timedelta.max, ValueError("no")])
def test_a_channel_that_cannot_say_how_long_it_waits_does_not_wait(
    channel: type[Scripted], monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    def delay(self: Any, kind: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Scripted, "delay", delay)
    send(make_user())
    deliver()
    assert statuses() == ["sent"]


@pytest.mark.parametrize("default", ["immediately", "", "Daily", 5])
def test_a_frequency_that_there_is_not_is_an_error_of_the_channel(settings: Any, default: Any) -> None:
    for name in ("memory", "email"):
        use(settings, {name: {"default": default}})
        assert [error.id for error in check_channels(None)] == ["notifications_delivery.E001"]
        with pytest.raises(ValueError, match="not one of off, instant"):
            get_channels()


@pytest.mark.parametrize("where", ["skip", "rows", "muted", "reachable"])
def test_a_lost_connection_ends_the_round_and_costs_no_delivery(
    channel: type[Scripted], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def lost(*arguments: Any, **named: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    send(make_user())
    if where == "skip":
        monkeypatch.setattr(recheck.Facts, "skip", lost)
    elif where == "rows":
        monkeypatch.setattr(recheck, "get_user_model", lambda: SimpleNamespace(_base_manager=Lost()))
    elif where == "muted":
        monkeypatch.setattr(recheck, "muted_rows", lost)
    else:
        monkeypatch.setattr(Scripted, "reached", lost)
        monkeypatch.setattr(connection, "is_usable", lambda: False)
    with pytest.raises(OperationalError):
        deliver()
    assert statuses() == ["pending"]
    assert not Circuit.objects.exists()


class Lost:
    """A manager whose connection is lost."""

    def using(self, alias: str) -> Lost:
        return self

    def filter(self, **conditions: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")


# What a type says


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_type_says_may_fail_and_costs_no_delivery_and_no_page(
    make_type: Any, client: Client, settings: Any, fault: str
) -> None:
    use(settings, {"email": {"default": "instant"}})
    make_type(**FAULTS[fault])
    staff = make_user("staff", is_staff=True, is_superuser=True, email="staff@example.com")
    client.force_login(staff)
    send(staff, verb="commented on")
    assert deliver().sent == 1
    preview = reverse("notifications_delivery:preview")
    unsubscribe = links.sign(links.UNSUBSCRIBE, staff, "type:commented on", "email")
    for url in (
        reverse("notifications_delivery:preferences"),
        f"{preview}?type=commented-on&channel=email",
        f"{preview}?type=commented-on&channel=email&part=html",
        reverse("notifications_delivery:unsubscribe", args=[unsubscribe]),
    ):
        page_of_site = client.get(url)
        assert page_of_site.status_code == 200
        assert "LookupError" not in page_of_site.content.decode()
