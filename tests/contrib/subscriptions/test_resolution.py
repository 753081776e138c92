"""To see or to close a thing is to read what was told about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpResponse
from django.template import Context, RequestContext, Template
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.views import View
from django.views.generic import DetailView

from notifications.contrib.subscriptions import resolve, resolve_all
from notifications.contrib.subscriptions.resolution import ResolvesNotifications, resolve_seen
from tests.contrib.subscriptions.models import Ticket
from tests.contrib.subscriptions.things import make_ticket
from tests.factories import make_notification, make_user, rows

pytestmark = pytest.mark.django_db


if TYPE_CHECKING:
    Detail = DetailView[Ticket]
else:
    Detail = DetailView


class Page(ResolvesNotifications, Detail):
    model = Ticket

    def render_to_response(self, context: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse(self.object.name)


class Closed(ResolvesNotifications, View):
    status = 200

    def get_resolved_object(self) -> Any:
        return Ticket.objects.first()

    def get(self, request: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse(status=self.status)


@pytest.fixture
def bob() -> Any:
    return make_user("bob")


def updates(queries: CaptureQueriesContext) -> int:
    """Return how many subscriptions change rows. MariaDB asks for their primary keys before."""
    return sum(query["sql"].startswith("UPDATE") for query in queries)


def unread() -> int:
    return int(rows().unread().count())


def test_seeing_a_thing_reads_what_one_was_told_about_it(bob: Any) -> None:
    ticket, other = make_ticket(), make_ticket("other")
    for recipient in (bob, make_user("ann")):
        for thing in (ticket, other):
            make_notification(recipient, target=thing)

    with CaptureQueriesContext(connection) as queries:
        assert resolve(bob, ticket) == 1
    assert updates(queries) == 1
    assert unread() == 3
    assert resolve(bob, ticket) == 0
    assert resolve(AnonymousUser(), other) == 0
    with CaptureQueriesContext(connection) as queries:
        assert resolve_all(other) == 2
    assert updates(queries) == 1
    assert unread() == 1


@pytest.mark.parametrize("view", [Page, Closed])
def test_a_view_of_a_thing_reads_by_being_seen(bob: Any, view: Any) -> None:
    ticket = make_ticket()
    make_notification(bob, target=ticket)
    request = RequestFactory().get("/")
    request.user = bob

    assert view.as_view()(request, pk=ticket.pk).status_code == 200
    assert unread() == 0


def test_an_asynchronous_view_of_a_thing_reads_by_being_seen(bob: Any) -> None:
    class Later(Closed):
        async def get(self, request: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
            return HttpResponse(status=self.status)

    make_notification(bob, target=make_ticket())
    for status, left in ((404, 1), (200, 0)):
        answer: Any = Later.as_view(status=status)
        assert async_to_sync(answer)(look("get", bob)).status_code == status
        assert unread() == left


def look(method: str, user: Any, **headers: str) -> Any:
    request = getattr(RequestFactory(), method)("/", headers=headers)
    request.user = user
    return request


#: The doors by which looking at an object reads what it is about: each takes a request.
DOORS: dict[str, Callable[[Any, Any], object]] = {
    "a view": lambda request, ticket: Page.as_view()(request, pk=ticket.pk),
    "a function": resolve_seen,
    "a tag": lambda request, ticket: Template(
        "{% load subscriptions %}{% resolve_notifications it %}"
    ).render(RequestContext(request, {"it": ticket})),
}

#: How a page is loaded that nobody looks at.
UNSEEN: list[tuple[str, dict[str, str]]] = [
    ("head", {}),
    ("post", {}),
    ("options", {}),
    ("get", {"Sec-Purpose": "prefetch"}),
    ("get", {"Sec-Purpose": "prefetch;prerender"}),
    ("get", {"Purpose": "prefetch"}),
    ("get", {"X-Purpose": "preview"}),
    ("get", {"X-Moz": "prefetch"}),
    ("get", {"X-Sec-Purpose": "prefetch"}),
    ("get", {"HX-Preloaded": "true"}),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("method", "headers"), UNSEEN)
def test_a_page_that_nobody_looks_at_reads_nothing(
    bob: Any, door: str, method: str, headers: dict[str, str]
) -> None:
    ticket = make_ticket()
    make_notification(bob, target=ticket)
    DOORS[door](look(method, bob, **headers), ticket)
    assert unread() == 1
    DOORS[door](look("get", bob), ticket)
    assert unread() == 0


@pytest.mark.parametrize("door", [*DOORS, "resolve", "resolve_all"])
def test_what_is_read_is_about_the_object_and_not_by_it(bob: Any, door: str) -> None:
    """The profile page of an actor does not read everything that the actor did."""
    ticket = make_ticket()
    make_notification(bob, verb="is about it", target=ticket)
    make_notification(bob, verb="is about it as well", action_object=ticket, target=ticket.repo)
    make_notification(bob, verb="did it", actor=ticket, target=ticket.repo)
    more: dict[str, Callable[[], object]] = {
        "resolve": lambda: resolve(bob, ticket),
        "resolve_all": lambda: resolve_all(ticket),
    }
    more.get(door, lambda: DOORS[door](look("get", bob), ticket))()
    assert [row.verb for row in rows().unread()] == ["did it"]


@pytest.mark.parametrize("status", [404, 302, 500])
def test_a_page_that_was_not_shown_reads_nothing(bob: Any, status: int) -> None:
    make_notification(bob, target=make_ticket())
    Closed.as_view(status=status)(look("get", bob))
    assert unread() == 1


@pytest.mark.parametrize("door", DOORS)
def test_who_is_not_logged_in_reads_nothing(bob: Any, door: str) -> None:
    ticket = make_ticket()
    make_notification(bob, target=ticket)
    DOORS[door](look("get", AnonymousUser()), ticket)
    assert unread() == 1


def test_a_tag_without_a_request_or_an_object_reads_nothing(bob: Any) -> None:
    ticket = make_ticket()
    make_notification(bob, target=ticket)
    template = Template("{% load subscriptions %}{% resolve_notifications ticket %}.")
    assert template.render(Context({"ticket": ticket, "user": bob})) == "."
    assert template.render(RequestContext(look("get", bob), {})) == "."
    assert unread() == 1


@pytest.mark.parametrize("nothing", [None, Ticket(name="a preview")], ids=["none", "unsaved"])
@pytest.mark.parametrize("door", DOORS)
def test_a_page_of_what_is_not_saved_is_shown_and_reads_nothing(bob: Any, door: str, nothing: Any) -> None:
    """A preview, or the view that makes what is not there yet."""

    class Form(Closed):
        def get_resolved_object(self) -> Any:
            return nothing

    make_notification(bob, target=make_ticket())
    request = look("get", bob)
    if door == "a view":
        assert Form.as_view()(request).status_code == 200
    else:
        DOORS[door](request, nothing)
    assert unread() == 1
