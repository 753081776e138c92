"""The door that needs no set-up: an async view."""

from __future__ import annotations

from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from notifications.contrib.live import wire
from notifications.contrib.live.asgi import TICKET, Ticket, make_request
from notifications.contrib.live.hub import get_hub
from notifications.contrib.live.sessions import Login, key_of
from notifications.contrib.live.streams import Stream


@login_not_required
@require_GET
async def stream(request: HttpRequest) -> HttpResponseBase:
    """Stream the news of the user who asks, as server-sent events.

    Answers 204 under WSGI, where a stream would hold a worker; 401 to who is not logged in; 429 to who has as many
    streams as ``LIVE_STREAMS_PER_USER`` allows.
    """
    scope: dict[str, Any] | None = getattr(request, "scope", None)
    if scope is None:
        return HttpResponse(status=204)
    key = key_of(request)
    login = await (get_hub().desk.login(key) if key else sync_to_async(Login.of)(request))
    await sync_to_async(give_back)()
    if login is None:
        return HttpResponse(status=401)
    if get_hub().is_full_for(login):
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    ticket: Ticket | None = scope.get(TICKET)
    made = Stream(
        login,
        last_event_id=request.headers.get("Last-Event-ID", ""),
        language=get_language(),
        # A ticket outlives this request, which is to be freed.
        make_request=partial(make_request, scope, login.user_pk) if ticket else lambda: request,
    )
    if ticket is None:
        return StreamingHttpResponse(made, headers=wire.HEADERS)
    ticket.stream = made
    return HttpResponse(headers=wire.HEADERS)


def give_back() -> None:
    """Close the connections that the request has opened, its middleware's too: a stream needs none."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


# Django refuses an async view under ATOMIC_REQUESTS unless it is told of every database.
for alias in connections:
    transaction.non_atomic_requests(using=alias)(stream)
