"""Say why somebody is notified, or is not."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from notifications.conf import get_notification_model
from notifications.contrib.subscriptions.explanations import event_of, explain
from notifications.inbox.search.names import called
from notifications.management.base import PrintingCommand
from notifications.objects.fetch import primary_key
from notifications.storage.databases import at_home


class Command(PrintingCommand):
    """Print the rule that decides about a user and the event of a notification."""

    help = "Say why a user is notified of the event of a notification, or is not, by their subscriptions of today."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the user and the notification."""
        parser.add_argument("user", help="the name that the user logs in by")
        parser.add_argument("notification", help="the id of any notification of the event")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one sentence."""
        users: Any = get_user_model()._default_manager
        condition = called(options["user"])
        user = None if condition is None else at_home(users.filter(condition)).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']!r}.")
        model: Any = get_notification_model()
        key = primary_key(model, options["notification"])
        row = None if key is None else at_home(model._default_manager.filter(pk=key)).first()
        if row is None:
            raise CommandError(f"There is no notification {options['notification']}.")
        event = event_of(row)
        if event is None:
            raise CommandError("The actor of this notification is gone, so there is nothing to explain.")
        self.stdout.write(str(explain(user, event)))
