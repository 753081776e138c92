"""The JSON API of the inbox: its pages, and the counts and lists of the older packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.text import capfirst
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from notifications.conf import get_notification_model, settings
from notifications.inbox import search, tabs, thread_pages, threads
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
from notifications.inbox.requests import rows_of
from notifications.inbox.rows import level_of, marks_of
from notifications.inbox.tabs import TABS
from notifications.objects.keys import attach_objects
from notifications.objects.labels import labels_of
from notifications.presentation import sentences
from notifications.presentation.serialize import entry, without_excluded
from notifications.presentation.threads import thread_of
from notifications.storage.notification import AbstractNotification, Rows
from notifications.storage.owners import user_pk
from notifications.storage.reasons import reason_label
from notifications.storage.states import newest_first, oldest_first, states_of

#: The most threads whose rows a client may ask for at once.
MAX_OPEN_THREADS = 20


def count_of(request: HttpRequest, name: str, *, with_list: bool) -> HttpResponse:
    """Return the count, and optionally the list, of the ``all`` or ``unread`` rows; zeros for anonymous users.

    An unchanged poll that sends back its ETag is a 304 after one query.
    """
    if not request.user.is_authenticated:
        return JsonResponse({f"{name}_count": 0, **({f"{name}_list": []} if with_list else {})})
    rows = LISTS[name](rows_of(request))
    number = get_num_to_fetch(request) if with_list else 0
    found, count = newest(rows, number)
    marking, etag = marks_as_read(request), fingerprint(found, count, user_pk(request.user), number)
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
    with_threads = request.GET.get("threads") == "1" and threads.is_on(request)
    if not request.user.is_authenticated:
        nothing = dict.fromkeys((*TABS, "unseen"), 0)
        empty: dict[str, Any] = {"threads": [], "items": []} if with_threads else {"items": []}
        return JsonResponse({"counts": nothing, **empty, "before": None, "after": None, "error": None})
    tab = tabs.tab_of(request.GET)
    asked = search.parse(request.GET.get("q", ""), get_notification_model(), viewer=request.user)
    number = get_page_size(request)
    cursors = {name: request.GET[name] for name in ("before", "after", "page") if name in request.GET}
    rows = tab.rows(rows_of(request), asked)
    one = request.GET.get("thread", "")
    if one:
        rows = threads.of_key(rows, one)
    key, descending = tab.order(asked)
    order: dict[str, Any] = {"key": key, "descending": descending}
    filtered = tab if request.GET.get("filters") == "1" else None
    page = thread_pages.page_of(
        request, rows, number, cursors, **order, with_threads=with_threads, tab=filtered
    )
    found = list(page.object_list)
    carrier = tabs.carrier_of(found, request, filtered)
    counts = tabs.counts_on(carrier, request)
    filters: dict[str, str] = {}
    if filtered:
        filters = tabs.filters_on(carrier)
        filters |= {query: count for query, (_, count) in tabs.containers_in(request, filtered).items()}
    opened = rows_of_open_threads(request, rows, found, **order) if with_threads else {}
    seconds = [thread.second for row in found if (thread := thread_of(row)) and thread.second]
    shown = [*found, *seconds, *(row for some in opened.values() for row in some)]
    attach_objects(shown)
    etag = fingerprint(
        shown,
        0,
        user_pk(request.user),
        tab.name,
        request.GET.get("q"),
        number,
        cursors,
        page.after,
        page.before,
        counts,
        filters,
        # A row returns from snooze by itself, which no count shows beyond the cap.
        [(labels_of(row), states_of(row)) for row in shown],
        [repr(thread_of(row)) for row in found] if with_threads else one,
    )
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        unchanged.headers["ETag"] = etag
        return unchanged
    answer = {
        "counts": counts,
        **({"filters": filters} if filtered else {}),
        **(entries_of_threads(found, opened, key, request) if with_threads else {}),
        "items": [entry_of_row(row, key, request) for row in found],
        "before": page.before or None,
        "after": page.after or None,
        "error": asked.error or asked.limit or None,
    }
    others = {row.pk: row for some in opened.values() for row in some if row not in found}
    answer["items"] += [entry_of_row(row, key, request) for row in others.values()]
    answer |= thread_pages.results_of(
        page, found, tab.name, asked.text or one, is_whole=not page.has_other_pages()
    )
    return JsonResponse(answer, headers={"ETag": etag})


def entry_of_row(row: AbstractNotification, key: str, request: HttpRequest) -> dict[str, Any]:
    """Return the JSON of a row in a list that is ordered by the column ``key``."""
    shown = {
        **entry(row, request),
        "day": tabs.day_of(row, key),
        "level_name": level_of(row),
        "reason_name": capfirst(reason_label(row.reason)),
        "marks": marks_of(row),
    }
    return without_excluded(shown)


def rows_of_open_threads(
    request: HttpRequest, rows: Rows, found: Sequence[Any], *, key: str, descending: bool
) -> dict[str, list[Any]]:
    """Return the first rows of the threads that the client names as ``open``, by the key of the thread."""
    asked = set(request.GET.get("open", "").split(","))
    order = (newest_first if descending else oldest_first)(key)
    opened: dict[str, list[Any]] = {}
    for row in found:
        thread = thread_of(row)
        # The client may name threads that have left the page.
        if thread and thread.key in asked and len(opened) < MAX_OPEN_THREADS:
            some = threads.of_key(rows, thread.key).order_by(*order)
            opened[thread.key] = list(some[: settings.PAGE_SIZE])
    return opened


def entries_of_threads(
    found: Sequence[Any], opened: Mapping[str, Sequence[Any]], key: str, request: HttpRequest
) -> dict[str, Any]:
    """Return the JSON of the threads of a page. ``rows`` are the slugs of those of their rows that are in ``items``."""
    shown = []
    for row in found:
        thread = thread_of(row)
        one = {"row": row.slug, "rows": [row.slug]}
        if thread:
            unread = ["unread" if thread.unread else "read"]
            states = [state for state in states_of(row) if state not in {"unread", "read"}]
            one |= {
                "key": thread.key,
                "id": thread.value,
                "count": thread.count,
                "unread": thread.unread,
                "is_exact": thread.is_exact,
                "more": thread.more,
                "new": thread.new,
                "rows": [each.slug for each in opened.get(thread.key, [row])],
            }
            # What a notification has as well.
            one |= without_excluded(
                {
                    "text": sentences.text(row),
                    "reason": thread.reason,
                    "reason_name": capfirst(reason_label(thread.reason)),
                    "states": [*unread, *states],
                }
            )
        shown.append(one)
    return {"threads": shown}


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
