"""Delete old rows of the ledger."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.template.defaultfilters import pluralize

from notifications.contrib.delivery.choices import Status
from notifications.contrib.delivery.clocks import stored, utc_now
from notifications.contrib.delivery.models import Delivery
from notifications.management.base import WritingCommand, delete_rows, keys_in_chunks
from notifications.management.commands.prune_notifications import age, chunk_size
from notifications.storage.databases import at_home


class Command(WritingCommand):
    """Delete deliveries that were sent, skipped or given up long ago, in short transactions."""

    help = "Delete the deliveries that were due longer ago than this and are not pending."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is old, and how much is done at a time."""
        parser.add_argument("--older-than", type=age, required=True, metavar="AGE", help="12h, 90d, 8w")
        parser.add_argument("--dry-run", action="store_true", help="only print how many would be deleted")
        parser.add_argument(
            "--chunk-size", type=chunk_size, default=1000, help="rows per batch (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete them, and print how many they were."""
        # What is pending stays, however long: for a user who paused everything, there may be any number.
        settled = at_home(Delivery.objects.exclude(status=Status.PENDING))
        old = settled.filter(due_at__lt=stored(utc_now() - options["older_than"]))
        deleted = 0
        with self.progress_bar() as bar:
            for keys in keys_in_chunks(old, options["chunk_size"]):
                # Not one that was to be sent again meanwhile.
                deleted += len(keys) if options["dry_run"] else delete_rows(old.filter(pk__in=keys))
                bar(deleted)
        words = f"{deleted} {pluralize(deleted, 'delivery,deliveries')}"
        self.stdout.write(f"Would delete {words}." if options["dry_run"] else f"Deleted {words}.")
