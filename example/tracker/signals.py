"""Who is told what: the tracker's half of the notifications.

What the author of a row did is told from ``post_save``. Who closed or reopened an issue is not in the row, so
the view, which knows, calls ``tell`` itself.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils.text import Truncator

from notifications import notify
from tracker.models import Comment, Issue

LEVELS = {"closed": "success", "reopened": "warning"}


def audience(issue: Issue, *, without: User) -> QuerySet[User]:
    """Return everybody who cares about the issue, except the one who acts.

    They are its author, its commenters and the repository's owner: one queryset, and nothing is loaded here.
    """
    cares = Q(pk=issue.author_id)
    cares |= Q(pk__in=Comment.objects.filter(issue=issue).values("author"))
    cares |= Q(pk=issue.repository.owner_id)
    return User.objects.filter(cares).exclude(pk=without.pk)


def tell(
    actor: User, verb: str, issue: Issue, *, text: str = "", at: datetime | None = None, **data: Any
) -> None:
    """Tell everybody who cares what the actor did to the issue; further keywords become its data."""
    notify.send(
        actor,
        verb=verb,
        action_object=issue,
        target=issue.repository,
        recipient=audience(issue, without=actor),
        level=LEVELS.get(verb, "info"),
        description=Truncator(text).chars(160) or None,
        timestamp=at,
        **data,
    )


@receiver(post_save, sender=Issue)
def tell_of_issue(sender: type[Issue], instance: Issue, created: bool, raw: bool, **kwargs: Any) -> None:
    """Tell of an issue that was opened."""
    if created and not raw:
        tell(instance.author, "opened", instance, text=instance.title)


@receiver(post_save, sender=Comment)
def tell_of_comment(
    sender: type[Comment], instance: Comment, created: bool, raw: bool, **kwargs: Any
) -> None:
    """Tell of a comment that was written."""
    if created and not raw:
        tell(instance.author, "commented on", instance.issue, text=instance.body, comment=instance.pk)
