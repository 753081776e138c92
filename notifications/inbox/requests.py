"""What a request of the inbox says and wants: its form, JSON or a page, and where to go next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def form_data(request: HttpRequest) -> QueryDict:
    """Return what the url and the form say, the form after the url, so that its values come first."""
    data = request.GET.copy()
    data.update(request.POST)
    return data


def wants_json(request: HttpRequest) -> bool:
    """Return whether the client prefers JSON to a page."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def refuse(request: HttpRequest, problem: str) -> HttpResponse:
    """Say why nothing was done."""
    if wants_json(request):
        return JsonResponse({"error": problem}, status=400)
    return HttpResponseBadRequest(problem, content_type="text/plain; charset=utf-8")


def own_url(request: HttpRequest, name: str) -> str:
    """Return the url of one of our pages, in the instance of the urls that the request came by."""
    match = request.resolver_match
    return reverse(f"notifications:{name}", current_app=match.namespace if match else None)


def next_url(request: HttpRequest) -> str:
    """Return where the request wants to go next, or an empty text when that is not a page of this host."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if allowed and url.isprintable() else ""
