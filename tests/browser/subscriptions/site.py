"""The site that the browser visits, on which people watch."""

from __future__ import annotations

from django.urls import include, path

from tests.browser.site import urlpatterns as ours
from tests.contrib.subscriptions.views import page

urlpatterns = [
    *ours,
    path("inbox/watching/", include("notifications.contrib.subscriptions.urls")),
    path("tickets/<int:pk>/", page),
]
