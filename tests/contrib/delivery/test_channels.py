"""What every channel does: one class of tests for all."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from notifications import notify
from notifications.contrib.delivery.channels import (
    Channel,
    Message,
    Sent,
    get_channel,
    load_channel,
    webhook,
)
from notifications.contrib.delivery.choices import Frequency
from notifications.contrib.delivery.models import Circuit
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.sending import Tally, deliver
from tests.contrib.delivery.scripted import Scripted
from tests.factories import make_project, make_user, rows

pytestmark = pytest.mark.django_db

CHANNELS: dict[str, dict[str, Any]] = {
    "memory": {},
    "console": {},
    "email": {},
    "webhook": {"url": "https://hooks.example.com/", "secret": f"whsec_{'A' * 32}"},
    "scripted": {"channel": "tests.contrib.delivery.scripted.Scripted"},
}


@pytest.mark.parametrize("name", CHANNELS)
class TestEveryChannel:
    @pytest.fixture
    def channel(self, name: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Channel:
        monkeypatch.setattr(webhook, "post", lambda *arguments, **options: (200, None))
        settings.NOTIFICATIONS = {
            "DELIVERY_CHANNELS": {name: CHANNELS[name]},
            "DELIVERY_RUNNER": "none",
            "BASE_URL": "https://example.com",
        }
        Scripted.forget()
        return get_channel(name)

    def test_it_has_a_name_for_users_and_a_frequency(self, channel: Channel, name: str) -> None:
        assert channel.name == name
        assert str(channel.label)
        assert channel.default in Frequency.values

    def test_it_refuses_options_that_it_does_not_know(self, channel: Channel, name: str) -> None:
        with pytest.raises(TypeError, match="has no options pigeons"):
            load_channel(name, {**CHANNELS[name], "pigeons": 2})

    def test_it_narrows_the_users_without_a_query(
        self, channel: Channel, django_assert_num_queries: Any
    ) -> None:
        user = make_user(email="justquick@example.com")
        with django_assert_num_queries(0):
            reachable = channel.reachable(get_user_model()._base_manager.all())
        assert list(reachable) == [user]
        assert channel.address(user)

    def test_it_sends_and_its_outcome_is_noted(self, channel: Channel, capsys: Any) -> None:
        user = make_user(email="justquick@example.com")
        choose(user, "", channel.name, "instant")
        notify.send(make_project("pinax"), verb="closed", recipient=user)
        assert deliver() == Tally(sent=1)

    def test_it_sends_a_digest_of_more_than_it_shows(self, channel: Channel, capsys: Any) -> None:
        user = make_user(email="justquick@example.com")
        notify.send(make_project("pinax"), verb="closed", recipient=user)
        message = Message(
            key="1.x",
            recipient=user,
            address=channel.address(user),
            notifications=list(rows().with_objects()),
            more=3,
            frequency="daily",
        )
        channel.open()
        assert channel.send(message).reference is not None  # type: ignore[union-attr]
        channel.close()

    @pytest.mark.parametrize("has_links", [False, True])
    def test_it_waits_for_the_beginning_of_urls_only_if_it_has_links(
        self,
        channel: Channel,
        settings: Any,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Any,
        *,
        has_links: bool,
    ) -> None:
        monkeypatch.setattr(type(channel), "has_links", has_links)
        # What a channel that has links sends without BASE_URL is not asked here.
        monkeypatch.setattr(type(channel), "send", lambda self, message: Sent())
        settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "BASE_URL": ""}
        user = make_user(email="justquick@example.com")
        choose(user, "", channel.name, "instant")
        notify.send(make_project("pinax"), verb="closed", recipient=user)

        assert deliver() == Tally(sent=0 if has_links else 1)
        assert [each.problem[:25] for each in Circuit.objects.all()] == [
            "ImproperlyConfigured: Set"
        ] * has_links


def test_a_channel_that_says_nothing_reaches_everybody_and_sends_nothing() -> None:
    user = make_user()
    plain = Channel("plain")
    everybody = get_user_model()._base_manager.all()

    assert plain.reachable(everybody) is everybody
    assert plain.address(user) == str(user.pk)
    with pytest.raises(NotImplementedError):
        plain.send(Message(key="1", recipient=user, address="", notifications=[]))
