"""The site that the browser visits: a page that each test writes, and a url that answers as a test says."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from tests.urls import urlpatterns as test_urlpatterns
from tests.waiting import wait_for_event

#: Nothing but files of this host, and no HTML made of strings.
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(slots=True)
class Script:
    """What the site is to do, and what was asked of it. The server is a thread of the same process."""

    page: str = ""
    #: Written into the tag of the bell.
    bell: str = ""
    policy: str = STRICT
    status: int = 200
    body: str = '{"unread_count": 3, "unread_list": []}'
    #: Not set while the url that answers as a test says is to wait.
    go_on: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.go_on.set()


script = Script()


def page(request: HttpRequest) -> HttpResponse:
    """Answer with the test's page."""
    html = Template("<!DOCTYPE html>{% load static notifications_tags %}" + script.page)
    text = html.render(RequestContext(request))
    response = HttpResponse(text.replace("<notifications-bell", f"<notifications-bell {script.bell}"))
    response.headers["Content-Security-Policy"] = script.policy
    return response


@csrf_exempt
def scripted(request: HttpRequest) -> HttpResponse:
    """Answer as the test says, and note what was asked."""
    script.asked.append({"method": request.method, **request.GET.dict()})
    wait_for_event(script.go_on, "the test lets the site answer")
    return HttpResponse(script.body, status=script.status, content_type="application/json")


def icon(request: HttpRequest) -> HttpResponse:
    """Answer the browser's own question, which would otherwise be an error in its log."""
    return HttpResponse(status=204)


urlpatterns = [
    *test_urlpatterns,
    path("page/", page),
    path("scripted/", scripted),
    path("favicon.ico", icon),
]
