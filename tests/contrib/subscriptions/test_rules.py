"""The audience in SQL is that of the rules in plain Python, over any graph of objects and any subscriptions to them.

Each run tries others. ``SEED``, which is printed, tries those of another run again.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, seed, settings as hypothesis_settings, strategies as st

from notifications.contrib.subscriptions import explain
from notifications.contrib.subscriptions.audience import audience_of
from notifications.contrib.subscriptions.explanations import describe
from notifications.contrib.subscriptions.models import Subscription
from notifications.extensions import REASON
from notifications.storage.reasons import REASON_STRENGTHS, Reason
from tests.contrib.subscriptions.models import Node
from tests.factories import make_user, make_users

THINGS, USERS = 6, 5
DEPTH = 3
#: Each example costs several statements, which take longer on a server.
EXAMPLES = hypothesis_settings().max_examples // (2 if connection.vendor == "sqlite" else 8)
CALLS = {"mention", "assign", "review_requested", "team_mention"}
LISTEN = {"", "subscribed", "manual"}


class Said(NamedTuple):
    """A statement of a user about a thing."""

    level: str
    then: str
    #: Of a mute: none, one that lasts, one that has ended.
    until: str
    reason: str

    @property
    def now(self) -> str:
        return self.then if self.level == "muted" and self.until == "ended" else self.level


STATEMENT = st.builds(
    Said,
    level=st.sampled_from(["", "all", "participating", "muted"]),
    then=st.sampled_from(["", "all", "participating"]),
    until=st.sampled_from(["", "lasts", "ended"]),
    reason=st.sampled_from(["", *Reason.values]),
)
GRAPH = st.lists(st.sets(st.integers(0, THINGS - 1), max_size=2), min_size=THINGS, max_size=THINGS)
STATEMENTS = st.dictionaries(
    st.tuples(st.integers(0, USERS - 1), st.integers(0, THINGS - 1)), STATEMENT, min_size=2, max_size=12
)
EVENT = st.lists(st.integers(0, THINGS - 1), min_size=1, max_size=3)
CALL = st.sampled_from(["", "comment", "mention"])


def line_from(start: int, graph: list[set[int]]) -> list[set[int]]:
    """Return the things around a thing, step by step."""
    steps, seen = [{start}], {start}
    for _ in range(DEPTH):
        above = {parent for thing in steps[-1] for parent in graph[thing]} - seen
        seen |= above
        steps.append(above)
    return steps


def lines_from(event: list[int], graph: list[set[int]]) -> list[list[set[int]]]:
    """Return the lines that decide: not of a thing on another's line, unless that one is on its line as well."""
    lines = {thing: line_from(thing, graph) for thing in event}
    on = {thing: set().union(*steps) for thing, steps in lines.items()}
    first = {a for a in lines if not any(a in on[b] and b not in on[a] for b in lines if a != b)}
    return [lines[a] for a in lines if a in first or not any(a in on[b] for b in first)]


def decision(line: list[set[int]], event: list[int], wishes: dict[int, Said]) -> str:
    """Return what the nearest statement says; of several, a mute of the thing itself, a mute, and a watch go first."""
    for step in line:
        found = set()
        for thing in step & wishes.keys():
            wish, own = wishes[thing], thing in event
            if wish.now == "muted":
                found.add("muted itself" if own else "muted")
            elif wish.now == "all" or (own and wish.reason not in LISTEN):
                found.add("told")
            elif wish.now == "participating":
                found.add("silent")
        for kind in ("muted itself", "muted", "told", "silent"):
            if kind in found:
                return kind
    return "nothing"


def reason_of(lines: list[list[set[int]]], event: list[int], wishes: dict[int, Said]) -> str:
    """Return the strongest reason by which any statement lets its user hear."""
    reasons = []
    for thing in set().union(*(step for line in lines for step in line)) & wishes.keys():
        wish = wishes[thing]
        if wish.now == "muted":
            continue
        if thing in event and (wish.now == "all" or wish.reason not in LISTEN):
            reasons.append(wish.reason or "subscribed")
        elif wish.now == "all":
            reasons.append("subscribed")
    return max(reasons, key=REASON_STRENGTHS.__getitem__)


@pytest.mark.django_db
def test_any_audience_is_that_of_the_rules(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NOTIFICATIONS = {"MAX_DEPTH": DEPTH}
    nodes = [Node.objects.create(name=f"thing {number}") for number in range(THINGS)]
    users = make_users(USERS)
    numbers = {user.pk: number for number, user in enumerate(users)}
    content_type = ContentType.objects.get_for_model(Node)
    moments = {
        "": None,
        "lasts": timezone.now() + timedelta(days=1),
        "ended": timezone.now() - timedelta(days=1),
    }
    robot = make_user("robot")

    def put(subscriptions: dict[tuple[int, int], Said]) -> None:
        Subscription.objects.all().delete()
        Subscription.objects.bulk_create(
            Subscription(
                user=users[user],
                content_type=content_type,
                object_id=str(nodes[thing].pk),
                level=wish.level,
                then=wish.then,
                until=moments[wish.until] if wish.level == "muted" else None,
                reason=wish.reason,
            )
            for (user, thing), wish in subscriptions.items()
        )

    number = int(os.environ.get("SEED") or random.randrange(2**32))  # noqa: S311 - nobody is to guess it wrong
    print(f"SEED={number}")

    @seed(number)
    @hypothesis_settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        graph=GRAPH,
        subscriptions=STATEMENTS,
        about=EVENT,
        call=CALL,
        explained=st.integers(0, USERS - 1),
    )
    def compare(
        graph: list[set[int]],
        subscriptions: dict[tuple[int, int], Said],
        about: list[int],
        call: str,
        explained: int,
    ) -> None:
        monkeypatch.setattr(
            Node, "above", {node.pk: [nodes[up] for up in graph[n]] for n, node in enumerate(nodes)}
        )
        put(subscriptions)
        keys = dict(zip(("actor", "target", "action_object"), (nodes[n] for n in about), strict=False))
        event = describe(verb="moved", recipient_reason=call, **keys)
        lines = lines_from(about, graph)
        wishes = {
            number: {thing: wish for (user, thing), wish in subscriptions.items() if user == number}
            for number in range(USERS)
        }
        decisions = {n: {decision(line, about, wishes[n]) for line in lines} for n in range(USERS)}

        if call:
            expected: dict[int, Any]
            blocked = {"muted itself"} if call in CALLS else {"muted itself", "muted"}
            expected = {n: None for n in range(USERS) if not decisions[n] & blocked}
            named: Any = type(robot)._base_manager.filter(pk__in=numbers)
            found: Any = audience_of(event, named)
            assert {numbers[pk] for pk in found.values_list("pk", flat=True)} == expected.keys()
        else:
            named = None
            expected = {
                n: reason_of(lines, about, wishes[n])
                for n in range(USERS)
                if "told" in decisions[n] and not decisions[n] & {"muted itself", "muted"}
            }
            found = audience_of(event, None)
            assert {numbers[pk]: why for pk, why in found.values_list("pk", REASON)} == expected
        said = explain(users[explained], event, recipient=named)
        assert said.is_notified == (explained in expected), said
        if not call and said.is_notified:
            assert said.reason == expected[explained]

    compare()
