"""The ways to misbehave. One more is one line here, and every page, tag and command runs over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import connection
from django.http import Http404
from django.template import TemplateDoesNotExist
from django.urls import NoReverseMatch
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe


def raises(error: BaseException) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


def too_deep() -> Any:
    return too_deep()


def failing_query() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column FROM no_such_table")


async def later() -> str:
    return "later"


class Unsayable:
    """What raises when it is made a text."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


class Trap(str):
    """A text whose own methods raise."""

    def __getitem__(self, key: Any) -> str:
        raise RuntimeError

    __len__ = __iter__ = __getitem__  # type: ignore[assignment]


#: What a method may answer in the place of a text.
WAYS: dict[str, Callable[[], Any]] = {
    "runtime error": raises(RuntimeError("no")),
    "attribute error": raises(AttributeError("no")),
    "key error": raises(KeyError("no")),
    "gone": raises(ObjectDoesNotExist()),
    "no match": raises(NoReverseMatch()),
    "404": raises(Http404()),
    "denied": raises(PermissionDenied()),
    "no template": raises(TemplateDoesNotExist("no")),
    "stop": raises(StopIteration()),
    "memory": raises(MemoryError()),
    "unsayable error": raises(ValueError(Unsayable())),
    "recursion": too_deep,
    "query": failing_query,
    "none": lambda: None,
    "number": lambda: 7,
    "bytes": lambda: b"bytes",
    "list": lambda: ["/"],
    "object": Unsayable,
    "lazy": lambda: lazystr(Unsayable()),
    "empty": lambda: "",
    "blanks": lambda: " \t\n ",
    "invisible": lambda: "\u200b\u2060\ufeff",
    "huge": lambda: "huge " * 1_000_000,
    "surrogate": lambda: "a\ud800b",
    "nul": lambda: "a\x00b",
    "markup": lambda: mark_safe("<script>alert(1)</script>"),
    "lines": lambda: "one\r\nSet-Cookie: a=b\n\ntwo",
    "other direction": lambda: "\u202eabc",
    "trap": lambda: Trap("trap"),
}

#: Those that differ by more than the name of an error, for what is called in many places.
SOME_WAYS = (
    "runtime error",
    "gone",
    "recursion",
    "query",
    "none",
    "number",
    "lazy",
    "huge",
    "markup",
    "trap",
)
