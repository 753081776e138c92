"""Things that notifications are about, with every kind of primary key."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.db import models


class Named(models.Model):
    """Something with a name."""

    name = models.CharField(max_length=100)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Project(Named):
    """A target with an automatic key and a page of its own."""

    def get_absolute_url(self) -> str:
        return f"/projects/{self.pk}/"


class Issue(Named):
    """An action object whose url depends on who reads it."""

    def get_url_for_notifications(self, notification: Any, request: Any) -> str:
        return f"/issues/{self.pk}/?from={notification.pk}"


class Fork(Project):
    """A child of a multi-table parent."""


class ProjectProxy(Project):
    """The same rows under another name."""

    class Meta:
        proxy = True


class UuidThing(Named):
    """A UUID key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)


class TextThing(Named):
    """A text key."""

    code = models.CharField(max_length=255, primary_key=True)


class BigThing(Named):
    """A key at the far end of 64 bits."""

    id = models.BigIntegerField(primary_key=True)


class Quiet(models.Model):
    """An object without admin, without url and with markup in its name."""

    def __str__(self) -> str:
        return "<b>quiet</b>"


class Pair(models.Model):
    """A key of two columns, which no generic foreign key can hold."""

    pk = models.CompositePrimaryKey("left", "right")
    left = models.IntegerField()
    right = models.IntegerField()


class SlugThing(Named):
    """A text key with a rule that only forms apply."""

    code = models.SlugField(primary_key=True)


class Unhashable(Project):
    """A model that says when two of it are equal, so that Python gives it no hash."""

    class Meta:
        proxy = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Project) and other.name == self.name

    __hash__ = None  # type: ignore[assignment]


class Watched(Named):
    """A thing that takes the notifications about it along when it is deleted."""

    notifications = GenericRelation(
        getattr(settings, "NOTIFICATIONS_NOTIFICATION_MODEL", "notifications.Notification"),
        content_type_field="target_content_type",
        object_id_field="target_object_id",
    )
