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


class Branch(Repo):
    """A multi-table child with a primary key of its own, which is not that of its parent."""

    number = models.BigAutoField(primary_key=True)
    parent = models.OneToOneField(Repo, on_delete=models.CASCADE, parent_link=True, related_name="+")


class Mirror(Repo):
    """A multi-table child as most are."""


class RepoProxy(Repo):
    """The same rows under another name."""

    class Meta:
        proxy = True


class Readme(Named):
    """What at most one repository has, and what many people and objects point to."""

    repo = models.OneToOneField(Repo, on_delete=models.CASCADE, related_name="readme")
    topics = models.ManyToManyField(Owner, related_name="+")


class Post(Named):
    """What nothing contains, and what its notes are about."""


class Note(Named):
    """What a post contains: to take part in it is to take part in the post."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE)

    def notifications_parents(self) -> Any:
        return self.post

    def notifications_subject(self) -> Any:
        return self.post
