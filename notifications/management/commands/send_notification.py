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
from django.core.management.base import BaseCommand, CommandError

from notifications.conf import get_notification_model
from notifications.management.progress import ProgressBar
from notifications.sending.audience import members
from notifications.sending.data import clean_data
from notifications.sending.handler import notify_handler

#: Users in one statement and one transaction, unless the command line says otherwise.
DEFAULT_CHUNK_SIZE = 10_000


class Command(BaseCommand):
    """Send one event to a group, to everybody, or to the users that a query selects."""

    help = (
        "Notify many users: send_notification 'will be down on Friday' --actor auth.user:1 --all. "
        "Give it a --key, and a run that was killed is finished by running it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what happened, and who is notified."""
        parser.add_argument("verb", help="what the actor did, at most 255 characters")
        parser.add_argument("--actor", required=True, metavar="APP.MODEL:PK", help="who did it")
        parser.add_argument("--target", metavar="APP.MODEL:PK")
        parser.add_argument("--action-object", metavar="APP.MODEL:PK")
        parser.add_argument("--description")
        parser.add_argument("--level")
        parser.add_argument("--data", metavar="JSON", help="extra data, a JSON object")
        parser.add_argument("--key", help="the same key is the same event, sent to each user once")
        parser.add_argument(
            "--chunk-size",
            type=int,
            default=DEFAULT_CHUNK_SIZE,
            help="users in one transaction (%(default)s)",
        )
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--group", metavar="NAME", help="notify the users of this group")
        who.add_argument("--all", action="store_true", help="notify all active users")
        who.add_argument(
            "--query",
            metavar="FILE",
            help='notify the users that the lookups in this JSON file select, like {"is_staff": true}; - is stdin',
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send, and say how many were notified."""
        if not options["verb"].strip():
            raise CommandError("verb must not be empty")
        bar = ProgressBar(self.stderr)
        try:
            notifications: Any = notify_handler(
                options["verb"],
                sender=find_object(options["actor"]),
                recipient=find_users(options),
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
        finally:
            bar.close()
        # A plain list where an extension named nobody.
        created, existing = (notifications.created, notifications.existing) if notifications else (0, 0)
        before = f"; {existing} had been notified before" if options["key"] is not None else ""
        self.stdout.write(self.style.SUCCESS(f"{created} users were notified{before}."))


def find_object(name: str) -> Any:
    """Return the object that ``app.model:pk`` names."""
    label, _, pk = name.partition(":")
    try:
        return apps.get_model(label)._base_manager.get(pk=pk)
    except (LookupError, ValueError, ValidationError, OverflowError, ObjectDoesNotExist) as error:
        raise CommandError(f"No object {name!r}; name it like auth.user:1. ({error})") from error


def find_users(options: dict[str, Any]) -> Any:
    """Return the queryset of users that the command line names."""
    users = get_user_model()._default_manager
    if options["group"] is not None:
        try:
            return members(Group.objects.get(name=options["group"]))
        except Group.DoesNotExist as error:
            raise CommandError(f"No group {options['group']!r}.") from error
    if options["all"]:
        return users.filter(is_active=True)
    try:
        text = sys.stdin.read() if options["query"] == "-" else Path(options["query"]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--query: {error}") from error
    try:
        return users.filter(**read_json("--query", text))
    except (FieldError, TypeError, ValueError, ValidationError) as error:
        raise CommandError(f"--query: {error}") from error


def read_data(text: str | None) -> Any:
    """Return the extra data that the command line gives. Raise an error for what cannot be stored of it."""
    data = None if text is None else read_json("--data", text)
    return clean_data(get_notification_model()._meta.get_field("data"), data, {}, is_strict=True)


def read_json(name: str, text: str) -> dict[str, Any]:
    """Return the JSON object in ``text``."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise CommandError(f"{name} must be a JSON object, got {text[:80]!r}.")
    return found
