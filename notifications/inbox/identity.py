"""Whose page a request comes from. A page of one user never shows or changes what belongs to another."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.decorators import decorator_from_middleware
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from notifications.storage.owners import user_pk

#: The header of a request that names the user for whom its page was made, and of a response that names its user.
USER_HEADER = "X-Notifications-User"

View = Callable[..., Any]


def for_user_of_page(view: View) -> View:
    """Refuse a request that comes from the page of another user, before the CSRF token is checked.

    A script reads the token when it sends, so after a login in another tab the token of the new user would pass. The
    response is a 401 if nobody is logged in, and a 409 if somebody else is. A request without the header is answered as
    usual. Every response names its user, an empty text for an anonymous one.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse
        user = str(user_pk(request.user)) if request.user.is_authenticated else ""
        named = request.headers.get(USER_HEADER)
        if named is None or unquote(named) == user:
            # A view of the site may call this one, after its own check.
            checks = tuple(settings.MIDDLEWARE) if request.resolver_match else ()
            response = with_csrf_check(view, checks)(request, *args, **kwargs)
        elif user:
            response = JsonResponse({"error": gettext("You are signed in as another user.")}, status=409)
        else:
            response = JsonResponse({"error": gettext("You are signed out.")}, status=401)
        response.headers[USER_HEADER] = quote(user)
        return response

    answer.csrf_exempt = CheckedHere()  # type: ignore[attr-defined]
    return answer


class CheckedHere:
    """The value of ``csrf_exempt`` of such a view: whether it makes the check itself, which depends on the settings.

    A check of another kind, such as one of the site's own around Django's, is made before the view, as always.
    """

    def __bool__(self) -> bool:
        return csrf_check(tuple(settings.MIDDLEWARE)) is not None


@lru_cache
def csrf_check(middleware: tuple[str, ...]) -> type[CsrfViewMiddleware] | None:
    """Return Django's CSRF check, or the subclass of it, that the site has among its middleware, or None."""
    for path in middleware:
        found = import_string(path)
        if isinstance(found, type) and issubclass(found, CsrfViewMiddleware):
            return found
    return None


@lru_cache
def with_csrf_check(view: View, middleware: tuple[str, ...]) -> View:
    """Return the view with the CSRF check that the site has among its middleware."""
    found = csrf_check(middleware)
    return decorator_from_middleware(found)(view) if found else view
