"""The example's one middleware: a strict content security policy."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: No string becomes HTML. The admin's own scripts, jQuery among them, are not made for that.
STRICTER = f"{POLICY}; require-trusted-types-for 'script'; trusted-types 'none'"


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Send the policy with every page: no inline script, no inline style, nothing from elsewhere.

    Django 6.0 brings a middleware of its own; this one also runs on Django 5.2.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_admin = request.path.startswith(reverse("admin:index"))
        # The preview of a mail has a policy of its own.
        response.headers.setdefault("Content-Security-Policy", POLICY if is_admin else STRICTER)
        return response

    return middleware
