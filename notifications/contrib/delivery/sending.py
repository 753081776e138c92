"""Send what is due: claim, ask again, send one message at a time, and note each at once."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import Any

from django.conf import settings
from django.db import DataError, Error as DatabaseError, router
from django.db.models import Q
from django.urls import get_urlconf, set_urlconf
from django.utils import timezone, translation

from notifications.contrib.delivery import circuits
from notifications.contrib.delivery.channels import (
    Channel,
    Down,
    Failed,
    Message,
    Outcome,
    Retry,
    Sent,
    make_channels,
)
from notifications.contrib.delivery.channels.base import judged
from notifications.contrib.delivery.choices import Frequency, Skip, Status
from notifications.contrib.delivery.claims import Claim, claim_digests, claim_instant
from notifications.contrib.delivery.clocks import stored, stored_after, stored_until, utc_now, zone_named
from notifications.contrib.delivery.links import base_url
from notifications.contrib.delivery.models import Delivery, Schedule, StoppedAddress, short_text, stopped_form
from notifications.contrib.delivery.recheck import Facts, gather
from notifications.objects.guard import error_text
from notifications.objects.isolation import fetch_isolated
from notifications.storage.locking import is_there_already, retry

logger = logging.getLogger("notifications")

#: The most deliveries, or digests, that a worker claims at once.
BATCH_SIZE = 100

#: For how many seconds what is known about a batch is believed. Then its leases are renewed as well.
MAX_AGE = 10.0

#: The pause after the first failed attempt, which doubles up to the eighth; then there is one an hour, for a day.
FIRST_PAUSE, FAST_TRIES, SLOW_PAUSE, MAX_TRIES = timedelta(seconds=7), 8, timedelta(hours=1), 31


#: The least and the most that a service can ask to wait.
MIN_PAUSE, MAX_PAUSE = timedelta(seconds=1), timedelta(days=1)

#: What the moments of digests are computed from.
CLOCK = ("time_zone", "digest_time", "digest_weekday")


@dataclass(slots=True)
class Tally:
    """What became of the deliveries that a worker claimed."""

    sent: int = 0
    skipped: int = 0
    moved: int = 0
    retried: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """Return how many deliveries there were."""
        return self.sent + self.skipped + self.moved + self.retried + self.failed


@dataclass(slots=True)
class Worker:
    """Sends what is due in one database, until a limit, a moment of ``time.monotonic`` or somebody stops it."""

    using: str
    limit: int | None = None
    deadline: float | None = None
    stopped: Callable[[], bool] = lambda: False
    digests: bool = True
    on_progress: Callable[[int], object] = lambda done: None
    tally: Tally = field(default_factory=Tally)

    def run(self) -> Tally:
        """Send until nothing is due any more."""
        if self.digests:
            self.move_schedules()
        busy = make_channels()
        while busy and not self.must_stop():
            for name, channel in list(busy.items()):
                if self.must_stop() or not self.send_some(channel):
                    del busy[name]
        return self.tally

    def must_stop(self) -> bool:
        """Return whether the worker is to stop before the next message."""
        return (
            self.stopped()
            or (self.limit is not None and self.tally.total >= self.limit)
            or (self.deadline is not None and time.monotonic() >= self.deadline)
        )

    def move_schedules(self) -> None:
        """Compute the moments of digests that have passed again: one statement for each zone and time of day.

        Schedules that code of the site made, without these moments, get them too.
        """
        now = utc_now()
        passed = Schedule.objects.using(self.using).filter(
            Q(next_daily_at__lte=stored(now)) | Q(next_daily_at=None)
        )
        for zone, at, weekday in clocks_of(passed, self.using):
            example = Schedule(time_zone=zone, digest_time=at, digest_weekday=weekday)
            try:
                example.settle(now)
            except Exception:
                logger.exception("A schedule cannot be followed: %s, %s, %s.", zone, at, weekday)
                continue
            alike = passed.filter(time_zone=zone, digest_time=at, digest_weekday=weekday)
            moments = {"next_daily_at": example.next_daily_at, "next_weekly_at": example.next_weekly_at}
            retry(partial(alike.update, **moments), self.using)

    def send_some(self, channel: Channel) -> bool:
        """Send a batch of a channel. Return whether there may be more."""
        now = utc_now()
        allowed = circuits.allowed(self.using, channel.name, now)
        size = BATCH_SIZE if allowed is None else allowed
        if self.limit is not None:
            size = min(size, self.limit - self.tally.total)
        if size < 1:
            return False
        claim = claim_instant(self.using, channel.name, now, size)
        if self.digests and not claim.deliveries:
            claim = claim_digests(self.using, channel.name, now, size)
        if not claim.deliveries:
            if allowed is not None:
                circuits.try_another(self.using, channel.name, now)
            return False
        batch = Batch(self, channel, claim, is_trial=allowed is not None)
        try:
            works = batch.send()
        except DatabaseError:
            # Also a connection that was lost: it says nothing about the channel.
            raise
        except Exception as error:
            # Code of the channel that is not about one message.
            logger.exception("The channel %s failed.", channel.name)
            works = batch.give_up(claim.deliveries, error_text(error))
        if works and batch.is_trial:
            # Nothing was to be sent, or the worker was stopped.
            circuits.try_another(self.using, channel.name, utc_now())
        self.on_progress(self.tally.total)
        return works

    def pause(self, channel: Channel, problem: str) -> None:
        """Leave a channel alone whose service does not work."""
        logger.error("The channel %s is paused: %s", channel.name, problem)
        circuits.trip(self.using, channel.name, problem, utc_now())


@dataclass(slots=True)
class Batch:
    """The deliveries that a worker claimed of a channel."""

    worker: Worker
    channel: Channel
    claim: Claim
    #: Whether the channel did not work before, and nothing was sent since.
    is_trial: bool
    facts: Facts = field(init=False)
    asked_at: float = field(init=False)

    def send(self) -> bool:
        """Send the messages one by one. Return whether the service of the channel works."""
        left = self.ask(self.claim.deliveries)
        if not left:
            return True
        try:
            if self.channel.has_links:
                base_url()
            self.channel.open()
        except Exception as error:  # noqa: BLE001 - whatever the service or its client raises
            return self.give_up(left, error_text(error))
        try:
            return self.send_each(left)
        finally:
            close(self.channel)

    def send_each(self, left: list[Delivery]) -> bool:
        """Send the messages of deliveries that are to be sent."""
        while left:
            if self.worker.must_stop():
                self.release(left)
                return True
            if time.monotonic() - self.asked_at > MAX_AGE:
                left = self.ask(self.claim.renew(left, utc_now()))
                continue
            part = first_part(left)
            left = left[len(part) :]
            outcome = self.attempt(part)
            if isinstance(outcome, Down):
                return self.give_up([*part, *left], outcome.problem)
            if self.is_trial:
                circuits.reset(self.claim.using, self.channel.name)
                self.is_trial = False
        return True

    def ask(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Return those of the deliveries that are to be sent now, and note what becomes of the others."""
        self.asked_at = time.monotonic()
        self.facts = gather(self.channel, deliveries, self.claim.using)
        now = utc_now()
        skipped: dict[Skip, list[Delivery]] = {}
        moved: dict[datetime, list[Delivery]] = {}
        left = []
        for delivery in deliveries:
            try:
                reason = self.facts.skip(delivery)
                later = self.facts.later(delivery, now) if reason is None else None
            except Exception as error:
                if isinstance(error, DatabaseError) and not isinstance(error, DataError):
                    raise
                # A row cannot be loaded, or code of the site fails for this notification or its recipient.
                logger.exception("The delivery %s of the channel %s failed.", delivery.pk, self.channel.name)
                self.note([delivery], Retry(error_text(error)))
                continue
            if reason is not None:
                skipped.setdefault(reason, []).append(delivery)
            elif later is not None:
                moved.setdefault(later, []).append(delivery)
            else:
                left.append(delivery)
        for reason, some in skipped.items():
            self.worker.tally.skipped += self.claim.note(some, status=Status.SKIPPED, problem=reason.value)
        for moment, some in moved.items():
            at = stored_until(moment)
            self.worker.tally.moved += self.claim.note(some, due_at=at, next_attempt_at=at)
        return left

    def release(self, deliveries: list[Delivery]) -> None:
        """Give deliveries back, as if they had not been claimed."""
        self.claim.note(deliveries, next_attempt_at=timezone.now())

    def give_up(self, deliveries: list[Delivery], problem: str) -> bool:
        """Pause the channel, and give the deliveries back. It costs them no attempt."""
        self.worker.pause(self.channel, problem)
        self.release(deliveries)
        return False

    def attempt(self, part: list[Delivery]) -> Outcome:
        """Send one message, and note at once what became of it."""
        user = self.facts.users[part[0].recipient_id]
        schedule = self.facts.schedule_of(user)
        try:
            message = self.message(part, user)
            with spoken_to(schedule):
                outcome = judged(self.channel, self.channel.send(message))
        except Exception as error:
            logger.exception("The channel %s failed to send the delivery %s.", self.channel.name, part[0].pk)
            outcome = Retry(error_text(error))
        if isinstance(outcome, Failed) and outcome.stop:
            stop_address(self.channel.name, message.address, outcome.problem, self.claim.using)
        self.note(part, outcome)
        return outcome

    def message(self, part: list[Delivery], user: Any) -> Message:
        """Return the message of deliveries to one recipient."""
        first = min(part, key=lambda delivery: delivery.pk)
        rows = sorted(
            (self.facts.notifications[delivery.notification_id] for delivery in part),
            key=lambda row: (row.timestamp, row.pk),
            reverse=True,
        )
        most = self.channel.max_notifications
        return Message(
            key=f"{first.pk}.{self.facts.notifications[first.notification_id].event.hex}",
            recipient=user,
            address=self.channel.address(user),
            notifications=rows[:most],
            more=max(len(rows) - most, 0),
            frequency=first.frequency,
        )

    def note(self, part: list[Delivery], outcome: Outcome) -> None:
        """Store what became of a message, where its deliveries are still ours."""
        tally, attempts = self.worker.tally, max(delivery.attempts for delivery in part) + 1
        if isinstance(outcome, Down):
            return
        if isinstance(outcome, Sent):
            tally.sent += self.claim.note(
                part,
                status=Status.SENT,
                sent_at=timezone.now(),
                reference=short_text(outcome.reference),
                problem="",
                attempts=attempts,
            )
            return
        problem = short_text(outcome.problem)
        if isinstance(outcome, Retry) and attempts < MAX_TRIES:
            pause = pause_after(attempts)
            if outcome.after is not None:
                pause = min(max(outcome.after, MIN_PAUSE), MAX_PAUSE)
            at = stored_after(utc_now(), pause)
            tally.retried += self.claim.note(part, next_attempt_at=at, attempts=attempts, problem=problem)
            return
        tally.failed += self.claim.note(part, status=Status.FAILED, attempts=attempts, problem=problem)


def clocks_of(schedules: Any, using: str) -> Collection[tuple[Any, ...]]:
    """Return the different time zones, times and days of schedules. One that cannot be loaded costs no other one."""
    try:
        return list(schedules.values_list(*CLOCK).distinct())
    except Exception:  # noqa: BLE001 - whatever it is, it is raised again unless it is about one row
        found, failed = fetch_isolated(
            lambda some: {
                key: clock for key, *clock in schedules.filter(pk__in=some).values_list("pk", *CLOCK)
            },
            schedules.values_list("pk", flat=True),
            using,
        )
        for key, error in failed.items():
            logger.error("The schedule %s cannot be loaded: %s", key, error_text(error))
        return set(map(tuple, found.values()))


def first_part(deliveries: list[Delivery]) -> list[Delivery]:
    """Return the deliveries of the first message: one, or all of a recipient in a digest."""
    first = deliveries[0]
    if first.frequency == Frequency.INSTANT:
        return [first]
    # A claim of digests has nothing else.
    return list(takewhile(lambda delivery: delivery.recipient_id == first.recipient_id, deliveries))


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts, by chance a fifth more or less."""
    pause = FIRST_PAUSE * 2 ** (attempts - 1) if attempts <= FAST_TRIES else SLOW_PAUSE
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def close(channel: Channel) -> None:
    """Close a channel. What it raises changes nothing any more."""
    try:
        channel.close()
    except Exception:
        logger.exception("The channel %s could not be closed.", channel.name)


@contextmanager
def spoken_to(schedule: Schedule) -> Iterator[None]:
    """Make the language and the time zone those of a recipient, and the URLs those of the site.

    A request that sends its messages itself may have other URLs, by its host.
    """
    urlconf = get_urlconf()
    with translation.override(language_of(schedule)), timezone.override(zone_named(schedule.time_zone)):
        set_urlconf(None)
        try:
            yield
        finally:
            set_urlconf(urlconf)


def stop_address(channel: str, address: object, reason: str, using: str) -> None:
    """Send nothing to an address any more."""
    stop = partial(
        StoppedAddress.objects.using(using).get_or_create,
        channel=channel,
        address=stopped_form(address),
        defaults={"reason": short_text(reason)},
    )
    retry(stop, using, also=is_there_already)


def language_of(schedule: Schedule) -> str:
    """Return the language of a schedule, or that of the site if it does not have it.

    It is one that a request can have: of "en-us", which a new project has and ``LANGUAGES`` has not, it is "en". Inside
    ``i18n_patterns``, no other is in a URL.
    """
    for code in (schedule.language, settings.LANGUAGE_CODE):
        with suppress(LookupError):
            return translation.get_supported_language_variant(code)
    return settings.LANGUAGE_CODE


def deliver(using: str | None = None, **options: Any) -> Tally:
    """Send what is due. ``options`` are those of :class:`Worker`."""
    return Worker(using or router.db_for_write(Delivery), **options).run()
