"""The page of subscriptions, what its buttons and those of the inbox do, and "Why am I getting this?"."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from notifications.contrib.subscriptions.buttons import ACTIONS, get_subscription, named_object
from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.explanations import event_of, explain
from notifications.contrib.subscriptions.levels import DIRECT_REASONS
from notifications.contrib.subscriptions.models import Subscription
from notifications.inbox import pagination
from notifications.inbox.flash import NOTHING_CHOSEN, Flash, get_flash, set_flash
from notifications.inbox.identity import for_user_of_page
from notifications.inbox.requests import next_url, own_url, refuse, wants_json
from notifications.inbox.selection import key_of
from notifications.inbox.tabs import rows_of
from notifications.models import AbstractNotification
from notifications.objects.keys import attach_objects
from notifications.objects.links import page_of
from notifications.storage.reasons import reason_label


@never_cache
@login_required
@require_safe
def subscriptions(request: HttpRequest) -> HttpResponse:
    """Show the subscriptions of the user, the latest first; as JSON to a client that prefers that."""
    user: Any = request.user
    page = pagination.get_page(
        user.notification_subscriptions.all(), settings.PAGE_SIZE, request.GET, key="created"
    )
    rows = list(page.object_list)
    attach_objects(rows)
    if wants_json(request):
        items = [item(row) for row in rows]
        return JsonResponse({"items": items, "before": page.before or None, "after": page.after or None})
    context = {
        "subscriptions": [(row, link(row)) for row in rows],
        "page_obj": page,
        "flash": get_flash(request),
    }
    return render(request, "notifications_subscriptions/list.html", context)


@never_cache
@login_required
@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Do what a button of ``{% watch_button %}`` says with its object."""
    obj = named_object(request.user, request.POST.get("object", ""))
    return do(request, request.POST.get("action", ""), obj)


@never_cache
@for_user_of_page
@login_required
@require_POST
def change_from_notification(request: HttpRequest) -> HttpResponse:
    """Do what a button of a notification in the inbox says with the object that the notification is about."""
    name, _, slug = request.POST.get("row", "").partition(":")
    notification = notification_of(request, slug)
    # Not with "or", because the object may be falsy.
    target = notification.target
    return do(request, name, notification.action_object if target is None else target)


def do(request: HttpRequest, name: str, obj: Any) -> HttpResponse:
    """Do it and redirect to ``next``, which confirms it; a client that prefers JSON gets the subscription."""
    if name not in ACTIONS or obj is None:
        return refuse(request, gettext("Unknown action."))
    ACTIONS[name](request.user, obj)
    if wants_json(request):
        found = get_subscription(request.user, obj)
        message = Flash(f"subscriptions_{name}", 1).message
        return JsonResponse({"subscription": None if found is None else item(found), "message": message})
    return redirect_and_say(request, f"subscriptions_{name}")


@never_cache
@login_required
@require_POST
def unsubscribe(request: HttpRequest) -> HttpResponse:
    """Delete the selected subscriptions of the user, all at once."""
    user: Any = request.user
    keys = [
        int(text)
        for text in request.POST.getlist("id")
        if text.isascii() and text.isdigit() and len(text) < 19
    ]
    count, _ = user.notification_subscriptions.filter(pk__in=keys).delete()
    if wants_json(request):
        return JsonResponse({"changed": count})
    return redirect_and_say(request, "subscriptions_unwatch" if count else NOTHING_CHOSEN)


@never_cache
@login_required
@require_safe
def why(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Say why the user got one of their notifications, and which rule decides about it today."""
    notification = notification_of(request, str(slug))
    event = event_of(notification)
    # With such a reason, or with none, the sender named the recipient.
    named = [request.user] if notification.reason in (*DIRECT_REASONS, "") else None
    found = None if event is None else explain(request.user, event, recipient=named)
    if wants_json(request):
        rule, text = ("", "") if found is None else (found.rule, found.text)
        return JsonResponse({"reason": notification.reason, "rule": rule, "text": text})
    context = {
        "notification": notification,
        "reason": reason_label(notification.reason),
        "explanation": found,
        "back": next_url(request) or own_url(request, "all"),
    }
    return render(request, "notifications_subscriptions/why.html", context)


def notification_of(request: HttpRequest, slug: str) -> AbstractNotification:
    """Return the notification of the user behind a slug, with its objects. Raise Http404 where there is none."""
    rows = rows_of(request).visible()
    found = rows.filter(pk=key_of(slug, rows.model, rows.db)).with_objects().first()
    if found is None:
        raise Http404
    return found


def redirect_and_say(request: HttpRequest, what: str) -> HttpResponse:
    """Redirect to the next page, which says what was done."""
    response = HttpResponseRedirect(next_url(request) or reverse("notifications_subscriptions:list"))
    set_flash(response, request, Flash(what, 1))
    return response


def item(row: Subscription) -> dict[str, Any]:
    """Return what JSON shows of a subscription."""
    return {
        "id": row.pk,
        "object": row.label(),
        "url": link(row) or None,
        "level": row.level_now,
        "reason": row.reason,
        "until": row.mute_ends,
        "created": row.created,
    }


def link(row: Subscription) -> str:
    """Return the page of the object, or an empty text where it has none."""
    return "" if row.object is None else page_of(row.object)
