"""The pages of the inbox: one for each tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.utils import timezone
from django.views.generic import ListView

from notifications.conf import get_notification_model, settings
from notifications.inbox import pagination, search, tabs
from notifications.inbox.actions import ACTIONS
from notifications.inbox.flash import get_flash
from notifications.inbox.requests import own_url
from notifications.inbox.tabs import TABS, rows_of
from notifications.storage.notification import AbstractNotification, Rows

#: Stands for the setting in ``paginate_by``.
PAGE_SIZE = object()

if TYPE_CHECKING:
    Base = ListView[AbstractNotification]
else:
    Base = ListView


class NotificationViewList(LoginRequiredMixin, Base):
    """A page of somebody's own notifications, in the order of its tab."""

    template_name = "notifications/list.html"
    context_object_name = "notifications"
    #: Unless a subclass says otherwise, the setting ``PAGE_SIZE``, which is read at each request.
    paginate_by: Any = PAGE_SIZE
    tab = TABS["inbox"]

    def get_queryset(self) -> Rows:
        """Return what the tab shows of the user's notifications, narrowed by the search in the url."""
        self.search = search.parse(
            self.request.GET.get("q", ""), get_notification_model(), viewer=self.request.user
        )
        rows = self.tab.rows(rows_of(self.request), self.search).with_objects()
        ordering = self.get_ordering()
        if not ordering:
            return rows
        return rows.order_by(*([ordering] if isinstance(ordering, str) else ordering))

    def get_paginate_by(self, queryset: Any) -> int | None:
        """Return how many rows a page has, or None for all on one."""
        size: int | None = settings.PAGE_SIZE if self.paginate_by is PAGE_SIZE else self.paginate_by
        return size

    def is_in_our_order(self, rows: Any) -> bool:
        """Return whether nothing was overridden that says which rows come after which."""
        return (
            isinstance(rows, QuerySet)
            and not (rows.query.is_sliced or rows.query.combinator or rows.query.order_by)
            and not (rows.query.distinct_fields or self.get_ordering())
            and rows.model is get_notification_model()
            and (self.page_kwarg, self.paginator_class) == (Base.page_kwarg, Base.paginator_class)
        )

    def paginate_queryset(self, queryset: Any, page_size: int) -> tuple[Any, Any, Any, bool]:
        """Return the page that ``before``, ``after`` or ``page`` names, without counting the rows.

        The rows carry the counts of all tabs. Where a subclass has an order of its own, a slice, a union or a list,
        it is Django's page.
        """
        if not self.is_in_our_order(queryset):
            return super().paginate_queryset(queryset, page_size)
        page = pagination.get_page(
            tabs.with_counts(queryset, self.request.user),
            page_size,
            self.request.GET,
            key=self.tab.key,
            descending=self.tab.descending,
        )
        return page.paginator, page, page.object_list, page.has_other_pages()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what the inbox needs beside the rows."""
        # Before the rows are read: what comes after this moment has not been seen here.
        moment = timezone.now()
        context = super().get_context_data(**kwargs)
        rows = context["object_list"]
        counts = tabs.counts_of(rows, self.request.user)
        search_of_page: search.Search = getattr(self, "search", search.Search())
        return {
            "notifications": rows,
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
