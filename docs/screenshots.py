"""Take the pictures and the animation of these pages anew, of the demo and its story: ``make screenshots``.

Drives the Chromium of this machine, as the tests in a browser do.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
READER, WRITER = "brosner", "justquick"
#: The animation, and how many colours each of its frames has.
ANIMATION, COLORS = "live.gif", 64
INBOX = "inbox/notifications/"
ISSUE = "r/flask/issues/8/"
DESK = {"viewport": {"width": 1280, "height": 860}}
SMALL_DESK = {"viewport": {"width": 860, "height": 520}}
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
    """Take each picture in a browser of its own, and then the animation, which changes the demo."""
    from playwright.sync_api import sync_playwright

    from tests.run import find_chromium

    with sync_playwright() as playwright:
        # In a container this runs as root, and the browser visits nothing but the demo.
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        for name, (path, looks, prepare) in PICTURES.items():
            page = log_in(chromium, demo, READER, looks)
            page.goto(f"{demo}{path}")
            prepare(page)
            page.screenshot(path=IMAGES / name)
            page.context.close()
            report(name)
        animate(chromium, demo)
        chromium.close()


def log_in(chromium: Any, demo: str, user: str, looks: dict[str, Any]) -> Any:
    """Return a page in a browser of its own in which a user is logged in."""
    page = chromium.new_context(reduced_motion="reduce", **looks).new_page()
    page.goto(f"{demo}accounts/login/")
    page.get_by_role("button", name=user).click()
    return page


def report(name: str) -> None:
    """Print the size of a picture."""
    picture = IMAGES / name
    print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")


def animate(chromium: Any, demo: str) -> None:
    """Take the animation: a comment arrives, the bell is opened, a notification is done in the inbox, and undone."""
    from PIL import Image

    frames: list[Any] = []

    def frame(page: Any, seconds: float) -> None:
        """Add the page as it is, for some seconds."""
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
        frames.append((picture.quantize(COLORS, dither=Image.Dither.NONE), int(seconds * 1000)))

    reader = log_in(chromium, demo, READER, SMALL_DESK)
    reader.goto(f"{demo}{ISSUE}")
    badge = reader.locator(".ntf-badge")
    before = badge.inner_text()
    frame(reader, 1.5)
    writer = log_in(chromium, demo, WRITER, SMALL_DESK)
    writer.goto(f"{demo}{ISSUE}")
    writer.locator("textarea").fill(f"@{READER} this works for me.")
    writer.get_by_role("button", name="Comment", exact=True).click()
    reader.wait_for_function(
        "([badge, text]) => badge.innerText !== text", arg=[badge.element_handle(), before]
    )
    frame(reader, 1.5)
    open_bell(reader)
    frame(reader, 2.5)
    reader.goto(f"{demo}{INBOX}")
    first, inbox = reader.locator(".ntf-row").first, reader.locator(".ntf-tabs a").first
    counted = [inbox.element_handle(), inbox.inner_text()]
    first.hover()
    frame(reader, 2)
    first.locator("[value^='done:']").click()
    reader.wait_for_function("([tab, text]) => tab.innerText !== text", arg=counted)
    reader.mouse.move(0, 0)
    frame(reader, 2)
    reader.locator(".ntf-toast button").first.click()
    reader.wait_for_function("([tab, text]) => tab.innerText === text", arg=counted)
    reader.locator(".ntf-row").first.hover()
    frame(reader, 2)
    pictures, durations = zip(*frames, strict=True)
    pictures[0].save(
        IMAGES / ANIMATION, save_all=True, append_images=pictures[1:], duration=list(durations), loop=0
    )
    report(ANIMATION)


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
