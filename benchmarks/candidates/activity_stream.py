"""django-activity-stream, by what it has that is nearest: one row an event, found by whom the reader follows."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

from actstream import action, registry
from actstream.feeds import JSONActivityFeed
from actstream.models import Action, Follow, user_stream
from candidates.base import Candidate as Base
from candidates.data import DESCRIPTION, FIRST_OTHER, READERS, VERB
from candidates.watched import OWNER, REPOSITORY, TICKET, WATCHER, content_types, project_watchers, watchers
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from project.models import Issue, Project, Repository, Ticket

#: How many actors the reader follows, whose actions are all that the page shows.
FOLLOWED = 100

registry.register(get_user_model(), Issue, Project, Repository, Ticket)


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
        if name == "watched":
            super().stage(name)
            return
        if name != "inbox":
            self.data.empty(self.model)
            return
        first = FIRST_OTHER + self.data.sizes["others"] + 1
        self.data.inbox_rows(self.model, followed=(first, FOLLOWED))
        users = ContentType.objects.get_for_model(get_user_model())
        Follow.objects.all().delete()
        # Of the many that somebody else follows, these are the only ones who ever did anything.
        follows = {"page": FOLLOWED, "follower": self.data.sizes["objects"]}
        Follow.objects.bulk_create(
            Follow(user_id=READERS[reader], content_type=users, object_id=str(first + number))
            for reader, many in follows.items()
            for number in range(many)
        )

    def rows_on_a_page(self, rows: int) -> Any:
        """Return no context: the views above show 20."""
        return nullcontext()

    def watch(self) -> None:
        """Let those follow the ticket or the repository who are notified: nothing here knows what an owner has."""
        ticket, repository, _, project = content_types()

        def add(content_type: int, key: str, source: str) -> None:
            columns = {
                "user_id": WATCHER,
                "content_type_id": str(content_type),
                "object_id": self.data.as_text(key),
                "actor_only": "FALSE",
                "flag": "''",
                "started": self.data.moment("w.n"),
            }
            self.data.add(Follow, columns, source)

        self.data.empty(Follow)
        add(ticket, "1", watchers(self.data, *TICKET))
        add(repository, "1", watchers(self.data, *sorted({*REPOSITORY, *OWNER})))
        add(project, *project_watchers(self.data))
        self.data.settle(Follow._meta.db_table)

    def send_about(self, ticket: Ticket, recipient: Any = None) -> None:
        """Tell nobody in particular: whoever follows the ticket or the repository will find it."""
        action.send(
            self.sender, verb=VERB, action_object=ticket, target=ticket.repository, description=DESCRIPTION
        )

    def watchers(self, project: Project) -> Any:
        """Return the users who follow the project."""
        return Follow.objects.followers(project)

    def is_watching(self, user: Any, project: Project) -> bool:
        """Tell whether the user follows the project."""
        return bool(Follow.objects.is_following(user, project))
