"""What the statements of a user come to, as two aggregates of the database.

Written as SQL, and small: Django takes longer to build such a query of its own expressions than a database takes to
answer it. Only words of ours are in the text; what is of an object, and the moment, are parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Aggregate, CharField, F, IntegerField

from notifications.contrib.subscriptions.containment import Lines
from notifications.contrib.subscriptions.words import STRENGTH, TAKING_PART, Level
from notifications.moments import CurrentMoment
from notifications.reasons import Reason

#: What one statement comes to, the decisive first: of two that are equally near, the smaller number holds. A mute of
#: what the event itself is about, a mute of what contains it, a watch, a wish to hear only as a participant.
MUTED, MUTED_AROUND, TOLD, SILENT = range(4)
KINDS = 4

COLUMNS = ("thing", "level", "until", "then", "reason")


def quoted(words: Iterable[str]) -> str:
    """Return words of ours as they stand in SQL."""
    return ", ".join(f"'{word!s}'" for word in words)


def cases(numbers: Iterable[tuple[str, object]]) -> str:
    """Return the branches of a CASE."""
    return " ".join(f"WHEN {value} THEN {result}" for value, result in numbers)


class Statements(Aggregate):
    """An aggregate over the rows of a user about the objects of some lines. ``prefix`` leads to the rows."""

    def __init__(self, lines: Lines, prefix: str = "", **options: Any) -> None:
        super().__init__(*(F(f"{prefix}{name}") for name in COLUMNS), **options)
        self.lines = lines

    def parts(self, compiler: Any) -> tuple[dict[str, str], list[Any]]:
        """Return the columns and what is made of them, by name, and the parameter of a ``now``: the moment."""
        sql = dict(
            zip(COLUMNS, (compiler.compile(column)[0] for column in self.source_expressions), strict=True)
        )
        moment, params = compiler.compile(CurrentMoment())
        sql["taking"] = f"{sql['reason']} IN ({quoted(TAKING_PART)})"
        sql["now"] = (
            f"CASE WHEN {sql['level']} = '{Level.MUTED.value}' AND {sql['until']} <= {moment} "
            f"THEN {sql['then']} ELSE {sql['level']} END"
        )
        return sql, list(params)

    def own(self, thing: str) -> tuple[str, list[str]]:
        """Return the condition that a row is about an object which the event names."""
        own = sorted(self.lines.own)
        return f"{thing} IN ({', '.join(['%s'] * len(own))})", own


class Verdict(Statements):
    """What the nearest statement comes to, on that of the lines where it comes to the least: one of the kinds."""

    output_field = IntegerField()

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        """Return the kind of the smallest number of each line: ``KINDS`` for each step, and the kind."""
        sql, moment = self.parts(compiler)
        own, own_params = self.own(sql["thing"])
        known = [(f"'{Level.ALL.value}'", TOLD)]
        mine = cases([(f"'{Level.MUTED.value}'", MUTED), *known])
        theirs = cases(
            [(f"'{Level.MUTED.value}'", MUTED_AROUND), *known, (f"'{Level.PARTICIPATING.value}'", SILENT)]
        )
        part = (
            f"CASE WHEN {sql['taking']} THEN {TOLD} "
            f"WHEN {sql['now']} = '{Level.PARTICIPATING.value}' THEN {SILENT} END"
        )
        kind = f"CASE WHEN {own} THEN CASE {sql['now']} {mine} ELSE {part} END ELSE CASE {sql['now']} {theirs} END END"
        kind_params = [*own_params, *moment, *moment, *moment]
        verdicts, params = [], []
        for line in self.lines.lines:
            steps = cases(("%s", step * KINDS) for step in line.values())
            # A modulus is written twice where there are parameters.
            verdicts.append(f"COALESCE(MIN(CASE {sql['thing']} {steps} END + {kind}) %% {KINDS}, {SILENT})")
            params += [*line, *kind_params]
        if len(verdicts) == 1:
            return verdicts[0], params
        return f"{'MIN' if connection.vendor == 'sqlite' else 'LEAST'}({', '.join(verdicts)})", params


class BestReason(Statements):
    """The strongest reason of a user's rows: of what contains the thing, all that counts is that it is watched."""

    output_field = CharField()

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        """Return the word for the largest number; the numbers say how strong each reason is."""
        sql, moment = self.parts(compiler)
        own, own_params = self.own(sql["thing"])
        listens = STRENGTH[Reason.SUBSCRIBED]
        strength = cases((f"'{reason}'", number) for reason, number in STRENGTH.items())
        strongest = (
            f"MAX(CASE WHEN {sql['now']} = '{Level.ALL.value}' OR ({own} AND {sql['taking']} "
            f"AND {sql['now']} <> '{Level.MUTED.value}') "
            f"THEN CASE WHEN {own} THEN CASE {sql['reason']} {strength} ELSE {listens} END ELSE {listens} END END)"
        )
        words = cases((str(number), f"'{reason}'") for reason, number in STRENGTH.items())
        return f"CASE {strongest} {words} ELSE '' END", [*moment, *own_params, *moment, *own_params]
