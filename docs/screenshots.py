"""Take the pictures of these pages anew, with the demo and a headless Chromium: ``python docs/screenshots.py``.

Needs what the demo needs, and ``chromium`` on the path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

HERE = Path(__file__).resolve().parent
READER = "brosner"
#: The pictures, by file name: what they show, and how large the window is.
PICTURES = {"inbox.png": ("/inbox/notifications/", (960, 806))}


class Server(ThreadingMixIn, WSGIServer):
    """A server for one browser, which opens several connections at once."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def as_reader(get_response: Callable) -> Callable:
    """Let every request be the reader's own: the browser shows one page and has no time to log in."""
    from django.contrib.auth.models import User

    def middleware(request):
        request.user = User.objects.get(username=READER)
        return get_response(request)

    return middleware


def main() -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("No chromium on the path.")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.update(DEMO_DB=f"{scratch}/demo.sqlite3", DJANGO_SETTINGS_MODULE="project.settings")
        sys.path[:0] = [str(HERE.parent), str(HERE.parent / "example")]
        import django
        from django.conf import settings
        from django.core.management import call_command

        django.setup()
        settings.MIDDLEWARE.append(f"{__name__}.as_reader")
        call_command("demo", no_serve=True)
        from project.wsgi import application

        server = Server(("127.0.0.1", 0), Quiet)
        server.set_app(application)
        Thread(target=server.serve_forever, daemon=True).start()
        for name, (path, (width, height)) in PICTURES.items():
            picture = HERE / "images" / name
            subprocess.run(
                [
                    browser,
                    "--headless",
                    # In a container this runs as root, and the browser visits nothing but the demo.
                    "--no-sandbox",
                    "--hide-scrollbars",
                    "--disable-gpu",
                    f"--user-data-dir={scratch}/browser",
                    f"--window-size={width},{height}",
                    f"--screenshot={picture}",
                    f"http://127.0.0.1:{server.server_port}{path}",
                ],
                check=True,
                stderr=subprocess.DEVNULL,
                timeout=60,
            )
            print(f"{picture.relative_to(HERE.parent)}: {picture.stat().st_size:,} bytes")
        server.shutdown()


if __name__ == "__main__":
    main()
