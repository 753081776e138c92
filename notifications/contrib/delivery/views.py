"""The pages of the preferences, with and without logging in, and the end of a subscription by one click."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.dates import WEEKDAYS
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notifications.contrib.delivery import links, page
from notifications.contrib.delivery.channels import get_channels
from notifications.contrib.delivery.choices import EVERYTHING, Frequency, type_scope
from notifications.contrib.delivery.links import Ticket
from notifications.contrib.delivery.preferences import turn_off
from notifications.inbox.flash import Flash, get_flash, set_flash
from notifications.inbox.requests import refuse, wants_json
from notifications.types import all_types


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show and change the preferences of the user."""
    return preferences_of(request, request.user)


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def signed(request: HttpRequest, token: str) -> HttpResponse:
    """Show and change the preferences of the user for whom a link in a message was signed."""
    return preferences_of(
        request, user_of(links.read(links.PREFERENCES, token, max_age=links.PREFERENCES_AGE))
    )


def preferences_of(request: HttpRequest, user: Any) -> HttpResponse:
    """Show and change the preferences of a user; as JSON to a client that prefers that."""
    if request.method == "POST":
        try:
            page.save(user, request.POST.dict())
        except page.NotValid as error:
            return refuse(request, str(error))
        if not wants_json(request):
            response = HttpResponseRedirect(request.path)
            set_flash(response, request, Flash("delivery_saved", 1))
            return response
    if wants_json(request):
        return JsonResponse(page.state(user))
    schedule = page.schedule_of(user)
    context = {
        "channels": list(get_channels().values()),
        "frequencies": Frequency.choices,
        "rows": page.table(user),
        "schedule": schedule,
        "quiet": page.quiet_rows(schedule),
        "paused_until": page.paused_until(schedule),
        "weekdays": [(day, str(name)) for day, name in WEEKDAYS.items()],
        "zones": page.zones(),
        "flash": get_flash(request),
    }
    return render(request, "notifications_delivery/preferences.html", context)


@csrf_exempt
@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """End the messages for which a link was signed: by POST, without cookies (RFC 8058). GET shows a button."""
    ticket = links.read(links.UNSUBSCRIBE, token)
    user = user_of(ticket)
    assert ticket is not None  # noqa: S101 - there is a user
    if request.method == "POST":
        turn_off(user, ticket.scope, ticket.channel)
    channel = get_channels().get(ticket.channel)
    context = {
        "is_done": request.method == "POST",
        "what": label_of(ticket),
        "channel": ticket.channel if channel is None else channel.label or channel.name,
    }
    return render(request, "notifications_delivery/unsubscribe.html", context)


def label_of(ticket: Ticket) -> str:
    """Return the name of what a link turns off, or an empty text for everything."""
    if ticket.scope == EVERYTHING:
        return ""
    found = (kind.name() for kind in all_types() if type_scope(kind) == ticket.scope)
    return next(found, ticket.scope.partition(":")[2])


def user_of(ticket: Ticket | None) -> Any:
    """Return the user for whom a link was signed. Raise Http404 without one."""
    users: Any = get_user_model()._base_manager
    user = None if ticket is None else users.filter(pk=ticket.user_pk).first()
    if user is None:
        raise Http404
    return user
