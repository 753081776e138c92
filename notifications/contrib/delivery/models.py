"""The ledger of deliveries, what users prefer, and what is known about addresses and channels."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy as _

from notifications.conf import MODEL_SETTING
from notifications.contrib.delivery.choices import Frequency, Skip, Status
from notifications.contrib.delivery.clocks import (
    DIGEST_TIME,
    DIGEST_WEEKDAY,
    loaded,
    next_at,
    quiet_until,
    stored_until,
    utc_now,
    zone_named,
)
from notifications.objects.labels import name_of
from notifications.objects.text import UNPRINTABLE
from notifications.storage.fields import ExactTextField, without_labels_in_migrations
from notifications.storage.indexes import StateIndex

#: The longest name of a channel, and the longest problem or reference that is stored.
MAX_CHANNEL, MAX_TEXT = 32, 255
#: The longest scope of a preference: "type:" and a verb.
MAX_SCOPE = 260


def short_text(text: str) -> str:
    """Return the beginning of a text of a service, without what a database refuses."""
    return UNPRINTABLE.sub("\ufffd", text)[:MAX_TEXT]


def stopped_form(address: object) -> str:
    """Return an address, as a channel or a service has it, in the form in which a stopped one is stored."""
    return short_text(str(address).strip().lower())


@without_labels_in_migrations
class Delivery(models.Model):
    """One notification on one channel: when it is due, and what became of it. It may outlive the notification."""

    notification = models.ForeignKey(
        getattr(settings, MODEL_SETTING, "notifications.Notification"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("notification"),
    )
    # Without a constraint, which costs a third of writing the row. Deleting a user deletes their deliveries.
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="notification_deliveries",
        verbose_name=_("recipient"),
    )
    channel = ExactTextField(_("channel"), max_length=MAX_CHANNEL)
    frequency = models.CharField(_("frequency"), max_length=8, choices=Frequency)
    status = models.CharField(_("status"), max_length=9, choices=Status, default=Status.PENDING)
    #: When it is to be sent.
    due_at = models.DateTimeField(_("due at"))
    #: When a worker may claim it: later than it is due while a worker sends it, and after a failed attempt.
    next_attempt_at = models.DateTimeField(_("next attempt at"))
    #: The claim of the worker that sends it. A worker that is late does not find its token any more.
    token = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    #: What the service that took it calls it.
    reference = models.CharField(_("reference"), max_length=MAX_TEXT, blank=True)
    #: Why it was skipped, or what went wrong.
    problem = models.CharField(_("problem"), max_length=MAX_TEXT, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            # Which deliveries of a channel and a frequency are due, the longest due first?
            StateIndex(
                fields=["status", "channel", "frequency", "next_attempt_at"],
                where=Q(status=Status.PENDING.value),
                name="ntf_dlv_due",
            ),
            # What is to be sent to this recipient, and what was? Without the status, so that noting it is cheap.
            models.Index(fields=["recipient", "channel"], name="ntf_dlv_recipient"),
        ]
        constraints = [
            # What became of this notification on this channel?
            models.UniqueConstraint(fields=["notification", "channel"], name="ntf_dlv_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.status_text}"

    @property
    def status_text(self) -> str:
        """Return the status for users, with the reason if it was skipped."""
        label = str(self.get_status_display())
        if self.status == Status.SKIPPED and self.problem in Skip.values:
            return gettext("%(status)s: %(reason)s") % {"status": label, "reason": Skip(self.problem).label}
        return label


@without_labels_in_migrations
class Preference(models.Model):
    """A frequency that a user chose for a type, a category or everything, on a channel."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notification_preferences",
        verbose_name=_("user"),
        # The constraint leads with it.
        db_index=False,
    )
    #: Empty for everything: see ``preferences.scopes_of``.
    scope = ExactTextField(_("scope"), max_length=MAX_SCOPE, blank=True)
    channel = ExactTextField(_("channel"), max_length=MAX_CHANNEL)
    frequency = models.CharField(_("frequency"), max_length=8, choices=Frequency)

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints = [
            # What did this user choose?
            models.UniqueConstraint(fields=["user", "scope", "channel"], name="ntf_dlv_preference"),
        ]

    def __str__(self) -> str:
        return f"{name_of(self.user)}: {self.scope or '*'}, {self.channel}: {self.get_frequency_display()}"


@without_labels_in_migrations
class Schedule(models.Model):
    """When a user wants to receive deliveries."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notification_schedule",
        verbose_name=_("user"),
    )
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    language = models.CharField(_("language"), max_length=35, blank=True)
    digest_time = models.TimeField(_("time of digests"), default=DIGEST_TIME)
    digest_weekday = models.PositiveSmallIntegerField(_("day of weekly digests"), default=DIGEST_WEEKDAY)
    #: ``{"0": ["22:00", "07:00"]}``: see ``clocks.quiet_until``.
    quiet = models.JSONField(_("quiet hours"), default=dict, blank=True)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    # The moments of the next digests, which the ledger joins. A worker moves them when they have passed.
    next_daily_at = models.DateTimeField(null=True, editable=False)
    next_weekly_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        indexes = [
            # Whose moment of the next digest has passed?
            models.Index(fields=["next_daily_at"], name="ntf_dlv_next_daily"),
        ]

    def __str__(self) -> str:
        return f"{name_of(self.user)}: {self.time_zone or settings.TIME_ZONE}, {self.digest_time:%H:%M}"

    def settle(self, now: datetime | None = None) -> None:
        """Compute the moments of the next digests, without saving them."""
        moment, zone = now or utc_now(), zone_named(self.time_zone)
        self.next_daily_at = stored_until(next_at(moment, zone, self.digest_time))
        self.next_weekly_at = stored_until(next_at(moment, zone, self.digest_time, self.digest_weekday))

    def silent_until(self, now: datetime) -> datetime | None:
        """Return until when nothing is to be sent, because of a pause or quiet hours; None if it may be sent now."""
        paused = None if self.paused_until is None else loaded(self.paused_until)
        begin = max(now, paused) if paused else now
        quiet = quiet_until(begin, zone_named(self.time_zone), self.quiet)
        return quiet or (begin if begin > now else None)


@without_labels_in_migrations
class StoppedAddress(models.Model):
    """An address to which a channel sends nothing any more, because it does not exist or its owner complained."""

    channel = ExactTextField(_("channel"), max_length=MAX_CHANNEL)
    #: In lower case.
    address = ExactTextField(_("address"), max_length=MAX_TEXT)
    reason = models.CharField(_("reason"), max_length=MAX_TEXT, blank=True)
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("stopped address")
        verbose_name_plural = _("stopped addresses")
        constraints = [
            # Is this address stopped?
            models.UniqueConstraint(fields=["channel", "address"], name="ntf_dlv_stopped"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.address}"


@without_labels_in_migrations
class Circuit(models.Model):
    """A channel whose service does not work: until when all workers leave it alone."""

    channel = ExactTextField(_("channel"), max_length=MAX_CHANNEL, primary_key=True)
    failures = models.PositiveIntegerField(_("failures"), default=0)
    open_until = models.DateTimeField(_("paused until"))
    problem = models.CharField(_("problem"), max_length=MAX_TEXT, blank=True)

    class Meta:
        verbose_name = _("paused channel")
        verbose_name_plural = _("paused channels")

    def __str__(self) -> str:
        return f"{self.channel}: {self.problem}"
