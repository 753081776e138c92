"""The requests of the inbox: the rows they see, their form data, the response format, and the URLs they lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, QueryDict
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, URLResolver, get_resolver, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from notifications.extensions import rows_for
from notifications.storage.notification import Rows
from notifications.storage.owners import rows_of_user


def rows_of(request: HttpRequest) -> Rows:
    """Return the notifications of the current user that the request may see."""
    rows: Rows = rows_of_user(request.user)
    return rows_for(request, rows)


def form_data(request: HttpRequest) -> QueryDict:
    """Return the query string and the form data. Values of the form override those of the query string."""
    data = request.GET.copy()
    data.update(request.POST)
    return data


def wants_json(request: HttpRequest) -> bool:
    """Return whether the client prefers JSON to a page."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def refuse(request: HttpRequest, problem: str) -> HttpResponse:
    """Return an error response with this message."""
    if wants_json(request):
        return JsonResponse({"error": problem}, status=400)
    return HttpResponseBadRequest(problem, content_type="text/plain; charset=utf-8")


def own_url(request: HttpRequest, name: str, app_name: str = "notifications") -> str:
    """Return the URL of a page of the inbox, or of another app, in the URL namespace of the request."""
    match = request.resolver_match
    return reverse(f"{app_name}:{name}", current_app=match.namespace if match else None)


def inbox_url(request: HttpRequest) -> str:
    """Return the URL of the inbox, or an empty text on a site that has none of these pages."""
    try:
        return own_url(request, "all")
    except NoReverseMatch:
        return ""


def misplaced_urls() -> list[tuple[str, str]]:
    """Return the modules of urls that the site includes only where ``reverse()`` does not find them, and where."""
    found: list[tuple[str, str]] = []
    for config in apps.get_app_configs():
        if config.name.partition(".")[0] == "notifications":
            urls = import_module(f"{config.name}.urls")
            problems = list(problems_of_places(get_resolver(), urls))
            if problems and all(problems):
                found.append((urls.__name__, problems[0]))
    return found


def problems_of_places(
    resolver: URLResolver, urls: Any, names: tuple[str, ...] = (), takes_arguments: bool = False
) -> Iterator[str]:
    """Yield for each place of these urls in a resolver why ``reverse()`` fails, or an empty text."""
    if resolver.namespace:
        names = (*names, resolver.namespace)
    takes_arguments = takes_arguments or bool(resolver.pattern.regex.groups or resolver.default_kwargs)
    if urls.urlpatterns[0] in resolver.url_patterns:
        if takes_arguments:
            yield "below a path with an argument"
        elif not names:
            yield "without a namespace"
        else:
            yield "" if len(names) == 1 and resolver.app_name == urls.app_name else f"as {':'.join(names)!r}"
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from problems_of_places(pattern, urls, names, takes_arguments)


def next_url(request: HttpRequest) -> str:
    """Return the URL to redirect to, or an empty string if it is not on this host."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    try:
        hosts = {request.get_host()}
    except DisallowedHost:
        # The middleware of most sites answers such a request before.
        hosts = set()
    allowed = url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure())
    return url if allowed and url.isprintable() else ""


def next_url_on(request: HttpRequest, page: str) -> str:
    """Return the URL to redirect to as it is written on a page, such as that of a login: absolute on another host."""
    url, host = next_url(request), urlsplit(page).netloc
    return request.build_absolute_uri(url) if url and host and host != request.get_host() else url


def posted_by_user(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a view take only what a user has posted. Who has to log in first returns to the page of the form.

    The URL of the view is no page: a login that led to it would end there in a 405.
    """
    answer_to_post = require_POST(view)

    # The middleware would lead to it, too.
    @login_not_required
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(next_url_on(request, resolve_url(django_settings.LOGIN_URL)))
        return answer_to_post(request, *args, **kwargs)

    return answer
