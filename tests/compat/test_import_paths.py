"""The import paths of the older packages: each name is where it was, and is the thing itself."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.template import Template, TemplateSyntaxError

from notifications.conf import get_notification_model
from tests.testapp.models import Project, Quiet

# A name, and where the thing itself lives; None where it is the thing itself that has been there since.
PATHS: dict[str, dict[str, str | None]] = {
    "notifications": {"notify": "signals", "urls": None, "__version__": None},
    "notifications.admin": {"AbstractNotificationAdmin": "inbox.admin", "NotificationAdmin": None},
    "notifications.apps": {"Config": None},
    "notifications.base.admin": {"AbstractNotificationAdmin": "inbox.admin"},
    "notifications.base.models": {
        "AbstractNotification": "storage.notification",
        "EXTRA_DATA": None,
        "NotificationQuerySet": "storage.querysets",
        "assert_soft_delete": "storage.querysets",
        "is_soft_delete": "storage.querysets",
        "notify_handler": "sending.handler",
        "now": None,
    },
    "notifications.helpers": {
        "get_config": "conf",
        "get_notification_list": "inbox.lists",
        "get_num_to_fetch": "inbox.lists",
        "get_object_url": "helpers:get_object_url",
        "id2slug": "compat.slugs",
        "model_to_dict": None,
    },
    "notifications.models": {
        "AbstractNotification": "storage.notification",
        "EXTRA_DATA": None,
        "Notification": None,
        "NotificationQuerySet": "storage.querysets",
        "assert_soft_delete": "storage.querysets",
        "is_soft_delete": "storage.querysets",
        "notify_handler": "sending.handler",
    },
    "notifications.settings": {"CONFIG_DEFAULTS": "conf", "get_config": "conf"},
    "notifications.signals": {"notify": None},
    # Of django-notifications-community.
    "notifications.swappable": {
        "NOTIFICATION_MODEL_SETTING": "conf:MODEL_SETTING",
        "load_notification_model": "conf:get_notification_model",
    },
    "notifications.templatetags.notifications_tags": {
        "get_cached_notification_unread_count": None,
        "has_notification": None,
        "live_notify_badge": None,
        "live_notify_list": None,
        "notifications_unread": None,
        "register_notify_callbacks": None,
        # Of django-notifications-community.
        "unread_count_cache_key": None,
        "user_context": None,
    },
    "notifications.urls": {"app_name": None, "urlpatterns": None},
    "notifications.utils": {"id2slug": "compat.slugs", "slug2id": "compat.slugs"},
    "notifications.views": {
        "AllNotificationsList": "inbox.pages",
        "JsonResponse": None,
        "NotificationViewList": "inbox.pages",
        "UnreadNotificationsList": "inbox.pages",
        "delete": "inbox.action_views",
        "live_all_notification_count": "inbox.api",
        "live_all_notification_list": "inbox.api",
        "live_unread_notification_count": "inbox.api",
        "live_unread_notification_list": "inbox.api",
        "mark_all_as_read": "inbox.action_views",
        "mark_as_read": "inbox.action_views",
        "mark_as_unread": "inbox.action_views",
    },
}
ROWS = [(module, name, home) for module, names in PATHS.items() for name, home in names.items()]


@pytest.mark.parametrize(("module", "name", "home"), ROWS, ids=[f"{row[0]}.{row[1]}" for row in ROWS])
def test_every_name_is_where_it_was(module: str, name: str, home: str | None) -> None:
    found = getattr(import_module(module), name)
    if home is not None:
        path, _, other = home.partition(":")
        assert found is getattr(import_module(f"notifications.{path}"), other or name)


@pytest.mark.parametrize(
    "module", [name for name in PATHS if name.count(".") == 1 and "template" not in name]
)
def test_a_module_for_the_older_packages_defines_nothing_else(module: str) -> None:
    exported = getattr(import_module(module), "__all__", None)
    lazy = {"EXTRA_DATA"}
    assert (
        exported is None or module == "notifications.models" or set(exported) == PATHS[module].keys() - lazy
    )


def test_the_url_of_an_object_is_none_where_it_has_none() -> None:
    from notifications.helpers import get_object_url

    project, row = Project(pk=1, name="p"), get_notification_model()()
    assert get_object_url(project, row, None) == project.get_absolute_url()
    assert get_object_url(Quiet(pk=1), row, None) is None


def test_the_tag_for_the_callbacks_can_be_called_from_python_as_in_the_older_packages() -> None:
    from notifications.templatetags.notifications_tags import register_notify_callbacks

    html = register_notify_callbacks("badge", "menu", callbacks="fill_notification_badge", fetch=3)
    assert '"badgeClass":"badge"' in html
    assert register_notify_callbacks(api_name="other") == ""
    marking = register_notify_callbacks(mark_as_read=True, csrf_token="abc")
    assert '"csrfToken":"abc"' in marking
    # A template may pass what Python may, and nothing else.
    with pytest.raises(TemplateSyntaxError):
        Template("{% load notifications_tags %}{% register_notify_callbacks colour='red' %}")
