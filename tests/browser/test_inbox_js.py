from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from tests.browser import site
from tests.browser.conftest import Browser
from tests.factories import make_notification, make_project, rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

INBOX = "/inbox/notifications/"

#: A line on which every request of a script takes so long, in milliseconds.
LINE = """
const real = fetch;
window.fetch = async (url, options = {}) => {
  const answer = await real(url, options);
  await new Promise((resolve) => setTimeout(resolve, arguments[0]));
  return answer;
};
"""

#: The sentence of the row in which the focus is.
FOCUSED = """
return document.activeElement.closest("[data-ntf-id]")?.querySelector(".ntf-sentence").textContent.trim()
  .replace(/\\s+/g, " ") ?? document.activeElement.tagName
"""


@pytest.fixture
def inbox(justquick: Any, visit: Callable[[str], None]) -> list[Any]:
    """Five rows in an inbox that is shown: "justquick did 4 target" is the newest."""
    made = [make_notification(justquick, verb=f"did {n}", target=make_project("target")) for n in range(5)]
    visit(INBOX)
    return made


def sentences(browser: Browser) -> list[str]:
    """Return what the rows say, without who did it and to what."""
    found = browser.page.locator("notifications-inbox .ntf-row .ntf-sentence").all_inner_texts()
    return [text.split(" ", 1)[1].removesuffix(" target") for text in found]


def press(browser: Browser, *keys: str) -> None:
    for key in keys:
        browser.page.keyboard.press(key)


def focused(browser: Browser) -> str:
    """Return what the row says in which the focus is, or the name of the element that has it."""
    text: str = browser.run(FOCUSED)
    return text.removeprefix("justquick ").removesuffix(" target")


def said(browser: Browser) -> str:
    """Return what the live region says."""
    return str(browser.page.locator(".ntf-live").inner_text())


def states(made: list[Any], column: str) -> list[bool]:
    """Return whether this is so of each of the rows."""
    found = {row.pk: row for row in rows()}
    return [bool(getattr(found[row.pk], column)) for row in made]


def choose_everything(browser: Browser) -> None:
    """Select what is on the page, and then what else matches."""
    browser.page.locator("[data-ntf-select=page]").check()
    browser.page.get_by_role("button", name="that match").click()


def rest(browser: Browser) -> str:
    """Return what the bar says of the results that are not on the page."""
    return "".join(browser.page.locator(".ntf-rest-of-results").all_text_contents())


def test_the_counts_of_the_searches_follow_the_list(
    browser: Browser, justquick: Any, visit: Callable[[str], None]
) -> None:
    for n in range(3):
        make_notification(justquick, verb=f"did {n}", reason="mention")
    visit(INBOX)
    count = browser.page.locator('[data-ntf-count="reason:mention"]')
    assert count.inner_text() == "3"
    press(browser, "j", "e")
    wait_until(lambda: count.inner_text() == "2")
    justquick.notifications.all().mark_all_as_done()
    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    wait_until(lambda: not count.is_visible())


# Every key


def test_j_and_k_move_and_stop_at_the_ends(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j")
    assert focused(browser) == "did 4"
    press(browser, "j", "j")
    assert focused(browser) == "did 2"
    press(browser, "k")
    assert focused(browser) == "did 3"
    press(browser, "k", "k", "k")
    assert focused(browser) == "did 4"
    press(browser, *"jjjjjjj")
    assert focused(browser) == "did 0"
    assert browser.complaints() == []


@pytest.mark.parametrize("key", ["o", "Enter"])
def test_o_and_enter_open_what_it_is_about(browser: Browser, inbox: list[Any], key: str) -> None:
    press(browser, "j", "j")
    with browser.page.expect_navigation():
        press(browser, key)
    assert browser.page.url.endswith(inbox[3].target.get_absolute_url())


def test_j_moves_to_a_row_that_arrived_and_has_no_page(
    browser: Browser, inbox: list[Any], justquick: Any
) -> None:
    make_notification(justquick, verb="came")
    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    wait_until(lambda: len(sentences(browser)) == 6)
    press(browser, "j")
    assert focused(browser) == "came"


def test_x_chooses_and_e_makes_what_is_chosen_done(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "x", "j", "j", "x")
    assert browser.page.locator(".ntf-row [name=id]:checked").count() == 2
    press(browser, "e")
    wait_until(lambda: sentences(browser) == ["did 3", "did 1", "did 0"])
    wait_until(lambda: states(inbox, "done_at") == [False, False, True, False, True])
    assert focused(browser) == "did 0"
    wait_until(lambda: "2 notifications marked as done." in said(browser))


def test_e_makes_the_row_done_and_the_focus_goes_to_the_next(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "j", "e")
    wait_until(lambda: sentences(browser) == ["did 4", "did 2", "did 1", "did 0"])
    assert focused(browser) == "did 2"
    press(browser, "e")
    wait_until(lambda: len(sentences(browser)) == 3)
    assert focused(browser) == "did 1"
    press(browser, "j", "e")
    wait_until(lambda: len(sentences(browser)) == 2)
    assert focused(browser) == "did 1"
    press(browser, "e")
    wait_until(lambda: len(sentences(browser)) == 1)
    press(browser, "e")
    wait_until(lambda: browser.page.locator(".ntf-empty").is_visible())
    assert focused(browser) == "A"
    assert not browser.page.locator("#ntf-bulk").is_visible()
    assert browser.complaints() == []


def test_z_undoes_it(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "j", "e")
    wait_until(lambda: len(sentences(browser)) == 4)
    press(browser, "z")
    wait_until(lambda: sentences(browser) == ["did 4", "did 3", "did 2", "did 1", "did 0"])
    wait_until(lambda: states(inbox, "done_at") == [False] * 5)
    wait_until(lambda: said(browser) == "Undone. 1 notification restored.")
    assert not browser.page.get_by_role("button", name="Undo").is_visible()
    press(browser, "z")
    assert browser.complaints() == []


def test_z_waits_for_what_it_undoes(browser: Browser, inbox: list[Any]) -> None:
    held: list[Any] = []

    def hold(route: Any) -> None:
        if held:
            route.continue_()
        held.append(route)

    browser.page.route("**/act/", hold)
    press(browser, "j", "e")
    wait_until(lambda: browser.run("") or held)
    press(browser, "z")
    # What it undoes is done only now.
    held[0].continue_()
    wait_until(lambda: said(browser) == "Undone. 1 notification restored.")
    wait_until(lambda: states(inbox, "done_at") == [False] * 5)


def test_s_saves_and_does_not_any_more(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "s")
    wait_until(lambda: states(inbox, "saved_at")[4])
    button = browser.page.locator(".ntf-row").first.locator("[data-ntf-action=unsave]")
    button.wait_for()
    assert focused(browser) == "did 4"
    press(browser, "s")
    wait_until(lambda: not states(inbox, "saved_at")[4])
    assert len(sentences(browser)) == 5


def test_shift_i_reads_and_shift_u_does_not(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "Shift+I")
    wait_until(lambda: states(inbox, "unread") == [True, True, True, True, False])
    wait_until(lambda: browser.page.locator(".ntf-row[data-ntf-unread]").count() == 4)
    wait_until(lambda: browser.page.title().startswith("(4) "))
    press(browser, "Shift+U")
    wait_until(lambda: states(inbox, "unread") == [True] * 5)
    wait_until(lambda: browser.page.title().startswith("(5) "))


def test_keys_that_are_pressed_fast_act_one_after_the_other(browser: Browser, inbox: list[Any]) -> None:
    browser.run(
        "const real = fetch; window.acts = []; let under_way = 0;"
        "window.fetch = async (url, options) => {"
        "  const acts = options.method === 'POST'; under_way += acts;"
        "  if (acts) window.acts.push(under_way);"
        "  try { return await real(url, options) } finally { under_way -= acts } }"
    )
    press(browser, "j", "s", "Shift+I", "s", "Shift+U", "s", "e")
    wait_until(lambda: len(sentences(browser)) == 4)
    wait_until(lambda: states(inbox, "done_at") == [False, False, False, False, True])
    acts = browser.run("return acts")
    assert len(acts) >= 2
    assert set(acts) == {1}


def test_h_asks_until_when_and_wakes_what_sleeps(
    browser: Browser, inbox: list[Any], visit: Callable[[str], None]
) -> None:
    press(browser, "j", "h")
    panel = browser.page.get_by_role("dialog", name="Snooze until…")
    panel.wait_for()
    # The keys of the list do nothing in it.
    press(browser, "e", "Escape")
    assert panel.count() == 0
    assert focused(browser) == "did 4"
    press(browser, "h")
    panel.get_by_role("button", name="In an hour").click()
    assert sentences(browser) == ["did 3", "did 2", "did 1", "did 0"]
    wait_until(lambda: states(inbox, "snoozed_until") == [False] * 4 + [True])
    wait_until(lambda: said(browser) == "1 notification snoozed.")
    assert browser.page.url.endswith(INBOX)
    press(browser, "z")
    wait_until(lambda: states(inbox, "snoozed_until") == [False] * 5)
    wait_until(lambda: len(sentences(browser)) == 5)
    press(browser, "j", "h")
    panel.locator("input").fill("2099-12-24T18:00")
    panel.get_by_role("button", name="Snooze", exact=True).click()
    wait_until(lambda: sum(states(inbox, "snoozed_until")) == 1)
    assert browser.complaints() == []
    visit(f"{INBOX}snoozed/")
    press(browser, "j", "h")
    wait_until(lambda: sentences(browser) == [])
    visit(INBOX)
    assert len(sentences(browser)) == 5


def test_what_was_snoozed_comes_back_by_itself(
    browser: Browser, inbox: list[Any], visit: Callable[[str], None]
) -> None:
    inbox[0].snooze(timezone.now() + timedelta(hours=1))
    visit(INBOX)
    assert sentences(browser) == ["did 4", "did 3", "did 2", "did 1"]
    # The hour has passed.
    rows().filter(pk=inbox[0].pk).update(snoozed_until=timezone.now())
    back = ["did 0", "did 4", "did 3", "did 2", "did 1"]

    def is_back() -> bool:
        # What the clock of the live client does every fifteen seconds, sooner.
        browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
        return sentences(browser) == back

    wait_until(is_back)
    assert browser.page.locator(".ntf-row").first.get_attribute("data-ntf-unread") == ""


def test_g_n_goes_to_the_inbox_and_slash_to_the_filter(
    browser: Browser, inbox: list[Any], visit: Callable[[str], None]
) -> None:
    visit(f"{INBOX}done/")
    press(browser, "n")
    assert browser.page.url.endswith("/done/")
    with browser.page.expect_navigation():
        press(browser, "g", "n")
    assert browser.page.url.endswith(INBOX)
    press(browser, "/")
    assert browser.run("return document.activeElement.name") == "q"


def test_no_key_does_anything_inside_a_field(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "/")
    press(browser, *"ejkxz?")
    assert browser.page.locator("#ntf-q").input_value() == "ejkxz?"
    wait_until(lambda: states(inbox, "done_at") == [False] * 5)
    assert not browser.page.locator("dialog").is_visible()


@pytest.mark.parametrize("field", ["<textarea>", "<select>", "<p contenteditable>", "<input type=text>"])
def test_no_key_does_anything_inside_a_field_of_the_site(
    browser: Browser, inbox: list[Any], field: str
) -> None:
    press(browser, "j", "x")
    browser.run(
        "const [name, attribute, value = ''] = arguments[0].slice(1, -1).split(/[ =]/);"
        "const field = document.createElement(name);"
        "if (attribute) field.setAttribute(attribute, value);"
        # WebKit gives no focus to what is empty.
        "field.textContent = 'text';"
        "document.querySelector('notifications-inbox').prepend(field); field.focus()",
        field,
    )
    press(browser, *"ejkxzs?/", "Shift+I", "Shift+U", "h", "g", "n", "o")
    assert browser.page.url.endswith(INBOX)
    assert browser.page.locator(".ntf-row [name=id]:checked").count() == 1
    assert not browser.page.locator("dialog").is_visible()
    wait_until(lambda: states(inbox, "done_at") == states(inbox, "saved_at") == [False] * 5)
    wait_until(lambda: states(inbox, "unread") == [True] * 5)


def test_a_key_with_control_or_alt_is_the_browsers(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "Control+e", "Alt+e", "Meta+e")
    press(browser, "s")
    wait_until(lambda: states(inbox, "saved_at")[4])
    wait_until(lambda: states(inbox, "done_at") == [False] * 5)


def test_the_keys_are_explained_and_can_be_switched_off(
    browser: Browser, inbox: list[Any], visit: Callable[[str], None]
) -> None:
    press(browser, "?")
    help_ = browser.page.locator("dialog[data-ntf-help]")
    assert help_.is_visible()
    assert browser.page.locator("dialog dt").count() >= 12
    browser.page.get_by_label("Enable keyboard shortcuts").uncheck()
    press(browser, "Escape")
    assert not help_.is_visible()
    # The browser takes the focus out of what it has hidden when it draws the page again.
    wait_until(lambda: focused(browser) == "BODY")
    press(browser, "j")
    assert focused(browser) == "BODY"
    visit(INBOX)
    press(browser, "j", "?")
    assert focused(browser) == "BODY"
    assert not help_.is_visible()
    browser.page.get_by_role("button", name="Keyboard shortcuts").click()
    browser.page.get_by_label("Enable keyboard shortcuts").check()
    browser.page.get_by_role("button", name="Close").click()
    press(browser, "j")
    assert focused(browser) == "did 4"


def test_a_site_may_do_without_the_keys(browser: Browser, inbox: list[Any]) -> None:
    browser.run("document.querySelector('notifications-inbox').dataset.ntfKeys = 'off'")
    press(browser, "j")
    assert focused(browser) == "BODY"


def test_many_are_snoozed_in_place(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "x", "j", "x", "h")
    panel = browser.page.get_by_role("dialog", name="Snooze until…")
    panel.wait_for()
    browser.page.mouse.click(5, 5)
    assert panel.count() == 0
    press(browser, "h")
    panel.get_by_role("button", name="Next week").click()
    wait_until(lambda: states(inbox, "snoozed_until") == [False] * 3 + [True] * 2)
    assert sentences(browser) == ["did 2", "did 1", "did 0"]


def test_enter_in_the_date_presses_its_own_button(browser: Browser, inbox: list[Any]) -> None:
    """It pressed the first button: an hour."""
    press(browser, "j", "h")
    field = browser.page.locator(".ntf-sheet input")
    field.press("Enter")
    field.fill("2099-12-24T18:00")
    field.press("Enter")
    wait_until(lambda: any(states(inbox, "snoozed_until")))
    [until] = [row.snoozed_until for row in rows() if row.snoozed_until]
    assert until.year == 2099


def test_enter_in_a_checkbox_changes_nothing(browser: Browser, inbox: list[Any]) -> None:
    """It pressed the first button of the form: all were read."""
    box = browser.page.locator(".ntf-row [name=id]").first
    box.focus()
    press(browser, "Enter", "x", "Enter")
    # Whatever it sends comes before this.
    press(browser, "s")
    wait_until(lambda: any(states(inbox, "saved_at")))
    assert states(inbox, "unread") == [True] * 5
    assert box.is_visible()


def test_where_the_times_cannot_be_had_the_page_asks(browser: Browser, inbox: list[Any]) -> None:
    browser.page.route("**/act/?action=snooze", lambda route: route.abort())
    press(browser, "j")
    with browser.page.expect_navigation():
        press(browser, "h")
    browser.follow(browser.page.locator("button[name=until]").first)
    assert sentences(browser) == ["did 3", "did 2", "did 1", "did 0"]
    assert browser.page.locator("div[data-ntf-undo]").is_visible()


# The mouse


def test_a_button_of_a_row_acts_on_it_alone(browser: Browser, inbox: list[Any]) -> None:
    browser.page.locator(".ntf-row [name=id]").nth(4).check()
    browser.page.locator(".ntf-row [data-ntf-action=done]").nth(1).click()
    wait_until(lambda: sentences(browser) == ["did 4", "did 2", "did 1", "did 0"])
    wait_until(lambda: states(inbox, "done_at") == [False, False, False, True, False])
    assert focused(browser) == "did 2"
    browser.page.get_by_role("button", name="Undo").click()
    wait_until(lambda: len(sentences(browser)) == 5)
    assert browser.page.url.endswith(INBOX)


def test_all_on_the_page_are_chosen_and_let_go(browser: Browser, inbox: list[Any]) -> None:
    page = browser.page.locator("[data-ntf-select=page]")
    page.check()
    assert browser.page.locator(".ntf-row [name=id]:checked").count() == 5
    browser.page.locator(".ntf-row [name=id]").first.uncheck()
    assert not page.is_checked()
    assert browser.run("return document.querySelector('[data-ntf-select=page]').indeterminate")
    page.check()
    page.uncheck()
    assert browser.page.locator(".ntf-row [name=id]:checked").count() == 0


def test_all_that_match_are_chosen_in_two_steps_by_their_exact_number(
    browser: Browser, justquick: Any, settings: Any, visit: Callable[[str], None]
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 3}
    old = [make_notification(justquick, verb=f"did {n}") for n in range(8)]
    old[7].mark_as_read()
    # What comes later is neither shown nor announced.
    browser.page.route("**/api/**", lambda route: route.abort())
    visit(INBOX)
    assert not browser.page.get_by_text("Select all results").is_visible()
    new = make_notification(justquick, verb="came later")
    bar = browser.page.locator("#ntf-bulk")
    bar.locator("[data-ntf-select=page]").check()
    bar.get_by_text("All 3 on this page are selected.").wait_for()
    bar.get_by_role("button", name="Select all 8 that match").click()
    bar.get_by_text("All 8 that match are selected.").wait_for()
    assert said(browser) == "All 8 that match are selected."
    bar.get_by_role("button", name="Clear selection").click()
    assert browser.page.locator(".ntf-row [name=id]:checked").count() == 0
    assert browser.run("return document.activeElement.dataset.ntfSelect") == "page"
    assert rest(browser) == ""
    choose_everything(browser)
    bar.locator("button[value=done]").click()
    wait_until(lambda: states([*old, new], "done_at") == [True] * 8 + [False])
    assert browser.page.url.endswith(INBOX)
    browser.page.unroute("**/api/**")
    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    wait_until(lambda: sentences(browser) == ["came later"])
    browser.page.get_by_role("button", name="Undo").click()
    wait_until(lambda: sentences(browser) == ["came later", "did 7", "did 6"])
    wait_until(lambda: states([*old, new], "done_at") == [False] * 9)
    wait_until(lambda: states([*old, new], "unread") == [True] * 7 + [False, True])


def test_one_row_less_is_not_everything(
    browser: Browser, justquick: Any, settings: Any, visit: Callable[[str], None]
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 3}
    made = [make_notification(justquick, verb=f"did {n}") for n in range(5)]
    visit(INBOX)
    choose_everything(browser)
    browser.page.locator(".ntf-row [name=id]").first.uncheck()
    assert rest(browser) == ""
    browser.page.locator("#ntf-bulk button[value=save]").click()
    wait_until(lambda: states(made, "saved_at") == [False, False, True, True, False])


def test_where_all_are_on_the_page_there_is_no_second_step(browser: Browser, inbox: list[Any]) -> None:
    browser.page.locator("[data-ntf-select=page]").check()
    assert browser.page.locator(".ntf-row [name=id]:checked").count() == 5
    assert not browser.page.get_by_role("button", name="that match").is_visible()


def test_all_that_match_are_not_changed_where_they_are_not_those_that_were_shown(
    browser: Browser, justquick: Any, settings: Any, visit: Callable[[str], None]
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 3}
    made = [make_notification(justquick, verb=f"did {n}") for n in range(5)]
    visit(INBOX)
    browser.page.route("**/api/**", lambda route: route.abort())
    choose_everything(browser)
    made[0].mark_as_done()
    browser.page.locator("#ntf-bulk button[value=save]").click()
    toast = browser.page.locator("div[data-ntf-undo]")
    toast.get_by_text("Your notifications have changed since the page was loaded.").wait_for()
    assert states(made, "saved_at") == [False] * 5
    browser.page.unroute("**/api/**")
    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    choose_everything(browser)
    wait_until(lambda: rest(browser).startswith("All 4 that match are selected."))
    browser.page.locator("#ntf-bulk button[value=save]").click()
    wait_until(lambda: states(made, "saved_at") == [False, True, True, True, True])


def test_all_is_read_and_unread_again_without_leaving_the_page(browser: Browser, inbox: list[Any]) -> None:
    browser.page.get_by_role("button", name="Mark all as read").click()
    wait_until(lambda: said(browser) == "5 notifications marked as read.")
    wait_until(lambda: states(inbox, "unread") == [False] * 5)
    wait_until(lambda: browser.page.locator(".ntf-row.ntf-new").count() == 0)
    press(browser, "z")
    wait_until(lambda: said(browser) == "Undone. 5 notifications restored.")
    wait_until(lambda: states(inbox, "unread") == [True] * 5)
    assert browser.complaints() == []


def test_how_to_undo_stays_until_the_next_action(browser: Browser, inbox: list[Any]) -> None:
    """L8: after ten seconds it was gone (WCAG 2.2.1)."""
    browser.page.clock.install()
    press(browser, "j", "e")
    toast = browser.page.locator("div[data-ntf-undo]")
    toast.wait_for()
    browser.page.clock.run_for(600_000)
    assert toast.get_by_role("button", name="Undo").is_visible()
    press(browser, "s")
    wait_until(lambda: "1 notification saved." in toast.inner_text())
    press(browser, "Escape")
    assert not toast.is_visible()


def test_what_says_what_was_done_moves_no_row(browser: Browser, inbox: list[Any]) -> None:
    """L8: it came on top of the list, and moved it by 64 pixels when it came and when it went."""
    tops = "return [...document.querySelectorAll('.ntf-row')].map((row) => row.getBoundingClientRect().top)"
    before = browser.run(tops)
    press(browser, "j", "s")
    toast = browser.page.locator("div[data-ntf-undo]")
    toast.wait_for()
    assert browser.run(tops) == before
    press(browser, "Escape")
    toast.wait_for(state="hidden")
    assert browser.run(tops) == before


def test_the_live_region_speaks_once(browser: Browser, inbox: list[Any]) -> None:
    browser.run(
        "window.heard = []; const region = document.querySelector('.ntf-live');"
        "new MutationObserver(() => heard.push(region.textContent)).observe(region, {childList: true})"
    )
    press(browser, "j", "e")
    wait_until(lambda: len(sentences(browser)) == 4)
    # Whatever were said again would be said before this.
    browser.run("document.dispatchEvent(new CustomEvent('notifications:new', {detail: {text: 'One'}}))")
    wait_until(lambda: "New: One" in browser.run("return heard"))
    assert browser.run("return heard") == ["1 notification marked as done.", "New: One"]
    regions = "[role=status], [role=alert], [aria-live]"
    assert browser.page.locator(regions).count() == 1


def test_the_same_result_is_said_again_as_another_text(browser: Browser, inbox: list[Any]) -> None:
    """Some screen readers read the same text only once."""
    browser.run(
        "window.heard = []; const region = document.querySelector('.ntf-live');"
        "new MutationObserver(() => heard.push(region.textContent)).observe(region, {childList: true})"
    )

    def has_heard(count: int) -> bool:
        return len(browser.run("return heard")) == count

    press(browser, "j")
    for number in (1, 2, 3):
        press(browser, "e")
        wait_until(partial(has_heard, number))
    one, two, three = browser.run("return heard")
    assert one != two != three
    assert {text.strip() for text in (one, two, three)} == {"1 notification marked as done."}


def test_what_comes_together_is_said_together(browser: Browser, inbox: list[Any]) -> None:
    browser.run(
        "window.heard = []; const region = document.querySelector('.ntf-live');"
        "new MutationObserver(() => heard.push(region.textContent)).observe(region, {childList: true});"
        "for (const text of ['One', 'Two', 'Three'])"
        "  document.dispatchEvent(new CustomEvent('notifications:new', {detail: {text}}))"
    )
    wait_until(lambda: browser.run("return heard") == ["New: One. Two. Three"])


def test_an_act_that_fails_says_so_and_changes_nothing(browser: Browser, inbox: list[Any]) -> None:
    browser.page.route("**/act/", lambda route: route.fulfill(status=500))
    press(browser, "j", "e")
    wait_until(lambda: said(browser) == "Something went wrong. Please try again.")
    assert len(sentences(browser)) == 5


def test_a_numbered_page_is_shown_anew(
    browser: Browser, inbox: list[Any], settings: Any, visit: Callable[[str], None]
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    visit(f"{INBOX}?page=2")
    assert sentences(browser) == ["did 2", "did 1"]
    press(browser, "j", "e")
    wait_until(lambda: sentences(browser) == ["did 1", "did 0"])


def test_a_filter_and_a_cursor_stay_what_they_are(
    browser: Browser, inbox: list[Any], settings: Any, visit: Callable[[str], None]
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    visit(f"{INBOX}?q=is:unread")
    browser.follow(browser.page.get_by_role("link", name="Older"))
    assert sentences(browser) == ["did 2", "did 1"]
    press(browser, "j", "Shift+I")
    wait_until(lambda: sentences(browser) == ["did 1", "did 0"])


# Two tabs


def test_what_is_done_in_one_tab_is_done_in_the_other(
    browser: Browser, inbox: list[Any], live_server: Any
) -> None:
    other = Browser(browser.context)
    other.page.goto(f"{live_server.url}{INBOX}")
    press(browser, "j", "e")
    wait_until(lambda: len(sentences(other)) == 4)
    wait_until(lambda: other.page.title().startswith("(4) "))
    press(browser, "z")
    wait_until(lambda: len(sentences(other)) == 5)
    assert other.complaints() == []


def test_a_row_that_arrives_looks_like_the_others_and_is_told_once(
    browser: Browser, inbox: list[Any], justquick: Any
) -> None:
    actions = [{"href": "/yes/", "title": "Yes"}, {"href": "javascript:no()", "title": "No"}]
    make_notification(
        justquick, verb="came", target=make_project("target"), level="error", data={"actions": actions}
    )
    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    wait_until(lambda: sentences(browser)[0] == "came")
    first, second = (browser.page.locator(".ntf-row").nth(n) for n in (0, 1))
    labels = "elements => elements.map(element => element.getAttribute('aria-label'))"
    both = [row.locator("button").evaluate_all(labels) for row in (first, second)]
    assert both[0] == both[1] != []
    assert first.locator(".ntf-level").inner_text() == "Error"
    assert first.locator(".ntf-actions a").all_inner_texts() == ["Yes"]
    assert "Today" in browser.page.locator(".ntf-day").first.inner_text()
    assert browser.page.locator(".ntf-day").count() == 1
    first.locator("[data-ntf-action=done]").click()
    wait_until(lambda: sentences(browser)[0] == "did 4")
    assert browser.complaints() == []


@pytest.mark.parametrize(
    ("tab", "columns"),
    [
        ("", {"saved_at": True}),
        ("", {"level": "success"}),
        # The level of a row that an older package has stored.
        ("", {"level": "needs review"}),
        ("saved/", {"saved_at": True, "done_at": True, "unread": False}),
        ("done/", {"done_at": True, "unread": False}),
        ("snoozed/", {"snoozed_until": True, "saved_at": True}),
    ],
)
def test_a_row_that_arrives_says_and_offers_what_it_does_after_a_reload(
    browser: Browser, inbox: list[Any], justquick: Any, visit: Callable[[str], None], tab: str, columns: Any
) -> None:
    visit(INBOX + tab)
    tomorrow = timezone.now() + timedelta(days=1)
    moments = {name: tomorrow if value is True else value for name, value in columns.items()}
    make_notification(justquick, verb="came", target=make_project("target"), **moments)
    row = browser.page.locator(".ntf-row").first

    def shown() -> tuple[list[str], list[str]]:
        tools = row.locator(".ntf-tool:visible").evaluate_all("tools => tools.map(tool => tool.title)")
        lines = row.locator(".ntf-meta > :not(time, .ntf-state):visible").all_inner_texts()
        return tools, [text for text in lines if text]

    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    wait_until(lambda: sentences(browser)[:1] == ["came"])
    row.hover()
    arrived = shown()
    browser.page.reload()
    row.hover()
    assert arrived == shown()
    assert browser.complaints() == []


def test_a_row_says_that_it_is_saved_as_long_as_it_is(browser: Browser, inbox: list[Any]) -> None:
    """It said so until the page was loaded again."""
    row = browser.page.locator(".ntf-row").first
    for words in ("Saved", "", "Saved"):
        row.hover()
        row.locator("[data-ntf-action=save], [data-ntf-action=unsave]").click()
        wait_until(partial(says, browser, words))


def says(browser: Browser, words: str) -> bool:
    """Return whether the first row says this of its states."""
    return str(browser.page.locator(".ntf-row [data-ntf-slot=marks]").first.inner_text()) == words


def test_what_is_pushed_off_the_page_is_on_the_next(
    browser: Browser, justquick: Any, visit: Callable[[str], None], settings: Any
) -> None:
    """No link led to it, or one that began after it."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 3}
    older = browser.page.get_by_role("link", name="Older")
    for count in (3, 4):
        rows().all().delete()
        for n in range(count):
            make_notification(justquick, verb=f"did {n}")
        visit(INBOX)
        assert older.count() == (1 if count > 3 else 0)
        for n in range(2):
            make_notification(justquick, verb=f"came {n}")
        browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
        # Not the text, which is announced a little later as well.
        wait_until(lambda: sentences(browser)[0] == "came 1")
        assert sentences(browser) == ["came 1", "came 0", f"did {count - 1}"]
        browser.follow(older)
        assert sentences(browser)[:2] == [f"did {count - 2}", f"did {count - 3}"]


def test_all_can_be_read_as_soon_as_something_is_unread(
    browser: Browser, justquick: Any, visit: Callable[[str], None]
) -> None:
    visit(INBOX)
    button = browser.page.get_by_role("button", name="Mark all as read")
    assert not button.is_visible()
    row = make_notification(justquick)
    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    # Where the count comes before the list does, the page asks first.
    browser.page.locator(".ntf-row").wait_for()
    button.click()
    wait_until(lambda: states([row], "unread") == [False])
    wait_until(lambda: not button.is_visible())


# Pages of a site


def test_a_page_that_shows_the_list_without_its_tabs_works(
    browser: Browser, visit: Callable[[str], None], justquick: Any
) -> None:
    """M15: a view of a site that passed ``notifications`` alone, as to django-notifications-hq, was an error."""
    make_notification(justquick, verb="did it", target=make_project("target"))
    browser.page.route("**/projects/*/", lambda route: route.fulfill(body="The project."))
    site.script.page = (
        "{% include 'notifications/list.html' with notifications=request.user.notifications.all %}"
    )
    visit("/page/")
    assert len(sentences(browser)) == 1
    press(browser, "j", "e", "z", "?")
    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    browser.follow(browser.page.locator(".ntf-row [data-ntf-open]").first)
    wait_until(lambda: not rows().get().unread)
    assert rows().get().done_at is None
    assert browser.complaints() == []


def test_a_page_that_comes_out_of_a_cache_is_looked_at_again(browser: Browser, inbox: list[Any]) -> None:
    """The cache of the browser, which keeps the page as it was left; no tab has asked meanwhile."""
    poll = "return (await import('/static/notifications/transport.js')).live.etag"
    wait_until(lambda: browser.run(poll))
    browser.run("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    inbox[4].mark_as_done()
    browser.run("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    wait_until(lambda: sentences(browser) == ["did 3", "did 2", "did 1", "did 0"])


def test_an_inbox_that_a_script_swaps_in_is_looked_at_again(
    browser: Browser, justquick: Any, visit: Callable[[str], None]
) -> None:
    """As Turbo does with a page out of its cache, where the bell goes on."""
    made = [make_notification(justquick, verb=f"did {n}", target=make_project("target")) for n in range(2)]
    browser.stop_the_clock()
    visit(INBOX)
    wait_until(lambda: browser.run("return (await import('/static/notifications/transport.js')).live.etag"))
    browser.let_pass(1000)
    wait_until(lambda: browser.run("return document.querySelector('notifications-inbox').etag"))
    made[1].mark_as_done()
    browser.run(
        "const old = document.querySelector('notifications-inbox'); old.replaceWith(old.cloneNode(true))"
    )
    browser.let_pass(1000)
    wait_until(lambda: sentences(browser) == ["did 0"])


def test_an_inbox_that_is_moved_goes_on(browser: Browser, inbox: list[Any]) -> None:
    """One that was moved while it waited never asked again: for an answer, or for the moment to ask."""
    move = (
        "const inbox = document.querySelector('notifications-inbox'); inbox.soon();"
        "document.querySelector('main').append(inbox)"
    )
    browser.run(LINE, 500)
    press(browser, "j", "s")
    browser.run(move)
    wait_until(lambda: states(inbox, "saved_at")[4])
    wait_until(browser.is_answered)
    inbox[3].mark_as_done()
    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    wait_until(lambda: sentences(browser) == ["did 4", "did 2", "did 1", "did 0"])


def test_an_inbox_that_is_taken_out_of_the_page_leaves_nothing_behind(
    browser: Browser, visit: Callable[[str], None], justquick: Any
) -> None:
    """L6: its timers went on."""
    browser.page.add_init_script(
        "window.running = new Set();"
        "const [start, stop] = [window.setInterval, window.clearInterval];"
        "window.setInterval = (...said) => { const id = start(...said); running.add(id); return id };"
        "window.clearInterval = (id) => { running.delete(id); stop(id) }"
    )
    make_notification(justquick)
    visit(INBOX)
    wait_until(lambda: browser.run("return running.size") > 0)
    browser.run(
        "document.querySelectorAll('notifications-inbox, notifications-bell').forEach((part) => part.remove())"
    )
    assert browser.run("return running.size") == 0
    press(browser, "j", "e")
    browser.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    assert browser.complaints() == []


def test_a_refresh_touches_only_what_is_not_as_before(
    inbox: list[Any], justquick: Any, browser: Browser
) -> None:
    """What is written again is laid out again: with 100 rows that took longer than all else."""
    refresh = "await document.querySelector('notifications-inbox').refresh()"
    make_notification(justquick, verb="did 5", target=make_project("target"))
    shown = "document.querySelector('.ntf-list').textContent.includes"
    browser.run(f"document.activeElement.blur(); do {{ {refresh} }} while (!{shown}('did 5'))")
    make_notification(justquick, verb="did 6", target=make_project("target"))
    rows().filter(pk=inbox[0].pk).update(unread=False)
    touched = browser.run(
        "const list = document.querySelector('notifications-inbox .ntf-list');"
        "const records = [];"
        "const observer = new MutationObserver((found) => records.push(...found));"
        "observer.observe(list, {subtree: true, childList: true, attributes: true, characterData: true});"
        # Another refresh, by the clock, may overtake this one.
        f"do {{ {refresh} }} while (!{shown}('did 6'));"
        "const rows = [...records, ...observer.takeRecords()].map(({target}) => target.closest('[data-ntf-id]'));"
        "return [...new Set(rows)].filter(Boolean)"
        ".map((row) => row.querySelector('.ntf-sentence').textContent.trim().split(/\\s+/).slice(1, 3).join(' '))"
    )
    assert sentences(browser)[0] == "did 6"
    assert touched == ["did 0"]
