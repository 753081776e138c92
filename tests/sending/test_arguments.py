"""The arguments of ``notify.send``: what is stored, and what is refused before anything is written."""

from __future__ import annotations

import enum
import json
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone as zone
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.functional import lazystr
from django.utils.safestring import SafeString

from notifications import notify
from notifications.conf import get_notification_model
from notifications.inbox.search import parse
from notifications.sending.arguments import clean_event
from tests.factories import make_project, make_user, moment, rows
from tests.testapp.models import BigThing, Issue, Pair, Project, ProjectProxy, TextThing, UuidThing

pytestmark = pytest.mark.django_db

NUL = "a\x00b"
SURROGATE = "a\ud800b"
INFINITY = float("inf")

#: The settings whose JSON field is Django's; another brings a serialiser of its own.
DJANGOS_JSON = pytest.mark.shape("default", "swapped", "custom_user", "no_tz", "soft_delete")


def nested(depth: int, *, kind: str = "list") -> Any:
    """Return a value of so many levels."""
    value: Any = [] if kind == "list" else {}
    for _ in range(depth - 1):
        value = [value] if kind == "list" else {"k": value}
    return value


def circle() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def sent(**arguments: Any) -> Any:
    """Return the one row of a ``notify.send`` by and to the same user."""
    user = make_user()
    [(_, told)] = notify.send(user, **{"verb": "closed", "recipient": user, **arguments})
    assert len(told) == 1
    return rows().get()


def refused(error: Any, *words: str, **arguments: Any) -> None:
    """Assert that these arguments are refused by this error, in these words, and that nothing is written."""
    user = make_user()
    sender = arguments.pop("sender", user)
    if "recipient" not in arguments:
        arguments["recipient"] = user
    with pytest.raises(error) as caught:
        notify.send(sender, **{"verb": "closed", **arguments})
    assert caught.type is error or isinstance(error, tuple)
    for word in words:
        assert word in str(caught.value)
    assert rows().count() == 0


# Actor, action object, target


@pytest.mark.parametrize("argument", ["sender", "action_object", "target"])
@pytest.mark.parametrize(
    ("value", "error", "word"),
    [
        (lambda: Project(name="unsaved"), ValueError, "must be saved before"),
        (lambda: "project 1", TypeError, "'project 1'"),
        (lambda: 1, TypeError, "got 1"),
        (lambda: Project, TypeError, "must be a saved model instance"),
        (AnonymousUser, TypeError, "AnonymousUser"),
        (lambda: Pair(left=1, right=2), TypeError, "composite primary key"),
        (lambda: TextThing(code=NUL), ValueError, "a NUL byte"),
        (lambda: TextThing(code=SURROGATE), ValueError, "a lone surrogate"),
        (lambda: TextThing(code="x" * 256), ValueError, "longer than 255"),
    ],
    ids=["unsaved", "text", "number", "class", "anonymous", "composite", "nul", "surrogate", "too long"],
)
def test_what_is_no_saved_object_is_refused(
    argument: str, value: Callable[[], Any], error: type[Exception], word: str
) -> None:
    name = "actor (the sender)" if argument == "sender" else argument
    refused(error, name, word, **{argument: value()})


def test_an_actor_is_needed() -> None:
    refused(TypeError, "actor", "None", sender=None)


def test_an_object_that_was_deleted_before_is_refused() -> None:
    project = make_project()
    project.delete()

    refused(ValueError, "target", target=project)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: TextThing.objects.create(code="x" * 255, name="long"), "x" * 255),
        (lambda: TextThing.objects.create(code="a/b 'c' \U0001f600", name="odd"), "a/b 'c' \U0001f600"),
        (lambda: BigThing.objects.create(id=2**63 - 1, name="big"), "9223372036854775807"),
        (lambda: BigThing.objects.create(id=-(2**63), name="small"), "-9223372036854775808"),
        (
            lambda: UuidThing.objects.create(id=uuid.UUID(int=7), name="uuid"),
            "00000000-0000-0000-0000-000000000007",
        ),
    ],
    ids=["long text", "odd text", "biggest", "smallest", "uuid"],
)
@pytest.mark.parametrize("argument", ["action_object", "target"])
def test_an_object_with_any_primary_key_can_be_named(
    argument: str, make: Callable[[], Any], text: str
) -> None:
    thing = make()

    row = sent(**{argument: thing})

    assert (
        getattr(row, {"action_object": "action_object_object_id"}.get(argument, "target_object_id")) == text
    )
    assert getattr(row, argument) == thing


def test_anything_saved_can_be_the_actor() -> None:
    user, project = make_user(), make_project()

    notify.send(project, verb="was archived", recipient=user)

    assert rows().get().actor == project


@pytest.mark.parametrize("argument", ["actor", "action_object", "target"])
@pytest.mark.parametrize(("concrete", "model"), [(None, Project), (True, Project), (False, ProjectProxy)])
def test_a_proxy_is_named_as_its_concrete_model_unless_told_otherwise_on_every_row(
    argument: str, concrete: bool | None, model: type[Project]
) -> None:
    """In hq the second recipient lost ``*_for_concrete_model``."""
    proxy = ProjectProxy.objects.create(name="pinax")
    actor = proxy if argument == "actor" else make_user("actor")
    keywords: dict[str, Any] = {} if argument == "actor" else {argument: proxy}
    if concrete is not None:
        keywords[f"{argument}_for_concrete_model"] = concrete

    notify.send(actor, verb="forked", recipient=[make_user("one"), make_user("two")], **keywords)

    expected = ContentType.objects.get_for_model(model, for_concrete_model=False)
    assert [getattr(row, f"{argument}_content_type") for row in rows()] == [expected, expected]
    assert [row.data for row in rows()] == [None, None]


def test_without_action_object_and_target_the_row_names_neither() -> None:
    row = sent(action_object=None, target=None)

    assert (row.action_object_content_type_id, row.action_object_object_id) == (None, None)
    assert (row.target_content_type_id, row.target_object_id) == (None, None)


# Text


def test_a_verb_is_needed() -> None:
    user = make_user()

    with pytest.raises(TypeError, match="verb is missing"):
        notify.send(user, recipient=user)  # type: ignore[call-arg]
    assert rows().count() == 0


@pytest.mark.parametrize(
    ("verb", "error", "word"),
    [
        (None, TypeError, "missing"),
        ("x" * 256, ValueError, "at most 255"),
        ("\U0001f600" * 256, ValueError, "at most 255"),
        (NUL, ValueError, "a NUL byte"),
        (SURROGATE, ValueError, "a lone surrogate"),
        (lazystr(NUL), ValueError, "a NUL byte"),
    ],
    ids=["none", "long", "emoji", "nul", "surrogate", "lazy nul"],
)
def test_what_is_no_verb_is_refused(verb: Any, error: type[Exception], word: str) -> None:
    refused(error, "verb", word, verb=verb)


@pytest.mark.parametrize("verb", ["x" * 255, "\U0001f600" * 255, " closed "], ids=["long", "emoji", "spaces"])
def test_a_verb_of_up_to_255_characters_is_stored_as_it_is(verb: str) -> None:
    assert sent(verb=verb).verb == verb


@pytest.mark.parametrize("most", [20, 500, None])
def test_a_verb_is_as_long_as_the_column_of_a_site_takes(
    monkeypatch: pytest.MonkeyPatch, most: int | None
) -> None:
    model = get_notification_model()
    monkeypatch.setattr(model._meta.get_field("verb"), "max_length", most)
    actor = make_user()

    assert len(clean_event(model, actor, verb="x" * (most or 1000)).verb) == (most or 1000)
    if most:
        with pytest.raises(ValueError, match=f"verb must be at most {most} characters, got {most + 1}"):
            clean_event(model, actor, verb="x" * (most + 1))


class Verb(enum.Enum):
    CLOSED = "closed"


class TextVerb(TextChoices):
    CLOSED = "closed", "was closed by"


class Word(str, enum.Enum):
    """A text whose ``str()`` is "Word.CLOSED"."""

    CLOSED = "closed"
    WARNING = "warning"


class Shout(str, enum.Enum):
    CLOSED = "closed"

    def __str__(self) -> str:
        return self.value.upper()


#: What is no text and has one, as django-notifications-hq stored it.
TEXTS = {
    "lazy translation": (lambda: lazystr("closed"), "closed"),
    "safe text": (lambda: SafeString("<b>closed</b>"), "<b>closed</b>"),
    "empty": (lambda: "", ""),
    "blank": (lambda: " \n\t", " \n\t"),
    "number": (lambda: 5, "5"),
    "zero": (lambda: 0, "0"),
    "false": (lambda: False, "False"),
    "enum": (lambda: Verb.CLOSED, "Verb.CLOSED"),
    "text choice": (lambda: TextVerb.CLOSED, "closed"),
    "text and enum": (lambda: Word.CLOSED, "closed"),
    "text and enum with a text of its own": (lambda: Shout.CLOSED, "CLOSED"),
    "model instance": (lambda: Project(name="pinax"), "pinax"),
    "list": (lambda: ["closed"], "['closed']"),
    "dict": (lambda: {"a": 1}, "{'a': 1}"),
    "bytes": (lambda: b"closed", "b'closed'"),
    "date": (lambda: date(2026, 1, 2), "2026-01-02"),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("argument", ["verb", "description"])
def test_a_verb_and_a_description_are_the_text_of_anything(argument: str, name: str) -> None:
    make: Any
    make, text = TEXTS[name]

    assert getattr(sent(**{argument: make()}), argument) == text


def test_a_member_of_an_enumeration_of_texts_is_its_text_everywhere() -> None:
    thing = TextThing.objects.create(code=Word.CLOSED, name="pinax")
    row = sent(level=Word.WARNING, recipient_reason=Word.CLOSED, idempotency_key=Word.CLOSED, target=thing)

    assert (row.level, row.reason, row.target) == ("warning", "closed", thing)
    assert rows().of_event(Word.CLOSED).get() == rows().of_event("closed").get() == row
    assert rows().with_level(Word.WARNING).get() == rows().about(thing).get() == row


class Untold:
    """Something whose text its own code fails to give."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize("argument", ["verb", "description"])
def test_what_has_no_text_is_refused_by_the_name_of_the_argument(argument: str) -> None:
    refused(ValueError, argument, "RuntimeError", "Untold.__str__()", **{argument: Untold()})


@pytest.mark.parametrize("argument", ["sender", "target", "recipient", "idempotency_key", "level"])
def test_an_error_names_what_it_got_though_that_has_no_text(argument: str) -> None:
    refused((TypeError, ValueError), "<Untold>", **{argument: Untold()})


@pytest.mark.parametrize(
    ("description", "error", "word"),
    [
        (NUL, ValueError, "a NUL byte"),
        (SURROGATE, ValueError, "a lone surrogate"),
    ],
    ids=["nul", "surrogate"],
)
def test_what_is_no_description_is_refused(description: Any, error: type[Exception], word: str) -> None:
    refused(error, "description", word, description=description)


@pytest.mark.parametrize("description", [None, "", "\U0001f600 " * 50_000], ids=["none", "empty", "long"])
def test_a_description_is_stored_as_it_is(description: str | None) -> None:
    assert sent(description=description).description == description


@pytest.mark.parametrize(
    ("key", "error", "word"),
    [
        ("", ValueError, "must not be empty"),
        (" ", ValueError, "must not be empty"),
        (17, TypeError, "got 17"),
        (uuid.UUID(int=7), TypeError, "UUID"),
        (NUL, ValueError, "a NUL byte"),
        (SURROGATE, ValueError, "a lone surrogate"),
    ],
    ids=["empty", "blank", "number", "uuid", "nul", "surrogate"],
)
def test_what_is_no_key_is_refused(key: Any, error: type[Exception], word: str) -> None:
    refused(error, "idempotency_key", word, idempotency_key=key)


# Level, public, timestamp


@pytest.mark.parametrize("level", ["critical", "", "INFO", 20, ["info"]])
def test_what_is_no_level_is_refused(level: Any) -> None:
    refused(ValueError, "level must be one of success, info, warning, error", repr(level), level=level)


class SiteLevel(TextChoices):
    """The levels of a site, as django-notifications-community has its own."""

    DANGER = "danger"
    INFO = "info"


#: Where a site may say its levels. The older packages accepted any text.
SITE_LEVELS = {
    "choices of the column": ("choices", [("danger", "Danger"), ("info", "Info")]),
    "groups of them": ("choices", [("Bad", [("danger", "Danger")]), ("Good", [("info", "Info")])]),
    "no choices": ("choices", None),
    "LEVELS": ("LEVELS", SiteLevel),
    "pairs": ("LEVELS", [("danger", "Danger"), ("info", "Info")]),
}


@pytest.mark.parametrize("where", SITE_LEVELS)
def test_a_site_may_have_levels_of_its_own(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    name, value = SITE_LEVELS[where]
    model: Any = get_notification_model()
    monkeypatch.setattr(model if name == "LEVELS" else model._meta.get_field("level"), name, value)
    user = make_user()
    for level in ("danger", SiteLevel.INFO):
        notify.send(user, recipient=user, verb="closed", level=level)
    assert {row.level for row in rows()} == {"danger", "info"}
    if value is not None:
        assert rows().with_level("danger").count() == 1
        search = parse("level:danger", model)
        assert not search.error
        assert rows().filter(search.conditions).count() == 1
        with pytest.raises(ValueError, match="level must be one of"):
            notify.send(user, recipient=user, verb="closed", level="fatal")


@pytest.mark.parametrize("level", ["success", "info", "warning", "error"])
def test_each_level_is_stored(level: str) -> None:
    assert sent(level=level).level == level


def test_the_level_is_info_unless_it_is_said() -> None:
    assert sent(level=None).level == get_notification_model().LEVELS.info == "info"


@pytest.mark.parametrize(
    ("public", "stored"),
    [(True, True), (False, False), (None, False), ("yes", True), ("", False), (2, True), (0, False)],
)
def test_what_is_true_is_public(public: Any, stored: bool) -> None:
    assert sent(public=public).public is stored


class Vague:
    def __bool__(self) -> bool:
        raise RuntimeError("neither")


def test_what_is_neither_true_nor_false_is_refused() -> None:
    refused(TypeError, "public must be true or false", public=Vague())


def test_the_timestamp_is_now_unless_it_is_said() -> None:
    before = timezone.now() - timedelta(milliseconds=1)
    row = sent()

    assert before <= row.timestamp <= timezone.now()


def test_the_timestamp_none_means_now() -> None:
    """In hq it was an IntegrityError."""
    before = timezone.now() - timedelta(milliseconds=1)
    row = sent(timestamp=None)

    assert before <= row.timestamp <= timezone.now()


def test_the_timestamp_is_stored_to_the_microsecond() -> None:
    assert sent(timestamp=moment(2026, 1, 2, 3, 4, 5, 678901)).timestamp == moment(
        2026, 1, 2, 3, 4, 5, 678901
    )


@pytest.mark.parametrize(
    ("timestamp", "error"),
    [
        ("yesterday", TypeError),
        ("2026-13-01T00:00:00Z", TypeError),
        (1767322800, TypeError),
        (True, TypeError),
    ],
    ids=["text", "no such month", "number", "bool"],
)
def test_what_is_no_timestamp_is_refused(timestamp: Any, error: type[Exception]) -> None:
    refused(error, "timestamp", repr(timestamp), timestamp=timestamp)


USES_TZ = pytest.mark.shape("default", "swapped", "custom_user", "jsonfield", "soft_delete")


@USES_TZ
@pytest.mark.parametrize(
    "timestamp",
    [moment(2026, 1, 2).replace(tzinfo=None), date(2026, 1, 2), "2026-01-02T00:00:00", "2026-01-02 00:00"],
    ids=repr,
)
def test_a_naive_timestamp_is_of_the_sites_zone_and_a_warning_says_so(timestamp: Any, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"

    with pytest.warns(
        RuntimeWarning, match="received a naive timestamp .* while time zone support is active"
    ):
        row = sent(timestamp=timestamp)

    assert row.timestamp == datetime(2026, 1, 1, 23, tzinfo=zone.utc)


@USES_TZ
def test_a_text_is_the_timestamp_that_django_reads_in_it() -> None:
    assert sent(timestamp="2026-01-02T03:04:05+01:00").timestamp == moment(2026, 1, 2, 2, 4, 5)


@pytest.mark.shape("no_tz")
@pytest.mark.parametrize("timestamp", [date(2026, 1, 2), "2026-01-02 00:00"], ids=repr)
def test_without_use_tz_a_date_and_a_text_are_naive(timestamp: Any) -> None:
    assert sent(timestamp=timestamp).timestamp == moment(2026, 1, 2)


@pytest.mark.shape("no_tz")
def test_an_aware_timestamp_is_refused_without_use_tz() -> None:
    refused(ValueError, "timestamp must be naive", timestamp=datetime(2026, 1, 2, tzinfo=zone.utc))


@pytest.mark.shape("default", "swapped", "custom_user", "jsonfield", "soft_delete")
@pytest.mark.parametrize(
    "timestamp",
    [
        datetime.max.replace(tzinfo=zone(timedelta(hours=-12))),
        datetime.min.replace(tzinfo=zone(timedelta(hours=12))),
    ],
    ids=["after the year 9999", "before the year 1"],
)
def test_a_moment_that_no_database_could_give_back_is_refused(timestamp: datetime) -> None:
    refused(ValueError, "timestamp must be from 0001-01-02 to 9999-12-30", timestamp=timestamp)


@pytest.mark.parametrize("parts", [(1, 1, 1, 23, 59), (9999, 12, 31)], ids=str)
def test_a_moment_that_has_no_name_in_some_zones_is_refused(parts: tuple[int, ...]) -> None:
    refused(ValueError, "timestamp must be from 0001-01-02 to 9999-12-30", timestamp=moment(*parts))


@pytest.mark.parametrize("parts", [(1, 1, 2), (9999, 12, 30, 23, 59, 59, 999999)], ids=str)
def test_the_first_and_the_last_moment_of_all_are_stored(parts: tuple[int, ...]) -> None:
    assert sent(timestamp=moment(*parts)).timestamp == moment(*parts)


@pytest.mark.shape("default", "swapped", "custom_user", "jsonfield", "soft_delete")
def test_a_timestamp_of_another_zone_is_the_same_moment() -> None:
    there = datetime(2026, 1, 2, 3, 0, tzinfo=zone(timedelta(hours=3)))

    assert sent(timestamp=there).timestamp == moment(2026, 1, 2)


@pytest.mark.shape("default", "swapped", "custom_user", "jsonfield", "soft_delete")
@pytest.mark.parametrize("is_text", [False, True])
def test_a_timestamp_may_have_any_offset(is_text: bool) -> None:
    """PostgreSQL refuses offsets of 16 hours and more."""
    odd = moment(2026, 1, 2).astimezone(zone(timedelta(hours=-23, minutes=-59)))

    assert sent(timestamp=odd.isoformat() if is_text else odd).timestamp == moment(2026, 1, 2)


# Extra data. What sets a column, and what the setting means, is in sending/test_keywords.py.


@pytest.fixture
def strict(settings: Any) -> None:
    """Let what cannot be stored be an error: the site has said that extra data is stored."""
    settings.NOTIFICATIONS = {"USE_JSONFIELD": True}


@pytest.mark.parametrize(
    ("value", "error", "word"),
    [
        (float("nan"), ValueError, "cannot be stored as JSON"),
        (INFINITY, ValueError, "cannot be stored as JSON"),
        ([{"deep": -INFINITY}], ValueError, "cannot be stored as JSON"),
        pytest.param({1, 2}, TypeError, "cannot be stored as JSON", marks=DJANGOS_JSON),
        pytest.param(b"bytes", TypeError, "cannot be stored as JSON", marks=DJANGOS_JSON),
        (object(), TypeError, "cannot be stored as JSON"),
        (Issue(name="unsaved"), TypeError, "cannot be stored as JSON"),
        ({(1, 2): "tuple as key"}, TypeError, "cannot be stored as JSON"),
        (circle(), ValueError, "cannot be stored as JSON"),
        (10**5000, ValueError, "cannot be stored as JSON"),
        (NUL, ValueError, "a NUL byte"),
        (SURROGATE, ValueError, "a lone surrogate"),
        ([[{"text": NUL}]], ValueError, "a NUL byte"),
        ([[{"text": SURROGATE}]], ValueError, "a lone surrogate"),
        ({NUL: 1}, ValueError, "a NUL byte"),
        ({"k": {SURROGATE: 1}}, ValueError, "a lone surrogate"),
        ("x" * 10_000_000, ValueError, "larger than MAX_DATA_BYTES"),
        (["x"] * 1_000_000, ValueError, "larger than MAX_DATA_BYTES"),
        (nested(31), ValueError, "deeper than 31"),
        (nested(31, kind="dict"), ValueError, "deeper than 31"),
        (nested(50_000), ValueError, "deeper than 31"),
    ],
    ids=[
        "nan", "infinity", "infinity inside", "set", "bytes", "object", "model instance", "tuple as key", "circle",
        "huge number", "nul", "surrogate", "nul inside", "surrogate inside", "nul as key", "surrogate as key",
        "ten megabytes", "a million items", "too deep", "too deep dict", "far too deep",
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["keyword", "data"])
@pytest.mark.usefixtures("strict")
def test_what_not_every_database_can_store_in_data_is_refused_by_its_key(
    how: str, value: Any, error: type[Exception], word: str
) -> None:
    arguments = {"fine": 1, "extra": value}
    refused(error, "'extra'", word, **(arguments if how == "keyword" else {"data": arguments}))


@pytest.mark.parametrize("depth", range(900, 1100, 7))
@pytest.mark.usefixtures("strict")
def test_nesting_about_the_limit_of_python_is_refused_like_any_other(depth: int) -> None:
    refused(ValueError, "extra", "deeper than 31", extra=nested(depth))


@pytest.mark.parametrize(
    ("data", "error", "word"),
    [
        ({1: "x"}, TypeError, "keys must be text"),
        ({None: "x"}, TypeError, "keys must be text"),
        ({NUL: "x"}, ValueError, "a NUL byte"),
        ({SURROGATE: "x"}, ValueError, "a lone surrogate"),
        ({"x" * 100_000: 1}, ValueError, "larger than MAX_DATA_BYTES"),
    ],
    ids=["number as key", "none as key", "nul", "surrogate", "long key"],
)
@pytest.mark.usefixtures("strict")
def test_data_that_is_no_dict_with_text_for_keys_is_refused(
    data: Any, error: type[Exception], word: str
) -> None:
    refused(error, "data", word, data=data)


@pytest.mark.parametrize(
    ("actions", "is_shown"),
    [
        ([{"href": "/here/", "title": "Here"}], True),
        ([], True),
        ("x", False),
        ({"href": "/here/"}, False),
        (["/here/"], False),
        ([{"url": "/here/"}], False),
    ],
)
def test_actions_that_are_not_shown_as_links_are_a_warning(caplog: Any, actions: Any, is_shown: bool) -> None:
    assert sent(data={"actions": actions}).data == {"actions": actions}
    assert ("data['actions']" in caplog.text) is not is_shown


def test_data_of_exactly_the_limit_is_stored_and_one_byte_more_is_not(settings: Any) -> None:
    data = {"first": "é" * 10, "second": [1, 2, 3]}
    size = len(json.dumps(data, ensure_ascii=False).encode())

    settings.NOTIFICATIONS = {"MAX_DATA_BYTES": size}
    assert sent(data=data).data == data

    rows().all().delete()
    settings.NOTIFICATIONS = {"MAX_DATA_BYTES": size - 1, "USE_JSONFIELD": True}
    with pytest.raises(ValueError, match=f"MAX_DATA_BYTES \\({size - 1} bytes\\) at key 'second'"):
        notify.send(make_user("other"), verb="closed", data=data)
    assert rows().count() == 0


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        (True, True),
        (0, 0),
        (-0.5, -0.5),
        (10**18, 10**18),
        ("", ""),
        ("\U0001f600 é \\ \" ' % %s {} \u2028 \x7f", "\U0001f600 é \\ \" ' % %s {} \u2028 \x7f"),
        ([], []),
        ({}, {}),
        ((1, 2), [1, 2]),
        ({1: {2: 3}}, {"1": {"2": 3}}),
        (nested(30), nested(30)),
        (nested(30, kind="dict"), nested(30, kind="dict")),
        pytest.param(Decimal("1.10"), "1.10", marks=DJANGOS_JSON),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=zone.utc), "2026-01-02T03:04:00Z"),
        pytest.param(timedelta(hours=36), "P1DT12H00M00S", marks=DJANGOS_JSON),
        (lazystr("translated"), "translated"),
    ],
    ids=[
        "null", "true", "zero", "fraction", "number", "empty text", "odd text", "empty list", "empty dict", "tuple",
        "numbers as keys", "deep list", "deep dict", "decimal", "uuid", "date", "datetime", "timedelta", "lazy text",
    ],
)  # fmt: skip
def test_extra_arguments_are_stored_as_djangos_encoder_writes_them(value: Any, stored: Any) -> None:
    row = sent(extra=value)

    assert row.data == {"extra": stored}
    assert row.verb == "closed"


@pytest.mark.shape("jsonfield")
@pytest.mark.parametrize(
    ("value", "stored"),
    [({1}, [1]), (b"bytes", "bytes"), (Decimal("1.10"), 1.1), (timedelta(hours=36), "129600.0")],
)
def test_a_json_field_of_the_site_brings_its_own_serialiser(value: Any, stored: Any) -> None:
    assert sent(extra=value).data == {"extra": stored}


def test_the_response_holds_the_data_as_it_was_stored() -> None:
    user = make_user()

    [(_, told)] = notify.send(user, verb="paid", recipient=user, on=date(2026, 1, 2))

    assert told[0].data == rows().get().data == {"on": "2026-01-02"}


def test_data_is_stored_and_merges_with_the_extra_arguments() -> None:
    """In hq and in older releases of its fork, ``data={...}`` was lost."""
    assert sent(data={"a": 1, "b": [2]}, c="three").data == {"a": 1, "b": [2], "c": "three"}


def test_an_extra_argument_wins_over_the_same_key_of_data() -> None:
    assert sent(data={"a": 1, "b": 2}, a="one").data == {"a": "one", "b": 2}


def test_the_dict_that_was_given_is_left_alone() -> None:
    mine: dict[str, Any] = {"when": date(2026, 1, 2)}

    sent(data=mine, more=1)

    assert mine == {"when": date(2026, 1, 2)}


@pytest.mark.parametrize("data", [None, {}])
def test_without_extra_data_the_column_is_null(data: Any) -> None:
    assert sent(data=data).data is None


def test_every_recipient_gets_the_extra_data() -> None:
    """In hq only the first recipient got what arguments had set."""
    notify.send(make_user(), verb="closed", recipient=[make_user("one"), make_user("two")], foo="bar")

    assert [row.data for row in rows()] == [{"foo": "bar"}, {"foo": "bar"}]


@DJANGOS_JSON
def test_extra_data_can_be_searched_by_the_database() -> None:
    sent(extra={"list": [1, 2]})

    assert rows().filter(data__extra__list__1=2).count() == 1


# Recipients. What is allowed is in sending/test_audience.py.


@pytest.mark.parametrize(
    ("recipient", "error", "word"),
    [
        (lambda: "alice", TypeError, "'alice'"),
        (lambda: b"alice", TypeError, "b'alice'"),
        (lambda: {"alice": 1}, TypeError, "'alice'"),
        (lambda: 5, TypeError, "got 5"),
        (object, TypeError, "object"),
        (lambda: True, TypeError, "True"),
        (AnonymousUser, TypeError, "AnonymousUser"),
        (make_project, TypeError, "Project"),
        (Project.objects.all, TypeError, "queryset of Project"),
        (Group.objects.all, TypeError, "queryset of Group"),
        (lambda: type(make_user("class")), TypeError, "User"),
        (lambda: type(make_user("manager"))._default_manager, TypeError, "Write .all() after it"),
        (lambda: [make_user("one"), None], TypeError, "None"),
        (lambda: (make_user("one"), None), TypeError, "None"),
        (lambda: iter([make_user("one"), None]), TypeError, "None"),
        (lambda: ["alice"], TypeError, "'alice'"),
        (lambda: [""], TypeError, "''"),
        (lambda: [AnonymousUser()], TypeError, "AnonymousUser"),
        (lambda: [make_project()], TypeError, "Project"),
        (lambda: [Group.objects.create(name="crew")], TypeError, "Group"),
        (lambda: [make_user("one"), [make_user("two")]], TypeError, "two"),
        (lambda: [True], TypeError, "True"),
        (lambda: [1.0], TypeError, "1.0"),
        (lambda: [10**40], TypeError, "10000000000"),
    ],
    ids=[
        "text", "bytes", "dict", "number", "object", "bool", "anonymous", "project", "projects", "groups", "class",
        "manager", "none in list", "none in tuple", "none in iterator", "text in list", "empty text in list",
        "anonymous in list", "project in list", "group in list", "list in list", "bool in list", "float in list",
        "huge number in list",
    ],
)  # fmt: skip
def test_what_names_no_users_is_refused(
    recipient: Callable[[], Any], error: type[Exception], word: str
) -> None:
    refused(error, "recipient", word, recipient=recipient())


def test_an_unsaved_user_is_refused() -> None:
    unsaved = type(make_user("saved"))(username="unsaved")

    refused(ValueError, "recipient", recipient=unsaved)


def test_an_unsaved_group_is_refused() -> None:
    refused(ValueError, "recipient <Group: unsaved> is not saved", recipient=Group(name="unsaved"))


def test_an_unsaved_user_in_a_list_is_refused() -> None:
    saved = make_user("saved")

    refused(ValueError, "recipient", recipient=[saved, type(saved)(username="unsaved")])


def test_a_user_who_was_deleted_before_is_refused() -> None:
    gone, saved = make_user("gone"), make_user("saved")
    type(gone)._base_manager.filter(pk=gone.pk).delete()

    refused(ValueError, "recipient", repr(gone.pk), recipient=gone)
    refused_again = pytest.raises(ValueError, match="recipient holds 1 primary keys that no user has")
    with refused_again:
        notify.send(saved, verb="closed", recipient=[saved, gone.pk])
    assert rows().count() == 0


def test_a_bad_argument_leaves_the_cached_counts_and_the_listeners_alone(
    django_capture_on_commit_callbacks: Any,
) -> None:
    cache.set("untouched", 1)
    with django_capture_on_commit_callbacks() as callbacks:
        refused(ValueError, "level", level="critical")

    assert callbacks == []
