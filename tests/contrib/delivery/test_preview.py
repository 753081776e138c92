"""The page on which a developer looks at the messages of each type, channel and language."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from notifications import notify
from notifications.contrib.delivery.channels import Channel
from notifications.contrib.delivery.pages import preview
from notifications.types import Other, all_types, type_word
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db

PAGE = "/inbox/settings/preview/"

CHANNELS = {
    "email": {},
    "webhook": {"url": "https://example.com/hook", "secret": "whsec_" + "a" * 40},
    "memory": {},
}


class Broken(Channel):
    """Its messages cannot be made."""

    def preview(self, message: Any) -> Any:
        raise ZeroDivisionError("never")


@pytest.fixture(autouse=True)
def several_channels(settings: Any) -> None:
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": CHANNELS,
        "DELIVERY_RUNNER": "none",
        "BASE_URL": "https://example.com",
    }


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("ann", is_staff=True, email="ann@example.com"))
    return client


def test_only_staff_may_look_unless_the_site_is_in_debug(client: Client, settings: Any) -> None:
    assert client.get(PAGE).status_code == 302
    client.force_login(make_user("bob", email="bob@example.com"))
    assert client.get(PAGE).status_code == 404
    settings.DEBUG = True
    assert client.get(PAGE).status_code == 200
    assert client.post(PAGE).status_code == 405


def test_a_user_model_without_staff_and_inactive_accounts_has_none(settings: Any) -> None:
    assert preview.is_allowed(SimpleNamespace()) is False
    settings.DEBUG = True
    assert preview.is_allowed(SimpleNamespace()) is True


@pytest.mark.parametrize("digest", ["", "1"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_every_type_is_shown_on_every_channel_in_every_language_with_made_up_data(
    staff: Client, settings: Any, make_type: Any, channel: str, digest: str
) -> None:
    make_type("closed")
    for kind in all_types():
        for language in ("en", "de", "ar"):
            query = {"type": type_word(kind), "channel": channel, "language": language, "digest": digest}
            response = staff.get(PAGE, query)
            assert response.status_code == 200
            assert "error" not in response.context["parts"]
            assert "ann" in response.context["parts"]["text"]
            assert response.context["type"] == type_word(kind)


def test_a_mail_is_shown_with_its_headers_its_text_and_its_html(staff: Client) -> None:
    notify.send(make_project("ldl"), verb="closed", recipient=get_user_model()._default_manager.get())
    query = {"type": "other", "channel": "email", "language": "de"}

    response = staff.get(PAGE, query)

    parts = response.context["parts"]
    assert parts["Subject"] == "ldl closed"
    assert parts["List-Unsubscribe"].startswith("<https://example.com/inbox/settings/u/")
    page = response.content.decode()
    assert f'src="{PAGE}?type=other&amp;channel=email&amp;language=de&amp;part=html"' in page
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    html = staff.get(PAGE, {**query, "part": "html"})
    assert '<html lang="de" dir="ltr">' in html.content.decode()
    assert html["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(("digest", "kind", "shown"), [("", "other", 1), ("1", "digest", 3)])
def test_a_digest_is_shown_as_one(staff: Client, digest: str, kind: str, shown: int) -> None:
    ann = get_user_model().objects.get()
    for _ in range(shown + 1):
        notify.send(ann, verb="waved", recipient=ann)

    parts = staff.get(PAGE, {"type": "other", "channel": "email", "digest": digest}).context["parts"]

    assert parts["List-Id"].startswith(f"<{kind}.")
    assert parts["text"].count("waved") == shown


def test_a_type_is_shown_by_notifications_of_this_type_alone(staff: Client, make_type: Any) -> None:
    ann = get_user_model().objects.get()
    closed = make_type("closed")
    for verb in ("saw", "closed", "CLOSED"):
        notify.send(ann, verb=verb, recipient=ann)
        notify.send(ann, verb="closed", recipient=ann)
    assert {row.verb for row in preview.samples(closed, ann)} == {"closed"}
    assert {row.verb for row in preview.samples(Other, ann)} == {"CLOSED", "saw"}


def test_unknown_names_are_the_first_of_their_kind(staff: Client) -> None:
    response = staff.get(PAGE, {"type": "x", "channel": "x", "language": "x"})
    assert response.context["channel"].name == "email"
    assert response.context["language"] == "en"


def test_what_cannot_be_made_says_why(staff: Client, settings: Any) -> None:
    broken = {"channel": "tests.contrib.delivery.test_preview.Broken"}
    settings.NOTIFICATIONS = {"DELIVERY_CHANNELS": {"broken": broken}}
    assert staff.get(PAGE).context["parts"] == {"error": "ZeroDivisionError: never"}


def test_without_a_channel_there_is_nothing_to_show(staff: Client, settings: Any) -> None:
    settings.NOTIFICATIONS = {"DELIVERY_CHANNELS": {}}
    response = staff.get(PAGE)
    assert (response.status_code, response.context["parts"]) == (200, {})
