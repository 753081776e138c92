"""The words of the wing are in the catalogues of the package, which Django finds by the app ``notifications``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone, translation

from notifications.contrib.subscriptions import explain, mute, unsubscribe, watch
from notifications.contrib.subscriptions.explanations import describe
from notifications.contrib.subscriptions.levels import Level
from notifications.contrib.subscriptions.models import Subscription
from notifications.storage.reasons import Reason
from tests.contrib.subscriptions.things import make_ticket, send
from tests.factories import make_user, rows
from tests.test_translations import LATIN, page

# Neither the database nor the settings have a part in it.
pytestmark = [pytest.mark.django_db, pytest.mark.backend("sqlite")]

STATEMENTS: dict[str, Any] = {
    "all": watch,
    "participating": lambda user, thing: watch(user, thing, level="participating"),
    "muted": mute,
    "muted_for_a_week": lambda user, thing: mute(user, thing, until=timezone.now() + timedelta(7)),
    "unsubscribed": unsubscribe,
}


def test_every_label_of_the_wing_is_russian() -> None:
    with translation.override("ru"):
        labels = [
            *(
                str(field.verbose_name)
                for field in Subscription._meta.fields
                if field.editable and not field.primary_key
            ),
            *(str(label) for label in (*Level.labels, *Reason.labels)),
            str(Subscription._meta.verbose_name),
            str(Subscription._meta.verbose_name_plural),
            str(apps.get_app_config("notifications_subscriptions").verbose_name),
        ]
    assert [label for label in labels if LATIN.search(label)] == []


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "pyotr is not notified: issue 2 is muted."),
        ("ru", "pyotr не получает уведомление: уведомления о «issue 2» отключены."),  # noqa: RUF001 - Russian indeed
        ("de", "pyotr wird nicht benachrichtigt: „issue 2“ ist stummgeschaltet."),
        ("ar", "لا يتلقى \u2068pyotr\u2069 الإشعار: كتم «\u2068issue 2\u2069»."),
    ],
)
def test_the_rule_that_decided_is_explained_in_the_language_of_the_reader(
    language: str, expected: str
) -> None:
    user, ticket = make_user("pyotr"), make_ticket()
    mute(user, ticket)
    event: Any = describe(make_user("alice"), verb="closed", target=ticket)
    with translation.override(language):
        assert str(explain(user, event)) == expected


@pytest.mark.parametrize("level", [*STATEMENTS])
def test_the_pages_and_buttons_of_the_wing_in_russian_have_no_english_in_them(
    client: Client, level: str
) -> None:
    user, ticket = make_user("пётр"), make_ticket("задача 2")
    watch(user, ticket)
    send(make_user("анна"), "закрыла", target=ticket)
    STATEMENTS[level](user, ticket)
    client.force_login(user)
    for url in (
        "/inbox/watching/",
        f"/inbox/watching/why/{rows().get().slug}/",
        f"/tickets/{ticket.pk}/",
        "/inbox/notifications/",
    ):
        found = page(client, url, "ru")
        assert len(found) > 2
        assert [text for text in found if LATIN.search(text.removesuffix(" UTC"))] == []
