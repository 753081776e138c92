"""Notify many users from the command line."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldError, ObjectDoesNotExist, ValidationError
from django.core.management.base import CommandError
from django.db import DatabaseError, connections, transaction
from django.template.defaultfilters import pluralize

from notifications.conf import get_notification_model
from notifications.management.base import WritingCommand
from notifications.sending.audience import active, members
from notifications.sending.data import clean_data
from notifications.sending.handler import notify_handler
from notifications.storage.databases import at_home

#: The default number of users per statement and transaction.
DEFAULT_CHUNK_SIZE = 10_000


class Command(WritingCommand):
    """Send one event to a group, to all active users, or to the users that match a query."""

    help = (
        "Notify many users: send_notification 'will be down on Friday' --actor auth.user:1 --all. "
        "With --key, an interrupted run can be resumed by running the command again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments and options."""
        parser.add_argument("verb", help="what the actor did, at most 255 characters")
        parser.add_argument("--actor", required=True, metavar="APP.MODEL:PK", help="the object that did it")
        parser.add_argument("--target", metavar="APP.MODEL:PK")
        parser.add_argument("--action-object", metavar="APP.MODEL:PK")
        parser.add_argument("--description")
        parser.add_argument("--level")
        parser.add_argument("--data", metavar="JSON", help="extra data, a JSON object")
        parser.add_argument("--key", help="the key of the event; each user is notified once per key")
        parser.add_argument(
            "--chunk-size",
            type=int,
            default=DEFAULT_CHUNK_SIZE,
            help="users per transaction (default: %(default)s)",
        )
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--group", metavar="NAME", help="notify the users of this group")
        who.add_argument("--all", action="store_true", help="notify all active users")
        who.add_argument(
            "--query",
            metavar="FILE",
            help='notify the users that match the lookups in this JSON file, e.g. {"is_staff": true}; - reads stdin',
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send the event and print how many users were notified."""
        if not options["verb"].strip():
            raise CommandError("verb must not be empty")
        users = find_users(options)
        try:
            with self.progress_bar() as bar:
                notifications: Any = notify_handler(
                    options["verb"],
                    sender=find_object(options["actor"]),
                    recipient=users,
                    target=options["target"] and find_object(options["target"]),
                    action_object=options["action_object"] and find_object(options["action_object"]),
                    description=options["description"],
                    level=options["level"],
                    data=read_data(options["data"]),
                    idempotency_key=options["key"],
                    fanout_chunk=options["chunk_size"],
                    on_progress=bar,
                )
        except (TypeError, ValueError) as error:
            raise CommandError(str(error)) from error
        # A plain list if there is no audience.
        created, existing = (notifications.created, notifications.existing) if notifications else (0, 0)
        before = f" ({existing} were already notified)" if options["key"] is not None else ""
        self.stdout.write(self.style.SUCCESS(f"Notified {created} user{pluralize(created)}{before}."))
        left_out = users.values("pk").distinct().count() - created - existing
        if left_out > 0:
            # By an extension: they muted the object, for example.
            self.stdout.write(f"{left_out} of these users {pluralize(left_out, 'was,were')} left out.")


def find_object(name: str) -> Any:
    """Return the object with the name ``app.model:pk``."""
    label, _, pk = name.partition(":")
    try:
        return at_home(apps.get_model(label)._base_manager.all()).get(pk=pk)
    except (LookupError, ValueError, ValidationError, OverflowError, ObjectDoesNotExist) as error:
        raise CommandError(
            f"There is no object {name!r}. Use app_label.model:pk, e.g. auth.user:1. ({error})"
        ) from error


def find_users(options: dict[str, Any]) -> Any:
    """Return the queryset of recipients."""
    users = at_home(get_user_model()._default_manager.all())
    if options["group"] is not None:
        try:
            return at_home(members(at_home(Group.objects.all()).get(name=options["group"])))
        except Group.DoesNotExist as error:
            raise CommandError(f"There is no group {options['group']!r}.") from error
        except TypeError as error:
            # The user model has no groups.
            raise CommandError(f"--group: {error}") from error
    if options["all"]:
        return active(users)
    if options["query"] == "-" and sys.stdin is None:
        # The process was started with it closed.
        raise CommandError("--query: there is no standard input.")
    try:
        text = sys.stdin.read() if options["query"] == "-" else Path(options["query"]).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise CommandError(f"--query: {error}") from error
    lookups = read_json("--query", text)
    try:
        found = users.filter(**lookups)
        # Some lookups are refused when they are compiled, others only by the database.
        with transaction.atomic(found.db):
            found.exists()
    except (FieldError, TypeError, ValueError, OverflowError, LookupError, ValidationError) as error:
        raise CommandError(f"--query: {error}") from error
    except DatabaseError as error:
        if not connections[found.db].is_usable():
            raise
        raise CommandError(f"--query: {error}") from error
    return found


def read_data(text: str | None) -> Any:
    """Return the extra data of the command line. Raise an error for data that cannot be stored."""
    data = None if text is None else read_json("--data", text)
    return clean_data(get_notification_model()._meta.get_field("data"), data, {}, is_strict=True)


def read_json(name: str, text: str) -> dict[str, Any]:
    """Parse the JSON object in ``text``."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise CommandError(f"{name} must be a JSON object, got {text[:80]!r}.")
    return found
