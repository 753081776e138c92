"""The query language: what it finds, what it refuses, and that nothing in it is more than text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies

from notifications.conf import get_notification_model
from notifications.inbox import search
from notifications.inbox.search import names
from notifications.storage.charsets import KNOWN, has_characters
from notifications.types import all_types, type_of, type_word
from tests.factories import make_group, make_issue, make_notification, make_project, make_user, rows
from tests.testapp.models import Issue, Project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]


def parse(text: str) -> search.Search:
    return search.parse(text, get_notification_model())


def found(text: str) -> set[str]:
    """Return the verbs of what a query finds among all rows."""
    asked = parse(text)
    assert asked.error == ""
    return {row.verb for row in asked.narrow(rows())}


@pytest.fixture
def story() -> Any:
    """What happened to justquick."""
    justquick, alice, bot = make_user("justquick"), make_user("Alice"), make_user("bot")
    make_notification(justquick, actor=alice, verb="commented on", target=make_project("pinax"))
    make_notification(justquick, actor=bot, verb="failed", level="error", description="Out of memory: 100%")
    make_notification(justquick, actor=bot, verb="passed", level="success", unread=False)
    make_notification(justquick, actor=alice, verb="saved it").mark_as_saved()
    make_notification(justquick, actor=alice, verb="did it", target=bot).mark_as_done()
    make_notification(justquick, actor=alice, verb="slept").snooze(timezone.now() + timedelta(days=1))
    return justquick


ALL = {"commented on", "failed", "passed", "saved it", "did it", "slept"}


@pytest.mark.parametrize(
    ("query", "verbs"),
    [
        ("", ALL),
        ("   ", ALL),
        ("is:unread", {"commented on", "failed", "saved it"}),
        ("IS:Unread", {"commented on", "failed", "saved it"}),
        ("is:read", {"passed", "did it"}),
        ("is:saved", {"saved it"}),
        ("is:done", {"did it"}),
        ("is:snoozed", {"slept"}),
        ("-is:snoozed", ALL - {"slept"}),
        ("-is:saved -is:done", ALL - {"saved it", "did it"}),
        ("is:inbox", {"commented on", "failed", "passed", "saved it"}),
        ("-is:inbox", {"did it", "slept"}),
        ("is:read is:done", {"did it"}),
        ("level:error", {"failed"}),
        ("level:error level:success", {"failed", "passed"}),
        ("-level:info", {"failed", "passed"}),
        ("verb:commented", {"commented on"}),
        ("verb:COMMENTED", {"commented on"}),
        ('verb:"commented on"', {"commented on"}),
        ("verb:%", set()),
        ("from:bot", {"failed", "passed"}),
        ("from:@bot", {"failed", "passed"}),
        ("from:BOT", {"failed", "passed"}),
        ("from:Alice", {"commented on", "saved it", "did it", "slept"}),
        ("from:Alice from:bot", ALL),
        ("-from:bot", ALL - {"failed", "passed"}),
        ("-from:bot -from:Alice", set()),
        ("from:nobody", set()),
        ("-from:nobody", ALL),
        ("target:bot", {"did it"}),
        ("target:pinax", set()),
        ("memory", {"failed"}),
        ('"out of MEMORY"', {"failed"}),
        ("out passed", set()),
        ("out failed", {"failed"}),
        ("-memory", ALL - {"failed"}),
        ("bot", {"failed", "passed", "did it"}),
        ("100%", {"failed"}),
        ("100_", set()),
        ('"from:bot"', set()),
        ('fail"out of"', {"failed"}),
        ('from:"bot', {"failed", "passed"}),
        ('"out of', {"failed"}),
        ('"" - -"" "   "', ALL),
        ("http://example.com", set()),
        ("12:30", set()),
        ("a'; DROP TABLE notifications_notification; --", set()),
        ("漢字 🐍 זרם", set()),
        ("\\", set()),
    ],
)
@pytest.mark.usefixtures("story")
def test_a_query_finds_what_it_says(query: str, verbs: set[str]) -> None:
    assert found(query) == verbs


@pytest.mark.parametrize("term", ["from:{}", "target:{}", "in:{}", "{}", "-{}"])
@pytest.mark.usefixtures("story")
def test_a_name_stands_for_the_same_objects_whatever_else_is_asked_for(term: str) -> None:
    alice = get_user_model().objects.get(username="Alice")
    make_notification(alice, verb="saw it", target=alice)
    term = term.format("alice")
    for other in ("from:Alice", "target:Alice", "Alice"):
        assert found(f"{term} -{other}") == found(term) - found(other)


@pytest.mark.usefixtures("story")
def test_a_column_may_compare_names_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``citext`` and some collations of PostgreSQL do."""
    alice = get_user_model().objects.get(username="Alice")
    monkeypatch.setattr(names, "names_in", lambda rows, field: [("Alice", alice.pk)])
    assert found("from:alice") == found("from:ALICE") == {"commented on", "saved it", "did it", "slept"}


@pytest.mark.parametrize("verb", ["closed", "CLOSED", "clösed", "closed ", "closed it", "closé"])
def test_a_type_has_the_rows_whose_verb_is_that_of_the_type(make_type: Any, verb: str) -> None:
    make_type("closed")
    make_type("closé")
    row = make_notification(make_user(), verb=verb)
    words = {type_word(kind): found(f"type:{type_word(kind)}") for kind in all_types()}
    assert [word for word, verbs in words.items() if verbs] == [type_word(type_of(row.verb))]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("frm:alice", "Unknown filter “frm:”."),
        ("re:fix", "Unknown filter “re:”."),
        (
            "is:new",
            "“is:new” is not valid. Choose one of: unread, read, saved, snoozed, done, inbox.",
        ),
        (
            "level:fatal",
            "“level:fatal” is not valid. Choose one of: success, info, warning, error.",
        ),
        ("from:", "Enter a value after “from:”."),
        ('from:""', "Enter a value after “from:”."),
        ("is: unread", "Enter a value after “is:”."),
        ("\x00", "The search contains an invalid character."),
        ("from:\ud800", "The search contains an invalid character."),
        ("a" * 501, "A search can have at most 500 characters."),
        ("a " * 5000, "A search can have at most 500 characters."),
        ("a " * 21, "A search can have at most 20 words."),
        ("-a " * 21, "A search can have at most 20 words."),
    ],
)
@pytest.mark.usefixtures("story")
def test_a_query_that_cannot_be_understood_finds_nothing_and_says_why(query: str, error: str) -> None:
    asked = parse(query)
    assert asked.error.startswith(error)
    assert not asked.narrow(rows()).exists()


def test_a_query_of_as_many_characters_and_words_as_there_may_be_is_understood() -> None:
    assert parse("a" * 500).error == ""
    assert parse("a " * 20).error == ""


@pytest.mark.usefixtures("story")
def test_a_name_costs_one_query_for_each_model_whatever_is_asked_for(
    settings: Any, django_assert_num_queries: Any
) -> None:
    ContentType.objects.get_for_models(get_user_model(), Project, Issue)
    with django_assert_num_queries(1):
        parse('from:bot -from:alice target:bot memory "out of" -passed')
    with django_assert_num_queries(0):
        parse("is:unread level:error verb:failed")
    settings.NOTIFICATIONS = {"SEARCH_FIELDS": {"testapp.Project": "name", "testapp.Issue": "name"}}
    with django_assert_num_queries(3):
        parse('from:bot -from:alice target:bot memory "out of" -passed')


def test_a_site_names_the_models_that_people_search_by_name(settings: Any) -> None:
    settings.NOTIFICATIONS = {"SEARCH_FIELDS": {"testapp.Project": "name", "auth.Group": "name"}}
    justquick = make_user("justquick")
    for name in ("pinax", "pinax", "flask"):
        make_notification(justquick, target=make_project(name), verb=f"starred {name}")
    make_notification(justquick, actor=make_group("pinax"), verb="welcomed")
    assert found("target:pinax") == {"starred pinax"}
    assert found("from:pinax") == {"welcomed"}
    assert found("-target:pinax") == {"starred flask", "welcomed"}
    # As text it is a part of the verb, or the whole name of an object.
    assert found("pinax") == {"starred pinax", "welcomed"}
    assert Group.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"testapp.Nothing": "name"},
        {"testapp.Project": "nothing"},
        {"testapp.Project": "id"},
        {"Project": "name"},
        {"testapp.Project": None},
        {7: "name"},
        ["testapp.Project"],
    ],
    ids=repr,
)
def test_what_names_no_field_of_texts_is_left_out(settings: Any, fields: Any) -> None:
    settings.NOTIFICATIONS = {"SEARCH_FIELDS": fields}
    justquick = make_user("justquick")
    make_notification(justquick, target=make_project("pinax"))
    assert found("from:justquick") == {"closed"}
    assert found("target:pinax") == set()


def test_a_proxy_is_found_as_what_it_stands_for() -> None:
    user = make_user("justquick")
    make_notification(user, actor=make_user("bot"), verb="passed", action_object=make_issue())
    assert found("from:bot") == {"passed"}
    assert found("from:justquick") == set()


def test_a_search_of_another_kind_of_places_says_that_it_looks_elsewhere() -> None:
    assert [parse(text).is_elsewhere for text in ("is:saved", "is:done a", "is:snoozed", "-is:saved", "is:read")] == [
        True, True, True, False, False,
    ]  # fmt: skip


# A text is two queries.
@hypothesis_settings(
    max_examples=hypothesis_settings().max_examples // 4, suppress_health_check=list(HealthCheck)
)
@given(
    strategies.one_of(
        strategies.text(max_size=60),
        strategies.lists(
            strategies.sampled_from(
                [
                    "is:",
                    "from:",
                    "-",
                    '"',
                    ":",
                    "level:",
                    "verb:",
                    " ",
                    "unread",
                    "error",
                    "\\",
                    "%",
                    "_",
                    "'",
                    "🐍",
                    "İ",
                ]
            ),
            max_size=30,
        ).map("".join),
    )
)
def test_no_text_is_an_error_of_the_server(text: str) -> None:
    asked = parse(text)
    assert list(asked.narrow(rows())) == []
    assert list(rows().exclude(pk__in=asked.narrow(rows()).values("pk"))) == []


def test_only_words_ask_what_the_user_may_read(
    justquick: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.NOTIFICATIONS = {"VISIBILITY": {"testapp.Project": "tests.testapp.rules.NotForStrangers"}}
    make_notification(justquick, target=make_project())
    with django_assert_num_queries(0):
        search.parse("is:unread level:error", get_notification_model(), viewer=justquick)


@pytest.mark.backend("mariadb")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("charset", "letters"), [("utf8mb3", "😀"), ("latin1", "😀"), ("latin1", "日本")])
def test_no_letter_is_an_error_of_a_table_that_cannot_have_it(charset: str, letters: str) -> None:
    ann, table = make_user("ann"), get_notification_model()._meta.db_table
    make_notification(ann, verb="aß")

    def convert(charset: str) -> None:
        with connection.cursor() as cursor:
            for column in (
                "verb varchar(255) {} NOT NULL",
                "description longtext {}",
                "reason varchar(32) {} NOT NULL",
            ):
                cursor.execute(f"ALTER TABLE {table} MODIFY {column.format(f'CHARACTER SET {charset}')}")
        vars(connections["default"]).pop(KNOWN, None)

    convert(charset)
    try:
        for key in ("", "verb:", "reason:", "from:", "target:", "in:"):
            assert (key, found(f"{key}{letters}"), found(f"-{key}{letters}")) == (key, set(), {"aß"})
        assert found("ß") == {"aß"}
    finally:
        convert("utf8mb4")


@pytest.mark.parametrize(
    ("charset", "has"),
    [
        ("utf8mb4", "ß日😀"),
        ("utf8mb3", "ß日"),
        ("utf8", "ß日"),
        ("ucs2", "ß日"),
        ("latin1", "ß€"),
        ("ascii", ""),
        ("odd", ""),
    ],
)
def test_which_characters_a_character_set_has(charset: str, has: str) -> None:
    assert {letter for letter in "ß日😀€" if has_characters(charset, letter)} >= set(has)
    assert not any(has_characters(charset, letter) for letter in "日😀" if letter not in has)
