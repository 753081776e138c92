"""An app may narrow the rows that a request sees: every page, list, count, tag and stream of the user asks it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db.models import Count, Exists, OuterRef, Window
from django.db.models.functions import RowNumber
from django.template import Context, Template
from django.test import Client
from django.test.client import RequestFactory
from django.urls import reverse
from django.utils import timezone

from notifications import registry
from notifications.context_processors import notifications as processor
from notifications.contrib.live import queries, updates
from notifications.contrib.live.hub import Hub
from notifications.contrib.live.rounds import RecipientUpdate, Round, StreamUpdate
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.snapshots import InboxRow
from notifications.contrib.live.streams import Position, Recipient, Stream
from notifications.contrib.live.wire import Counts
from notifications.extensions import ROW_FILTERS, Extension, row_filters, rows_for
from notifications.helpers import get_notification_list
from notifications.objects import guard
from notifications.storage.counts import unread_count
from notifications.urls import urlpatterns
from tests.factories import make_group, make_notification, make_user, rows

pytestmark = pytest.mark.django_db

#: How a row gets into each tab.
STATES: dict[str, Callable[[Any], Any]] = {
    "all": lambda row: None,
    "unread": lambda row: None,
    "saved": lambda row: row.mark_as_saved(),
    "snoozed": lambda row: row.snooze(timezone.now() + timedelta(days=1)),
    "done": lambda row: row.mark_as_done(),
}
#: The urls that show something by GET.
SHOWING = [
    pattern.name
    for pattern in urlpatterns
    if pattern.name in STATES or ("api" in str(pattern.pattern) and pattern.name != "token")
]
WITH_SLUG = ["mark_as_read", "mark_as_unread", "delete"]


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    before = ROW_FILTERS.copy()
    guard.forget_faults()
    yield
    ROW_FILTERS[:] = before
    guard.forget_faults()


@pytest.fixture
def alice() -> Any:
    return make_user("alice")


@pytest.fixture
def two(alice: Any) -> tuple[Any, Any]:
    """Return a row that requests see, and one that they do not."""
    registry.register_queryset_filter(lambda found, request: found.filter(public=True))
    return make_notification(alice, verb="shown"), make_notification(alice, verb="kept away", public=False)


@pytest.fixture
def inbox(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def url(name: Any, *args: Any) -> str:
    return reverse(f"notifications:{name}", args=args)


@pytest.mark.parametrize("name", SHOWING)
def test_every_list_shows_only_these_rows(inbox: Client, two: Any, name: str) -> None:
    for row in two:
        STATES.get(name, STATES["all"])(row)

    text = inbox.get(url(name)).content.decode()

    assert "kept away" not in text
    if "count" in name:
        assert '_count": 1' in text
    else:
        assert "shown" in text
    if name in STATES and name not in {"done", "snoozed"}:
        assert 'data-ntf-count="unread">1<' in text


def test_the_counts_of_all_tabs_are_those_of_these_rows(inbox: Client, two: Any) -> None:
    for tab in ("inbox", "saved"):
        answer = inbox.get(url("api_inbox"), {"tab": tab, "q": ""}).json()
        assert answer["counts"] == {"inbox": 1, "unread": 1, "saved": 0, "snoozed": 0, "done": 0, "unseen": 1}


@pytest.mark.parametrize("name", WITH_SLUG)
def test_another_row_cannot_be_named(inbox: Client, two: Any, name: str) -> None:
    before = [*rows().order_by("pk").values()]

    assert inbox.get(url(name, two[1].slug)).status_code == 404
    assert inbox.post(url(name, two[1].slug)).status_code == 404
    assert [*rows().order_by("pk").values()] == before


@pytest.mark.parametrize(
    "form",
    [
        lambda hidden: {"one": f"done:{hidden.slug}"},
        lambda hidden: {"action": "done", "id": [hidden.slug]},
        lambda hidden: {"action": "done", "scope": "all"},
        lambda hidden: {"all": "read"},
    ],
)
def test_no_form_changes_another_row(inbox: Client, two: Any, form: Any) -> None:
    inbox.post(url("act"), form(two[1]))
    inbox.post(url("mark_all_as_read"))

    two[1].refresh_from_db()
    assert two[1].unread
    assert two[1].done_at is None
    two[0].refresh_from_db()
    assert not two[0].unread


def test_a_change_is_undone_in_these_rows_only(inbox: Client, alice: Any) -> None:
    row = make_notification(alice, verb="shown")
    token = inbox.post(
        url("act"), {"one": f"done:{row.slug}"}, headers={"accept": "application/json"}
    ).json()["undo"]
    registry.register_queryset_filter(lambda found, request: found.exclude(verb="shown"))

    inbox.post(url("undo"), {"undo": token})

    row.refresh_from_db()
    assert row.is_done


def test_the_json_answer_of_an_action_counts_these_rows(inbox: Client, two: Any) -> None:
    answer = inbox.post(
        url("act"), {"one": f"save:{two[0].slug}"}, headers={"accept": "application/json"}
    ).json()

    assert (answer["unread_count"], answer["unseen_count"]) == (1, 1)


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{% notifications_unread %}", "1"),
        ("{% live_notify_badge %}", "<span class='live_notify_badge'>1</span>"),
        ("{% notifications_bell rows=5 %}", "shown"),
        ("{% notifications_list %}", "shown"),
        ("{% if request.user|has_notification %}yes{% endif %}", "yes"),
        ("{{ notifications_unread }} {{ notifications_unseen }}", "1 1"),
    ],
)
def test_every_tag_shows_only_these_rows(
    rf: RequestFactory, alice: Any, two: Any, template: str, found: str
) -> None:
    request = rf.get("/")
    request.user = alice
    context = Context({"request": request, **processor(request)})

    text = Template("{% load notifications_tags %}" + template).render(context)

    assert found in text
    assert "kept away" not in text


def test_the_helper_of_the_older_packages_marks_only_these_rows(
    rf: RequestFactory, alice: Any, two: Any
) -> None:
    request = rf.post("/", {"mark_as_read": "1"})
    request.user = alice

    assert [item["verb"] for item in get_notification_list(request, "unread")] == ["shown"]
    assert [row.verb for row in alice.notifications.unread()] == ["kept away"]


def test_counts_that_depend_on_the_request_are_not_cached(settings: Any, alice: Any, two: Any) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 300}

    assert unread_count(alice) == 1
    ROW_FILTERS.clear()
    assert unread_count(alice) == 2
    registry.register_queryset_filter(lambda found, request: found.none())
    assert unread_count(alice) == 0


def test_an_extension_narrows_by_the_request_and_may_be_asked_without_one(
    add_extension: Callable[[Extension], None], rf: RequestFactory, alice: Any
) -> None:
    asked: list[Any] = []

    class Tenant(Extension):
        def notifications_rows(self, request: Any, rows: Any) -> Any:
            asked.append(request)
            return rows.filter(level="error")

    class Other(Extension):
        pass

    make_notification(alice)
    error = make_notification(alice, level="error")
    add_extension(Tenant())
    add_extension(Other())
    request = rf.get("/")

    assert list(rows_for(request, rows())) == [error]
    assert list(rows_for(None, rows())) == [error]
    assert asked == [request, None]
    assert len(row_filters()) == 1


@pytest.mark.parametrize(
    "broken",
    [
        lambda found, request: 1 / 0,
        lambda found, request: None,
        lambda found, request: list(found),
        lambda found, request: found[:1],
        lambda found, request: found.union(found),
        lambda found, request: found.values(),
        lambda found, request: found.values_list("pk"),
        lambda found, request: found.annotate(place=Window(RowNumber())).filter(place=1),
        lambda found, request: found.extra(tables=["django_content_type"]),
        lambda found, request: type(found)(make_user("bob").__class__),
    ],
)
def test_who_cannot_say_what_a_request_sees_shows_it_nothing(
    inbox: Client, alice: Any, caplog: pytest.LogCaptureFixture, broken: Any
) -> None:
    registry.register_queryset_filter(broken)
    make_notification(alice, verb="secret")

    with caplog.at_level(logging.ERROR, "notifications"):
        for _ in range(2):
            assert b"secret" not in inbox.get(url("all")).content

    assert [record.getMessage()[:20] for record in caplog.records] == ["notifications_rows()"]


#: Other ways to say which rows a request sees, each of which also says how many there are.
FORMS: dict[str, Callable[[Any], Any]] = {
    "distinct": lambda found: found.filter(recipient__groups__name__startswith="group").distinct(),
    "grouped": lambda found: found.annotate(groups=Count("recipient__groups")).filter(groups=2),
    "annotated": lambda found: found.annotate(groups=Count("recipient__groups")),
    "negated": lambda found: found.exclude(recipient__groups__name="others"),
    "exists": lambda found: found.filter(Exists(Group.objects.filter(user=OuterRef("recipient")))),
    "related": lambda found: found.select_related("recipient"),
    "none": lambda found: found.none(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["unread", "all"])
def test_a_list_with_its_count_says_what_the_count_says(
    inbox: Client, alice: Any, form: str, name: str
) -> None:
    for group in ("group 1", "group 2"):
        make_group(group, alice)
    for number in range(3):
        make_notification(alice, verb=str(number))
    registry.register_queryset_filter(lambda found, request: FORMS[form](found))
    count = inbox.get(url(f"live_{name}_notification_count")).json()[f"{name}_count"]
    assert count == (0 if form == "none" else 3)
    found = inbox.get(url(f"live_{name}_notification_list"), {"max": 2}).json()
    assert (found[f"{name}_count"], len(found[f"{name}_list"])) == (count, min(count, 2))


# The live streams


def stream_of(user: Any) -> StreamUpdate:
    stream = Stream(Login(user.pk), make_request=lambda: SimpleNamespace(user=user))
    return StreamUpdate(stream)


def test_a_live_stream_is_sent_only_these_rows_with_their_counts(alice: Any, two: Any) -> None:
    part = stream_of(alice)
    part.rows = {row.verb: InboxRow(row.pk, row.inbox_at) for row in rows()}
    position = Position(timezone.now(), {})
    update = RecipientUpdate(Recipient(alice.pk), position, Counts(2, 2), None, [part], has_changed=True)

    updates.narrow(update)

    assert [*part.rows] == ["shown"]
    assert part.counts == Counts(1, 1)


def test_a_live_stream_whose_request_cannot_be_made_is_sent_nothing(
    alice: Any, two: Any, caplog: pytest.LogCaptureFixture
) -> None:
    part = stream_of(alice)
    part.stream.make_request = lambda: 1 / 0
    part.rows = {row.verb: InboxRow(row.pk, row.inbox_at) for row in rows()}
    position = Position(timezone.now(), {})

    updates.narrow(RecipientUpdate(Recipient(alice.pk), position, Counts(2, 2), None, [part]))

    assert (part.rows, part.counts) == ({}, Counts(0, 0))
    assert "could not be narrowed" in caplog.text
    assert queries.visible_keys([], None) == set()


# The module of django-notifications-community


def test_the_hooks_for_cache_keys_do_nothing_and_say_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_cache_key_modifiers", [])
    monkeypatch.setattr(registry, "_cache_invalidation_keys", [])
    for _ in range(3):
        registry.register_cache_key_modifier(lambda key, user, request: f"{key}:site")
        registry.register_cache_invalidation_keys(lambda user, request: ["one"])

    assert [record.getMessage() for record in caplog.records] == [
        f"notifications.registry.{name}() does nothing: counts that a queryset filter narrows are not cached."
        for name in ("register_cache_key_modifier", "register_cache_invalidation_keys")
    ]
    # A site may use them for a cache of its own.
    assert registry.derive_cache_key("key", None) == "key:site:site:site"
    assert registry.collect_invalidation_keys(None) == ["one"] * 3


def test_filters_are_applied_in_the_order_in_which_they_were_registered() -> None:
    registry.register_queryset_filter(lambda found, request: f"{found} one")
    registry.register_queryset_filter(lambda found, request: f"{found} {request}")

    assert registry.apply_queryset_filters("rows", "two") == "rows one two"  # type: ignore[arg-type]


def test_a_round_of_the_live_streams_is_narrowed(alice: Any, two: Any) -> None:
    stream = Stream(Login(alice.pk), make_request=lambda: SimpleNamespace(user=alice))
    recipient = Recipient(alice.pk)
    recipient.streams.append(stream)

    [update] = updates.get_updates(Round([recipient], set(), {recipient: (stream,)}))

    assert update.streams[0].counts == Counts(1, 1)


def test_a_live_stream_is_sent_counts_that_change_for_its_request_alone(alice: Any, two: Any) -> None:
    """Of all rows as many are unread as before, so the badge stood still; above the cap it always did."""
    stream = Stream(Login(alice.pk), make_request=lambda: SimpleNamespace(user=alice))
    recipient = Recipient(alice.pk)
    recipient.streams.append(stream)

    def sent() -> str:
        [update] = updates.get_updates(Round([recipient], set(), {recipient: (stream,)}))
        Hub()._send(update, has_changed=False)
        return stream.outbox.take().decode()

    assert '{"unread": 1, "unseen": 1}' in sent()
    assert sent() == ""
    two[0].mark_as_read()
    make_notification(alice, verb="kept away", public=False)
    assert '{"unread": 0, "unseen": 0}' in sent()
