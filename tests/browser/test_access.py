"""What axe-core finds, and what a page is without JavaScript and under a strict policy."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from notifications.inbox import saved_searches
from tests.browser import site
from tests.browser.conftest import LOOKS, Browser
from tests.browser.test_bell_js import PAGE
from tests.factories import make_issue, make_notification, make_project, rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

INBOX = "/inbox/notifications/"

Visit = Callable[[str], None]


@pytest.fixture
def inbox(justquick: Any, settings: Any) -> list[Any]:
    """An inbox with everything that a row can show."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 5}
    gone = make_issue("gone")
    actions = [{"href": "/yes/", "title": "Yes"}]
    made = [
        make_notification(
            justquick, verb="did", level=level, action_object=gone, target=make_project("target")
        )
        for level in ("success", "info", "warning", "error")
    ]
    made += [
        make_notification(justquick, verb="asked", description="One.\n\nTwo.", data={"actions": actions}),
        make_notification(justquick, verb="was", unread=False),
        make_notification(justquick, verb="saved"),
    ]
    made[-1].mark_as_saved()
    gone.delete()
    return made


def violations(browser: Browser) -> list[str]:
    """Return what axe-core has against the page that is shown."""
    if not browser.run("return 'axe' in window"):
        browser.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
    found: list[str] = browser.run(
        "const {violations} = await axe.run();"
        "return violations.flatMap(({id, nodes}) =>"
        "  nodes.map((node) => `${id}: ${node.html} (${node.failureSummary})`))"
    )
    return found


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(browser: Browser, visit: Visit, inbox: list[Any], look: str) -> None:
    browser.show_as(look)
    site.script.page = f'<html lang="en">{PAGE}'
    urls = [INBOX, f"{INBOX}unread/", f"{INBOX}saved/", f"{INBOX}done/", f"{INBOX}?q=nonsense:", "/page/"]
    urls.append(f"{INBOX}delete/{rows().first().slug}/")
    for url in urls:
        visit(url)
        if look == "right to left" and url != "/page/":
            assert browser.run("return document.documentElement.dir") == "rtl"
        assert violations(browser) == []
        if url == "/page/":
            browser.page.locator(".ntf-bell").click()
            browser.page.locator(".ntf-panel [data-ntf-id]").first.wait_for()
            assert violations(browser) == []
    visit(INBOX)
    browser.page.locator("[data-ntf-action=snooze]").first.click()
    browser.page.get_by_role("dialog").wait_for()
    assert violations(browser) == []
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    browser.page.keyboard.press("Escape")
    browser.page.locator(".ntf-row [name=id]").first.check()
    assert violations(browser) == []
    browser.page.locator(".ntf-row [name=id]").first.uncheck()
    browser.page.keyboard.press("?")
    assert violations(browser) == []
    browser.page.keyboard.press("Escape")
    browser.page.locator("dialog").wait_for(state="hidden")
    # What a script made of a row, and the banner.
    make_notification(inbox[0].recipient, verb="came", level="error", target=make_project("target"))
    browser.page.keyboard.press("j")
    browser.page.keyboard.press("e")
    browser.page.locator("div[data-ntf-undo]").wait_for()
    # What arrives waits while the focus is in the list.
    pill = browser.page.locator("[data-ntf-arrivals]")
    pill.wait_for()
    assert violations(browser) == []
    pill.click()
    wait_until(lambda: "came" in browser.page.locator(".ntf-row").first.inner_text())
    assert violations(browser) == []
    sizes = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
    assert browser.run(sizes) == 0


def test_all_of_it_works_under_a_strict_policy(browser: Browser, visit: Visit, inbox: list[Any]) -> None:
    browser.be_strict()
    visit(INBOX)
    keys = ["j", "x", "s", "Shift+I", "Shift+U", "e", "?", "Escape", "k", "o"]
    for key in keys[:-1]:
        browser.page.keyboard.press(key)
    browser.page.locator("div[data-ntf-undo]").wait_for()
    browser.page.keyboard.press("z")
    browser.page.locator("div[data-ntf-undo]").get_by_text("Undone.").wait_for()
    for tab in ("unread", "saved", "snoozed", "done"):
        visit(f"{INBOX}{tab}/")
    visit(f"{INBOX}?q=level:error")
    assert browser.page.locator(".ntf-row").count() == 1
    assert browser.complaints() == []


def test_everything_can_be_done_without_a_script(
    without_script: Browser, inbox: list[Any], visit: Visit
) -> None:
    page, follow = without_script.page, without_script.follow
    count = page.locator(".ntf-row")
    site.script.page = PAGE
    visit("/page/")
    assert page.locator(".ntf-badge").inner_text() == "6"
    assert not page.locator(".ntf-panel").is_visible()
    follow(page.get_by_role("link", name="Notifications"))
    assert page.url.endswith(INBOX)
    assert count.count() == 5
    follow(page.get_by_role("link", name="Older"))
    assert count.count() == 2
    follow(page.get_by_role("link", name="Newer"))
    assert count.count() == 5
    assert not page.get_by_text("Keyboard shortcuts").first.is_visible()
    # One row
    follow(page.locator(".ntf-row [data-ntf-action=done]").first)
    assert page.get_by_text("1 notification marked as done.").is_visible()
    assert rows().done().count() == 1
    follow(page.get_by_role("button", name="Undo"))
    assert rows().done().count() == 0
    # Some rows, and all that match
    for number in (0, 2):
        page.locator(".ntf-row [name=id]").nth(number).check()
    follow(page.locator("#ntf-bulk button[value=done]"))
    assert rows().done().count() == 2
    page.locator("#ntf-bulk [value=all]").check()
    follow(page.locator("#ntf-bulk button[value=done]"))
    assert rows().inbox().count() == 0
    assert page.get_by_text("5 notifications marked as done.").is_visible()
    follow(page.get_by_role("button", name="Undo"))
    assert rows().inbox().count() == 5
    # Snooze
    follow(page.locator(".ntf-row [data-ntf-action=snooze]").first)
    follow(page.locator("button[name=until]").first)
    assert rows().snoozed().count() == 1
    follow(page.get_by_role("button", name="Undo"))
    assert rows().snoozed().count() == 0
    follow(page.locator(".ntf-row [data-ntf-action=snooze]").first)
    page.locator("[name=until][type=datetime-local]").fill("2999-01-01T08:00")
    follow(page.get_by_role("button", name="Snooze", exact=True))
    assert rows().snoozed().count() == 1
    follow(page.locator(".ntf-tabs").get_by_role("link", name="Snoozed"))
    follow(page.locator(".ntf-row [data-ntf-action=unsnooze]"))
    assert rows().snoozed().count() == 0
    # Search and turn the page
    follow(page.locator(".ntf-tabs").get_by_role("link", name="Inbox"))
    page.locator("#ntf-q").fill("level:error")
    follow(page.get_by_role("button", name="Search"))
    assert page.url.endswith("?q=level%3Aerror")
    assert count.count() == 1
    # Every tab
    for tab in ("Unread", "Saved", "Snoozed", "Done"):
        follow(page.locator(".ntf-tabs").get_by_role("link", name=tab))
        assert page.locator(".ntf-tabs [aria-current]").inner_text().startswith(tab)


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_saved_searches(
    browser: Browser, visit: Visit, inbox: list[Any], justquick: Any, look: str
) -> None:
    saved_searches.save(justquick, "Mine", "is:unread")
    saved_searches.save(justquick, "Errors only", "level:error")
    browser.show_as(look)
    visit(f"{INBOX}?q=is:unread")
    browser.page.locator(".ntf-searches > summary").click()
    assert browser.page.locator(".ntf-searches input[name=name]:visible").count() == 1
    assert violations(browser) == []
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
