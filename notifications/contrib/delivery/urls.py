"""The urls: ``path("inbox/settings/", include("notifications.contrib.delivery.urls"))``."""

from __future__ import annotations

from django.urls import path

from notifications.contrib.delivery import views

app_name = "notifications_delivery"

urlpatterns = [
    path("", views.preferences, name="preferences"),
    path("preview/", views.preview, name="preview"),
    path("s/<str:token>/", views.signed, name="signed"),
    path("u/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
