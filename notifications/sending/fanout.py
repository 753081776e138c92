"""Write the rows of an event: by one ``INSERT ... SELECT`` if possible, otherwise in batches of constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from django.db import models, router
from django.db.models.signals import post_save

from notifications.events import Event
from notifications.extensions import sent_extensions
from notifications.objects.guard import guarded
from notifications.sending.audience import BATCH_SIZE, Audience, Users, filterable, is_selectable
from notifications.sending.batches import Progress, Run, write_batches
from notifications.sending.prototype import prototype, rows_are_constant, rows_save_themselves
from notifications.sending.repeats import was_sent_before
from notifications.sending.result import Notifications
from notifications.sending.statement import insert_select
from notifications.sending.written import write_with_extensions
from notifications.signals import notified
from notifications.storage import changes
from notifications.storage.locking import by_key
from notifications.storage.notification import AbstractNotification
from notifications.storage.transactions import after_commit

N = TypeVar("N", bound=AbstractNotification)


def write(
    model: type[N],
    event: Event,
    audience: Audience,
    *,
    fanout_chunk: int | None = None,
    on_progress: Progress | None = None,
) -> Notifications[N]:
    """Write one row for each user of the audience that has none of this event yet, on the write database.

    With a ``fanout_chunk``, write that many users at a time, each committed unless the caller has a transaction;
    ``on_progress(done, total)`` is called after each, with numbers of users (``total`` is None for an iterator). Raise
    ValueError for a primary key without a user; without a ``fanout_chunk`` nothing is written then.
    """
    using = router.db_for_write(model)
    is_repeated = was_sent_before(model, event, using)
    run = Run(on_progress)
    try:
        reached, order = write_rows(model, event, audience, using, fanout_chunk, run)
    except BaseException:
        if fanout_chunk:
            # Chunks that are already written stay.
            changes.drop_counts(None, using=using)
        raise
    created = run.created
    response = Notifications(model, event, created, using, order)
    response.reached_nobody = not created and not is_repeated
    for extension in sent_extensions():
        # The rows are written, whatever happens to what follows.
        guarded(
            type(extension).__module__,
            "notifications_sent()",
            extension.notifications_sent,
            event,
            response.queryset(),
            using,
            otherwise=None,
        )
    if created:
        if reached is None or (isinstance(audience, Users) and audience.narrow):
            # The database chose the recipients, or an extension left some out and added others.
            reached = recipients_of(response)
        changes.drop_counts(reached, using=using)
        if post_save.has_listeners(model) and not rows_save_themselves(model, event):
            for row in response.queryset().iterator(chunk_size=BATCH_SIZE):
                post_save.send(model, instance=row, created=True, raw=False, using=using, update_fields=None)
        announce = partial(
            notified.send_robust, sender=model, event=event, audience_size=created, using=using
        )
        after_commit(announce, using=using)
    return response


def recipients_of(response: Notifications[Any]) -> list[Any] | None:
    """Return the primary keys of the recipients whose counts are to be cleared, or None for all users."""
    if response.created > changes.MAX_DROPPED_KEYS or not changes.are_kept_long():
        return None
    return list(response.queryset().order_by().values_list("recipient", flat=True))


def write_rows(
    model: type[N],
    event: Event,
    audience: Audience,
    using: str,
    size: int | None,
    run: Run,
) -> tuple[list[Any] | None, Sequence[Any]]:
    """Write the rows, ``size`` users at a time. Return the keys of the users if they are known, and in order."""
    if (
        isinstance(audience, models.QuerySet)
        and rows_are_constant(model, event)
        and audience.db == using
        and is_selectable(audience)
        and not (size and audience.query.is_sliced)
    ):
        row = prototype(model, event, using)
        total = audience.count() if run.is_watched else 0
        parts = cut(audience, size) if size else iter([(audience, dict[str, Any]())])
        for number, (part, among) in enumerate(parts, start=1):
            insert = partial(insert_select, row, part, using, fresh=event.key is None)
            run.created += write_with_extensions(insert, model, event, using, among)
            run.report(min(number * size, total) if size else total, total)
        return None, ()
    order = write_batches(model, event, audience, using, whole=not size, run=run)
    return list(order) or None, order


def cut(audience: models.QuerySet[Any], size: int) -> Iterator[tuple[models.QuerySet[Any], dict[str, Any]]]:
    """Yield the audience in ranges of primary keys that hold about ``size`` users each, with lookups of their rows."""
    rest = by_key(filterable(audience))
    among: dict[str, Any] = {}
    while True:
        edge = next(iter(rest.values_list("pk", flat=True)[size - 1 : size]), None)
        if edge is None:
            yield rest, among
            return
        yield rest.filter(pk__lte=edge), {**among, "recipient__lte": edge}
        rest = rest.filter(pk__gt=edge)
        among = {"recipient__gt": edge}
