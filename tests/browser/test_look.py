from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser import site
from tests.browser.conftest import Browser
from tests.browser.test_bell_js import PAGE
from tests.factories import make_issue, make_notification, make_project, make_user, rows

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

INBOX = "/inbox/notifications/"
EXAMPLE = Path(__file__).resolve().parent.parent.parent / "example"

#: The header of the example, under its own style sheet, which lets every word break anywhere.
NAVBAR = """
<title>Page</title><meta name=viewport content="width=device-width">
<link rel=stylesheet href=/example.css>
<link rel=stylesheet href="{% static 'notifications/notifications.css' %}">
<header class=top><div class=top-inner>
<a class=brand href=/>Issue tracker</a>
<nav class=tools>{% notifications_bell %}
<span class=who><span class=avatar>J</span><span class=name>justquick</span></span>
<form><button class=quiet>Log out</button></form></nav>
</div></header>
"""

#: The number on the bell: its text, on how many lines that is, and what it reaches out of or into.
BADGE = """
const badge = document.querySelector(".ntf-badge");
const range = document.createRange();
range.selectNodeContents(badge);
const [box, next, icon] = [".ntf-badge", ".avatar", ".ntf-bell > .ntf-icon"].map((selector) =>
  document.querySelector(selector).getBoundingClientRect());
const lines = [...range.getClientRects()];
const within = (inner, outer) => inner.left >= outer.left && inner.right <= outer.right &&
  inner.top >= outer.top && inner.bottom <= outer.bottom;
const page = document.documentElement;
return {
  "text": badge.textContent,
  "lines": new Set(lines.map((line) => line.top)).size,
  "inside": lines.every((line) => within(line, box)),
  "on the screen": within(box, {left: 0, top: 0, right: page.clientWidth, bottom: page.clientHeight}),
  "covers the next": box.left < next.right && next.left < box.right &&
    box.top < next.bottom && next.top < box.bottom,
  "covers the bell": box.left <= icon.left && box.right >= icon.right,
};
"""

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

#: What a site or a framework says of elements, which says nothing of our parts.
SHEETS = {
    "a layer that comes after ours": """
      @layer theme, base;
      @layer base {
        *, ::after, ::before { box-sizing: border-box; margin: 0; padding: 0; border: 0 solid; }
        a { color: inherit; text-decoration: inherit; }
        ol, ul, menu { list-style: none; }
        button, input { font: inherit; color: inherit; background-color: transparent; border-radius: 0; }
        img, svg { display: block; vertical-align: middle; }
        h1, h2, h3 { font-size: inherit; font-weight: inherit; }
      }
    """,
    "names of four elements": """
      header nav ul li a, main header li a { text-transform: uppercase; padding: 40px; color: red; }
      header nav ul li button, main header li button { background: rgb(255, 165, 0); border: 5px solid; }
      body main div p, body main ul li h3 { text-transform: uppercase; margin: 33px; }
    """,
}

#: How everything that is seen of our parts is drawn.
DRAWN = """
const names = ["backgroundColor", "borderBlockEndWidth", "color", "display", "fontSize", "fontWeight",
  "marginBlockStart", "paddingBlockStart", "paddingInlineStart", "textDecorationLine", "textTransform"];
const parts = [...document.querySelectorAll(":is(.ntf, .ntf-corner) *:not(svg *)")];
return parts.filter((element) => element.checkVisibility()).map((element) => {
  const style = getComputedStyle(element);
  return [element.localName, element.className.baseVal ?? element.className, ...names.map((name) => style[name])];
});
"""

#: A bar that is dark on a light page, as Bootstrap 5.3 has it.
DARK_BAR = """
<style>
  :root { --bs-body-color: #212529; --bs-body-bg: #fff; --bs-border-color: #dee2e6; }
  [data-bs-theme=dark] { --bs-body-color: #dee2e6; --bs-body-bg: #212529; --bs-border-color: #495057; }
  body { color: var(--bs-body-color); background-color: var(--bs-body-bg); }
  .navbar { --bs-navbar-active-color: #fff; background-color: #212529; }
</style>
<header class=navbar data-bs-theme=dark>{% notifications_bell %}</header>
"""

#: Every link and button that, focused from the keyboard, shows no outline.
UNMARKED = """
const focusable = [...document.querySelectorAll("a, button")].filter((element) => element.checkVisibility());
return [focusable.length, focusable.filter((element) => {
  element.focus({focusVisible: true});
  const style = getComputedStyle(element);
  return style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2;
}).map((element) => element.outerHTML)];
"""


#: The colours that tell one thing from the next, as they are drawn, and what is behind them.
MARKS = """
const style = (selector) => getComputedStyle(document.querySelector(selector));
const dot = (selector) => getComputedStyle(document.querySelector(selector), "::before");
const badge = style(".ntf-badge, .ntf-count");
const lineOf = (selector) => {
  const { borderBlockEndWidth, borderBlockEndColor, borderInlineStartColor } = style(selector);
  return borderBlockEndWidth === "0px" ? borderInlineStartColor : borderBlockEndColor;
};
return {
  "behind": style("body").backgroundColor,
  "tab": lineOf(".ntf-tabs a:not([aria-current]) .ntf-tab"),
  "current tab": lineOf(".ntf-tabs a[aria-current] .ntf-tab"),
  "read row": dot(".ntf-row:not(.ntf-new)").content,
  "unread row": dot(".ntf-row.ntf-new").borderTopColor,
  "between rows": style(".ntf-row + .ntf-row").borderBlockStartWidth,
  "around a number": [badge.borderBlockStartWidth, badge.borderBlockStartColor],
  "around a chosen row": style(".ntf-row:has(:checked)").outlineWidth,
};
"""

#: What moves by itself, or would when it changes, on the page or beside an element of it.
MOVING = """
const seconds = (text) => text.split(",").map(parseFloat).some((duration) => duration > 0);
return [...document.querySelectorAll("*")].flatMap((element) =>
  ["", "::before", "::after"].map((pseudo) => getComputedStyle(element, pseudo)).filter((style) =>
    seconds(style.transitionDuration) || style.animationName !== "none" || style.scrollBehavior === "smooth")
  .map(() => element.className)).concat(document.getAnimations().map(String));
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
def scheme(browser: Browser, request: pytest.FixtureRequest) -> str:
    """The colours that the reader prefers."""
    browser.page.emulate_media(color_scheme=request.param)
    return str(request.param)


@pytest.fixture
def phone(browser: Browser) -> None:
    """The narrowest screen, which is also a wide one at 400 % zoom."""
    browser.page.set_viewport_size({"width": 320, "height": 640})


def pages(inbox: Any) -> list[str]:
    """Return the urls of one page of each kind."""
    return [INBOX, f"{INBOX}?page=2", f"{INBOX}unread/", f"{INBOX}delete/{inbox.first().slug}/"]


def test_every_text_can_be_told_from_what_is_behind_it(
    browser: Browser, visit: Callable[[str], None], inbox: Any, scheme: str
) -> None:
    for url in pages(inbox):
        visit(url)
        texts, faint = browser.run(FAINT)
        assert texts >= 4
        assert faint == []
    background = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(246, 247, 249)", "dark": "rgb(16, 20, 27)"}[scheme]


def test_whatever_has_the_focus_shows_it(browser: Browser, visit: Callable[[str], None], inbox: Any) -> None:
    for url in pages(inbox):
        visit(url)
        count, unmarked = browser.run(UNMARKED)
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
        assert browser.run(sizes) == [320, 320, 320]


def test_a_site_without_a_dark_look_keeps_a_light_inbox(
    browser: Browser, visit: Callable[[str], None], inbox: Any
) -> None:
    browser.page.emulate_media(color_scheme="dark")
    visit(INBOX)
    browser.run("document.querySelector('meta[name=color-scheme]').remove(); document.body.className = ''")
    color = "return getComputedStyle(document.querySelector('.ntf-button')).backgroundColor"
    assert browser.run(color) == "rgb(255, 255, 255)"


def test_a_rule_of_the_site_wins_over_ours(
    browser: Browser, visit: Callable[[str], None], inbox: Any
) -> None:
    visit(INBOX)
    browser.run(
        "const sheet = new CSSStyleSheet();"
        "sheet.replaceSync('.ntf-sentence { font-size: 33px } .ntf { --ntf-tint: rgb(1, 2, 3) }');"
        "document.adoptedStyleSheets = [sheet]"
    )
    notice = "const notice = document.querySelector('.ntf-row.ntf-new');"
    size = f"{notice} return getComputedStyle(notice.querySelector('h3')).fontSize"
    assert browser.run(size) == "33px"
    browser.page.locator(".ntf-row.ntf-new [name=id]").first.check()
    assert browser.run(f"{notice} return getComputedStyle(notice).backgroundColor") == "rgb(1, 2, 3)"


@pytest.mark.parametrize("sheet", SHEETS)
def test_what_a_site_says_of_elements_changes_nothing_of_our_parts(
    browser: Browser, visit: Callable[[str], None], inbox: Any, sheet: str
) -> None:
    """M15, M16: Tailwind's reset took the inbox apart, and the rules of a header reached into the bell."""
    site.script.page = PAGE.replace(
        "{% notifications_bell %}", "<nav><ul><li>{% notifications_bell %}</ul></nav>"
    )
    for url in ("/page/", INBOX):
        visit(url)
        if url == "/page/":
            browser.page.locator(".ntf-bell").click()
            browser.page.locator(".ntf-panel [data-ntf-id]").first.wait_for()
            browser.page.locator(".ntf-badge").wait_for(state="hidden")
            browser.page.mouse.move(0, 0)
        before = browser.run(DRAWN)
        browser.run(
            "const sheet = new CSSStyleSheet(); sheet.replaceSync(arguments[0]);"
            "document.adoptedStyleSheets = [sheet]",
            SHEETS[sheet],
        )
        after = browser.run(DRAWN)
        assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == []


def test_a_bell_in_a_dark_bar_of_a_light_page_is_seen_and_its_panel_is_of_one_piece(
    browser: Browser, visit: Callable[[str], None], inbox: Any
) -> None:
    """M17: the bell had 1.16 to 1 against the bar, and the panel 1.96."""
    site.script.policy = ""
    site.script.page = PAGE.replace("{% notifications_bell %}", "").replace("<body", f"{DARK_BAR}<body")
    browser.page.emulate_media(color_scheme="light")
    visit("/page/")
    bell = browser.page.locator(".ntf-bell")
    assert bell.evaluate("(bell) => getComputedStyle(bell).color") == "rgb(255, 255, 255)"
    bell.click()
    browser.page.locator(".ntf-panel [data-ntf-id]").first.wait_for()
    texts, faint = browser.run(FAINT)
    assert texts > 10
    assert faint == []


@pytest.mark.parametrize("width", [700, 1000], ids=["tabs in a line", "tabs in a column"])
def test_what_a_colour_says_is_said_by_a_line_where_the_reader_chooses_the_colours(
    browser: Browser, visit: Callable[[str], None], inbox: Any, scheme: str, width: int
) -> None:
    browser.page.emulate_media(forced_colors="active")
    browser.page.set_viewport_size({"width": width, "height": 800})
    visit(INBOX)
    browser.page.locator(".ntf-row [name=id]").first.check()
    marks = browser.run(MARKS)
    behind = marks["behind"]
    assert behind == {"light": "rgb(255, 255, 255)", "dark": "rgb(0, 0, 0)"}[scheme]
    assert (marks["tab"], marks["read row"]) == (behind, "none")
    assert behind not in (marks["current tab"], marks["unread row"])
    assert marks["between rows"] == "1px"
    assert marks["around a number"][0] == "1px"
    assert marks["around a number"][1] != behind
    assert marks["around a chosen row"] == "2px"
    count, unmarked = browser.run(UNMARKED)
    assert count >= 2
    assert unmarked == []


def test_a_badge_and_a_pressed_button_are_seen_where_the_reader_chooses_the_colours(
    browser: Browser, visit: Callable[[str], None], inbox: Any
) -> None:
    def colours(selector: str, *names: str) -> list[str]:
        found: list[str] = browser.run(
            "const style = getComputedStyle(document.querySelector(arguments[0]));"
            "return arguments[1].map((name) => style[name])",
            selector,
            names,
        )
        return found

    # Chromium without windows refuses them.
    browser.context.add_init_script("Object.defineProperty(Notification, 'permission', { value: 'default' })")
    browser.page.emulate_media(forced_colors="active")
    site.script.page = PAGE
    visit("/page/")
    [page] = colours("body", "backgroundColor")
    assert page not in colours(".ntf-badge", "color", "borderBlockStartColor")
    browser.page.keyboard.press("Tab")
    assert page not in colours(".ntf-bell:focus-visible", "outlineColor")
    browser.page.keyboard.press("Enter")
    button = "[data-ntf-desktop]"
    browser.page.locator(button).wait_for()
    assert colours(button, "backgroundColor") == [page]
    browser.run("document.querySelector(arguments[0]).ariaPressed = 'true'", button)
    ink, behind = colours(button, "color", "backgroundColor")
    assert behind not in (ink, page)


def test_nothing_moves_for_who_does_not_want_it(
    browser: Browser, visit: Callable[[str], None], inbox: Any
) -> None:
    for motion in ("no-preference", "reduce"):
        browser.page.emulate_media(reduced_motion=motion)
        for url in pages(inbox):
            visit(url)
            browser.page.locator(".ntf-button").first.hover()
            # Where nobody minds, colours change slowly: whatever moves is found.
            assert bool(browser.run(MOVING)) is (motion == "no-preference")


@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_the_number_on_the_bell_is_one_line_in_its_box(
    browser: Browser, visit: Callable[[str], None], justquick: Any, direction: str, width: int
) -> None:
    sheet = (EXAMPLE / "tracker" / "static" / "tracker" / "style.css").read_text()
    browser.page.route("**/example.css", lambda route: route.fulfill(body=sheet, content_type="text/css"))
    browser.page.set_viewport_size({"width": width, "height": 640})
    site.script.page = f"<html dir={direction}>{NAVBAR}"
    unread = 0
    for number, text in ((1, "1"), (10, "10"), (99, "99"), (100, "99+")):
        for row in range(unread, number):
            make_notification(justquick, verb=f"opened {row}")
        unread = number
        visit("/page/")
        assert browser.run(BADGE) == {
            "text": text,
            "lines": 1,
            "inside": True,
            "on the screen": True,
            "covers the next": False,
            "covers the bell": False,
        }


@pytest.mark.usefixtures("phone")
def test_the_number_on_a_tab_is_one_line_in_its_box(
    browser: Browser, visit: Callable[[str], None], justquick: Any
) -> None:
    for number in range(100):
        make_notification(justquick, verb=f"opened {number}")
    visit(INBOX)
    browser.run("document.body.style.overflowWrap = 'anywhere'")
    counts = browser.run(
        "return [...document.querySelectorAll('.ntf-count:not([hidden])')].map((count) => {"
        "  const range = document.createRange(); range.selectNodeContents(count);"
        "  const [box, ...lines] = [count, range].flatMap((shown) => [...shown.getClientRects()]);"
        "  return [count.textContent.trim(), lines.length, lines.every((line) =>"
        "    line.left >= box.left && line.right <= box.right)];"
        "})"
    )
    assert ["99+", 1, True] in counts
    assert [count for count in counts if count[1:] != [1, True]] == []


@pytest.mark.parametrize("width", [1000, 1280])
def test_a_row_is_as_high_as_two_lines(
    browser: Browser, visit: Callable[[str], None], justquick: Any, width: int
) -> None:
    """It was 73 to 106 px: eight rows on a screen."""
    for number in range(3):
        make_notification(
            justquick, verb=f"opened {number}", target=make_project("a name"), unread=number == 1
        )
    browser.page.set_viewport_size({"width": width, "height": 800})
    visit(INBOX)
    heights = browser.run("return [...document.querySelectorAll('.ntf-row')].map((row) => row.offsetHeight)")
    assert [height for height in heights if not 44 <= height <= 52] == []


def test_the_tools_of_a_row_are_seen_where_one_points_or_has_the_focus(
    browser: Browser, visit: Callable[[str], None], justquick: Any
) -> None:
    make_notification(justquick)
    visit(INBOX)
    seen = "return getComputedStyle(document.querySelector('[data-ntf-action=done]')).opacity"
    assert browser.run(seen) == "0"
    browser.page.locator(".ntf-row").hover()
    assert browser.run(seen) == "1"
    browser.page.mouse.move(1, 1)
    browser.page.locator("[data-ntf-action=done]").focus()
    assert browser.run(seen) == "1"
