"""Write the rows of an event: by one ``INSERT ... SELECT`` if possible, otherwise in batches of constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from typing import Any, TypeAlias, TypeVar

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import models, router, transaction
from django.db.models.signals import post_save, pre_save
from django.utils import timezone

from notifications.events import OBJECTS, Event
from notifications.extensions import REASON, says_reasons
from notifications.sending.audience import (
    BATCH_SIZE,
    Audience,
    Users,
    filterable,
    is_selectable,
    keys_of,
    refuse_missing,
)
from notifications.sending.result import Notifications
from notifications.sending.statement import insert_one, insert_select, retry_alone
from notifications.signals import notified
from notifications.storage import changes
from notifications.storage.locking import retry
from notifications.storage.notification import AbstractNotification

N = TypeVar("N", bound=AbstractNotification)

#: Called with the number of processed users and the total, or None if it is not known.
Progress: TypeAlias = Callable[[int, "int | None"], object]


def write(
    model: type[N],
    event: Event,
    audience: Audience,
    *,
    chunk_size: int | None = None,
    progress: Progress | None = None,
) -> Notifications[N]:
    """Write one row for each user of the audience that has none of this event yet, on the write database.

    With a ``chunk_size`` so many users at a time, each time for good unless the caller holds a transaction;
    ``progress(done, total)`` is called after each time, with users (``total`` is None for an iterator). Raise
    ValueError for a primary key that no user has; without a ``chunk_size`` nothing is written then.
    """
    using = router.db_for_write(model)
    report = progress or (lambda done, total: None)
    order: Sequence[Any] = ()
    if (
        isinstance(audience, models.QuerySet)
        and rows_are_constant(model, event)
        and is_local(audience, using)
        and is_selectable(audience)
        and not (chunk_size and audience.query.is_sliced)
    ):
        row, created = prototype(model, event, using), 0
        total = audience.count() if progress else 0
        parts = cut(audience, chunk_size) if chunk_size else iter([audience])
        for number, part in enumerate(parts, start=1):
            created += insert_select(row, part, using, fresh=event.key is None)
            report(min(number * chunk_size, total) if chunk_size else total, total)
        reached = None
    else:
        created, order = write_batches(model, event, audience, using, whole=not chunk_size, report=report)
        reached = list(order) or None
    response = Notifications(model, event, created, using, order)
    if created:
        if isinstance(audience, Users) and audience.narrow:
            # An extension may have left some out and added others.
            few = created <= changes.MAX_DROPPED_KEYS
            reached = (
                list(response.queryset().order_by().values_list("recipient", flat=True)) if few else None
            )
        changes.drop_counts(reached, using=using)
        if post_save.has_listeners(model) and not rows_save_themselves(model, event):
            for row in response.queryset().iterator(chunk_size=BATCH_SIZE):
                post_save.send(model, instance=row, created=True, raw=False, using=using, update_fields=None)
        announce = partial(
            notified.send_robust, sender=model, event=event, audience_size=created, using=using
        )
        transaction.on_commit(announce, using=using, robust=True)
    return response


def cut(audience: models.QuerySet[Any], size: int) -> Iterator[models.QuerySet[Any]]:
    """Yield the audience in ranges of primary keys that hold about ``size`` users each."""
    rest = filterable(audience).order_by("pk")
    while True:
        edge = next(iter(rest.values_list("pk", flat=True)[size - 1 : size]), None)
        if edge is None:
            yield rest
            return
        yield rest.filter(pk__lte=edge)
        rest = rest.filter(pk__gt=edge)


def prototype(model: type[N], event: Event, using: str) -> N:
    """Return an unsaved row of this event, complete but for its recipient."""
    row = model(
        verb=event.verb,
        level=event.level,
        description=event.description,
        timestamp=event.timestamp,
        public=event.public,
        data=event.data,
        event=event.uuid,
        reason=event.reason,
        **event.columns,
    )
    content_types = ContentType.objects.db_manager(using)
    for name in OBJECTS:
        obj = getattr(event, name)
        if obj is not None:
            key: Any = model._meta.get_field(name)
            content_type = content_types.get_for_model(obj, for_concrete_model=event.concrete.get(name, True))
            setattr(row, key.ct_field, content_type)
            setattr(row, key.fk_field, str(obj.pk))
    row.settle_read_at()
    return row


def rows_save_themselves(model: type[AbstractNotification], event: Event) -> bool:
    """Return whether each row must be saved by ``save()``: it is overridden, or ``pre_save`` has a receiver.

    So must they where somebody receives ``post_save`` of an event with a key: only ``save()`` knows which rows are new.
    """
    return (
        model.save is not AbstractNotification.save
        or bool(model._meta.parents)
        or pre_save.has_listeners(model)
        or (event.key is not None and post_save.has_listeners(model))
    )


def rows_are_constant(model: type[AbstractNotification], event: Event) -> bool:
    """Return whether the rows of an event differ in nothing but the recipient and the database's own key."""
    return not rows_save_themselves(model, event) and varying_fields(model) <= event.columns.keys()


@cache
def varying_fields(model: type[AbstractNotification]) -> frozenset[str]:
    """Return the names of the columns that differ from row to row of one event unless the event sets them."""
    return frozenset(field.name for field in model._meta.local_concrete_fields if varies(field))


def varies(field: models.Field[Any, Any]) -> bool:
    """Return whether ``save()`` would give each row a value of its own in this column, or bind it in its own way."""
    if field.primary_key:
        return not isinstance(field, models.AutoField)
    own_value = field.has_default() and callable(field.default) and field.default is not timezone.now
    return (
        own_value
        or field.unique
        or hasattr(field, "get_placeholder")
        or hasattr(field, "get_placeholder_sql")
    )


def is_local(audience: models.QuerySet[Any], using: str) -> bool:
    """Return whether the audience can be read by the database that the rows go to."""
    chosen: Any = audience
    return (chosen._db or router.db_for_write(chosen.model, **chosen._hints)) == using


def write_batches(
    model: type[N], event: Event, audience: Audience, using: str, *, whole: bool, report: Progress
) -> tuple[int, Sequence[Any]]:
    """Write the rows of users who are named one by one, or who cannot be read by the database of the rows.

    Return how many were written, and the primary keys where they were few. If ``whole``, all are written or none.
    """
    #: Why, of the users of the batches that were read and not written yet.
    reasons: dict[Any, str] = {}
    if isinstance(audience, Users):
        keys = audience
    elif says_reasons(audience) and not event.reason:
        keys = Users(remember(audience, reasons), named=False)
    else:
        keys = Users(keys_of(audience), named=False)
    if keys.total is not None and keys.total > BATCH_SIZE and event.key is not None:
        # Several statements in one transaction keep the order that each of them keeps.
        keys = replace(keys, keys=sorted(keys.keys))

    def write_all() -> tuple[int, Sequence[Any]]:
        batches = keys.batches()
        first = next(batches, [])
        second = next(batches, [])
        created = done = 0
        # One user is one statement, which is whole by itself; so is a batch whose keys were looked at before.
        several = second or (len(first) > 1 and keys.narrow is None)
        with transaction.atomic(using) if whole and several else nullcontext():
            for batch in chain([first] if first else [], [second] if second else [], batches):
                fresh = event.key is None and batch is first
                created += write_batch(model, event, batch, using, fresh=fresh, keys=keys, reasons=reasons)
                for pk in batch:
                    reasons.pop(pk, None)
                done += len(batch)
                report(done, keys.total)
        return created, () if second else first

    return write_all() if keys.total is None else retry(write_all, using)


def remember(audience: models.QuerySet[Any], reasons: dict[Any, str]) -> Iterator[Any]:
    """Yield the primary keys of the audience; the reason of each is in ``reasons`` when it comes."""
    for pk, reason in audience.values_list("pk", REASON).iterator(chunk_size=BATCH_SIZE):
        reasons[pk] = reason or ""
        yield pk


def write_batch(
    model: type[N],
    event: Event,
    batch: list[Any],
    using: str,
    *,
    fresh: bool,
    keys: Users,
    reasons: Mapping[Any, str],
) -> int:
    """Write the rows of a batch of ``keys``. Raise ValueError when they were named and one of them does not exist."""
    users = get_user_model()._base_manager
    # Not a replica, which may not know yet who has just signed up.
    home = router.db_for_write(users.model)
    if keys.narrow is not None:
        if keys.named:
            refuse_missing(batch, users.using(home))
        audience = keys.narrow(users.using(home).filter(pk__in=batch))
        if audience is None:
            return 0
        if rows_are_constant(model, event) and is_local(audience, using):
            return insert_select(prototype(model, event, using), audience, using, fresh=fresh)
        if says_reasons(audience) and not event.reason:
            reasons = dict(audience.values_list("pk", REASON))
        batch = list(reasons or keys_of(audience))
    elif keys.named and home == using and rows_are_constant(model, event):
        row = prototype(model, event, using)
        if len(batch) == 1:
            created = insert_one(row, batch[0], using, fresh=fresh)
        else:
            created = insert_select(row, users.using(using).filter(pk__in=batch), using, fresh=fresh)
        if created < len(batch):
            refuse_missing(batch, users.using(using))
        return created
    elif keys.named:
        refuse_missing(batch, users.using(home))

    def save_new() -> int:
        rows = model._base_manager.using(using)
        existing: set[Any] = set()
        if not fresh:
            existing.update(
                rows.filter(event=event.uuid, recipient__in=batch).values_list("recipient", flat=True)
            )
        new = []
        # In order, so that two writers of the same event do not deadlock.
        for pk in sorted(batch):
            if pk not in existing:
                row = prototype(model, event, using)
                row.recipient_id = pk
                row.reason = reasons.get(pk, event.reason)
                new.append(row)
        # A row that cannot be written must not break the transaction of the caller, nor leave the other rows behind.
        with transaction.atomic(using):
            if rows_save_themselves(model, event):
                for row in new:
                    row.save(using=using, force_insert=True)
            else:
                rows.bulk_create(new)
        return len(new)

    return retry_alone(save_new, model, using)
