"""The system checks of the wing, each with its id."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection, router
from django.utils import timezone

from notifications import notify
from notifications.contrib.delivery import checks
from notifications.contrib.delivery.models import Delivery
from tests.contrib.routers import Elsewhere, NotThere
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db(databases=["default", "other"])

EMAIL = "notifications.contrib.delivery.channels.email.Channel"
BASE_URL = "https://example.com"
SCRIPTED = "tests.contrib.delivery.scripted.Scripted"


def found(*, databases: list[str] | None = None) -> list[tuple[str, str]]:
    return [
        (str(message.id).partition(".")[2], message.msg)
        for message in run_checks(databases=databases)
        if str(message.id).startswith("notifications")
    ]


def check(settings: Any, **values: Any) -> list[tuple[str, str]]:
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, **values}
    return found()


def test_a_sound_site_hears_nothing(settings: Any) -> None:
    assert found(databases=["default", "other"]) == []
    assert check(settings, DELIVERY_CHANNELS={"email": {}}, BASE_URL=BASE_URL) == []


def test_a_site_without_channels_is_warned(settings: Any) -> None:
    [(number, _)] = check(settings, DELIVERY_CHANNELS={})
    assert number == "W001"


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ({"pigeon": {}}, "needs the option 'channel'"),
        ({"pigeon": {"channel": "nowhere.Pigeon"}}, "ModuleNotFoundError"),
        ({"pigeon": {"channel": "tests.factories.make_user"}}, "is not a subclass"),
        ({"pigeon": {"channel": SCRIPTED, "wings": 2}}, "has no options wings"),
        ({"memory": {"wings": 2}}, "has no options wings"),
        ({"x" * 33: {"channel": SCRIPTED}}, "1 to 32 characters"),
        ({"a:b": {"channel": SCRIPTED}}, "without a colon"),
        ({"memory": []}, "must be a dict"),
    ],
)
def test_a_channel_that_cannot_be_used_is_an_error(settings: Any, channels: Any, words: str) -> None:
    [(number, message)] = check(settings, DELIVERY_CHANNELS=channels)
    assert number == "E001"
    assert words in message


@pytest.mark.parametrize(
    "sender", ["not an address", "root", "noreply@", "<>", "", "a@b.example, c@d.example"]
)
@pytest.mark.parametrize("is_option", [True, False])
def test_a_sender_that_is_no_address_is_a_warning(settings: Any, sender: str, is_option: bool) -> None:
    settings.DEFAULT_FROM_EMAIL = "webmaster@localhost" if is_option else sender
    options = {"from_email": sender} if is_option and sender else {}
    messages = check(
        settings, DELIVERY_CHANNELS={"letters": {"channel": EMAIL, **options}}, BASE_URL=BASE_URL
    )
    if is_option and not sender:
        assert messages == []
    else:
        assert messages == [
            ("W004", f"The sender of the channel 'letters' is {sender!r}, which is not one address.")
        ]


@pytest.mark.parametrize(
    "sender", ["a@b.example", "webmaster@localhost", "Müller <m@exämple.com>", '"A, B" <a@b.c>']
)
def test_a_sender_that_is_an_address_is_none(settings: Any, sender: str) -> None:
    assert check(settings, DELIVERY_CHANNELS={"email": {"from_email": sender}}, BASE_URL=BASE_URL) == []


def test_channels_that_are_no_dict_are_an_error_of_the_setting(settings: Any) -> None:
    [(number, _)] = check(settings, DELIVERY_CHANNELS=["memory"])
    assert number == "E002"
    assert checks.check_channels(None) == []


@pytest.mark.parametrize(
    "path", ["nowhere.at.all", "", "os.sep", "notifications.contrib.delivery.runners.inline"]
)
def test_a_runner_that_cannot_be_called_is_an_error(settings: Any, path: str) -> None:
    [(number, message)] = check(settings, DELIVERY_RUNNER=path)
    assert number == "E002"
    assert f"is {path!r}: " in message


@pytest.mark.parametrize(
    "url",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "https://example.com/?a=b",
        f"https://{'ü' * 70}.example",
        "https://[example.com",
    ],
)
def test_a_base_of_urls_is_one(settings: Any, url: str) -> None:
    [(number, _)] = check(settings, BASE_URL=url)
    assert number == "E003"


SECRET = "whsec_" + "A" * 44


@pytest.mark.parametrize(
    ("name", "options"),
    [("email", {}), ("webhook", {"url": "https://example.com/hook", "secret": SECRET})],
)
def test_messages_with_links_need_a_base_of_urls(
    settings: Any, monkeypatch: pytest.MonkeyPatch, name: str, options: Any
) -> None:
    channel = {"channel": f"notifications.contrib.delivery.channels.{name}.Channel", **options}
    [(number, message)] = check(settings, DELIVERY_CHANNELS={"memory": {}, "own": channel})
    assert number == "E003"
    assert "The channel 'own' needs" in message
    monkeypatch.setattr(checks, "apps", SimpleNamespace(is_installed=lambda name: True))
    # Without SITE_ID, the site is that of a request.
    assert [each.id for each in checks.check_base_url(None)] == ["notifications_delivery.E003"]
    settings.SITE_ID = 1
    assert checks.check_base_url(None) == []


def test_what_nobody_sends_is_a_warning(settings: Any) -> None:
    notify.send(make_project(), verb="closed", recipient=make_user())
    assert found(databases=["default"]) == []
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(hours=2))

    assert [number for number, _ in found(databases=["default"])] == ["W002"]


def test_a_database_without_the_table_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", list)
    assert checks.check_ledger(None, databases=["default"]) == []
    monkeypatch.setattr(router, "allow_migrate_model", lambda *arguments: False)
    assert checks.check_ledger(None, databases=["default"]) == []
    assert checks.check_ledger(None) == []


@pytest.mark.parametrize(
    ("level", "numbers"), [("repeatable read", ["W003"]), ("read committed", []), (None, [])]
)
def test_a_database_that_locks_too_much_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, level: str | None, numbers: list[str]
) -> None:
    options = {} if level is None else {"isolation_level": level}
    monkeypatch.setattr(connection, "vendor", "mysql")
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    monkeypatch.setattr(connection.introspection, "table_names", list)

    messages = checks.check_ledger(None, databases=["default"])
    assert [str(message.id).partition(".")[2] for message in messages] == numbers


@pytest.mark.parametrize("apart", [Elsewhere, NotThere])
def test_tables_in_another_database_are_an_error(settings: Any, apart: type[Any]) -> None:
    settings.DATABASE_ROUTERS = [apart("notifications_delivery")]
    found = checks.check_databases(None)
    assert {each.id for each in found} == {"notifications.E007"}
    for name in ("Delivery", "Preference", "Schedule", "StoppedAddress", "Circuit"):
        assert any(f"keeps notifications_delivery.{name} out of it" in each.msg for each in found)
    settings.DATABASE_ROUTERS = []
    assert checks.check_databases(None) == []
