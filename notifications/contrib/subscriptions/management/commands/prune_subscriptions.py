"""Delete the subscriptions to objects that are gone."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from notifications.contrib.subscriptions.models import Subscription
from notifications.management.base import WritingCommand, delete_rows
from notifications.management.commands.prune_notifications import chunk_size
from notifications.objects.fetch import Lost, Reference, fetch_objects, models_of
from notifications.storage.databases import at_home


class Command(WritingCommand):
    """Delete the subscriptions to objects that are gone, in short transactions."""

    help = "Delete the subscriptions to objects that are gone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how much is done at a time."""
        parser.add_argument("--dry-run", action="store_true", help="only say how many would be deleted")
        parser.add_argument(
            "--chunk-size", type=chunk_size, default=1000, help="rows per batch (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through all rows along the primary key, and say how many were deleted."""
        rows = at_home(Subscription.objects.order_by("pk"))
        total, seen, gone, last = rows.count(), 0, 0, 0
        with self.progress_bar() as bar:
            while chunk := list(rows.filter(pk__gt=last)[: options["chunk_size"]]):
                there = existing(chunk)
                orphans = [row.pk for row in chunk if (row.content_type_id, row.object_id) not in there]
                if orphans:
                    gone += len(orphans) if options["dry_run"] else delete_rows(rows.filter(pk__in=orphans))
                seen, last = seen + len(chunk), chunk[-1].pk
                bar(seen, max(total, seen))
        if options["dry_run"]:
            self.stdout.write(f"{gone} subscriptions would be deleted.")
        else:
            self.stdout.write(self.style.SUCCESS(f"{gone} subscriptions were deleted."))


def existing(rows: Sequence[Subscription]) -> set[Reference]:
    """Return the references of these rows whose objects are not known to be gone.

    An object that cannot be loaded is not gone, nor is one that a replica does not have yet.
    """
    references = [(row.content_type_id, row.object_id) for row in rows]
    models = models_of({content_type_id for content_type_id, _ in references}, rows[0]._state.db)
    homes = {
        content_type_id: at_home(model._base_manager.order_by())
        for content_type_id, model in models.items()
        if model is not None
    }
    lost: dict[Reference, Lost] = {}
    # Not as their users see them: what they may not see is still there.
    found = fetch_objects(references, rows[0], homes, lost)
    return {*found, *(reference for reference, why in lost.items() if why is Lost.UNAVAILABLE)}
