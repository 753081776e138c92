"""The one url: ``path("inbox/live/", include("notifications.contrib.live.urls"))``."""

from __future__ import annotations

from django.urls import path

from notifications.contrib.live import views

app_name = "notifications_live"

urlpatterns = [path("", views.stream, name="stream")]
