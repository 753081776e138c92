"""The notifications of this checkout."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from unittest.mock import patch

from candidates.data import DATA, DESCRIPTION, FIRST_OTHER, READERS, VERB
from candidates.delivered import Delivered, give_addresses, ledger_columns, with_delivery
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
from django.db import connections
from django.db.models import F
from django.test import modify_settings, override_settings
from project.models import Project, Ticket
from worker import measure

from notifications.inbox.pagination import cursor_of
from notifications.models import Notification
from notifications.signals import notify
from notifications.storage.states import newest_first
from notifications.types import Other

__all__ = ["Candidate", "urlpatterns"]

#: The rows of the full inbox in which threads are read.
THREADED_ROWS = 20_000


#: The app that is installed for the stage that is about it, and for no other.
WINGS = {"watched": "subscriptions", "delivered": "delivery"}


class Candidate(Delivered, Inbox):
    """The package as it is, with another app of it only where that is what is measured."""

    def __init__(self) -> None:
        self.wing: str | None = None
        self.settings: Any = None

    def rows_on_a_page(self, rows: int) -> Any:
        """Return the context that says so by the setting."""
        return override_settings(NOTIFICATIONS={"PAGE_SIZE": rows})

    def link(self, number: int) -> str:
        """Return the query by which the page before leads there."""
        newest = Notification.objects.filter(recipient=READERS["full"]).order_by(*newest_first("inbox_at"))
        return f"before={cursor_of(newest[(number - 1) * 20 - 1])}"

    def stage(self, name: str) -> None:
        """Install the app for the stage that is about it, and no other."""
        self.install(WINGS.get(name))
        if name == "delivered":
            give_addresses(self.data)
        elif name == "threads":
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

    def install(self, wing: str | None) -> None:
        """Install this app, and take away another one."""
        if wing == self.wing:
            return
        if self.settings is not None:
            self.settings.disable()
        self.wing, self.settings = wing, None
        if wing == "delivery":
            self.settings = with_delivery()
        elif wing:
            self.settings = modify_settings(INSTALLED_APPS={"append": f"notifications.contrib.{wing}"})
        if self.settings is not None:
            self.settings.enable()
        # What other models know of those that refer to them.
        apps.clear_cache()
        if wing:
            call_command("migrate", f"notifications_{wing}", verbosity=0)

    def notify_one_alone(self, repeat: int) -> dict[str, Any]:
        """Tell one user by name where nobody can watch anything."""
        self.install(None)
        try:
            return self.notify_one(repeat)
        finally:
            self.install("subscriptions")

    def fan_out_delivered(self, size: int, is_wanted: bool) -> dict[str, Any]:
        """Tell so many users, with or without a channel that is offered for it."""
        from notifications.contrib.delivery.models import Delivery

        self.data.empty(Delivery)
        with self.offered(is_wanted):
            result = self.fan_out("queryset", size, 1)
        assert Delivery.objects.count() == (size if is_wanted else 0)
        return result

    def notify_one_delivered(self, is_wanted: bool, repeat: int) -> dict[str, Any]:
        """Tell one user, with or without a channel that is offered for it."""
        from notifications.contrib.delivery.models import Delivery

        self.data.empty(Delivery)
        with self.offered(is_wanted):
            return self.fan_out("user", 1, repeat)

    def notify_one_undelivered(self, repeat: int) -> dict[str, Any]:
        """Tell one user where nothing can be delivered."""
        self.install(None)
        try:
            return self.fan_out("user", 1, repeat)
        finally:
            self.install("delivery")

    @staticmethod
    def offered(is_wanted: bool) -> Any:
        """Return the context in which the channel is offered for what is sent, or is not."""
        return patch.object(Other, "channels", {} if is_wanted else {"email": None})

    def send_mails(self, workers: int) -> None:
        """Send all that is due, in this process or in some others."""
        from notifications.contrib.delivery import deliver

        if workers == 1:
            deliver()
            return
        connections.close_all()
        children = [fork(deliver) for _ in range(workers)]
        for child in children:
            assert os.waitpid(child, 0)[1] == 0

    def claim(self, rows: int, size: int, repeat: int) -> dict[str, Any]:
        """Claim some of many deliveries that are due."""
        from notifications.contrib.delivery.claims import claim_instant
        from notifications.contrib.delivery.models import Delivery

        if Delivery.objects.count() != rows:
            self.data.empty(Delivery)
            columns = ledger_columns(self.data, "n", f"(1 + n % {self.data.sizes['others']})", "instant", "n")
            self.data.add(Delivery, columns, f"bench_numbers WHERE n <= {rows} ORDER BY n")
            self.data.settle(Delivery._meta.db_table)

        def claim() -> None:
            found = claim_instant("default", "email", datetime.now(timezone.utc), size)
            assert len(found.deliveries) == size

        def release() -> None:
            claimed = Delivery.objects.exclude(token=None)
            claimed.update(token=None, next_attempt_at=F("due_at"))

        return measure(claim, repeat=repeat, before=release)

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


def fork(work: Callable[[], object]) -> int:
    """Do something in a process of its own. Return its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001 - the code of the parent must not go on here
        traceback.print_exc()
    finally:
        os._exit(status)
