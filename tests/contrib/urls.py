"""The urls of a site with every app of ``notifications.contrib``."""

from __future__ import annotations

from tests.contrib.delivery.urls import urlpatterns as delivering
from tests.contrib.subscriptions.urls import urlpatterns as watching

urlpatterns = [*watching, *delivering]
