"""The levels of a subscription, and how strong each reason is."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifications.storage.reasons import REASON_STRENGTHS, Reason


class Level(models.TextChoices):
    """How much somebody wants to be notified about an object and what is inside it."""

    #: No choice of their own; they may still participate in the object.
    NONE = "", _("Participating")
    ALL = "all", _("All activity")
    #: About the object itself, and only when they participate in it or are named.
    PARTICIPATING = "participating", _("Participating and @mentions")
    MUTED = "muted", _("Muted")


#: The reasons of those who only watch. All others participate.
WATCHING_REASONS = (Reason.SUBSCRIBED, Reason.MANUAL)
PARTICIPATING_REASONS = tuple(reason for reason in Reason.values if reason not in WATCHING_REASONS)
#: The reasons for which the sender names somebody, who is notified also if they muted what contains the object.
DIRECT_REASONS = (Reason.MENTION, Reason.ASSIGN, Reason.REVIEW_REQUESTED, Reason.TEAM_MENTION)
#: Why somebody participates, for them to read.
WHY = {
    Reason.STATE_CHANGE.value: _("you changed its state"),
    Reason.INVITATION.value: _("you were invited"),
    Reason.COMMENT.value: _("you commented"),
    Reason.AUTHOR.value: _("you are the author"),
    Reason.TEAM_MENTION.value: _("your team was @mentioned"),
    Reason.MENTION.value: _("you were @mentioned"),
    Reason.REVIEW_REQUESTED.value: _("your review was requested"),
    Reason.ASSIGN.value: _("you were assigned"),
    Reason.SECURITY_ALERT.value: _("there is a security alert"),
}


def clean_reason(value: object) -> str:
    """Return the reason. Raise ValueError, naming those that are allowed, when it is none."""
    if value not in REASON_STRENGTHS:
        raise ValueError(f"reason must be one of {', '.join(REASON_STRENGTHS)}, got {value!r}.")
    return str(value)


def weaker_than(reason: str) -> list[str]:
    """Return the reasons that this one replaces, none at all among them."""
    return ["", *(other for other in REASON_STRENGTHS if REASON_STRENGTHS[other] < REASON_STRENGTHS[reason])]
