"""What the subscriptions of a user decide, as expressions of the database: the only place where the rules are.

Written as SQL, and small: Django takes longer to build such a query of its own expressions than a database takes to
answer it. Only constants of ours are in the text; what comes from an object, and the time, are parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Aggregate, CharField, F, Func, IntegerField

from notifications.contrib.subscriptions.containment import Ancestry
from notifications.contrib.subscriptions.levels import PARTICIPATING_REASONS, Level
from notifications.storage.expressions import CurrentMoment
from notifications.storage.reasons import REASON_STRENGTHS, Reason

#: What one subscription decides, the strongest first: of two that are equally near, the smaller number holds. A mute
#: of what the event itself is about, a mute of what contains it, a watch, and the level "participating".
MUTED, MUTED_PARENT, NOTIFIED, NOT_NOTIFIED = range(4)
DECISIONS = 4

COLUMNS = ("object_key", "level", "until", "then", "reason")


def quoted(words: Iterable[str]) -> str:
    """Return constants of ours as they are written in SQL."""
    return ", ".join(f"'{word!s}'" for word in words)


def cases(numbers: Iterable[tuple[str, object]]) -> str:
    """Return the branches of a CASE."""
    return " ".join(f"WHEN {value} THEN {result}" for value, result in numbers)


class OfSubscriptions(Func):
    """An expression over the subscriptions of a user to the objects of some paths. ``prefix`` leads to them."""

    def __init__(self, ancestry: Ancestry, prefix: str = "", **options: Any) -> None:
        super().__init__(*(F(f"{prefix}{name}") for name in COLUMNS), **options)
        self.ancestry = ancestry

    def parts(self, compiler: Any) -> tuple[dict[str, str], list[Any]]:
        """Return the columns and what is made of them, by name, and the parameter of a ``now``: the moment."""
        sql = dict(
            zip(COLUMNS, (compiler.compile(column)[0] for column in self.source_expressions), strict=True)
        )
        moment, params = compiler.compile(CurrentMoment())
        sql["participates"] = f"{sql['reason']} IN ({quoted(PARTICIPATING_REASONS)})"
        sql["now"] = (
            f"CASE WHEN {sql['level']} = '{Level.MUTED.value}' AND {sql['until']} <= {moment} "
            f"THEN {sql['then']} ELSE {sql['level']} END"
        )
        return sql, list(params)

    def own(self, key: str) -> tuple[str, list[str]]:
        """Return the condition that a row is about an object which the event names."""
        own = sorted(self.ancestry.own)
        return f"{key} IN ({', '.join(['%s'] * len(own))})", own

    def numbers(self, compiler: Any) -> list[tuple[str, list[Any]]]:
        """Return for each path the number of a row, which is smaller the more its decision counts.

        It is ``DECISIONS`` for each step, and the decision; null for a row that decides nothing on this path.
        """
        sql, moment = self.parts(compiler)
        own, own_params = self.own(sql["object_key"])
        known = [(f"'{Level.ALL.value}'", NOTIFIED)]
        mine = cases([(f"'{Level.MUTED.value}'", MUTED), *known])
        theirs = cases(
            [
                (f"'{Level.MUTED.value}'", MUTED_PARENT),
                *known,
                (f"'{Level.PARTICIPATING.value}'", NOT_NOTIFIED),
            ]
        )
        part = (
            f"CASE WHEN {sql['participates']} THEN {NOTIFIED} "
            f"WHEN {sql['now']} = '{Level.PARTICIPATING.value}' THEN {NOT_NOTIFIED} END"
        )
        kind = f"CASE WHEN {own} THEN CASE {sql['now']} {mine} ELSE {part} END ELSE CASE {sql['now']} {theirs} END END"
        kind_params = [*own_params, *moment, *moment, *moment]
        found = []
        for path in self.ancestry.paths:
            steps = cases(("%s", step * DECISIONS) for step in path.values())
            found.append((f"CASE {sql['object_key']} {steps} END + {kind}", [*path, *kind_params]))
        return found


class Number(OfSubscriptions):
    """The number of one subscription on one of the paths, given by its place among them."""

    output_field = IntegerField()

    def __init__(self, ancestry: Ancestry, place: int = 0, **options: Any) -> None:
        super().__init__(ancestry, **options)
        self.place = place

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        """Return the number of the row."""
        return self.numbers(compiler)[self.place]


class SubscriptionAggregate(OfSubscriptions, Aggregate):
    """An aggregate over the subscriptions of a user."""


class Decision(SubscriptionAggregate):
    """What the nearest subscription decides, on that of the paths where its number is the smallest."""

    output_field = IntegerField()

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        """Return the decision of the smallest number of each path."""
        decisions: list[str] = []
        params: list[Any] = []
        for number, number_params in self.numbers(compiler):
            # A modulus is written twice where there are parameters.
            decisions.append(f"COALESCE(MIN({number}) %% {DECISIONS}, {NOT_NOTIFIED})")
            params += number_params
        if len(decisions) == 1:
            return decisions[0], params
        return f"{'MIN' if connection.vendor == 'sqlite' else 'LEAST'}({', '.join(decisions)})", params


class StrongestReason(SubscriptionAggregate):
    """The strongest reason of a user's rows: of what contains the object, all that counts is that it is watched."""

    output_field = CharField()

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        """Return the reason of the largest number; the numbers say how strong each reason is."""
        sql, moment = self.parts(compiler)
        own, own_params = self.own(sql["object_key"])
        watches = REASON_STRENGTHS[Reason.SUBSCRIBED]
        strength = cases((f"'{reason}'", number) for reason, number in REASON_STRENGTHS.items())
        strongest = (
            f"MAX(CASE WHEN {sql['now']} = '{Level.ALL.value}' OR ({own} AND {sql['participates']} "
            f"AND {sql['now']} <> '{Level.MUTED.value}') "
            f"THEN CASE WHEN {own} THEN CASE {sql['reason']} {strength} ELSE {watches} END ELSE {watches} END END)"
        )
        words = cases((str(number), f"'{reason}'") for reason, number in REASON_STRENGTHS.items())
        return f"CASE {strongest} {words} ELSE '' END", [*moment, *own_params, *moment, *own_params]
