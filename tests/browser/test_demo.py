"""The demo as ``make demo`` starts it: a real server, its live wing, its strict policy, and several browsers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from notifications.compat.slugs import slug2id
from tests.browser.conftest import Browser, leave
from tests.browser.test_access import violations
from tests.test_example import served
from tests.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.browser]

INBOX = "inbox/notifications/"
ISSUE = "r/pinax/issues/6/"

#: What was told to the page since it was loaded, with when.
LISTEN = """
window.heard = [];
document.addEventListener("notifications:new", ({detail}) => heard.push(["new", detail.verb, detail.text]));
document.addEventListener("notifications:count", ({detail}) => heard.push(["count", detail.unread, detail.unseen]));
"""

LogIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the demo's database."""
    return tmp_path_factory.mktemp("demo") / "demo.sqlite3"


@pytest.fixture(scope="module")
def demo(database: Path) -> Iterator[str]:
    """The address of the demo."""
    with served(database) as address:
        yield address


@pytest.fixture
def log_in(chromium: Any, demo: str) -> Iterator[LogIn]:
    """Give somebody a browser, and log in there as anybody does."""
    browsers = []

    def log_in(name: str) -> Browser:
        context = chromium.new_context(viewport={"width": 1000, "height": 800}, reduced_motion="reduce")
        context.set_default_timeout(1000 * PATIENCE)
        browser = Browser(context)
        browsers.append(browser)
        browser.page.goto(f"{demo}accounts/login/")
        browser.follow(browser.page.get_by_role("button", name=name))
        return browser

    yield log_in
    complaints = [text for browser in browsers for text in browser.complaints()]
    for browser in browsers:
        leave(browser.context)
    assert complaints == []


def comment(browser: Browser, demo: str, text: str) -> None:
    """Comment on an issue that everybody of the cast takes part in."""
    browser.page.goto(f"{demo}{ISSUE}")
    browser.page.locator("textarea").fill(text)
    browser.follow(browser.page.get_by_role("button", name="Comment", exact=True))


def badge(browser: Browser) -> int:
    """Return the number on the bell."""
    shown = browser.page.locator(".ntf-badge")
    return int(shown.inner_text()) if shown.is_visible() else 0


def shows(browser: Browser, number: int) -> bool:
    """Return whether this is the number on the bell."""
    return badge(browser) == number


def lines(browser: Browser) -> list[str]:
    """Return what the panel of the bell shows."""
    return list(browser.page.locator(".ntf-panel .ntf-line a span").all_inner_texts())


def news(browser: Browser) -> int:
    """Return how many notifications of the first thread in the panel are new."""
    text = browser.page.locator(".ntf-panel .ntf-line .ntf-news").first.inner_text()
    return int(text.split()[0])


def listens(browser: Browser) -> None:
    """Wait until the server has told the page how things stand."""
    browser.page.wait_for_function("() => window.heard?.some(([kind]) => kind === 'count')")


@pytest.fixture
def two(log_in: LogIn, demo: str) -> tuple[Browser, Browser]:
    """Two people in two browsers; the first looks at a page and listens."""
    brosner, mitsuhiko = log_in("brosner"), log_in("mitsuhiko")
    brosner.page.add_init_script(LISTEN)
    brosner.page.goto(demo)
    listens(brosner)
    return brosner, mitsuhiko


def test_a_choice_is_saved_when_it_is_made_and_the_page_says_what_holds_then(
    log_in: LogIn, demo: str
) -> None:
    browser = log_in("brosner")
    page = browser.page
    page.goto(f"{demo}inbox/settings/")
    says, everything = page.locator("[data-ntf-says]"), page.get_by_label("All notifications: email")
    zone = page.locator("[name=time_zone]")
    # That of the browser.
    wait_until(lambda: zone.input_value() != "")
    everything.select_option("weekly")
    wait_until(lambda: page.locator("option", has_text="Default (Weekly)").count() > 0)

    # One time of quiet hours waits for the other one.
    page.locator("[name=quiet_from_0]").fill("22:00")
    page.locator("[name=quiet_to_0]").fill("07:00")
    page.locator("[name=quiet_to_0]").blur()
    everything.select_option("daily")
    wait_until(lambda: page.locator("option", has_text="Default (Daily)").count() > 0)

    page.reload()
    assert everything.input_value() == "daily"
    assert page.locator("[name=quiet_from_0]").input_value() == "22:00"
    zone.fill("Nowhere/At_All")
    zone.blur()
    wait_until(lambda: says.text_content() == "This time zone is not known.")
    [complaint] = browser.complaints()
    assert "400" in complaint


@pytest.mark.parametrize("look", ["light", "dark", "320 px"])
def test_the_page_of_settings_is_accessible_and_fits(log_in: LogIn, demo: str, look: str) -> None:
    browser = log_in("brosner")
    browser.show_as(look)
    browser.page.goto(f"{demo}inbox/settings/")
    assert browser.page.get_by_label("Monday").count() == 2
    assert violations(browser) == []
    beyond = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
    assert browser.run(beyond) == 0


def test_a_comment_in_one_browser_appears_in_the_bell_of_another_by_the_stream_alone(
    two: tuple[Browser, Browser], demo: str
) -> None:
    """How long that takes depends on what else the machine does: ``benchmarks/live.py`` measures it."""
    brosner, mitsuhiko = two
    asked: list[str] = []

    def note(request: Any) -> None:
        asked.extend([request.url] if "/api/" in request.url else [])

    brosner.page.on("request", note)
    before = badge(brosner)
    brosner.run("window.stayed = true")
    for number in range(1, 4):
        comment(mitsuhiko, demo, f"It is in, part {number}.")
        wait_until(partial(shows, brosner, before + number))
    # The page did not have to ask, as it does each fifteen seconds where it hears no stream.
    assert asked == []
    sentence = "mitsuhiko commented on issue 6 on pinax"
    heard = brosner.run("return heard")
    assert [text for kind, _, text in heard if kind == "new"] == [sentence] * 3
    assert heard[-1][0] == "count"
    brosner.page.locator(".ntf-bell[role=button]").click()
    wait_until(lambda: lines(brosner)[:1] == [sentence])
    # They are one thread.
    assert lines(brosner)[1] != sentence
    new = news(brosner)
    assert new >= 3
    # Into the open panel, too.
    comment(mitsuhiko, demo, "And so is that.")
    wait_until(lambda: news(brosner) == new + 1)
    assert brosner.run("return stayed")


def test_a_comment_appears_in_an_inbox_that_is_open_and_is_said_once(
    two: tuple[Browser, Browser], demo: str
) -> None:
    brosner, mitsuhiko = two
    brosner.page.goto(f"{demo}{INBOX}")
    listens(brosner)
    brosner.run(
        "window.spoken = []; const region = document.querySelector('.ntf-live');"
        "new MutationObserver(() => spoken.push(region.textContent)).observe(region, {childList: true})"
    )
    comment(mitsuhiko, demo, "Look at the inbox.")
    first = brosner.page.locator(".ntf-row").first
    wait_until(lambda: "Look at the inbox." in first.inner_text())
    wait_until(lambda: brosner.run("return spoken") != [])
    # What were said again would be said before the next one.
    comment(mitsuhiko, demo, "Look again.")
    wait_until(lambda: len(brosner.run("return spoken")) > 1)
    assert brosner.run("return spoken") == ["New: mitsuhiko commented on issue 6 on pinax"] * 2
    assert violations(brosner) == []


def test_what_is_done_on_the_phone_is_done_on_the_desk(log_in: LogIn, demo: str) -> None:
    phone, desk = log_in("justquick"), log_in("justquick")
    for browser in (phone, desk):
        browser.page.add_init_script(LISTEN)
        browser.page.goto(f"{demo}{INBOX}unread/?threads=0")
        listens(browser)
    count = desk.page.locator(".ntf-row")
    before = count.count()
    phone.page.keyboard.press("j")
    phone.page.keyboard.press("e")
    wait_until(lambda: count.count() == before - 1)
    # Each second the server looks at the counts, and what is undone before has not happened to it.
    wait_until(lambda: desk.run("return heard.at(-1)[1]") == before - 1)
    phone.page.locator("div[data-ntf-undo]").wait_for()
    phone.page.keyboard.press("z")
    wait_until(lambda: count.count() == before)


def test_all_tabs_of_a_browser_share_one_stream(log_in: LogIn, demo: str) -> None:
    first, mitsuhiko = log_in("brosner"), log_in("mitsuhiko")
    tabs = [first, *(Browser(first.context) for _ in range(3))]
    opened: dict[Any, int] = {tab.page: 0 for tab in tabs}

    def count(request: Any) -> None:
        opened[request.frame.page] += "/live/" in request.url

    first.page.add_init_script(LISTEN)
    first.page.goto(demo)
    listens(first)
    first.context.on("request", count)
    for tab in tabs[1:]:
        tab.page.add_init_script(LISTEN)
        tab.page.goto(demo)
        listens(tab)
    before = badge(first)
    comment(mitsuhiko, demo, "To four tabs.")
    for tab in tabs:
        wait_until(partial(shows, tab, before + 1))
    assert sum(opened.values()) == 0
    # The tab that listens goes, and another takes over.
    first.page.close()
    wait_until(lambda: tabs[1].run("return 1") and sum(opened.values()) == 1)
    comment(mitsuhiko, demo, "To three tabs.")
    for tab in tabs[1:]:
        wait_until(partial(shows, tab, before + 2))
    assert sum(opened.values()) == 1


def test_what_was_snoozed_comes_back_by_itself(log_in: LogIn, demo: str, database: Path) -> None:
    brosner = log_in("brosner")
    brosner.page.add_init_script(LISTEN)
    brosner.page.goto(f"{demo}{INBOX}?threads=0")
    listens(brosner)
    first = brosner.page.locator(".ntf-row").first
    sentence, slug = first.locator(".ntf-sentence").inner_text(), first.get_attribute("data-ntf-id") or ""
    first.locator("[data-ntf-action=snooze]").click()
    brosner.page.get_by_role("button", name="Tomorrow").click()
    wait_until(lambda: first.get_attribute("data-ntf-id") != slug)
    wait_until(brosner.is_answered)
    # Tomorrow comes early.
    moment = datetime.now(timezone.utc).replace(tzinfo=None)
    come_early = "UPDATE notifications_notification SET snoozed_until = ? WHERE id = ?"
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
        assert connection.execute(come_early, [str(moment), slug2id(slug)]).rowcount == 1
    wait_until(lambda: first.locator(".ntf-sentence").inner_text() == sentence)
    assert first.get_attribute("data-ntf-unread") is not None
