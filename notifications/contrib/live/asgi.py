"""The ASGI wrapper for thousands of streams: Django answers a request that ends, and the stream goes on without it.

Django keeps a thread for every request that is open. One line in ``asgi.py`` avoids that::

    application = live(get_asgi_application())
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, MutableMapping
from contextlib import aclosing
from io import BytesIO
from typing import Any, TypeAlias

Scope: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Coroutine[Any, Any, MutableMapping[str, Any]]]"
Send: TypeAlias = "Callable[[MutableMapping[str, Any]], Awaitable[None]]"
Application: TypeAlias = "Callable[[Any, Any, Any], Awaitable[None]]"
Chunks: TypeAlias = "AsyncGenerator[bytes, None]"

#: The key of the scope under which the view finds that the application is wrapped.
HANDOVER_KEY = "notifications.live"


class Handover:
    """What the view leaves for the wrapper: the chunks to send, once the request that asked for them has ended."""

    __slots__ = ("chunks", "started")

    def __init__(self) -> None:
        self.chunks: Chunks | None = None
        self.started = False


class Receiver:
    """What the server receives, for one reader after the other.

    Django cancels its reader when its answer is over. Gunicorn takes that for the end of the connection, so what the
    server is asked for is cancelled by nobody before :meth:`close`.
    """

    __slots__ = ("_receive", "_waiting")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._waiting: asyncio.Future[MutableMapping[str, Any]] | None = None

    async def __call__(self) -> MutableMapping[str, Any]:
        """Return the next message."""
        message = await asyncio.shield(self.waiting())
        self._waiting = None
        return message

    def waiting(self) -> asyncio.Future[MutableMapping[str, Any]]:
        """Return the future of the next message, which stays the next one until somebody has called for it."""
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(self._receive())
        return self._waiting

    async def close(self) -> None:
        """Wait for no message any more."""
        if self._waiting is not None:
            self._waiting.cancel()
            # Not gather(), which never ends with a future of granian, because that is none of asyncio's.
            await asyncio.wait([self._waiting])
            if not self._waiting.cancelled():
                self._waiting.exception()


def live(application: Application) -> Application:
    """Return the application with its live streams taken out of Django's hands; all else passes through."""

    async def wrapper(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        handover = Handover()

        async def pass_on(message: MutableMapping[str, Any]) -> None:
            if handover.chunks is None:
                await send(message)
            elif message["type"] == "http.response.start":
                if message["status"] != 200:
                    # A middleware changed the answer.
                    handover.chunks = None
                else:
                    handover.started = True
                    message["headers"] = [
                        (name, value)
                        for name, value in message["headers"]
                        if name.lower() not in (b"content-length", b"etag")
                    ]
                await send(message)

        receiver = Receiver(receive)
        try:
            await application({**scope, HANDOVER_KEY: handover}, receiver, pass_on)
            if handover.started and handover.chunks is not None:
                await send_stream(handover.chunks, receiver, send)
        finally:
            await receiver.close()

    return wrapper


async def send_stream(chunks: Chunks, receiver: Receiver, send: Send) -> None:
    """Send the stream until it ends or the browser is gone, even in the middle of something that it does not read."""
    sending: asyncio.Future[Any] = asyncio.ensure_future(send_chunks(chunks, send))
    try:
        while not sending.done():
            await asyncio.wait([sending, receiver.waiting()], return_when=asyncio.FIRST_COMPLETED)
            if receiver.waiting().done() and (await receiver())["type"] == "http.disconnect":
                break
    finally:
        sending.cancel()
        for result in await asyncio.gather(sending, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def send_chunks(chunks: Chunks, send: Send) -> None:
    """Send all chunks as the body of the answer."""
    async with aclosing(chunks):
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def make_request(scope: Scope, user_pk: Any) -> Any:
    """Return a request such as the one that asked for the stream, for the urls of objects that depend on one."""
    # Imported here, so that a site's asgi.py may import this module before Django is set up.
    from django.core.handlers.asgi import ASGIRequest

    request: Any = ASGIRequest(dict(scope), BytesIO())
    request.user = current_user(user_pk)
    return request


def current_user(user_pk: Any) -> Any:
    """Return the user with this primary key, who is loaded when they are asked for something."""
    from django.contrib.auth import get_user_model
    from django.utils.functional import SimpleLazyObject

    return SimpleLazyObject(lambda: get_user_model()._default_manager.get(pk=user_pk))
