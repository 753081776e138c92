"""The async versions of the queryset methods: each does the same as the method without the prefix "a"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from asgiref.sync import sync_to_async

if TYPE_CHECKING:
    from django.db import models

#: The last row, or the last time, that a method changes.
UpTo: TypeAlias = "models.Model | datetime | None"


async def awaited(verb: Callable[..., int], *args: Any, **kwargs: Any) -> int:
    """Call a method in a thread, as Django's queryset does. Return its result."""
    return await sync_to_async(verb)(*args, **kwargs)


class AsyncVerbs:
    """The async methods of the queryset."""

    async def amark_all_as_read(
        self: Any, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Async version of :meth:`mark_all_as_read`."""
        return await awaited(self.mark_all_as_read, recipient, up_to=up_to, at=at)

    async def amark_all_as_unread(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Async version of :meth:`mark_all_as_unread`."""
        return await awaited(self.mark_all_as_unread, recipient, up_to=up_to)

    async def amark_all_as_done(
        self: Any, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Async version of :meth:`mark_all_as_done`."""
        return await awaited(self.mark_all_as_done, recipient, up_to=up_to, at=at)

    async def amark_all_as_undone(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Async version of :meth:`mark_all_as_undone`."""
        return await awaited(self.mark_all_as_undone, recipient, up_to=up_to)

    async def asave_all(
        self: Any, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Async version of :meth:`save_all`."""
        return await awaited(self.save_all, recipient, up_to=up_to, at=at)

    async def aunsave_all(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Async version of :meth:`unsave_all`."""
        return await awaited(self.unsave_all, recipient, up_to=up_to)

    async def asnooze_all(self: Any, until: datetime, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Async version of :meth:`snooze_all`."""
        return await awaited(self.snooze_all, until, recipient, up_to=up_to)

    async def aunsnooze_all(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Async version of :meth:`unsnooze_all`."""
        return await awaited(self.unsnooze_all, recipient, up_to=up_to)

    async def amark_all_as_deleted(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Async version of :meth:`mark_all_as_deleted`."""
        return await awaited(self.mark_all_as_deleted, recipient, up_to=up_to)

    async def amark_all_as_active(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Async version of :meth:`mark_all_as_active`."""
        return await awaited(self.mark_all_as_active, recipient, up_to=up_to)

    async def amark_as_sent(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Async version of :meth:`mark_as_sent`."""
        return await awaited(self.mark_as_sent, recipient, up_to=up_to)

    async def amark_as_unsent(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Async version of :meth:`mark_as_unsent`."""
        return await awaited(self.mark_as_unsent, recipient, up_to=up_to)

    async def arecall(self: Any, *, key: UUID | str) -> int:
        """Async version of :meth:`recall`."""
        return await awaited(self.recall, key=key)
