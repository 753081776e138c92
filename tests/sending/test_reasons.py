"""Why a recipient was told is stored with the row: what the sender said of all, or an extension of each."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Case, Value, When

from notifications import notify
from notifications.extensions import REASON
from notifications.sending import batches
from tests.factories import make_group, make_project, make_user, make_users, rows

pytestmark = pytest.mark.django_db


def reasons() -> list[str]:
    return list(rows().order_by("recipient__username").values_list("reason", flat=True))


def audience() -> Any:
    """Return all users, of whom the first is told for another reason than the others."""
    why = Case(When(username="user0", then=Value("author")), default=Value("subscribed"))
    return get_user_model()._default_manager.annotate(**{REASON: why})


def send(recipient: Any, **arguments: Any) -> Any:
    project = make_project()
    ContentType.objects.get_for_model(project)
    [(_, answer)] = notify.send(project, verb="closed", recipient=recipient, **arguments)
    return answer


def test_nobody_has_to_say_why() -> None:
    send(make_user())

    assert reasons() == [""]


def test_the_sender_says_why_of_all() -> None:
    send([make_user("ann"), make_user("bob")], recipient_reason="mention")
    send(make_user("cid"), recipient_reason="assign")

    assert reasons() == ["mention", "mention", "assign"]


def test_an_audience_says_why_of_each_in_the_same_statement(django_assert_num_queries: Any) -> None:
    make_users(3)
    send(get_user_model()._default_manager.none())

    with django_assert_num_queries(2):
        # The project, and all rows.
        send(audience())

    assert reasons() == ["author", "subscribed", "subscribed"]


def test_what_the_sender_says_of_all_stands_before_what_an_audience_says_of_each() -> None:
    make_users(2)

    send(audience(), recipient_reason="mention")

    assert reasons() == ["mention", "mention"]


def test_an_audience_that_is_cut_says_why_of_each() -> None:
    make_users(5)

    send(audience(), fanout_chunk=2)

    assert reasons() == ["author", "subscribed", "subscribed", "subscribed", "subscribed"]


@pytest.mark.parametrize("key", [None, "order:17"])
def test_a_user_whom_a_join_finds_twice_is_told_once_and_why(key: str | None) -> None:
    [user] = make_users(1)
    make_group("one", user)
    make_group("two", user)

    send(audience().filter(groups__isnull=False), idempotency_key=key)

    assert reasons() == ["author"]


@pytest.mark.shape("swapped")
@pytest.mark.parametrize("said", [None, "mention"])
def test_rows_that_are_saved_one_by_one_say_why_too(
    settings: Any, monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.SavesItself"
    monkeypatch.setattr(batches, "BATCH_SIZE", 2)
    make_users(5)

    send(audience(), recipient_reason=said)

    assert reasons() == (
        [said] * 5 if said else ["author", "subscribed", "subscribed", "subscribed", "subscribed"]
    )


@pytest.mark.shape("swapped")
def test_without_the_constraint_a_user_whom_a_join_finds_twice_is_told_once_and_why(settings: Any) -> None:
    settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Columned"
    [user] = make_users(1)
    make_group("one", user)
    make_group("two", user)

    send(audience().filter(groups__isnull=False))

    assert reasons() == ["author"]


@pytest.mark.parametrize(
    ("reason", "error"),
    [(7, TypeError), ("x" * 33, ValueError), ("a\x00b", ValueError)],
    ids=["number", "long", "NUL"],
)
def test_a_reason_that_cannot_be_stored_is_refused(reason: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="reason"):
        send(make_user(), recipient_reason=reason)

    assert rows().count() == 0
