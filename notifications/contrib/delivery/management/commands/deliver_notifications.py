"""Send the deliveries that are due."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from queue import Empty, SimpleQueue
from typing import Any

from django.db import (
    InterfaceError,
    InternalError,
    OperationalError,
    close_old_connections,
    connections,
    router,
)

from notifications.contrib.delivery.models import Delivery
from notifications.contrib.delivery.sending import Tally, deliver
from notifications.management.base import PrintingCommand
from notifications.management.commands.prune_notifications import count
from notifications.objects.guard import error_text
from notifications.storage.transactions import commit_by_itself


class Stop:
    """Whether to stop, which a signal can say at any moment.

    A ``threading.Event`` holds a lock when it begins to wait. A handler of a signal that sets it then would
    wait for the code that it interrupted, for ever. This queue can be written to at any moment.
    """

    def __init__(self) -> None:
        self.queue: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Say that it is to stop."""
        self.queue.put(None)

    def is_set(self) -> bool:
        """Return whether it is to stop."""
        return not self.queue.empty()

    def wait(self, seconds: float) -> bool:
        """Wait for so many seconds, or until it is to stop. Return whether it is."""
        try:
            self.queue.get(timeout=seconds)
        except Empty:
            return False
        self.set()
        return True


class Command(PrintingCommand):
    """Send what is due, once or until it is stopped. Any number of these can run at the same time."""

    help = "Send the deliveries of notifications that are due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how long it runs, and how often it looks."""
        parser.add_argument("--loop", action="store_true", help="run until SIGTERM or SIGINT")
        parser.add_argument(
            "--interval", type=count, default=5, help="seconds between two rounds of --loop (%(default)s)"
        )
        parser.add_argument(
            "--database", choices=tuple(connections), help="the database (default: that of the router)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send, and say what became of it."""
        using = options["database"] or router.db_for_write(Delivery)
        stop = Stop()
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        # Only the main thread of a process can listen.
        is_main = threading.current_thread() is threading.main_thread()
        for number in before if is_main else ():
            signal.signal(number, lambda *_: stop.set())
        try:
            self.rounds(using, stop, options)
        finally:
            for number, handler in before.items() if is_main else ():
                signal.signal(number, handler)

    def rounds(self, using: str, stop: Stop, options: dict[str, Any]) -> None:
        """Do one round, or one after the other."""
        while True:
            tally = Tally()
            try:
                # What is sent must be noted, or it is sent again.
                commit_by_itself(using)
                with self.progress_bar() as bar:
                    tally = deliver(using, stopped=stop.is_set, on_progress=bar)
            except (OperationalError, InterfaceError, InternalError) as error:
                # A server that is restarted, or is read-only while another one takes over. The leases of what was
                # claimed end by themselves.
                if not options["loop"]:
                    raise
                self.stderr.write(error_text(error))
            if tally.total or not options["loop"]:
                self.report(tally)
            if not options["loop"] or stop.is_set():
                return
            # A connection that was lost is opened again, and none is kept longer than the site wants.
            close_old_connections()
            if stop.wait(options["interval"]):
                return

    def report(self, tally: Tally) -> None:
        """Print the numbers in one line."""
        words = ("sent", "skipped", "moved", "retried", "failed")
        numbers = ", ".join(f"{getattr(tally, word)} {word}" for word in words)
        self.stdout.write(f"{numbers}.")
