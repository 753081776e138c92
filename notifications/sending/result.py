"""The response of ``notify.send``: the rows of an event, loaded when they are accessed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from django.db import models

from notifications.events import Event
from notifications.storage.notification import AbstractNotification

N = TypeVar("N", bound=AbstractNotification)

#: Up to this number, rows are loaded at once and kept. Otherwise, rows are loaded on each access.
MAX_KEPT_ROWS = 500


class Notifications(Sequence[N], Generic[N]):
    """The rows of an event, loaded when they are accessed.

    ``created`` is the number of rows that this call wrote. An event that was already sent with the same ``key`` may
    have more. ``len()`` costs no query unless the event has a key.
    """

    def __init__(
        self, model: type[N], event: Event, created: int, using: str, order: Sequence[Any] = ()
    ) -> None:
        self.event = event
        self.created = created
        self._model = model
        self._using = using
        #: The primary keys of the recipients in the order in which they were passed, if there are few of them.
        self._order = {pk: place for place, pk in enumerate(order)}
        self._rows: list[N] | None = None
        self._length = created if event.key is None else None

    @property
    def existing(self) -> int:
        """Return the number of rows of this event that existed before this call."""
        return len(self) - self.created

    def queryset(self) -> models.QuerySet[N]:
        """Return the rows as a queryset, in the order in which they were written."""
        rows: Any = self._model._default_manager.using(self._using)
        ordered: models.QuerySet[N] = rows.filter(event=self.event.uuid).order_by("pk")
        return ordered

    def __len__(self) -> int:
        if self._length is None:
            self._length = self.queryset().count()
        return self._length

    def __iter__(self) -> Iterator[N]:
        if len(self) > MAX_KEPT_ROWS:
            return self.queryset().iterator(chunk_size=MAX_KEPT_ROWS)
        return iter(self._load())

    @overload
    def __getitem__(self, index: int) -> N: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[N]: ...
    def __getitem__(self, index: int | slice) -> N | Sequence[N]:
        if len(self) <= MAX_KEPT_ROWS:
            return self._load()[index]
        places = range(len(self))[index]
        if isinstance(places, int):
            return self.queryset()[places]
        if not places:
            return []
        first, last = sorted((places[0], places[-1]))
        return list(self.queryset()[first : last + 1])[:: places.step]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.created} new of event {self.event.uuid}>"

    def _load(self) -> list[N]:
        if self._rows is None:
            self._rows = list(self.queryset()) if len(self) else []
            self._rows.sort(key=lambda row: self._order.get(row.recipient_id, 0))
        return self._rows
