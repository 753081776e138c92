"""Who is told what: the tracker's half of the notifications.

What the author of a row did is told from ``post_save``. Who closed or reopened an issue is not in the row, so
the view, which knows, calls ``tell`` itself. Nobody is named but those who are mentioned or assigned: who watches
the issue or its repository is told.
"""

import re
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils.text import Truncator

from notifications import notify
from notifications.contrib.subscriptions import watch
from tracker.models import Comment, Issue, Repository

LEVELS = {"closed": "success", "reopened": "warning"}
#: As what somebody takes part in an issue who did this to it.
REASONS = {
    "opened": "author",
    "commented on": "comment",
    "closed": "state_change",
    "reopened": "state_change",
}
MENTION = re.compile(r"(?<!\w)@([\w.+-]*\w)")


def mentioned(text: str, *, without: User) -> QuerySet[User]:
    """Return those whom a text names as ``@name``, except the one who wrote it."""
    return User.objects.filter(username__in=MENTION.findall(text)).exclude(pk=without.pk)


def tell(
    actor: User,
    verb: str,
    issue: Issue,
    *,
    text: str = "",
    key: str | None = None,
    at: datetime | None = None,
    **data: Any,
) -> None:
    """Tell everybody who cares what the actor did to the issue; further keywords become its data.

    Who is mentioned in the text is told so. The key makes both calls one event, of which each is told once.
    """
    event: dict[str, Any] = {
        "verb": verb,
        "action_object": issue,
        "target": issue.repository,
        "level": LEVELS.get(verb, "info"),
        "description": Truncator(text).chars(160) or None,
        "timestamp": at,
        "idempotency_key": key,
        **data,
    }
    if key is not None:
        called = mentioned(text, without=actor)
        notify.send(actor, recipient=called, recipient_reason="mention", **event)
        for user in called:
            watch(user, issue, reason="mention")
    notify.send(actor, **event)
    watch(actor, issue, reason=REASONS[verb])


def tell_assigned(actor: User, issue: Issue, user: User) -> None:
    """Tell somebody that an issue is theirs now."""
    watch(user, issue, reason="assign")
    if user != actor:
        notify.send(
            actor,
            verb="assigned you to",
            action_object=issue,
            target=issue.repository,
            recipient=[user],
            recipient_reason="assign",
            description=issue.title,
        )


@receiver(post_save, sender=Repository)
def watch_own(
    sender: type[Repository], instance: Repository, created: bool, raw: bool, **kwargs: Any
) -> None:
    """Let the owner of a new repository watch it."""
    if created and not raw:
        watch(instance.owner, instance)


@receiver(post_save, sender=Issue)
def tell_of_issue(sender: type[Issue], instance: Issue, created: bool, raw: bool, **kwargs: Any) -> None:
    """Tell of an issue that was opened."""
    if created and not raw:
        text = f"{instance.title}\n{instance.body}"
        tell(instance.author, "opened", instance, text=text, key=f"tracker.issue:{instance.pk}")


@receiver(post_save, sender=Comment)
def tell_of_comment(
    sender: type[Comment], instance: Comment, created: bool, raw: bool, **kwargs: Any
) -> None:
    """Tell of a comment that was written."""
    if created and not raw:
        key = f"tracker.comment:{instance.pk}"
        tell(
            instance.author, "commented on", instance.issue, text=instance.body, key=key, comment=instance.pk
        )
