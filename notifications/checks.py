"""System checks for mistakes in the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections, models, router
from django.utils.module_loading import import_string

from notifications.compat import settings as older
from notifications.conf import get_notification_model, settings
from notifications.extensions import known_settings
from notifications.inbox.search import searched_field
from notifications.models import AbstractNotification, InboxState
from notifications.objects.fetch import key_field
from notifications.objects.guard import error_text
from notifications.objects.visibility import model_named, rule_problem
from notifications.sending.statement import CONSTRAINT, keeps_constraint
from notifications.storage.databases import schema_of
from notifications.types import problems_of, registered, same_verb

#: The vendors, as Django names them, of the databases that the tests run on. MySQL has the name of MariaDB.
SUPPORTED_DATABASES = {"postgresql", "mysql", "sqlite"}

#: At least as many fields as a form of the inbox has besides the rows that are selected.
OTHER_FIELDS = 20

REQUEST_PROCESSOR = "django.template.context_processors.request"


@register()
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check the dict ``NOTIFICATIONS`` and the settings of the older packages."""
    own = getattr(django_settings, "NOTIFICATIONS", {})
    if not isinstance(own, Mapping):
        return [
            Error(
                f"NOTIFICATIONS must be a dict, got {own!r}.",
                hint="Set it to a dict of settings of this app.",
                id="notifications.E001",
            )
        ]
    legacy, known = older.legacy_values(), known_settings()
    return [
        *(unknown_key("NOTIFICATIONS", key, known) for key in own if key not in known),
        *legacy_unknown_keys(),
        *wrong_values("NOTIFICATIONS", own),
        *wrong_values("The settings of the older package", legacy),
        *(
            Warning(
                f"NOTIFICATIONS[{key!r}] is {own[key]!r}, but a setting of the older package is {legacy[key]!r}.",
                hint=f"NOTIFICATIONS is used. Remove the old setting ({older.LEGACY_DICT} or an older name).",
                id="notifications.W002",
            )
            for key in legacy
            if key in own and own[key] != legacy[key]
        ),
    ]


def legacy_unknown_keys() -> list[CheckMessage]:
    """Check the dict of the older packages."""
    legacy = getattr(django_settings, older.LEGACY_DICT, {})
    if not isinstance(legacy, Mapping):
        return [
            Error(
                f"{older.LEGACY_DICT} must be a dict, got {legacy!r}.",
                hint="Set it to a dict.",
                id="notifications.E001",
            ),
        ]
    return [
        unknown_key(older.LEGACY_DICT, key, older.LEGACY_KEYS)
        for key in legacy
        if key not in older.LEGACY_KEYS
    ]


def unknown_key(name: str, key: Any, known: Mapping[str, Any]) -> CheckMessage:
    """Return the warning for an unknown key, with a suggestion."""
    moved = older.LEGACY_KEYS.get(key) if name == "NOTIFICATIONS" else None
    near = [moved] if moved else get_close_matches(str(key).upper(), known, n=1)
    return Warning(
        f"{name} has the unknown key {key!r}.",
        hint=f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}.",
        id="notifications.W001",
    )


def wrong_values(name: str, values: Mapping[str, Any]) -> list[CheckMessage]:
    """Return an error for each value of the wrong type or out of range."""
    return [
        Error(f"{name}: {key} is {values[key]!r}; {problem}.", id="notifications.E002")
        for key, setting in known_settings().items()
        if key in values and (problem := setting.problem(values[key]))
    ]


@register(Tags.models)
def check_search_fields(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the models and fields in ``SEARCH_FIELDS`` exist."""
    wanted: Any = settings.SEARCH_FIELDS
    return [
        Warning(
            f"NOTIFICATIONS['SEARCH_FIELDS'] contains {label!r}: {name!r}, which is not a text field of a model.",
            hint="Use {'app_label.Model': 'name_of_a_text_field'}.",
            id="notifications.W007",
        )
        # A value that is not a dict is already an error.
        for label, name in (wanted.items() if isinstance(wanted, Mapping) else ())
        if searched_field(label, name) is None
    ]


@register()
def check_page_size(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that a form can send all rows of a page."""
    size: Any = settings.PAGE_SIZE
    most: Any = django_settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    # A value that is not a number is already an error.
    if most is None or not isinstance(size, int) or size + OTHER_FIELDS <= most:
        return []
    return [
        Warning(
            f"NOTIFICATIONS['PAGE_SIZE'] is {size}; nobody can select all rows of a page.",
            hint=f"A form may send DATA_UPLOAD_MAX_NUMBER_FIELDS = {most} fields. "
            f"Set PAGE_SIZE to {most - OTHER_FIELDS} or less.",
            id="notifications.W008",
        )
    ]


@register()
def check_types(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check the registered types of notifications, and that no two of them have the same verb."""
    problems: list[CheckMessage] = []
    for kind in registered():
        name = f"{kind.__module__}.{kind.__qualname__}"
        problems += [
            Error(f"The notification type {name} is not valid: {problem}.", obj=kind, id="notifications.E010")
            for problem in problems_of(kind)
        ]
        if other := same_verb(kind):
            problems.append(
                Error(
                    f"The notification types {name} and {other.__module__}.{other.__qualname__} have the same verb, "
                    f"{kind.verb!r}.",
                    hint="The verb names a type, also in databases that ignore upper case. Use another verb.",
                    obj=kind,
                    id="notifications.E011",
                )
            )
    return problems


@register(Tags.security)
def check_visibility(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the models in ``VISIBILITY`` exist, and that their rules can be imported and have both methods.

    Otherwise the objects that may be meant are hidden from everybody.
    """
    wanted: Any = settings.VISIBILITY
    problems: list[CheckMessage] = []
    # A value that is not a dict is already reported as an error.
    for label, path in wanted.items() if isinstance(wanted, Mapping) else ():
        model = model_named(label)
        if model is None:
            labels = [each._meta.label for each in apps.get_models()]
            near = get_close_matches(str(label), labels, n=1)
            problems.append(
                Error(
                    f"NOTIFICATIONS['VISIBILITY'] contains {label!r}, which is not a model. "
                    "The objects that may be meant are hidden from everybody.",
                    hint=f"Did you mean {near[0]!r}?" if near else "It must be like 'app_label.Model'.",
                    id="notifications.E003",
                )
            )
        elif model._meta.proxy:
            problems.append(
                Error(
                    f"NOTIFICATIONS['VISIBILITY'] contains {label!r}, which is a proxy.",
                    hint=f"Use {model._meta.concrete_model._meta.label!r}.",  # type: ignore[union-attr]
                    id="notifications.E003",
                )
            )
        if problem := rule_problem(path):
            problems.append(
                Error(
                    f"NOTIFICATIONS['VISIBILITY'] of {label!r} is {path!r}, which is not a rule: {problem}. "
                    "Its objects are hidden from everybody.",
                    hint="Use a subclass of notifications.objects.visibility.Rule that has both methods.",
                    id="notifications.E004",
                )
            )
    model = get_notification_model()
    if wanted and model.is_hidden is not AbstractNotification.is_hidden:
        problems.append(
            Error(
                f"{model._meta.label} has its own is_hidden, so pages show the texts of notifications about hidden "
                "objects.",
                hint="Rename it. A column can keep its name in the table: db_column='is_hidden'.",
                obj=model,
                id="notifications.E013",
            )
        )
    return problems


@register(Tags.models)
def check_avatar(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the function in ``AVATAR`` can be imported."""
    path: Any = settings.AVATAR
    # A value of another type is already reported as an error.
    if not isinstance(path, str):
        return []
    try:
        problem = "" if callable(import_string(path)) else "it cannot be called"
    except Exception as error:  # noqa: BLE001 - importing it runs code of the site
        problem = error_text(error)
    if not problem:
        return []
    return [
        Error(
            f"NOTIFICATIONS['AVATAR'] is {path!r}, which is not a function: {problem}. Initials are shown.",
            hint="Use the dotted path of a function that takes a user and returns a URL.",
            id="notifications.E012",
        )
    ]


@register(Tags.models)
def check_primary_key(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the primary key of a custom model can be used in URLs."""
    model = get_notification_model()
    field = key_field(model)
    if isinstance(field, (models.IntegerField, models.UUIDField, models.CharField, models.TextField)):
        return []
    return [
        Error(
            f"The primary key of {model._meta.label} is a {type(field).__name__}.",
            hint="It must be an integer, a UUID or text.",
            obj=model,
            id="notifications.E005",
        )
    ]


@register(Tags.models)
def check_manager(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the default manager of a custom model has the methods of the queryset of this app."""
    model = get_notification_model()
    manager: Any = model._default_manager
    if hasattr(manager, "inbox"):
        return []
    return [
        Error(
            f"The default manager of {model._meta.label} is a {type(manager).__name__} without the methods of "
            "NotificationQuerySet.",
            hint=f"Use {type(manager).__name__}.from_queryset(NotificationQuerySet)(), or inherit from "
            "AbstractNotification first.",
            obj=model,
            id="notifications.E008",
        )
    ]


@register()
def check_databases(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the database of the notifications is supported, and that their tables are in the same one."""
    model = get_notification_model()
    alias = router.db_for_write(model)
    problems: list[CheckMessage] = []
    if connections[alias].vendor not in SUPPORTED_DATABASES:
        problems.append(
            Error(
                f"The notifications are in the database {alias!r}, which is {connections[alias].display_name}.",
                hint="PostgreSQL, MySQL, MariaDB and SQLite are supported.",
                obj=model,
                id="notifications.E006",
            )
        )
    if is_kept_out(InboxState, model, alias):
        problems.append(kept_out(InboxState, model, alias))
    return problems


def apart(tables: Iterable[type[models.Model]], beside: type[models.Model]) -> list[CheckMessage]:
    """Return an error for each of the tables that is not read and written in the database of another one.

    An app uses this for its own tables that one statement reads or writes together with notifications or users.
    """
    alias = router.db_for_write(beside)
    return [
        kept_out(table, beside, alias)
        for table in tables
        if router.db_for_write(table) != alias or is_kept_out(table, beside, alias)
    ]


def is_kept_out(table: type[models.Model], beside: type[models.Model], alias: str) -> bool:
    """Return whether a router keeps a table out of the database in which it lets another one be.

    The routers of tenants answer for the current schema. In a check, that is the public one, or none.
    """
    is_of_database = not schema_of(alias) and router.allow_migrate_model(alias, beside)
    return is_of_database and not router.allow_migrate_model(alias, table)


def kept_out(table: type[models.Model], beside: type[models.Model], alias: str) -> CheckMessage:
    """Return the error for a table that a router keeps out of the database where it is needed."""
    return Error(
        f"{beside._meta.label} is in the database {alias!r}, but a router keeps {table._meta.label} out of it.",
        hint=f"Let your router send the app {table._meta.app_label!r} to this database, and allow_migrate() it there.",
        obj=beside,
        id="notifications.E007",
    )


@register()
def check_templates(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that a template engine adds the request to the context, which the templates need."""
    engines = [
        engine
        for engine in getattr(django_settings, "TEMPLATES", [])
        if engine.get("BACKEND") == "django.template.backends.django.DjangoTemplates"
    ]
    if not engines or any(
        REQUEST_PROCESSOR in engine.get("OPTIONS", {}).get("context_processors", []) for engine in engines
    ):
        return []
    return [
        Warning(
            "No template engine adds the request to the context, so buttons may not redirect back to their page.",
            hint=f"Add {REQUEST_PROCESSOR!r} to OPTIONS['context_processors'] in TEMPLATES.",
            id="notifications.W003",
        )
    ]


@register(Tags.urls)
def check_urls(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that links find our urls where the site includes them."""
    # Here, so that a process that starts does not load Django's views of logins.
    from notifications.inbox.requests import misplaced_urls

    hint = "Include them outside of other namespaces, below a path without arguments."
    return [
        Warning(f"{name} is included {place}, so links to it fail.", hint=hint, id="notifications.W009")
        for name, place in (misplaced_urls() if getattr(django_settings, "ROOT_URLCONF", None) else ())
    ]


@register()
def check_app_order(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the app comes after those it depends on."""
    labels = [config.label for config in apps.get_app_configs()]
    needed = {"auth", "contenttypes", django_settings.AUTH_USER_MODEL.split(".")[0]}
    late = [label for label in labels[labels.index("notifications") :] if label in needed]
    return [
        Warning(
            f"'notifications' comes before the app {label!r} in INSTALLED_APPS.",
            hint="Put 'notifications' after django.contrib.auth, django.contrib.contenttypes and your own apps.",
            id="notifications.W004",
        )
        for label in late
    ]


@register(Tags.models)
def check_constraint(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that a custom model has the unique constraint on event and recipient."""
    model = get_notification_model()
    if keeps_constraint(model):
        return []
    return [
        Warning(
            f"{model._meta.label} has no constraint {CONSTRAINT!r}, so two processes may send the same event twice.",
            hint="Let its Meta inherit from AbstractNotification.Meta, and keep the inherited constraints.",
            obj=model,
            id="notifications.W005",
        )
    ]


@register(Tags.database)
def check_data_column(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check on PostgreSQL that the column ``data`` has the type that the JSON field expects."""
    model = get_notification_model()
    field: Any = model._meta.get_field("data")
    problems: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "postgresql" or not router.allow_migrate_model(alias, model):
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT data_type FROM information_schema.columns "
                "WHERE table_schema = ANY (current_schemas(false)) AND table_name = %s AND column_name = %s",
                [model._meta.db_table, field.column],
            )
            found = cursor.fetchone()
        if found and (found[0] == "jsonb") != isinstance(field, models.JSONField):
            problems.append(
                Warning(
                    f"The column {field.column!r} of {model._meta.db_table!r} in the database {alias!r} is "
                    f"{found[0]}, but NOTIFICATIONS['JSONFIELD'] is {settings.JSONFIELD!r}: JSON lookups fail.",
                    hint="Run migrate. Otherwise set JSONFIELD to the field class of this column, or change its type.",
                    obj=model,
                    id="notifications.W006",
                )
            )
    return problems
