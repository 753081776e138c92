"""The models of a site that brings its own. They are here, with migrations, also where a parent's app has them."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models

from notifications.models import AbstractNotification


class SwappedNotification(AbstractNotification):
    """A notification with columns of the site."""

    details = models.CharField(max_length=20, default="none")
    urgent = models.BooleanField(default=False)

    class Meta(AbstractNotification.Meta):
        abstract = False


class Child(SwappedNotification):
    """The child of a multi-table parent, for a test to put in its place."""

    note = models.CharField(max_length=20, default="a child")

    class Meta:
        # Those of the abstract model, which a child would get again, are on the parent's table.
        indexes = ()
        constraints = ()


class Member(User):
    """A user of a multi-table child."""

    nickname = models.CharField(max_length=20)


class Numbered(User):
    """A user of a multi-table child whose key is its own, so that it may be the number of another user."""

    number = models.AutoField(primary_key=True)
    user = models.OneToOneField(User, on_delete=models.CASCADE, parent_link=True, related_name="numbered")


class Reader(User):
    """The users under another name."""

    class Meta:
        proxy = True
