"""The reasons why a user is notified: GitHub's values for the column ``reason``, and their labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """Why a user is notified, the weakest reason first."""

    SUBSCRIBED = "subscribed", _("watching")
    MANUAL = "manual", _("subscribed")
    STATE_CHANGE = "state_change", _("state change")
    INVITATION = "invitation", _("invitation")
    COMMENT = "comment", _("comment")
    AUTHOR = "author", _("author")
    TEAM_MENTION = "team_mention", _("team mention")
    MENTION = "mention", _("mention")
    REVIEW_REQUESTED = "review_requested", _("review requested")
    ASSIGN = "assign", _("assigned")
    SECURITY_ALERT = "security_alert", _("security alert")


#: The labels of the reasons, and their strengths.
LABELS: dict[str, Any] = dict(Reason.choices)
REASON_STRENGTHS = {reason: strength for strength, reason in enumerate(Reason.values, start=1)}


def reason_label(reason: str) -> str:
    """Return the label of a reason; a reason of the site itself is returned unchanged."""
    return str(LABELS.get(reason, reason))


def strongest(reasons: Iterable[str]) -> str:
    """Return the strongest of these reasons; one of the site itself is weaker than ours, and the first of them wins."""
    return max(reasons, key=lambda reason: REASON_STRENGTHS.get(reason, 0 if reason else -1), default="")
