"""Try one package on a small site, and print what it does as JSON: the facts of the table in the README.

Run by ``tests/test_readme.py`` in a process of its own for each package, with the package first on the path. It knows
only names that all three packages have; for the rest it looks whether they are there.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.urls import URLPattern, include, path, reverse
from django.utils import timezone

PACKAGE = "notifications"
WINGS = ("notifications.contrib.live", "notifications.contrib.subscriptions")

#: Each is done by a part of the inbox that has it in its name.
INBOX = ("done", "saved", "snoozed", "search", "undo")

urlpatterns: list[Any] = []


def folder() -> Path:
    """Return where the package is."""
    return Path(import_module(PACKAGE).__file__ or "").parent


def configure() -> None:
    """Set up a site with the package, and with those of our wings that it has."""
    wings = [wing for wing in WINGS if (folder().parent / wing.replace(".", "/")).is_dir()]
    settings.configure(
        SECRET_KEY="only for tests",
        ALLOWED_HOSTS=["testserver"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            PACKAGE,
            *wings,
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        ROOT_URLCONF="probe",
        STATIC_URL="/static/",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                    ]
                },
            }
        ],
        USE_TZ=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        LOGGING_CONFIG=None,
    )
    django.setup()
    urlpatterns.append(path("inbox/", include("notifications.urls", namespace="notifications")))
    urlpatterns.extend(path(f"{wing.rpartition('.')[2]}/", include(f"{wing}.urls")) for wing in wings)


class Site:
    """Users of a site, and what they do."""

    def __init__(self) -> None:
        from django.contrib.auth.models import Group, User
        from django.core.management import call_command
        from django.test import Client

        from notifications.models import Notification
        from notifications.signals import notify

        call_command("migrate", verbosity=0)
        self.alice, self.bob, self.cid = (User.objects.create_user(name) for name in ("alice", "bob", "cid"))
        self.group = Group.objects.create(name="pinax")
        self.rows: Any = Notification.objects
        self.notify: Any = notify
        self.client = Client()
        self.client.force_login(self.bob)

    def names(self) -> set[str]:
        """Return how the parts of the package are called: columns, queryset methods, urls, modules."""
        urls = import_module("notifications.urls").urlpatterns
        return {
            *(field.name for field in self.rows.model._meta.get_fields()),
            *(name for name in dir(self.rows.all()) if not name.startswith("_")),
            *(str(url.name) for url in urls if isinstance(url, URLPattern)),
            *(path.stem for pattern in ("*", "*/*") for path in folder().glob(pattern)),
        }


def get_changes_nothing(site: Site) -> bool:
    """Follow the links that change something, as a prefetching browser does."""
    for verb in ("first", "second"):
        site.notify.send(site.alice, recipient=site.bob, verb=verb)
    before = list(site.bob.notifications.order_by("pk").values_list("pk", "unread"))
    slug = before[0][0] + 110909
    for url in (
        reverse("notifications:mark_all_as_read"),
        reverse("notifications:delete", args=[slug]),
    ):
        site.client.get(url)
    return before == list(site.bob.notifications.order_by("pk").values_list("pk", "unread"))


def badge_of_ones_own(site: Site) -> bool:
    """Show the badge to one user, and then to another who has another number."""
    tag = import_module("notifications.templatetags.notifications_tags").notifications_unread
    site.notify.send(site.alice, recipient=site.bob, verb="followed")
    users = (site.bob, site.alice)
    shown = [int(tag({"user": user, "request": SimpleNamespace(user=user)})) for user in users]
    real = [user.notifications.unread().count() for user in users]
    assert real[0] != real[1]
    return shown == real


def retry_sends_once(site: Site) -> bool:
    """Send the same event twice, as a task does that is run again."""
    for _ in range(2):
        site.notify.send(site.alice, recipient=site.cid, verb="paid", idempotency_key="order:17")
    return bool(site.cid.notifications.filter(verb="paid").count() == 1)


def inbox(site: Site) -> bool:
    """Look for what is done with a notification besides reading it: all of it, or none."""
    names = site.names()
    found = {word for word in INBOX if any(word in name.split("_") for name in names)}
    assert found in (set(), set(INBOX)), f"only {sorted(found)}"
    if not found:
        return False
    site.notify.send(site.alice, recipient=site.bob, verb="opened")
    rows = site.bob.notifications.filter(verb="opened")
    changed = [
        rows.mark_all_as_saved(),
        rows.snooze_all(timezone.now() + timedelta(days=1)),
        rows.mark_all_as_done(),
    ]
    page = site.client.get(reverse("notifications:all"), {"q": "is:done opened"})
    return changed == [1, 1, 1] and page.status_code == 200


def watchers(site: Site) -> bool:
    """Watch and mute an object, and send without naming anybody."""
    # Asked of Django: an import finds ours for every package, in an environment where ours is installed as editable.
    if not apps.is_installed(WINGS[1]):
        assert not any("mute" in name or "watch" in name for name in site.names())
        return False
    subscriptions: Any = import_module(WINGS[1])
    subscriptions.watch(site.bob, site.group)
    subscriptions.watch(site.cid, site.group)
    subscriptions.mute(site.cid, site.group)
    site.notify.send(site.alice, verb="renamed", target=site.group)
    told = site.rows.filter(verb="renamed").values_list("recipient__username", "reason")
    return list(told) == [("bob", "subscribed")]


def live(site: Site) -> str:
    """Say how a page that is open hears of what is new."""
    scripts = folder().glob("static/**/*.js")
    text = "".join(script.read_text() for script in scripts)
    if "EventSource" in text:
        wing: Any = import_module(f"{WINGS[0]}.urls")
        assert [url.name for url in wing.urlpatterns]
        return "streamed"
    tag = import_module("notifications.templatetags.notifications_tags").register_notify_callbacks
    assert "setTimeout" in text or "setInterval" in text
    assert "WebSocket" not in text
    period = inspect.signature(tag).parameters["refresh_period"].default
    return f"polled, every {period} s"


def outlives_an_app(site: Site) -> bool:
    """Remove the content type of what a notification is about, as Django does for an app that was removed."""
    from django.contrib.contenttypes.models import ContentType

    gone = ContentType.objects.create(app_label="shop", model="order")
    site.notify.send(site.alice, recipient=site.bob, verb="ordered")
    rows = site.rows.filter(verb="ordered")
    assert rows.update(target_content_type=gone, target_object_id="17") == 1
    gone.delete()
    return bool(rows.exists())


def languages(site: Site) -> str:
    """Count the catalogues that Django can use."""
    return str(len(list(folder().glob("locale/*/LC_MESSAGES/django.mo"))))


FACTS: tuple[Callable[[Site], bool | str], ...] = (
    inbox,
    watchers,
    live,
    retry_sends_once,
    get_changes_nothing,
    badge_of_ones_own,
    outlives_an_app,
    languages,
)


def main() -> dict[str, bool | str]:
    try:
        configure()
    except TypeError as error:
        return {"starts": False, "why": str(error)}
    site = Site()
    return {"starts": True, **{fact.__name__: fact(site) for fact in FACTS}}


if __name__ == "__main__":
    # As the urlconf, this module has a name.
    sys.modules.setdefault("probe", sys.modules[__name__])
    print(json.dumps(main()))
