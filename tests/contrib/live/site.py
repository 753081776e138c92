"""The site that a server of these tests serves, behind each of the two doors."""

from __future__ import annotations

import json
import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import reverse

from notifications.contrib.live import live

settings.NOTIFICATIONS = {
    **getattr(settings, "NOTIFICATIONS", {}),
    **json.loads(os.environ.get("NOTIFICATIONS", "{}")),
}

view = get_asgi_application()
asgi = live(view)

from tests.testapp.models import Fork  # noqa: E402 - Django is set up now

# As most models of a site have it: made from the urls.
setattr(Fork, "get_absolute_url", lambda fork: reverse("notifications:delete", args=[fork.pk]))  # noqa: B010
