from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from tests.browser import site
from tests.browser.conftest import Browser
from tests.factories import make_notification, make_project
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

PAGE = """
<title>Page</title><meta name=color-scheme content="light dark">
<link rel=stylesheet href="{% static 'notifications/notifications.css' %}">
<script type=module src="{% static 'notifications/notifications.js' %}"></script>
<body class=ntf-page><main>
<header class=ntf-head><h1>Page</h1>{% notifications_bell %}</header>
<p id=text>So many are unread: <b data-ntf-count=unread>?</b>. <a href=/home/>Home</a></p>
"""

Visit = Callable[[str], None]


@pytest.fixture
def show(visit: Visit, justquick: Any) -> Callable[..., None]:
    """Let the browser show a page with a bell, whose script asks each second: there is no stream under WSGI."""

    def show(period: int = 1) -> None:
        site.script.page = PAGE
        site.script.bell = f"data-ntf-period={period}"
        visit("/page/")

    return show


def badge(browser: Browser) -> str:
    """Return the number on the bell, or an empty text where there is none."""
    shown = browser.page.locator(".ntf-badge")
    return str(shown.inner_text()) if shown.is_visible() else ""


def lines(browser: Browser) -> list[str]:
    """Return what the panel shows."""
    return list(browser.page.locator(".ntf-panel [data-ntf-id] [data-ntf-slot=text]").all_inner_texts())


def test_the_bell_opens_shows_the_newest_and_has_seen_them(
    browser: Browser, show: Callable[[], None], justquick: Any
) -> None:
    for number in range(12):
        make_notification(justquick, verb=f"did {number}", target=make_project("target"))
    show()
    assert badge(browser) == "12"
    bell = browser.page.locator(".ntf-bell[role=button]")
    assert bell.get_attribute("aria-expanded") == "false"
    bell.click()
    wait_until(lambda: lines(browser) == [f"justquick did {n} target" for n in range(11, 1, -1)])
    assert bell.get_attribute("aria-expanded") == "true"
    assert browser.page.locator(f"#{bell.get_attribute('aria-controls')}").is_visible()
    wait_until(lambda: badge(browser) == "")
    wait_until(lambda: browser.page.title() == "(12) Page")
    assert browser.page.locator("b").inner_text() == "12"
    assert justquick.notifications.unread().count() == 12
    assert browser.complaints() == []


def test_escape_closes_it_and_the_focus_returns(browser: Browser, show: Callable[[], None]) -> None:
    show()
    bell = browser.page.locator(".ntf-bell[role=button]")
    bell.focus()
    browser.page.keyboard.press("Space")
    panel = browser.page.locator(".ntf-panel")
    assert panel.is_visible()
    browser.page.locator(".ntf-panel").get_by_text("You have no notifications.").wait_for()
    browser.page.keyboard.press("Tab")
    assert browser.run("return document.activeElement.closest('.ntf-panel') !== null")
    browser.page.keyboard.press("Escape")
    assert not panel.is_visible()
    assert browser.run("return document.activeElement.className") == "ntf-bell"
    browser.page.keyboard.press("Enter")
    assert panel.is_visible()
    browser.page.locator("#text").click()
    assert not panel.is_visible()
    assert browser.complaints() == []


def test_it_closes_when_the_focus_leaves_it(browser: Browser, show: Callable[[], None]) -> None:
    show()
    browser.page.locator(".ntf-bell[role=button]").click()
    browser.page.get_by_role("link", name="Home").focus()
    assert not browser.page.locator(".ntf-panel").is_visible()


def test_a_click_with_control_still_opens_the_inbox_in_a_tab(
    browser: Browser, show: Callable[[], None]
) -> None:
    show()
    with browser.context.expect_page() as opened:
        browser.page.locator(".ntf-bell").click(modifiers=["Control"])
    opened.value.wait_for_url("**/inbox/notifications/")
    assert not browser.page.locator(".ntf-panel").is_visible()


def test_without_a_stream_it_polls_and_tells_the_site(
    browser: Browser, show: Callable[[], None], justquick: Any
) -> None:
    show()
    browser.run(
        "window.heard = [];"
        "for (const name of ['new', 'count'])"
        "  document.addEventListener(`notifications:${name}`, ({detail}) =>"
        "    heard.push(name === 'new' ? detail.verb : detail))"
    )
    make_notification(justquick, verb="came")
    wait_until(lambda: badge(browser) == "1")
    wait_until(lambda: browser.page.title() == "(1) Page")
    # The number may be a moment younger than the list; then the next answer has it.
    wait_until(lambda: "came" in browser.run("return heard"))
    browser.page.locator(".ntf-bell").click()
    wait_until(lambda: badge(browser) == "")
    heard = browser.run("return heard")
    assert heard.count("came") == 1
    assert {"unread": 1, "unseen": 1} in heard
    assert heard[-1] == {"unread": 1, "unseen": 0}


def test_a_poll_of_what_has_not_changed_is_told_so(browser: Browser, show: Callable[[], None]) -> None:
    statuses: list[int] = []

    def answered(response: Any) -> None:
        statuses.extend([response.status] if "/api/" in response.url else [])

    browser.page.on("response", answered)
    show()

    def unchanged() -> bool:
        browser.run("")
        return statuses.count(304) >= 2

    wait_until(unchanged)
    assert statuses[0] == 200


def test_who_is_logged_out_is_not_asked_for_any_more(
    browser: Browser, show: Callable[[], None], justquick: Any
) -> None:
    asked: list[str] = []

    def refuse(route: Any) -> None:
        asked.append("")
        assert route.request.headers["x-notifications-poll"] == "1"
        route.fulfill(status=401)

    browser.page.route("**/api/inbox/", refuse)
    browser.page.add_init_script(
        "window.told = []; const tell = BroadcastChannel.prototype.postMessage;"
        "BroadcastChannel.prototype.postMessage = function (said) { told.push(said[0]); tell.call(this, said) }"
    )
    browser.stop_the_clock()
    show()
    # The other tabs are told that there is nobody to ask for.
    wait_until(lambda: "stopped" in browser.run("return told"))
    for _ in range(10):
        browser.let_pass(1000)
    browser.run("")
    assert len(asked) == 1
    # When somebody looks again, it is tried once more.
    browser.run("document.dispatchEvent(new Event('visibilitychange'))")
    wait_until(lambda: browser.run("") or len(asked) == 2)


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_refusal_that_may_pass_ends_nothing(
    browser: Browser, show: Callable[[], None], justquick: Any, status: int
) -> None:
    refused: list[str] = []

    def refuse(route: Any) -> None:
        refused.append("")
        route.fulfill(status=status)

    browser.page.route("**/api/inbox/", refuse)
    show()
    wait_until(lambda: browser.run("") or refused)
    browser.page.unroute("**/api/inbox/")
    make_notification(justquick)
    # It would be asked again by itself, if later.
    browser.run("window.dispatchEvent(new Event('online'))")
    wait_until(lambda: badge(browser) == "1")
    browser.complaints()


def test_two_bells_on_a_page_have_each_its_panel(
    browser: Browser, show: Callable[[], None], justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.PAGE", PAGE + "{% notifications_bell %}")
    show()
    bell = browser.page.locator("notifications-bell")
    wait_until(lambda: bell.nth(1).locator(".ntf-bell").get_attribute("aria-controls"))
    controls = [bell.nth(n).locator(".ntf-bell").get_attribute("aria-controls") for n in range(2)]
    assert controls == ["ntf-panel-1", "ntf-panel-2"]
    assert controls == [bell.nth(n).locator(".ntf-panel").get_attribute("id") for n in range(2)]


def test_a_server_that_does_not_answer_is_asked_less_often(
    browser: Browser, show: Callable[[], None]
) -> None:
    asked: list[str] = []

    def abort(route: Any) -> None:
        asked.append("")
        route.abort()

    failed: list[str] = []
    browser.page.on("requestfailed", lambda request: failed.append(request.url))
    browser.page.route("**/api/inbox/", abort)
    browser.stop_the_clock()
    show()
    wait_until(lambda: browser.run("") or asked)
    moments = []
    for quarter in range(40):
        before = len(asked)
        browser.let_pass(250)
        browser.run("")
        wait_until(lambda: browser.run("") or len(failed) == len(asked))
        moments += [quarter / 4] * (len(asked) - before)
    # Twice as long each time. It looks about once a second whether it is time.
    first, second = moments
    assert 1.5 < first < 2.5
    assert 3.5 < second - first < 5
    browser.page.unroute("**/api/inbox/")
    browser.run("window.dispatchEvent(new Event('online'))")
    wait_until(lambda: browser.page.locator("b").inner_text() == "0")


def test_a_page_that_nobody_looks_at_asks_less_often_and_at_once_when_somebody_does(
    browser: Browser, show: Callable[[], None], justquick: Any
) -> None:
    asked: list[str] = []

    def count(request: Any) -> None:
        asked.extend([request.url] if "/api/inbox/" in request.url else [])

    browser.page.on("request", count)
    browser.stop_the_clock()
    show()
    wait_until(lambda: browser.run("") or asked)
    browser.hide()
    moments = []
    # Somebody may be behind another tab of the same page: only after a while is nobody.
    for quarter in range(60):
        before = len(asked)
        browser.let_pass(250)
        browser.run("")
        moments += [quarter / 4] * (len(asked) - before)
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert max(pauses) > 3
    make_notification(justquick)
    browser.hide(hidden=False)
    wait_until(lambda: badge(browser) == "1")


def test_one_tab_of_a_browser_asks_for_all_and_another_takes_over(
    browser: Browser, show: Callable[[], None], justquick: Any, live_server: Any
) -> None:
    show()
    asked: dict[str, int] = {"first": 0, "second": 0}

    def count(name: str) -> Callable[[Any], None]:
        def counted(request: Any) -> None:
            asked[name] += "/api/inbox/" in request.url

        return counted

    browser.page.on("request", count("first"))
    second = Browser(browser.context)
    second.page.on("request", count("second"))
    second.page.goto(f"{live_server.url}/page/")
    make_notification(justquick)
    wait_until(lambda: badge(second) == "1")
    assert asked["first"] >= 1
    assert asked["second"] == 0
    browser.page.close()
    make_notification(justquick)
    wait_until(lambda: badge(second) == "2")
    assert asked["second"] >= 1
    assert second.complaints() == []


def test_what_one_tab_has_seen_the_other_has(
    browser: Browser, show: Callable[..., None], justquick: Any, live_server: Any
) -> None:
    make_notification(justquick)
    # Nobody asks meanwhile.
    show(period=60)
    second = Browser(browser.context)
    second.page.goto(f"{live_server.url}/page/")
    assert badge(second) == "1"
    browser.page.locator(".ntf-bell").click()
    wait_until(lambda: badge(second) == "")


def test_the_number_on_the_bell_is_capped_as_the_server_caps_it(
    browser: Browser, show: Callable[[], None], justquick: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": 2}
    for _ in range(4):
        make_notification(justquick)
    show()
    assert badge(browser) == "2+"
    wait_until(lambda: browser.page.title() == "(2+) Page")
    assert badge(browser) == "2+"


def test_the_desktop_is_told_only_after_a_click_and_where_nobody_looks(
    browser: Browser, show: Callable[[], None], justquick: Any, live_server: Any
) -> None:
    # The desktop itself, which a headless browser has not got.
    browser.page.add_init_script(
        "window.told = []; window.heard = []; let permission = 'default';"
        "document.addEventListener('notifications:new', ({detail}) => heard.push(detail.verb));"
        "window.Notification = class { constructor(title) { told.push(title) }"
        "  static get permission() { return permission }"
        "  static async requestPermission() { return (permission = 'granted') } }"
    )
    show()
    make_notification(justquick, verb="came")
    wait_until(lambda: badge(browser) == "1")
    browser.page.locator(".ntf-bell").click()
    switch = browser.page.get_by_role("button", name="Enable desktop notifications")
    assert switch.get_attribute("aria-pressed") == "false"
    switch.click()
    wait_until(lambda: switch.get_attribute("aria-pressed") == "true")
    make_notification(justquick, verb="came while somebody looked")
    wait_until(lambda: browser.run("return heard") == ["came", "came while somebody looked"])
    assert browser.run("return told") == []
    browser.hide()
    make_notification(justquick, verb="came while nobody looked")
    wait_until(lambda: browser.run("return told") == ["justquick came while nobody looked"])
    switch.click()
    wait_until(lambda: switch.get_attribute("aria-pressed") == "false")


def test_both_scripts_live_on_one_page(browser: Browser, visit: Visit, justquick: Any) -> None:
    site.script.page = PAGE + (
        "<script src=\"{% static 'notifications/notify.js' %}\"></script>{% live_notify_badge %}"
        "{% register_notify_callbacks callbacks='fill_notification_badge' refresh_period=1 %}"
    )
    site.script.bell = "data-ntf-period=1"
    visit("/page/")
    make_notification(justquick)
    wait_until(lambda: badge(browser) == "1")
    wait_until(lambda: browser.page.locator(".live_notify_badge").inner_text() == "1")
    assert browser.complaints() == []


def test_what_arrives_is_announced_whatever_its_time_and_what_returns_is_not(
    browser: Browser, show: Callable[[], None], justquick: Any
) -> None:
    late = timezone.now() - timedelta(hours=1)
    old = make_notification(justquick, verb="old", timestamp=late)
    make_notification(justquick, verb="read", unread=False)
    old.mark_as_done()
    show()
    browser.run(
        "window.heard = [];"
        "document.addEventListener('notifications:new', ({detail}) => heard.push(detail.verb));"
    )
    # The script knows what is there after its first question.
    with browser.page.expect_response("**/api/inbox/"):
        pass
    old.mark_as_unread()
    make_notification(justquick, verb="late", timestamp=late)
    wait_until(lambda: browser.run("return heard.join()"))
    make_notification(justquick, verb="later", timestamp=late)
    wait_until(lambda: browser.run("return heard.length") == 2)
    assert browser.run("return heard.join()") == "late,later"


def tool(browser: Browser, text: str, name: str) -> Any:
    line = browser.page.locator(".ntf-panel .ntf-line").filter(has_text=text)
    return line.get_by_role("button", name=name)


def test_rows_can_be_read_and_done_in_the_panel(
    browser: Browser, show: Callable[[], None], justquick: Any
) -> None:
    for number in range(3):
        make_notification(justquick, verb=f"did {number}", target=make_project("target"))
    show()
    browser.page.locator(".ntf-bell").click()
    wait_until(lambda: len(lines(browser)) == 3)
    tool(browser, "did 1", "Mark as read").click()
    wait_until(lambda: justquick.notifications.unread().count() == 2)
    assert not tool(browser, "did 1", "Mark as read").is_visible()
    tool(browser, "did 2", "Done").click()
    assert len(lines(browser)) == 2
    wait_until(lambda: justquick.notifications.done().count() == 1)
    assert browser.page.locator(".ntf-panel").is_visible()
    browser.page.get_by_role("button", name="Mark all as read").click()
    wait_until(lambda: justquick.notifications.unread().count() == 0)
    assert browser.page.locator(".ntf-panel .ntf-new").count() == 0
    assert browser.complaints() == []


def test_a_thread_can_be_done_in_the_panel(
    browser: Browser, show: Callable[[], None], justquick: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"THREADS": True}
    project = make_project("target")
    for _ in range(3):
        make_notification(justquick, verb="did", target=project)
    make_notification(justquick, verb="did another", target=make_project("other"))
    show()
    browser.page.locator(".ntf-bell").click()
    wait_until(lambda: len(lines(browser)) == 2)
    tool(browser, "did target", "Done").click()
    wait_until(lambda: justquick.notifications.done().count() == 3)
    wait_until(lambda: len(lines(browser)) == 1)


def test_what_fails_in_the_panel_is_put_back_and_said(
    browser: Browser, show: Callable[[], None], justquick: Any
) -> None:
    make_notification(justquick, verb="did", target=make_project("target"))
    show()
    browser.page.locator(".ntf-bell").click()
    wait_until(lambda: len(lines(browser)) == 1)
    browser.page.route("**/act/", lambda route: route.fulfill(status=500))
    tool(browser, "did", "Done").click()
    wait_until(lambda: len(lines(browser)) == 1)
    wait_until(lambda: browser.page.get_by_text("Something went wrong. Please try again.").is_visible())
    # The list could be loaded.
    wait_until(browser.is_answered)
    assert browser.page.get_by_text("Something went wrong. Please try again.").is_visible()
    assert not browser.page.get_by_text("could not be loaded").is_visible()
    browser.complaints()
