"""The settings: typed, with defaults, read at use and never at import."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Generic, TypeVar, overload

from django.apps import apps
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from notifications.compat.settings import LEGACY_KEYS, MISSING, OLDER_NAMES, legacy_value

T = TypeVar("T")

#: The setting that names the site's own notification model, as AUTH_USER_MODEL names the user model.
MODEL_SETTING = "NOTIFICATIONS_NOTIFICATION_MODEL"


def get_notification_model() -> type[Any]:
    """Return the model of this site: ``NOTIFICATIONS_NOTIFICATION_MODEL``, else ``notifications.Notification``.

    Raise ImproperlyConfigured if there is no such model, as ``get_user_model()`` does.
    """
    name: str = getattr(django_settings, MODEL_SETTING, "notifications.Notification")
    try:
        return apps.get_model(name, require_ready=False)
    except (ValueError, AttributeError) as error:
        raise ImproperlyConfigured(
            f"{MODEL_SETTING} must be like 'app_label.model_name', not {name!r}."
        ) from error
    except LookupError as error:
        raise ImproperlyConfigured(f"{MODEL_SETTING} is {name!r}, which is not installed: {error}") from error


def own_values() -> Mapping[str, Any]:
    """Return the dict ``NOTIFICATIONS`` as it stands; a value of another type counts as empty (a check says so)."""
    own = getattr(django_settings, "NOTIFICATIONS", None)
    return own if type(own) is dict or isinstance(own, Mapping) else {}


class Setting(Generic[T]):
    """Read one key on each access: from ``NOTIFICATIONS``, then from the older settings, then the default."""

    def __init__(self, default: T, *, kind: type | None = None, minimum: int | None = None) -> None:
        self.default = default
        self.kind = kind or type(default)
        # Only a setting that may be None has to name its type.
        self.optional = kind is not None
        self.minimum = minimum

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Setting[T] | T:
        if instance is None:
            return self
        own = own_values()
        if self.name in own:
            value: T = own[self.name]
            return value
        # Some are read for each row of a page.
        return legacy_value(self.name, self.default) if self.name in OLDER_NAMES else self.default

    def problem(self, value: object) -> str | None:
        """Return why ``value`` is invalid for this setting, or None if it is valid."""
        if value is None and self.optional:
            return None
        if not isinstance(value, self.kind) or (self.kind is int and isinstance(value, bool)):
            return f"it must be of type {self.kind.__name__}"
        # As ("data") is, without the comma: it is a collection too, of letters.
        if self.kind is Collection and isinstance(value, str):
            return "it must be a list or tuple of names, not one text"
        if self.minimum is not None and isinstance(value, int) and value < self.minimum:
            return f"it must be at least {self.minimum}"
        return None


class Settings:
    """The keys of the dict ``NOTIFICATIONS`` that the core reads. An app with keys of its own has a subclass of this.

    Its AppConfig hands the subclass over as ``notifications_settings`` of
    :class:`notifications.extensions.Extension`, so that the checks know the keys.
    """

    #: Rows on a page of the list views.
    PAGE_SIZE = Setting(20, minimum=1)
    #: Rows of the JSON lists without ``?max=`` (1 to 100).
    NUM_TO_FETCH = Setting(10, minimum=1)
    #: Seconds for which the unread count of a user is cached; 0 disables caching.
    CACHE_TIMEOUT = Setting(2, minimum=0)
    #: Whether deleting a notification in the inbox only marks it as deleted.
    SOFT_DELETE = Setting(False)
    #: Whether extra arguments of ``notify.send`` are stored in ``data``. If it is not set, values that JSON cannot
    #: store are dropped; False drops all of them. Both log a warning.
    USE_JSONFIELD = Setting(True)
    #: Whether GET requests can change data, as in the older packages.
    ACTIONS_ON_GET = Setting(False)
    #: The maximum size of ``data`` of one event, in bytes of JSON.
    MAX_DATA_BYTES = Setting(64 * 1024, minimum=0)
    #: Recipients per statement; None writes all rows of a queryset in one statement.
    FANOUT_CHUNK: Setting[int | None] = Setting(None, kind=int, minimum=1)
    #: The maximum up to which the badge counts; above it shows "99+". None counts all.
    BADGE_CAP: Setting[int | None] = Setting(99, kind=int, minimum=1)
    #: Whether the inbox shows the notifications about one target as one entry. ``?threads=0`` or ``1`` overrides it.
    THREADS = Setting(False)
    #: The dotted path of a function that returns the URL of the image of a user. Without it, initials are shown.
    AVATAR: Setting[str | None] = Setting(None, kind=str)
    #: The models that can be searched by name, besides users, each with the field that contains the name.
    SEARCH_FIELDS: Setting[dict[str, str]] = Setting({})
    #: The dotted path of the JSON field class that stores ``data``.
    JSONFIELD = Setting("django.db.models.JSONField")
    #: Keys that the JSON of notifications leaves out, such as ``["data"]``.
    API_EXCLUDED_FIELDS: Setting[Collection[str]] = Setting((), kind=Collection)
    #: Rules that define who may see the objects of a model: the label of the model and the dotted path of the rule.
    VISIBILITY: Setting[Mapping[str, str]] = Setting({}, kind=Mapping)

    def is_set(self, name: str) -> bool:
        """Return whether the site sets this key, under its name or an older one."""
        return name in own_values() or legacy_value(name, MISSING) is not MISSING

    @classmethod
    def own_keys(cls) -> dict[str, Setting[Any]]:
        """Return the keys that this class adds, each with its default and its rule."""
        return {name: value for name, value in vars(cls).items() if isinstance(value, Setting)}


settings = Settings()


#: The keys of the core, each with its default and its rule.
CORE_KEYS = Settings.own_keys()

#: The defaults under the names of django-notifications-hq.
CONFIG_DEFAULTS: dict[str, Any] = {old: CORE_KEYS[key].default for old, key in LEGACY_KEYS.items()}


def get_config() -> dict[str, Any]:
    """Return the settings in force under the names of django-notifications-hq."""
    return {old: getattr(settings, key) for old, key in LEGACY_KEYS.items()}
