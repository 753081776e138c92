"""The numbers that every template has, and what they cost one that does not use them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import RequestContext, Template
from django.test import RequestFactory
from django.utils.module_loading import import_string

from notifications.storage import counts
from tests.factories import make_notification, make_user

pytestmark = pytest.mark.django_db

NUMBERS = "{{ notifications_unread }} {{ notifications_unseen }}"
PROCESSOR = "notifications.context_processors.notifications"


@pytest.fixture(autouse=True)
def _everywhere(settings: Any) -> None:
    """A site that wants the numbers on every page, and caches nothing."""
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 0, "BADGE_CAP": 2}
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.humanize"]
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


@pytest.mark.parametrize(
    "use",
    [
        "|pluralize", '|add:"1"', "|add:1", "|divisibleby:2", "|get_digit:1", '|stringformat:"d"', "|floatformat:1",
        "|ordinal", "|apnumber", "|intcomma", '|json_script:"n"', "|default:0", "|yesno", "|length", "|localize",
        "|unlocalize",
    ],
)  # fmt: skip
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_number_is_one_for_every_filter(use: str, count: int) -> None:
    user = make_user()
    for _ in range(count):
        make_notification(user)
    loaded = "{% load l10n humanize %}"
    for name in ("notifications_unread", "notifications_unseen"):
        assert shown(f"{loaded}{{{{ {name}{use} }}}}", user) == shown(f"{loaded}{{{{ {count}{use} }}}}")
    assert shown("{% widthratio notifications_unread 1 100 %}", user) == str(100 * count)


def test_a_number_is_one_for_python_and_other_engines() -> None:
    user = make_user()
    make_notification(user)
    request = RequestFactory().get("/")
    request.user = user
    for number in import_string(PROCESSOR)(request).values():
        assert (int(number), float(number), number + 1, f"{number}", [5, 6][number]) == (1, 1.0, 2, "1", 6)
    one = "{% load i18n %}{% blocktranslate count n=notifications_unread %}one{% plural %}many{% endblocktranslate %}"
    assert shown(one, user) == "one"


@pytest.mark.parametrize("user", [None, AnonymousUser()], ids=["no user", "anonymous"])
def test_nobody_has_none(user: Any, django_assert_num_queries: Any) -> None:
    make_notification(make_user())
    with django_assert_num_queries(0):
        assert shown(NUMBERS, user) == "0 0"
