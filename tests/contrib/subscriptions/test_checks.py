"""The check of the setting ``PARENTS``, down to the attribute; and what contains an object that misbehaves."""

from __future__ import annotations

from typing import Any

import pytest

from notifications.contrib.subscriptions.checks import check_parents
from notifications.contrib.subscriptions.containment import parents_of
from tests.contrib.subscriptions.models import Owner, Remark, Repo, Ticket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("parents", "hints"),
    [
        ({}, []),
        ([], []),
        ({"notifications_subscriptions.subscription": "user"}, []),
        ({"subscriptions.Repo": "owner"}, []),
        ({"subscriptions.Repo": ["owner", "pk"]}, []),
        ({"subscriptions.Rpeo": "owner"}, ["Did you mean 'subscriptions.Repo'?"]),
        ({"subscriptions.Repo": "ownr"}, ["Did you mean 'owner'?"]),
        ({"subscriptions.Repo": ["owner", "ownr", 7]}, ["Did you mean 'owner'?", "It must be like"]),
        ({"subscriptions.Repo": 7}, ["It must be like"]),
        ({7: "owner"}, ["It must be like"]),
    ],
    ids=str,
)
def test_the_setting_names_what_there_is(settings: Any, parents: Any, hints: list[str]) -> None:
    settings.NOTIFICATIONS = {"PARENTS": parents}
    found = check_parents(None)
    assert [problem.id for problem in found] == ["notifications_subscriptions.E001"] * len(hints)
    for problem, hint in zip(found, hints, strict=True):
        assert hint in (problem.hint or "")


def test_what_contains_an_object_may_misbehave(settings: Any, monkeypatch: Any, caplog: Any) -> None:
    repo = Repo.objects.create(name="repo", owner=Owner.objects.create(name="owner"))
    label = Repo._meta.label
    settings.NOTIFICATIONS = {"PARENTS": {label: "owner"}}
    assert parents_of(repo) == [repo.owner]
    settings.NOTIFICATIONS = {"PARENTS": {label: "ownr"}}
    assert parents_of(repo) == []

    def raises(obj: Any) -> Any:
        raise RuntimeError

    ticket = Ticket.objects.create(name="ticket", repo=repo)
    assert parents_of(Remark(ticket=ticket)) == [ticket]
    monkeypatch.setattr(Ticket, "notifications_parents", raises)
    assert parents_of(ticket) == []
    assert len(caplog.records) == 2
