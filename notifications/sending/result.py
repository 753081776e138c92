"""The response of ``notify.send``: the rows of an event, loaded when they are accessed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, SupportsIndex, TypeVar, cast, overload

from django.db import models

from notifications.events import Event
from notifications.storage.notification import AbstractNotification

N = TypeVar("N", bound=AbstractNotification)

#: Up to this number, rows are loaded at once and kept. Otherwise, rows are loaded on each access.
MAX_KEPT_ROWS = 500


class Notifications(list[N], Generic[N]):
    """The rows of an event: the list that the older packages return, but loaded when it is accessed.

    ``created`` is the number of rows that this call wrote. An event that was already sent with the same
    ``idempotency_key`` may have more. ``len()`` costs no query unless the event has a key. Methods that change the
    list, such as ``append()``, or return a list, such as ``copy()`` and ``+``, load all rows and keep them.
    """

    # The inherited list stays empty, so each of its methods must be overridden.

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        """Return a plain list of the items of one argument, as Django makes of each list that is compared with."""
        return super().__new__(cls) if len(arguments) != 1 else list(*arguments)

    def __init__(
        self, model: type[N], event: Event, created: int, using: str, order: Sequence[Any] = ()
    ) -> None:
        super().__init__()
        self.event = event
        self.created = created
        #: Whether no recipient has a row of this event, neither from this call nor from an earlier one.
        self.reached_nobody = False
        self._model = model
        self._using = using
        #: The primary keys of the recipients in the order in which they were passed, if there are few of them.
        self._order = {pk: place for place, pk in enumerate(order)}
        self._rows: list[N] | None = None
        self._length = created if event.key is None else None

    @property
    def existing(self) -> int:
        """Return the number of rows of this event that existed before this call."""
        return self._count() - self.created

    def queryset(self) -> models.QuerySet[N]:
        """Return the rows as a queryset, in the order in which they were written."""
        rows: Any = self._model._default_manager.using(self._using)
        ordered: models.QuerySet[N] = rows.filter(event=self.event.uuid).order_by("pk")
        return ordered

    def load_few(self) -> None:
        """Load the rows unless there are many, for async code. It reads many with ``async for``."""
        if self._is_kept():
            self._list()

    async def __aiter__(self) -> AsyncIterator[N]:
        if self._rows is not None:
            for row in self._rows:
                yield row
        else:
            async for row in self.queryset().aiterator(chunk_size=MAX_KEPT_ROWS):
                yield row

    def _count(self) -> int:
        if self._length is None:
            self._length = self.queryset().count()
        return self._length

    def _list(self) -> list[N]:
        """Return all rows in a list, which is kept from now on."""
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

    # Methods that return another list, or read all rows

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
        """Return how often the list contains the row."""
        return self._list().count(value)

    def index(self, value: Any, *bounds: SupportsIndex) -> int:
        """Return the index of a row. Raise ValueError if the list does not contain it."""
        return self._list().index(value, *bounds)

    # Methods that change the list, not the table

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
        """Add a row at an index."""
        self._list().insert(index, value)

    def remove(self, value: Any) -> None:
        """Remove a row. Raise ValueError if the list does not contain it."""
        self._list().remove(value)

    def pop(self, index: SupportsIndex = -1) -> N:
        """Remove the row at an index, and return it."""
        return self._list().pop(index)

    def clear(self) -> None:
        """Remove all rows."""
        self._rows = []

    def reverse(self) -> None:
        """Reverse the order."""
        self._list().reverse()

    def sort(self, *, key: Callable[[N], Any] | None = None, reverse: bool = False) -> None:
        """Sort the rows."""
        cast(Any, self._list()).sort(key=key, reverse=reverse)
