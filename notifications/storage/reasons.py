"""Why somebody is notified, in GitHub's words: those of the column ``reason``, and how people read them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """Why somebody is notified, the weakest reason first."""

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


def reason_label(reason: str) -> str:
    """Return a reason as people read it; a word that is a site's own as it is."""
    return str(Reason(reason).label) if reason in Reason.values else reason
