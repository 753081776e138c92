from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from notifications import notify
from tests.browser import site
from tests.browser.conftest import Browser
from tests.factories import make_issue, make_notification, make_project
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

FILE = "<script src=\"{% static 'notifications/notify.js' %}\"></script>"
BOTH = "callbacks='fill_notification_badge,fill_notification_list'"
TAG = f"{{% register_notify_callbacks {BOTH} %}}"
BADGE = "<span class=live_notify_badge>0</span>"
PAGE = f"<title>Page</title>{FILE}{BADGE}{{% live_notify_list %}}{TAG}"
MARKUP = "<img src=x onerror='window.executed = true'><script>window.executed = true</script>"


Visit = Callable[[str], None]


@pytest.fixture
def show(visit: Visit, browser: Browser) -> Callable[[str], None]:
    """Let the browser show a page with this body, on which time stands still."""
    browser.stop_the_clock()

    def show(page: str = PAGE) -> None:
        site.script.page = page
        visit("/page/")

    return show


@pytest.fixture
def scripted(show: Callable[[str], None], browser: Browser) -> Callable[[str], None]:
    """Let the browser show a page that asks the url which answers as the test says."""

    def scripted(page: str = PAGE, **script: Any) -> None:
        show(page)
        for name, value in script.items():
            setattr(site.script, name, value)
        browser.run("notify_api_url = '/scripted/'")

    return scripted


def requests_of(browser: Browser) -> list[str]:
    """Return a list that grows with each request of the page to the url that answers as the test says."""
    requests: list[str] = []

    def note(request: Any) -> None:
        requests.extend([request.url] if "/scripted/" in request.url else [])

    browser.page.on("request", note)
    return requests


def has(browser: Browser, name: str, value: int) -> bool:
    """Return whether a variable of the page has this value."""
    return bool(browser.run(f"return {name}") == value)


def ask(browser: Browser) -> None:
    """Let the page ask now, and wait for the answer."""
    browser.run("return fetch_api_data()")


def badge(browser: Browser) -> str:
    """Return what the badge shows."""
    text: str = browser.run("return document.querySelector('.live_notify_badge').textContent")
    return text


def menu(browser: Browser) -> list[str]:
    """Return the lines of the menu."""
    lines: list[str] = browser.run(
        "return Array.from(document.querySelectorAll('.live_notify_list > li'), (li) => li.textContent)"
    )
    return lines


# A page of a site


@pytest.mark.parametrize(
    "page",
    [
        f"<head>{FILE}</head><body>{{% live_notify_badge %}}{{% live_notify_list %}}{TAG}</body>",
        f"<head>{FILE.replace('src', 'defer src')}</head>{{% live_notify_badge %}}{{% live_notify_list %}}{TAG}",
        f"{{% live_notify_badge %}}{{% live_notify_list %}}{TAG}{FILE}",
    ],
    ids=["file before configuration", "deferred file", "configuration before file"],
)
def test_a_strict_page_shows_what_is_new(
    browser: Browser, show: Callable[[str], None], justquick: Any, page: str
) -> None:
    show(page)
    assert badge(browser) == "0"
    [(_, [notice])] = notify.send(justquick, verb="closed", recipient=justquick, target=make_project())
    browser.let_pass(1000)
    wait_until(lambda: badge(browser) == "1")
    timestamp = notice.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert menu(browser) == [f"justquick closed activity-stream {timestamp}"]
    assert browser.complaints() == []


def test_the_first_request_leaves_a_second_after_the_page_was_loaded(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    requests = requests_of(browser)
    scripted()
    browser.let_pass(999)
    assert browser.complaints() == []
    assert requests == []
    browser.let_pass(1)
    wait_until(lambda: badge(browser) == "3")
    assert len(requests) == 1
    assert site.script.asked == [{"method": "GET", "max": "5"}]


def test_it_asks_again_and_again(browser: Browser, scripted: Callable[..., None]) -> None:
    scripted()
    browser.run("notify_refresh_period = 20; window.got = 0; register_notifier(() => got++)")
    ask(browser)
    for number in range(2, 5):
        browser.let_pass(20)
        wait_until(partial(has, browser, "got", number))
        assert len(site.script.asked) == number


def test_no_text_of_a_user_becomes_markup(
    browser: Browser, show: Callable[[str], None], justquick: Any
) -> None:
    make_notification(
        justquick, verb=MARKUP, target=make_project(MARKUP), description=MARKUP, actor=make_issue(MARKUP)
    )
    # Also where no policy would stop it.
    site.script.policy = "default-src * 'unsafe-inline'"
    show(PAGE)
    ask(browser)
    [line] = menu(browser)
    assert line.startswith(f"{MARKUP} {MARKUP} {MARKUP} 20")
    inside = "return Array.from(document.querySelectorAll('.live_notify_list li *'), (e) => e.tagName)"
    assert browser.run(inside) == ["A", "A"]
    assert browser.run("return window.executed") is None


def test_only_urls_of_the_web_become_links(browser: Browser, show: Callable[[str], None]) -> None:
    show(PAGE)
    browser.run(
        "fill_notification_list({unread_list: arguments[0]})",
        [
            {
                "actor": "a",
                "verb": "v",
                "target": "t",
                "timestamp": "now",
                "actor_url": "/a/",
                "target_url": "https://t.org/",
            },
            {"actor": "b", "verb": "v", "actor_url": "javascript:alert(1)"},
            {"actor": "c", "verb": "v", "actor_url": "http://[", "target_url": "/nothing/"},
            {"verb": "v", "target": "data", "target_url": "data:text/html,x", "description": None},
        ],
    )
    assert menu(browser) == ["a v t now", "b v", "c v", "v data"]
    links = (
        "return Array.from(document.querySelectorAll('.live_notify_list a'), (a) => a.getAttribute('href'))"
    )
    assert browser.run(links) == ["/a/", "https://t.org/"]


def test_every_badge_and_every_menu_is_filled(browser: Browser, show: Callable[[str], None]) -> None:
    show(PAGE + BADGE + "{% live_notify_list %}")
    browser.run(
        "const data = {unread_count: 7, unread_list: [{actor: 'a', verb: 'v'}]};"
        "fill_notification_badge(data); fill_notification_list(data); fill_notification_list(data)"
    )
    badges = "return Array.from(document.querySelectorAll('.live_notify_badge'), (e) => e.textContent)"
    assert browser.run(badges) == ["7", "7"]
    assert menu(browser) == ["a v", "a v"]


@pytest.mark.parametrize(("cap", "number"), [(2, "2+"), (3, "3"), (None, "3")])
def test_the_badge_reads_the_same_from_the_server_and_from_the_script(
    browser: Browser, show: Callable[[str], None], justquick: Any, settings: Any, cap: int | None, number: str
) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": cap}
    for _ in range(3):
        make_notification(justquick)
    show(PAGE.replace(BADGE, "{% live_notify_badge %}"))
    assert badge(browser) == number
    browser.run("document.querySelector('.live_notify_badge').textContent = ''")
    ask(browser)
    assert badge(browser) == number


def test_the_count_fills_the_badge_and_leaves_the_menu(
    browser: Browser, show: Callable[[str], None], justquick: Any
) -> None:
    make_notification(justquick)
    show(PAGE.replace("callbacks=", "api_name='count' callbacks="))
    browser.run("document.querySelector('.live_notify_list').append('as it was')")
    ask(browser)
    assert badge(browser) == "1"
    kept = browser.run("return document.querySelector('.live_notify_list').textContent")
    assert kept == "as it was"
    assert browser.complaints() == []


def test_an_answer_that_has_not_changed_is_not_sent_again(
    browser: Browser, show: Callable[[str], None], justquick: Any
) -> None:
    statuses: list[int] = []

    def note(response: Any) -> None:
        statuses.extend([response.status] if response.request.resource_type == "fetch" else [])

    browser.page.on("response", note)
    make_notification(justquick)
    show(PAGE)
    ask(browser)
    # What a callback does with its data must not be there the next time.
    browser.run("register_notifier((data) => { data.unread_count = data.unread_list.pop() })")
    ask(browser)
    ask(browser)
    assert (badge(browser), len(menu(browser))) == ("1", 1)
    make_notification(justquick)
    ask(browser)
    assert (badge(browser), len(menu(browser))) == ("2", 2)
    wait_until(lambda: browser.run("") or len(statuses) >= 4)
    assert statuses == [200, 304, 304, 200]


# Callbacks


def test_a_callback_may_be_defined_late_and_be_inside_an_object(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    scripted(FILE + "{% register_notify_callbacks callbacks='late, site.menu.fill' %}")
    browser.run("window.got = []; window.site = {menu: {fill: (data) => got.push(data.unread_count)}}")
    ask(browser)
    assert browser.run("return got") == [3]
    [complaint] = browser.complaints()
    assert "no function window.late" in complaint
    browser.run("window.late = (data) => got.push('late')")
    ask(browser)
    assert browser.run("return got") == [3, 3, "late"]


def test_the_console_names_a_callback_that_does_not_exist_once(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    scripted(FILE + "{% register_notify_callbacks callbacks='missing.one' %}")
    ask(browser)
    ask(browser)
    [complaint] = browser.complaints()
    assert "no function window.missing.one" in complaint
    assert site.script.asked == []


def test_without_callbacks_nothing_is_registered_and_nothing_is_asked(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    scripted(FILE + BADGE + "{% register_notify_callbacks %}")
    ask(browser)
    assert browser.run("return registered_functions") == []
    assert site.script.asked == []
    browser.run("register_notifier(fill_notification_badge)")
    ask(browser)
    assert badge(browser) == "3"
    assert len(site.script.asked) == 1


def test_a_callback_that_throws_stops_no_other_and_is_heard_of(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    scripted()
    browser.run("registered_functions.unshift(() => { throw new Error('mine') })")
    ask(browser)
    assert badge(browser) == "3"
    assert browser.run("return consecutive_misfires") == 0
    [complaint] = browser.complaints()
    assert "Uncaught Error: mine" in complaint


# A site that does without the tag, as the older packages' tag did


OLD_WAY = """<script>
notify_badge_class='pill'; notify_menu_class='menu'; notify_api_url='/scripted/'; notify_fetch_count='8';
notify_unread_url='/u/'; notify_mark_all_unread_url='/m/'; notify_refresh_period=20; notify_mark_as_read=false;
register_notifier(fill_notification_badge);register_notifier(function (data) { window.got = data; });
</script>"""


def test_a_site_may_set_the_globals_itself(browser: Browser, show: Callable[[str], None]) -> None:
    site.script.policy = "script-src 'self' 'unsafe-inline'"
    show(f"{FILE}<span class=pill></span>{OLD_WAY}")
    browser.let_pass(1000)
    wait_until(lambda: browser.run("return window.got !== undefined"))
    browser.let_pass(20)
    wait_until(lambda: len(site.script.asked) == 2)
    assert site.script.asked[0] == {"method": "GET", "max": "8"}
    assert browser.run("return [document.querySelector('.pill').textContent, got.unread_count]") == ["3", 3]
    assert browser.run("return [notify_unread_url, notify_mark_all_unread_url]") == ["/u/", "/m/"]


def test_what_a_site_sets_after_the_tag_stands(browser: Browser, show: Callable[[str], None]) -> None:
    site.script.policy = "script-src 'self' 'unsafe-inline'"
    show(f"{FILE}{TAG}<script>notify_refresh_period = 60000</script>")
    values = browser.run("return [notify_refresh_period, notify_fetch_count, notify_badge_class]")
    assert values == [60000, 5, "live_notify_badge"]


def test_a_configuration_that_comes_later_is_read(browser: Browser, scripted: Callable[..., None]) -> None:
    scripted(
        FILE + "{% register_notify_callbacks menu_class='one' callbacks='fill_notification_badge' %}" + BADGE
    )
    browser.run(
        "const later = document.querySelector('#notify-config').cloneNode();"
        "later.replaceChildren(JSON.stringify("
        "  {menuClass: 'two', callbacks: ['fill_notification_badge', 'fill_notification_list']}));"
        "document.body.append(later)"
    )
    ask(browser)
    assert browser.run("return notify_menu_class") == "two"
    registered = "return registered_functions.map((func) => func.name)"
    assert browser.run(registered) == ["fill_notification_badge", "fill_notification_list"]


def test_a_function_that_a_site_takes_out_stays_out(browser: Browser, scripted: Callable[..., None]) -> None:
    scripted()
    ask(browser)
    browser.run("registered_functions.length = 0")
    ask(browser)
    assert browser.run("return registered_functions.length") == 0
    assert len(site.script.asked) == 1


def test_a_page_that_includes_the_file_twice_asks_once(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    requests = requests_of(browser)
    scripted(PAGE + FILE)
    # Both would ask at the same moment.
    browser.let_pass(1000)
    wait_until(lambda: badge(browser) == "3")
    assert len(requests) == 1
    assert len(site.script.asked) == 1


def test_calls_at_the_same_time_share_one_request(browser: Browser, scripted: Callable[..., None]) -> None:
    scripted()
    browser.run("return Promise.all([fetch_api_data(), fetch_api_data(), fetch_api_data()])")
    assert len(site.script.asked) == 1


# Marking as read


def test_fetching_marks_as_read_only_where_it_was_asked_for(
    browser: Browser, show: Callable[[str], None], justquick: Any
) -> None:
    for _ in range(3):
        make_notification(justquick)
    show(PAGE)
    ask(browser)
    assert justquick.notifications.unread().count() == 3
    show(PAGE.replace("callbacks=", "mark_as_read=True fetch=2 callbacks="))
    ask(browser)
    assert len(menu(browser)) == 2
    assert justquick.notifications.unread().count() == 1
    assert browser.complaints() == []


def test_the_token_may_also_come_from_the_cookie(
    browser: Browser, show: Callable[[str], None], justquick: Any
) -> None:
    make_notification(justquick)
    show(PAGE.replace("callbacks=", "mark_as_read=True callbacks="))
    browser.run("notify_csrf_token = ''")
    ask(browser)
    assert justquick.notifications.unread().count() == 0


def test_the_token_comes_with_the_page_where_the_cookie_does_not(
    browser: Browser, show: Callable[[str], None], justquick: Any, settings: Any
) -> None:
    settings.CSRF_USE_SESSIONS = True
    make_notification(justquick)
    show(PAGE.replace("callbacks=", "mark_as_read=True callbacks="))
    assert "csrftoken" not in {cookie["name"] for cookie in browser.context.cookies()}
    ask(browser)
    assert justquick.notifications.unread().count() == 0


# Misfires


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 403}, {"body": "<h1>Log in</h1>"}],
    ids=["server error", "forbidden", "not JSON"],
)
def test_an_answer_that_is_none_is_a_misfire(
    browser: Browser, scripted: Callable[..., None], fault: dict[str, Any]
) -> None:
    scripted(**fault)
    ask(browser)
    assert browser.run("return consecutive_misfires") == 1
    assert badge(browser) == "0"


def test_no_answer_in_time_is_a_misfire(browser: Browser, scripted: Callable[..., None]) -> None:
    scripted()
    site.script.go_on.clear()
    browser.run("notify_timeout = 200; fetch_api_data()")
    wait_until(lambda: len(site.script.asked) == 1)
    browser.let_pass(199)
    assert browser.run("return consecutive_misfires") == 0
    browser.let_pass(1)
    wait_until(lambda: browser.run("return consecutive_misfires") == 1)
    assert badge(browser) == "0"


def test_a_broken_network_is_a_misfire_and_an_answer_ends_the_count(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    scripted()
    browser.page.route("**/scripted/*", lambda route: route.abort())
    ask(browser)
    assert browser.run("return consecutive_misfires") == 1
    browser.page.unroute("**/scripted/*")
    ask(browser)
    assert browser.run("return consecutive_misfires") == 0
    assert badge(browser) == "3"


def test_after_ten_misfires_the_badge_says_so_and_nothing_more_is_asked(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    scripted(status=500)
    browser.run("notify_refresh_period = 20")
    ask(browser)
    for number in range(2, 11):
        browser.let_pass(20)
        wait_until(partial(has, browser, "consecutive_misfires", number))
    assert badge(browser) == "!"
    title = "return document.querySelector('.live_notify_badge').title"
    assert browser.run(title) == "Connection lost!"
    requests = requests_of(browser)
    browser.let_pass(60_000)
    browser.run("")
    assert requests == []
    assert len(site.script.asked) == 10
    # The browser is told that the network is there again.
    site.script.status = 200
    browser.run("window.dispatchEvent(new Event('online'))")
    wait_until(lambda: badge(browser) == "3")
    assert browser.run(title) == ""
    browser.let_pass(20)
    wait_until(lambda: len(site.script.asked) == 12)


# A tab that nobody looks at


def test_a_hidden_tab_asks_nothing_and_asks_at_once_when_it_is_seen(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    scripted()
    browser.run("notify_refresh_period = 1000")
    ask(browser)
    requests = requests_of(browser)
    browser.hide()
    browser.let_pass(60_000)
    browser.run("")
    assert requests == []
    # At once: no time passes.
    browser.hide(hidden=False)
    wait_until(lambda: len(site.script.asked) == 2)
    ask(browser)
    asked = len(site.script.asked)
    browser.let_pass(1000)
    wait_until(lambda: len(site.script.asked) == asked + 1)


def test_a_tab_that_was_hidden_while_it_waited_for_an_answer_asks_nothing_more(
    browser: Browser, scripted: Callable[..., None]
) -> None:
    scripted()
    site.script.go_on.clear()
    requests = requests_of(browser)
    browser.run("notify_refresh_period = 20; fetch_api_data()")
    wait_until(lambda: len(site.script.asked) == 1)
    browser.hide()
    site.script.go_on.set()
    wait_until(lambda: badge(browser) == "3")
    browser.let_pass(60_000)
    browser.run("")
    assert len(requests) == 1
    assert len(site.script.asked) == 1
