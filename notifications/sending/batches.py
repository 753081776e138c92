"""Write rows in batches: for users given one by one, or not readable by the database of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, TypeAlias, TypeVar

from django.contrib.auth import get_user_model
from django.db import IntegrityError, models, router

from notifications.events import Event
from notifications.extensions import REASON, says_reasons, writing_extensions
from notifications.sending.audience import BATCH_SIZE, Audience, KeysOf, Users, refuse_missing
from notifications.sending.prototype import prototype, rows_are_constant, rows_save_themselves
from notifications.sending.statement import insert_one, insert_select, is_over_event
from notifications.sending.written import let_extensions_write
from notifications.storage.locking import retry, writing
from notifications.storage.notification import AbstractNotification
from notifications.storage.row_verbs import call_save

N = TypeVar("N", bound=AbstractNotification)

#: Called with the number of processed users and the total, or None if it is not known.
Progress: TypeAlias = Callable[[int, "int | None"], object]


class Run:
    """The progress of writing the rows of an event."""

    def __init__(self, on_progress: Progress | None) -> None:
        #: The number of rows written.
        self.created = 0
        self._on_progress = on_progress
        self._reported = -1

    @property
    def is_watched(self) -> bool:
        """Return whether the caller passed ``on_progress``."""
        return self._on_progress is not None

    def report(self, done: int, total: int | None) -> None:
        """Call ``on_progress``, unless a retried run has not yet passed what the previous attempt reported."""
        if self._on_progress is not None and done > self._reported:
            self._reported = done
            self._on_progress(done, total)


def write_batches(
    model: type[N], event: Event, audience: Audience, using: str, *, whole: bool, run: Run
) -> Sequence[Any]:
    """Write the rows of users given one by one, or not readable by the database of the rows.

    Return the primary keys if they fit into one batch. If ``whole``, either all rows are written or none; otherwise the
    same applies to each batch.
    """
    #: The reasons of the users in batches that were read and are not written yet.
    reasons: dict[Any, str] = {}
    if isinstance(audience, Users):
        keys = audience
    elif says_reasons(audience) and not event.reason:
        keys = Users(KeysWithReasons(audience, reasons), named=False)
    else:
        keys = Users(KeysOf(audience), named=False)
    if keys.total is not None and keys.total > BATCH_SIZE and event.key is not None:
        # Several statements in one transaction keep the order that each of them keeps.
        keys = replace(keys, keys=sorted(keys.keys))

    def write_all() -> Sequence[Any]:
        run.created = done = 0
        reasons.clear()
        batches = keys.batches()
        first = next(batches, [])
        second = next(batches, [])
        # One user is one statement, which needs no transaction; nor does a batch whose keys are checked beforehand.
        several = second or (len(first) > 1 and keys.narrow is None) or writing_extensions(event)
        with writing(using) if whole and several else nullcontext():
            for batch in chain([first] if first else [], [second] if second else [], batches):
                one = Batch(
                    batch, keys, fresh=event.key is None and batch is first, before=0 if whole else done
                )
                if whole:
                    run.created += write_batch(model, event, one, using, reasons)
                else:
                    run.created += write_alone(partial(write_part, model, event, one, using, reasons), using)
                for pk in batch:
                    reasons.pop(pk, None)
                done += len(batch)
                run.report(done, keys.total)
            if whole and run.created:
                let_extensions_write(model, event, using, {}, fresh=event.key is None)
        return () if second else first

    # Committed batches are not written again, and an iterator cannot be read again.
    return retry(write_all, using) if whole and keys.can_be_read_again() else write_all()


def write_alone(write_rows: Callable[[], int], using: str) -> int:
    """Write a batch in one transaction, and retry it after a conflict with another transaction."""

    def write_whole() -> int:
        with writing(using):
            return write_rows()

    return retry(write_whole, using)


def write_part(model: type[N], event: Event, batch: Batch, using: str, reasons: Mapping[Any, str]) -> int:
    """Write the rows of a batch, and what extensions write for them."""
    created = write_batch(model, event, batch, using, reasons)
    if created:
        # An extension may have added other users to the batch.
        among = {"recipient__in": batch.pks} if batch.of.narrow is None else {}
        let_extensions_write(model, event, using, among, fresh=event.key is None and bool(among))
    return created


class KeysWithReasons:
    """The primary keys of the audience; the reason of each is in ``reasons`` when it is yielded."""

    def __init__(self, audience: models.QuerySet[Any], reasons: dict[Any, str]) -> None:
        self.audience = audience
        self.reasons = reasons

    def __iter__(self) -> Iterator[Any]:
        for pk, reason in self.audience.values_list("pk", REASON).iterator(chunk_size=BATCH_SIZE):
            self.reasons[pk] = reason or ""
            yield pk


@dataclass(frozen=True, slots=True)
class Batch:
    """Users whose rows are written together."""

    pks: list[Any]
    #: The users that contain this batch.
    of: Users
    _: KW_ONLY
    #: Whether no row of the event can exist yet.
    fresh: bool
    #: The number of users whose rows are already committed.
    before: int


def write_batch(model: type[N], event: Event, batch: Batch, using: str, reasons: Mapping[Any, str]) -> int:
    """Write the rows of a batch. Raise ValueError if its users were passed as recipients and one does not exist."""
    pks, keys, fresh = batch.pks, batch.of, batch.fresh
    users = get_user_model()._base_manager
    # Not a replica, which may not know yet who has just signed up.
    home = router.db_for_write(users.model)
    if keys.narrow is not None:
        if keys.named:
            refuse_missing(pks, users.using(home), before=batch.before)
        audience = keys.narrow(users.using(home).filter(pk__in=pks))
        if audience is None:
            return 0
        if rows_are_constant(model, event) and audience.db == using:
            return insert_select(prototype(model, event, using), audience, using, fresh=fresh)
        if says_reasons(audience) and not event.reason:
            reasons = dict(audience.values_list("pk", REASON))
        pks = list(reasons or KeysOf(audience))
    elif keys.named and home == using and rows_are_constant(model, event):
        row = prototype(model, event, using)
        if len(pks) == 1:
            created = insert_one(row, pks[0], using, fresh=fresh)
        else:
            created = insert_select(row, users.using(using).filter(pk__in=pks), using, fresh=fresh)
        if created < len(pks):
            refuse_missing(pks, users.using(using), before=batch.before)
        return created
    elif keys.named:
        refuse_missing(pks, users.using(home), before=batch.before)
    return save_rows(model, event, pks, using, fresh=fresh, reasons=reasons)


def save_rows(
    model: type[N], event: Event, pks: list[Any], using: str, *, fresh: bool, reasons: Mapping[Any, str]
) -> int:
    """Write the missing rows of these users from Python, each by ``save()`` if it is customised."""

    def save_new(save: Callable[[list[N], str], int]) -> int:
        existing = set() if fresh else existing_recipients(model, event, pks, using)
        new = []
        # In order, so that two writers of the same event do not deadlock.
        for pk in sorted(pks):
            if pk not in existing:
                row = prototype(model, event, using)
                row.recipient_id = pk
                row.reason = reasons.get(pk, event.reason)
                new.append(row)
        # A row that cannot be written must not break the transaction of the caller, nor leave the other rows behind.
        with writing(using):
            return save(new, using)

    save = save_each if rows_save_themselves(model, event) else save_at_once
    try:
        return retry(partial(save_new, save), using)
    except IntegrityError as error:
        if fresh or not is_over_event(error, model):
            raise
    # Another process has written a row of the same event meanwhile, which an older transaction may never see.
    return retry(partial(save_new, save_where_there_is_none), using)


def existing_recipients(
    model: type[AbstractNotification], event: Event, pks: list[Any], using: str
) -> set[Any]:
    """Return the primary keys of these users who have a row of the event."""
    rows: Any = model._base_manager.using(using)
    return set(rows.filter(event=event.uuid, recipient__in=pks).values_list("recipient", flat=True))


def save_each(rows: list[N], using: str) -> int:
    """Save each row with ``save()``. Return their number."""
    for row in rows:
        call_save(row, using, force_insert=True)
    return len(rows)


def save_at_once(rows: list[N], using: str) -> int:
    """Write the rows in one statement. Return their number."""
    if rows:
        # Not our queryset, which looks at the state of each row: these are new. Their counts are cleared at the end.
        plain: Any = models.QuerySet(type(rows[0]), using=using)
        plain.bulk_create(rows)
    return len(rows)


def save_where_there_is_none(rows: list[N], using: str) -> int:
    """Save each row whose recipient still has none of its event. Return the number of saved rows."""
    created = 0
    for row in rows:
        try:
            with writing(using):
                call_save(row, using, force_insert=True)
        except IntegrityError as error:
            if not is_over_event(error, type(row)):
                raise
        else:
            created += 1
    return created
