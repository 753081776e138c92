"""The views that change one, several or all matching notifications, and that undo the change."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from notifications.conf import settings
from notifications.inbox import undo as undoing
from notifications.inbox.actions import ACTIONS, Action
from notifications.inbox.flash import NOTHING_CHOSEN, UNDO, Flash, get_flash, set_flash
from notifications.inbox.identity import for_user_of_page
from notifications.inbox.requests import form_data, next_url, own_url, refuse, wants_json
from notifications.inbox.selection import Selection, key_of
from notifications.inbox.snooze import SnoozeError, choices, snooze_until
from notifications.inbox.tabs import rows_of
from notifications.storage import counts

#: The fields that the next form repeats: the selected rows, and the URL to redirect to.
REPEATED_FIELDS = ("one", "all", "id", "shown", "scope", "tab", "q", "up_to")


@never_cache
@for_user_of_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest) -> HttpResponse:
    """Perform an action on POST and redirect to ``next``, where a message offers to undo it. On GET, ask first.

    A client that prefers JSON gets the message and the counts.
    """
    data = form_data(request)
    selection = Selection.from_form(data)
    if selection is None:
        return refuse(request, gettext("Unknown action."))
    if request.method != "POST":
        return ask(request, selection.action.name, selection.action.title)
    until = None
    if selection.action.name == "snooze":
        text = data.get("until", "")
        try:
            until = snooze_until(text)
        except SnoozeError as error:
            if wants_json(request):
                return refuse(request, str(error))
            return ask_until(request, data, str(error) if text else "")
    rows = selection.rows(request, data.get("up_to", ""))
    change = undoing.do(request.user, rows, selection.action, until=until, command=data.get("command", ""))
    nothing_chosen = not selection.tab and not selection.slugs
    name = NOTHING_CHOSEN if nothing_chosen else selection.action.name
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
    change = undoing.undo(request.user, data.get("undo", ""))
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
@login_required
@require_safe
def token(request: HttpRequest) -> HttpResponse:
    """Return a CSRF token for a page whose token is no longer valid, because the user has logged in again."""
    return JsonResponse({"token": get_token(request)})


# The views of the older packages, one for each action


@for_user_of_page
@login_required
def mark_all_as_read(request: HttpRequest) -> HttpResponse:
    """Mark all notifications of the user as read."""
    return act_by_url(
        request, "mark_all_as_read", ACTIONS["read"], gettext("Mark all your notifications as read?")
    )


@for_user_of_page
@login_required
def mark_as_read(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Mark one notification of the user as read."""
    return act_by_url(
        request, "mark_as_read", ACTIONS["read"], gettext("Mark this notification as read?"), slug
    )


@for_user_of_page
@login_required
def mark_as_unread(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Mark one notification of the user as unread."""
    question = gettext("Mark this notification as unread?")
    return act_by_url(request, "mark_as_unread", ACTIONS["unread"], question, slug)


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
    rows = rows_of(request).visible()
    if slug is not None:
        rows = rows.filter(pk=key_of(str(slug), rows.model, rows.db))
    if request.method == "POST" or settings.ACTIONS_ON_GET:
        changed = action.write(rows, None)
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
                "unread_count": counts.unread_count(request.user),
                "unseen_count": counts.unseen_count(request.user),
            }
        )
    if not flash.changed and flash.action in ACTIONS:
        # Nothing happened, so the last action can still be undone.
        last = get_flash(request)
        flash = last if last is not None and last.token else flash
    response = HttpResponseRedirect(next_url(request) or own_url(request, "all"))
    set_flash(response, request, flash)
    return response


def ask(
    request: HttpRequest,
    action: str,
    button: Any,
    question: str = "",
    *,
    leads_to: str = "all",
    notification: Any = None,
) -> HttpResponse:
    """Show a confirmation page. Its form posts to the requested URL."""
    context = {
        "notification": notification,
        "action": action,
        "question": question or gettext("%(action)s?") % {"action": button},
        "button": button,
        "next": next_url(request),
        "cancel_url": next_url(request) or own_url(request, leads_to),
    }
    return render(request, "notifications/confirm.html", context)


def ask_until(request: HttpRequest, data: QueryDict, problem: str) -> HttpResponse:
    """Show a page that asks for the snooze time, with the error message for the last value."""
    context = {
        "choices": choices(),
        "problem": problem,
        "until": data.get("until", ""),
        "repeated": [(name, value) for name in REPEATED_FIELDS for value in data.getlist(name)],
        "next": next_url(request),
        "cancel_url": next_url(request) or own_url(request, "all"),
    }
    return render(request, "notifications/snooze.html", context, status=400 if problem else 200)
