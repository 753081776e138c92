"""The settings: their defaults, their older names, and when they are read."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from notifications import conf
from notifications.conf import CONFIG_DEFAULTS, CORE_KEYS, get_config, get_notification_model
from notifications.contrib.delivery.conf import Settings as DeliverySettings
from notifications.contrib.live.conf import Settings as LiveSettings
from notifications.contrib.subscriptions.conf import Settings as SubscriptionSettings


class Everything(DeliverySettings, LiveSettings, SubscriptionSettings):
    """The settings of the core and of all wings."""


ours = Everything()
KNOWN = {
    **CORE_KEYS,
    **DeliverySettings.own_keys(),
    **LiveSettings.own_keys(),
    **SubscriptionSettings.own_keys(),
}


DEFAULTS: dict[str, Any] = {
    "PAGE_SIZE": 20,
    "NUM_TO_FETCH": 10,
    "CACHE_TIMEOUT": 2,
    "SOFT_DELETE": False,
    "USE_JSONFIELD": True,
    "ACTIONS_ON_GET": False,
    "MAX_DATA_BYTES": 65536,
    "FANOUT_CHUNK": None,
    "BADGE_CAP": 99,
    "DELIVERY_CHANNELS": {},
    "DELIVERY_RUNNER": "inline",
    "BASE_URL": "",
    "LIVE_BUS": "poll",
    "LIVE_BUS_OPTIONS": {},
    "LIVE_STREAMS_PER_USER": 10,
    "LIVE_HEARTBEAT": 15,
    "LIVE_SESSION_CHECK": 30,
    "THREADS": False,
    "AVATAR": None,
    "SEARCH_FIELDS": {},
    "JSONFIELD": "django.db.models.JSONField",
    "NOTIFY_ACTOR": False,
    "WATCH_WHEN_ACTING": True,
    "WATCH_WHEN_CALLED": True,
    "PARENTS": {},
    "MAX_DEPTH": 5,
    "VISIBILITY": {},
    "API_EXCLUDED_FIELDS": (),
}
ANOTHER: dict[str, Any] = {
    "PAGE_SIZE": 50,
    "NUM_TO_FETCH": 5,
    "CACHE_TIMEOUT": 0,
    "SOFT_DELETE": True,
    "USE_JSONFIELD": False,
    "ACTIONS_ON_GET": True,
    "MAX_DATA_BYTES": 100,
    "FANOUT_CHUNK": 1000,
    "BADGE_CAP": None,
    "LIVE_BUS": "redis",
    "LIVE_BUS_OPTIONS": {"url": "redis://cache:6379/1"},
    "LIVE_STREAMS_PER_USER": 3,
    "LIVE_HEARTBEAT": 30,
    "LIVE_SESSION_CHECK": 60,
    "THREADS": True,
    "AVATAR": "accounts.avatars.url_of",
    "SEARCH_FIELDS": {"auth.Group": "name"},
    "JSONFIELD": "jsonfield.JSONField",
    "NOTIFY_ACTOR": True,
    "WATCH_WHEN_ACTING": False,
    "WATCH_WHEN_CALLED": False,
    "PARENTS": {"tracker.issue": "repository"},
    "MAX_DEPTH": 2,
    "VISIBILITY": {"tracker.issue": "tracker.rules.Issues"},
    "API_EXCLUDED_FIELDS": ["data"],
}


@pytest.fixture
def bare(settings: Any) -> Any:
    """A site that says nothing, whatever the settings of this run say."""
    settings.NOTIFICATIONS = {}
    return settings


def test_these_are_all_settings() -> None:
    assert KNOWN.keys() == DEFAULTS.keys()


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_setting_has_its_default_where_the_site_says_nothing(bare: Any, name: str) -> None:
    assert getattr(ours, name) == DEFAULTS[name]

    del bare.NOTIFICATIONS
    assert getattr(ours, name) == DEFAULTS[name]


@pytest.mark.parametrize("name", ANOTHER)
def test_a_setting_is_read_each_time_it_is_used(bare: Any, name: str) -> None:
    """In hq PAGINATE_BY and USE_JSONFIELD were frozen at import."""
    bare.NOTIFICATIONS = {name: ANOTHER[name]}
    assert getattr(ours, name) == ANOTHER[name]

    bare.NOTIFICATIONS = {}
    assert getattr(ours, name) == DEFAULTS[name]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PAGINATE_BY", "PAGE_SIZE"),
        ("NUM_TO_FETCH", "NUM_TO_FETCH"),
        ("CACHE_TIMEOUT", "CACHE_TIMEOUT"),
        ("SOFT_DELETE", "SOFT_DELETE"),
        ("USE_JSONFIELD", "USE_JSONFIELD"),
        ("API_EXCLUDED_FIELDS", "API_EXCLUDED_FIELDS"),
    ],
)
def test_the_dict_of_the_older_packages_is_understood(bare: Any, old: str, new: str) -> None:
    bare.DJANGO_NOTIFICATIONS_CONFIG = {old: ANOTHER[new]}

    assert getattr(ours, new) == ANOTHER[new]


@pytest.mark.parametrize("name", ["ACTIONS_ON_GET", "PAGE_SIZE", "MAX_DATA_BYTES", "JSONFIELD"])
def test_the_dict_of_the_older_packages_says_only_what_it_said_then(bare: Any, name: str) -> None:
    bare.DJANGO_NOTIFICATIONS_CONFIG = {name: ANOTHER[name]}

    assert getattr(ours, name) == DEFAULTS[name]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("NOTIFY_USE_JSONFIELD", "USE_JSONFIELD"),
        ("NOTIFICATIONS_USE_JSONFIELD", "USE_JSONFIELD"),
        ("NOTIFICATIONS_SOFT_DELETE", "SOFT_DELETE"),
    ],
)
def test_the_settings_before_that_dict_are_understood(bare: Any, old: str, new: str) -> None:
    setattr(bare, old, ANOTHER[new])

    assert getattr(ours, new) == ANOTHER[new]


def test_the_newer_name_wins(bare: Any) -> None:
    in_force = []
    for name, value in [
        ("NOTIFY_USE_JSONFIELD", False),
        ("NOTIFICATIONS_USE_JSONFIELD", True),
        ("DJANGO_NOTIFICATIONS_CONFIG", {"USE_JSONFIELD": False}),
        ("NOTIFICATIONS", {"USE_JSONFIELD": True}),
    ]:
        setattr(bare, name, value)
        in_force.append(ours.USE_JSONFIELD)

    assert in_force == [False, True, False, True]


def test_a_dict_that_does_not_name_a_setting_leaves_it_to_the_older_name(bare: Any) -> None:
    bare.NOTIFICATIONS_SOFT_DELETE = True
    bare.DJANGO_NOTIFICATIONS_CONFIG = {"PAGINATE_BY": 50}
    bare.NOTIFICATIONS = {"NUM_TO_FETCH": 5}

    assert (ours.SOFT_DELETE, ours.PAGE_SIZE, ours.NUM_TO_FETCH) == (True, 50, 5)


@pytest.mark.parametrize("name", ["NOTIFICATIONS", "DJANGO_NOTIFICATIONS_CONFIG"])
def test_what_is_no_dict_counts_as_empty_so_that_the_check_can_say_so(bare: Any, name: str) -> None:
    setattr(bare, name, ["PAGE_SIZE"])

    assert {key: getattr(ours, key) for key in DEFAULTS} == DEFAULTS


def test_the_settings_are_there_under_the_names_of_hq(bare: Any) -> None:
    import notifications.settings

    assert notifications.settings.get_config is get_config
    assert notifications.settings.CONFIG_DEFAULTS is CONFIG_DEFAULTS
    assert CONFIG_DEFAULTS == {
        "PAGINATE_BY": 20,
        "USE_JSONFIELD": True,
        "SOFT_DELETE": False,
        "NUM_TO_FETCH": 10,
        "CACHE_TIMEOUT": 2,
        "API_EXCLUDED_FIELDS": (),
    }
    bare.NOTIFICATIONS = {"PAGE_SIZE": 50, "ACTIONS_ON_GET": True}
    assert get_config() == {**CONFIG_DEFAULTS, "PAGINATE_BY": 50}


def test_a_setting_of_the_class_is_its_rule() -> None:
    assert conf.Settings.PAGE_SIZE is KNOWN["PAGE_SIZE"]
    assert conf.Settings.PAGE_SIZE.default == 20


@pytest.mark.parametrize(("name", "value"), [*DEFAULTS.items(), *ANOTHER.items()])
def test_a_fitting_value_is_no_problem(name: str, value: Any) -> None:
    assert KNOWN[name].problem(value) is None


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("PAGE_SIZE", "20", "it must be of type int"),
        ("PAGE_SIZE", True, "it must be of type int"),
        ("PAGE_SIZE", None, "it must be of type int"),
        ("PAGE_SIZE", 0, "it must be at least 1"),
        ("NUM_TO_FETCH", 0, "it must be at least 1"),
        ("CACHE_TIMEOUT", -1, "it must be at least 0"),
        ("SOFT_DELETE", 1, "it must be of type bool"),
        ("USE_JSONFIELD", "False", "it must be of type bool"),
        ("ACTIONS_ON_GET", None, "it must be of type bool"),
        ("MAX_DATA_BYTES", -1, "it must be at least 0"),
        ("FANOUT_CHUNK", 0, "it must be at least 1"),
        ("FANOUT_CHUNK", 1.5, "it must be of type int"),
        ("BADGE_CAP", False, "it must be of type int"),
        ("JSONFIELD", object, "it must be of type str"),
        ("PARENTS", ["repository"], "it must be of type Mapping"),
        ("API_EXCLUDED_FIELDS", "data", "it must be a list or tuple of names, not one text"),
        ("MAX_DEPTH", -1, "it must be at least 0"),
    ],
)
def test_a_value_that_does_not_fit_is_put_in_words(name: str, value: Any, problem: str) -> None:
    assert KNOWN[name].problem(value) == problem


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("inbox", "must be like 'app_label.model_name', not 'inbox'"),
        ("inbox.models.Notification", "must be like 'app_label.model_name'"),
        (None, "must be like 'app_label.model_name', not None"),
        (object, "must be like 'app_label.model_name', not <class 'object'>"),
        ("nowhere.Notification", "is 'nowhere.Notification', which is not installed: No installed app"),
        ("notifications.Nothing", "is 'notifications.Nothing', which is not installed: App 'notifications'"),
    ],
)
def test_a_model_that_is_not_there_is_an_error_that_names_the_setting(
    settings: Any, name: Any, words: str
) -> None:
    """As with ``get_user_model()``; it was a bare LookupError."""
    settings.NOTIFICATIONS_NOTIFICATION_MODEL = name
    with pytest.raises(ImproperlyConfigured, match=f"NOTIFICATIONS_NOTIFICATION_MODEL {words}"):
        get_notification_model()
