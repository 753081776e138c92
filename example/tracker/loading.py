"""Load the demo's story into an empty database."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat

from notifications import notify
from tracker import story
from tracker.models import Comment, Issue, Repository
from tracker.signals import notify_watchers


@transaction.atomic
def load(now: datetime) -> None:
    """Create the users and replay all events in order, up to ``now``.

    In one transaction, so an interrupted load leaves an empty database, which the next run fills.
    """
    # One hash for all four: making it slow is the point of a password hash, and this password is no secret.
    password = make_password(story.PASSWORD)
    people = {name: User(username=name, password=password) for name in story.CAST}
    people[story.ADMIN] = User(username=story.ADMIN, password=password, is_staff=True, is_superuser=True)
    User.objects.bulk_create(people.values())
    group = Group.objects.create(name=story.GROUP)
    group.user_set.set(people[name] for name in story.CAST)
    repositories = {
        name: Repository.objects.create(slug=name, owner=people[owner], name=name, description=description)
        for owner, name, description in story.REPOSITORIES
    }
    named: dict[str, Any] = {"": None, story.GROUP: group, **people, **repositories}
    issues: dict[story.Thread, Issue] = {}

    happenings: list[tuple[story.Thread | None, story.Step | story.Event]] = [
        *((thread, step) for thread in story.THREADS for step in thread.steps),
        *((None, event) for event in story.EVENTS),
    ]
    for thread, what in sorted(happenings, key=lambda happening: -happening[1].days):
        at = now - timedelta(days=what.days)
        if isinstance(what, story.Event):
            send(what, named, at)
        elif thread in issues:
            take_step(issues[thread], what, people[what.who], at)
        elif thread is not None:
            issues[thread] = open_issue(thread, what, repositories[thread.repository], people[what.who], at)

    for thread, issue in issues.items():
        if thread.deleted:
            issue.delete()
    # Not before, so that no mails are sent about what is long past.
    User.objects.update(email=Concat("username", Value("@example.com")))
    for name, days in story.READ_UNTIL.items():
        old = people[name].notifications.filter(timestamp__lt=now - timedelta(days=days))
        old.exclude(level="warning").mark_all_as_read()
        sort(people[name], now, story.DONE_UNTIL[name])


def sort(reader: User, now: datetime, done_until: float) -> None:
    """Mark a user's old notifications as done, save some, and snooze some until tomorrow."""
    mine = reader.notifications
    mine.filter(verb__in=story.SNOOZED).snooze_all(now + timedelta(days=1))
    mine.filter(verb__in=story.SAVED).mark_all_as_saved()
    mine.inbox().filter(timestamp__lt=now - timedelta(days=done_until)).mark_all_as_done()


def send(event: story.Event, named: dict[str, Any], at: datetime) -> None:
    """Send an event that is not about an issue. For a group, all its members except the actor are notified."""
    recipient = named[event.recipient]
    if isinstance(recipient, Group):
        recipient = recipient.user_set.exclude(username=event.actor)
    notify.send(
        named[event.actor],
        verb=event.verb,
        recipient=recipient,
        target=named[event.target],
        level=event.level,
        description=event.description,
        timestamp=at,
        **event.data,
    )


def open_issue(
    thread: story.Thread, step: story.Step, repository: Repository, author: User, at: datetime
) -> Issue:
    """Open a thread's issue.

    ``bulk_create`` sends no ``post_save``, whose receiver would send a notification with the current time.
    """
    [issue] = Issue.objects.bulk_create(
        [
            Issue(
                repository=repository,
                number=thread.number,
                title=thread.title,
                body=step.text,
                author=author,
                created=at,
            )
        ]
    )
    notify_watchers(author, step.did, issue, text=thread.title, at=at)
    return issue


def take_step(issue: Issue, step: story.Step, who: User, at: datetime) -> None:
    """Comment on an issue, close it or reopen it."""
    if step.did == "commented on":
        [comment] = Comment.objects.bulk_create(
            [Comment(issue=issue, author=who, body=step.text, created=at)]
        )
        notify_watchers(who, step.did, issue, text=step.text, at=at, comment=comment.pk)
    else:
        issue.change_state(Issue.State.CLOSED if step.did == "closed" else Issue.State.OPEN)
        notify_watchers(who, step.did, issue, text=issue.title, at=at)
