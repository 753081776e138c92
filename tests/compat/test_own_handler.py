"""A site that puts a handler of its own in the place of ours, wherever it does so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

# What people copy from each other.
REPLACE = """
from notifications.models import notify_handler
from notifications.signals import notify

def custom_handler(*args, **kwargs):
    return notify_handler(*args, **kwargs)

notify.disconnect(notify_handler, dispatch_uid="notifications.models.notification")
notify.connect(custom_handler)
"""

APPS = """
from django.apps import AppConfig

class MineConfig(AppConfig):
    name = "mine"

    def ready(self):
        import mine.handlers
"""

SITE = """
import django
from django.conf import settings

apps = {apps}
settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", *apps], USE_TZ=True)
django.setup()

from notifications.signals import notify

# Each answers, with an error, because there is no actor.
print([receiver.__name__ for receiver, _ in notify.send_robust(None, verb="x")])
"""


@pytest.mark.parametrize("apps", [["notifications", "mine"], ["mine", "notifications"]], ids=str)
@pytest.mark.parametrize("module", ["models", "handlers"])
def test_ours_stays_disconnected(tmp_path: Path, apps: list[str], module: str) -> None:
    app = tmp_path / "mine"
    app.mkdir()
    (app / "__init__.py").write_text("")
    (app / f"{module}.py").write_text(REPLACE)
    if module == "handlers":
        (app / "apps.py").write_text(APPS)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SITE.format(apps=apps)],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", "['custom_handler']\n")
