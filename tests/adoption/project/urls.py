"""The inbox, where the older packages said to put it."""

from django.urls import include, path

urlpatterns = [path("inbox/notifications/", include("notifications.urls", namespace="notifications"))]
