"""The urls of a site that delivers. They are loaded when the app is installed."""

from __future__ import annotations

from candidates.inboxes import urlpatterns as inbox
from django.urls import include, path

urlpatterns = [*inbox, path("inbox/settings/", include("notifications.contrib.delivery.urls"))]
