"""Threads in the browser: they open in place, and an action on one is an action on its rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.browser import site
from tests.browser.conftest import LOOKS, Browser
from tests.browser.test_access import violations
from tests.browser.test_answers_js import CHANGED, LINE, button, toast
from tests.browser.test_bell_js import PAGE
from tests.browser.test_inbox_js import INBOX, press
from tests.factories import make_notification, make_project, make_user, rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

Visit = Callable[[str], None]


class Threads:
    """An inbox with a thread of three rows by three people on top, and one row below."""

    def __init__(self, user: Any) -> None:
        self.user, self.project = user, make_project("issue 7")
        self.people = [make_user(name) for name in ("ann", "bob", "cid")]
        self.now = timezone.now() - timedelta(hours=2)
        self.send(self.people[0], make_project("issue 1"))
        for who in self.people:
            self.send(who)

    def send(self, actor: Any, target: Any = None) -> Any:
        self.now += timedelta(minutes=1)
        return make_notification(
            self.user,
            actor=actor,
            verb="commented on",
            target=target or self.project,
            timestamp=self.now,
        )


@pytest.fixture
def threads(browser: Browser, visit: Visit, justquick: Any, settings: Any) -> Threads:
    settings.NOTIFICATIONS = {"THREADS": True}
    made = Threads(justquick)
    visit(INBOX)
    return made


def texts(browser: Browser) -> list[str]:
    found = browser.page.locator(".ntf-row .ntf-sentence").all_inner_texts()
    return [" ".join(text.split()) for text in found]


MANY, ONE = "cid and 2 others commented on issue 7", "ann commented on issue 1"
EACH = [f"{name} commented on issue 7" for name in ("cid", "bob", "ann")]


def done(user: Any) -> int:
    count: int = user.notifications.done().count()
    return count


def test_a_thread_opens_in_place_and_closes(browser: Browser, threads: Threads) -> None:
    assert texts(browser) == [MANY, ONE]
    link = browser.page.get_by_role("link", name="2 more")
    assert link.get_attribute("aria-expanded") in {None, "false"}
    link.click()
    wait_until(lambda: texts(browser) == [MANY, *EACH, ONE])
    assert link.get_attribute("aria-expanded") == "true"
    link.click()
    assert texts(browser) == [MANY, ONE]
    assert browser.complaints() == []


def test_a_thread_opens_by_the_keyboard_and_keeps_the_focus(browser: Browser, threads: Threads) -> None:
    link = browser.page.get_by_role("link", name="2 more")
    link.focus()
    link.press("Enter")
    wait_until(lambda: len(texts(browser)) == 5)
    assert browser.run("return document.activeElement.matches('[data-ntf-rest]')")


def test_an_action_on_a_thread_takes_its_rows_along_and_undo_brings_them_back(
    browser: Browser, threads: Threads
) -> None:
    browser.page.get_by_role("link", name="2 more").click()
    wait_until(lambda: len(texts(browser)) == 5)
    browser.run(LINE, 250)
    browser.page.locator(".ntf-row [data-ntf-action=done]").first.click()
    assert texts(browser) == [ONE]
    wait_until(lambda: toast(browser) == "3 notifications marked as done.")
    assert done(threads.user) == 3
    button(browser, "Undo").click()
    wait_until(lambda: done(threads.user) == 0)
    wait_until(lambda: texts(browser) == [MANY, *EACH, ONE])
    assert browser.complaints() == []


def test_one_row_of_an_open_thread_can_be_done(browser: Browser, threads: Threads) -> None:
    browser.page.get_by_role("link", name="2 more").click()
    wait_until(lambda: len(texts(browser)) == 5)
    browser.page.locator(".ntf-child [data-ntf-action=done]").first.click()
    wait_until(lambda: texts(browser) == ["bob and ann commented on issue 7", *EACH[1:], ONE])
    assert done(threads.user) == 1


def test_the_keys_act_on_a_thread(browser: Browser, threads: Threads) -> None:
    press(browser, "j", "e")
    wait_until(lambda: done(threads.user) == 3)
    assert texts(browser) == [ONE]
    press(browser, "z")
    wait_until(lambda: texts(browser) == [MANY, ONE])
    wait_until(lambda: done(threads.user) == 0)


def test_what_came_since_is_not_changed(browser: Browser, threads: Threads) -> None:
    browser.page.route("**/api/inbox/**", lambda route: route.abort())
    late = threads.send(make_user("dan"))
    browser.page.locator(".ntf-row [data-ntf-action=done]").first.click()
    wait_until(lambda: done(threads.user) == 3)
    late.refresh_from_db()
    assert late.done_at is None
    browser.page.unroute("**/api/inbox/**")
    browser.run(CHANGED)
    wait_until(lambda: "dan commented on issue 7" in texts(browser))


def test_what_arrives_in_a_thread_waits_while_the_list_is_in_use(browser: Browser, threads: Threads) -> None:
    browser.page.locator(".ntf-row").nth(1).hover()
    threads.send(make_user("dan"))
    browser.run(CHANGED)
    pill = browser.page.locator("[data-ntf-arrivals]")
    wait_until(pill.is_visible)
    assert (pill.inner_text(), texts(browser)) == ("1 new", [MANY, ONE])
    pill.click()
    wait_until(lambda: texts(browser) == ["dan and 3 others commented on issue 7", ONE])
    assert browser.page.locator(".ntf-news").first.inner_text() == "4 new"


def test_what_arrives_in_a_thread_moves_it_up_otherwise(browser: Browser, threads: Threads) -> None:
    threads.send(make_user("dan"), make_project("issue 9"))
    browser.run(CHANGED)
    wait_until(lambda: texts(browser)[0] == "dan commented on issue 9")
    threads.send(threads.people[0])
    browser.run(CHANGED)
    wait_until(lambda: texts(browser)[0] == "ann and 2 others commented on issue 7")
    assert len(texts(browser)) == 3


def test_what_another_tab_has_read_is_no_longer_new(browser: Browser, threads: Threads) -> None:
    news = browser.page.locator(".ntf-news").first
    assert news.inner_text() == "3 new"
    rows().filter(actor_object_id=str(threads.people[0].pk)).update(unread=False)
    browser.run(CHANGED)
    wait_until(lambda: news.inner_text() == "2 new")
    rows().update(unread=False)
    browser.run(CHANGED)
    wait_until(lambda: not news.is_visible())


def test_who_opens_a_thread_has_read_all_of_it(browser: Browser, threads: Threads, visit: Visit) -> None:
    browser.page.locator(".ntf-row [data-ntf-open]").first.click(modifiers=["Control"])
    wait_until(lambda: threads.user.notifications.unread().count() == 1)
    wait_until(lambda: not browser.page.locator(".ntf-news").first.is_visible())


def test_who_opens_the_list_of_a_thread_has_read_none_of_it(browser: Browser, threads: Threads) -> None:
    with browser.context.expect_page() as opened:
        browser.page.locator("[data-ntf-rest]").first.click(modifiers=["Control"])
    opened.value.wait_for_load_state()
    browser.page.locator(".ntf-row [name=one][value^=save]").last.click()
    # What was sent before it was answered before.
    wait_until(lambda: threads.user.notifications.saved().count() == 1)
    assert threads.user.notifications.unread().count() == 4


def test_the_list_of_a_thread_that_arrived_keeps_the_search(
    browser: Browser, threads: Threads, visit: Visit
) -> None:
    visit(f"{INBOX}?q=is:unread")
    project = make_project("issue 8")
    for who in threads.people:
        threads.send(who, project)
    browser.run(CHANGED)
    wait_until(lambda: texts(browser)[0] == "cid and 2 others commented on issue 8")
    link = browser.page.locator("[data-ntf-rest]").first
    arrived = link.evaluate("link => link.href")
    visit(f"{INBOX}?q=is:unread")
    assert arrived == link.evaluate("link => link.href")


def test_a_selection_of_threads_and_rows(browser: Browser, threads: Threads) -> None:
    for box in browser.page.locator(".ntf-list [name=id]").all():
        box.check()
    browser.page.locator(".ntf-bulk-actions").get_by_role("button", name="Done").click()
    wait_until(lambda: done(threads.user) == 4)
    assert texts(browser) == []


def test_the_bell_shows_threads(browser: Browser, visit: Visit, threads: Threads) -> None:
    site.script.page = PAGE
    visit("/page/")
    browser.page.locator(".ntf-bell").click()
    lines = browser.page.locator(".ntf-panel .ntf-line")
    wait_until(lambda: lines.count() == 2)
    assert lines.first.locator("a").inner_text() == MANY
    assert lines.first.locator(".ntf-news").inner_text() == "3 new"


def test_threads_work_without_a_script(
    without_script: Browser, visit: Visit, justquick: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"THREADS": True}
    made = Threads(justquick)
    visit(INBOX)
    assert texts(without_script) == [MANY, ONE]
    without_script.follow(without_script.page.get_by_role("link", name="2 more"))
    assert texts(without_script) == EACH
    without_script.follow(without_script.page.get_by_role("link", name="All notifications"))
    without_script.follow(without_script.page.locator(".ntf-row [data-ntf-action=done]").first)
    assert texts(without_script) == [ONE]
    assert done(made.user) == 3
    without_script.follow(without_script.page.get_by_role("button", name="Undo"))
    assert texts(without_script) == [MANY, ONE]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_open_threads(
    browser: Browser, visit: Visit, threads: Threads, look: str
) -> None:
    browser.show_as(look)
    visit(INBOX)
    browser.page.locator("[data-ntf-rest]").first.click()
    wait_until(lambda: browser.page.locator(".ntf-child").count() == 3)
    assert violations(browser) == []
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
