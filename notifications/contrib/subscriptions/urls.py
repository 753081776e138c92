"""The urls of the wing: ``path("inbox/watching/", include("notifications.contrib.subscriptions.urls"))``."""

from __future__ import annotations

from django.urls import path

from notifications.contrib.subscriptions import views

app_name = "notifications_subscriptions"

urlpatterns = [
    path("", views.watching, name="watching"),
    path("wish/", views.wish, name="wish"),
    path("row/", views.row, name="row"),
    path("forget/", views.forget, name="forget"),
    path("why/<str:slug>/", views.why, name="why"),
]
