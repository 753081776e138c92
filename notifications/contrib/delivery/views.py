"""The pages of the preferences, with and without logging in, and the end of a subscription by one click."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.dates import WEEKDAYS
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from notifications.contrib.delivery import links
from notifications.contrib.delivery.channels import get_channels
from notifications.contrib.delivery.choices import EVERYTHING, Frequency, type_scope
from notifications.contrib.delivery.links import Ticket
from notifications.contrib.delivery.pages import preferences as page, preview as previews
from notifications.contrib.delivery.preferences import turn_off
from notifications.inbox.flash import Flash, get_flash, set_flash
from notifications.inbox.requests import refuse, wants_json
from notifications.objects.guard import error_text
from notifications.types import all_types, type_label, type_named, type_word


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
            set_flash(response, request, Flash("delivery_saved"))
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


@never_cache
@login_required
@xframe_options_sameorigin
@require_safe
def preview(request: HttpRequest) -> HttpResponse:
    """Show what a message looks like: of each type and channel, in each language. For staff, and with ``DEBUG``."""
    if not previews.is_allowed(request.user):
        raise Http404
    kind = type_named(request.GET.get("type", "")) or all_types()[0]
    channels = get_channels()
    name = request.GET.get("channel", "")
    channel = channels.get(name) or next(iter(channels.values()), None)
    languages = dict(settings.LANGUAGES)
    language = request.GET.get("language", "")
    if language not in languages:
        language = get_language() or settings.LANGUAGE_CODE
    is_digest = request.GET.get("digest") == "1"
    parts: Mapping[str, str] = {}
    if channel is not None:
        try:
            parts = previews.parts(kind, channel, language, request.user, is_digest=is_digest)
        except Exception as error:  # noqa: BLE001 - templates and channels of the site
            parts = {"error": error_text(error)}
    if request.GET.get("part") == "html":
        response = HttpResponse(parts.get("html", ""))
        # A mail has inline styles, and nothing else that runs or is loaded.
        response["Content-Security-Policy"] = PREVIEW_POLICY
        return response
    context = {
        "types": [(type_word(each), type_label(each)) for each in all_types()],
        "channels": list(channels.values()),
        "languages": settings.LANGUAGES,
        "type": type_word(kind),
        "channel": channel,
        "language": language,
        "is_digest": is_digest,
        "parts": {name: text for name, text in parts.items() if name != "html"},
        "html_url": f"{request.path}?{preview_query(request)}" if "html" in parts else "",
    }
    return render(request, "notifications_delivery/preview.html", context)


#: What the HTML of a mail may do in the preview.
PREVIEW_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; frame-ancestors 'self'"
)


def preview_query(request: HttpRequest) -> str:
    """Return the query of the HTML of the message that a preview shows."""
    query = request.GET.copy()
    query["part"] = "html"
    return query.urlencode()


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
    found = (type_label(kind) for kind in all_types() if type_scope(kind) == ticket.scope)
    return next(found, ticket.scope.partition(":")[2])


def user_of(ticket: Ticket | None) -> Any:
    """Return the user for whom a link was signed. Raise Http404 without one."""
    users: Any = get_user_model()._base_manager
    user = None if ticket is None else users.filter(pk=ticket.user_pk).first()
    if user is None:
        raise Http404
    return user
