"""The urls: ``path("inbox/watching/", include("notifications.contrib.subscriptions.urls"))``."""

from __future__ import annotations

from django.urls import path

from notifications.contrib.subscriptions import views

app_name = "notifications_subscriptions"

urlpatterns = [
    path("", views.subscriptions, name="list"),
    path("change/", views.change, name="change"),
    path("change-from-notification/", views.change_from_notification, name="change_from_notification"),
    path("change-selected/", views.change_selected, name="change_selected"),
    path("why/<str:slug>/", views.why, name="why"),
]
