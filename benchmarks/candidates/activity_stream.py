"""django-activity-stream, by what it has that is nearest: one row an event, found by whom the reader follows."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

from actstream import action, registry
from actstream.feeds import JSONActivityFeed
from actstream.models import Action, Follow, user_stream
from candidates.base import Candidate as Base
from candidates.data import FIRST_OTHER, READERS
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from project.models import Issue, Project

#: How many actors the reader follows, whose actions are all that the page shows.
FOLLOWED = 100

registry.register(get_user_model(), Issue, Project)


@login_required
def html(request: HttpRequest) -> HttpResponse:
    """Show the newest of the user's stream; the package's own page shows all of it at once."""
    return render(request, "stream.html", {"action_list": user_stream(request.user)[:20]})


@login_required
def feed(request: HttpRequest) -> HttpResponse:
    """Answer with the newest of the user's stream, each as the package's own JSON feed writes it."""
    shape = JSONActivityFeed()
    return HttpResponse(json.dumps([shape.format(found) for found in user_stream(request.user)[:20]]))


urlpatterns = [
    path("stream/", html),
    path("feed/", feed),
    path("activity/", include("actstream.urls")),
]


class Candidate(Base):
    """The package as it is, but for the size of its pages."""

    model = Action
    html_url = "/stream/"
    json_url = "/feed/"

    def send(self, recipient: Any) -> None:
        """Tell nobody in particular: whoever follows the actor will find it."""
        action.send(
            self.actor,
            verb=self.event["verb"],
            action_object=self.issue,
            target=self.project,
            description=self.event["description"],
        )

    def stage(self, name: str) -> None:
        """Put as many actions into the table as the others have rows, and follow those of a full page."""
        if name != "inbox":
            self.data.empty(self.model)
            return
        first = FIRST_OTHER + self.data.sizes["others"] + 1
        self.data.inbox_rows(self.model, followed=(first, FOLLOWED))
        users = ContentType.objects.get_for_model(get_user_model())
        Follow.objects.all().delete()
        Follow.objects.bulk_create(
            Follow(user_id=READERS["page"], content_type=users, object_id=str(first + number))
            for number in range(FOLLOWED)
        )

    def rows_on_a_page(self, rows: int) -> Any:
        """Return no context: the views above show 20."""
        return nullcontext()
