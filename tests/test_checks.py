"""The system checks: each fault of configuration, its id and its hint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import CheckMessage, Error, Warning, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, connections, models

from notifications.checks import check_databases
from notifications.conf import get_notification_model
from notifications.storage.querysets import NotificationQuerySet

pytestmark = pytest.mark.django_db(databases=["default", "other"])


@pytest.fixture
def bare(settings: Any) -> Any:
    """A site that says nothing, whatever the settings of this run say."""
    settings.NOTIFICATIONS = {}
    return settings


def found(*, databases: list[str] | None = None) -> list[CheckMessage]:
    """Return what the checks of this app say."""
    return [
        message
        for message in run_checks(databases=databases)
        if isinstance(message.id, str) and message.id.startswith("notifications.")
    ]


def test_a_sound_site_hears_nothing() -> None:
    assert found(databases=["default", "other"]) == []


def test_a_site_without_any_setting_of_ours_hears_nothing(bare: Any) -> None:
    del bare.NOTIFICATIONS

    assert found() == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("NOTIFICATIONS", "Set it to a dict of settings of this app."),
        ("DJANGO_NOTIFICATIONS_CONFIG", "Set it to a dict."),
    ],
)
@pytest.mark.parametrize("value", [["PAGE_SIZE"], None, "PAGE_SIZE"], ids=repr)
def test_settings_that_are_no_dict_are_an_error(bare: Any, name: str, hint: str, value: Any) -> None:
    setattr(bare, name, value)

    assert found() == [Error(f"{name} must be a dict, got {value!r}.", hint=hint, id="notifications.E001")]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("PAGE_SIZ", "Did you mean 'PAGE_SIZE'?"),
        ("page_size", "Did you mean 'PAGE_SIZE'?"),
        ("SOFT_DELETES", "Did you mean 'SOFT_DELETE'?"),
        ("PAGINATE_BY", "Did you mean 'PAGE_SIZE'?"),
        (5, None),
        ("XYZ", None),
    ],
)
def test_a_key_that_nothing_reads_is_a_warning_with_the_nearest_that_something_reads(
    bare: Any, key: Any, hint: str | None
) -> None:
    bare.NOTIFICATIONS = {key: 1, "PAGE_SIZE": 5}

    [message] = found()

    assert (message.id, message.level, message.msg) == (
        "notifications.W001",
        Warning("").level,
        f"NOTIFICATIONS has the unknown key {key!r}.",
    )
    assert message.hint is not None
    if hint:
        assert message.hint == hint
    else:
        assert message.hint.startswith("Known keys: PAGE_SIZE, NUM_TO_FETCH, ")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("PAGINATED_BY", "Did you mean 'PAGINATE_BY'?"),
        (
            "BADGE_CAP",
            "Known keys: PAGINATE_BY, NUM_TO_FETCH, CACHE_TIMEOUT, SOFT_DELETE, USE_JSONFIELD, API_EXCLUDED_FIELDS.",
        ),
    ],
)
def test_a_key_that_nothing_reads_in_the_dict_of_the_older_packages_is_a_warning(
    bare: Any, key: str, hint: str
) -> None:
    bare.DJANGO_NOTIFICATIONS_CONFIG = {key: 1}

    assert found() == [
        Warning(
            f"DJANGO_NOTIFICATIONS_CONFIG has the unknown key {key!r}.", hint=hint, id="notifications.W001"
        )
    ]


def test_a_value_of_the_wrong_type_is_an_error(bare: Any) -> None:
    bare.NOTIFICATIONS = {"PAGE_SIZE": "20", "SOFT_DELETE": 1, "CACHE_TIMEOUT": -1}

    assert [(message.id, message.msg) for message in found()] == [
        ("notifications.E002", "NOTIFICATIONS: PAGE_SIZE is '20'; it must be of type int."),
        ("notifications.E002", "NOTIFICATIONS: CACHE_TIMEOUT is -1; it must be at least 0."),
        ("notifications.E002", "NOTIFICATIONS: SOFT_DELETE is 1; it must be of type bool."),
    ]
    assert all(isinstance(message, Error) for message in found())


def test_a_value_of_the_wrong_type_under_an_older_name_is_an_error(bare: Any) -> None:
    bare.DJANGO_NOTIFICATIONS_CONFIG = {"PAGINATE_BY": 0}
    bare.NOTIFICATIONS_SOFT_DELETE = "yes"

    assert [(message.id, message.msg) for message in found()] == [
        ("notifications.E002", "The settings of the older package: PAGE_SIZE is 0; it must be at least 1."),
        (
            "notifications.E002",
            "The settings of the older package: SOFT_DELETE is 'yes'; it must be of type bool.",
        ),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("DJANGO_NOTIFICATIONS_CONFIG", {"SOFT_DELETE": True}), ("NOTIFICATIONS_SOFT_DELETE", True)],
)
def test_an_older_name_that_says_something_else_is_a_warning(bare: Any, name: str, value: Any) -> None:
    bare.NOTIFICATIONS = {"SOFT_DELETE": False}
    setattr(bare, name, value)

    assert found() == [
        Warning(
            "NOTIFICATIONS['SOFT_DELETE'] is False, but a setting of the older package is True.",
            hint="NOTIFICATIONS is used. Remove the old setting (DJANGO_NOTIFICATIONS_CONFIG or an older name).",
            id="notifications.W002",
        )
    ]


@pytest.mark.parametrize(
    ("label", "name"), [("nothing.AtAll", "name"), ("auth.Group", "pk"), ("auth.Group", None)]
)
def test_a_field_that_cannot_be_searched_is_a_warning(bare: Any, label: str, name: Any) -> None:
    bare.NOTIFICATIONS = {"SEARCH_FIELDS": {"auth.Group": "name", label: name}}

    assert found() == [
        Warning(
            f"NOTIFICATIONS['SEARCH_FIELDS'] contains {label!r}: {name!r}, which is not a text field of a model.",
            hint="Use {'app_label.Model': 'name_of_a_text_field'}.",
            id="notifications.W007",
        )
    ]


@pytest.mark.parametrize(("size", "most"), [(980, 1000), (5000, None), ("980", 10)])
def test_a_page_whose_rows_a_form_can_send_is_fine(bare: Any, size: Any, most: int | None) -> None:
    bare.NOTIFICATIONS = {"PAGE_SIZE": size}
    bare.DATA_UPLOAD_MAX_NUMBER_FIELDS = most

    assert "notifications.W008" not in {message.id for message in found()}


def test_a_page_with_more_rows_than_a_form_can_send_is_a_warning(bare: Any) -> None:
    bare.NOTIFICATIONS = {"PAGE_SIZE": 981}

    assert found() == [
        Warning(
            "NOTIFICATIONS['PAGE_SIZE'] is 981; nobody can select all rows of a page.",
            hint="A form may send DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000 fields. Set PAGE_SIZE to 980 or less.",
            id="notifications.W008",
        )
    ]


def test_an_older_name_that_says_the_same_is_fine(bare: Any) -> None:
    bare.NOTIFICATIONS = {"SOFT_DELETE": True}
    bare.DJANGO_NOTIFICATIONS_CONFIG = {"SOFT_DELETE": True, "PAGINATE_BY": 50}

    assert found() == []


def templates(*engines: tuple[str, list[str]]) -> list[dict[str, Any]]:
    return [
        {
            "BACKEND": f"django.template.backends.{name}",
            "NAME": f"engine{number}",
            "OPTIONS": {"context_processors": processors} if processors else {},
        }
        for number, (name, processors) in enumerate(engines)
    ]


REQUEST = "django.template.context_processors.request"


@pytest.mark.parametrize(
    "engines",
    [
        [],
        [("django.DjangoTemplates", [REQUEST])],
        [("django.DjangoTemplates", []), ("django.DjangoTemplates", [REQUEST])],
        [("dummy.TemplateStrings", [])],
    ],
    ids=["no engine", "with", "one of two", "another engine"],
)
def test_templates_that_know_the_request_are_fine(bare: Any, engines: Any) -> None:
    bare.INSTALLED_APPS = [app for app in bare.INSTALLED_APPS if app != "django.contrib.admin"]
    bare.TEMPLATES = templates(*engines)

    assert found() == []


def test_templates_that_do_not_know_the_request_are_a_warning(bare: Any) -> None:
    bare.TEMPLATES = templates(("django.DjangoTemplates", []), ("dummy.TemplateStrings", []))

    assert found() == [
        Warning(
            "No template engine adds the request to the context, so buttons may not redirect back to their page.",
            hint=f"Add {REQUEST!r} to OPTIONS['context_processors'] in TEMPLATES.",
            id="notifications.W003",
        )
    ]


@pytest.mark.shape("default")
def test_an_app_that_stands_before_those_it_needs_is_a_warning_for_each(bare: Any) -> None:
    bare.INSTALLED_APPS = ["notifications", *(app for app in bare.INSTALLED_APPS if app != "notifications")]

    assert found() == [
        Warning(
            f"'notifications' comes before the app {label!r} in INSTALLED_APPS.",
            hint="Put 'notifications' after django.contrib.auth, django.contrib.contenttypes and your own apps.",
            id="notifications.W004",
        )
        for label in ("auth", "contenttypes")
    ]


@pytest.mark.shape("custom_user")
def test_an_app_that_stands_before_the_sites_users_is_a_warning(bare: Any) -> None:
    bare.INSTALLED_APPS = [
        *(app for app in bare.INSTALLED_APPS if app != "tests.custom_user"),
        "tests.custom_user",
    ]

    assert [(message.id, message.msg) for message in found()] == [
        ("notifications.W004", "'notifications' comes before the app 'custom_user' in INSTALLED_APPS.")
    ]


@pytest.mark.shape("swapped")
def test_a_model_without_the_constraint_is_a_warning(bare: Any) -> None:
    bare.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Tokened"

    assert found() == [
        Warning(
            "variants.Tokened has no constraint 'ntf_event_recipient', so two processes may send the same event twice.",
            hint="Let its Meta inherit from AbstractNotification.Meta, and keep the inherited constraints.",
            obj=get_notification_model(),
            id="notifications.W005",
        )
    ]


@pytest.mark.shape("swapped")
def test_the_child_of_a_model_with_the_constraint_has_it_too(bare: Any) -> None:
    bare.NOTIFICATIONS_NOTIFICATION_MODEL = "swapped.Child"

    assert found() == []


@pytest.mark.backend("postgres")
def test_a_text_column_under_a_field_that_expects_json_is_a_warning() -> None:
    model = get_notification_model()
    field: Any = model._meta.get_field("data")
    native = isinstance(field, models.JSONField)
    table = model._meta.db_table
    other = "text" if native else "jsonb"
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" ALTER COLUMN "data" TYPE {other} USING "data"::{other}')

    [message] = found(databases=["default", "other"])

    assert (message.id, message.obj) == ("notifications.W006", model)
    assert isinstance(message, Warning)
    assert f"The column 'data' of '{table}' in the database 'default' is {other}, but" in message.msg
    assert (
        message.hint
        == "Run migrate. Otherwise set JSONFIELD to the field class of this column, or change its type."
    )


@pytest.mark.backend("postgres")
def test_a_table_that_is_not_there_yet_is_no_fault_of_the_column() -> None:
    model = get_notification_model()
    with connection.schema_editor() as editor:
        editor.delete_model(model)

    assert found(databases=["default"]) == []


def test_the_database_is_not_asked_unless_the_command_names_it(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert found() == []


def test_an_error_stops_the_command(bare: Any) -> None:
    bare.NOTIFICATIONS = {"PAGE_SIZE": 0}

    with pytest.raises(SystemCheckError, match=r"notifications\.E002"):
        call_command("check")


def test_a_database_that_is_not_supported_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "vendor", "oracle")
    monkeypatch.setattr(connections["default"], "display_name", "Oracle")

    [error] = [message for message in check_databases(None) if message.id == "notifications.E006"]
    assert error.msg == "The notifications are in the database 'default', which is Oracle."


@pytest.mark.parametrize(
    ("manager", "numbers"),
    [
        (models.Manager(), ["notifications.E008"]),
        (NotificationQuerySet.as_manager(), []),
        (models.Manager.from_queryset(NotificationQuerySet)(), []),
    ],
)
def test_a_manager_without_our_methods_is_an_error(
    monkeypatch: pytest.MonkeyPatch, manager: Any, numbers: list[str]
) -> None:
    monkeypatch.setattr(get_notification_model()._meta, "default_manager", manager)

    assert [message.id for message in found()] == numbers


class OnlyNotifications:
    """The other database has the site's notifications and nothing else."""

    def db_for_write(self, model: type[Any], **hints: Any) -> str | None:
        return "other" if model is get_notification_model() else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return None if db == "default" else hints.get("model_name") != "inboxstate"


class OfTenants:
    """Makes the tables of some apps in the public schema, and those of all others in the schemas of tenants."""

    shared: tuple[str, ...] = ()

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return None if app_label in self.shared else False


class OfTenantsWithTheSameUsers(OfTenants):
    """Makes the tables of the users in the public schema."""

    shared = ("auth", "contenttypes", "custom_user", "sessions", "testapp")


@pytest.mark.parametrize(
    ("name", "public"),
    [("OfTenants", "public"), ("OfTenants", ""), ("OfTenantsWithTheSameUsers", "public")],
)
def test_a_schema_for_each_tenant_is_no_error_of_any_app(
    settings: Any, schema: Callable[[str], None], name: str, public: str
) -> None:
    settings.DATABASE_ROUTERS = [f"tests.test_checks.{name}"]
    schema(public)

    assert [message for message in run_checks(databases=["default"]) if message.is_serious()] == []


def test_a_router_that_separates_the_inbox_state_from_the_rows_is_an_error(settings: Any) -> None:
    settings.DATABASE_ROUTERS = ["tests.test_checks.OnlyNotifications"]

    [error] = check_databases(None)
    assert error.id == "notifications.E007"
    assert error.msg.startswith(
        f"{get_notification_model()._meta.label} is in the database 'other', but a router keeps notifications.Inbox"
    )
