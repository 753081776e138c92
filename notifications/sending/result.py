"""What ``notify.send`` answers: the rows of an event, loaded when they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, SupportsIndex, TypeVar, cast, overload

from django.db import models

from notifications.events import Event
from notifications.storage.notification import AbstractNotification

N = TypeVar("N", bound=AbstractNotification)

#: Up to so many rows are loaded at once and kept; of more, those that are looked at are loaded each time.
MAX_KEPT_ROWS = 500


class Notifications(list[N], Generic[N]):
    """The rows of an event: the list that the older packages return, whose rows are loaded when they are looked at.

    ``created`` says how many rows this call wrote; an event that was sent before under the same ``idempotency_key``
    may have more. ``len()`` costs no query unless the event has a key. To change the list, as in ``append()``, loads
    all rows and keeps them; so does whatever hands out a list of them, as in ``copy()`` and ``+``.
    """

    # What a list keeps inside stays empty, so no method of it may be left as it is.

    def __init__(
        self, model: type[N], event: Event, created: int, using: str, order: Sequence[Any] = ()
    ) -> None:
        super().__init__()
        self.event = event
        self.created = created
        #: Whether nobody has a row of this event, neither by this call nor by one before it.
        self.reached_nobody = False
        self._model = model
        self._using = using
        #: The primary keys of the recipients in the order they were named, where they were few.
        self._order = {pk: place for place, pk in enumerate(order)}
        self._rows: list[N] | None = None
        self._length = created if event.key is None else None

    @property
    def existing(self) -> int:
        """Return how many rows of this event were there before this call."""
        return self._count() - self.created

    def queryset(self) -> models.QuerySet[N]:
        """Return the rows as a queryset, in the order they were written."""
        rows: Any = self._model._default_manager.using(self._using)
        ordered: models.QuerySet[N] = rows.filter(event=self.event.uuid).order_by("pk")
        return ordered

    def _count(self) -> int:
        if self._length is None:
            self._length = self.queryset().count()
        return self._length

    def _list(self) -> list[N]:
        """Return the rows in a list that is kept from now on, however many they are."""
        if self._rows is None:
            self._rows = list(self.queryset()) if self._count() else []
            self._rows.sort(key=lambda row: self._order.get(row.recipient_id, 0))
        return self._rows

    def _is_kept(self) -> bool:
        return self._rows is not None or self._count() <= MAX_KEPT_ROWS

    def __len__(self) -> int:
        return self._count() if self._rows is None else len(self._rows)

    def __iter__(self) -> Iterator[N]:
        return iter(self._list()) if self._is_kept() else self.queryset().iterator(chunk_size=MAX_KEPT_ROWS)

    def __reversed__(self) -> Iterator[N]:
        return (
            reversed(self._list())
            if self._is_kept()
            else self.queryset().reverse().iterator(chunk_size=MAX_KEPT_ROWS)
        )

    @overload
    def __getitem__(self, index: SupportsIndex) -> N: ...
    @overload
    def __getitem__(self, index: slice) -> list[N]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> N | list[N]:
        if self._is_kept():
            return self._list()[index]
        places = range(len(self))[index]
        if isinstance(places, int):
            return self.queryset()[places]
        if not places:
            return []
        first, last = sorted((places[0], places[-1]))
        return list(self.queryset()[first : last + 1])[:: places.step]

    def __contains__(self, row: object) -> bool:
        if self._is_kept():
            return row in self._list()
        return isinstance(row, self._model) and self.queryset().filter(pk=row.pk).exists()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and list(self) == list(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.created} new of event {self.event.uuid}>"

    # What makes another list of it, or reads all of it

    def __add__(self, other: Any) -> list[Any]:
        return self._list() + list(other)

    def __radd__(self, other: Any) -> list[Any]:
        return list(other) + self._list()

    def __mul__(self, times: SupportsIndex) -> list[N]:
        return self._list() * times

    __rmul__ = __mul__

    def __lt__(self, other: Any) -> bool:
        return self._list() < list(other)

    def __le__(self, other: Any) -> bool:
        return self._list() <= list(other)

    def __gt__(self, other: Any) -> bool:
        return self._list() > list(other)

    def __ge__(self, other: Any) -> bool:
        return self._list() >= list(other)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """Copy, and pickle, as a plain list of rows."""
        return list, (self._list(),)

    def copy(self) -> list[N]:
        """Return a plain list of the rows."""
        return self._list().copy()

    __copy__ = copy

    def count(self, value: Any) -> int:
        """Return how often the row is among these."""
        return self._list().count(value)

    def index(self, value: Any, *bounds: SupportsIndex) -> int:
        """Return the place of a row. Raise ValueError when it is not among these."""
        return self._list().index(value, *bounds)

    # What changes it: the list, not the table

    def __setitem__(self, index: Any, value: Any) -> None:
        self._list()[index] = value

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        del self._list()[index]

    def __iadd__(self, other: Iterable[Any]) -> Any:  # type: ignore[misc]
        self._list().extend(other)
        return self

    def __imul__(self, times: SupportsIndex) -> Any:
        self._rows = self._list() * times
        return self

    def append(self, value: Any) -> None:
        """Add a row at the end."""
        self._list().append(value)

    def extend(self, values: Iterable[Any]) -> None:
        """Add rows at the end."""
        self._list().extend(values)

    def insert(self, index: SupportsIndex, value: Any) -> None:
        """Add a row at a place."""
        self._list().insert(index, value)

    def remove(self, value: Any) -> None:
        """Take out a row. Raise ValueError when it is not among these."""
        self._list().remove(value)

    def pop(self, index: SupportsIndex = -1) -> N:
        """Take out the row at a place, and return it."""
        return self._list().pop(index)

    def clear(self) -> None:
        """Take out all rows."""
        self._rows = []

    def reverse(self) -> None:
        """Turn the order round."""
        self._list().reverse()

    def sort(self, *, key: Callable[[N], Any] | None = None, reverse: bool = False) -> None:
        """Put the rows in order."""
        cast(Any, self._list()).sort(key=key, reverse=reverse)
