"""The list views stay Django's ListView to a site that builds on them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.template.response import TemplateResponse

from notifications.inbox.pages import NotificationViewList
from notifications.inbox.pagination import Page
from notifications.views import AllNotificationsList
from tests.factories import make_notification, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(settings: Any) -> Any:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 4}
    user = make_user()
    for verb in "gfedcba":
        make_notification(user, verb=verb)
    return user


def mine(**attributes: Any) -> Any:
    """Return a subclass with these attributes; ``rows`` is what its ``get_queryset()`` makes of the user's rows."""
    change = attributes.pop("rows", None)

    def get_queryset(self: Any) -> Any:
        return change(AllNotificationsList.get_queryset(self))

    return type(
        "Mine", (AllNotificationsList,), {**attributes, **({"get_queryset": get_queryset} if change else {})}
    )


def show(rf: Any, user: Any, view: Any, query: str = "") -> Any:
    request = rf.get(f"/{query}")
    request.user = user
    response = view(request)
    assert isinstance(response, TemplateResponse)
    return response


def verbs(context: Any, name: str = "notifications") -> str:
    return "".join(row.verb for row in context[name])


def united(rows: Any) -> Any:
    return rows.order_by().union(rows.order_by()).order_by("verb")


#: What a subclass may say, and what is on its page then, on its second page, and whether it is a page of ours.
SUBCLASSES: dict[str, tuple[dict[str, Any], str, str, str, bool]] = {
    "nothing": ({}, "abcd", "?page=2", "efg", True),
    "paginate_by": ({"paginate_by": 3}, "abc", "?page=2", "def", True),
    "paginate_by None": ({"paginate_by": None}, "abcdefg", "?page=2", "abcdefg", False),
    "page_kwarg": ({"page_kwarg": "seite"}, "abcd", "?seite=2", "efg", False),
    "paginator_class": ({"paginator_class": type("Mine", (Paginator,), {})}, "abcd", "?page=2", "efg", False),
    "ordering": ({"ordering": "-verb"}, "gfed", "?page=2", "cba", False),
    "ordering by two": ({"ordering": ["-verb", "pk"]}, "gfed", "?page=2", "cba", False),
    "filter": ({"rows": lambda rows: rows.exclude(verb="b")}, "acde", "?page=2", "fg", True),
    "order_by": ({"rows": lambda rows: rows.order_by("-verb")}, "gfed", "?page=2", "cba", False),
    "reverse": ({"rows": lambda rows: rows.reverse()}, "gfed", "?page=2", "cba", False),
    "extra order": ({"rows": lambda rows: rows.extra(order_by=["-verb"])}, "gfed", "?page=2", "cba", False),
    "paginate_orphans": ({"paginate_orphans": 3}, "abcdefg", "?page=last", "abcdefg", False),
    "slice": ({"rows": lambda rows: rows[:6]}, "abcd", "?page=2", "ef", False),
    "list": ({"rows": list}, "abcd", "?page=2", "efg", False),
    "union": ({"rows": united}, "abcd", "?page=2", "efg", False),
    "context_object_name": ({"context_object_name": "notice_list"}, "abcd", "?page=2", "efg", True),
}  # fmt: skip


@pytest.mark.parametrize("name", SUBCLASSES)
@pytest.mark.parametrize("how", ["subclass", "as_view"])
def test_a_subclass_is_what_it_says_it_is(rf: Any, user: Any, name: str, how: str) -> None:
    attributes, first, query, second, is_ours = SUBCLASSES[name]
    if how == "as_view" and "rows" not in attributes:
        view = AllNotificationsList.as_view(**attributes)
    else:
        view = mine(**attributes).as_view()
    key = attributes.get("context_object_name", "notifications")

    response = show(rf, user, view)

    assert verbs(response.context_data, key) == verbs(response.context_data) == first
    assert isinstance(response.context_data["page_obj"], Page) is is_ours
    assert response.context_data["counts"]["unread"] == 7
    assert verbs(show(rf, user, view, query).context_data) == second
    # One more is what a script makes new rows from.
    assert response.render().content.decode().count("<article") == len(first) + 1


@pytest.mark.parametrize("view", NotificationViewList.__subclasses__())
def test_the_page_of_each_tab_is_ours_and_in_its_order(rf: Any, user: Any, view: Any) -> None:
    page = show(rf, user, view.as_view()).context_data["page_obj"]

    assert isinstance(page, Page)
    assert page.key == view.tab.key


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.filter(level="info").exclude(verb="b"),
        lambda rows: rows.filter(Q(verb="a") | Q(level="info")),
        lambda rows: rows.annotate(n=Count("recipient__groups")).distinct(),
        lambda rows: rows.select_related("recipient"),
        lambda rows: rows.only("verb"),
    ],
)
def test_a_list_that_filters_stays_in_the_order_of_its_tab(rf: Any, user: Any, change: Any) -> None:
    page = show(rf, user, mine(rows=change).as_view(), "?q=is:unread").context_data["page_obj"]

    assert (type(page), page.key) == (Page, "inbox_at")


def test_an_empty_list_is_a_page_too(rf: Any, user: Any) -> None:
    response = show(rf, user, mine(rows=lambda rows: []).as_view())

    assert verbs(response.context_data) == ""
    assert response.context_data["counts"]["unread"] == 7
