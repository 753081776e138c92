"""Makes the async version of a method that changes rows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")


def awaited(verb: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Return the async version of a method, named with the prefix "a". It runs in a thread, as in Django's queryset.

    It takes the same arguments, and calls the method of the object, which a subclass may have overridden.
    """
    name = verb.__name__

    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await sync_to_async(getattr(self, name))(*args, **kwargs)  # type: ignore[no-any-return]

    call.__name__ = f"a{name}"
    call.__qualname__ = f"{verb.__qualname__.rpartition('.')[0]}.a{name}"
    call.__module__ = verb.__module__
    call.__doc__ = f"Async version of :meth:`{name}`."
    # For everything that reads the signature: inspect, Sphinx, editors.
    call.__wrapped__ = verb  # type: ignore[attr-defined]
    return call
