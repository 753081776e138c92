"""Delete what nobody needs any more."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections, router
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from notifications.conf import get_notification_model
from notifications.management.progress import ProgressBar
from notifications.storage.states import newest_first

UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def age(text: str) -> timedelta:
    """Return the time that ``90d``, ``12h`` or ``8w`` stands for."""
    # Five digits of weeks are within the calendar.
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if not match:
        raise ArgumentTypeError(f"{text!r} is no age; write 12h, 90d or 8w")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def count(text: str) -> int:
    """Return a number of rows, at least 1."""
    if not re.fullmatch("[0-9]{1,9}", text) or not int(text):
        raise ArgumentTypeError(f"{text!r} is no number of rows")
    return int(text)


class Command(BaseCommand):
    """Delete read and soft-deleted notifications in short transactions, beside everything else."""

    help = (
        "Delete old notifications: those read long ago, the soft-deleted ones, or both. Saved ones are never deleted, "
        "unread ones only if they were soft-deleted, and --keep spares the newest in the inbox of each recipient."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what goes and what stays."""
        parser.add_argument(
            "--read-older-than",
            type=age,
            metavar="AGE",
            help="delete what was read (or, where that is not known, happened) longer ago: 12h, 90d, 8w",
        )
        parser.add_argument("--deleted", action="store_true", help="delete what was soft-deleted")
        parser.add_argument(
            "--keep",
            type=count,
            metavar="N",
            help="spare the N newest in the inbox of each recipient; alone, delete all that was read but these",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how many would be deleted")
        parser.add_argument(
            "--chunk-size", type=count, default=1000, help="rows deleted in one transaction (%(default)s)"
        )
        parser.add_argument(
            "--database",
            choices=tuple(connections),
            help="the database alias; the routers' choice by default",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete, and say how many."""
        model: Any = get_notification_model()
        using = options["database"] or router.db_for_write(model)
        rows = prunable(model._default_manager.using(using), options)
        total = rows.count()
        if options["dry_run"]:
            self.stdout.write(f"{total} notifications would be deleted.")
            return
        bar = ProgressBar(self.stderr)
        deleted, last = 0, None
        while True:
            rest = rows if last is None else rows.filter(pk__gt=last)
            keys = list(rest.order_by("pk").values_list("pk", flat=True)[: options["chunk_size"]])
            if not keys:
                break
            last = keys[-1]
            # Judged again when they are locked: somebody may have marked one as unread, or saved it, meanwhile.
            still = (Q(unread=False) | Q(deleted=True)) & Q(saved_at__isnull=True)
            deleted += rows.filter(pk__in=keys).delete_in_order(still=still)
            bar(deleted, max(total, deleted))
        bar.close()
        self.stdout.write(self.style.SUCCESS(f"{deleted} notifications were deleted."))


def prunable(rows: Any, options: dict[str, Any]) -> Any:
    """Return the rows that the command line means."""
    chosen = Q()
    if options["read_older_than"] is not None:
        long_ago = timezone.now() - options["read_older_than"]
        chosen |= Q(unread=False, settled__lt=long_ago)
    if options["deleted"]:
        chosen |= Q(deleted=True)
    if not chosen:
        if options["keep"] is None:
            raise CommandError("Say what goes: --read-older-than, --deleted or --keep.")
        chosen = Q(unread=False)
    found = rows.alias(settled=Coalesce("read_at", "timestamp")).filter(chosen, saved_at__isnull=True)
    if options["keep"] is not None:
        own = rows.filter(recipient=OuterRef("recipient")).order_by(*newest_first("inbox_at"))
        oldest_kept = own.values("inbox_at")[options["keep"] - 1 : options["keep"]]
        # What is done is older than all that is not.
        is_older = Q(inbox_at__lt=F("oldest_kept")) | Q(inbox_at__isnull=True)
        found = found.alias(oldest_kept=Subquery(oldest_kept)).filter(is_older, oldest_kept__isnull=False)
    return found
