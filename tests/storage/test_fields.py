"""The column of extra data: what goes in comes out, whichever field class stores it."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import importlib.util
import io
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.db import NotSupportedError, models
from django.db.models import Case, F, Q, When
from django.test import Client
from django.utils.translation import gettext_lazy

import notifications.storage.fields
from notifications.conf import get_notification_model
from notifications.storage.fields import DataField
from tests.factories import make_notification, make_user, rows

pytestmark = pytest.mark.django_db

with_djangos_field = pytest.mark.shape("default", "swapped", "custom_user", "no_tz", "soft_delete")
with_the_older_field = pytest.mark.shape("jsonfield")


def data_field() -> Any:
    return get_notification_model()._meta.get_field("data")


def stored(value: Any) -> Any:
    row = make_notification(make_user(), data=value)
    return rows().get(pk=row.pk).data


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"foo": "bar"},
        {"deep": {"list": [1, 2.5, True, None, {"x": []}]}},
        {"unicode": "ü 漢字 🎉 \u2028", "quotes": "\"'\\/", "html": "</script><b>"},
        {"": "an empty key"},
        [1, "two"],
        "text",
        0,
        False,
    ],
    ids=repr,
)
def test_what_goes_in_comes_out(value: Any) -> None:
    assert stored(value) == value


def test_what_python_cannot_read_is_its_text_and_costs_no_page(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value with 2,000 levels is JSON to PostgreSQL and SQLite, and was an error of every page that has the row."""
    user = make_user()
    make_notification(user, verb="closed", data={"a": 1})
    client.force_login(user)

    def give_up(*args: Any, **kwargs: Any) -> Any:
        raise RecursionError

    with monkeypatch.context() as patch:
        patch.setattr(json.JSONDecoder, "raw_decode", give_up)
        found = rows().get().data
    assert json.loads(found) == {"a": 1}
    monkeypatch.setattr(DataField, "from_db_value", lambda *args: found)
    for path in ("", "api/inbox/", "api/all_list/"):
        assert client.get(f"/inbox/notifications/{path}").status_code == 200


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        # As the package jsonfield writes an object into a fixture.
        ('{"a": {"b": 1}}', {"a": {"b": 1}}),
        ({"a": 1}, {"a": 1}),
        (None, None),
    ],
    ids=["text of an object", "object", "null"],
)
def test_a_fixture_of_the_older_packages_is_read(stored: Any, read: Any, tmp_path: Path) -> None:
    assert loaded_data(stored, tmp_path) == read


@with_djangos_field
@pytest.mark.parametrize(
    "text", ["text", "{no json", '{"a": ' * 100_000], ids=["text", "no json", "too deep"]
)
def test_a_text_in_a_fixture_that_is_no_object_stays_text(text: str, tmp_path: Path) -> None:
    assert loaded_data(text, tmp_path) == text


@pytest.mark.parametrize(
    "value", [{"a": {"b": 'ü<"'}}, [1, "{"], "text", "{no json", 7, False, {}, None], ids=repr
)
@pytest.mark.parametrize("kind", ["json", "jsonl", "xml"])
def test_a_fixture_of_any_format_has_the_same_data(kind: str, value: Any, tmp_path: Path) -> None:
    row = make_notification(make_user("bob"), data=value)
    fixture = tmp_path / f"notifications.{kind}"
    fixture.write_text(serializers.serialize(kind, [row]))
    row.delete()

    call_command("loaddata", str(fixture), verbosity=0)

    assert rows().get().data == value


def loaded_data(stored: Any, tmp_path: Path) -> Any:
    """Return the extra data of a row whose fixture has this as ``data``."""
    row = make_notification(make_user("bob"))
    [dumped] = json.loads(serializers.serialize("json", [row]))
    dumped["fields"]["data"] = stored
    fixture = tmp_path / "notifications.json"
    fixture.write_text(json.dumps([dumped]))
    call_command("loaddata", str(fixture), verbosity=0)
    row.refresh_from_db()
    return row.data


def test_nothing_is_the_null_of_the_database() -> None:
    make_notification(make_user(), data=None)
    assert rows().filter(data__isnull=True).count() == 1


def test_none_finds_the_rows_without_data_as_in_the_older_packages() -> None:
    bare, full = (
        make_notification(make_user(), data=None),
        make_notification(make_user("bob"), data={"a": None}),
    )

    assert rows().filter(data=None).get() == rows().exclude(~Q(data=None)).get() == bare
    assert rows().exclude(data=None).get() == rows().filter(data={"a": None}).get() == full
    assert bare.recipient.notifications.get_or_create(data=None, verb=bare.verb) == (bare, False)
    assert get_user_model().objects.filter(notifications__data=None).get() == bare.recipient


def test_times_and_uuids_are_stored_as_text() -> None:
    value = {
        "when": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc),
        "day": dt.date(2026, 1, 2),
        "id": uuid.UUID(int=7),
    }
    found = stored(value)
    assert found.pop("when") in {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"}
    assert found == {"day": "2026-01-02", "id": str(uuid.UUID(int=7))}


@with_djangos_field
def test_decimals_keep_their_digits() -> None:
    assert stored({"price": decimal.Decimal("1.50")}) == {"price": "1.50"}


@with_djangos_field
def test_djangos_field_is_the_default_and_encodes_as_django_does() -> None:
    field = data_field()
    assert models.JSONField in type(field).__mro__
    assert field.encoder is field.json_encoder() is DjangoJSONEncoder


@with_djangos_field
def test_djangos_lookups_reach_into_the_data() -> None:
    user = make_user()
    row = make_notification(user, data={"repository": {"name": "pinax"}, "stars": [1, 2]})
    make_notification(user, data={"repository": {"name": "flask"}})
    make_notification(user)
    assert list(rows().filter(data__repository__name="pinax")) == [row]
    assert list(rows().filter(data__has_key="stars")) == [row]


@with_the_older_field
def test_the_older_field_can_be_chosen_and_keeps_its_encoder() -> None:
    field = data_field()
    assert (isinstance(field, models.JSONField), isinstance(field, models.TextField)) == (False, True)
    assert field.json_encoder().__module__ == "jsonfield.encoder"
    assert stored({"price": decimal.Decimal("1.50")}) == {"price": 1.5}


def test_a_site_that_gives_its_own_encoder_is_obeyed() -> None:
    class Encoder(DjangoJSONEncoder):
        pass

    chosen: Any = (
        {"encoder": Encoder} if issubclass(DataField, models.JSONField) else {"dump_kwargs": {"cls": Encoder}}
    )
    assert DataField(**chosen).json_encoder() is Encoder


def test_migrations_see_the_same_field_whatever_its_base() -> None:
    field = data_field()
    _, path, args, kwargs = field.deconstruct()
    assert (path, args) == ("notifications.storage.fields.DataField", [])
    assert {key: str(value) for key, value in kwargs.items()} == {
        "blank": "True",
        "null": "True",
    }
    assert field.clone().deconstruct()[1:] == (path, args, kwargs)


def test_no_migration_is_missing() -> None:
    out = io.StringIO()
    call_command("makemigrations", check_changes=True, dry_run=True, stdout=out)
    assert out.getvalue() == "No changes detected\n"


def afresh() -> Any:
    """Return the module of the field, loaded once more under the settings of this moment."""
    spec = importlib.util.spec_from_file_location("fields_afresh", notifications.storage.fields.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_any_field_class_can_be_the_base(settings: Any) -> None:
    settings.NOTIFICATIONS = {"JSONFIELD": "django.db.models.TextField"}
    field: Any = afresh().DataField(null=True)
    assert type(field).__mro__[1] is models.TextField
    assert field.json_encoder() is None
    assert field.deconstruct()[1:] == ("notifications.storage.fields.DataField", [], {"null": True})


def test_a_field_class_that_is_not_there_is_named(settings: Any) -> None:
    settings.NOTIFICATIONS = {"JSONFIELD": "nowhere.Field"}
    with pytest.raises(ImproperlyConfigured) as error:
        afresh()
    assert str(error.value).startswith(
        "NOTIFICATIONS[\"JSONFIELD\"] is 'nowhere.Field', which cannot be imported: No module named 'nowhere'"
    )
    assert "pip install" not in str(error.value)


@pytest.mark.parametrize(
    "value", [5, None, models.JSONField, "os.path", "os.path.join", "builtins.dict"], ids=repr
)
def test_what_is_no_field_class_is_an_error_that_names_the_setting(settings: Any, value: Any) -> None:
    settings.NOTIFICATIONS = {"JSONFIELD": value}
    with pytest.raises(ImproperlyConfigured) as error:
        afresh()
    assert str(error.value) == (
        f'NOTIFICATIONS["JSONFIELD"] is {value!r}, which cannot be imported: '
        "it must be the dotted path of a field class."
    )


def test_a_missing_extra_is_named_with_the_line_that_installs_it(settings: Any) -> None:
    settings.NOTIFICATIONS = {"JSONFIELD": "jsonfield_of_nowhere.JSONField"}
    with pytest.raises(
        ImproperlyConfigured, match=r"\(pip install 'django-notifications-inbox\[jsonfield\]'\)$"
    ):
        afresh()


# Text lookups, as on the text column of the older packages

#: What is stored, by name. PostgreSQL has its own order of keys, so there is one key in each.
STORED = {
    "digest": {"kind": "summary_digest"},
    "accents": {"name": "Größe É"},
    "emoji": {"name": "日本 😀"},
    "list": ["summary", "x_y 50%"],
    "quoted": {"a": 'say "hi" \\ there'},
    "text": "a bare text",
    "null": None,
}


@pytest.fixture
def texts() -> None:
    for name, data in STORED.items():
        make_notification(make_user(name), verb=name, data=data)


@pytest.mark.parametrize(
    ("lookup", "value", "found"),
    [
        ("contains", "summary_digest", "digest"),
        ("contains", '"kind": "summary', "digest"),
        ("contains", "summary", "digest list"),
        ("contains", "x_y 50%", "list"),
        ("contains", "xzy", ""),
        ("contains", "Größe", "accents"),
        ("contains", "größe", ""),
        ("contains", "日本 😀", "emoji"),
        ("contains", gettext_lazy("summary_digest"), "digest"),
        ("icontains", "SUMMARY_DIGEST", "digest"),
        ("icontains", "GRÖßE é", "accents"),
        ("icontains", "bare", "text"),
        ("startswith", '{"kind"', "digest"),
        ("startswith", '["summary"', "list"),
        ("startswith", "kind", ""),
        ("istartswith", '{"KIND"', "digest"),
        ("startswith", '{"name": "Größe', "accents"),
        ("istartswith", '{"NAME": "GRÖ', "accents"),
        ("endswith", 'digest"}', "digest"),
        ("endswith", '😀"}', "emoji"),
        ("endswith", '日本"}', ""),
        ("iendswith", 'DIGEST"}', "digest"),
        ("iendswith", 'é"}', "accents"),
        ("iexact", '{"KIND": "SUMMARY_DIGEST"}', "digest"),
        ("iexact", '{"name": "größe é"}', "accents"),
        ("regex", "summary_d.gest", "digest"),
        ("regex", "SUMMARY", ""),
        ("iregex", "SUMMARY_D.GEST", "digest"),
    ],
)
@with_djangos_field
def test_a_text_is_searched_in_the_text_of_the_json(texts: None, lookup: str, value: Any, found: str) -> None:
    matching = rows().filter(**{f"data__{lookup}": value})
    assert {row.verb for row in matching} == {*found.split()}
    assert rows().exclude(**{f"data__{lookup}": value}).count() == len(STORED) - len(found.split())


@with_djangos_field
def test_a_text_is_searched_also_in_conditions_subqueries_and_copies(texts: None) -> None:
    digest = rows().get(verb="digest")
    condition = Q(data__contains="summary_digest")
    again = copy.deepcopy(rows().filter(condition | Q(verb="none")))

    assert list(again) == [digest]
    assert list(rows().filter(pk__in=rows().filter(condition).values("pk"))) == [digest]
    assert list(rows().annotate(found=F("data")).filter(found__contains="summary_digest")) == [digest]
    assert rows().filter(recipient__notifications__data__icontains="SUMMARY_d").get() == digest
    assert (
        rows().annotate(is_digest=Case(When(condition, then=1), default=0)).filter(is_digest=1).get()
        == digest
    )


@with_djangos_field
def test_a_key_is_looked_up_as_in_django(texts: None) -> None:
    for value in ("summary_digest", "digest"):
        found = rows().filter(data__kind__icontains=value)
        assert [row.verb for row in found] == ["digest"]
    assert rows().filter(data__kind="summary_digest").count() == 1
    assert rows().filter(data__kind__startswith="summary").count() == 1


@with_djangos_field
@pytest.mark.backend("postgres", "mariadb")
def test_a_dict_and_a_list_are_contained_as_in_django(texts: None) -> None:
    assert [row.verb for row in rows().filter(data__contains={"kind": "summary_digest"})] == ["digest"]
    assert [row.verb for row in rows().filter(data__contains=["summary"])] == ["list"]
    assert not rows().filter(data__contains={"kind": "summary"})
    make_notification(make_user("nested"), verb="nested", data={"tags": ["a", "b"]})
    assert [row.verb for row in rows().filter(data__tags__contains="a")] == ["nested"]


@with_djangos_field
@pytest.mark.backend("sqlite")
def test_a_dict_in_contains_is_still_refused_on_sqlite() -> None:
    with pytest.raises(NotSupportedError, match="contains lookup is not supported"):
        list(rows().filter(data__contains={"kind": "summary_digest"}))
