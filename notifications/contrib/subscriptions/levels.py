"""Levels, and how strong each reason is."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifications.reasons import Reason


class Level(models.TextChoices):
    """What somebody wants to hear of an object and of what is inside it."""

    #: No wish of their own; they may still take part in the object.
    NONE = "", _("only takes part")
    ALL = "all", _("all")
    #: Of the object itself, and only when they take part in it or are named.
    PARTICIPATING = "participating", _("participating")
    MUTED = "muted", _("muted")


#: How strong each reason is, from 1.
STRENGTH = {reason: number for number, reason in enumerate(Reason.values, start=1)}
#: The reasons of those who only want to hear. All others take part.
LISTENING = (Reason.SUBSCRIBED, Reason.MANUAL)
TAKING_PART = tuple(reason for reason in Reason.values if reason not in LISTENING)
#: The reasons by which the sender calls somebody by name, who is told also if they muted what contains the thing.
CALLING = (Reason.MENTION, Reason.ASSIGN, Reason.REVIEW_REQUESTED, Reason.TEAM_MENTION)


def clean_reason(value: object) -> str:
    """Return the reason. Raise ValueError, naming those that are allowed, when it is none."""
    if value not in STRENGTH:
        raise ValueError(f"reason must be one of {', '.join(STRENGTH)}, got {value!r}.")
    return str(value)


def weaker_than(reason: str) -> list[str]:
    """Return the reasons that this one replaces, none at all among them."""
    return ["", *(other for other in STRENGTH if STRENGTH[other] < STRENGTH[reason])]


def strongest(reasons: Iterable[str]) -> str:
    """Return the strongest of the reasons."""
    return max(reasons, key=lambda reason: STRENGTH.get(reason, 0), default="")
