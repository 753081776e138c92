"""Whose page a request comes from. A page of one user never shows or changes what belongs to another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, wraps
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.decorators import decorator_from_middleware
from django.utils.module_loading import import_string
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt

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

    @csrf_exempt
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

    return answer


@lru_cache
def with_csrf_check(view: View, middleware: tuple[str, ...]) -> View:
    """Return the view with the CSRF check that the site has among its middleware."""
    factories = {path: import_string(path) for path in middleware}
    for factory in factories.values():
        if isinstance(factory, type) and issubclass(factory, CsrfViewMiddleware):
            return decorator_from_middleware(factory)(view)
    for path, factory in factories.items():
        # One of the site's own, which asks Django's.
        if "csrf" in path.lower():
            with suppress(MiddlewareNotUsed):
                if hasattr(factory(view), "process_view"):
                    return decorator_from_middleware(factory)(view)
    return view
