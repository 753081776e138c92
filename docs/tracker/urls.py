"""The urls of the documentation's site."""

from django.contrib import admin
from django.urls import include, path

import notifications

urlpatterns = [
    path("inbox/notifications/", include(notifications.urls)),
    path("admin/", admin.site.urls),
]
