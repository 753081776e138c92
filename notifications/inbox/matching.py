"""Which rows "all results" are: how many, and exactly which, as a page shows them and as its form sends them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.db.models import Count, Max, QuerySet

from notifications.objects.fetch import is_numbered

#: The most rows of which each one is compared; of more, only their number and the last one to arrive.
MAX_COMPARED_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Matching:
    """Some rows: how many there are, the last one that arrived, and a digest of their primary keys.

    Without a number it only says that rows which arrived later are not meant. Rows are numbered in the order in which
    they arrive, but not in that of the commits: the digest differs if a row with a lower number becomes visible later.
    Rows whose primary key is no number have no last one.
    """

    count: int | None = None
    newest: int | None = None
    digest: str = ""

    @classmethod
    def of(cls, rows: QuerySet[Any]) -> Matching:
        """Return what these rows are now. Costs one query, two for more than 100,000 rows."""
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[: MAX_COMPARED_ROWS + 1])
        return cls.of_keys(keys, rows)

    @classmethod
    def of_keys(cls, keys: Sequence[Any], rows: QuerySet[Any]) -> Matching:
        """Return the same for rows whose primary keys were read, the first 100,001 of them if there are more."""
        if len(keys) > MAX_COMPARED_ROWS:
            newest = {"newest": Max("pk")} if is_numbered(rows.model) else {}
            return cls(**rows.order_by().aggregate(count=Count("pk"), **newest))
        return cls.of_few(keys, rows.model)

    @classmethod
    def of_few(cls, keys: Sequence[Any], model: Any) -> Matching:
        """Return the same for at most 100,000 primary keys."""
        text = "\n".join(sorted(map(str, keys)))
        newest = max(keys) if keys and is_numbered(model) else None
        return cls(len(keys), newest, sha256(text.encode()).hexdigest()[:20])

    @classmethod
    def loads(cls, text: str) -> Matching | None:
        """Return what a form sent back, or None for a text that no page has."""
        parts = text.split("-")
        if len(parts) != 3 or not all(part.isascii() and len(part) <= 20 for part in parts):
            return None
        count, newest, digest = parts
        if not all(part.isdigit() or not part for part in (count, newest)) or int(newest or 0) >= 2**63:
            return None
        return cls(int(count) if count else None, int(newest) if newest else None, digest if count else "")

    def dumps(self) -> str:
        """Return the text for a form."""
        count, newest = ("" if number is None else number for number in (self.count, self.newest))
        return f"{count}-{newest}-{self.digest}"

    def narrow(self, rows: Any) -> Any:
        """Return these rows without those that arrived later."""
        return rows if self.newest is None else rows.filter(pk__lte=self.newest)


class MatchingChanged(Exception):
    """The rows are not those that the user has seen."""


def fields_of_results(
    keys: Sequence[Any] | None,
    unread: Sequence[Any],
    rows: Sequence[Any],
    *,
    tab: str,
    query: str,
    newest: int | None,
) -> dict[str, str]:
    """Return the fields of the form of a page that shows these rows of a tab, or of a search in it.

    ``keys`` are those of all results, and ``unread`` those of the unread ones. ``keys`` is None if they are not known.
    ``newest`` is the last row that had arrived, of whomever.
    """
    some = Matching(newest=newest).dumps()
    fields = {"matching": some, "matching_unread": some}
    if keys:
        model = type(rows[0])
        fields["matching"] = Matching.of_few(keys, model).dumps()
        if tab in {"inbox", "unread"} and not query:
            fields["matching_unread"] = Matching.of_few(unread, model).dumps()
    return fields
