"""The example's addresses: the tracker, the inbox and its live stream, logging in and out, the admin."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from tracker.story import CAST, PASSWORD

import notifications

urlpatterns = [
    path("", include("tracker.urls")),
    path("inbox/notifications/", include(notifications.urls)),
    path("inbox/watching/", include("notifications.contrib.subscriptions.urls")),
    path("inbox/settings/", include("notifications.contrib.delivery.urls")),
    path("inbox/live/", include("notifications.contrib.live.urls")),
    path(
        "accounts/login/",
        LoginView.as_view(
            redirect_authenticated_user=True, extra_context={"cast": CAST, "password": PASSWORD}
        ),
        name="login",
    ),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
