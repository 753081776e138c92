"""To see or to close a thing is to read what was told about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpResponse
from django.template import Context, Template
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.views import View
from django.views.generic import DetailView

from notifications.contrib.subscriptions import resolve, resolve_all
from notifications.contrib.subscriptions.resolution import ResolvesNotifications
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


@pytest.mark.parametrize(("method", "status"), [("head", 200), ("get", 404), ("get", 302)])
def test_a_page_that_was_not_shown_reads_nothing(bob: Any, method: str, status: int) -> None:
    make_notification(bob, target=make_ticket())
    request = getattr(RequestFactory(), method)("/")
    request.user = bob

    Closed.as_view(status=status)(request)

    assert unread() == 1


def test_a_tag_in_a_template_does_so_too(bob: Any) -> None:
    ticket = make_ticket()
    make_notification(bob, target=ticket)
    template = Template("{% load subscriptions %}{% resolve_notifications ticket %}.")

    assert template.render(Context({"ticket": ticket, "user": AnonymousUser()})) == "."
    assert unread() == 1
    assert template.render(Context({"ticket": ticket, "user": bob})) == "."
    assert unread() == 0
    assert template.render(Context({"user": bob})) == "."
