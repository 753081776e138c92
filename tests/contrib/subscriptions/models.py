"""Things that people watch: comments in issues in repositories of owners, and things in any shape."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from tests.testapp.models import Named


class Owner(Named):
    """What nothing contains."""


class Repo(Named):
    """What an owner contains, as the setting says."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE)


class Ticket(Named):
    """What a repository contains, as its method says."""

    repo = models.ForeignKey(Repo, on_delete=models.CASCADE)
    title = models.CharField(max_length=50, default="a title")

    def notifications_parents(self) -> Any:
        return self.repo


class Remark(Named):
    """What a ticket contains."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE)

    def notifications_parents(self) -> Any:
        return [self.ticket]


class Node(Named):
    """A thing that is contained by those that a test says."""

    above: ClassVar[dict[int, list[Node]]] = {}

    def notifications_parents(self) -> Any:
        return self.above.get(self.pk, [])
