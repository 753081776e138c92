"""The notifications of this checkout."""

from __future__ import annotations

from typing import Any

from candidates.data import DATA, DESCRIPTION, FIRST_OTHER, READERS, VERB
from candidates.inboxes import Inbox, urlpatterns
from candidates.watched import (
    OWNER,
    OWNERS,
    REPOSITORY,
    TICKET,
    WATCHER,
    content_types,
    project_watchers,
    watchers,
)
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import modify_settings, override_settings
from project.models import Project, Ticket

from notifications.inbox.pagination import cursor_of
from notifications.models import Notification
from notifications.signals import notify
from notifications.storage.states import newest_first

__all__ = ["Candidate", "urlpatterns"]

#: The rows of the full inbox in which threads are read.
THREADED_ROWS = 20_000


class Candidate(Inbox):
    """The package as it is, with subscriptions only where they are what is measured."""

    def __init__(self) -> None:
        self.wing: Any = modify_settings(INSTALLED_APPS={"append": "notifications.contrib.subscriptions"})
        self.has_wing = False

    def rows_on_a_page(self, rows: int) -> Any:
        """Return the context that says so by the setting."""
        return override_settings(NOTIFICATIONS={"PAGE_SIZE": rows})

    def link(self, number: int) -> str:
        """Return the query by which the page before leads there."""
        newest = Notification.objects.filter(recipient=READERS["full"]).order_by(*newest_first("inbox_at"))
        return f"before={cursor_of(newest[(number - 1) * 20 - 1])}"

    def stage(self, name: str) -> None:
        """Install the wing for the stage that is about it, and for no other."""
        self.install_wing(name == "watched")
        if name == "threads":
            self.fill_threads()
        else:
            super().stage(name)

    def fill_threads(self) -> None:
        """Fill the table with the rows of the inbox. Of the full one, the newest half is one thread."""
        self.data.inbox_rows(self.model, events=min(self.data.sizes["events"], THREADED_ROWS))
        full = Notification.objects.filter(recipient=READERS["full"])
        middle = full.order_by("pk").values_list("pk", flat=True)[full.count() // 2]
        full.filter(pk__gte=middle).update(target_object_id="1")
        self.data.settle(self.model._meta.db_table)

    def install_wing(self, wanted: bool) -> None:
        """Install the wing, or take it away again."""
        if wanted == self.has_wing:
            return
        (self.wing.enable if wanted else self.wing.disable)()
        # What other models know of those that refer to them.
        apps.clear_cache()
        self.has_wing = wanted
        if wanted:
            call_command("migrate", "notifications_subscriptions", verbosity=0)

    def notify_one_alone(self, repeat: int) -> dict[str, Any]:
        """Tell one user by name where nobody can watch anything."""
        self.install_wing(False)
        try:
            return self.notify_one(repeat)
        finally:
            self.install_wing(True)

    def watch(self) -> None:
        """Fill the table of subscriptions: who is notified, who muted the ticket or is not active, and projects."""
        from notifications.contrib.subscriptions import watch
        from notifications.contrib.subscriptions.models import Subscription

        ticket, repository, user, project = content_types()
        people = self.data.sizes["watched"][0]
        muted, inactive = people + people // 10, people + people // 10 + people // 20

        def add(content_type: int, key: str, source: str, level: str = "'all'", **more: str) -> None:
            object_id = self.data.as_text(key)
            columns = {
                "user_id": WATCHER,
                "content_type_id": str(content_type),
                "object_id": object_id,
                "object_key": self.data.text(object_id, f"':{content_type}'"),
                "level": level,
                "reason": "'subscribed'",
                "then": "''",
                "created": self.data.moment("w.n"),
                **more,
            }
            self.data.add(Subscription, columns, source)

        self.data.empty(Subscription)
        # Some only take part, and of some a mute has ended.
        add(
            ticket,
            "1",
            watchers(self.data, *TICKET),
            "CASE WHEN w.n % 10 = 1 THEN '' WHEN w.n % 100 = 50 THEN 'muted' ELSE 'all' END",
            reason="CASE WHEN w.n % 10 = 1 THEN 'comment' WHEN w.n % 10 = 2 THEN 'author' ELSE 'subscribed' END",
            until=f"CASE WHEN w.n % 100 = 50 THEN {self.data.moment('0')} END",
            then="CASE WHEN w.n % 100 = 50 THEN 'all' ELSE '' END",
        )
        # Who muted the repository and watches the ticket is notified.
        nearer = "CASE WHEN w.n % 10 = 9 THEN 'muted' ELSE 'all' END"
        add(repository, "1", watchers(self.data, *REPOSITORY), nearer)
        add(user, str(OWNERS[0]), watchers(self.data, *OWNER))
        not_notified = f"bench_numbers w WHERE w.n > {people} AND w.n <= {{}}"
        add(
            ticket,
            "1",
            not_notified.format(inactive),
            f"CASE WHEN w.n <= {muted} THEN 'muted' ELSE 'all' END",
        )
        add(repository, "1", not_notified.format(muted))
        which, source = project_watchers(self.data)
        add(project, which, source)
        users = get_user_model().objects.filter(pk__gt=FIRST_OTHER + muted, pk__lte=FIRST_OTHER + inactive)
        users.update(is_active=False)
        # As they do from the first time on that they do something to it.
        for number in (1, 2):
            watch(self.sender, self.ticket(number), reason="author")
        self.data.settle(Subscription._meta.db_table)
        self.data.settle(get_user_model()._meta.db_table)

    def send_about(self, ticket: Ticket, recipient: Any = None) -> None:
        """Tell whoever watches it, or a user, by the signal."""
        said = {"verb": VERB, "description": DESCRIPTION, **DATA}
        notify.send(self.sender, target=ticket, recipient=recipient, **said)

    def watchers(self, project: Project) -> Any:
        """Return the users who watch the project."""
        from notifications.contrib import subscriptions

        return subscriptions.watchers(project)

    def is_watching(self, user: Any, project: Project) -> bool:
        """Tell whether the user watches the project."""
        from notifications.contrib import subscriptions

        return subscriptions.is_watching(user, project)
