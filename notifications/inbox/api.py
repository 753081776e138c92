"""The JSON API of the inbox: its pages, and the counts and lists of the older packages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.text import capfirst
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from notifications.conf import get_notification_model
from notifications.inbox import pagination, search, tabs
from notifications.inbox.identity import for_user_of_page
from notifications.inbox.lists import (
    LISTS,
    fingerprint,
    get_num_to_fetch,
    get_page_size,
    marks_as_read,
    newest,
    show,
)
from notifications.inbox.matching import matching_of_page
from notifications.inbox.requests import rows_of
from notifications.inbox.tabs import TABS
from notifications.objects.keys import attach_objects
from notifications.objects.labels import labels_of
from notifications.presentation.serialize import entry
from notifications.storage.reasons import reason_label


def count_of(request: HttpRequest, name: str, *, with_list: bool) -> HttpResponse:
    """Return the count, and optionally the list, of the ``all`` or ``unread`` rows; zeros for anonymous users.

    An unchanged poll that sends back its ETag is a 304 after one query.
    """
    if not request.user.is_authenticated:
        return JsonResponse({f"{name}_count": 0, **({f"{name}_list": []} if with_list else {})})
    rows = LISTS[name](rows_of(request))
    number = get_num_to_fetch(request) if with_list else 0
    found, count = newest(rows, number)
    marking, etag = marks_as_read(request), fingerprint(found, count, request.user.pk, number)
    if not marking and request.method != "POST":
        unchanged = get_conditional_response(request, etag=etag)
        if unchanged is not None:
            unchanged.headers["ETag"] = etag
            return unchanged
    items = {f"{name}_list": show(found, request)} if with_list else {}
    if marking:
        # What was shown is read now.
        return JsonResponse({f"{name}_count": rows.count(), **items})
    return JsonResponse({f"{name}_count": count, **items}, headers={"ETag": etag})


@never_cache
@for_user_of_page
@require_safe
def api_inbox(request: HttpRequest) -> HttpResponse:
    """Return the counts of all tabs and a page of one of them; zeros for anonymous users.

    An unchanged poll that sends back its ETag is a 304 after one query, or two where nothing is listed, and one more
    for each model of the objects, which may have been renamed or deleted.
    """
    if not request.user.is_authenticated:
        nothing = dict.fromkeys((*TABS, "unseen"), 0)
        return JsonResponse({"counts": nothing, "items": [], "before": None, "after": None, "error": None})
    tab = TABS.get(request.GET.get("tab", ""), TABS["inbox"])
    asked = search.parse(request.GET.get("q", ""), get_notification_model(), viewer=request.user)
    number = get_page_size(request)
    cursors = {name: request.GET[name] for name in ("before", "after", "page") if name in request.GET}
    rows = tabs.with_counts(tab.rows(rows_of(request), asked), request)
    key, descending = tab.order(asked)
    page = pagination.get_page(rows, number, cursors, key=key, descending=descending)
    found = list(page.object_list)
    counts = tabs.counts_of(found, request)
    attach_objects(found)
    etag = fingerprint(
        found,
        0,
        request.user.pk,
        tab.name,
        request.GET.get("q"),
        number,
        cursors,
        page.after,
        page.before,
        counts,
        [labels_of(row) for row in found],
    )
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        unchanged.headers["ETag"] = etag
        return unchanged
    is_whole = not page.has_other_pages()
    answer = {
        "counts": counts,
        "items": [
            {
                **entry(notification, request),
                "day": tabs.day_of(notification, key),
                "level_name": capfirst(notification.get_level_display()),
                "reason_name": capfirst(reason_label(notification.reason)),
            }
            for notification in found
        ],
        "before": page.before or None,
        "after": page.after or None,
        "total": len(found) if is_whole else None,
        **matching_of_page(found, tab.name, asked.text, is_whole=is_whole, newest=tabs.newest_of(found)),
        "error": asked.error or asked.limit or None,
    }
    return JsonResponse(answer, headers={"ETag": etag})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def live_unread_notification_count(request: HttpRequest) -> HttpResponse:
    """Return the number of unread notifications."""
    return count_of(request, "unread", with_list=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def live_unread_notification_list(request: HttpRequest) -> HttpResponse:
    """Return the latest unread notifications and the total number of unread notifications."""
    return count_of(request, "unread", with_list=True)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def live_all_notification_count(request: HttpRequest) -> HttpResponse:
    """Return the number of notifications."""
    return count_of(request, "all", with_list=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def live_all_notification_list(request: HttpRequest) -> HttpResponse:
    """Return the latest notifications and the total number of notifications."""
    return count_of(request, "all", with_list=True)
