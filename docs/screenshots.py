"""Take the pictures of these pages anew, of the demo and its story: ``make screenshots``.

Drives the Chromium of this machine, as the tests in a browser do.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
READER = "brosner"
INBOX = "inbox/notifications/"
ISSUE = "r/flask/issues/8/"
DESK = {"viewport": {"width": 1280, "height": 860}}
DARK_DESK = {**DESK, "color_scheme": "dark"}
PHONE = {
    "viewport": {"width": 390, "height": 760},
    "device_scale_factor": 1.5,
    # So that the buttons that appear on hover elsewhere are shown.
    "has_touch": True,
    "is_mobile": True,
}


def look(page: Any) -> None:
    """Show the page as it is."""


def open_bell(page: Any) -> None:
    """Open the panel of the bell."""
    page.locator(".ntf-bell").click()
    page.locator(".ntf-panel .ntf-line").first.wait_for()
    page.locator(".ntf-badge").wait_for(state="hidden")


def open_thread(page: Any) -> None:
    """Open the first thread in its place."""
    page.locator("[data-ntf-rest]").first.click()
    page.locator(".ntf-child").first.wait_for()


#: The pictures, by file name: what they show, on what, and what is done before.
PICTURES: dict[str, tuple[str, dict[str, Any], Callable[[Any], None]]] = {
    "inbox.png": (INBOX, DESK, look),
    "inbox-thread.png": (INBOX, DESK, open_thread),
    "inbox-dark.png": (INBOX, DARK_DESK, look),
    "inbox-phone.png": (INBOX, PHONE, look),
    "bell.png": (ISSUE, DESK, open_bell),
    "bell-dark.png": (ISSUE, DARK_DESK, open_bell),
    "bell-phone.png": (ISSUE, PHONE, open_bell),
}


def take(demo: str) -> None:
    """Take each picture in a browser of its own."""
    from playwright.sync_api import sync_playwright

    from tests.run import find_chromium

    with sync_playwright() as playwright:
        # In a container this runs as root, and the browser visits nothing but the demo.
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        for name, (path, looks, prepare) in PICTURES.items():
            context = chromium.new_context(reduced_motion="reduce", **looks)
            page = context.new_page()
            page.goto(f"{demo}accounts/login/")
            page.get_by_role("button", name=READER).click()
            page.goto(f"{demo}{path}")
            prepare(page)
            picture = IMAGES / name
            page.screenshot(path=picture)
            print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")
            context.close()
        chromium.close()


def main() -> None:
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "DEMO_DB": f"{scratch}/demo.sqlite3", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(ROOT / "example" / "manage.py"), "demo", "--port", "0"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
            try:
                addresses = (re.search(r"http://\S+:\d+/", line) for line in server.stdout or ())
                take(next(filter(None, addresses))[0])
            finally:
                server.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
