"""The urls of a site that delivers notifications."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

import notifications
from tests.urls import home

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/login/", home, name="login"),
    path("inbox/notifications/", include(notifications.urls)),
    path("inbox/settings/", include("notifications.contrib.delivery.urls")),
]
