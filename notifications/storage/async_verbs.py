"""What makes the verb for code that awaits from the verb itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")


def awaited(verb: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Return the method that calls this one in a thread, as Django's own queryset does. Its name has an "a" before.

    It takes what the verb takes, and calls the verb of the object, which a subclass may have replaced.
    """
    name = verb.__name__

    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await sync_to_async(getattr(self, name))(*args, **kwargs)  # type: ignore[no-any-return]

    call.__name__ = f"a{name}"
    call.__qualname__ = f"{verb.__qualname__.rpartition('.')[0]}.a{name}"
    call.__module__ = verb.__module__
    call.__doc__ = f"Do as :meth:`{name}` does."
    # For whoever looks at the signature: inspect, Sphinx, an editor.
    call.__wrapped__ = verb  # type: ignore[attr-defined]
    return call
