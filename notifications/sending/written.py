"""What extensions write in the transaction of the rows of an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from notifications.events import Event
from notifications.extensions import writing_extensions
from notifications.storage.locking import retry, writing
from notifications.storage.notification import AbstractNotification


def let_extensions_write(
    model: type[AbstractNotification], event: Event, using: str, among: Mapping[str, Any], *, fresh: bool
) -> None:
    """Let the extensions write what belongs to the rows of an event that match the lookups ``among``."""
    rows: Any = model._base_manager.using(using)
    for extension in writing_extensions(event):
        extension.notifications_written(event, rows.filter(event=event.uuid, **among), using, fresh=fresh)


def write_with_extensions(
    write: Callable[[], int],
    model: type[AbstractNotification],
    event: Event,
    using: str,
    among: Mapping[str, Any],
) -> int:
    """Write the rows that match the lookups ``among``, and what extensions write for them, all or nothing.

    ``write`` returns the number of rows. Without such an extension there is no transaction.
    """
    if not writing_extensions(event):
        return write()

    def write_both() -> int:
        with writing(using, savepoint=False):
            created = write()
            if created:
                let_extensions_write(model, event, using, among, fresh=event.key is None)
            return created

    return retry(write_both, using)
