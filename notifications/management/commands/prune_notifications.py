"""Delete old notifications."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django.db import connections, router
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.template.defaultfilters import pluralize
from django.utils import timezone

from notifications.conf import get_notification_model
from notifications.management.base import WritingCommand, keys_in_chunks
from notifications.storage.states import newest_first

UNITS = {"h": "hours", "d": "days", "w": "weeks"}

#: The most rows that are deleted at once. SQLite, as it comes, takes 32,766 parameters in a statement.
MAX_CHUNK = 30_000


def age(text: str) -> timedelta:
    """Parse a duration such as ``90d``, ``12h`` or ``8w``."""
    # Five digits of weeks are within the calendar.
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if not match:
        raise ArgumentTypeError(
            f"invalid age {text!r}. Use a number followed by h, d or w, e.g. 12h, 90d, 8w."
        )
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def count(text: str) -> int:
    """Parse a number, at least 1."""
    if not re.fullmatch("[0-9]{1,9}", text) or not int(text):
        raise ArgumentTypeError(f"invalid number {text!r}. Use an integer of at least 1.")
    return int(text)


def chunk_size(text: str) -> int:
    """Parse a number of rows whose keys fit into one statement, also on SQLite."""
    number = count(text)
    if number > MAX_CHUNK:
        raise ArgumentTypeError(f"{number} rows are too many for one statement. Use at most {MAX_CHUNK}.")
    return number


class Command(WritingCommand):
    """Delete read and soft-deleted notifications in short transactions, while the site is in use."""

    help = (
        "Delete old notifications: read ones, soft-deleted ones, or both. Saved ones are never deleted, unread ones "
        "only if they were soft-deleted. --keep keeps the latest ones in the inbox of each recipient."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--read-older-than",
            type=age,
            metavar="AGE",
            help="delete notifications read (or, if that is not known, sent) longer ago than this: 12h, 90d, 8w",
        )
        parser.add_argument("--deleted", action="store_true", help="delete soft-deleted notifications")
        parser.add_argument(
            "--keep",
            type=count,
            metavar="N",
            help="keep the N latest in the inbox of each recipient; without other options, delete all other read ones",
        )
        parser.add_argument("--dry-run", action="store_true", help="only print how many would be deleted")
        parser.add_argument(
            "--chunk-size", type=chunk_size, default=1000, help="rows per transaction (default: %(default)s)"
        )
        parser.add_argument(
            "--database",
            choices=tuple(connections),
            help="the database alias (default: chosen by the database routers)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete the notifications and print their number."""
        model: Any = get_notification_model()
        using = options["database"] or router.db_for_write(model)
        rows = prunable(model._default_manager.using(using), options)
        total = rows.count()
        if options["dry_run"]:
            self.stdout.write(f"Would delete {total} notification{pluralize(total)}.")
            return
        # Checked again when the rows are locked: a user may have marked one as unread or saved it in the meantime.
        still = (Q(unread=False) | Q(deleted=True)) & Q(saved_at__isnull=True)
        deleted = 0
        with self.progress_bar() as bar:
            for keys in keys_in_chunks(rows, options["chunk_size"]):
                deleted += rows.filter(pk__in=keys).delete_in_order(still=still)
                bar(deleted, max(total, deleted))
        self.stdout.write(self.style.SUCCESS(f"Deleted {deleted} notification{pluralize(deleted)}."))


def prunable(rows: Any, options: dict[str, Any]) -> Any:
    """Return the rows that match the options."""
    chosen = Q()
    if options["read_older_than"] is not None:
        long_ago = timezone.now() - options["read_older_than"]
        chosen |= Q(unread=False, settled__lt=long_ago)
    if options["deleted"]:
        chosen |= Q(deleted=True)
    if not chosen:
        if options["keep"] is None:
            raise CommandError("Specify at least one of --read-older-than, --deleted or --keep.")
        chosen = Q(unread=False)
    found = rows.alias(settled=Coalesce("read_at", "timestamp")).filter(chosen, saved_at__isnull=True)
    if options["keep"] is not None:
        own = rows.filter(recipient=OuterRef("recipient")).order_by(*newest_first("inbox_at"))
        oldest_kept = own.values("inbox_at")[options["keep"] - 1 : options["keep"]]
        # Rows that are done have no inbox_at. They count as older than all others.
        is_older = Q(inbox_at__lt=F("oldest_kept")) | Q(inbox_at__isnull=True)
        found = found.alias(oldest_kept=Subquery(oldest_kept)).filter(is_older, oldest_kept__isnull=False)
    return found
