"""What every candidate is asked to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any

from candidates.data import DATA, DESCRIPTION, FIRST_OTHER, READERS, VERB, Data
from candidates.watched import SENDER, make_tickets
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, models
from django.http import HttpResponse
from django.test import Client
from project.models import Issue, Project, Repository, Ticket
from worker import measure, versions


class Candidate:
    """A package that can notify users of events and show them their inbox; the runner calls the public methods."""

    #: The model whose table the rows go to.
    model: type[models.Model]
    #: The urls of a page and of its JSON, both of the newest rows.
    html_url = ""
    json_url = ""
    #: Whether this candidate makes the rows that are read, or finds those of another in the same database.
    makes_rows = True

    # Before the cases

    def begin(self, sizes: Mapping[str, Any], users: int) -> dict[str, str]:
        """Make the tables and the users. Return the versions of everything."""
        call_command("migrate", run_syncdb=True, verbosity=0)
        self.data = Data(sizes)
        self.data.prepare(users)
        self.actor = get_user_model().objects.get(pk=FIRST_OTHER + 1)
        self.sender = get_user_model().objects.get(pk=SENDER)
        self.issue, self.project = Issue.objects.get(pk=1), Project.objects.get(pk=1)
        # As they are in a process that has notified of anything before.
        ContentType.objects.get_for_models(type(self.actor), Issue, Project, Repository, Ticket)
        return versions()

    def stage(self, name: str) -> None:
        """Put the rows into the table that the cases of this stage read."""
        if not self.makes_rows:
            return
        if name == "users":
            self.data.empty(self.model)
        elif name == "sent":
            self.data.sent_rows(self.model)
        elif name == "watched":
            self.data.empty(self.model)
            make_tickets()
            self.watch()
        else:
            self.data.inbox_rows(self.model)

    # The cases

    def fan_out(self, form: str, size: int, repeat: int) -> dict[str, Any]:
        """Tell so many users, named as ``form`` says, in an empty table."""
        self.data.empty(self.model)
        if form == "queryset":
            audience = self.audience(size)
            return measure(lambda: self.send(audience()), repeat=repeat)
        users = get_user_model().objects.filter(pk__gt=FIRST_OTHER)
        if form == "list":
            named = list(users[:size])
            return measure(lambda: self.send(named), repeat=repeat)
        one_by_one = cycle(users[:50])
        self.send(next(one_by_one))
        return measure(lambda: self.send(next(one_by_one)), repeat=repeat)

    def audience(self, size: int) -> Callable[[], Any]:
        """Return what makes a queryset of so many users that nobody has looked into yet."""
        users = get_user_model().objects.filter(pk__gt=FIRST_OTHER, pk__lte=FIRST_OTHER + size)
        return users.all

    def send(self, recipient: Any) -> None:
        """Tell a user, a queryset of users or a list of users of the event."""
        raise NotImplementedError

    @property
    def event(self) -> dict[str, Any]:
        """Return the arguments of ``notify.send`` but for the actor and the recipient."""
        return {
            "verb": VERB,
            "action_object": self.issue,
            "target": self.project,
            "description": DESCRIPTION,
            **DATA,
        }

    def mark_read(self, size: int) -> dict[str, Any]:
        """Mark everything of a reader as read, once, in a table with as many rows of others."""
        self.data.inbox_rows(self.model, events=size, slots=2)
        user = get_user_model().objects.get(pk=READERS["full"])
        result = measure(lambda: self.mark_all_read(user))
        cache.clear()
        return result

    def mark_all_read(self, user: Any) -> None:
        """Mark everything of this user as read."""
        raise NotImplementedError

    def page(self, kind: str, rows: int, repeat: int, reader: str = "page") -> dict[str, Any]:
        """Ask for the newest rows of a reader."""
        client, url = self.reader(reader), self.page_url(kind, rows)
        with self.rows_on_a_page(rows):
            self.get(client, url)
            return measure(lambda: self.get(client, url), repeat=repeat)

    def shown(self, kind: str, rows: int) -> str:
        """Return what that page shows, in a form in which the pages of two candidates can be compared."""
        with self.rows_on_a_page(rows):
            text = self.get(self.reader("page"), self.page_url(kind, rows)).content.decode()
        without_tokens = re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", text)
        # When the page was made, and which rows had arrived.
        without_tokens = re.sub(r'(name="matching\w*" value=|data-ntf-now=)"[^"]*"', r"\1", without_tokens)
        return re.sub(r"\s*([<>])\s*", r"\1", re.sub(r"\s+", " ", without_tokens)).strip()

    def page_url(self, kind: str, rows: int) -> str:
        """Return where a page of that kind is: "html", "json", "unread" for what is not read, or "threads"."""
        pages = {
            "html": self.html_url,
            "unread": f"{self.html_url}unread/",
            "threads": f"{self.html_url}?threads=1",
        }
        return pages.get(kind) or f"{self.json_url}?max={rows}"

    def rows_on_a_page(self, rows: int) -> Any:
        """Return the context in which pages have so many rows."""
        raise NotImplementedError

    def deep_page(self, number: int, repeat: int) -> dict[str, Any]:
        """Ask for a page of the full inbox by the link that leads there."""
        client, url = self.reader("full"), self.html_url
        if number > 1:
            url += f"?{self.link(number)}"
        self.get(client, url)
        return measure(lambda: self.get(client, url), repeat=repeat)

    def link(self, number: int) -> str:
        """Return the query of the link to a page."""
        return f"page={number}"

    def badge(self, reader: str, repeat: int, warm: bool = False) -> dict[str, Any]:
        """Ask for the number of a reader's unread notifications, as a template does."""
        user = get_user_model().objects.get(pk=READERS[reader])
        cache.clear()
        self.unread_count(user)
        return measure(lambda: self.unread_count(user), repeat=repeat, before=None if warm else cache.clear)

    def unread_count(self, user: Any) -> object:
        """Return the number of unread notifications as the package shows it in templates."""
        raise NotImplementedError

    def poll(self, unchanged: bool, repeat: int) -> dict[str, Any]:
        """Ask for the unread list again, with what the last answer said about itself."""
        client, url = self.reader("page"), f"{self.json_url}?max=20"
        etag = self.get(client, url).headers.get("ETag", "")
        headers = {"If-None-Match": etag} if unchanged else {}
        wanted = 304 if unchanged else 200
        return measure(lambda: self.get(client, url, headers=headers, status=wanted), repeat=repeat)

    def bytes_per_row(self) -> dict[str, Any]:
        """Return the bytes that a row takes in the table and in each index, on PostgreSQL."""
        table = self.model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {table}")
            cursor.execute(
                f"SELECT c.relname, c.relkind, pg_relation_size(c.oid)::float / (SELECT count(*) FROM {table})"
                f" FROM pg_class c WHERE c.oid = '{table}'::regclass"
                f" OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = '{table}'::regclass)"
                " ORDER BY c.relname"
            )
            found = cursor.fetchall()
        indexes = {name: round(size, 1) for name, kind, size in found if kind == "i"}
        (heap,) = (size for _, kind, size in found if kind == "r")
        return {"heap": round(heap, 1), "indexes": indexes, "bytes": round(heap + sum(indexes.values()), 1)}

    def watch(self) -> None:
        """Let the users of this stage watch what they watch."""
        raise NotImplementedError

    def notify_watchers(self) -> dict[str, Any]:
        """Tell all who watch a ticket or what contains it, in an empty table."""
        self.data.empty(self.model)
        ticket = self.ticket(1)
        return measure(lambda: self.send_about(ticket))

    def notified_watchers(self) -> str:
        """Return who is notified then and why, in a form in which two candidates can be compared."""
        self.notify_watchers()
        rows: Any = self.model._default_manager.order_by("recipient")
        return json.dumps(list(rows.values_list("recipient", "reason")))

    def notify_nobody(self, repeat: int) -> dict[str, Any]:
        """Tell of a ticket that nobody watches."""
        ticket = self.ticket(2)
        self.send_about(ticket)
        return measure(lambda: self.send_about(ticket), repeat=repeat)

    def notify_one(self, repeat: int) -> dict[str, Any]:
        """Tell one user by name of that ticket."""
        ticket = self.ticket(2)
        users = cycle(get_user_model().objects.filter(pk__gt=FIRST_OTHER)[:50])
        self.send_about(ticket, next(users))
        return measure(lambda: self.send_about(ticket, next(users)), repeat=repeat)

    def send_about(self, ticket: Ticket, recipient: Any = None) -> None:
        """Tell what the sender did to the ticket to whoever watches it, or to a user."""
        raise NotImplementedError

    def ticket(self, number: int) -> Ticket:
        """Return a ticket, with what contains it, as the page has it on which something happens to it."""
        return Ticket.objects.select_related("repository__owner").get(pk=number)

    def list_watchers(self, repeat: int) -> dict[str, Any]:
        """Ask for all watchers of a project."""
        return measure(lambda: list(self.watchers(self.project)), repeat=repeat)

    def watchers(self, project: Project) -> Any:
        """Return the users who watch the project."""
        raise NotImplementedError

    def ask_watching(self, repeat: int) -> dict[str, Any]:
        """Ask whether a user watches a project, who does."""
        user = get_user_model().objects.get(pk=FIRST_OTHER + 1)
        assert self.is_watching(user, self.project)
        return measure(lambda: self.is_watching(user, self.project), repeat=repeat)

    def is_watching(self, user: Any, project: Project) -> bool:
        """Tell whether the user watches the project."""
        raise NotImplementedError

    # For the cases

    def reader(self, name: str) -> Client:
        """Return a browser in which this reader is logged in."""
        client = Client()
        client.force_login(get_user_model().objects.get(pk=READERS[name]))
        return client

    @staticmethod
    def get(
        client: Client, url: str, *, headers: Mapping[str, str] | None = None, status: int = 200
    ) -> HttpResponse:
        """Return the answer, which must have this status."""
        response: Any = client.get(url, headers=dict(headers or {}))
        if response.status_code != status:
            raise AssertionError(f"{url}: {response.status_code}, not {status}")
        return response
