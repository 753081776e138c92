"""What the commands have in common: how they print, and how those that write commit."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections, models

from notifications.management.progress import ProgressBar
from notifications.storage.locking import retry
from notifications.storage.transactions import commit_by_itself


class Output:
    """A stream that takes every text, and of which nothing can fail a command that has done its work."""

    def __init__(self, stream: Any, *, is_silent: bool) -> None:
        # A process that was started with a closed standard output has none.
        self.stream, self.is_silent = stream, is_silent or stream is None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> None:
        """Write a text at once, with escapes for characters that the stream cannot have."""
        if self.is_silent:
            return
        try:
            self.stream.write(text)
        except UnicodeEncodeError as error:
            self.stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        except BrokenPipeError:
            self.leave()
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self.is_silent or not hasattr(self.stream, "flush"):
            return
        try:
            self.stream.flush()
        except BrokenPipeError:
            self.leave()

    def leave(self) -> None:
        """Print nothing any more: nobody reads it. What still waits would fail when the process ends."""
        self.is_silent = True
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


class PrintingCommand(BaseCommand):
    """A command that prints nothing with ``--verbosity 0``, as Django says, but errors."""

    is_silent = False

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it with an output that takes every text."""
        self.is_silent = options.get("verbosity") == 0
        options["stdout"] = Output(options.get("stdout") or sys.stdout, is_silent=self.is_silent)
        return super().execute(*args, **options)

    def progress_bar(self) -> ProgressBar:
        """Return a bar that is shown on a terminal."""
        return ProgressBar(None if self.is_silent else self.stderr)


class WritingCommand(PrintingCommand):
    """A command whose transactions are its own.

    Where ``AUTOCOMMIT`` is off, nobody would commit what it wrote. One that is called by code of a site,
    ``call_command()``, writes in the transaction of that code.
    """

    def run_from_argv(self, argv: list[str]) -> None:
        """Run it as a process of its own."""
        for using, database in connections.settings.items():
            if not database["AUTOCOMMIT"]:
                commit_by_itself(using)
        super().run_from_argv(argv)


def keys_in_chunks(rows: models.QuerySet[Any], size: int) -> Iterator[list[Any]]:
    """Yield the primary keys of the rows in chunks of this size.

    They go along the primary key, so that no chunk reads again what those before it have read.
    """
    keys = rows.order_by("pk").values_list("pk", flat=True)
    chunk = list(keys[:size])
    while chunk:
        yield chunk
        chunk = list(keys.filter(pk__gt=chunk[-1])[:size])


def delete_rows(rows: models.QuerySet[Any]) -> int:
    """Delete these rows. Return how many there still were: another process may have deleted some of them."""
    return retry(rows.delete, rows.db)[1].get(rows.model._meta.label, 0)
