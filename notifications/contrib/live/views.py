"""The stream as an async view, which needs no set-up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from notifications.contrib.live import wire
from notifications.contrib.live.asgi import HANDOVER_KEY, Handover, current_user, make_request
from notifications.contrib.live.hub import Hub, get_hub
from notifications.contrib.live.sessions import Login, key_of
from notifications.contrib.live.streams import Stream, Surroundings
from notifications.storage.databases import schema_on


@login_not_required
@require_GET
async def stream(request: HttpRequest) -> HttpResponseBase:
    """Stream what is new for the user of the request, as server-sent events.

    Answers 204 under WSGI, where a stream would hold a worker, and in the schema of a tenant, which the hub does not
    query; 401 to who is not logged in; 409 if the parameter
    ``user`` names another user than the one who is logged in; 429 to who has as many streams as
    ``LIVE_STREAMS_PER_USER`` allows; 503 while the database cannot be queried.
    """
    scope: dict[str, Any] | None = getattr(request, "scope", None)
    if scope is None:
        return HttpResponse(status=204)
    hub = get_hub()
    if not hub.is_available:
        # From this answer on, unlike from a stream that ends, the browser polls.
        return HttpResponse(status=503, headers={"Retry-After": "60"})
    key = key_of(request)
    login = await (hub.logins.get(key) if key else sync_to_async(Login.of)(request))
    if await sync_to_async(close_connections)():
        return HttpResponse(status=204)
    if login is None:
        return HttpResponse(status=401)
    if request.GET.get("user") not in (None, str(login.user_pk)):
        # The page was made for another user. A stream cannot send the header that says so.
        return HttpResponse(status=409)
    if hub.is_full_for(login):
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    handover: Handover | None = scope.get(HANDOVER_KEY)
    made = Stream(
        login,
        # By what the browser had last, or else by when its page was made: what came since is sent.
        cursor=wire.Cursor.loads(request.headers.get("Last-Event-ID", ""))
        or wire.Cursor.of_page(request.GET.get("since", "")),
        surroundings=Surroundings.here(),
        # What is handed over outlives this request, which is to be freed.
        make_request=partial(make_request, scope, login.user_pk)
        if handover
        else partial(made_again, request, login.user_pk),
    )
    if handover is None:
        return StreamingHttpResponse(Body(hub, made), headers=wire.HEADERS)
    handover.chunks = hub.serve(made)
    return HttpResponse(headers=wire.HEADERS)


def made_again(request: HttpRequest, user_pk: Any) -> HttpRequest:
    """Return the same request with its user as they are now: a stream may be open for days, and rights may be lost."""
    # A copy() would have no content and no resolver_match, which Django leaves out.
    again = object.__new__(type(request))
    vars(again).update(vars(request), user=current_user(user_pk))
    return again


class Body:
    """The content of a response that streams. Django closes it when the response is over."""

    def __init__(self, hub: Hub, stream: Stream) -> None:
        self.hub, self.stream = hub, stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.hub.serve(self.stream)

    def close(self) -> None:
        """Free all that the stream holds, from any thread."""
        # Django wraps the generator in two of its own. When they end in the middle, the inner one just lies there.
        self.hub.release(self.stream)


def close_connections() -> bool:
    """Close the connections that the request has opened, its middleware's too: a stream needs none.

    Return whether one of them is in the schema of a tenant, where the same primary keys are other users and rows.
    """
    elsewhere = False
    for connection in connections.all(initialized_only=True):
        of_hub = connections.create_connection(connection.alias)
        elsewhere = elsewhere or schema_on(connection) != schema_on(of_hub)
        if not connection.in_atomic_block:
            connection.close()
    return elsewhere


# Django refuses an async view under ATOMIC_REQUESTS unless every database is named.
for alias in connections:
    transaction.non_atomic_requests(using=alias)(stream)
