"""What users can choose: a scope and a frequency; and what can become of a delivery."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _, pgettext_lazy

from notifications.types import NotificationType, Other


class Frequency(models.TextChoices):
    """How often a user wants the notifications of a type on a channel."""

    OFF = "off", pgettext_lazy("notifications", "Off")
    INSTANT = "instant", pgettext_lazy("notifications", "Immediately")
    HOURLY = "hourly", pgettext_lazy("notifications", "Hourly")
    DAILY = "daily", pgettext_lazy("notifications", "Daily")
    WEEKLY = "weekly", pgettext_lazy("notifications", "Weekly")


def frequency_label(frequency: str) -> str:
    """Return the name of a frequency for users; the word itself if there is no such frequency."""
    return str(dict(Frequency.choices).get(frequency, frequency))


#: The frequencies whose deliveries are sent together.
DIGESTS = (Frequency.HOURLY, Frequency.DAILY, Frequency.WEEKLY)


class Status(models.TextChoices):
    """What became of a delivery. One that a worker is sending is pending, and has a token."""

    PENDING = "pending", _("pending")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    BOUNCED = "bounced", _("bounced")
    FAILED = "failed", _("failed")
    SKIPPED = "skipped", _("skipped")


class Skip(models.TextChoices):
    """Why a delivery was skipped. It is stored as its problem."""

    READ = "read", _("it was read before")
    DONE = "done", _("it was marked as done before")
    DELETED = "deleted", _("it was deleted before")
    MUTED = "muted", _("it is muted")
    PREFERENCE = "preference", _("it is turned off in the settings")
    UNREACHABLE = "unreachable", _("there is no address to which it can be sent")
    HIDDEN = "hidden", _("its objects may not be seen any more")
    INACTIVE = "inactive", _("the account is not active")


# What a preference can be about: a type, a category, or everything.

#: The scope of a choice for everything.
EVERYTHING = ""


def type_scope(kind: type[NotificationType]) -> str:
    """Return the scope of choices for a type."""
    return "other" if kind is Other else f"type:{kind.verb}"


def category_scope(kind: type[NotificationType]) -> str:
    """Return the scope of choices for the category of a type."""
    return f"category:{kind.category}"


def scopes_of(kind: type[NotificationType]) -> tuple[str, str, str]:
    """Return the scopes of a type, the nearest first."""
    return type_scope(kind), category_scope(kind), EVERYTHING
