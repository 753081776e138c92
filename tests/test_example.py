"""The example is what a newcomer sees first, so it is tried as a newcomer does: by command and over HTTP."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

# The example brings its settings and its database; once is enough.
pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.shape("default")]

ROOT = Path(__file__).resolve().parent.parent


def command(database: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line of ``manage.py demo`` and the environment it runs in."""
    environment = {**os.environ, "DEMO_DB": str(database), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return [sys.executable, str(ROOT / "example" / "manage.py"), "demo", *arguments], environment


def demo(database: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line, environment = command(database, *arguments)
    # It takes a few seconds to load the story.
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database after a first run; to read only."""
    database = tmp_path_factory.mktemp("demo") / "demo.sqlite3"
    first = demo(database, "--no-serve")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "Loaded the demo's data.\n"
    return database


@pytest.fixture
def database(loaded: Path, tmp_path: Path) -> Path:
    """A copy of that database, to do with as one likes."""
    return Path(shutil.copy(loaded, tmp_path / "demo.sqlite3"))


def test_first_run_loads_the_cast_and_what_it_did(loaded: Path) -> None:
    assert rows(loaded, "SELECT username, is_superuser FROM auth_user ORDER BY id") == [
        ("justquick", 0),
        ("brosner", 0),
        ("mitsuhiko", 0),
        ("admin", 1),
    ]
    assert rows(loaded, "SELECT slug FROM tracker_repository ORDER BY slug") == [
        ("activity-stream",),
        ("flask",),
        ("pinax",),
    ]
    assert rows(loaded, "SELECT count(*) FROM tracker_issue") == [(24,)]
    assert rows(loaded, "SELECT count(*) FROM notifications_notification") == [(202,)]
    assert rows(loaded, "SELECT DISTINCT level FROM notifications_notification ORDER BY level") == [
        ("error",),
        ("info",),
        ("success",),
        ("warning",),
    ]
    # Everybody has read and unread ones.
    assert rows(loaded, "SELECT count(DISTINCT recipient_id || unread) FROM notifications_notification") == [
        (6,)
    ]


def test_a_notification_of_a_deleted_issue_is_there(loaded: Path) -> None:
    gone = """
        SELECT count(*) FROM notifications_notification
        JOIN django_content_type AS type ON type.id = action_object_content_type_id
        WHERE type.model = 'issue' AND action_object_object_id NOT IN (SELECT id FROM tracker_issue)
    """
    assert rows(loaded, gone) == [(3,)]


def test_second_run_keeps_the_data(database: Path) -> None:
    rows(database, "SELECT 1")
    with closing(sqlite3.connect(database)) as connection:
        before = list(connection.iterdump())
    second = demo(database, "--no-serve")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    with closing(sqlite3.connect(database)) as connection:
        assert list(connection.iterdump()) == before


def test_reset_starts_over(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE tracker_issue SET title = 'changed'")
        connection.commit()
    assert demo(database, "--reset", "--no-serve").stdout == "Loaded the demo's data.\n"
    assert rows(database, "SELECT count(*) FROM tracker_issue WHERE title = 'changed'") == [(0,)]
    assert rows(database, "SELECT count(*) FROM notifications_notification") == [(202,)]


def test_a_taken_port_is_one_clear_line_before_anything_is_touched(tmp_path: Path) -> None:
    database = tmp_path / "demo.sqlite3"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = demo(database, "--port", str(port), "--reset")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        f"CommandError: Port {port} on 127.0.0.1 is taken: "
        "stop what listens there, or choose another with PORT=...\n"
    )
    assert not database.exists()


class Browser:
    """Somebody's browser: it keeps cookies, follows redirects, and fills in forms."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.opener = build_opener(HTTPCookieProcessor(CookieJar()))
        self.headers: dict[str, str] = {}

    def open(self, path: str, form: dict[str, str] | None = None) -> str:
        """Return the page at a path, or the one to which posting the form leads."""
        body = urlencode(form).encode() if form is not None else None
        with self.opener.open(urljoin(self.site, path), body, timeout=PATIENCE) as response:
            self.headers = dict(response.headers)
            return str(response.read().decode())

    def submit(self, path: str, **form: str) -> str:
        """Open the page with a form, and post it, to the same path, with the token that it holds."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.open(path))
        assert token is not None
        return self.open(path, {"csrfmiddlewaretoken": token[1], **form})

    def press(self, path: str, action: str) -> str:
        """Press one of the buttons by which one watches the object of this page."""
        page = self.open(path)
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
        return self.open("/inbox/watching/change/", {**fields, "action": action})

    def log_in(self, username: str) -> Browser:
        assert username in text_of(
            self.submit("/accounts/login/", username=username, password="demo", next="/")
        )
        return self

    def unread(self) -> int:
        found = re.fullmatch(
            r'\{"unread_count": (\d+)\}', self.open("/inbox/notifications/api/unread_count/")
        )
        assert found is not None
        return int(found[1])


def text_of(page: str) -> str:
    """Return what one reads on a page: without tags, and with white space as a browser shows it."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", page)).split())


@contextmanager
def served(database: Path) -> Iterator[str]:
    """Serve the demo on a free port, and yield its address. One that does not start or stop is killed, and fails."""
    line, environment = command(database, "--port", "0")
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        late = threading.Timer(PATIENCE, server.kill)
        late.start()
        try:
            found = None
            while found is None:
                said = server.stdout.readline()
                assert said, "The demo did not start."
                found = re.search(r"http://127\.0\.0\.1:\d+/", said)
            late.cancel()
            yield found[0]
            server.send_signal(signal.SIGINT)
            assert server.wait(PATIENCE) == 0
        finally:
            late.cancel()
            server.kill()


@pytest.fixture
def site(database: Path) -> Iterator[str]:
    """The address of the demo, served until the test is over."""
    with served(database) as address:
        yield address


def test_closing_an_issue_in_one_browser_is_read_about_in_another(site: str) -> None:
    justquick, brosner = Browser(site).log_in("justquick"), Browser(site).log_in("brosner")
    sentence = "justquick closed issue 7 on pinax"
    told, own = brosner.unread(), justquick.unread()
    assert sentence not in text_of(brosner.open("/inbox/notifications/"))

    page = justquick.submit("/r/pinax/issues/7/", action="close", body="")
    assert "Reopen the issue" in text_of(page)

    assert brosner.unread() == told + 1
    assert sentence in text_of(brosner.open("/inbox/notifications/"))
    assert sentence in text_of(brosner.open("/inbox/notifications/unread/"))
    assert justquick.unread() == own

    justquick.submit("/r/pinax/issues/7/", action="close", body="")
    assert brosner.unread() == told + 1

    justquick.submit("/r/pinax/issues/7/", action="reopen", body="Not so fast: 日本語.")
    assert brosner.unread() == told + 3
    assert "justquick reopened issue 7 on pinax" in text_of(brosner.open("/inbox/notifications/"))
    inbox = text_of(brosner.open("/inbox/notifications/?threads=0"))
    assert "justquick reopened issue 7 on pinax" in inbox
    assert "Not so fast: 日本語." in inbox

    # To see it is to have read it.
    brosner.open("/r/pinax/issues/7/")
    assert brosner.unread() < told


def test_a_comment_is_mailed_with_a_link_to_unsubscribe(site: str) -> None:
    justquick, brosner = Browser(site).log_in("justquick"), Browser(site).log_in("brosner")
    justquick.submit("/r/pinax/issues/3/", action="comment", body="See the outbox.")

    outbox = text_of(justquick.open("/outbox/"))
    assert "justquick via Issue tracker <noreply@example.com> to brosner@example.com" in outbox
    assert "justquick commented on issue 3" in outbox
    [link, *_] = re.findall(r"Unsubscribe: (\S+)", outbox)
    assert link.startswith(site)
    assert "Do you want to stop receiving" in text_of(justquick.open(link))
    assert "Comments" in text_of(brosner.open("/inbox/settings/"))


def test_an_issue_that_is_opened_is_told_to_the_owner(site: str) -> None:
    brosner, mitsuhiko = Browser(site).log_in("brosner"), Browser(site).log_in("mitsuhiko")
    told = mitsuhiko.unread()
    page = brosner.submit(
        "/r/flask/issues/new/", title="<b>Ünïcode</b> & markup", body="<script>alert(1)</script>"
    )
    assert "<b>Ünïcode" not in page
    assert "<script>alert" not in page
    assert mitsuhiko.unread() == told + 1
    assert "brosner opened issue 9 on flask" in text_of(mitsuhiko.open("/inbox/notifications/"))


def reasons(browser: Browser) -> list[str]:
    """Return the newest of somebody's inbox: the sentence, and why they were told."""
    newest = json.loads(browser.open("/inbox/notifications/api/inbox/?max=1"))["items"][0]
    return [newest["text"], newest["reason"]]


def test_who_is_mentioned_or_assigned_or_watches_is_told_and_why(site: str) -> None:
    justquick, brosner = Browser(site).log_in("justquick"), Browser(site).log_in("brosner")
    place = "/r/flask/issues/8/"
    before = brosner.unread()

    justquick.submit(
        place, action="comment", body="What do you think, @brosner? Write to me@brosner.example."
    )
    assert brosner.unread() == before + 1
    assert reasons(brosner) == ["justquick commented on issue 8 on flask", "mention"]
    justquick.submit(place, action="assign", assignee="brosner")
    assert reasons(brosner) == ["justquick assigned you to issue 8 on flask", "assign"]

    told = brosner.unread()
    justquick.submit("/r/flask/issues/new/", title="Nobody else", body="takes part in this")
    assert brosner.unread() == told
    brosner.press("/r/flask/", "watch")
    justquick.submit("/r/flask/issues/new/", title="Now somebody", body="watches the repository")
    assert brosner.unread() == told + 1
    assert reasons(brosner) == ["justquick opened issue 10 on flask", "subscribed"]
    brosner.press("/r/flask/issues/10/", "mute")
    justquick.submit("/r/flask/issues/10/", action="close", body="")
    assert reasons(brosner) == ["justquick opened issue 10 on flask", "subscribed"]
    assert "issue 10" in text_of(brosner.open("/inbox/watching/"))


PAGES = (
    "/",
    "/accounts/login/",
    "/r/activity-stream/",
    "/r/activity-stream/?state=closed",
    "/r/activity-stream/issues/2/",
    "/comments/1/",
    "/r/activity-stream/issues/new/",
    "/inbox/notifications/",
    "/inbox/notifications/?threads=0&page=2",
    "/inbox/notifications/unread/",
    "/inbox/notifications/mark-all-as-read/",
    "/inbox/watching/",
)


def test_every_page_sends_a_strict_policy_and_keeps_it(site: str) -> None:
    for browser in (Browser(site), Browser(site).log_in("justquick")):
        for path in PAGES:
            page = browser.open(path)
            policy = browser.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; "), path
            assert "require-trusted-types-for 'script'" in policy, path
            assert re.findall(r"<script(?![^>]*(?:\ssrc=|type=\"application/json\"))[^>]*>", page) == [], path
            assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", page) == [], path


def test_the_preview_of_a_mail_has_the_policy_that_its_styles_need(site: str) -> None:
    browser = Browser(site).log_in("admin")
    page = browser.open("/inbox/settings/preview/?type=commented-on&channel=email")
    assert "frame-src 'self'" in browser.headers["Content-Security-Policy"]
    [address] = re.findall(r'<iframe[^>]* src="([^"]*)"', page)
    assert f'<a href="{address}">' in page
    assert "Lorem ipsum" in browser.open(unescape(address))
    policy = browser.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'; ")
    assert policy.endswith("frame-ancestors 'self'")


def test_static_files_are_served_without_debug_mode(site: str) -> None:
    browser = Browser(site)
    assert "prefers-color-scheme: dark" in browser.open("/static/tracker/style.css")
    assert "function fetch_api_data" in browser.open("/static/notifications/notify.js")
    with pytest.raises(HTTPError, match="404") as missing:
        browser.open("/r/nothing-here/")
    with missing.value:
        assert "Page not found" in text_of(missing.value.read().decode())
