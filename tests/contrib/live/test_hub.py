"""The hub of a process: what each stream is told, whatever happens around it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta, timezone as zones
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from notifications import notify
from notifications.contrib.live import event_loop, hub as hubs, outbox, queries, rounds, sessions, updates
from notifications.contrib.live.buses import Message, get_bus
from notifications.contrib.live.hub import get_hub
from notifications.contrib.live.rounds import RecipientUpdate, Round
from notifications.contrib.live.sessions import Login
from notifications.contrib.live.shutdown import before_shutdown
from notifications.contrib.live.streams import Recipient, Stream, Surroundings
from notifications.contrib.live.wire import Counts, Cursor, mark
from notifications.presentation import serialize
from tests.contrib.live.client import (
    Browser,
    at_rest,
    elsewhere,
    hear_all,
    next_round,
    queries_made,
    tuned_in,
)
from tests.factories import make_notification, make_project, make_user, make_users, rows
from tests.testapp.models import Project
from tests.waiting import join, until, wait_for_event, within

pytestmark = pytest.mark.shape("default", "custom_user", "no_tz", "swapped")


@pytest.fixture(autouse=True)
def site(shared: str, settings: Any) -> Any:
    settings.NOTIFICATIONS = {"LIVE_HEARTBEAT": 1, "LIVE_BUS_OPTIONS": {"interval": 0.1}}
    return settings


@pytest.fixture
def asks_nothing_by_itself(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hub look only where a message or a stream that is new makes it look."""
    site.NOTIFICATIONS = {"LIVE_HEARTBEAT": 1, "LIVE_BUS_OPTIONS": {"interval": 3600}}
    monkeypatch.setattr(hubs, "RETRY_INTERVAL", 3600)


def send(user: Any, verb: str = "closed", **named: Any) -> None:
    notify.send(user, **{"verb": verb, "recipient": user, **named})


def verbs(browser: Browser) -> list[str]:
    return [event.data["verb"] for event in browser.heard if event.name == "notification"]


def told(*arguments: Any, **named: Any) -> Message:
    """Return the message that a bus would carry of this event."""
    send(*arguments, **named)
    return Message(event=str(rows().order_by("-pk").first().event))


async def is_told(browser: Browser, unread: int) -> None:
    await browser.until("count", {"unread": unread, "unseen": unread})


def test_a_row_that_is_committed_late_is_told_and_none_is_told_twice() -> None:
    """Keys and moments are given out before the commit: a higher one may be seen first."""
    user = make_user()
    before = timezone.now()

    async def listen() -> Browser:
        async with tuned_in(user) as browser:
            await elsewhere(send, user, "second")
            await is_told(browser, 1)
            # As if its transaction had begun before.
            await elsewhere(make_notification, user, verb="first", timestamp=before)
            await is_told(browser, 2)
            await hear_all(browser)
            return browser

    assert verbs(asyncio.run(listen())) == ["second", "first"]


@pytest.mark.backend("postgres", "mariadb")
def test_a_transaction_that_stays_open_holds_up_nobody_and_is_told_when_it_is_committed() -> None:
    user = make_user()
    inserted, commit = threading.Event(), threading.Event()

    def take_long() -> None:
        with transaction.atomic():
            send(user, "slow")
            inserted.set()
            wait_for_event(commit, "the test lets the transaction be committed")

    async def listen() -> Browser:
        async with tuned_in(user) as browser:
            slow = asyncio.create_task(elsewhere(take_long))
            await asyncio.to_thread(wait_for_event, inserted, "the row is inserted")
            await elsewhere(send, user, "quick")
            await is_told(browser, 1)
            last = browser.last_event_id
        commit.set()
        await slow
        async with tuned_in(user, cursor=Cursor.loads(last)) as again:
            await hear_all(again)
            browser.heard += again.heard
            return browser

    assert verbs(asyncio.run(listen())) == ["quick", "slow"]


def test_a_snoozed_row_that_is_back_is_told_again() -> None:
    user = make_user()

    async def listen() -> Browser:
        async with tuned_in(user) as browser:
            await elsewhere(send, user)
            await is_told(browser, 1)
            row = await elsewhere(user.notifications.get)
            await elsewhere(row.snooze, timezone.now() + timedelta(hours=1))
            await is_told(browser, 0)
            # The hour has passed.
            await elsewhere(user.notifications.update, snoozed_until=timezone.now())
            await is_told(browser, 1)
            return browser

    assert verbs(asyncio.run(listen())) == ["closed", "closed"]


def test_what_was_seen_in_another_tab_is_told() -> None:
    from notifications.storage.counts import mark_seen

    user = make_user()

    async def listen() -> None:
        async with tuned_in(user) as browser:
            await elsewhere(send, user)
            await is_told(browser, 1)
            await elsewhere(mark_seen, user)
            await browser.until("count", {"unread": 1, "unseen": 0})

    asyncio.run(listen())


def test_what_changes_without_a_change_of_the_counts_is_an_event_of_its_own() -> None:
    """What was read before and is saved or done in one place is so in the other."""
    user = make_user()

    async def listen() -> list[str]:
        async with tuned_in(user) as browser:
            await elsewhere(send, user)
            await is_told(browser, 1)
            await hear_all(browser)
            heard = len(browser.heard)
            await elsewhere(user.notifications.mark_all_as_saved)
            get_hub().handle(Message(recipient=str(user.pk)))
            await browser.next("changed")
            await hear_all(browser)
            return [event.name for event in browser.heard[heard:]]

    assert asyncio.run(listen()) == ["changed"]


def test_above_the_cap_what_comes_and_what_is_read_elsewhere_is_a_change(site: Any) -> None:
    """M1: the counts stand still there."""
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "BADGE_CAP": 3}
    user = make_user()
    now = timezone.now()
    for number in range(8):
        make_notification(user, verb=f"old {number}", timestamp=now - timedelta(minutes=5 + number))

    async def listen() -> list[list[str]]:
        heard: list[list[str]] = []
        async with tuned_in(user) as browser:
            await browser.next("changed")
            for act in (
                lambda: send(user, "new"),
                lambda: user.notifications.get(verb="new").mark_as_read(),
                lambda: user.notifications.get(verb="old 1").mark_as_read(),
                lambda: user.notifications.get(verb="new").mark_as_done(),
                lambda: user.notifications.get(verb="new").mark_as_undone(),
            ):
                before = len(browser.heard)
                await elsewhere(act)
                await browser.next("changed")
                heard.append([event.name for event in browser.heard[before:]])
            return [*heard, [event.name for event in await hear_all(browser)]]

    assert asyncio.run(listen()) == [["notification", "changed"], *[["changed"]] * 4, []]


def test_each_of_several_events_carries_how_far_one_has_come_with_it() -> None:
    """Who loses the connection between two of them is told the second one later, and not the first one again."""
    user = make_user()

    def send_three() -> None:
        with transaction.atomic():
            for verb in ("first", "second", "third"):
                send(user, verb)

    async def listen() -> list[list[str]]:
        heard = []
        async with tuned_in(user) as browser:
            await elsewhere(send_three)
            await is_told(browser, 3)
        for event in browser.heard:
            if event.name == "notification":
                async with tuned_in(user, cursor=Cursor.loads(event.id)) as again:
                    await hear_all(again)
                    heard.append(verbs(again))
        return heard

    assert asyncio.run(listen()) == [["second", "third"], ["third"], []]


def test_who_comes_back_after_hours_is_told_what_came_meanwhile_or_to_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = make_user()
    hour = timedelta(hours=1)
    cursor = Cursor(timezone.now() - 3 * hour).dumps()
    for age in (4, 2, 1):
        make_notification(user, verb=f"{age} hours", timestamp=timezone.now() - age * hour)

    async def listen() -> list[str]:
        async with tuned_in(user, cursor=Cursor.loads(cursor)) as browser:
            return [event.data.get("verb", event.name) for event in browser.heard]

    assert asyncio.run(listen()) == ["2 hours", "1 hours", "count"]

    monkeypatch.setattr(rounds, "MAX_REPLAYED_ROWS", 1)
    assert asyncio.run(listen()) == ["resync", "count"]


@pytest.mark.parametrize("replay", [100, 1])
def test_all_who_come_back_after_a_restart_are_told_by_one_question(
    monkeypatch: pytest.MonkeyPatch, replay: int
) -> None:
    monkeypatch.setattr(rounds, "MAX_REPLAYED_ROWS", replay)
    users = make_users(20)
    everybody = type(users[0])._default_manager.filter(username__startswith="user")
    minute = timedelta(minutes=1)
    now = timezone.now()
    streams: dict[Recipient, tuple[Stream, ...]] = {}
    for verb, age in (("heard", 4), ("missed", 3), ("missed too", 2)):
        send(users[0], verb, recipient=everybody, timestamp=now - age * minute)
    for user in users:
        heard = user.notifications.get(verb="heard")
        cursor = Cursor(now - 4.5 * minute, frozenset([mark(heard.pk, heard.inbox_at)]))
        streams[Recipient(user.pk)] = (Stream(Login(user.pk), cursor),)
    # One for all of them, and for what is told, its rows and their actors.
    with queries_made(3 if replay > 1 else 1):
        found = updates.get_updates(Round(list(streams), set(), streams))

    frames = [frame.data for update in found for frame in update.streams[0].frames]
    if replay > 1:
        assert [b"missed" in frame for frame in frames] == [True] * 40
    else:
        assert [b"event: resync" in frame for frame in frames] == [True] * 20


def test_a_stream_that_is_new_is_told_nothing_old() -> None:
    user = make_user()
    send(user)

    async def listen() -> Browser:
        async with tuned_in(user) as browser, tuned_in(user, cursor=Cursor.loads("crafted")) as other:
            await hear_all(browser)
            await hear_all(other)
            assert [event.name for event in browser.heard] == ["count", "changed"]
            return other

    assert [event.name for event in asyncio.run(listen()).heard] == ["count", "changed"]


@pytest.mark.usefixtures("asks_nothing_by_itself")
def test_one_message_of_an_event_is_one_question_and_it_is_told_once() -> None:
    user, other = make_users(2)

    async def listen() -> tuple[Browser, int]:
        async with tuned_in(user) as browser:
            hub = await at_rest()
            before = hub.rounds
            # Its own moment is old, as that of a transaction that was open for long.
            message = await elsewhere(told, user, timestamp=timezone.now() - timedelta(seconds=45))
            hub.handle(message)
            await is_told(browser, 1)
            asked = hub.rounds - before
            hub.handle(message)
            hub.handle(await elsewhere(told, other))
            hub.handle(Message(recipient=str(other.pk)))
            hub.handle(Message(recipient=str(user.pk)))
            await hear_all(browser)
            return browser, asked

    browser, asked = asyncio.run(listen())
    assert asked == 1
    assert verbs(browser) == ["closed"]


def test_an_event_and_a_look_in_the_same_turn_tell_of_it_once() -> None:
    user = make_user()

    async def listen() -> Browser:
        async with tuned_in(user) as browser:
            hub = get_hub()
            message = await elsewhere(told, user)
            hub.handle(Message())
            hub.handle(message)
            await is_told(browser, 1)
            await hear_all(browser)
            return browser

    assert verbs(asyncio.run(listen())) == ["closed"]


def test_an_event_does_not_overtake_the_first_look_of_a_listener() -> None:
    user = make_user()
    send(user)
    streams: dict[Recipient, tuple[Stream, ...]] = {Recipient(user.pk): (Stream(Login(user.pk)),)}
    assert updates.get_updates(Round([], {rows().get().event}, streams)) == []


@pytest.mark.parametrize(("most", "expected"), [(1000, ["notification"]), (300, ["resync"])])
def test_a_row_that_is_committed_late_among_very_many_is_sent_or_the_list_is_read_again(
    most: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """L0: it was neither."""
    monkeypatch.setattr(rounds, "MAX_KNOWN_ROWS", most)
    user = make_user()
    before = timezone.now()
    model: Any = rows().model
    first = make_notification(user)
    columns = {name: getattr(first, name) for name in ("actor_content_type", "actor_object_id", "recipient")}

    def write_many() -> None:
        rows().bulk_create([model(**columns, verb=f"verb {number}") for number in range(320)])

    async def listen() -> list[str]:
        async with tuned_in(user) as browser:
            await browser.next("changed")
            await elsewhere(write_many)
            await browser.next("changed")
            await hear_all(browser)
            start = len(browser.heard)
            await elsewhere(make_notification, user, verb="late", timestamp=before)
            await browser.next("changed")
            return [event.name for event in browser.heard[start:] if event.name not in ("count", "changed")]

    assert asyncio.run(listen()) == expected


@pytest.mark.usefixtures("asks_nothing_by_itself")
def test_an_event_among_very_many_makes_the_list_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MAX_KNOWN_ROWS", 2)
    user = make_user()
    for _ in range(3):
        make_notification(user)

    async def listen() -> list[str]:
        async with tuned_in(user) as browser:
            await browser.next("changed")
            await at_rest()
            await next_round(await elsewhere(told, user))
            return [event.name for event in await hear_all(browser, looks=0)]

    assert asyncio.run(listen()) == ["resync", "count", "changed"]


def test_a_browser_that_was_away_while_very_many_came_reads_its_list_again() -> None:
    """L0: what was committed late among them was not sent."""
    user = make_user()
    model: Any = rows().model
    first = make_notification(user)
    columns = {name: getattr(first, name) for name in ("actor_content_type", "actor_object_id", "recipient")}
    rows().bulk_create([model(**columns, verb=f"verb {number}") for number in range(150)])

    async def listen() -> str:
        async with tuned_in(user) as browser:
            await browser.next("changed")
        async with tuned_in(user, cursor=Cursor.loads(browser.last_event_id)) as again:
            return again.heard[0].name

    assert asyncio.run(listen()) == "resync"


@pytest.mark.parametrize("speaks", [False, True], ids=["polled", "by message"])
def test_what_came_while_the_page_was_loading_is_sent(speaks: bool) -> None:
    """M2: a stream began with what there was when it was opened."""
    user = make_user()
    send(user, "on the page")
    page = timezone.now()

    async def listen() -> list[str]:
        await elsewhere(send, user, "while it loads")
        async with tuned_in(user, cursor=Cursor.of_page(page.isoformat())) as browser:
            if speaks:
                row = await elsewhere(rows().order_by("-pk").first)
                get_hub().handle(Message(event=str(row.event)))
            await hear_all(browser)
            return verbs(browser)

    assert asyncio.run(listen()) == ["while it loads"]


@pytest.mark.shape("default", "custom_user", "swapped")
def test_a_page_whose_moment_has_an_odd_offset_keeps_nobody_from_their_events() -> None:
    """PostgreSQL refuses offsets of 16 hours and more, and the query of a round is one for everybody."""
    odd, other = make_users(2)
    page = (timezone.now() - timedelta(minutes=5)).astimezone(zones(timedelta(hours=23, minutes=59)))

    async def listen() -> list[str]:
        async with tuned_in(other) as browser, tuned_in(odd, cursor=Cursor.of_page(page.isoformat())):
            await elsewhere(send, other, "closed")
            await hear_all(browser)
            return verbs(browser)

    assert asyncio.run(listen()) == ["closed"]


def test_a_stream_begins_with_a_change_because_its_page_may_be_older() -> None:
    """M2: what was read elsewhere in between changes no row that is sent."""
    user = make_user()

    async def listen() -> list[str]:
        async with tuned_in(user) as browser:
            await browser.next("changed")
            return [event.name for event in browser.heard]

    assert asyncio.run(listen()) == ["count", "changed"]


@pytest.mark.usefixtures("asks_nothing_by_itself")
@pytest.mark.parametrize("age", [timedelta(minutes=5), timedelta(days=300)])
def test_an_event_of_an_old_moment_is_sent_once_where_a_bus_says_that_it_is_committed(age: timedelta) -> None:
    """M3: so the documentation says. Its transaction may have been open for longer than the stream."""
    user = make_user()

    async def listen() -> list[str]:
        async with tuned_in(user) as browser:
            await at_rest()
            message = await elsewhere(told, user, timestamp=timezone.now() - age)
            for _ in range(3):
                await next_round(message)
            await hear_all(browser)
            assert [event.name for event in browser.heard].count("changed") == 2
            return verbs(browser)

    assert asyncio.run(listen()) == ["closed"]


@pytest.mark.usefixtures("asks_nothing_by_itself")
def test_an_event_with_a_key_that_is_sent_again_to_others_is_not_sent_twice_to_the_first() -> None:
    user, other = make_users(2)
    hour = timedelta(hours=1)

    async def listen() -> list[str]:
        await elsewhere(told, user, idempotency_key="order:17", timestamp=timezone.now() - hour)
        async with tuned_in(user) as browser:
            await next_round(await elsewhere(told, other, idempotency_key="order:17"))
            await hear_all(browser)
            return verbs(browser)

    assert asyncio.run(listen()) == []


def test_a_clock_that_steps_back_makes_the_list_be_read_again_and_hides_nothing_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """L0: nothing was sent until the clock had caught up."""
    user = make_user()
    real, step = timezone.now, [timedelta(0)]
    monkeypatch.setattr(timezone, "now", lambda: real() - step[0])

    async def listen() -> list[str]:
        async with tuned_in(user) as browser:
            await elsewhere(make_notification, user, verb="before", timestamp=timezone.now())
            await browser.next("notification")
            step[0] = timedelta(minutes=5)
            await browser.next("resync")
            await elsewhere(make_notification, user, verb="after", timestamp=timezone.now())
            await browser.next("notification")
            return verbs(browser)

    assert asyncio.run(listen()) == ["before", "after"]


def test_the_sentence_is_in_the_language_of_the_browser() -> None:
    user = make_user()
    project = make_project()

    async def listen() -> list[str]:
        async with (
            tuned_in(user, surroundings=Surroundings("de")) as browser,
            tuned_in(user, surroundings=Surroundings("fr")) as other,
        ):
            await elsewhere(Project.objects.all().delete)
            await elsewhere(send, user, target=project)
            for one in (browser, other):
                await is_told(one, 1)
            return [one.heard[-2].data["text"] for one in (browser, other)]

    # A project that is gone has no name but that of its kind.
    german, french = asyncio.run(listen())
    assert german != french


def test_a_row_whose_object_has_a_broken_page_is_sent_without_a_link(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user()
    project = make_project()

    def break_the_page(self: Any) -> str:
        raise RuntimeError("This page is broken.")

    monkeypatch.setattr(Project, "get_absolute_url", break_the_page)

    async def listen() -> Browser:
        async with tuned_in(user) as browser:
            await elsewhere(send, user, "broken", target=project)
            await elsewhere(send, user, "whole")
            await is_told(browser, 2)
            return browser

    assert verbs(asyncio.run(listen())) == ["broken", "whole"]
    assert "This page is broken." in caplog.text


def test_a_row_that_cannot_be_shown_at_all_keeps_nobody_from_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user()
    entry = serialize.entry

    def fail_once(row: Any, *arguments: Any, **named: Any) -> Any:
        if row.verb == "broken":
            raise RuntimeError("This row is broken.")
        return entry(row, *arguments, **named)

    monkeypatch.setattr(serialize, "entry", fail_once)

    async def listen() -> Browser:
        async with tuned_in(user) as browser:
            await elsewhere(send, user, "broken")
            await elsewhere(send, user, "whole")
            await browser.next("notification")
            return browser

    assert verbs(asyncio.run(listen())) == ["whole"]
    assert "could not be shown to a live stream" in caplog.text


def test_a_row_that_goes_while_it_is_told_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    snapshots = queries.snapshots

    def look_and_delete(*arguments: Any) -> Any:
        found = snapshots(*arguments)
        rows().filter(verb="gone").delete()
        return found

    monkeypatch.setattr(queries, "snapshots", look_and_delete)

    async def listen() -> Browser:
        async with tuned_in(user) as browser:
            await elsewhere(make_notification, user, verb="gone")
            await elsewhere(send, user, "here")
            await browser.next("notification")
            return browser

    assert verbs(asyncio.run(listen())) == ["here"]


def test_a_browser_that_does_not_read_is_let_go_and_is_sent_the_rest_when_it_comes_back(
    monkeypatch: pytest.MonkeyPatch, site: Any
) -> None:
    # No heartbeat comes between what is read here.
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "LIVE_STREAMS_PER_USER": 2, "LIVE_HEARTBEAT": 3600}
    monkeypatch.setattr(outbox, "MAX_FRAMES", 2)
    user = make_user()

    async def listen() -> tuple[list[bytes], Browser]:
        hub, stream = get_hub(), Stream(Login(user.pk))
        chunks = hub.serve(stream)
        assert b": hello" in await anext(chunks)
        assert b"event: count" in await anext(chunks)
        async with tuned_in(user) as quick:
            for number in range(6):
                await elsewhere(send, user, f"verb {number}")
                await is_told(quick, number + 1)
            assert not stream.outbox.is_open
            # It takes no place from others, who may be the same browser.
            assert not hub.is_full_for(stream.login)
            waited = [chunk async for chunk in chunks]
            assert hub.streams() != []
            last = waited[-1].rpartition(b"id: ")[2].partition(b"\n")[0].decode()
            monkeypatch.setattr(outbox, "MAX_FRAMES", 100)
            async with tuned_in(user, cursor=Cursor.loads(last)) as again:
                return waited, again

    waited, again = asyncio.run(listen())
    assert [number for number in range(6) if b'"verb %d"' % number in b"".join(waited)] == [0, 1]
    assert verbs(again) == [f"verb {number}" for number in range(2, 6)]


def test_very_many_rows_in_one_transaction_are_not_rendered_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """M6: 3,000 frames were written in the one thread of everybody."""
    user = make_user()
    rendered: list[int] = []
    monkeypatch.setattr(serialize, "entry", lambda row, request: rendered.append(row.pk))
    model: Any = rows().model
    first = make_notification(user)
    columns = {name: getattr(first, name) for name in ("actor_content_type", "actor_object_id", "recipient")}

    def write_many() -> None:
        rows().bulk_create([model(**columns, verb="imported") for _ in range(rounds.MAX_REPLAYED_ROWS + 1)])

    async def listen() -> list[str]:
        async with tuned_in(user) as browser:
            await browser.next("changed")
            await elsewhere(write_many)
            await browser.next("changed")
            return [event.name for event in browser.heard[2:]]

    assert asyncio.run(listen()) == ["resync", "count", "changed"]
    assert rendered == []


def test_who_serves_a_stream_is_woken_once_by_two_changes() -> None:
    async def listen() -> bool:
        box = outbox.Outbox()
        resting = asyncio.create_task(hubs.rest(box))
        await until(lambda: box.on_change is not None, "the stream waits for something to do")
        box.put([], "1", Counts(1, 1))
        box.put([], "2", Counts(2, 2))
        return await within(resting, "the stream has something to do")

    assert asyncio.run(listen()) is False


def test_a_stream_that_has_left_has_no_cursor() -> None:
    user = make_user()

    async def listen() -> str:
        hub = get_hub()
        stream = Stream(Login(user.pk))
        hub.leave(stream)
        return hub.cursor_of(stream)

    assert asyncio.run(listen()) == ""


@pytest.mark.usefixtures("asks_nothing_by_itself")
def test_nothing_is_asked_for_a_stream_that_leaves_before_its_round() -> None:
    stays, goes = make_users(2)

    async def listen() -> int:
        async with tuned_in(stays):
            hub = await at_rest()
            before = hub.rounds
            stream = Stream(Login(goes.pk))
            assert hub.join(stream)
            hub.leave(stream)
            await until(lambda: not hub._wanted.is_set(), "the hub takes up what it is to look at")
            return hub.rounds - before

    assert asyncio.run(listen()) == 0


def test_one_stream_more_than_a_user_may_have_ends_at_once(site: Any) -> None:
    site.NOTIFICATIONS = {"LIVE_STREAMS_PER_USER": 1}
    user = make_user()

    async def listen() -> list[bytes]:
        async with tuned_in(user):
            return [chunk async for chunk in get_hub().serve(Stream(Login(user.pk)))]

    assert asyncio.run(listen()) == []


def test_a_database_that_fails_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hubs, "RETRY_INTERVAL", 0.2)
    user = make_user()
    failures: list[Exception] = []
    turn = threading.Lock()

    def get_updates(asked: Round) -> list[RecipientUpdate]:
        with turn:
            if failures:
                raise failures.pop()
            return updates.get_updates(asked)

    monkeypatch.setattr(hubs, "get_updates", get_updates)

    async def listen() -> Browser:
        async with tuned_in(user) as browser:
            # Not while a question is under way, which would still be answered.
            await asyncio.to_thread(turn.acquire)
            failures.extend([DatabaseError("gone"), DatabaseError("still gone")])
            await elsewhere(send, user)
            turn.release()
            await is_told(browser, 1)
            return browser

    assert verbs(asyncio.run(listen())) == ["closed"]
    assert caplog.text.count("The live hub could not query the database") == 2


def test_sessions_that_cannot_be_read_are_read_again(
    site: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, log_in: Callable[[Any], str]
) -> None:
    site.NOTIFICATIONS = {"LIVE_SESSION_CHECK": 1}
    user = make_user()
    session = log_in(user)
    ended, failures = sessions.ended, [DatabaseError("gone")]

    def fail_once(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return ended(*arguments)

    monkeypatch.setattr(sessions, "ended", fail_once)

    async def listen() -> list[bytes]:
        stream = Stream(Login(user.pk, session))
        async with tuned_in(user):
            chunks = [chunk async for chunk in take_and_log_out(stream, session)]
            return chunks

    assert asyncio.run(listen())[-1].endswith(b"event: bye\ndata: {}\n\n")
    assert "The live hub could not check the sessions" in caplog.text


async def take_and_log_out(stream: Stream, session: str) -> Any:
    async for chunk in get_hub().serve(stream):
        if b"event: count" in chunk:
            await elsewhere(Session.objects.filter(session_key=session).delete)
        yield chunk


def test_a_bus_that_cannot_be_had_leaves_the_hub_polling(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    site.NOTIFICATIONS = {"LIVE_BUS": "nowhere"}
    user = make_user()

    async def listen() -> Browser:
        async with tuned_in(user) as browser:
            await elsewhere(make_notification, user)
            await is_told(browser, 1)
            return browser

    assert verbs(asyncio.run(listen())) == ["closed"]
    assert "The live bus is not connected" in caplog.text


def test_a_bus_that_just_ends_is_a_dead_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def nothing() -> Any:
        yield Message()

    monkeypatch.setattr(get_bus(), "listen", nothing)
    user = make_user()

    async def listen() -> None:
        async with tuned_in(user):
            await until(lambda: "it has ended" in caplog.text, "the hub notices that the bus is dead")

    asyncio.run(listen())


def test_the_hub_holds_no_connection_between_two_questions() -> None:
    user = make_user()
    names = []

    async def listen() -> None:
        async with tuned_in(user):
            hub = await next_round()
            names.append(await hub._in_thread(lambda: connection.connection is None))

    asyncio.run(listen())
    assert names == [True]


def test_streams_end_before_the_server_does_what_it_does_on_a_signal() -> None:
    user = make_user()
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))

    async def listen() -> list[bytes]:
        chunks = []
        async for chunk in get_hub().serve(Stream(Login(user.pk))):
            chunks.append(chunk)
            if b"event: count" in chunk:
                os.kill(os.getpid(), signal.SIGTERM)
        # The hub sleeps, and the signal is the server's again.
        os.kill(os.getpid(), signal.SIGTERM)
        return chunks

    try:
        chunks = asyncio.run(listen())
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert heard == [signal.SIGTERM] * 2
    assert b"event: count" in chunks[1]


def test_a_handler_that_a_server_set_later_stays() -> None:
    # A shell that starts this in the background lets it ignore the signal.
    before = signal.default_int_handler
    inherited = signal.signal(signal.SIGINT, before)

    async def start_and_stop() -> Any:
        undo = before_shutdown(lambda: None)
        later = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        undo()
        return later, signal.getsignal(signal.SIGINT)

    try:
        ours, left = asyncio.run(start_and_stop())
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert left is signal.SIG_IGN
    assert ours is not before


def test_only_the_main_thread_hears_signals() -> None:
    user = make_user()
    found: list[Any] = []

    async def listen() -> None:
        before = signal.getsignal(signal.SIGINT)
        async with tuned_in(user):
            found.append(signal.getsignal(signal.SIGINT) is before)

    thread = threading.Thread(target=lambda: asyncio.run(listen()))
    thread.start()
    join(thread)
    assert found == [True]


# The garbage collector


@pytest.fixture
def collects() -> Iterator[Callable[[bool], None]]:
    """Return a function that turns the garbage collector on or off."""
    yield lambda collects: gc.enable() if collects else gc.disable()
    gc.enable()


@pytest.mark.parametrize(
    ("many", "collects_elsewhere", "collects_in_round"),
    [(1, True, False), (2, True, True), (1, False, False)],
)
def test_the_garbage_collector_waits_for_a_round_with_many_recipients(
    many: int,
    collects_elsewhere: bool,
    collects_in_round: bool,
    asks_nothing_by_itself: None,
    collects: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []

    def get_updates(asked: Round) -> list[RecipientUpdate]:
        found.append(gc.isenabled())
        return updates.get_updates(asked)

    async def listen() -> None:
        collects(collects_elsewhere)
        async with tuned_in(user):
            await at_rest()
            await until(lambda: gc.isenabled() == collects_elsewhere, "the round is over")

    user = make_user()
    monkeypatch.setattr(hubs, "MANY_RECIPIENTS", many)
    monkeypatch.setattr(hubs, "get_updates", get_updates)
    asyncio.run(listen())
    assert set(found) == {collects_in_round}


@pytest.mark.parametrize("is_on_first", [False, True])
def test_the_garbage_collector_is_on_after_who_turned_it_off_while_a_round_began(
    is_on_first: bool, collects: Callable[[bool], None]
) -> None:
    async def overlap() -> None:
        # The pause of another library, or of the hub of another event loop.
        collects(False)
        with event_loop.without_collections():
            collects(is_on_first)
            assert gc.isenabled() == is_on_first
        assert gc.isenabled() == is_on_first

    asyncio.run(overlap())


def test_the_garbage_collector_does_not_wait_for_a_database_that_hangs(
    asks_nothing_by_itself: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, answer = threading.Event(), threading.Event()

    def hang(asked: Round) -> list[RecipientUpdate]:
        begun.set()
        wait_for_event(answer, "the test lets the database answer")
        return updates.get_updates(asked)

    async def tune_in() -> None:
        async with tuned_in(user):
            pass

    async def listen() -> None:
        stream = asyncio.create_task(tune_in())
        await asyncio.to_thread(wait_for_event, begun, "a round begins")
        await until(gc.isenabled, "the garbage collector goes on")
        answer.set()
        await within(stream, "the stream is told")

    user = make_user()
    monkeypatch.setattr(hubs, "MANY_RECIPIENTS", 1)
    monkeypatch.setattr(event_loop, "MAX_PAUSE_SECONDS", 0)
    monkeypatch.setattr(hubs, "get_updates", hang)
    asyncio.run(listen())
