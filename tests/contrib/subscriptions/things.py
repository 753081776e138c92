"""What the tests of the wing are made of."""

from __future__ import annotations

from typing import Any

from django.test import TestCase

from notifications import notify
from notifications.contrib.subscriptions.models import Subscription
from tests.contrib.subscriptions.models import Owner, Remark, Repo, Ticket


def make_repo(name: str = "repo") -> Repo:
    """Return a repository of an owner."""
    return Repo.objects.create(name=name, owner=Owner.objects.create(name="owner"))


def make_ticket(name: str = "issue 2", repo: Repo | None = None) -> Ticket:
    """Return an issue in a repository."""
    return Ticket.objects.create(name=name, repo=repo or make_repo())


def make_remark(ticket: Ticket) -> Remark:
    """Return a comment on an issue."""
    return Remark.objects.create(name="comment", ticket=ticket)


def said(user: Any) -> list[tuple[str, str, str, bool]]:
    """Return what is stored of a user: object, level, reason, and whether it is a mute that ends."""
    return [
        (row.label(), row.level, row.reason, row.until is not None)
        for row in Subscription.objects.filter(user=user).order_by("pk")
    ]


def send(actor: Any, verb: str = "commented on", **arguments: Any) -> Any:
    """Send an event and return its rows."""
    [(_, answer)] = notify.send(actor, verb=verb, **arguments)
    return answer


def send_and_commit(actor: Any, verb: str = "commented on", **arguments: Any) -> Any:
    """Send an event, let happen what happens after the commit, and return its rows."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return send(actor, verb, **arguments)


def told_why(answer: Any) -> dict[str, str]:
    """Return the names of the recipients and the reasons why they were told."""
    return {row.recipient.username: row.reason for row in answer}
