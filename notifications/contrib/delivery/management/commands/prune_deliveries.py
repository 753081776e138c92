"""Delete old rows of the ledger."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.db import router
from django.template.defaultfilters import pluralize

from notifications.contrib.delivery.choices import Status
from notifications.contrib.delivery.clocks import loaded, utc_now
from notifications.contrib.delivery.models import Delivery
from notifications.management.base import WritingCommand
from notifications.management.commands.prune_notifications import age, chunk_size
from notifications.storage.locking import retry


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
        """Go along the primary key, from the oldest row on, and print how many were deleted."""
        # What is pending stays, however long: for a user who paused everything, there may be any number.
        rows = Delivery.objects.using(router.db_for_write(Delivery)).exclude(status=Status.PENDING)
        long_ago = utc_now() - options["older_than"]
        bar, deleted, last = self.progress_bar(), 0, 0
        while True:
            chunk = rows.filter(pk__gt=last).order_by("pk").only("due_at")[: options["chunk_size"]]
            old = []
            for row in chunk:
                last = row.pk
                if loaded(row.due_at) < long_ago:
                    old.append(row.pk)
            # Rows are written in the order of their keys: when none is old, none of those after them is.
            if not old:
                break
            if not options["dry_run"]:
                # Not one that was to be sent again meanwhile.
                retry(rows.filter(pk__in=old).delete, rows.db)
            deleted += len(old)
            bar(deleted, None)
        bar.close()
        words = f"{deleted} {pluralize(deleted, 'delivery,deliveries')}"
        self.stdout.write(f"Would delete {words}." if options["dry_run"] else f"Deleted {words}.")
