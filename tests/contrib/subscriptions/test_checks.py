"""The check of the setting ``PARENTS``, down to the attribute."""

from __future__ import annotations

from typing import Any

import pytest

from notifications.contrib.subscriptions.checks import check_databases, check_parents
from tests.contrib.routers import Elsewhere, NotThere

pytestmark = pytest.mark.django_db


def test_what_an_attribute_holds_is_said(settings: Any) -> None:
    settings.NOTIFICATIONS = {"PARENTS": {"subscriptions.readme": "topics"}}
    [problem] = check_parents(None)
    assert problem.msg == (
        "NOTIFICATIONS['PARENTS'] contains 'topics' of 'subscriptions.readme', which holds several objects: "
        "return them from a method notifications_parents()."
    )


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
        # What exists and holds no object.
        ({"subscriptions.Repo": ["owner_id", "ticket_set", "delete"]}, ["It must be like"] * 3),
        ({"subscriptions.Readme": ["repo", "topics"]}, ["It must be like"]),
        ({"subscriptions.Repo": "readme"}, []),
    ],
    ids=str,
)
def test_the_setting_names_what_there_is(settings: Any, parents: Any, hints: list[str]) -> None:
    settings.NOTIFICATIONS = {"PARENTS": parents}
    found = check_parents(None)
    assert [problem.id for problem in found] == ["notifications_subscriptions.E001"] * len(hints)
    for problem, hint in zip(found, hints, strict=True):
        assert hint in (problem.hint or "")


@pytest.mark.parametrize("apart", [Elsewhere, NotThere])
def test_tables_in_another_database_are_an_error(settings: Any, apart: type[Any]) -> None:
    settings.DATABASE_ROUTERS = [apart("notifications_subscriptions")]
    [found] = check_databases(None)
    assert found.id == "notifications.E007"
    assert "keeps notifications_subscriptions.Subscription out of it" in found.msg
    settings.DATABASE_ROUTERS = []
    assert check_databases(None) == []
