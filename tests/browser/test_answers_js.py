"""The list answers at once, and says why where the server does not: on a slow line, a dead one, as somebody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import JsonResponse
from django.utils import timezone

from tests.browser import site
from tests.browser.conftest import Browser
from tests.browser.test_bell_js import PAGE, badge
from tests.browser.test_inbox_js import (
    INBOX,
    choose_everything,
    focused,
    inbox,
    press,
    rest,
    said,
    sentences,
    states,
)
from tests.factories import make_notification, make_project, make_user, rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

__all__ = ["inbox"]

Visit = Callable[[str], None]

#: A line on which every request of a script takes so long, in milliseconds.
LINE = """
window.line = {latency: arguments[0], sent: []};
const real = fetch;
window.fetch = async (url, options = {}) => {
  if (options.method === "POST") line.sent.push(String(options.body));
  const answer = await real(url, options);
  await new Promise((resolve) => setTimeout(resolve, line.latency));
  return answer;
};
"""

WRONG = "Something went wrong. Please try again."

CHANGED = "document.dispatchEvent(new CustomEvent('notifications:changed'))"


def toast(browser: Browser) -> str:
    """Return what the toast shows, or an empty text where there is none."""
    found = browser.page.locator("div[data-ntf-undo]")
    return str(found.locator("p").inner_text()) if found.is_visible() else ""


def button(browser: Browser, name: str) -> Any:
    return browser.page.locator("div[data-ntf-undo]").get_by_role("button", name=name)


# A slow line


@pytest.mark.parametrize("latency", [0, 250, 2000])
def test_four_rows_are_done_as_fast_as_one_can_press(
    browser: Browser, inbox: list[Any], latency: int
) -> None:
    """H9: one row was done, and the last answer took the undo away."""
    browser.run(LINE, latency)
    press(browser, "j", "e", "e", "e", "e")
    assert sentences(browser) == ["did 0"]
    assert focused(browser) == "did 0"
    browser.run("line.latency = 0")
    wait_until(lambda: states(inbox, "done_at") == [False, True, True, True, True])
    wait_until(lambda: button(browser, "Undo").is_visible())
    assert len(browser.run("return line.sent")) == 4
    press(browser, "z")
    wait_until(lambda: sentences(browser) == ["did 1", "did 0"])
    wait_until(lambda: states(inbox, "done_at") == [False, False, True, True, True])
    assert browser.complaints() == []


def test_a_double_click_keeps_the_undo(browser: Browser, inbox: list[Any]) -> None:
    browser.run(LINE, 150)
    browser.page.locator(".ntf-row [data-ntf-action=done]").first.dblclick(delay=10)
    wait_until(lambda: button(browser, "Undo").is_visible())
    count = states(inbox, "done_at").count(True)
    assert count == len(browser.run("return line.sent"))
    assert len(sentences(browser)) == 5 - count


def test_what_changes_nothing_keeps_the_undo_of_what_did(
    browser: Browser, inbox: list[Any], justquick: Any
) -> None:
    press(browser, "j", "e")
    wait_until(lambda: toast(browser) == "1 notification marked as done.")
    # Another tab was faster, and this one has not heard of it.
    browser.page.route("**/api/**", lambda route: route.abort())
    rows().filter(pk=inbox[3].pk).update(saved_at=timezone.now())
    press(browser, "s")
    wait_until(lambda: browser.run("") or toast(browser) == "1 notification marked as done.")
    wait_until(lambda: button(browser, "Undo").is_visible())
    press(browser, "z")
    wait_until(lambda: states(inbox, "done_at") == [False] * 5)


def test_what_is_undone_before_it_is_sent_is_never_sent(browser: Browser, inbox: list[Any]) -> None:
    browser.run(LINE, 300)
    press(browser, "j", "s", "e", "z")
    assert len(sentences(browser)) == 5
    wait_until(lambda: toast(browser) == "1 notification saved." or states(inbox, "saved_at")[4])
    browser.run("line.latency = 0")
    press(browser, "s")
    wait_until(lambda: states(inbox, "saved_at")[3])
    assert len(browser.run("return line.sent")) == 2
    assert states(inbox, "done_at") == [False] * 5


def test_a_list_that_was_asked_for_before_an_action_does_not_bring_its_row_back(
    browser: Browser, inbox: list[Any]
) -> None:
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    browser.page.route("**/api/inbox/**", hold)
    browser.run(CHANGED)
    wait_until(lambda: browser.run("") or held)
    old = held[0].fetch()
    press(browser, "j", "e")
    wait_until(lambda: browser.run("") or states(inbox, "done_at")[4])
    held[0].fulfill(response=old)
    browser.run("")
    assert sentences(browser) == ["did 3", "did 2", "did 1", "did 0"]


# What fails


@pytest.mark.parametrize(
    ("answer", "words", "again"),
    [
        ({"status": 500}, WRONG, True),
        ({"status": 200, "body": "<h1>The hotel's network</h1>"}, WRONG, True),
        ({"status": 429}, WRONG, True),
        (
            {"status": 400, "body": '{"error": "Unknown action."}', "content_type": "application/json"},
            "Unknown action.",
            False,
        ),
        ({"status": 404}, WRONG, False),
    ],
    ids=["500", "a page instead", "429", "refused with a reason", "404"],
)  # fmt: skip
def test_what_the_server_did_not_do_is_put_back_and_says_why(
    browser: Browser, inbox: list[Any], answer: dict[str, Any], words: str, again: bool
) -> None:
    """H10: it was said to nobody who can see."""
    browser.page.route("**/act/", lambda route: route.fulfill(**answer))
    press(browser, "j", "e")
    wait_until(lambda: toast(browser) == words)
    assert said(browser) == words
    assert len(sentences(browser)) == 5
    assert button(browser, "Try again").is_visible() is again
    browser.page.unroute("**/act/")
    if again:
        button(browser, "Try again").click()
        wait_until(lambda: states(inbox, "done_at")[4])
        wait_until(lambda: toast(browser) == "1 notification marked as done.")


def test_a_failure_is_not_hidden_by_the_next_answer(browser: Browser, inbox: list[Any]) -> None:
    browser.run(LINE, 100)
    failed: list[str] = []

    def fail_once(route: Any) -> None:
        if failed:
            route.continue_()
            return
        failed.append("")
        route.fulfill(status=500)

    browser.page.route("**/act/", fail_once)
    press(browser, "j", "e", "e")
    wait_until(lambda: browser.run("") or states(inbox, "done_at") == [False, False, False, True, False])
    wait_until(lambda: sentences(browser) == ["did 4", "did 2", "did 1", "did 0"])
    assert toast(browser) == WRONG


def test_what_is_done_offline_is_sent_once_and_in_order_when_the_line_is_back(
    browser: Browser, inbox: list[Any]
) -> None:
    browser.context.set_offline(True)
    press(browser, "j", "s", "e", "e")
    assert sentences(browser) == ["did 2", "did 1", "did 0"]
    words = "No connection. Your changes will be sent when you are back online."
    wait_until(lambda: toast(browser) == words)
    assert said(browser) == words
    browser.run("window.sent = []; const real = fetch; window.fetch = (url, options = {}) => {"
                "  if (options.method) sent.push(new URLSearchParams(options.body).get('one').split(':')[0]);"
                "  return real(url, options) }")  # fmt: skip
    browser.context.set_offline(False)
    wait_until(lambda: states(inbox, "done_at") == [False, False, False, True, True])
    assert states(inbox, "saved_at")[4]
    wait_until(lambda: toast(browser) == "1 notification marked as done.")
    assert browser.run("return sent") == ["save", "done", "done"]
    browser.complaints()


def test_an_answer_that_is_lost_is_asked_for_again_and_can_be_undone(
    browser: Browser, inbox: list[Any]
) -> None:
    browser.lose_first_answer("**/act/", lambda route: route.abort())
    press(browser, "j", "e")
    wait_until(lambda: toast(browser) == "1 notification marked as done.")
    press(browser, "z")
    wait_until(lambda: states(inbox, "done_at") == [False] * 5)
    browser.complaints()


def test_what_waits_is_sent_when_the_page_is_left(browser: Browser, inbox: list[Any], visit: Visit) -> None:
    browser.run(LINE, 50)
    press(browser, "j", "e", "e", "e")
    visit("/home/")
    wait_until(lambda: states(inbox, "done_at") == [False, False, True, True, True])


# Who is logged in


def log_in_as(browser: Browser, user: Any) -> None:
    """Log in in another tab: the cookies change, the page stays."""
    browser.log_in(user, browser.page.url.split("/inbox")[0])


def test_who_is_signed_out_sees_a_way_to_log_in(browser: Browser, inbox: list[Any]) -> None:
    browser.context.clear_cookies(name="sessionid")
    press(browser, "j", "e")
    wait_until(lambda: toast(browser) == "You are signed out.")
    assert said(browser) == "You are signed out."
    assert len(sentences(browser)) == 5
    link = browser.page.locator("div[data-ntf-undo]").get_by_role("link", name="Log in")
    browser.follow(link)
    assert browser.page.url.endswith(f"/accounts/login/?next={INBOX}")


def test_the_page_of_one_user_shows_and_changes_nothing_of_another(
    browser: Browser, inbox: list[Any], live_server: Any
) -> None:
    """H11: it showed the other's notifications, and acted as them."""
    other = make_user("brosner")
    secret = make_notification(other, verb="whispered")
    log_in_as(browser, other)
    browser.run(CHANGED)
    wait_until(lambda: toast(browser) == "You are signed in as another user.")
    press(browser, "j", "e")
    wait_until(lambda: browser.run("") or len(sentences(browser)) == 5)
    assert "whispered" not in browser.page.content()
    assert states(inbox, "done_at") == [False] * 5
    secret.refresh_from_db()
    assert secret.done_at is None
    browser.follow(browser.page.locator("div[data-ntf-undo]").get_by_role("link", name="Reload"))
    assert sentences(browser) == ["whispered"]
    browser.complaints()


def test_after_a_new_login_the_page_goes_on_with_a_new_token(browser: Browser, inbox: list[Any]) -> None:
    """B10: nothing happened, and nothing said so."""
    browser.context.clear_cookies(name="csrftoken")
    press(browser, "j", "e")
    wait_until(lambda: states(inbox, "done_at")[4])
    press(browser, "e")
    wait_until(lambda: states(inbox, "done_at")[3])
    assert toast(browser) != WRONG
    browser.complaints()


def refuse_with_json(request: Any, reason: str = "") -> JsonResponse:
    """Answer a wrong token as the API of a site does."""
    return JsonResponse({"detail": reason}, status=403)


def test_a_site_may_answer_a_wrong_token_with_json(browser: Browser, inbox: list[Any], settings: Any) -> None:
    settings.CSRF_FAILURE_VIEW = f"{__name__}.refuse_with_json"
    browser.context.clear_cookies(name="csrftoken")
    press(browser, "j", "e")
    wait_until(lambda: states(inbox, "done_at")[4])
    assert toast(browser) != WRONG
    browser.complaints()


def test_who_is_signed_in_again_elsewhere_is_not_said_to_be_signed_out(
    browser: Browser, inbox: list[Any], justquick: Any
) -> None:
    """The list had not changed, so nothing took that back; and what stopped did not start."""
    running = "return (await import('/static/notifications/transport.js')).live.isRunning"
    browser.run(CHANGED)
    wait_until(lambda: browser.run("return document.querySelector('notifications-inbox').etag"))
    browser.context.clear_cookies(name="sessionid")
    browser.run("dispatchEvent(new Event('online'));" + CHANGED)
    wait_until(lambda: toast(browser) == "You are signed out.")
    wait_until(lambda: not browser.run(running))
    log_in_as(browser, justquick)
    browser.run(CHANGED)
    wait_until(lambda: toast(browser) == "")
    wait_until(lambda: browser.run(running))
    browser.complaints()


@pytest.mark.parametrize("period", [1, 60])
def test_a_bell_that_is_swapped_in_finds_its_user(
    browser: Browser, visit: Visit, justquick: Any, period: int
) -> None:
    """M14: after the first user was signed out, no bell of the page counted again."""
    site.script.page, site.script.bell, site.script.policy = PAGE, f"data-ntf-period={period}", ""
    visit("/page/")
    if period == 1:
        browser.context.clear_cookies(name="sessionid")
        browser.page.locator(".ntf-bell").click()
        browser.page.get_by_text("You are signed out.").wait_for()
    other = make_user("brosner")
    make_notification(other, verb="came")
    browser.log_in(other, browser.page.url.split("/page")[0])
    site.script.bell = "data-ntf-period=1"
    browser.run(
        "const text = await (await fetch('/page/')).text();"
        "const made = new DOMParser().parseFromString(text, 'text/html').querySelector('header');"
        "document.querySelector('header').replaceWith(document.adoptNode(made))"
    )
    make_notification(other, verb="came later")
    wait_until(lambda: badge(browser) == "2")
    browser.page.locator(".ntf-bell").click()
    browser.page.locator(".ntf-panel").get_by_text("came later").wait_for()
    browser.complaints()


# What stays chosen


@pytest.fixture
def pages(settings: Any, justquick: Any, visit: Visit) -> list[Any]:
    """Five rows on two pages, the first of which is shown."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 3}
    made = [make_notification(justquick, verb=f"did {n}", target=make_project("target")) for n in range(5)]
    visit(INBOX)
    return made


#: What the server answers when the list looks again.
ANSWER = """
const inbox = document.querySelector('notifications-inbox');
const url = new URL(inbox.dataset.ntfApi, document.baseURI);
Object.entries({...inbox.question(), max: inbox.dataset.ntfMax}).forEach(([name, value]) =>
  value && url.searchParams.set(name, value));
return (await fetch(url, {headers: {Accept: 'application/json'}})).json();
"""


def test_all_that_match_are_chosen_for_one_action(browser: Browser, pages: list[Any]) -> None:
    """H1: the next key on one row acted on everything."""
    choose_everything(browser)
    # An answer of the server that comes between has no number.
    browser.run("document.querySelector('notifications-inbox').show(arguments[0])", browser.run(ANSWER))
    press(browser, "e")
    wait_until(lambda: states(pages, "done_at") == [True] * 5)
    press(browser, "z")
    wait_until(lambda: len(sentences(browser)) == 3)
    assert not browser.run("return document.querySelector('[data-ntf-select=all]').checked")
    press(browser, "j", "e")
    wait_until(lambda: states(pages, "done_at") == [False, False, False, False, True])


def test_what_is_offered_can_be_chosen_while_the_server_counts_again(
    browser: Browser, pages: list[Any]
) -> None:
    """An answer that came between the offer and the click took the number away, and the page asked."""
    browser.page.locator("[data-ntf-select=page]").check()
    browser.page.get_by_role("button", name="that match").wait_for()
    browser.page.route("**/*scope=all*", lambda route: None)
    browser.run("document.querySelector('notifications-inbox').show(arguments[0])", browser.run(ANSWER))
    browser.page.get_by_role("button", name="that match").click()
    press(browser, "e")
    wait_until(lambda: states(pages, "done_at") == [True] * 5)


def test_nothing_is_chosen_in_an_empty_list(browser: Browser, pages: list[Any], justquick: Any) -> None:
    choose_everything(browser)
    justquick.notifications.all().mark_all_as_done()
    browser.run(CHANGED)
    wait_until(lambda: sentences(browser) == [])
    made = [make_notification(justquick, verb=f"came {n}") for n in range(2)]
    browser.run(CHANGED)
    wait_until(lambda: len(sentences(browser)) == 2)
    press(browser, "j", "s")
    wait_until(lambda: states(made, "saved_at")[1])
    assert not states(made, "saved_at")[0]


def test_what_arrives_is_not_among_all_that_were_chosen(browser: Browser, pages: list[Any]) -> None:
    choose_everything(browser)
    browser.run("document.dispatchEvent(new CustomEvent('notifications:new', {detail: {text: 'One'}}))")
    assert not browser.run("return document.querySelector('[data-ntf-select=all]').checked")
    wait_until(lambda: rest(browser).startswith("All 3 on this page are selected."))


def test_a_selection_ends_with_the_action_that_used_it(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "x", "j", "x", "s")
    wait_until(lambda: states(inbox, "saved_at") == [False, False, False, True, True])
    assert browser.page.locator("[name=id]:checked").count() == 0


# Arrivals


def test_what_arrives_waits_while_the_list_is_in_use(
    browser: Browser, inbox: list[Any], justquick: Any, settings: Any, visit: Visit
) -> None:
    """L8: it slid in under the pointer."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 4}
    visit(INBOX)
    press(browser, "j")
    for number in range(3):
        make_notification(justquick, verb=f"came {number}")
    browser.run(CHANGED)
    pill = browser.page.locator("[data-ntf-arrivals]")
    wait_until(pill.is_visible)
    assert pill.inner_text() == "3 new"
    assert sentences(browser) == ["did 4", "did 3", "did 2", "did 1"]
    # What is done meanwhile is done to what is shown.
    press(browser, "e")
    wait_until(lambda: states(inbox, "done_at")[4])
    assert pill.is_visible()
    pill.click()
    wait_until(lambda: sentences(browser) == ["came 2", "came 1", "came 0", "did 3"])
    assert not pill.is_visible()
    assert focused(browser) == "came 2"
    assert browser.complaints() == []


def test_what_arrives_slides_in_while_the_list_is_not_in_use(
    browser: Browser, inbox: list[Any], justquick: Any
) -> None:
    make_notification(justquick, verb="came")
    browser.run(CHANGED)
    wait_until(lambda: sentences(browser)[0] == "came")
    assert not browser.page.locator("[data-ntf-arrivals]").is_visible()


# Reading


@pytest.mark.parametrize("how", ["click", "middle", "Enter", "Control+Enter", "right", "bell"])
def test_who_opens_a_notification_has_read_it(
    browser: Browser, inbox: list[Any], visit: Visit, how: str
) -> None:
    """L1: it stayed unread."""
    read = [True, True, True, True, how == "right"]
    link = browser.page.locator(".ntf-row [data-ntf-open]").first
    if how == "click":
        browser.follow(link)
    elif how == "bell":
        site.script.page = PAGE
        visit("/page/")
        browser.page.locator(".ntf-bell").click()
        browser.follow(browser.page.locator(".ntf-panel [data-ntf-open]").first)
    elif how in ("middle", "right"):
        link.click(button=how)
    else:
        link.focus()
        press(browser, how)
    wait_until(lambda: states(inbox, "unread") == read)


def test_reading_by_opening_takes_no_undo_away(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j", "s")
    wait_until(lambda: button(browser, "Undo").is_visible())
    browser.page.locator(".ntf-row [data-ntf-open]").nth(1).click(button="middle")
    wait_until(lambda: not states(inbox, "unread")[3])
    press(browser, "z")
    wait_until(lambda: not states(inbox, "saved_at")[4])


# Keys


@pytest.mark.parametrize(
    ("event", "moves"),
    [
        ({"key": "\u043e", "code": "KeyJ"}, True),
        ({"key": "\u03be", "code": "KeyJ"}, True),
        # Caps Lock.
        ({"key": "J", "code": "KeyJ"}, True),
        # Dvorak: the letter counts.
        ({"key": "j", "code": "KeyC"}, True),
        ({"key": "c", "code": "KeyJ"}, False),
        ({"key": "j", "code": "KeyJ", "repeat": True}, True),
        ({"key": "j", "code": "KeyJ", "isComposing": True}, False),
        ({"key": "j", "code": "KeyJ", "altKey": True}, False),
    ],
)
def test_a_letter_is_that_of_the_layout_or_of_its_place(
    browser: Browser, inbox: list[Any], event: dict[str, Any], moves: bool
) -> None:
    """B18."""
    browser.run(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...arguments[0]}))", event
    )
    assert (focused(browser) == "did 4") is moves


def test_caps_lock_and_a_held_key_do_nothing_to_rows(browser: Browser, inbox: list[Any]) -> None:
    press(browser, "j")
    for event in ({"key": "I"}, {"key": "U"}, {"key": "e", "repeat": True}, {"key": "s", "repeat": True}):
        browser.run(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...arguments[0]}))",
            event,
        )
    browser.run("document.body.dispatchEvent(new Event('keydown', {bubbles: true}))")
    press(browser, "Shift+I")
    wait_until(lambda: states(inbox, "unread") == [True, True, True, True, False])
    assert states(inbox, "done_at") == states(inbox, "saved_at") == [False] * 5
    assert browser.complaints() == []


# Times, titles and older browsers


def test_times_go_on_and_days_change(browser: Browser, inbox: list[Any], visit: Visit) -> None:
    """M19."""
    browser.page.clock.install(time=timezone.now())
    visit(INBOX)
    # An answer would say that the clock of the server stands still.
    browser.page.route("**/api/**", lambda route: route.abort())
    browser.page.clock.run_for(3_000_000)
    wait_until(lambda: "50 minutes ago" in browser.page.locator(".ntf-row time").first.inner_text())
    asked: list[str] = []
    browser.page.on("request", lambda request: asked.append(request.url))
    browser.page.clock.fast_forward(86_400_000)
    wait_until(lambda: browser.run("") or any("/api/inbox/" in url for url in asked))


def test_the_script_says_times_as_the_page_does(browser: Browser, inbox: list[Any], visit: Visit) -> None:
    """A week ago was 13 days ago after a minute, and two nights ago was yesterday."""
    now = timezone.now()
    browser.page.clock.install(time=now)
    ages = {
        "20 minutes ago": timedelta(minutes=20),
        "1 day ago": timedelta(hours=47),
        "1 week ago": timedelta(days=13),
        "1 month ago": timedelta(days=40),
        "1 year ago": timedelta(days=400),
    }
    for row, age in zip(inbox, ages.values(), strict=True):
        rows().filter(pk=row.pk).update(timestamp=now - age)

    def times() -> list[str]:
        found = browser.page.locator(".ntf-row time").all_inner_texts()
        return sorted(text.replace("\xa0", " ") for text in found)

    visit(INBOX)
    assert times() == sorted(ages)
    browser.page.route("**/api/**", lambda route: route.abort())
    browser.page.clock.run_for(120_000)
    wait_until(lambda: "22 minutes ago" in times())
    assert times() == sorted({*ages, "22 minutes ago"} - {"20 minutes ago"})


@pytest.mark.parametrize("hours", [3, -3])
def test_times_are_those_of_the_server(browser: Browser, inbox: list[Any], visit: Visit, hours: int) -> None:
    """A row that had just come was of three hours ago, or an old one of this second."""
    browser.page.clock.install(time=timezone.now() + timedelta(hours=hours))
    rows().update(timestamp=timezone.now() - timedelta(minutes=20))
    visit(INBOX)
    with browser.page.expect_response("**/api/inbox/**"):
        browser.run(CHANGED)
        browser.let_pass(1000)
    browser.let_pass(60_000)
    times = browser.page.locator(".ntf-row time").all_inner_texts
    wait_until(lambda: {text.split(" ")[1:] == ["minutes", "ago"] for text in times()} == {True})


@pytest.mark.parametrize("title", ["(2024) Annual report", "(1984) by George Orwell", "Page"])
def test_only_our_own_number_leaves_the_title(
    browser: Browser, visit: Visit, justquick: Any, title: str
) -> None:
    """L4, B7."""
    row = make_notification(justquick)
    site.script.page, site.script.bell = PAGE.replace("<title>Page", f"<title>{title}"), "data-ntf-period=1"
    visit("/page/")
    wait_until(lambda: browser.page.title() == f"(1) {title}")
    row.mark_as_read()
    wait_until(lambda: browser.page.title() == title)
    make_notification(justquick)
    wait_until(lambda: browser.page.title() == f"(1) {title}")


@pytest.mark.parametrize("script", ["delete URL.canParse", "document.documentElement.lang = 'no language'"])
def test_a_detail_that_cannot_be_had_costs_no_row(
    browser: Browser, inbox: list[Any], justquick: Any, visit: Visit, script: str
) -> None:
    """B20."""
    browser.page.add_init_script(f"document.addEventListener('readystatechange', () => {{ {script} }})")
    visit(INBOX)
    make_notification(justquick, verb="came", data={"actions": [{"href": "/yes/", "title": "Yes"}]})
    browser.run(CHANGED)
    wait_until(lambda: sentences(browser)[0] == "came")
    assert browser.complaints() == []


def test_a_page_whose_script_does_not_start_works_without_it(
    browser: Browser, inbox: list[Any], visit: Visit
) -> None:
    browser.page.route("**/list.js", lambda route: route.fulfill(status=404))
    visit(INBOX)
    browser.follow(browser.page.locator(".ntf-row [data-ntf-action=done]").first)
    assert toast(browser) == "1 notification marked as done."
    browser.complaints()


# The bell


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("place", ["left", "right", "bottom"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_panel_is_on_the_screen_wherever_the_bell_is(
    browser: Browser, visit: Visit, justquick: Any, place: str, direction: str, width: int
) -> None:
    """M18, B9."""
    for number in range(12):
        make_notification(justquick, verb=f"did {number}", target=make_project("a long name " * 4))
    style = {"left": "left: 0; top: 0", "right": "right: 0; top: 0", "bottom": "left: 40%; bottom: 0"}[place]
    site.script.policy = ""
    site.script.page = PAGE.replace("<header ", f'<header style="position: fixed; {style}" ').replace(
        "<!DOCTYPE", ""
    )
    site.script.page = f"<html dir={direction}>{site.script.page}"
    browser.page.set_viewport_size({"width": width, "height": 600})
    visit("/page/")
    browser.page.locator(".ntf-bell").click()
    browser.page.locator(".ntf-panel [data-ntf-id]").first.wait_for()
    box = browser.page.locator(".ntf-panel").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 600
    bell = browser.page.locator(".ntf-bell").bounding_box()
    assert bell is not None
    assert box["y"] >= bell["y"] + bell["height"] or box["y"] + box["height"] <= bell["y"]


def test_two_bells_have_a_panel_each(browser: Browser, visit: Visit, justquick: Any) -> None:
    site.script.page = PAGE + "<footer>{% notifications_bell %}</footer>"
    visit("/page/")
    ids = "return [...document.querySelectorAll('.ntf-panel')].map((panel) => panel.id)"
    assert len(set(browser.run(ids))) == 2
    for number in (0, 1):
        bell = browser.page.locator(".ntf-bell").nth(number)
        bell.click()
        assert browser.page.locator(f"#{bell.get_attribute('aria-controls')}").is_visible()
        assert browser.page.locator(".ntf-panel:visible").count() == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [({"status": 500}, "The notifications could not be loaded."), ({"status": 401}, "You are signed out.")],
)
def test_a_panel_that_cannot_be_filled_says_so(
    browser: Browser, visit: Visit, justquick: Any, answer: dict[str, Any], words: str
) -> None:
    site.script.page = PAGE
    browser.page.route("**/api/inbox/**", lambda route: route.fulfill(**answer))
    visit("/page/")
    browser.page.locator(".ntf-bell").click()
    browser.page.locator(".ntf-panel").get_by_text(words).wait_for()
    browser.complaints()


def test_the_list_goes_on_after_an_action_that_was_never_sent(
    browser: Browser, inbox: list[Any], justquick: Any
) -> None:
    browser.run(LINE, 300)
    press(browser, "j", "s", "e", "z")
    browser.run("line.latency = 0")
    wait_until(browser.is_answered)
    make_notification(justquick, verb="came", target=make_project("later"))
    browser.run(CHANGED)
    wait_until(lambda: "came later" in sentences(browser)[0] or pill(browser).is_visible())


def pill(browser: Browser) -> Any:
    return browser.page.locator("[data-ntf-arrivals]")
