"""The one command that shows the app: set up, load, serve."""

import errno
import shutil
import socket
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import BaseCommand, CommandError, call_command
from django.db import connection
from django.utils import timezone

from tracker.loading import load
from tracker.story import ADMIN, CAST, PASSWORD


class Command(BaseCommand):
    """Serve the issue tracker, after making its database and filling it if it is not there yet."""

    help = "Migrate the demo's database, load its story unless it is there already, and serve it."

    # The checks look into the database, and the port comes before everything else.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)"
        )
        parser.add_argument(
            "--port", default=8000, type=int, help="the port to listen on (default: %(default)s)"
        )
        parser.add_argument("--reset", action="store_true", help="delete the database first")
        parser.add_argument("--no-serve", action="store_true", help="stop when the data is loaded")

    def handle(self, *, host: str, port: int, reset: bool, no_serve: bool, **options: Any) -> None:
        """Take the port first: if somebody else has it, nothing else is worth doing."""
        listener = None if no_serve else listen(host, port)
        if reset:
            delete_database()
        self.check()
        call_command("migrate", interactive=False, verbosity=0)
        if not User.objects.exists():
            load(timezone.now())
            self.stdout.write("Loaded the demo's data.")
        if listener is not None:
            address = f"http://{host}:{listener.getsockname()[1]}/"
            settings.NOTIFICATIONS["BASE_URL"] = address
            self.stdout.write(f"The issue tracker is at {self.style.SUCCESS(address)}")
            self.stdout.write(f"Log in as {', '.join(CAST)} or {ADMIN} (who may enter {address}admin/).")
            self.stdout.write(f"Mails are not sent, but shown at {address}outbox/.")
            self.stdout.write(f"The password of each is {PASSWORD!r}. Stop with Ctrl-C.")
            self.stdout.flush()
            serve(host, listener)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, or say in one line why there is none."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {port} on {host} is taken: stop what listens there, or choose another with PORT=..."
            ) from error
        raise CommandError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from error
    except OverflowError as error:
        raise CommandError(f"There is no port {port}: it is between 0 and 65535.") from error


def delete_database() -> None:
    """Delete the database's file and the two that SQLite keeps beside it."""
    connection.close()
    name = str(settings.DATABASES["default"]["NAME"])
    for suffix in ("", "-wal", "-shm"):
        Path(name + suffix).unlink(missing_ok=True)
    shutil.rmtree(settings.OUTBOX, ignore_errors=True)


def serve(host: str, listener: socket.socket) -> None:
    """Serve with uvicorn until interrupted."""
    try:
        import uvicorn
    except ImportError as error:
        raise CommandError(
            "The demo is served by uvicorn, which is missing: python -m pip install uvicorn"
        ) from error
    # Whoever asks for another address than the loopback's wants to be reached by its name.
    settings.ALLOWED_HOSTS.append(host)
    from project.asgi import application

    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
    # Uvicorn shuts down in good order and then raises the signal again, for those who wait for it.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
