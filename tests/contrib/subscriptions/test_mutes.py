"""What was muted after it was sent, as an app asks that lets notifications leave the site."""

from __future__ import annotations

from datetime import timedelta, timezone as zones
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from notifications import notify
from notifications.contrib.subscriptions import mute, unwatch, watch
from notifications.contrib.subscriptions.models import Subscription
from notifications.extensions import muted_rows
from tests.contrib.routers import EmptyReplica
from tests.contrib.subscriptions.things import make_ticket
from tests.factories import make_project, make_user, make_users, rows

pytestmark = pytest.mark.django_db


def muted() -> list[str]:
    found = list(rows().order_by("pk"))
    keys = muted_rows(found)
    return sorted(row.recipient.username for row in found if row.pk in keys)


def send(*users: Any, **arguments: Any) -> Any:
    project = make_project()
    notify.send(make_user("actor"), verb="closed", recipient=list(users), target=project, **arguments)
    return project


def test_nothing_is_muted_where_nobody_mutes_anything(django_assert_num_queries: Any) -> None:
    send(*make_users(3))
    found = list(rows())

    with django_assert_num_queries(1):
        assert muted_rows(found) == frozenset()


def test_what_a_recipient_mutes_later_is_muted_for_them_alone() -> None:
    ann, bob, eve = make_users(3)
    project = send(ann, bob, eve)
    mute(ann, project)
    mute(bob, make_project("another"))
    watch(eve, project)

    assert muted() == ["user0"]


@pytest.mark.django_db(databases=["default", "other"])
def test_what_a_replica_does_not_know_to_be_muted_is_muted(settings: Any) -> None:
    [ann] = make_users(1)
    mute(ann, send(ann))
    settings.DATABASE_ROUTERS = [EmptyReplica(Subscription._meta.app_label)]

    assert muted() == ["user0"]


def test_a_mute_until_a_moment_of_any_offset() -> None:
    """PostgreSQL refuses offsets of 16 hours and more."""
    [ann] = make_users(1)
    until = timezone.now() + timedelta(days=1)
    mute(ann, send(ann), until=until.astimezone(zones(timedelta(hours=23, minutes=59))))
    assert Subscription.objects.get().until == until


def test_a_mute_that_has_ended_is_none() -> None:
    [ann] = make_users(1)
    project = send(ann)
    mute(ann, project, until=timezone.now() + timedelta(days=1))
    assert muted() == ["user0"]
    Subscription.objects.update(until=timezone.now() - timedelta(days=1))

    assert muted() == []
    unwatch(ann, project)


@pytest.mark.parametrize(("reason", "expected"), [("", ["user0"]), ("mention", [])])
def test_who_is_mentioned_hears_of_what_is_inside_of_what_they_muted(
    reason: str, expected: list[str]
) -> None:
    [ann] = make_users(1)
    ticket = make_ticket()
    notify.send(
        make_user("actor"), verb="closed", recipient=[ann], target=ticket, recipient_reason=reason or None
    )
    mute(ann, ticket.repo)

    assert muted() == expected


def test_what_is_muted_stays_muted_when_who_acted_is_gone() -> None:
    ann, bob = make_users(2)
    mute(ann, send(ann, bob))
    rows().get(recipient=ann).actor.delete()

    assert muted() == ["user0"]


@pytest.mark.parametrize("is_actor_gone", [False, True])
def test_what_is_muted_stays_muted_when_it_is_gone(is_actor_gone: bool) -> None:
    ann, bob, eve = make_users(3)
    project = send(ann, bob, eve)
    mute(ann, project)
    mute(bob, make_project("another"))
    mute(eve, project, until=timezone.now() + timedelta(days=1))
    Subscription.objects.filter(user=eve).update(until=timezone.now() - timedelta(days=1))
    if is_actor_gone:
        rows().get(recipient=ann).actor.delete()
    project.delete()

    assert muted() == ["user0"]


def test_nothing_is_muted_of_an_event_of_which_nothing_is_left() -> None:
    ann, actor = make_users(2)
    notify.send(actor, verb="left", recipient=ann)
    mute(ann, make_project())
    actor.delete()

    assert muted() == []


def test_nothing_is_known_of_a_mute_whose_model_is_gone() -> None:
    [ann] = make_users(1)
    mute(ann, send(ann))
    rows().update(target_content_type=ContentType.objects.create(app_label="gone", model="thing"))

    assert muted() == []
    ContentType.objects.clear_cache()
