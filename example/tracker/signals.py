"""Send the notifications of the tracker.

New issues and comments send notifications from ``post_save``. The row of an issue does not store who closed or reopened
it, so the view calls ``notify_watchers``. Recipients are passed only for mentions and assignments. Otherwise everybody
who watches the issue or its repository is notified.
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
#: The reason with which the actor of a verb participates in the issue, if it is more than to change its state.
REASONS = {"opened": "author", "commented on": "comment"}
MENTION = re.compile(r"(?<!\w)@([\w.+-]*\w)")


def mentioned(text: str, *, without: User) -> QuerySet[User]:
    """Return the users who are mentioned in a text as ``@name``, except its author."""
    return User.objects.filter(username__in=MENTION.findall(text)).exclude(pk=without.pk)


def notify_watchers(
    actor: User,
    verb: str,
    issue: Issue,
    *,
    text: str = "",
    key: str | None = None,
    at: datetime | None = None,
    **data: Any,
) -> None:
    """Notify everybody who watches the issue; further keywords become the data of the event.

    Mentioned users get the reason "mention". The key makes both calls one event, so each user is notified once. Actors
    and mentioned users participate in the issue from then on, not in the repository.
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
        notify.send(actor, recipient=mentioned(text, without=actor), recipient_reason="mention", **event)
    notify.send(actor, **event)
    if verb in REASONS:
        watch(actor, issue, reason=REASONS[verb])


def notify_assignee(actor: User, issue: Issue, user: User) -> None:
    """Notify a user that an issue was assigned to them."""
    if user == actor:
        watch(user, issue, reason="assign")
    else:
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
def notify_of_issue(sender: type[Issue], instance: Issue, created: bool, raw: bool, **kwargs: Any) -> None:
    """Send notifications about a new issue."""
    if created and not raw:
        text = f"{instance.title}\n{instance.body}"
        notify_watchers(instance.author, "opened", instance, text=text, key=f"tracker.issue:{instance.pk}")


@receiver(post_save, sender=Comment)
def notify_of_comment(
    sender: type[Comment], instance: Comment, created: bool, raw: bool, **kwargs: Any
) -> None:
    """Send notifications about a new comment."""
    if created and not raw:
        key = f"tracker.comment:{instance.pk}"
        notify_watchers(
            instance.author, "commented on", instance.issue, text=instance.body, key=key, comment=instance.pk
        )
