"""Try this package or django-generic-notifications on a small site, and print what it does as JSON.

Run by ``tests/test_readme.py`` as ``probe_generic.py PACKAGE``, in a process of its own with the package first on the
path. The two have no names in common, so each fact is tried in the words of each.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django
from django.conf import settings

OURS = "notifications"
PACKAGE = sys.argv[1]


def configure() -> None:
    """Set up a site with the package."""
    settings.configure(
        SECRET_KEY="only for tests",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", PACKAGE],
        USE_TZ=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        LOGGING_CONFIG=None,
    )
    django.setup()


def send(actor: Any, recipient: Any) -> None:
    """Notify a recipient, as the documentation of the package says."""
    if PACKAGE == OURS:
        import_module(OURS).notify.send(actor, verb="came", recipient=recipient)
        return
    generic = import_module(PACKAGE)
    types: Any = import_module(f"{PACKAGE}.types")
    registry: Any = import_module(f"{PACKAGE}.registry").registry
    kind = type(
        "Came", (types.NotificationType,), {"key": "came", "name": "Came", "description": "Somebody came"}
    )
    registry.register_type(kind, force=True)
    generic.send_notification(recipient=recipient, notification_type=kind, actor=actor)


def works(actor: Any, recipient: Any, expected: int) -> bool:
    """Return whether the recipients are notified."""
    from django.db import transaction

    model: Any = import_module(f"{PACKAGE}.models").Notification
    before = model.objects.count()
    try:
        with transaction.atomic():
            send(actor, recipient)
    except (AttributeError, TypeError, ValueError):
        return False
    return bool(model.objects.count() - before == expected)


def main() -> dict[str, bool]:
    configure()
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    alice, bob, cid = (
        User.objects.create_user(name, email=f"{name}@example.com") for name in ("alice", "bob", "cid")
    )
    group = Group.objects.create(name="pinax")
    assert works(alice, bob, 1)
    folder = Path(import_module(PACKAGE).__file__ or "").parent
    return {
        "pages": find_spec(f"{PACKAGE}.urls") is not None and any(folder.glob("templates/**/list.html")),
        "many": works(alice, User.objects.filter(pk__in=[bob.pk, cid.pk]), 2),
        "any_actor": works(group, bob, 1),
        "email": any(folder.glob("**/channels*")),
    }


if __name__ == "__main__":
    print(json.dumps(main()))
