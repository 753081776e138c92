"""What the script does with the events of a stream, and how it asks for one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from notifications.contrib.live.wire import Cursor
from tests.browser.conftest import Browser
from tests.factories import make_notification
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

INBOX = "/inbox/notifications/"

#: A stream on which the test speaks. Every other request goes to the server.
FAKE = """
window.streams = [];
window.EventSource = class extends EventTarget {
    static CLOSED = 2;
    readyState = 1;
    constructor(url) { super(); this.url = String(url); streams.push(this); }
    close() { this.readyState = 2; }
    say(name, data) { this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) })); }
};
window.heard = [];
for (const name of ["new", "count", "changed"]) {
    document.addEventListener(`notifications:${name}`, ({ detail }) => heard.push([name, detail?.verb ?? null]));
}
"""


@pytest.fixture
def stopped_clock(browser: Browser) -> None:
    """Let time stand still. A test names this before the inbox, whose clock it is."""
    browser.stop_the_clock()


@pytest.fixture
def inbox(browser: Browser, justquick: Any, visit: Callable[[str], None]) -> Browser:
    """An inbox with one row, and a stream that has not said anything."""
    browser.page.add_init_script(FAKE)
    make_notification(justquick, verb="did it")
    visit(INBOX)
    wait_until(lambda: browser.run("return streams.length") == 1)
    return browser


def say(browser: Browser, name: str, data: Any) -> None:
    browser.run("streams.at(-1).say(...arguments)", name, data)


def rows_shown(browser: Browser) -> int:
    found: int = browser.page.locator("notifications-inbox .ntf-row").count()
    return found


def test_the_first_stream_begins_when_the_page_was_made(inbox: Browser) -> None:
    """M2: what was committed between the page and its script was never announced."""
    [since] = parse_qs(urlsplit(inbox.run("return streams[0].url")).query)["since"]
    assert since == inbox.page.locator("notifications-inbox").get_attribute("data-ntf-now")
    cursor = Cursor.of_page(since)
    assert cursor is not None
    assert timezone.now() - cursor.since < timedelta(minutes=5)


def test_a_stream_after_the_first_begins_when_it_is_opened(inbox: Browser) -> None:
    """What came meanwhile is in the answer to a poll."""
    inbox.run("streams[0].dispatchEvent(new Event('open'))")
    inbox.run("streams[0].readyState = 2; streams[0].dispatchEvent(new Event('error'))")
    inbox.run("dispatchEvent(new Event('online'))")
    wait_until(lambda: inbox.run("return streams.length") == 2)
    assert "since" not in inbox.run("return streams[1].url")


def test_a_change_is_shown_whatever_the_counts_are(inbox: Browser, justquick: Any) -> None:
    """M1: above the cap no count changes, and the list stood still."""
    make_notification(justquick, verb="came")
    say(inbox, "changed", {})
    wait_until(lambda: rows_shown(inbox) == 2)
    assert inbox.run("return heard") == [["changed", None]]


def test_counts_alone_load_no_list(stopped_clock: None, inbox: Browser, justquick: Any) -> None:
    """The change behind them does, and what is loaded then is all that is."""
    requests: list[str] = []
    inbox.page.on("request", lambda request: requests.append(request.url))
    say(inbox, "count", {"unread": 7, "unseen": 3})
    inbox.let_pass(1000)
    make_notification(justquick, verb="came")
    say(inbox, "changed", {})
    inbox.let_pass(1000)
    wait_until(lambda: rows_shown(inbox) == 2)
    assert len(requests) == 1


def test_what_a_stream_says_is_new_is_announced_once_whatever_its_moment(inbox: Browser) -> None:
    """M3: what the page took for older than itself was dropped."""
    long_ago = (timezone.now() - timedelta(days=9)).isoformat()
    entry = {"id": 17, "inbox_at": long_ago, "verb": "backdated", "text": "justquick backdated"}
    say(inbox, "notification", entry)
    say(inbox, "notification", entry)
    assert inbox.run("return heard") == [["new", "backdated"]]


def close_by_the_server(browser: Browser) -> None:
    browser.run("streams.at(-1).dispatchEvent(new Event('open'))")
    say(browser, "bye", {})


def test_a_session_that_ended_while_another_began_is_no_end(inbox: Browser, justquick: Any) -> None:
    """After a new login, or a new password, the page said "You are signed out" to who was not."""
    inbox.run("document.addEventListener('notifications:stopped', () => heard.push(['stopped']))")
    close_by_the_server(inbox)
    wait_until(lambda: inbox.run("return streams.length") == 2)
    wait_until(lambda: ["changed", None] in inbox.run("return heard"))
    assert ["stopped"] not in inbox.run("return heard")
    assert inbox.run("return streams[0].readyState") == 2


def test_a_session_that_ended_is_the_end(inbox: Browser) -> None:
    inbox.run("document.addEventListener('notifications:stopped', ({detail}) => heard.push(detail.reason))")
    inbox.context.clear_cookies(name="sessionid")
    close_by_the_server(inbox)
    wait_until(lambda: "signed-out" in inbox.run("return heard"))
    assert inbox.run("return streams.every(stream => stream.readyState === 2)")
    inbox.complaints()


@pytest.mark.parametrize("opens", [True, False])
def test_a_stream_that_says_nothing_is_not_waited_for(
    stopped_clock: None, inbox: Browser, justquick: Any, opens: bool
) -> None:
    """A proxy held it back, or its line was cut: the bell stood still, since a stream that is open needs no poll."""
    if opens:
        inbox.run("streams[0].dispatchEvent(new Event('open'))")
    asked: list[str] = []
    inbox.page.on("request", lambda request: asked.append(request.url))
    for _ in range(6):
        inbox.let_pass(15_000)
        say(inbox, "alive", {})
    # The list itself looks once a minute.
    polls = [url for url in asked if url.endswith("/api/inbox/")]
    assert (polls, inbox.run("return streams.length")) == ([], 1)
    make_notification(justquick, verb="came")

    def came() -> bool:
        # A poll that fails is made again later.
        inbox.let_pass(15_000)
        return ["new", "came"] in inbox.run("return heard")

    wait_until(came)
    assert inbox.run("return streams[0].readyState") == 2
    assert (inbox.run("return streams.length") > 1) is opens
