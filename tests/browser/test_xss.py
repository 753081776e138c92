from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.contenttypes.models import ContentType

from tests.browser import site
from tests.browser.conftest import Browser
from tests.browser.payloads import PAYLOADS
from tests.browser.test_bell_js import PAGE
from tests.factories import make_issue, make_notification, make_project, make_user, rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

INBOX = "/inbox/notifications/"
ADMIN = "/admin/notifications/notification/"

#: What runs a script or leads to one, and is not of our own making.
SUSPICIOUS = """
const own = (url) => new URL(url, document.baseURI).origin === location.origin;
return [...document.querySelectorAll("*")].filter((element) =>
  [...element.attributes].some(({name}) => name.startsWith("on") && name !== "on")
  || (element.matches("a[href], area[href]") && !/^https?:$/.test(element.protocol))
  || (element.matches("[action], [formaction]") && !own(element.getAttribute("action") ?? element.formAction))
  || (element.matches("script[src], img[src], iframe, object, embed, base, link[href]")
      && !own(element.src ?? element.href ?? element.data ?? ""))
  || (element.matches("script:not([src])") && /pwned/.test(element.textContent)
      && !/json/.test(element.type))
).map((element) => element.outerHTML.slice(0, 200));
"""


def attack(recipient: Any, payload: str) -> Any:
    """Return a row that has the payload wherever somebody else's text can be."""
    actions = [{"href": payload, "title": payload}, {"href": f"/?{payload}", "title": payload}]
    return make_notification(
        recipient,
        actor=make_user(payload),
        verb=payload,
        action_object=make_issue(payload),
        target=make_project(payload),
        description=payload,
        data={"actions": actions, payload: payload, "url": payload},
    )


@pytest.fixture
def guarded(browser: Browser, live_server: Any) -> Iterator[Browser]:
    """A browser that fails the test when anything ran, was asked for, or popped up."""
    caught: list[str] = []
    browser.page.add_init_script("window.pwned = () => { window.executed = true; console.error('PWNED') }")
    browser.page.on("popup", lambda popup: caught.append(popup.url))

    def opened(dialog: Any) -> None:
        caught.append(dialog.message)
        dialog.dismiss()

    def requested(request: Any) -> None:
        path = request.url.removeprefix(live_server.url)
        if path == request.url and not path.startswith("data:"):
            caught.append(request.url)
        if path.startswith("/pwned"):
            caught.append(path)

    browser.page.on("dialog", opened)
    browser.page.on("request", requested)
    yield browser
    assert caught == []


#: Errors of images and the like come later than what made them: wait for all there are, and for one that is made now.
SETTLE = """
const settled = (image) => image.complete || new Promise((resolve) => {
  for (const name of ["load", "error"]) image.addEventListener(name, resolve);
});
const last = new Image();
last.src = "/favicon.ico";
await Promise.all([...document.images, last].map(settled));
for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
"""


def judge(browser: Browser) -> None:
    """Fail if anything on the page ran or waits for a click to run."""
    browser.run(SETTLE)
    assert browser.run("return window.executed") is None
    assert browser.run(SUSPICIOUS) == []
    assert [text for text in browser.complaints() if "PWNED" in text] == []


def test_the_corpus_is_large_and_has_nothing_twice() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60
    assert all(len(payload) <= 150 for payload in PAYLOADS)


def test_the_guard_sees_what_it_is_to_see(browser: Browser, visit: Callable[[str], None]) -> None:
    browser.page.add_init_script("window.pwned = () => { window.executed = true; console.error('PWNED') }")
    site.script.policy = ""
    site.script.page = "<img src=x onerror=pwned()><a href='javascript:pwned()'>x</a>"
    visit("/page/")
    wait_until(lambda: browser.run("return window.executed"))
    assert len(browser.run(SUSPICIOUS)) == 2
    assert "PWNED" in browser.complaints()


def test_nothing_that_others_wrote_runs_in_the_inbox(
    guarded: Browser, visit: Callable[[str], None], justquick: Any, settings: Any
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 100, "NUM_TO_FETCH": 100}
    for payload in PAYLOADS:
        attack(justquick, payload)
    visit(INBOX)
    judge(guarded)
    shown = guarded.page.locator(".ntf-list").inner_text()
    assert "<script>pwned()</script>" in shown
    assert guarded.page.locator(".ntf-notice").count() == len(PAYLOADS)
    rows().mark_all_as_read()
    visit(f"{INBOX}delete/{rows().first().slug}/")
    judge(guarded)


@pytest.mark.parametrize(
    ("url", "made"), [(INBOX, ".ntf-row"), ("/page/", ".ntf-panel .ntf-line")], ids=["inbox", "bell"]
)
def test_nothing_that_others_wrote_runs_in_the_rows_that_the_script_makes(
    guarded: Browser, visit: Callable[[str], None], justquick: Any, settings: Any, url: str, made: str
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 100, "NUM_TO_FETCH": 100}
    site.script.page = f'<html lang="en">{PAGE}'
    visit(url)
    guarded.run("document.querySelector('[data-ntf-max]').dataset.ntfMax = 100")
    for payload in PAYLOADS:
        attack(justquick, payload)
    if url == INBOX:
        guarded.run("document.dispatchEvent(new CustomEvent('notifications:changed'))")
    else:
        guarded.page.locator(".ntf-bell").click()
    wait_until(lambda: guarded.page.locator(made).count() == len(PAYLOADS))
    assert "<script>pwned()</script>" in guarded.page.locator(made).last.inner_text()
    # And what is said of them.
    guarded.run(
        "for (const text of arguments[0])"
        "  document.dispatchEvent(new CustomEvent('notifications:new', {detail: {text}}))",
        list(PAYLOADS),
    )
    if url == INBOX:
        voice = guarded.page.locator(".ntf-live")
        wait_until(lambda: all(payload.strip() in voice.text_content() for payload in PAYLOADS))
    judge(guarded)


def test_nothing_that_others_wrote_runs_in_the_menu_of_the_older_script(
    guarded: Browser, visit: Callable[[str], None], justquick: Any
) -> None:
    for payload in PAYLOADS:
        attack(justquick, payload)
    site.script.policy = ""
    site.script.page = (
        "<script src=\"{% static 'notifications/notify.js' %}\"></script>{% live_notify_list %}"
        "{% register_notify_callbacks fetch=100 callbacks='fill_notification_list' %}"
    )
    visit("/page/")
    guarded.run("return fetch_api_data()")
    assert guarded.page.locator(".live_notify_list > li").count() == len(PAYLOADS)
    judge(guarded)


def test_nothing_that_others_wrote_runs_in_the_admin(
    guarded: Browser, visit: Callable[[str], None], live_server: Any
) -> None:
    admin = make_user("admin", is_staff=True, is_superuser=True)
    guarded.log_in(admin, live_server.url)
    ContentType.objects.clear_cache()
    made = [attack(admin, payload) for payload in PAYLOADS]
    visit(ADMIN)
    judge(guarded)
    assert guarded.page.locator("#result_list tbody tr").count() >= len(PAYLOADS)
    for row in made[::10]:
        visit(f"{ADMIN}{row.pk}/change/")
        judge(guarded)


@pytest.mark.parametrize(("url", "at_once"), [(INBOX, 1), (ADMIN, 8)], ids=["inbox", "admin"])
def test_nothing_that_is_searched_for_runs(
    guarded: Browser, visit: Callable[[str], None], live_server: Any, url: str, at_once: int
) -> None:
    admin = make_user("admin", is_staff=True, is_superuser=True)
    guarded.log_in(admin, live_server.url)
    for start in range(0, len(PAYLOADS), at_once):
        asked = " ".join(PAYLOADS[start : start + at_once])
        visit(f"{url}?q={quote(asked, safe='')}")
        assert guarded.run("return window.executed") is None
        assert guarded.run(SUSPICIOUS) == []
    judge(guarded)
