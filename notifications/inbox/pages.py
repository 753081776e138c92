"""The pages of the inbox: one for each tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.utils import timezone
from django.views.generic import ListView

from notifications.conf import get_notification_model, settings
from notifications.inbox import pagination, search, tabs
from notifications.inbox.actions import ACTIONS
from notifications.inbox.flash import get_flash
from notifications.inbox.requests import own_url
from notifications.inbox.tabs import TABS, rows_of
from notifications.storage.notification import AbstractNotification, Rows

if TYPE_CHECKING:
    Base = ListView[AbstractNotification]
else:
    Base = ListView


class NotificationViewList(LoginRequiredMixin, Base):
    """A page of somebody's own notifications, in the order of its tab."""

    template_name = "notifications/list.html"
    context_object_name = "notifications"
    tab = TABS["inbox"]

    def get_queryset(self) -> Rows:
        """Return what the tab shows of the user's notifications, narrowed by the search in the url."""
        self.search = search.parse(
            self.request.GET.get("q", ""), get_notification_model(), viewer=self.request.user
        )
        return self.tab.rows(rows_of(self.request), self.search).with_objects()

    def get_paginate_by(self, queryset: Any) -> int:
        """Return how many rows a page has."""
        return settings.PAGE_SIZE

    def paginate_queryset(self, queryset: Any, page_size: int) -> tuple[Any, Any, Any, bool]:
        """Return the page that ``before``, ``after`` or ``page`` names, without counting the rows.

        The rows carry the counts of all tabs.
        """
        search_of_page = getattr(self, "search", None)
        # A queryset of a site's own may have rows that have no place in the order of the tab.
        key, descending = self.tab.order(search_of_page) if search_of_page else ("timestamp", True)
        page = pagination.get_page(
            tabs.with_counts(queryset, self.request.user),
            page_size,
            self.request.GET,
            key=key,
            descending=descending,
        )
        return page.paginator, page, page.object_list, page.has_other_pages()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what the inbox needs beside the rows."""
        # Before the rows are read: what comes after this moment has not been seen here.
        moment = timezone.now()
        context = super().get_context_data(**kwargs)
        counts = tabs.counts_of(context["notifications"], self.request.user)
        search_of_page: search.Search = getattr(self, "search", search.Search())
        return {
            **context,
            "tab": self.tab,
            "page_size": settings.PAGE_SIZE,
            "tabs": [(tab, own_url(self.request, tab.url_name), counts[tab.name]) for tab in TABS.values()],
            "counts": counts,
            "actions": [ACTIONS[name] for name in self.tab.actions],
            "search": search_of_page,
            "up_to": moment.isoformat(),
            "flash": get_flash(self.request),
        }


class AllNotificationsList(NotificationViewList):
    """The inbox of the user: what is neither done nor snoozed."""


class UnreadNotificationsList(NotificationViewList):
    """The unread notifications of the user."""

    tab = TABS["unread"]


class SavedNotificationsList(NotificationViewList):
    """What the user keeps."""

    tab = TABS["saved"]


class SnoozedNotificationsList(NotificationViewList):
    """What is out of sight until a moment to come, the soonest first."""

    tab = TABS["snoozed"]


class DoneNotificationsList(NotificationViewList):
    """What the user is done with."""

    tab = TABS["done"]
