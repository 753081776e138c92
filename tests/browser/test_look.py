from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import Browser
from tests.factories import make_issue, make_notification, make_project, make_user, rows

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

INBOX = "/inbox/notifications/"

#: Every text on the page whose contrast with what is behind it is below WCAG's AA for normal text.
FAINT = """
const channels = (color) => color.match(/[\\d.]+/g).map(Number);
const luminance = (color) => {
  const [r, g, b] = channels(color).slice(0, 3).map((value) => {
    value /= 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor;
    if (channels(color)[3] !== 0) return color;
  }
  return "rgb(255, 255, 255)";
};
const texts = [...document.body.querySelectorAll("*")].filter((element) =>
  [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
const ratios = texts.map((element) => {
  const [low, high] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => a - b);
  return [element.outerHTML, (high + 0.05) / (low + 0.05)];
});
return [ratios.length, ratios.filter(([, ratio]) => ratio < 4.5)];
"""

#: Every link and button that, focused from the keyboard, shows no outline.
UNMARKED = """
const focusable = [...document.querySelectorAll("a, button")];
return [focusable.length, focusable.filter((element) => {
  element.focus({focusVisible: true});
  const style = getComputedStyle(element);
  return style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2;
}).map((element) => element.outerHTML)];
"""


@pytest.fixture
def inbox(justquick: Any, settings: Any) -> Any:
    """An inbox of several pages, with everything that a notification can show, and names of every length."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 6}
    gone = make_issue("gone")
    long = make_project("a-name-without-a-blank-" * 4)
    for number in range(3):
        make_notification(justquick, verb=f"opened {number}", action_object=make_issue(), unread=False)
    make_notification(justquick, level="success", action_object=gone, target=make_project())
    make_notification(justquick, level="error", target=long, description="One.\n\n" + "word " * 60)
    make_notification(justquick, level="warning", target=long, unread=False)
    actions = [{"href": f"/{number}/", "title": f"Do this and that {number}"} for number in range(4)]
    make_notification(justquick, actor=make_user("brosner" * 20), data={"actions": actions})
    gone.delete()
    return rows()


@pytest.fixture(params=["light", "dark"])
def scheme(browser: Browser, request: pytest.FixtureRequest) -> Iterator[str]:
    """The colours that the reader prefers."""
    feature = {"name": "prefers-color-scheme", "value": request.param}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    yield request.param
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.fixture
def phone(browser: Browser) -> Iterator[None]:
    """The narrowest screen, which is also a wide one at 400 % zoom."""
    screen = {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def pages(inbox: Any) -> list[str]:
    """Return the urls of one page of each kind."""
    return [INBOX, f"{INBOX}?page=2", f"{INBOX}unread/", f"{INBOX}delete/{inbox.first().slug}/"]


def test_every_text_can_be_told_from_what_is_behind_it(
    browser: Browser, visit: Callable[[str], None], inbox: Any, scheme: str
) -> None:
    for url in pages(inbox):
        visit(url)
        texts, faint = browser.execute_script(FAINT)
        assert texts >= 4
        assert faint == []
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(246, 247, 249)", "dark": "rgb(16, 20, 27)"}[scheme]


def test_whatever_has_the_focus_shows_it(browser: Browser, visit: Callable[[str], None], inbox: Any) -> None:
    for url in pages(inbox):
        visit(url)
        count, unmarked = browser.execute_script(UNMARKED)
        assert count >= 2
        assert unmarked == []


@pytest.mark.usefixtures("phone")
def test_nothing_is_wider_than_the_narrowest_screen(
    browser: Browser, visit: Callable[[str], None], inbox: Any
) -> None:
    for url in pages(inbox):
        visit(url)
        sizes = (
            "const page = document.documentElement; return [page.clientWidth, page.scrollWidth, innerWidth]"
        )
        assert browser.execute_script(sizes) == [320, 320, 320]


def test_a_site_without_a_dark_look_keeps_a_light_inbox(
    browser: Browser, visit: Callable[[str], None], inbox: Any
) -> None:
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [dark]})
    try:
        visit(INBOX)
        browser.execute_script(
            "document.querySelector('meta[name=color-scheme]').remove(); document.body.className = ''"
        )
        color = (
            "return getComputedStyle(document.querySelector('.ntf-notice:not(.ntf-unread)')).backgroundColor"
        )
        assert browser.execute_script(color) == "rgb(255, 255, 255)"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_rule_of_the_site_wins_over_ours(
    browser: Browser, visit: Callable[[str], None], inbox: Any
) -> None:
    visit(INBOX)
    browser.execute_script(
        "const sheet = new CSSStyleSheet();"
        "sheet.replaceSync('h2 { font-size: 33px } :root { --ntf-tint: rgb(1, 2, 3) }');"
        "document.adoptedStyleSheets = [sheet]"
    )
    notice = "const notice = document.querySelector('.ntf-unread');"
    size = f"{notice} return getComputedStyle(notice.querySelector('h2')).fontSize"
    assert browser.execute_script(size) == "33px"
    assert (
        browser.execute_script(f"{notice} return getComputedStyle(notice).backgroundColor") == "rgb(1, 2, 3)"
    )
