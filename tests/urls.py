"""The urls of the test site."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

import notifications


def home(request: HttpRequest) -> HttpResponse:
    """Answer with nothing much."""
    return HttpResponse("home")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/login/", home, name="login"),
    path("home/", home, name="home"),
    path("inbox/notifications/", include(notifications.urls)),
    path("inbox/live/", include("notifications.contrib.live.urls")),
]
