"""WebKitGTK, driven by Selenium through as much of Playwright's interface as most tests use.

``make test-webkit`` runs the tests of inbox, threads and bell in it. A test that needs what the driver of WebKit does
not have, such as a stopped clock or a held request, is skipped, and the run says which.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.waiting import PATIENCE, wait_until

#: Where Debian has the driver and the browser.
DRIVER, LIBRARIES, BROWSERS = "/usr/bin/WebKitWebDriver", Path("/usr/lib"), "*/webkit2gtk-4.*/MiniBrowser"

#: Whether an element is there for the eye, as Playwright sees it: what is transparent is.
IS_SHOWN = (
    "(element) => element.getClientRects().length > 0 && getComputedStyle(element).visibility === 'visible'"
)

#: Elements by the role that a test names, and the text by which assistive technology knows them.
FIND = (
    f"const isShown = {IS_SHOWN};"
    """
const [root, kind, wanted, exact] = arguments;
const roles = {
  button: "button, [role=button], summary, input[type=submit]", link: "a[href]", dialog: "[role=dialog], dialog",
  group: "[role=group], fieldset", status: "[role=status]", alert: "[role=alert]", checkbox: "input[type=checkbox]",
  searchbox: "input[type=search]",
};
const clean = (text) => (text ?? "").replace(/\\s+/g, " ").trim();
const labelled = (element) => (element.getAttribute("aria-labelledby") ?? "").split(" ")
  .map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
const nameOf = (element) => clean(element.getAttribute("aria-label") || labelled(element).trim() ||
  [...(element.labels ?? [])].map(({ textContent }) => textContent).join(" ") ||
  (element.localName === "input" && element.value) || element.textContent);
const fits = (text) => exact ? text === wanted : text.toLowerCase().includes(wanted.toLowerCase());
const all = (selector) => [...(root ?? document).querySelectorAll(selector)];
if (kind === "text") {
  return all("body *, *").filter((element) => !["SCRIPT", "STYLE", "TEMPLATE"].includes(element.tagName) &&
    fits(clean(element.textContent)) && ![...element.children].some((child) => fits(clean(child.textContent))));
}
if (kind === "label") return all("input, select, textarea, button").filter((element) => fits(nameOf(element)));
return all(roles[kind] ?? `[role=${kind}]`).filter((element) => isShown(element) && fits(nameOf(element)));
"""
)


class Page:
    """The one page of WebKit that a test has."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.keyboard = Keyboard(driver)

    def __getattr__(self, name: str) -> Any:
        pytest.skip(f"the driver of WebKit has no {name}()")

    @property
    def url(self) -> str:
        """Return where the page is."""
        return str(self.driver.current_url)

    def title(self) -> str:
        """Return the title."""
        return str(self.driver.title)

    def content(self) -> str:
        """Return the document as HTML."""
        return str(self.driver.page_source)

    def goto(self, url: str) -> None:
        """Show a url, and wait until its scripts have run: the driver does not."""
        self.driver.get(url)
        wait_until(lambda: self.driver.execute_script("return document.readyState === 'complete'"))

    def evaluate(self, function: str, arguments: Any = None) -> Any:
        """Return what a function returns, or what it promises."""
        if not function.startswith("("):
            pytest.skip("the driver of WebKit evaluates functions only")
        script = f"const done = arguments[1]; Promise.resolve(({function})(arguments[0])).then(done);"
        return self.driver.execute_async_script(script, arguments)

    @contextmanager
    def expect_navigation(self) -> Iterator[None]:
        """Wait until another document is there."""
        self.driver.execute_script("window.ntfBefore = true")
        yield
        there = "return !window.ntfBefore && document.readyState === 'complete'"
        wait_until(lambda: self.driver.execute_script(there))

    def set_viewport_size(self, size: dict[str, int]) -> None:
        """Make the window so large."""
        self.driver.set_window_size(size["width"], size["height"])

    def is_closed(self) -> bool:
        """Return False: a page is closed with its test."""
        return False

    def on(self, event: str, handler: Callable[..., Any]) -> None:
        """Do not hear what the console says, which is not to be had."""
        if event not in {"console", "pageerror"}:
            pytest.skip(f"the driver of WebKit has no event {event}")

    def locator(self, selector: str, has_text: str = "") -> Locator:
        """Return the elements of a selector."""
        return Locator(
            self.driver, lambda: with_text(self.driver.find_elements("css selector", selector), has_text)
        )

    def get_by_role(self, role: str, name: str = "", exact: bool = False) -> Locator:
        """Return the elements of a role and a name."""
        return Locator(self.driver, lambda: self.driver.execute_script(FIND, None, role, name, exact))

    def get_by_text(self, text: str, exact: bool = False) -> Locator:
        """Return the innermost elements with a text."""
        return Locator(self.driver, lambda: self.driver.execute_script(FIND, None, "text", text, exact))

    def get_by_label(self, text: str, exact: bool = False) -> Locator:
        """Return the fields with a label."""
        return Locator(self.driver, lambda: self.driver.execute_script(FIND, None, "label", text, exact))


def with_text(elements: list[Any], text: str) -> list[Any]:
    """Return the elements that have a text in them."""
    return [
        element for element in elements if text.lower() in (element.get_property("textContent") or "").lower()
    ]


class Locator:
    """Elements that are looked for anew each time."""

    def __init__(self, driver: Any, find: Callable[[], list[Any]]) -> None:
        self.driver, self.find = driver, find

    def __getattr__(self, name: str) -> Any:
        pytest.skip(f"the driver of WebKit has no locator.{name}()")

    @property
    def first(self) -> Locator:
        """Return the first of the elements."""
        return self.nth(0)

    @property
    def last(self) -> Locator:
        """Return the last of the elements."""
        return self.nth(-1)

    def nth(self, index: int) -> Locator:
        """Return one of the elements."""
        return Locator(self.driver, lambda: self.find()[index : index + 1 or None])

    def locator(self, selector: str, has_text: str = "") -> Locator:
        """Return the elements of a selector in these."""
        return Locator(
            self.driver,
            lambda: [
                each
                for element in self.find()
                for each in with_text(element.find_elements("css selector", selector), has_text)
            ],
        )

    def inside(self, kind: str, name: str, *, exact: bool) -> Locator:
        """Return what is found in these elements."""
        return Locator(
            self.driver,
            lambda: [
                each
                for element in self.find()
                for each in self.driver.execute_script(FIND, element, kind, name, exact)
            ],
        )

    def get_by_role(self, role: str, name: str = "", exact: bool = False) -> Locator:
        """Return the elements of a role and a name in these."""
        return self.inside(role, name, exact=exact)

    def get_by_text(self, text: str, exact: bool = False) -> Locator:
        """Return the innermost elements with a text in these."""
        return self.inside("text", text, exact=exact)

    def read(self, function: Callable[[Any], Any]) -> list[Any]:
        """Return what a function says of each element, of those of one moment."""
        from selenium.common.exceptions import StaleElementReferenceException

        while True:
            with suppress(StaleElementReferenceException):
                return [function(element) for element in self.find()]

    def read_one(self, function: Callable[[Any], Any]) -> Any:
        """Return what a function says of the element, once it is there and alone."""
        found: list[Any] = []

        def is_alone() -> bool:
            found[:] = self.read(function)
            return len(found) == 1

        wait_until(is_alone, "one element is there")
        return found[0]

    def count(self) -> int:
        """Return how many elements there are."""
        return len(self.find())

    def all(self) -> list[Locator]:
        """Return the elements one by one."""
        return [self.nth(index) for index in range(self.count())]

    def click(self, **options: Any) -> None:
        """Click where the element is, once it is shown."""
        from selenium.webdriver import ActionChains

        if options:
            pytest.skip(f"the driver of WebKit has no click({', '.join(options)})")

        def click(element: Any) -> None:
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'nearest'})", element)
            ActionChains(self.driver, duration=0).move_to_element(element).click().perform()

        wait_until(self.is_visible, "what is to be clicked on is shown")
        self.read_one(click)

    def check(self) -> None:
        """Click on a box that is not checked."""
        if not self.is_checked():
            self.click()

    def uncheck(self) -> None:
        """Click on a box that is checked."""
        if self.is_checked():
            self.click()

    def fill(self, text: str) -> None:
        """Write a text into a field."""
        script = (
            "arguments[0].value = arguments[1];"
            "for (const name of ['input', 'change']) arguments[0].dispatchEvent(new Event(name, {bubbles: true}))"
        )
        self.read_one(lambda element: self.driver.execute_script(script, element, text))

    def focus(self) -> None:
        """Give the element the focus."""
        self.read_one(lambda element: self.driver.execute_script("arguments[0].focus()", element))

    def wait_for(self, state: str = "visible") -> None:
        """Wait until the element is shown, or until none is."""
        wait_until(lambda: self.is_visible() is (state == "visible"), f"an element is {state}")

    def is_visible(self) -> bool:
        """Return whether the element is there and shown."""
        is_shown = f"return ({IS_SHOWN})(arguments[0])"
        return any(self.read(lambda element: self.driver.execute_script(is_shown, element)))

    def is_checked(self) -> bool:
        """Return whether a box is checked."""
        return bool(self.read_one(lambda element: element.is_selected()))

    def inner_text(self) -> str:
        """Return the text that is shown."""
        return str(self.read_one(lambda element: element.get_property("innerText")))

    def all_inner_texts(self) -> list[str]:
        """Return the texts that are shown."""
        return self.read(lambda element: element.get_property("innerText"))

    def all_text_contents(self) -> list[str]:
        """Return the texts, shown or not."""
        return self.read(lambda element: element.get_property("textContent"))

    def input_value(self) -> str:
        """Return what is in a field."""
        return str(self.read_one(lambda element: element.get_property("value")))

    def get_attribute(self, name: str) -> str | None:
        """Return an attribute as it is written."""
        found: str | None = self.read_one(lambda element: element.get_dom_attribute(name))
        return found


class Keyboard:
    """The keys of WebKit."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def press(self, keys: str) -> None:
        """Press a key, such as "j", "Shift+I" or "Escape"."""
        from selenium.webdriver import ActionChains, Keys

        *held, key = keys.split("+")
        modifiers = [getattr(Keys, name.upper()) for name in held]
        chain = ActionChains(self.driver, duration=0)
        for modifier in modifiers:
            chain.key_down(modifier)
        chain.send_keys(getattr(Keys, key.upper()) if len(key) > 1 else key)
        for modifier in modifiers:
            chain.key_up(modifier)
        chain.perform()


class Context:
    """The profile of a test: one window, whose cookies go with the test."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver, self.url = driver, url
        self.pages: list[Page] = []

    def __getattr__(self, name: str) -> Any:
        pytest.skip(f"the driver of WebKit has no context.{name}()")

    def new_page(self) -> Page:
        """Return the page."""
        if self.pages:
            pytest.skip("the driver of WebKit has one window")
        self.pages.append(Page(self.driver))
        return self.pages[0]

    def set_default_timeout(self, milliseconds: float) -> None:
        """Wait so long for what a page promises."""
        self.driver.set_script_timeout(milliseconds / 1000)

    def add_cookies(self, cookies: list[dict[str, str]]) -> None:
        """Add cookies, for which the page has to be one of their site."""
        self.driver.get(f"{self.url}/static/notifications/notifications.css")
        for cookie in cookies:
            self.driver.add_cookie(
                {
                    "name": cookie["name"],
                    "value": cookie["value"],
                    "domain": urlsplit(cookie["url"]).hostname,
                    "path": "/",
                }
            )

    def close(self) -> None:
        """Forget what the test left in the browser."""
        self.driver.get(f"{self.url}/static/notifications/notifications.css")
        self.driver.execute_script("localStorage.clear()")
        self.driver.delete_all_cookies()
        self.driver.get("about:blank")


class WebKit:
    """The browser."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver, self.url = driver, url

    def new_context(
        self, *, viewport: dict[str, int], reduced_motion: str = "", java_script_enabled: bool = True
    ) -> Context:
        """Return a profile."""
        if not java_script_enabled:
            pytest.skip("the driver of WebKit always runs scripts")
        self.driver.set_window_size(viewport["width"], viewport["height"])
        return Context(self.driver, self.url)


@contextmanager
def run_webkit(url: str) -> Iterator[WebKit]:
    """Start WebKit on a screen of its own, for the site at this url."""
    from selenium import webdriver
    from selenium.webdriver.webkitgtk.options import Options
    from selenium.webdriver.webkitgtk.service import Service

    server = shutil.which("Xvfb")
    assert server, "Xvfb is not installed; on Debian: apt-get install xvfb webkit2gtk-driver"
    reading, writing = os.pipe()
    screen = subprocess.Popen(
        [server, "-displayfd", str(writing), "-screen", "0", "1400x1000x24"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            os.environ["DISPLAY"] = f":{number.readline().strip()}"
        options = Options()
        [options.binary_location, *_] = map(str, LIBRARIES.glob(BROWSERS))
        options.add_argument("--automation")
        with warnings.catch_warnings():
            # Selenium's own.
            warnings.simplefilter("ignore", DeprecationWarning)
            driver = webdriver.WebKitGTK(options=options, service=Service(DRIVER))
        try:
            driver.set_page_load_timeout(PATIENCE)
            yield WebKit(driver, url)
        finally:
            driver.quit()
    finally:
        screen.kill()
        screen.wait()
