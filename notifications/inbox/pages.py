"""The pages of the inbox: one for each tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import ListView

from notifications.conf import get_notification_model, settings
from notifications.inbox import pagination, search, tabs, thread_pages, threads
from notifications.inbox.actions import ACTIONS
from notifications.inbox.flash import get_flash
from notifications.inbox.requests import own_url, rows_of
from notifications.inbox.tabs import TABS
from notifications.objects.narrowing import is_part
from notifications.storage.notification import AbstractNotification, Rows

#: The value of ``paginate_by`` that means the setting ``PAGE_SIZE``.
PAGE_SIZE = object()

if TYPE_CHECKING:
    Base = ListView[AbstractNotification]
else:
    Base = ListView


@method_decorator(never_cache, name="dispatch")
class NotificationViewList(LoginRequiredMixin, Base):
    """A page of the user's notifications, in the order of its tab."""

    template_name = "notifications/list.html"
    context_object_name = "notifications"
    #: By default the setting ``PAGE_SIZE``, which is read on each request.
    paginate_by: Any = PAGE_SIZE
    tab = TABS["inbox"]
    #: The rows of the tab, unless a subclass has not asked for them.
    rows_of_tab: Rows | None = None

    def get_queryset(self) -> Rows:
        """Return the user's notifications in this tab, filtered by the search in the URL."""
        self.search = search.parse(
            self.request.GET.get("q", ""), get_notification_model(), viewer=self.request.user
        )
        rows = self.tab.rows(rows_of(self.request), self.search).with_objects()
        if thread := self.request.GET.get("thread", ""):
            rows = threads.of_key(rows, thread)
        self.rows_of_tab = rows
        ordering = self.get_ordering()
        if not ordering:
            return rows
        return rows.order_by(*([ordering] if isinstance(ordering, str) else ordering))

    def get_paginate_by(self, queryset: Any) -> int | None:
        """Return the number of rows per page, or None for all rows on one page."""
        size: int | None = settings.PAGE_SIZE if self.paginate_by is PAGE_SIZE else self.paginate_by
        return size

    def is_in_our_order(self, rows: Any) -> bool:
        """Return whether the rows are in the order of the tab: the view does not override it."""
        # Empty where it is the order of the model.
        orders = ((), () if self.rows_of_tab is None else self.rows_of_tab.query.order_by)
        return (
            isinstance(rows, QuerySet)
            and not (rows.query.is_sliced or rows.query.combinator)
            and not (rows.query.distinct_fields or self.get_ordering())
            and rows.query.standard_ordering
            and not rows.query.extra_order_by
            and rows.query.order_by in orders
            and rows.model is get_notification_model()
            and (self.page_kwarg, self.paginator_class) == (Base.page_kwarg, Base.paginator_class)
            and not self.get_paginate_orphans()
        )

    def paginate_queryset(self, queryset: Any, page_size: int) -> tuple[Any, Any, Any, bool]:
        """Return the page given by ``before``, ``after`` or ``page``, without counting the rows.

        The rows have the counts of all tabs as annotations. If a subclass overrides the order, or returns a slice, a
        union or a list, return a page of Django's paginator.
        """
        if not self.is_in_our_order(queryset):
            return super().paginate_queryset(queryset, page_size)
        # A custom queryset may have rows where the column of the tab is null.
        is_of_tab = self.rows_of_tab is not None and is_part(queryset, self.rows_of_tab)
        key, descending = self.tab.order(self.search) if is_of_tab else ("timestamp", True)
        page = thread_pages.page_of(
            self.request,
            queryset,
            page_size,
            self.request.GET,
            key=key,
            descending=descending,
            with_threads=threads.is_on(self.request),
            tab=self.tab,
        )
        return page.paginator, page, page.object_list, page.has_other_pages()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the other variables of the inbox."""
        context = super().get_context_data(**kwargs)
        rows = context["object_list"]
        carrier = tabs.carrier_of(rows, self.request, self.tab)
        counts = tabs.counts_on(carrier, self.request)
        search_of_page: search.Search = getattr(self, "search", search.Search())
        page = context["page_obj"]
        is_ours = isinstance(page, pagination.Page) or (page is None and self.is_in_our_order(rows))
        is_whole = is_ours and not (page and page.has_other_pages())
        thread = self.request.GET.get("thread", "")
        asked = search_of_page.text or thread
        return {
            "notifications": rows,
            **context,
            "tab": self.tab,
            "page_size": self.get_paginate_by(rows) or len(rows),
            "tabs": [(tab, own_url(self.request, tab.url_name), counts[tab.name]) for tab in TABS.values()],
            "counts": counts,
            "actions": [ACTIONS[name] for name in self.tab.actions],
            "search": search_of_page,
            "filter_counts": tabs.filters_on(carrier),
            "containers": tabs.containers_in(self.request, self.tab),
            "saved_searches": tabs.searches_on(carrier, self.request),
            **thread_pages.results_of(page, rows, self.tab.name, asked, is_whole=is_whole),
            "threads": isinstance(page, thread_pages.ThreadPage),
            "thread": thread,
            "page_query": threads.page_query(self.request),
            "flash": get_flash(self.request),
        }


class AllNotificationsList(NotificationViewList):
    """The inbox of the user: notifications that are neither done nor snoozed."""


class UnreadNotificationsList(NotificationViewList):
    """The unread notifications of the user."""

    tab = TABS["unread"]


class SavedNotificationsList(NotificationViewList):
    """The saved notifications of the user."""

    tab = TABS["saved"]


class SnoozedNotificationsList(NotificationViewList):
    """The snoozed notifications of the user, ordered by the time of their return."""

    tab = TABS["snoozed"]


class DoneNotificationsList(NotificationViewList):
    """The notifications that the user marked as done."""

    tab = TABS["done"]
