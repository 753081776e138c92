"""Whatever a site puts around the inbox and the bell: they work there as on a page of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import site
from tests.browser.conftest import Browser
from tests.browser.test_answers_js import CHANGED, LINE, WRONG, toast
from tests.browser.test_bell_js import PAGE, lines
from tests.browser.test_inbox_js import inbox, press, sentences, states
from tests.factories import make_notification, make_project
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

__all__ = ["inbox"]

Visit = Callable[[str], None]

#: Put the inbox into an element of the site.
WRAP = """
const found = document.querySelector("notifications-inbox");
const around = document.createElement(arguments[0]);
Object.entries(arguments[1]).forEach((each) => around.setAttribute(...each));
found.replaceWith(around);
around.append(found);
"""


def test_an_act_leaves_open_what_the_site_has_opened(browser: Browser, inbox: list[Any]) -> None:
    browser.run(WRAP, "details", {"open": ""})
    browser.page.locator(".ntf-row [data-ntf-action=save]").first.click()
    wait_until(lambda: states(inbox, "saved_at")[4])
    assert browser.page.locator(".ntf-list").is_visible()
    browser.page.locator(".ntf-row [data-ntf-action=snooze]").first.click()
    browser.page.get_by_role("button", name="Tomorrow morning").click()
    wait_until(lambda: states(inbox, "snoozed_until")[4])
    assert browser.page.locator(".ntf-list").is_visible()


@pytest.mark.parametrize(
    "around", [["dialog", {}], ["div", {"popover": "manual"}], ["div", {"role": "dialog"}]]
)
def test_the_keys_work_in_a_dialog_of_the_site(browser: Browser, inbox: list[Any], around: Any) -> None:
    browser.run(WRAP + "around.showModal?.(); around.popover && around.showPopover()", *around)
    browser.page.locator(".ntf-row a").first.focus()
    press(browser, "e")
    wait_until(lambda: states(inbox, "done_at")[4])


@pytest.mark.parametrize("status", [502, 200])
def test_what_is_tried_again_after_an_answer_that_was_none_can_be_undone(
    browser: Browser, inbox: list[Any], status: int
) -> None:
    html = {"content_type": "text/html", "body": "<h1>Bad gateway</h1>"}
    browser.lose_first_answer("**/act/", lambda route: route.fulfill(status=status, **html))
    press(browser, "j", "e")
    wait_until(lambda: toast(browser) == WRONG)
    browser.page.get_by_role("button", name="Try again").click()
    wait_until(lambda: toast(browser) == "1 notification marked as done.")
    press(browser, "z")
    wait_until(lambda: states(inbox, "done_at") == [False] * 5)
    browser.complaints()


def test_what_waits_for_the_line_is_sent_when_the_page_is_left(
    browser: Browser, inbox: list[Any], visit: Visit
) -> None:
    browser.page.route("**/act/", lambda route: route.abort())
    press(browser, "j", "e", "e")
    wait_until(lambda: toast(browser).startswith("No connection."))
    browser.page.unroute("**/act/")
    browser.page.goto(browser.page.url.replace("/inbox/notifications/", "/home/"))
    wait_until(lambda: states(inbox, "done_at") == [False, False, False, True, True])
    browser.complaints()


def test_a_page_that_was_left_with_acts_and_comes_back_goes_on(browser: Browser, inbox: list[Any]) -> None:
    browser.run(LINE, 300)
    press(browser, "j", "e", "e", "e")
    browser.run("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    wait_until(lambda: states(inbox, "done_at") == [False, False, True, True, True])
    browser.run("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    wait_until(browser.is_answered)
    inbox[1].mark_as_done()
    browser.run(CHANGED)
    wait_until(lambda: sentences(browser) == ["did 0"])


def test_a_letter_with_altgr_is_a_letter(browser: Browser, inbox: list[Any]) -> None:
    """On Linux such a key has neither Control nor Alt."""
    press(browser, "j")
    for key, code in [("€", "KeyE"), ("ś", "KeyS")]:
        browser.run(
            "const [key, code] = arguments, modifiers = {modifierAltGraph: true, bubbles: true};"
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, code, ...modifiers}))",
            key,
            code,
        )
    assert len(sentences(browser)) == 5
    assert states(inbox, "saved_at") == [False] * 5


def test_keys_are_off_also_where_nothing_can_be_stored(browser: Browser, inbox: list[Any]) -> None:
    browser.run(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('', 'SecurityError') }})"
    )
    press(browser, "?")
    browser.page.locator("input[data-ntf-keys]").uncheck()
    browser.page.get_by_role("button", name="Close").click()
    press(browser, "j", "e")
    assert len(sentences(browser)) == 5


def test_the_panel_says_no_more_that_it_failed_once_it_did_not(
    browser: Browser, visit: Visit, justquick: Any
) -> None:
    make_notification(justquick, verb="did 0", target=make_project("target"))
    site.script.page = PAGE
    site.script.bell = "data-ntf-period=1"
    visit("/page/")
    browser.page.route("**/api/inbox/?max=10*", lambda route: route.fulfill(status=502))
    browser.page.locator(".ntf-bell").click()
    failed = browser.page.get_by_text("could not be loaded")
    wait_until(failed.is_visible)
    browser.page.unroute("**/api/inbox/?max=10*")
    browser.run(CHANGED)
    wait_until(lambda: lines(browser) == ["justquick did 0 target"])
    wait_until(lambda: not failed.is_visible())
    browser.complaints()


@pytest.mark.parametrize("around", ["dialog", "div popover"])
def test_escape_closes_the_panel_and_not_what_is_around_it(
    browser: Browser, visit: Visit, justquick: Any, around: str
) -> None:
    bell = f"<{around} id=around>{{% notifications_bell %}}</{around.split(maxsplit=1)[0]}>"
    site.script.page = PAGE.replace("{% notifications_bell %}", bell)
    visit("/page/")
    browser.run(
        "const around = document.querySelector('#around');"
        "around.popover ? around.showPopover() : around.showModal()"
    )
    browser.page.locator(".ntf-bell").click()
    wait_until(lambda: browser.page.locator(".ntf-panel").is_visible())
    press(browser, "Escape")
    wait_until(lambda: not browser.page.locator(".ntf-panel").is_visible())
    assert browser.page.locator(".ntf-bell").is_visible()
    press(browser, "Escape")
    wait_until(lambda: not browser.page.locator(".ntf-bell").is_visible())


def test_a_bar_that_cuts_off_what_is_outside_of_it_shows_the_panel(
    browser: Browser, visit: Visit, justquick: Any
) -> None:
    site.script.policy = ""
    bar = "<header class=ntf-head style='position: sticky; top: 0; overflow: hidden; height: 60px'>"
    site.script.page = PAGE.replace("<header class=ntf-head>", bar)
    visit("/page/")
    browser.page.locator(".ntf-bell").click()
    wait_until(lambda: browser.page.locator(".ntf-panel").is_visible())
    seen = """
        const {x, y, width, height} = document.querySelector(".ntf-panel-head h2").getBoundingClientRect();
        return document.elementFromPoint(x + width / 2, y + height / 2)?.closest(".ntf-panel") !== null;
    """
    assert browser.run(seen)


def test_a_site_that_wraps_fetch_for_texts(browser: Browser, visit: Visit, justquick: Any) -> None:
    site.script.page = PAGE
    browser.page.add_init_script(
        "const real = fetch;"
        "window.fetch = (url, options) => url.startsWith('https://other') ? real(url) : real(url, options)"
    )
    make_notification(justquick, verb="did 0", target=make_project("target"))
    visit("/page/")
    browser.page.locator(".ntf-bell").click()
    wait_until(lambda: lines(browser) == ["justquick did 0 target"])


def test_a_part_that_is_swapped_in_keeps_its_page(
    browser: Browser, visit: Visit, justquick: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    for number in range(5):
        make_notification(justquick, verb=f"did {number}", target=make_project("target"))
    visit("/inbox/notifications/")
    browser.run("""
      const answer = await fetch(document.querySelector("[data-ntf-older]").href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.querySelector("notifications-inbox").replaceWith(document.adoptNode(page.querySelector("notifications-inbox")));
    """)
    assert sentences(browser) == ["did 2", "did 1"]
    wait_until(lambda: browser.run("return document.querySelector('notifications-inbox').etag"))
    assert sentences(browser) == ["did 2", "did 1"]
    browser.run("history.pushState({}, '', '/inbox/notifications/done/?page=7')")
    make_notification(justquick, verb="came", target=make_project("target"))
    browser.run(CHANGED)
    wait_until(lambda: browser.page.locator("[data-ntf-action=unsave]").count() or browser.is_answered())
    assert sentences(browser) == ["did 2", "did 1"]


#: What htmx does to the links and forms of a page with this attribute: it loads what they lead to by itself.
BOOST = """
document.body.setAttribute('hx-boost', 'true');
window.boosted = [];
const isOn = (each) => each.closest('[hx-boost], [data-hx-boost]')?.matches('[hx-boost=true], [data-hx-boost=true]');
for (const each of document.querySelectorAll('a, form')) {
  each.addEventListener(each.localName === 'a' ? 'click' : 'submit', (event) => {
    if (isOn(each)) { event.preventDefault(); boosted.push(each.href ?? each.action); }
  });
}
"""


def test_htmx_leaves_the_inbox_and_the_bell_alone(browser: Browser, inbox: list[Any], visit: Visit) -> None:
    browser.run(BOOST)
    press(browser, "j", "s")
    wait_until(lambda: states(inbox, "saved_at")[4])
    browser.page.locator(".ntf-row [data-ntf-open][href]").first.click(modifiers=["ControlOrMeta"])
    wait_until(lambda: states(inbox, "unread") == [True] * 4 + [False])
    assert browser.run("return boosted") == []
    site.script.page, site.script.policy = PAGE, ""
    visit("/page/")
    browser.run(BOOST)
    browser.page.locator(".ntf-bell").click()
    wait_until(lambda: len(lines(browser)) == 5)
    assert browser.run("return boosted") == []
