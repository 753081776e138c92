"""django-notifications-community."""

from __future__ import annotations

from candidates.inboxes import Inbox, urlpatterns

__all__ = ["Candidate", "urlpatterns"]


class Candidate(Inbox):
    """The package as it is."""
