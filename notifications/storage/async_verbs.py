"""The verbs of the queryset for code that awaits: each does what its namesake without the "a" does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from asgiref.sync import sync_to_async

if TYPE_CHECKING:
    from django.db import models

#: The last row, or the last moment, that a verb reaches.
UpTo: TypeAlias = "models.Model | datetime | None"


async def awaited(verb: Callable[..., int], *args: Any, **kwargs: Any) -> int:
    """Call a verb in a thread, as Django's own queryset does. Return what it returns."""
    return await sync_to_async(verb)(*args, **kwargs)


class AsyncVerbs:
    """What a queryset with the verbs inherits."""

    async def amark_all_as_read(
        self: Any, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Do as :meth:`mark_all_as_read` does."""
        return await awaited(self.mark_all_as_read, recipient, up_to=up_to, at=at)

    async def amark_all_as_unread(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`mark_all_as_unread` does."""
        return await awaited(self.mark_all_as_unread, recipient, up_to=up_to)

    async def amark_all_as_done(
        self: Any, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Do as :meth:`mark_all_as_done` does."""
        return await awaited(self.mark_all_as_done, recipient, up_to=up_to, at=at)

    async def amark_all_as_undone(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`mark_all_as_undone` does."""
        return await awaited(self.mark_all_as_undone, recipient, up_to=up_to)

    async def asave_all(
        self: Any, recipient: Any = None, *, up_to: UpTo = None, at: datetime | None = None
    ) -> int:
        """Do as :meth:`save_all` does."""
        return await awaited(self.save_all, recipient, up_to=up_to, at=at)

    async def aunsave_all(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`unsave_all` does."""
        return await awaited(self.unsave_all, recipient, up_to=up_to)

    async def asnooze_all(self: Any, until: datetime, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`snooze_all` does."""
        return await awaited(self.snooze_all, until, recipient, up_to=up_to)

    async def aunsnooze_all(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`unsnooze_all` does."""
        return await awaited(self.unsnooze_all, recipient, up_to=up_to)

    async def amark_all_as_deleted(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`mark_all_as_deleted` does."""
        return await awaited(self.mark_all_as_deleted, recipient, up_to=up_to)

    async def amark_all_as_active(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`mark_all_as_active` does."""
        return await awaited(self.mark_all_as_active, recipient, up_to=up_to)

    async def amark_as_sent(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`mark_as_sent` does."""
        return await awaited(self.mark_as_sent, recipient, up_to=up_to)

    async def amark_as_unsent(self: Any, recipient: Any = None, *, up_to: UpTo = None) -> int:
        """Do as :meth:`mark_as_unsent` does."""
        return await awaited(self.mark_as_unsent, recipient, up_to=up_to)

    async def arecall(self: Any, *, key: UUID | str) -> int:
        """Do as :meth:`recall` does."""
        return await awaited(self.recall, key=key)
