"""Say why a notification is delivered on a channel, or is not."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from notifications.conf import get_notification_model
from notifications.contrib.delivery.channels import get_channels
from notifications.contrib.delivery.explanations import explain_delivery
from notifications.management.base import PrintingCommand
from notifications.objects.fetch import primary_key
from notifications.storage.databases import at_home


class Command(PrintingCommand):
    """Print the rule that decides about a notification on each channel, and what the ledger says."""

    help = "Say why a notification is delivered on a channel, or is not, and what became of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the notification and the channel."""
        parser.add_argument("notification", help="the id of the notification")
        parser.add_argument("channel", nargs="?", help="the name of the channel (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a sentence for each channel."""
        model: Any = get_notification_model()
        key = primary_key(model, options["notification"])
        if key is None:
            raise CommandError(f"{options['notification']!r} is not the id of a notification.")
        row = at_home(model._default_manager.filter(pk=key)).first()
        if row is None:
            raise CommandError(f"There is no notification {options['notification']}.")
        names = [options["channel"]] if options["channel"] else list(get_channels())
        for name in names:
            if name not in get_channels():
                raise CommandError(f"There is no channel {name!r}. There are: {', '.join(get_channels())}.")
            self.stdout.write(str(explain_delivery(row.recipient, row, name)))
