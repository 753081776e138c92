"""All rows of a user, also of one with whom the site has loaded some of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db.models import Prefetch

import notifications
from notifications.inbox.actions import ACTIONS
from notifications.inbox.requests import rows_of
from notifications.inbox.undo import do, undo
from notifications.storage.counts import mark_seen, unread_count, unseen_count
from notifications.storage.owners import rows_of_user, user_pk
from notifications.templatetags.notifications_tags import has_notification, newest_of
from tests.factories import as_child, make_notification, make_user, rows

pytestmark = pytest.mark.django_db


def unseen_after(user: Any) -> int:
    mark_seen(user)
    cache.clear()
    return unseen_count(user)


#: What the app says of a user with two unread rows, and does.
OF_USER: dict[str, Callable[[Any], object]] = {
    "unread_count": unread_count,
    "unseen_count": unseen_count,
    "has_notification": has_notification,
    "newest_of": lambda user: len(newest_of(user, 5)),
    "mark_seen": unseen_after,
    "rows_of": lambda user: rows_of(SimpleNamespace(user=user)).unread().count(),  # type: ignore[arg-type]
    "undo": lambda user: undo(user, do(user, rows_of_user(user), ACTIONS["read"]).token or "").changed,
}


@pytest.mark.parametrize("name", OF_USER)
def test_a_user_has_all_rows_also_where_some_were_prefetched(justquick: Any, name: str) -> None:
    make_notification(justquick, verb="said")
    make_notification(justquick, verb="closed")
    expected = {"has_notification": True, "mark_seen": 0}.get(name, 2)
    some = Prefetch("notifications", queryset=rows().filter(verb="said"))
    loaded = get_user_model()._default_manager.prefetch_related(some)
    assert OF_USER[name](loaded.get(pk=justquick.pk)) == expected


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", OF_USER)
def test_a_user_of_a_child_with_a_key_of_its_own_is_not_the_one_with_that_number(
    justquick: Any, name: str
) -> None:
    make_notification(justquick, verb="said")
    make_notification(justquick, verb="closed")
    other = make_user("other")
    assert (unread_count(other), unseen_count(other)) == (0, 0)
    expected = {"has_notification": True, "mark_seen": 0}.get(name, 2)
    assert OF_USER[name](as_child(justquick, other.pk)) == expected


def test_nothing_asks_the_manager_of_a_user_for_all_rows() -> None:
    # But rows_of_user(): it may hold only some.
    found = [
        path.name
        for path in Path(notifications.__file__).parent.rglob("*.py")
        if re.search(r"(?<!``)\buser\.notifications\.(?!model\b|all\(\)\.db\b)", path.read_text())
    ]
    assert found == ["owners.py"]


def test_a_user_made_of_a_token_is_known_by_its_key() -> None:
    assert user_pk(SimpleNamespace(pk="7")) == "7"
    assert user_pk(SimpleNamespace()) is None


def test_nothing_takes_the_key_of_a_request_for_that_of_a_user() -> None:
    # But user_pk(): the user of a request may be of a model that inherits from the user model.
    found = [
        path.name
        for path in Path(notifications.__file__).parent.rglob("*.py")
        if re.search(r"request\.user\.pk|pk=user\.pk", path.read_text())
    ]
    assert found == []
