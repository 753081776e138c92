"""Watching and muting in a browser: from the rows of the inbox, by the buttons of an object, and all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notifications.contrib.subscriptions import mute, watch
from tests.browser.conftest import LOOKS, Browser
from tests.browser.test_access import violations
from tests.browser.test_inbox_js import focused
from tests.contrib.subscriptions.things import make_ticket, said, send
from tests.factories import make_user
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.subscriptions.site")]

INBOX, HOME = "/inbox/notifications/", "/inbox/watching/"

MUTED = "Muted. You will not receive notifications about this."

Visit = Callable[[str], None]

#: What there is to press in the first row, each by all that makes it what it is, and why its reader was told.
FIRST_ROW = """
const row = document.querySelector(".ntf-row");
const name = (element) => element.getAttribute("aria-label") ?? element.textContent.trim();
const described = (element) => document.getElementById(element.getAttribute("aria-describedby"))?.textContent;
const isShown = (tool) => getComputedStyle(tool).display !== "none";
const tools = [...row.querySelectorAll(".ntf-tool:not(summary)")].filter(isShown).map((tool) =>
  [name(tool), tool.href, tool.value, tool.formAction, tool.dataset.ntfKey, tool.form?.id,
   described(tool)?.replace(/\\s+/g, " ").trim()].map((each) => each ?? null));
const reasons = [...row.querySelectorAll(".ntf-when")].filter((each) => !each.hidden).map((each) => each.textContent);
return [tools, reasons];
"""


@pytest.fixture(params=["with a script", "without"])
def either(request: pytest.FixtureRequest) -> Browser:
    """A browser that runs scripts, and one that does not; justquick is logged in."""
    request.getfixturevalue("justquick")
    found: Browser = request.getfixturevalue(
        "browser" if request.param == "with a script" else "without_script"
    )
    return found


@pytest.fixture
def told(justquick: Any) -> Any:
    """A ticket that justquick watches, and of which he was told."""
    ticket = make_ticket()
    watch(justquick, ticket)
    send(make_user("alice"), target=ticket)
    return ticket


def open_menu(browser: Browser) -> None:
    """Open what the first row offers in words. It needs no script."""
    browser.page.locator(".ntf-row").first.locator("summary").click()


def arrive(browser: Browser, **arguments: Any) -> None:
    """Let justquick be told of something while he looks at the inbox, and wait until he sees it."""
    rows = browser.page.locator(".ntf-row")
    before = rows.count()
    send(make_user(f"brosner {before}"), **arguments)
    # What the clock of the live client does every fifteen seconds, sooner. Nothing comes in under the focus.
    browser.run(
        "document.activeElement.blur(); document.dispatchEvent(new CustomEvent('notifications:changed'))"
    )
    wait_until(lambda: rows.count() == before + 1)


# A row


def test_shift_m_mutes_what_the_row_is_about(
    browser: Browser, visit: Visit, justquick: Any, told: Any
) -> None:
    visit(INBOX)
    browser.page.keyboard.press("j")
    browser.page.keyboard.press("Shift+M")
    browser.page.locator("div[data-ntf-undo]").get_by_text(MUTED).wait_for()
    assert focused(browser).endswith("issue 2")
    assert said(justquick) == [("issue 2", "muted", "subscribed", False)]
    assert browser.complaints() == []


def test_shift_m_is_among_the_keys_that_are_explained(browser: Browser, visit: Visit, told: Any) -> None:
    visit(INBOX)
    browser.page.keyboard.press("?")
    assert browser.page.locator("dialog").get_by_text("Mute").is_visible()


def test_the_buttons_of_a_row_do_what_they_say(
    either: Browser, visit: Visit, justquick: Any, told: Any
) -> None:
    page = either.page
    visit(INBOX)
    message = page.locator("div[data-ntf-undo]")
    open_menu(either)
    page.locator(".ntf-row").get_by_role("button", name="Mute").click()
    message.get_by_text(MUTED).wait_for()
    assert page.url.endswith(INBOX)
    assert said(justquick) == [("issue 2", "muted", "subscribed", False)]
    open_menu(either)
    page.locator(".ntf-row").get_by_role("button", name="Unsubscribe").click()
    message.get_by_text("Unsubscribed.").wait_for()
    assert said(justquick) == [("issue 2", "participating", "", False)]
    open_menu(either)
    page.locator(".ntf-row").get_by_role("link", name="Why?").click()
    page.get_by_text("Why am I getting this?").wait_for()


# A row that arrives


def test_a_row_that_arrives_offers_what_it_offers_after_a_reload(
    browser: Browser, visit: Visit, justquick: Any, told: Any
) -> None:
    browser.be_strict()
    visit(INBOX)
    arrive(browser, target=told)
    arrived = browser.run(FIRST_ROW)
    visit(INBOX)
    assert browser.run(FIRST_ROW) == arrived
    tools, reasons = arrived
    assert [name for name, *_ in tools] == [
        "Done", "Save", "Snooze", "Mark as read", "Unsubscribe", "Mute", "Why?",
    ]  # fmt: skip
    assert reasons == ["Watching"]
    assert browser.complaints() == []


def test_what_a_row_that_arrived_offers_works(
    browser: Browser, visit: Visit, justquick: Any, told: Any
) -> None:
    browser.be_strict()
    mute(justquick, told)
    visit(INBOX)
    other = make_ticket("issue 3")
    arrive(browser, target=other, recipient=[justquick])
    browser.page.keyboard.press("j")
    browser.page.keyboard.press("Shift+M")
    browser.page.locator("div[data-ntf-undo]").get_by_text(MUTED).wait_for()
    assert said(justquick)[1:] == [("issue 3", "muted", "", False)]
    arrive(browser, target=make_ticket("issue 4"), recipient=[justquick])
    open_menu(browser)
    browser.page.locator(".ntf-row").first.get_by_role("link", name="Why?").click()
    panel = browser.page.get_by_role("dialog", name="Why am I getting this?")
    panel.get_by_text("You were named as a recipient.").wait_for()
    assert browser.complaints() == []


def test_why_is_said_in_place_with_one_button(
    browser: Browser, visit: Visit, justquick: Any, told: Any
) -> None:
    browser.be_strict()
    visit(INBOX)
    row = browser.page.locator(".ntf-row").first
    panel = browser.page.get_by_role("dialog", name="Why am I getting this? You are watching issue 2.")
    open_menu(browser)
    row.get_by_role("link", name="Why?").click()
    panel.wait_for()
    assert browser.run("return document.activeElement.getAttribute('role')") == "dialog"
    browser.page.keyboard.press("Escape")
    assert panel.count() == 0
    assert browser.run("return document.activeElement.getAttribute('aria-label')") == "More actions"
    open_menu(browser)
    row.get_by_role("link", name="Why?").click()
    panel.get_by_role("button", name="Unsubscribe").click()
    browser.page.locator("div[data-ntf-undo]").get_by_text("Unsubscribed.").wait_for()
    assert panel.count() == 0
    assert said(justquick) == [("issue 2", "participating", "", False)]
    assert browser.page.url.endswith(INBOX)
    assert violations(browser) == []
    assert browser.complaints() == []


def test_why_leads_to_its_page_where_that_cannot_be_asked(browser: Browser, visit: Visit, told: Any) -> None:
    visit(INBOX)
    browser.page.route("**/panel.js", lambda route: route.abort())
    open_menu(browser)
    browser.follow(browser.page.locator(".ntf-row").first.get_by_role("link", name="Why?"))
    assert browser.page.get_by_text("Reason when sent: watching").is_visible()


def test_one_about_its_actor_alone_has_nothing_to_mute(
    browser: Browser, visit: Visit, justquick: Any, told: Any
) -> None:
    visit(INBOX)
    arrive(browser, recipient=[justquick])
    arrived = browser.run(FIRST_ROW)
    assert [name for name, *_ in arrived[0]] == ["Done", "Save", "Snooze", "Mark as read", "Why?"]
    assert arrived[1] == []
    visit(INBOX)
    assert browser.run(FIRST_ROW) == arrived


# The menu of an object


def test_the_menu_of_an_object_needs_no_script(either: Browser, visit: Visit, justquick: Any) -> None:
    page, ticket = either.page, make_ticket()
    visit(f"/tickets/{ticket.pk}/")
    button = page.locator("summary")

    def choose(name: str) -> list[tuple[str, str, str, bool]]:
        button.click()
        either.follow(page.get_by_role("button", name=name, exact=True))
        assert page.url.endswith(f"/tickets/{ticket.pk}/")
        # The menu is closed again.
        assert not page.locator("form").is_visible()
        return said(justquick)

    assert button.inner_text().strip() == "Participating"
    for name, level, shown in (
        ("All activity Be notified of everything that happens here.", "all", "Watching"),
        (
            "Participating and @mentions Be notified only when participating or @mentioned.",
            "participating",
            "Participating",
        ),
        ("Ignore Never be notified.", "muted", "Ignoring"),
        ("Stop ignoring What applied before applies again.", "participating", "Participating"),
    ):
        assert [row[1] for row in choose(name)] == [level]
        assert button.inner_text().strip() == shown
    assert [row[1:] for row in choose("Ignore for one week Then what applies now applies again.")] == [
        ("muted", "subscribed", True)
    ]
    assert button.inner_text().strip().startswith("Muted until ")


def test_the_menu_is_used_by_the_keyboard(either: Browser, visit: Visit, justquick: Any) -> None:
    page, ticket = either.page, make_ticket()
    visit(f"/tickets/{ticket.pk}/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert [row[1] for row in said(justquick)] == ["all"]


# Subscriptions


def test_one_changes_many_at_once_and_finds_them(either: Browser, visit: Visit, justquick: Any) -> None:
    page = either.page
    for name in ("issue 1", "issue 2", "issue 3"):
        watch(justquick, make_ticket(name))
    visit(INBOX)
    either.follow(page.get_by_role("link", name="Manage subscriptions"))
    for name in ("issue 1", "issue 3"):
        page.get_by_role("checkbox", name=name).check()
    bulk = page.get_by_role("group", name="Change the selected subscriptions")
    either.follow(bulk.get_by_role("button", name="Mute", exact=True))
    assert page.url.endswith(HOME)
    assert page.get_by_text("Muted. You will not receive notifications about this.").is_visible()
    assert [row[1] for row in said(justquick)] == ["muted", "all", "muted"]

    page.get_by_role("searchbox").fill("2")
    either.follow(page.get_by_role("button", name="Search"))
    assert page.locator(".ntf-row").count() == 1
    either.follow(page.locator(".ntf-row").get_by_role("button", name="Mute"))
    assert page.url.endswith("?q=2&level=")
    assert [row[1] for row in said(justquick)] == ["muted"] * 3
    page.get_by_role("combobox", name="Level").select_option("All activity")
    either.follow(page.get_by_role("button", name="Search"))
    assert page.get_by_text("No subscriptions match your search.").is_visible()
    either.follow(page.get_by_role("link", name="Clear"))
    either.follow(bulk.get_by_role("button", name="Remove"))
    assert page.get_by_text("Select at least one subscription.").is_visible()
    assert len(said(justquick)) == 3


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(browser: Browser, visit: Visit, justquick: Any, told: Any, look: str) -> None:
    browser.show_as(look)
    sizes = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
    visit(HOME)
    assert browser.page.locator(".ntf-row").count() == 1
    mute(justquick, make_ticket("a-name-without-a-blank-" * 4))
    browser.be_strict()
    visit(HOME)
    browser.page.locator("[name=id]").first.check()
    browser.follow(browser.page.locator("[name=action][value=unsubscribe]"))
    assert browser.page.locator(".ntf-undo").is_visible()
    assert violations(browser) == []
    assert browser.run(sizes) == 0
    visit(INBOX)
    arrive(browser, target=told)
    assert violations(browser) == []
    assert browser.run(sizes) == 0
    open_menu(browser)
    browser.page.locator(".ntf-row [data-ntf-panel]").first.click()
    browser.page.get_by_role("dialog").wait_for()
    assert violations(browser) == []
    browser.page.goto(browser.run("return document.querySelector('.ntf-row [data-ntf-panel]').href"))
    assert violations(browser) == []
    browser.page.locator("summary").click()
    assert browser.page.locator("[name=action][value=mute]").is_visible()
    assert violations(browser) == []
    assert browser.run(sizes) == 0
    for row in (told, make_ticket("gone")):
        watch(justquick, row)
    row.delete()
    visit(HOME)
    assert browser.page.locator(".ntf-row").count() == 3
    assert violations(browser) == []
    assert browser.run(sizes) == 0
    assert browser.complaints() == []
