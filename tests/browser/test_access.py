"""What axe-core finds, and what a page is without JavaScript and under a strict policy."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from tests.browser import site
from tests.browser.conftest import LOOKS, Browser, wait_until
from tests.browser.test_bell_js import PAGE
from tests.factories import make_issue, make_notification, make_project, rows

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
    browser.page.locator("[data-ntf-verb=snooze]").first.click()
    browser.page.locator("[name=until]").first.wait_for()
    assert violations(browser) == []
    visit(INBOX)
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
    wait_until(lambda: not browser.page.locator("div[data-ntf-undo]").is_visible())
    for tab in ("unread", "saved", "snoozed", "done"):
        visit(f"{INBOX}{tab}/")
    visit(f"{INBOX}?q=level:error")
    assert browser.page.locator(".ntf-row").count() == 1
    assert browser.complaints() == []


def test_everything_can_be_done_without_a_script(
    without_script: Browser, inbox: list[Any], visit: Visit
) -> None:
    page = without_script.page
    count = page.locator(".ntf-row")
    site.script.page = PAGE
    visit("/page/")
    assert page.locator(".ntf-badge").inner_text() == "6"
    assert not page.locator(".ntf-panel").is_visible()
    page.get_by_role("link", name="Notifications").click()
    assert page.url.endswith(INBOX)
    assert count.count() == 5
    page.get_by_role("link", name="Older").click()
    assert count.count() == 2
    page.get_by_role("link", name="Newer").click()
    assert count.count() == 5
    assert not page.get_by_text("Keyboard shortcuts").first.is_visible()
    # One row
    page.locator(".ntf-row [data-ntf-verb=done]").first.click()
    assert page.get_by_text("1 notification is done.").is_visible()
    assert rows().done().count() == 1
    page.get_by_role("button", name="Undo").click()
    assert rows().done().count() == 0
    # Some rows, and all that match
    for number in (0, 2):
        page.locator(".ntf-row [name=id]").nth(number).check()
    page.locator("#ntf-bulk button[value=done]").click()
    assert rows().done().count() == 2
    page.locator("#ntf-bulk [value=all]").check()
    page.locator("#ntf-bulk button[value=done]").click()
    assert rows().inbox().count() == 0
    assert page.get_by_text("5 notifications are done.").is_visible()
    page.get_by_role("button", name="Undo").click()
    assert rows().inbox().count() == 5
    # Snooze
    page.locator(".ntf-row [data-ntf-verb=snooze]").first.click()
    page.locator("button[name=until]").first.click()
    assert rows().snoozed().count() == 1
    page.get_by_role("button", name="Undo").click()
    assert rows().snoozed().count() == 0
    page.locator(".ntf-row [data-ntf-verb=snooze]").first.click()
    page.locator("[name=until][type=datetime-local]").fill("2999-01-01T08:00")
    page.get_by_role("button", name="Snooze", exact=True).click()
    assert rows().snoozed().count() == 1
    page.locator(".ntf-tabs").get_by_role("link", name="Snoozed").click()
    page.locator(".ntf-row [data-ntf-verb=unsnooze]").click()
    assert rows().snoozed().count() == 0
    # Search and turn the page
    page.locator(".ntf-tabs").get_by_role("link", name="Inbox").click()
    page.locator("#ntf-q").fill("level:error")
    page.get_by_role("button", name="Search").click()
    assert page.url.endswith("?q=level%3Aerror")
    assert count.count() == 1
    # Every tab
    for tab in ("Unread", "Saved", "Snoozed", "Done"):
        page.locator(".ntf-tabs").get_by_role("link", name=tab).click()
        assert page.locator(".ntf-tabs [aria-current]").inner_text().startswith(tab)
