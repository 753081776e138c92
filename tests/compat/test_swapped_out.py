"""A site that brings its own model and does not install the app: its models, its admin, and what it sends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Each is a process of its own, with a database of its own.
pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.shape("default")]

ROOT = Path(__file__).resolve().parent.parent.parent

MODELS = """
from django.db import models
from notifications.base.models import AbstractNotification


class Notification(AbstractNotification):
    channel = models.CharField(max_length=20, default="web")

    class Meta(AbstractNotification.Meta):
        abstract = False
"""

ADMIN = """
from django.contrib import admin
from notifications.base.admin import AbstractNotificationAdmin

from mine.models import Notification

admin.site.register(Notification, AbstractNotificationAdmin)
"""

APPS = """
from django.apps import AppConfig


class Config(AppConfig):
    name = "mine"
    label = "{label}"
    default_auto_field = "django.db.models.BigAutoField"
"""

SITE = """
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only for tests",
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
    INSTALLED_APPS=[
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages",
        "django.contrib.sessions", "mine",
    ],
    NOTIFICATIONS_NOTIFICATION_MODEL="{label}.Notification",
    ROOT_URLCONF="mine.urls",
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    STATIC_URL="static/",
    TEMPLATES=[
        {{
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": ["{templates}"],
            "OPTIONS": {{
                "libraries": {{"notifications_tags": "notifications.templatetags.notifications_tags"}},
                "builtins": ["django.templatetags.static"],
                "context_processors": ["django.template.context_processors.request"],
            }},
        }},
    ],
)
django.setup()

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from notifications.signals import notify

from mine.models import Notification

call_command("migrate", run_syncdb=True, verbosity=0)
justquick, brosner = (User.objects.create_user(name) for name in ("justquick", "brosner"))
[(_, sent)] = notify.send(justquick, verb="followed", recipient=brosner, action_object=brosner, channel="app")
[row] = brosner.notifications.unread()
print(len(sent), type(row).__module__, row._meta.label, row.channel, str(row).split(" 0")[0])
print(row.mark_as_read(), brosner.notifications.unread().count(), Notification.objects.about(justquick).count())
admin.autodiscover()
print(type(admin.site.get_model_admin(Notification)).__name__)

from django.test import Client
from notifications.storage.inbox_state import InboxState

client = Client(SERVER_NAME="localhost")
client.force_login(brosner)
json = {{"Accept": "application/json"}}
row.mark_as_unread()
print([client.get(f"/{{path}}").status_code for path in ("", "unread/", "done/", "api/inbox/", "api/unread_count/")])
counts = client.get("/api/inbox/").json()["counts"]
print([counts[name] for name in ("unread", "unseen")], client.post("/seen/").status_code)
answer = client.post("/act/", {{"one": f"done:{{row.slug}}"}}, headers=json).json()
print(answer["changed"], answer["undo"], client.post("/undo/", {{"undo": "no"}}, headers=json).json()["changed"])
print(client.get("/mark-all-as-read/?next=/elsewhere/").status_code, InboxState._meta.app_label)
brosner.delete()
"""

URLS = """
from django.urls import include, path

urlpatterns = [path("", include("notifications.urls"))]
"""


@pytest.mark.parametrize("label", ["mine", "notifications"])
def test_a_site_that_swaps_the_model_need_not_install_the_app(tmp_path: Path, label: str) -> None:
    app = tmp_path / "mine"
    app.mkdir()
    for name, text in [
        ("__init__", ""),
        ("apps", APPS),
        ("models", MODELS),
        ("admin", ADMIN),
        ("urls", URLS),
    ]:
        (app / f"{name}.py").write_text(text.format(label=label))
    script = tmp_path / "site.py"
    script.write_text(SITE.format(label=label, templates=ROOT / "notifications" / "templates"))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout.splitlines()) == (
        "",
        [
            f"1 mine.models {label}.Notification app justquick followed brosner",
            "True 0 1",
            "AbstractNotificationAdmin",
            "[200, 200, 200, 200, 200]",
            "[1, 1] 204",
            "1 None 0",
            "200 notifications_without_app",
        ],
    )
