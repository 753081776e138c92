"""The browser of these tests, one for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests.browser import site
from tests.factories import make_user
from tests.run import find_chromium

Browser = Any


@pytest.fixture(scope="session")
def chromium(live_server: Any) -> Iterator[Browser]:
    """Chromium, headless, driven by the ChromeDriver beside it; it leaves before the server does."""
    # Here, because only a run of these tests needs the package.
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location, driver = find_chromium()
    # No sandbox, because in a container the tests run as root; the browser visits nothing but our own pages.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1000,800"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    browser.set_script_timeout(10)
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser, with nobody logged in, and nothing in its log."""
    cache.clear()
    site.script = site.Script()
    chromium.get_log("browser")
    yield chromium
    chromium.get("about:blank")
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})


@pytest.fixture
def visit(browser: Browser, live_server: Any) -> Callable[..., None]:
    """Let the browser show a url of the site."""

    def visit(url: str) -> None:
        browser.get(f"{live_server.url}{url}")

    return visit


@pytest.fixture
def justquick(browser: Browser, visit: Callable[..., None]) -> Any:
    """A user who is logged in, in the browser."""
    user = make_user("justquick")
    client = Client()
    client.force_login(user)
    # A cookie can only be given to the site that is shown.
    visit("/favicon.ico")
    visit("/home/")
    browser.add_cookie({"name": "sessionid", "value": client.cookies["sessionid"].value, "path": "/"})
    return user
