"""The numbers that every template has, and what they cost one that does not use them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import RequestContext, Template
from django.test import RequestFactory

from notifications.storage import counts
from tests.factories import make_notification, make_user

pytestmark = pytest.mark.django_db

NUMBERS = "{{ notifications_unread }} {{ notifications_unseen }}"
PROCESSOR = "notifications.context_processors.notifications"


@pytest.fixture(autouse=True)
def _everywhere(settings: Any) -> None:
    """A site that wants the numbers on every page, and caches nothing."""
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 0, "BADGE_CAP": 2}
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "OPTIONS": {"context_processors": [PROCESSOR]}}]


def shown(source: str, user: Any = None) -> str:
    """Return what a page shows to this user; to a request without a user where none is given."""
    request = RequestFactory().get("/")
    if user is not None:
        request.user = user
    return Template(source).render(RequestContext(request))


def test_a_page_has_the_numbers_and_pays_for_those_that_it_uses(django_assert_num_queries: Any) -> None:
    user = make_user()
    make_notification(user)
    counts.mark_seen(user)
    make_notification(user)

    with django_assert_num_queries(0):
        assert shown("{{ request }}", user) == ""
    with django_assert_num_queries(1):
        assert shown("{{ notifications_unread }} {{ notifications_unread }}", user) == "2 2"
    with django_assert_num_queries(2):
        assert shown(NUMBERS, user) == "2 1"


def test_a_number_is_a_condition_and_stops_at_the_cap() -> None:
    user = make_user()
    condition = "{% if notifications_unread %}some{% else %}none{% endif %}"
    assert shown(condition, user) == "none"
    for _ in range(3):
        make_notification(user)
    assert shown(condition, user) == "some"
    assert shown(NUMBERS, user) == "2+ 2+"


@pytest.mark.parametrize("user", [None, AnonymousUser()], ids=["no user", "anonymous"])
def test_nobody_has_none(user: Any, django_assert_num_queries: Any) -> None:
    make_notification(make_user())
    with django_assert_num_queries(0):
        assert shown(NUMBERS, user) == "0 0"
