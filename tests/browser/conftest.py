"""The browser of these tests, one for all of them; each test has a profile of its own in it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from tests.browser import site, webkit
from tests.factories import make_user
from tests.run import find_chromium
from tests.waiting import PATIENCE, wait_until

#: No sandbox, because in a container the tests run as root; the browser visits nothing but our own pages.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: How a page may be shown.
LOOKS = ("light", "dark", "right to left", "320 px")


class Browser:
    """A tab that notes what its console says."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.page = context.new_page()
        self.said: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.said.append(f"Uncaught {error.name}: {error.message}"))

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(message.text)

    def run(self, body: str, *arguments: Any) -> Any:
        """Run the body of a JavaScript function in the page, and return what it returns or promises."""
        return self.page.evaluate(
            f"(args) => (async function () {{ {body} }}).apply(null, args)", list(arguments)
        )

    def follow(self, link: Any) -> None:
        """Click on what leads to another page, or to this one anew, and wait until it is there."""
        with self.page.expect_navigation():
            link.click()

    def is_answered(self) -> bool:
        """Return whether the lists of the page wait for no answer to an action: they show it before."""
        pending = "return [...document.querySelectorAll('[data-ntf-api]')].every(list => !list.pending)"
        return bool(self.run(pending))

    def lose_first_answer(self, path: str, end: Callable[[Any], None]) -> None:
        """Let the server take the first request to a path, and ``end`` it without the server's answer."""
        lost: list[str] = []

        def lose(route: Any) -> None:
            if lost:
                route.continue_()
                return
            lost.append("")
            route.fetch()
            end(route)

        self.page.route(path, lose)

    def complaints(self) -> list[str]:
        """Return what the console has said since it was last asked: errors, and what the policy refused."""
        if not self.page.is_closed():
            # Whatever it says of what has happened comes before this answer.
            self.run("")
        said, self.said = self.said, []
        return said

    def log_in(self, user: Any, url: str) -> None:
        """Give the browser a session of this user."""
        client = Client()
        client.force_login(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}
        self.context.add_cookies([cookie])

    def be_strict(self) -> None:
        """Let every page from now on come with the strictest policy under which all of it has to work."""

        def strictly(route: Any) -> None:
            if route.request.resource_type == "document":
                response = route.fetch()
                headers = {**response.headers, "content-security-policy": site.STRICT}
                route.fulfill(response=response, headers=headers)
            else:
                route.continue_()

        self.page.route("**/*", strictly)

    def show_as(self, look: str) -> None:
        """Show the pages to come in one of the ways in ``LOOKS``."""
        if look == "dark":
            self.page.emulate_media(color_scheme="dark")
        elif look == "right to left":
            self.context.set_extra_http_headers({"Accept-Language": "ar"})
        elif look == "320 px":
            self.page.set_viewport_size({"width": 320, "height": 640})

    def stop_the_clock(self) -> None:
        """Let time stand still for the scripts of the pages to come, but where a test lets it pass."""
        self.page.clock.install()
        self.page.clock.pause_at(datetime.now(timezone.utc) + timedelta(minutes=1))

    def let_pass(self, milliseconds: int) -> None:
        """Let the scripts of the page do what they do in so many milliseconds of a clock that stands still."""
        self.page.clock.run_for(milliseconds)

    def hide(self, *, hidden: bool = True) -> None:
        """Tell the page that nobody looks at it any more, or again: the driver itself keeps every tab in front."""
        self.run(
            "const state = arguments[0] ? 'hidden' : 'visible';"
            "for (const [name, value] of [['hidden', arguments[0]], ['visibilityState', state]])"
            "  Object.defineProperty(document, name, {value, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))",
            hidden,
        )


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the databases in files. One in memory is one connection, and the server has many threads."""
    directory = tmp_path_factory.mktemp("databases")
    for connection in connections.all():
        connection.settings_dict["TEST"]["NAME"] = str(directory / f"{connection.alias}.sqlite3")
        connection.settings_dict["OPTIONS"] |= {
            # Readers do not wait for the writer, and a writer waits for its turn where it begins.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
            "transaction_mode": "IMMEDIATE",
        }


@pytest.fixture(scope="session")
def live_server(django_db_setup: None, live_server: Any) -> Any:
    """A server that is started after the databases are in files: it shares with its threads what it finds in memory."""
    return live_server


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """Playwright. It keeps an event loop in this thread, where Django would refuse to ask its database."""
    # Here, because only a run of these tests needs the package.
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        yield playwright
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def chromium(driver: Any, live_server: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Chromium, headless; WebKit where it is asked for."""
    if request.config.getoption("--webkit"):
        with webkit.run_webkit(live_server.url) as browser:
            yield browser
        return
    browser = driver.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(autouse=True)
def _bound(driver: Any) -> Iterator[None]:
    """Fail a test that waits for the browser for minutes: what a page is asked to run has no time limit of its own."""
    # That of Playwright, which runs in this thread while a test waits for the browser.
    loop = asyncio.get_running_loop()
    before = asyncio.all_tasks(loop)

    def give_up() -> None:
        for task in asyncio.all_tasks(loop) - before:
            task.cancel(f"The browser did not answer within {3 * PATIENCE:g} seconds.")

    limit = loop.call_later(3 * PATIENCE, give_up)
    yield
    limit.cancel()


def leave(context: Any) -> None:
    """Close a profile. A page that is on its way to another one at that moment would hold the browser up for ever."""
    for page in context.pages:
        # It may have crashed, or go elsewhere by itself.
        with suppress(Exception):
            page.goto("about:blank")
    context.close()


@pytest.fixture
def browser(
    chromium: Any, live_server: Any, _bound: None, request: pytest.FixtureRequest
) -> Iterator[Browser]:
    """A browser with nobody logged in; it leaves before the test's rows do."""
    site.script = site.Script()
    context = chromium.new_context(viewport={"width": 1000, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(1000 * PATIENCE)
    yield Browser(context)
    leave(context)
    site.script.go_on.set()
    if request.config.getoption("--webkit"):
        # It keeps its connections.
        return
    # What the server still answers must not meet a database that is gone.
    wait_until(lambda: not any("process_request" in thread.name for thread in threading.enumerate()))


@pytest.fixture
def visit(browser: Browser, live_server: Any) -> Callable[..., None]:
    """Let the browser show a url of the site, once the server has answered what the page before it sent."""

    def visit(url: str) -> None:
        wait_until(browser.is_answered)
        browser.page.goto(f"{live_server.url}{url}")

    return visit


@pytest.fixture
def justquick(browser: Browser, live_server: Any) -> Any:
    """A user who is logged in, in the browser."""
    user = make_user("justquick")
    browser.log_in(user, live_server.url)
    return user


@pytest.fixture
def without_script(chromium: Any, browser: Browser, live_server: Any, justquick: Any) -> Iterator[Browser]:
    """A browser that runs no script, in which justquick is logged in."""
    leave(browser.context)
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 1000, "height": 800})
    context.set_default_timeout(1000 * PATIENCE)
    browser.context = context
    browser.page = context.new_page()
    browser.log_in(justquick, live_server.url)
    yield browser
    leave(context)
