"""Every state of rows with every combination of columns: all queries and properties give the same result."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.test import Client
from django.utils import timezone

from notifications.conf import get_notification_model
from notifications.contrib.live import queries
from notifications.inbox import search, tabs
from notifications.inbox.tabs import TABS
from notifications.models import InboxState
from notifications.storage import counts
from notifications.storage.states import STATES, VISIBLE, states_of
from tests.factories import make_user, rows

pytestmark = pytest.mark.django_db

BOOLEANS = (False, True)
PAST, FUTURE = timedelta(days=-1), timedelta(days=1)
#: The values of each column; times are given as the difference from now.
COLUMNS: dict[str, tuple[Any, ...]] = {
    "unread": BOOLEANS,
    "deleted": BOOLEANS,
    "read_at": (None, PAST),
    "done_at": (None, PAST),
    "saved_at": (None, PAST),
    "snoozed_until": (None, 2 * PAST, FUTURE),
    "timestamp": (3 * PAST, 2 * FUTURE),
}
INBOX = "/inbox/notifications/"


def is_in_inbox(row: Any) -> bool:
    if row.snoozed_until is not None:
        return row.snoozed_until < timezone.now()  # type: ignore[no-any-return]
    return row.done_at is None and row.timestamp < timezone.now()


#: Each state in Python, written independently of the code.
MEANINGS: dict[str, Callable[[Any], bool]] = {
    "inbox": is_in_inbox,
    "unread": lambda row: row.unread and is_in_inbox(row),
    "read": lambda row: not row.unread,
    "done": lambda row: row.done_at is not None and row.snoozed_until is None,
    "saved": lambda row: row.saved_at is not None,
    "snoozed": lambda row: row.snoozed_until is not None and row.snoozed_until > timezone.now(),
}


@pytest.fixture(params=[False, True], ids=["rows are deleted", "rows are hidden"])
def user(request: Any, settings: Any) -> Any:
    """A user with a row of each combination."""
    settings.NOTIFICATIONS = {"SOFT_DELETE": request.param, "BADGE_CAP": None, "PAGE_SIZE": 1000}
    user, model, now = make_user(), get_notification_model(), timezone.now()
    actor_type = ContentType.objects.get_for_model(user)
    # Not by the bulk_create() of the queryset, which updates read_at.
    plain: Any = models.QuerySet(model)
    plain.bulk_create(
        model(
            recipient=user,
            actor_content_type=actor_type,
            actor_object_id=user.pk,
            verb="x",
            **{
                name: now + value if isinstance(value, timedelta) else value
                for name, value in zip(COLUMNS, combination, strict=True)
            },
        )
        for combination in itertools.product(*COLUMNS.values())
    )
    return user


def visible(found: Any) -> Any:
    hidden = VISIBLE.condition() != models.Q()
    return [row for row in found if not (hidden and row.deleted)]


def pks(found: Any) -> list[Any]:
    return sorted(row.pk for row in found)


def test_every_state_has_a_meaning_here_and_nothing_else_has() -> None:
    assert STATES.keys() == MEANINGS.keys()
    assert STATES.keys() >= TABS.keys()


@pytest.mark.parametrize("name", MEANINGS)
def test_filter_predicate_adjective_search_and_tab_agree(user: Any, name: str) -> None:
    means, state = MEANINGS[name], STATES[name]
    everything = list(rows())
    shown = visible(everything)
    wanted = [row for row in everything if means(row)]
    wanted_shown = [row for row in shown if means(row)]

    assert pks(rows().filter(state.condition())) == pks(wanted)
    assert pks(rows().filter(~state.condition())) == pks(set(everything) - set(wanted))
    assert pks(row for row in everything if state.holds(row)) == pks(wanted)
    attribute = "is_in_inbox" if name == "inbox" else f"is_{name}"
    assert pks(row for row in everything if getattr(row, attribute)) == pks(wanted)

    assert pks(getattr(user.notifications, name)()) == pks(wanted_shown)
    model = get_notification_model()
    for text, right in ((f"is:{name}", wanted_shown), (f"-is:{name}", set(shown) - set(wanted_shown))):
        asked = search.parse(text, model)
        assert pks(asked.narrow(user.notifications.visible())) == pks(right)
    if name in TABS:
        assert pks(TABS[name].rows(user.notifications.all(), search.Search())) == pks(wanted_shown)
    in_inbox = search.parse(f"is:{name}", model)
    elsewhere = name in {"done", "saved", "snoozed"}
    assert pks(TABS["inbox"].rows(user.notifications.all(), in_inbox)) == pks(
        row for row in wanted_shown if elsewhere or is_in_inbox(row)
    )


def test_visible_and_the_deleted_ones_agree(user: Any) -> None:
    everything = list(rows())
    assert pks(user.notifications.visible()) == pks(visible(everything))
    assert pks(row for row in everything if VISIBLE.holds(row)) == pks(visible(everything))
    for name in ("unread", "read"):
        found = getattr(user.notifications, name)(include_deleted=True)
        assert pks(found) == pks(row for row in everything if MEANINGS[name](row))


def test_the_numbers_agree(user: Any) -> None:
    shown = visible(rows())
    seen_at = timezone.now() - timedelta(days=2, hours=12)
    InboxState.objects.create(pk=user.pk, seen_at=seen_at, seen_floor=seen_at)
    unread = [row for row in shown if MEANINGS["unread"](row)]
    unseen = [row for row in unread if (row.snoozed_until or row.timestamp) > seen_at]
    assert 0 < len(unseen) < len(unread)

    request: Any = SimpleNamespace(user=user)
    counted = tabs.counts_on(tabs.carrier_of([], request), request)
    assert counted == {
        **{name: sum(map(MEANINGS[name], shown)) for name in TABS},
        "unseen": len(unseen),
    }
    assert counts.unread_count(user) == len(unread)
    assert counts.unseen_count(user) == len(unseen)
    assert pks(counts.unseen(user)) == pks(unseen)

    live = queries.snapshots([user.pk], timezone.now() - timedelta(days=9))[str(user.pk)]
    assert live.counts == (len(unread), len(unseen))
    assert sorted(row.pk for row in live.rows.values()) == pks(row for row in shown if is_in_inbox(row))


#: The rows that each method changes, and the state that all rows have afterwards.
VERBS: dict[str, tuple[Callable[[Any], bool], str | None]] = {
    "mark_all_as_unread": (lambda row: not row.unread, None),
    "mark_all_as_done": (lambda row: not MEANINGS["done"](row), "done"),
    "mark_all_as_undone": (MEANINGS["done"], None),
    "mark_all_as_saved": (lambda row: row.saved_at is None, "saved"),
    "mark_all_as_unsaved": (MEANINGS["saved"], None),
    "unsnooze_all": (MEANINGS["snoozed"], None),
    # Rows that are done and were set to unread directly become read as well; rows of the future do not.
    "mark_all_as_read": (
        lambda row: row.unread and (MEANINGS["done"](row) or is_in_inbox(row)),
        None,
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_of_rows_and_of_querysets_change_what_is_in_the_other_state(user: Any, verb: str) -> None:
    changes, state = VERBS[verb]
    everything = list(rows())
    wanted = pks(filter(changes, everything))

    with transaction.atomic():
        assert getattr(user.notifications, verb)() == len(wanted)
        if state:
            assert all(STATES[state].holds(row) for row in rows())
        transaction.set_rollback(True)

    # No method depends on whether a row is deleted, and each row costs two statements.
    everything = [row for row in everything if not row.deleted]
    wanted = pks(filter(changes, everything))
    of_row = verb.replace("mark_all_as", "mark_as").removesuffix("_all")
    # The state in the database counts, not the attributes of the object.
    everything[0].unread = not everything[0].unread
    assert sorted(row.pk for row in everything if getattr(row, of_row)()) == wanted
    columns = [name for name in COLUMNS if name != "timestamp"] + ["inbox_at"]
    stored = {row["pk"]: row for row in rows().values("pk", *columns)}
    for row in everything:
        assert {name: vars(row)[name] for name in columns} == {name: stored[row.pk][name] for name in columns}


def test_what_the_json_and_the_page_say_to_the_script_agrees(user: Any, client: Client) -> None:
    client.force_login(user)
    # No state depends on when a row was read, and it takes time to show each row.
    rows().filter(read_at__isnull=False).delete()
    by_slug = {row.slug: row for row in rows()}
    seen = set()
    for tab, question in [*((name, "") for name in TABS), ("inbox", "is:done"), ("inbox", "is:saved")]:
        query = {"tab": tab, "q": question, "max": "100"}
        answer = client.get(f"{INBOX}api/inbox/", query).json()
        url = INBOX if tab == "inbox" else f"{INBOX}{tab}/"
        html = client.get(url, {"q": question}).content.decode().partition("<template")[0]
        on_page = dict(re.findall(r'data-ntf-id="(\d+)"(.*?)(?=data-ntf-id=|\Z)', html, re.DOTALL))
        assert len(answer["items"]) == len(on_page) <= 100
        for item in answer["items"]:
            row, part = by_slug[item["slug"]], on_page[str(item["slug"])]
            seen.add(row.pk)
            says = {name for name, means in MEANINGS.items() if means(row)}
            assert set(item["states"]) == set(states_of(row)) == says
            assert json.loads(json.dumps(item["inbox_at"])) is None or "done" not in says
            assert part.startswith(" data-ntf-unread") == ("unread" in says)
            assert (">Unread</span>" in part) == ("unread" in says)
            buttons = set(re.findall(r'data-ntf-action="(\w+)"', part))
            for state, yes, no in (("done", "undone", "done"), ("saved", "unsave", "save"),
                                   ("snoozed", "unsnooze", "snooze")):  # fmt: skip
                assert (yes in buttons) == (no not in buttons) == (state in says)
            if "snoozed" not in says:
                assert ("unread" in buttons) == ("read" not in buttons) == ("read" in says)
    # A row with a timestamp in the future that is neither saved, snoozed nor done is in no tab.
    assert seen == {
        row.pk for row in visible(rows()) if {"inbox", "done", "saved", "snoozed"} & set(states_of(row))
    }
