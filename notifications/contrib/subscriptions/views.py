"""The page of subscriptions, what its buttons and those of the inbox do, and "Why am I getting this?"."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import router
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from notifications.contrib.subscriptions.buttons import (
    ACTIONS,
    ACTIONS_ON_ROWS,
    change_rows,
    get_subscription,
    named_object,
)
from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.containment import subject_of_notification
from notifications.contrib.subscriptions.explanations import event_of, explain
from notifications.contrib.subscriptions.levels import DIRECT_REASONS, Level
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.search import named, with_level
from notifications.contrib.subscriptions.templatetags.subscriptions import watch_button
from notifications.extensions import explained
from notifications.inbox import pagination
from notifications.inbox.flash import Flash, get_flash, set_flash
from notifications.inbox.identity import for_user_of_page
from notifications.inbox.requests import (
    inbox_url,
    next_url,
    own_url,
    posted_by_user,
    refuse,
    rows_of,
    wants_json,
)
from notifications.inbox.selection import key_of
from notifications.models import AbstractNotification
from notifications.objects.keys import attach_objects
from notifications.objects.links import page_of
from notifications.storage.reasons import reason_label

#: The rules of an explanation by which a user is notified.
NOTIFYING_RULES = ("named", "actor", "watching", "participating_in")


@never_cache
@login_required
@require_safe
def subscriptions(request: HttpRequest) -> HttpResponse:
    """Show the subscriptions of the user, the latest first; as JSON to a client that prefers that.

    ``?q=`` searches the names of their objects, and ``?level=`` is "all", "participating" or "muted".
    """
    user: Any = request.user
    text, level = request.GET.get("q", "").strip(), request.GET.get("level", "")
    found = named(with_level(user.notification_subscriptions.all(), level), text)
    page = pagination.get_page(found, settings.PAGE_SIZE, request.GET, key="created")
    rows = list(page.object_list)
    attach_objects(rows)
    if wants_json(request):
        items = [item(row) for row in rows]
        return JsonResponse({"items": items, "before": page.before or None, "after": page.after or None})
    context = {
        "subscriptions": [(row, link(row)) for row in rows],
        "page_obj": page,
        "flash": get_flash(request),
        "query": text,
        "level": level,
        "levels": [(value, label) for value, label in Level.choices if value],
        "search": urlencode({"q": text, "level": level}) if text or level else "",
    }
    return render(request, "notifications_subscriptions/list.html", context)


@never_cache
@posted_by_user
def change(request: HttpRequest) -> HttpResponse:
    """Do what a button of ``{% watch_button %}`` says with its object."""
    obj = named_object(request.user, request.POST.get("object", ""))
    return do(request, request.POST.get("action", ""), obj)


@never_cache
@for_user_of_page
@posted_by_user
def change_from_notification(request: HttpRequest) -> HttpResponse:
    """Do what a button of a notification in the inbox says with the object that the notification is about."""
    name, _, slug = request.POST.get("row", "").partition(":")
    return do(request, name, subject_of_notification(notification_of(request, slug)))


def do(request: HttpRequest, name: str, obj: Any) -> HttpResponse:
    """Do it and redirect to ``next``, which confirms it; a client that prefers JSON gets the subscription."""
    if name not in ACTIONS:
        return refuse(request, gettext("Unknown action."))
    if obj is None:
        return refuse(request, gettext("This object is not available."))
    ACTIONS[name](request.user, obj)
    if wants_json(request):
        found = get_subscription(request.user, obj)
        message = Flash(f"subscriptions_{name}").message
        return JsonResponse({"subscription": None if found is None else item(found), "message": message})
    return redirect_and_say(request, f"subscriptions_{name}")


@never_cache
@posted_by_user
def change_selected(request: HttpRequest) -> HttpResponse:
    """Do it with the selected subscriptions of the user, or with the one whose button was pressed, all at once."""
    user: Any = request.user
    name, keys = request.POST.get("action", ""), request.POST.getlist("id")
    if "one" in request.POST:
        name, _, key = request.POST["one"].partition(":")
        keys = [key]
    if name not in ACTIONS_ON_ROWS:
        return refuse(request, gettext("Unknown action."))
    numbers = [int(text) for text in keys if text.isascii() and text.isdigit() and len(text) < 19]
    count = change_rows(name, user.notification_subscriptions.filter(pk__in=numbers)) if numbers else 0
    if wants_json(request):
        return JsonResponse({"changed": count})
    what = name if count else "unchanged" if numbers else "nothing"
    return redirect_and_say(request, f"subscriptions_{what}")


@never_cache
@login_required
@require_safe
def why(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Say why the user got one of their notifications, and which rule decides about it today."""
    notification = notification_of(request, str(slug))
    event = event_of(notification)
    # With such a reason, or with none, the sender named the recipient.
    recipient = [request.user] if notification.reason in (*DIRECT_REASONS, "") else None
    found = None if event is None else explain(request.user, event, recipient=recipient)
    if wants_json(request):
        rule, text = ("", "") if found is None else (found.rule, found.own_text)
        texts = {"text": text, "explanations": explained(notification)}
        panel = why_panel(request, notification, rule, text)
        return JsonResponse({"reason": notification.reason, "rule": rule, **texts, **panel})
    subject = subject_of_notification(notification)
    # Not by the tag: another app of the site may have a library of this name.
    menu = watch_button({"request": request, "csrf_token": get_token(request)}, subject)
    context = {
        "notification": notification,
        "reason": reason_label(notification.reason),
        "explanation": found,
        "explanations": explained(notification),
        "subject": subject,
        "menu": render_to_string("notifications_subscriptions/watch_button.html", menu),
        "back": next_url(request) or inbox_url(request),
    }
    return render(request, "notifications_subscriptions/why.html", context)


def why_panel(
    request: HttpRequest, notification: AbstractNotification, rule: str, text: str
) -> dict[str, Any]:
    """Return what the script of the inbox shows in place of the page: a title, sentences, and one button."""
    label = reason_label(notification.reason)
    when_sent = gettext("Reason when sent: %(reason)s") % {"reason": label} if label else ""
    buttons = []
    if subject_of_notification(notification) is not None:
        name, title = button_for(rule)
        url = own_url(request, "change_from_notification", "notifications_subscriptions")
        value = f"{name}:{notification.slug}"
        buttons = [{"name": "row", "value": value, "title": title, "url": url}]
    # A rule by which the user is not notified is no answer to "why".
    first = "" if rule in NOTIFYING_RULES else when_sent
    texts = [each for each in (first, text, *explained(notification)) if each]
    return {"title": gettext("Why am I getting this?"), "texts": texts, "buttons": buttons}


def button_for(rule: str) -> tuple[str, str]:
    """Return the action by which the user changes what a rule has decided, and its title."""
    if rule == "muted":
        return "unmute", gettext("Unmute")
    if rule in ("watching", "participating_in", ""):
        return "unsubscribe", gettext("Unsubscribe")
    # Whoever is named is notified without a subscription.
    return "mute", gettext("Mute")


def notification_of(request: HttpRequest, slug: str) -> AbstractNotification:
    """Return the notification of the user behind a slug, with its objects. Raise Http404 where there is none."""
    rows = rows_of(request).visible()
    # A stream has shown it, perhaps, which a replica that lags does not know.
    rows = rows.using(router.db_for_write(rows.model))
    found = rows.filter(pk=key_of(slug, rows.model, rows.db)).with_objects().first()
    if found is None:
        raise Http404
    return found


def redirect_and_say(request: HttpRequest, what: str) -> HttpResponse:
    """Redirect to the next page, which says what was done."""
    response = HttpResponseRedirect(
        next_url(request) or own_url(request, "list", "notifications_subscriptions")
    )
    set_flash(response, request, Flash(what))
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
