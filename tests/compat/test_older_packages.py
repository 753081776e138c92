"""What code written for the older packages imports, where it was, and when it may."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.views.generic import ListView

import notifications
from notifications.apps import Config
from notifications.compat import slugs
from notifications.conf import get_notification_model
from notifications.storage.querysets import NotificationQuerySet
from tests.factories import make_notification, make_user
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("module", ["notifications.base.models", "notifications.models"])
def test_extra_data_is_the_setting_of_the_moment(settings: Any, module: str) -> None:
    base = import_module(module)
    settings.NOTIFICATIONS = {"USE_JSONFIELD": False}
    assert base.EXTRA_DATA is False
    settings.NOTIFICATIONS = {}
    assert base.EXTRA_DATA is True


@pytest.mark.parametrize("module", ["notifications", "notifications.base.models", "notifications.models"])
def test_a_module_says_which_name_it_does_not_have(module: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nothing'"):
        _ = import_module(module).nothing


def test_the_settings_are_read_under_the_names_of_the_older_packages(settings: Any) -> None:
    from notifications.settings import CONFIG_DEFAULTS, get_config

    assert CONFIG_DEFAULTS == {
        "PAGINATE_BY": 20,
        "NUM_TO_FETCH": 10,
        "CACHE_TIMEOUT": 2,
        "SOFT_DELETE": False,
        "USE_JSONFIELD": True,
        "API_EXCLUDED_FIELDS": (),
    }
    settings.NOTIFICATIONS = {}
    assert get_config() == CONFIG_DEFAULTS
    settings.DJANGO_NOTIFICATIONS_CONFIG = {"PAGINATE_BY": 50}
    assert get_config() == {**CONFIG_DEFAULTS, "PAGINATE_BY": 50}


@pytest.mark.parametrize(("number", "slug"), [(1, 110910), (-110909, 0), (2**63 - 1, 2**63 + 110908)])
def test_a_slug_is_an_id_and_110909(number: int, slug: int) -> None:
    assert slugs.id2slug(number) == slug
    assert slugs.slug2id(slug) == slugs.slug2id(str(slug)) == number


@pytest.mark.parametrize("slug", ["", "x", "1.5", "None", "1x"])
def test_a_slug_that_is_no_number_is_an_error(slug: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        slugs.slug2id(slug)


def test_the_app_is_the_one_of_the_older_packages() -> None:
    config = apps.get_app_config("notifications")
    assert type(config) is Config
    assert (config.name, config.label, str(config.verbose_name)) == (
        "notifications",
        "notifications",
        "Notifications",
    )
    assert Config.default_auto_field == "django.db.models.BigAutoField"


def test_an_app_that_gets_ready_twice_has_one_receiver() -> None:
    before = len(notifications.notify.receivers)
    apps.get_app_config("notifications").ready()
    assert len(notifications.notify.receivers) == before


@pytest.mark.django_db
def test_a_view_of_ones_own_can_build_on_the_list(rf: Any) -> None:
    from notifications.views import NotificationViewList

    class Errors(NotificationViewList):
        def get_queryset(self) -> Any:
            user: Any = self.request.user
            return user.notifications.filter(level="error")

    assert issubclass(NotificationViewList, ListView)
    user = make_user()
    row = make_notification(user, level="error")
    make_notification(user)
    request = rf.get("/")
    request.user = user
    response: Any = Errors.as_view()(request)
    assert list(response.context_data["notifications"]) == [row]


@pytest.mark.django_db
def test_the_model_is_what_the_manager_and_the_default_manager_give() -> None:
    model: Any = get_notification_model()
    assert isinstance(model.objects.all(), NotificationQuerySet)
    assert model._default_manager is model.objects


# When they may be imported: in a process of its own


SETTINGS = """
SECRET_KEY = "only for tests"
INSTALLED_APPS = [{apps}]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "site_urls"
USE_TZ = True
TEMPLATES = [
    {{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {{"context_processors": ["django.template.context_processors.request"]}},
    }}
]
"""
NEEDED = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]


def site(folder: Path, *, installed: list[str], files: dict[str, str]) -> None:
    """Write a site of these apps and files."""
    listed = ", ".join(repr(app) for app in installed)
    for name, text in {"site_settings.py": SETTINGS.format(apps=listed), **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{ROOT}", "DJANGO_SETTINGS_MODULE": "site_settings"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.backend("sqlite")
@pytest.mark.shape("default")
@pytest.mark.parametrize("first", [True, False])
def test_an_app_may_import_all_of_it_while_apps_are_loaded(tmp_path: Path, first: bool) -> None:
    """Whether the app comes before or after ours: as the seed's own example does, and as urls do."""
    site(
        tmp_path,
        installed=[*NEEDED, *(["shop", "notifications"] if first else ["notifications", "shop"])],
        files={
            "shop/__init__.py": "from notifications import notify\nfrom notifications.signals import notify as same\n",
            "shop/models.py": """
                from django.contrib.auth import get_user_model
                from django.db import models
                from django.db.models.signals import post_save

                import notifications
                from notifications import notify
                from notifications.base.models import AbstractNotification, NotificationQuerySet
                from notifications.models import Notification
                from notifications.settings import get_config

                class Order(models.Model):
                    buyer = models.ForeignKey("auth.User", models.CASCADE)

                    def __str__(self):
                        return f"order {self.pk}"

                def my_handler(sender, instance, created, **kwargs):
                    notify.send(instance.buyer, verb="was saved", target=instance, recipient=instance.buyer)

                post_save.connect(my_handler, sender=Order)
                """,
            "site_urls.py": """
                from django.urls import include, path

                import notifications

                urlpatterns = [path("inbox/notifications/", include(notifications.urls))]
                """,
            "go.py": """
                import io

                import django

                django.setup()
                from django.contrib.auth.models import User
                from django.core.management import call_command
                from django.urls import reverse

                from shop.models import Notification, Order

                call_command("migrate", verbosity=0, run_syncdb=True)
                call_command("check", fail_level="{level}", stdout=io.StringIO())
                Order.objects.create(buyer=User.objects.create(username="justquick"))
                print(Notification.objects.get(), reverse("notifications:all"))
                """.replace("{level}", "ERROR" if first else "WARNING"),
        },
    )
    result = run(tmp_path, "go.py")
    assert (result.stderr, result.returncode) == ("", 0)
    assert result.stdout.replace("\xa0", " ") == (
        "justquick was saved order 1 0 minutes ago /inbox/notifications/\n"
    )


@pytest.mark.backend("sqlite")
@pytest.mark.shape("default")
def test_a_site_without_the_admin_never_loads_it(tmp_path: Path) -> None:
    site(
        tmp_path,
        installed=[*NEEDED, "notifications"],
        files={
            "site_urls.py": "urlpatterns = []\n",
            "go.py": """
                import sys

                import django

                django.setup()
                from django.contrib.auth.models import User
                from django.core.management import call_command

                from notifications import notify

                call_command("migrate", verbosity=0)
                user = User.objects.create(username="justquick")
                [[receiver, [row]]] = notify.send(user, verb="reached level 10")
                print(row, "django.contrib.admin" in sys.modules)
                print(row.actor_object_url())
                """,
        },
    )
    result = run(tmp_path, "go.py")
    assert (result.stderr, result.returncode) == ("", 0)
    assert result.stdout.replace("\xa0", " ") == "justquick reached level 10 0 minutes ago False\n1\n"
