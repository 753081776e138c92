"""The views that change one, several or all matching notifications, and that undo the change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db import router
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from notifications.conf import settings
from notifications.inbox import saved_searches as saving, search, undo as undoing
from notifications.inbox.actions import ACTIONS, Action, write_as_before
from notifications.inbox.flash import (
    CHANGED,
    NOTHING_CHOSEN,
    TOO_MANY_SEARCHES,
    UNDO,
    Flash,
    get_flash,
    set_flash,
)
from notifications.inbox.identity import for_user_of_page
from notifications.inbox.matching import Matching, MatchingChanged
from notifications.inbox.requests import (
    form_data,
    next_url,
    own_url,
    posted_by_user,
    refuse,
    rows_of,
    wants_json,
)
from notifications.inbox.selection import Selection, key_of
from notifications.inbox.snooze import SnoozeError, choices, snooze_panel, snooze_until
from notifications.inbox.tabs import tab_of
from notifications.inbox.threads import PREFIX
from notifications.storage import counts

#: The fields that the next form repeats: the selected rows, and the URL to redirect to.
REPEATED_FIELDS = (
    "one", "all", "action", "id", "shown", "scope", "tab", "q", "thread", "until", "matching", "matching_unread",
)  # fmt: skip


@never_cache
@for_user_of_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest) -> HttpResponse:
    """Perform an action on POST and redirect to ``next``, where a message offers to undo it. On GET, ask first.

    All results are changed only if the form says which rows they are; otherwise the page, or the JSON, says how many
    there are and asks. No link selects all results: it leads to their page. A client that prefers JSON gets the message
    and the counts, and on GET the number of all results, or what to choose from for ``snooze``.
    """
    # A link must not add to what a form says.
    data = request.POST if request.method == "POST" else request.GET
    selection = Selection.from_form(data)
    if selection is None:
        if not data and request.method != "POST":
            # Somebody pressed Enter in the address bar after a page that asked.
            return HttpResponseRedirect(own_url(request, "all"))
        return refuse(request, gettext("Unknown action."))
    is_get = request.method != "POST"
    if is_get and selection.action.name == "snooze" and wants_json(request):
        return JsonResponse(snooze_panel())
    if is_get and selection.tab is None:
        return ask_about(request, data, selection)
    if is_get and not wants_json(request):
        return show_results(request, selection)
    found = selection.find(request)
    if found.limit and selection.tab:
        return refuse(request, found.limit)
    if is_get:
        return JsonResponse(counted(selection, selection.matching_now(request, found)))
    until = None
    if selection.action.name == "snooze":
        text = data.get("until", "")
        try:
            until = snooze_until(text)
        except SnoozeError as error:
            if wants_json(request):
                return refuse(request, str(error))
            return ask_until(request, data, selection, found, str(error) if text else "")
    if selection.tab and not selection.is_confirmed:
        return ask_about_all(request, data, selection, found)
    rows = selection.rows(request, found)
    try:
        change = undoing.do(
            request.user,
            rows,
            selection.action,
            until=until,
            matching=selection.matching,
            command=data.get("command", ""),
            at_most=selection.most_rows(rows.db),
        )
    except MatchingChanged:
        if selection.tab is None:
            return say_changed(request)
        return ask_about_all(request, data, selection, found)
    name = NOTHING_CHOSEN if selection.is_empty else selection.action.name
    return answer(request, Flash(name, change.changed, change.token or ""))


@never_cache
@for_user_of_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest) -> HttpResponse:
    """Undo the user's last action, which the token identifies, on POST. On GET, ask first."""
    data = form_data(request)
    if request.method != "POST":
        return ask(request, "undo", gettext("Undo"))
    change = undoing.undo(request.user, data.get("undo", ""), rows_of(request))
    return answer(request, Flash(UNDO, change.changed))


@never_cache
@for_user_of_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def seen(request: HttpRequest) -> HttpResponse:
    """Mark all notifications of the user as seen on POST. On GET, ask first."""
    if request.method != "POST":
        return ask(request, "seen", gettext("Mark all as seen"))
    counts.mark_seen(request.user)
    return HttpResponse(status=204)


@never_cache
@for_user_of_page
@posted_by_user
def saved_searches(request: HttpRequest) -> HttpResponse:
    """Save, remove or move up the search ``name``, as ``do`` says, and redirect to ``next``."""
    do, name = request.POST.get("do", ""), request.POST.get("name", "")
    if do == "save":
        try:
            saving.save(request.user, name, request.POST.get("q", ""))
        except saving.TooManySearches:
            return back(request, Flash(TOO_MANY_SEARCHES))
    elif do == "remove":
        saving.remove(request.user, name)
    elif do == "up":
        saving.move_up(request.user, name)
    return back(request)


@never_cache
@for_user_of_page
@login_required
@require_safe
def token(request: HttpRequest) -> HttpResponse:
    """Return a CSRF token for a page whose token is no longer valid, because the user has logged in again."""
    return JsonResponse({"token": get_token(request)})


# The views of the older packages, one for each action


@never_cache
@for_user_of_page
@login_required
def mark_all_as_read(request: HttpRequest) -> HttpResponse:
    """Mark all notifications of the user as read."""
    return act_by_url(
        request, "mark_all_as_read", ACTIONS["read"], gettext("Mark all your notifications as read?")
    )


@never_cache
@for_user_of_page
@login_required
def mark_as_read(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Mark one notification of the user as read."""
    return act_by_url(
        request, "mark_as_read", ACTIONS["read"], gettext("Mark this notification as read?"), slug
    )


@never_cache
@for_user_of_page
@login_required
def mark_as_unread(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Mark one notification of the user as unread."""
    question = gettext("Mark this notification as unread?")
    return act_by_url(request, "mark_as_unread", ACTIONS["unread"], question, slug)


@never_cache
@for_user_of_page
@login_required
def delete(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Delete one notification of the user, or mark it as deleted with SOFT_DELETE."""
    return act_by_url(request, "delete", ACTIONS["delete"], gettext("Delete this notification?"), slug)


@require_http_methods(["GET", "HEAD", "POST"])
def act_by_url(
    request: HttpRequest, name: str, action: Action, question: str, slug: int | str | None = None
) -> HttpResponse:
    """Perform an action on POST and redirect to ``next``. On GET, ask first, unless ``ACTIONS_ON_GET`` is on."""
    leads_to = "all" if action.name == "delete" else "unread"
    rows, is_one = rows_of(request).visible(), False
    if str(slug).startswith(PREFIX):
        # All rows of a thread: who opens it has read them.
        data = form_data(request)
        rows = Selection(action, [str(slug)], query=data.get("q", ""), place=tab_of(data)).rows(request)
    elif slug is not None:
        rows, is_one = rows.filter(pk=key_of(str(slug), rows.model, rows.db)), True
    # A stream has shown it, perhaps, which a replica that lags does not know.
    rows = rows.using(router.db_for_write(rows.model))
    if request.method == "POST" or settings.ACTIONS_ON_GET:
        changed = write_as_before(rows, action) if is_one else action.write(rows, None)
        if not changed and slug is not None and not rows.exists():
            raise Http404
        if wants_json(request):
            return answer(request, Flash(action.name, changed))
        return HttpResponseRedirect(next_url(request) or own_url(request, leads_to))
    if slug is None:
        return ask(request, name, gettext("Mark all as read"), question, leads_to=leads_to)
    notification = rows.with_objects().first()
    if notification is None:
        raise Http404
    return ask(request, name, action.title, question, leads_to=leads_to, notification=notification)


# Helpers of the views


def answer(request: HttpRequest, flash: Flash) -> HttpResponse:
    """Return the message of an action: as JSON with the counts, or on the page that follows."""
    if wants_json(request):
        return JsonResponse(
            {
                "changed": flash.changed,
                "message": flash.message,
                "undo": flash.token or None,
                "unread_count": counts.unread_count(request.user, request),
                "unseen_count": counts.unseen_count(request.user, request),
            }
        )
    if not flash.changed and flash.action in ACTIONS:
        # Nothing happened, so the last action can still be undone.
        last = get_flash(request)
        flash = last if last is not None and last.token else flash
    return back(request, flash)


def back(request: HttpRequest, flash: Flash | None = None) -> HttpResponse:
    """Redirect to ``next``, or to the inbox, which shows the message."""
    response = HttpResponseRedirect(next_url(request) or own_url(request, "all"))
    if flash is not None:
        set_flash(response, request, flash)
    return response


def say_changed(request: HttpRequest) -> HttpResponse:
    """Return that other rows are there than the page has shown, as JSON or as the message on the next page."""
    if wants_json(request):
        return JsonResponse({"error": Flash(CHANGED).message}, status=409)
    return back(request, Flash(CHANGED))


def show_results(request: HttpRequest, selection: Selection) -> HttpResponse:
    """Redirect to the page with all results that a link names, where nothing is selected."""
    url = own_url(request, selection.tab.url_name if selection.tab else "all")
    query = urlencode({"q": selection.query}) if selection.query else ""
    return HttpResponseRedirect(f"{url}?{query}" if query else url)


def ask_about(request: HttpRequest, data: QueryDict, selection: Selection) -> HttpResponse:
    """Ask whether to perform an action on rows that are named one by one."""
    rows = selection.rows(request).with_objects()[:2]
    only = rows[0] if len(rows) == 1 else None
    count = len(rows) if len(rows) < 2 else selection.rows(request).count()
    return ask(
        request,
        selection.action.name,
        selection.action.title,
        notification=only,
        count=count,
        form=own_url(request, "act"),
        repeated=repeated(data),
    )


def ask_about_all(
    request: HttpRequest, data: QueryDict, selection: Selection, found: search.Search
) -> HttpResponse:
    """Ask whether to perform an action on all results, with their number as it is now."""
    matching = selection.matching_now(request, found)
    if not matching.count:
        return answer(request, Flash(selection.action.name))
    name, problem = selection.matching_field, ""
    if selection.is_confirmed:
        problem = Flash(CHANGED).message
    if wants_json(request):
        content = {"error": problem or selected_text(matching.count)}
        return JsonResponse({**content, **counted(selection, matching)}, status=409)
    return ask(
        request,
        selection.action.name,
        selection.action.title,
        problem=problem,
        count=matching.count,
        form=own_url(request, "act"),
        repeated=[*repeated(data, name), (name, matching.dumps())],
    )


def counted(selection: Selection, matching: Matching) -> dict[str, Any]:
    """Return the number of all results, and the field by which the next form of the client names them."""
    return {"count": matching.count, selection.matching_field: matching.dumps()}


def selected_text(count: int) -> str:
    """Return how many rows are selected, in the current language."""
    words = ngettext("%(count)s notification is selected.", "%(count)s notifications are selected.", count)
    return words % {"count": number_format(count, use_l10n=True, force_grouping=True)}


def repeated(data: QueryDict, *without: str) -> list[tuple[str, str]]:
    """Return the fields of a form that the next form repeats."""
    names = [name for name in REPEATED_FIELDS if name not in without]
    return [(name, value) for name in names for value in data.getlist(name)]


def ask(
    request: HttpRequest,
    action: str,
    button: Any,
    question: str = "",
    *,
    leads_to: str = "all",
    notification: Any = None,
    problem: str = "",
    count: int | None = None,
    form: str = "",
    repeated: Sequence[tuple[str, str]] = (),
) -> HttpResponse:
    """Show a confirmation page. Its form posts to ``form``, by default the requested URL.

    ``count`` is how many rows are selected, ``repeated`` the fields of the form.
    """
    is_final = action == "delete" and not settings.SOFT_DELETE
    context = {
        "notification": notification,
        "problem": problem,
        "selected": "" if count is None or notification else selected_text(count),
        "is_final": is_final or (count or 0) > undoing.MAX_UNDO_ROWS,
        "form": form,
        "repeated": repeated,
        "action": action,
        "question": question or gettext("%(action)s?") % {"action": button},
        "button": button,
        "next": next_url(request),
        "cancel_url": next_url(request) or own_url(request, leads_to),
    }
    return render(request, "notifications/confirm.html", context)


def ask_until(
    request: HttpRequest, data: QueryDict, selection: Selection, found: search.Search, problem: str
) -> HttpResponse:
    """Show a page that asks for the snooze time, with the error message for the last value."""
    fields, selected = repeated(data, "until", selection.matching_field), ""
    if selection.tab:
        matching = selection.matching_now(request, found)
        selected = selected_text(matching.count or 0)
        fields.append((selection.matching_field, matching.dumps()))
    context = {
        "choices": choices(),
        "problem": problem,
        "until": data.get("until", ""),
        "selected": selected,
        "repeated": fields,
        "next": next_url(request),
        "cancel_url": next_url(request) or own_url(request, "all"),
    }
    return render(request, "notifications/snooze.html", context, status=400 if problem else 200)
