"""The door for thousands: Django answers who asks, in a request that ends, and the stream goes on outside of it.

Django keeps a thread for every request that is open. One line in ``asgi.py`` spares it::

    application = live(get_asgi_application())
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import aclosing
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from notifications.contrib.live.streams import Stream

Scope: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[MutableMapping[str, Any]]]"
Send: TypeAlias = "Callable[[MutableMapping[str, Any]], Awaitable[None]]"
Application: TypeAlias = "Callable[[Any, Any, Any], Awaitable[None]]"

#: Under this key of the scope the view finds that the door is open.
TICKET = "notifications.live"


class Ticket:
    """What the view leaves for the door: the stream to serve, once the request that asked for it has ended."""

    __slots__ = ("started", "stream")

    def __init__(self) -> None:
        self.stream: Stream | None = None
        self.started = False


def live(application: Application) -> Application:
    """Return the application with its live streams taken out of Django's hands; all else passes through."""

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        ticket = Ticket()

        async def pass_on(message: MutableMapping[str, Any]) -> None:
            if ticket.stream is None:
                await send(message)
            elif message["type"] == "http.response.start":
                if message["status"] != 200:
                    # Somebody on the way out thought better of it.
                    ticket.stream = None
                else:
                    ticket.started = True
                    message["headers"] = [
                        (name, value)
                        for name, value in message["headers"]
                        if name.lower() not in (b"content-length", b"etag")
                    ]
                await send(message)

        await application({**scope, TICKET: ticket}, receive, pass_on)
        if ticket.started and ticket.stream is not None:
            await serve(ticket.stream, receive, send)

    return door


async def serve(stream: Stream, receive: Receive, send: Send) -> None:
    """Send the stream until it ends or the browser is gone, even in the middle of something that it does not read."""
    tasks = [asyncio.ensure_future(pour(stream, send)), asyncio.ensure_future(until_gone(receive))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def pour(stream: Stream, send: Send) -> None:
    """Send all there is."""
    async with aclosing(stream.chunks()) as chunks:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def until_gone(receive: Receive) -> None:
    """Wait until the browser is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def make_request(scope: Scope, user_pk: Any) -> Any:
    """Return a request such as the one that asked for the stream, for the urls of objects that depend on one."""
    # Here, so that a site's asgi.py may import this module before Django is set up.
    from django.contrib.auth import get_user_model
    from django.core.handlers.asgi import ASGIRequest
    from django.utils.functional import SimpleLazyObject

    request: Any = ASGIRequest(dict(scope), BytesIO())
    request.user = SimpleLazyObject(lambda: get_user_model()._default_manager.get(pk=user_pk))
    return request
