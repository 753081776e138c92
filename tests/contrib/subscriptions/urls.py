"""The urls of a site on which people watch."""

from __future__ import annotations

from django.urls import include, path

from tests.contrib.subscriptions.views import page
from tests.urls import urlpatterns as ours

urlpatterns = [
    *ours,
    path("inbox/watching/", include("notifications.contrib.subscriptions.urls")),
    path("tickets/<int:pk>/", page),
]
