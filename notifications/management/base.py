"""What the commands that write have in common."""

from __future__ import annotations

from django.core.management.base import BaseCommand
from django.db import connections

from notifications.storage.transactions import commit_by_itself


class WritingCommand(BaseCommand):
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
