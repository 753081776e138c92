"""The rows that the candidates work on: the same for all, written by SQL in one statement each.

The users with a part to play are the first ones: see :data:`READERS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.utils import OperationalError, ProgrammingError
from project.models import Issue, Project

#: Primary keys: who is notified of every event, of every tenth, of three, and of so many that a page is full; and who
#: is notified of every event too, but has read all but the three oldest.
#: The last one follows many, where somebody can be followed.
READERS = {"full": 1, "tenth": 2, "three": 3, "page": 4, "buried": 5, "follower": 6}

#: The users before the first of the others, who are notified of the rest, and of the actors.
FIRST_OTHER = 10

#: What each event says.
VERB = "commented on"
DESCRIPTION = "Looks good to me; two small remarks below, and then it can go in. Thank you!"
DATA = {"comment": 17}

START = "2026-01-01 00:00:00"


class Data:
    """Write rows into the tables of one candidate."""

    def __init__(self, sizes: Mapping[str, Any]) -> None:
        self.sizes = sizes
        self.vendor = connection.vendor

    # The parts of SQL that differ

    def text(self, *parts: str) -> str:
        """Return the expression that joins these expressions to a text."""
        if self.vendor == "mysql":
            return f"CONCAT({', '.join(parts)})"
        return f"({' || '.join(parts)})"

    def as_text(self, number: str) -> str:
        """Return the expression for a number as text."""
        return f"CAST({number} AS {'CHAR' if self.vendor == 'mysql' else 'VARCHAR(20)'})"

    def moment(self, number: str) -> str:
        """Return the expression for so many seconds after the start."""
        if self.vendor == "postgresql":
            return f"TIMESTAMPTZ '{START}+00' + {number} * INTERVAL '1 second'"
        if self.vendor == "mysql":
            return f"TIMESTAMP '{START}' + INTERVAL {number} SECOND"
        return f"datetime('{START}', {number} || ' seconds')"

    def event_uuid(self, number: str) -> str:
        """Return the expression for a UUID that grows with the number."""
        digits = {
            "postgresql": "lpad(to_hex({}::bigint), 12, '0')",
            "mysql": "lpad(lower(hex({})), 12, '0')",
            "sqlite": "printf('%012x', {})",
        }[self.vendor]
        joined = self.text(digits.format(number), "'70008000'", digits.format(f"({number} * 7919)"))
        return f"CAST({joined} AS UUID)" if self.vendor == "postgresql" else joined

    def document(self, value: object) -> str:
        """Return the literal of a JSON value."""
        return f"'{json.dumps(value)}'"

    # What every database needs

    def prepare(self, users: int) -> None:
        """Make the users and what events are about, once."""
        if get_user_model().objects.exists():
            return
        self.make_numbers(max(users, self.sizes["events"]))
        name = self.text("'user'", self.as_text("n"))
        joined = self.moment("0")
        with quick_loading():
            self.execute(
                "INSERT INTO auth_user (id, username, password, first_name, last_name, email,"
                " is_superuser, is_staff, is_active, date_joined)"
                f" SELECT n, {name}, '', '', '', '', FALSE, FALSE, TRUE, {joined}"
                f" FROM bench_numbers WHERE n <= {users} ORDER BY n"
            )
            for model, noun in ((Project, "Project"), (Issue, "Issue")):
                name = self.text(f"'{noun} '", self.as_text("n"))
                self.execute(
                    f"INSERT INTO {model._meta.db_table} (id, name)"
                    f" SELECT n, {name} FROM bench_numbers WHERE n <= {self.sizes['objects']} ORDER BY n"
                )
        self.settle("auth_user")

    def make_numbers(self, most: int) -> None:
        """Make a table of the numbers from 1 on, to select rows out of nothing."""
        self.execute("CREATE TABLE bench_numbers (n INTEGER NOT NULL PRIMARY KEY)")
        self.execute("INSERT INTO bench_numbers VALUES (1)")
        count = 1
        while count < most:
            self.execute(f"INSERT INTO bench_numbers SELECT n + {count} FROM bench_numbers")
            count *= 2

    # The rows

    def sent_rows(self, model: type[models.Model]) -> None:
        """Fill the table with a few events that were sent to many, one after the other."""
        events, users = self.sizes["sent"]
        columns = self.columns(
            model, "e.n", str(FIRST_OTHER + 1), recipient=f"{FIRST_OTHER} + u.n", unread="TRUE"
        )
        source = (
            f"bench_numbers e JOIN bench_numbers u ON u.n <= {users} WHERE e.n <= {events} ORDER BY e.n, u.n"
        )
        self.fill(model, columns, source)

    def inbox_rows(
        self,
        model: type[models.Model],
        *,
        events: int | None = None,
        slots: int = 10,
        followed: tuple[int, int] | None = None,
    ) -> None:
        """Fill the table with the events of the inbox, each sent to so many users.

        ``followed``, the first of some users and their number, are the actors of what the reader of a page is notified
        of, and of nothing else.
        """
        events, others = events or self.sizes["events"], self.sizes["others"]
        three = ", ".join(str(events * quarter // 4 + 1) for quarter in (1, 2, 3))
        page = max(events // 1000, 1)
        recipient = (
            f"CASE WHEN s.n = 1 THEN {READERS['full']}"
            f" WHEN s.n = 2 AND e.n % 10 = 0 THEN {READERS['tenth']}"
            f" WHEN s.n = 2 AND e.n IN ({three}) THEN {READERS['three']}"
            f" WHEN s.n = 3 AND e.n % {page} = 0 THEN {READERS['page']}"
            f" WHEN s.n = 4 THEN {READERS['buried']}"
            f" ELSE {FIRST_OTHER} + 1 + (e.n * 7 + s.n * 1009) % {others} END"
        )
        # One in three of what others were notified is unread; the other readers have read nothing.
        unread = f"CASE WHEN s.n = 4 THEN e.n <= 3 WHEN ({recipient}) <= {FIRST_OTHER} THEN TRUE ELSE e.n % 3 = 0 END"
        # Consecutive rows of the same reader name different objects.
        step = f"(e.n {'DIV' if self.vendor == 'mysql' else '/'} {page})"
        objects = self.sizes["objects"]
        which = f"(CASE WHEN s.n = 3 THEN 1 + {step} % {objects} ELSE 1 + e.n % {objects} END)"
        columns = self.columns(model, "e.n", which, recipient=recipient, unread=unread)
        if followed:
            actor = f"{followed[0]} + {step} % {followed[1]}"
            columns["actor_object_id"] = (
                f"CASE WHEN s.n = 3 AND e.n % {page} = 0 THEN {self.as_text(actor)}"
                f" ELSE {columns['actor_object_id']} END"
            )
        source = (
            f"bench_numbers e JOIN bench_numbers s ON s.n <= {slots} WHERE e.n <= {events} ORDER BY e.n, s.n"
        )
        self.fill(model, columns, source)

    def columns(
        self, model: type[models.Model], event: str, which: str, *, recipient: str = "", unread: str = ""
    ) -> dict[str, str]:
        """Return the SQL of every column of the model: event number ``event``, about the objects ``which``."""
        types = ContentType.objects.get_for_models(get_user_model(), Issue, Project)
        user, issue, project = (types[kind].pk for kind in (get_user_model(), Issue, Project))
        values = {
            "level": "'info'",
            "recipient_id": recipient,
            "unread": unread,
            "actor_content_type_id": str(user),
            "actor_object_id": self.as_text(f"({FIRST_OTHER} + {which})"),
            "verb": f"'{VERB}'",
            "description": f"'{DESCRIPTION}'",
            "action_object_content_type_id": str(issue),
            "action_object_object_id": self.as_text(which),
            "target_content_type_id": str(project),
            "target_object_id": self.as_text(which),
            "timestamp": self.moment(event),
            "public": "TRUE",
            "deleted": "FALSE",
            "emailed": "FALSE",
            "data": self.document(DATA),
            "event": self.event_uuid(event),
        }
        known = {field.column for field in model._meta.local_concrete_fields}
        return {name: sql for name, sql in values.items() if name in known}

    def fill(self, model: type[models.Model], columns: Mapping[str, str], source: str) -> None:
        """Put the rows that these expressions describe into the empty table."""
        self.empty(model)
        self.add(model, columns, source)
        self.settle(model._meta.db_table)

    def add(self, model: type[models.Model], columns: Mapping[str, str], source: str) -> None:
        """Put the rows that these expressions describe into the table, beside those that are there."""
        names = ", ".join(connection.ops.quote_name(name) for name in columns)
        with quick_loading():
            self.execute(
                f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(columns.values())} FROM {source}"
            )

    def empty(self, model: type[models.Model]) -> None:
        """Remove all rows, and let the database finish what it has put off, so that nobody pays for another's rows."""
        verb = "DELETE FROM" if self.vendor == "sqlite" else "TRUNCATE TABLE"
        self.execute(f"{verb} {model._meta.db_table}")
        self.checkpoint()

    def settle(self, table: str) -> None:
        """Let the database know what is in the table."""
        analyze = {"postgresql": "VACUUM ANALYZE", "mysql": "ANALYZE TABLE", "sqlite": "ANALYZE"}[self.vendor]
        self.execute(f"{analyze} {table}")
        self.checkpoint()

    def checkpoint(self) -> None:
        """Write out what PostgreSQL has put off; only its superuser may."""
        if self.vendor == "postgresql":
            try:
                self.execute("CHECKPOINT")
            except (OperationalError, ProgrammingError):
                return

    def execute(self, sql: str) -> None:
        """Execute a statement that takes no parameters."""
        with connection.cursor() as cursor:
            cursor.execute(sql)


@contextmanager
def quick_loading() -> Iterator[None]:
    """Load without the checks and flushes that the benchmarks themselves never go without."""
    switches = {
        "postgresql": ("SET session_replication_role = replica", "SET session_replication_role = DEFAULT"),
        "mysql": (
            "SET foreign_key_checks = 0, unique_checks = 0",
            "SET foreign_key_checks = 1, unique_checks = 1",
        ),
        "sqlite": ("PRAGMA synchronous = OFF", "PRAGMA synchronous = FULL"),
    }
    off, on = switches[connection.vendor]
    with connection.cursor() as cursor:
        try:
            cursor.execute(off)
        except (OperationalError, ProgrammingError):
            # Not the superuser of PostgreSQL: the checks only take their time.
            yield
            return
        try:
            yield
        finally:
            cursor.execute(on)


def parse_moment(value: Any) -> datetime:
    """Return what a plain cursor answers for a timestamp as an aware datetime."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
