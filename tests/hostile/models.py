"""Things that misbehave."""

from __future__ import annotations

from typing import Any

from django.db import models

from tests.hostile.ways import WAYS


class Thing(models.Model):
    """Something of which one method misbehaves in one way, and the others do not."""

    hook = models.CharField(max_length=50, default="", blank=True)
    way = models.CharField(max_length=50, default="", blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.answer("__str__", f"thing {self.pk}")  # type: ignore[no-any-return]

    def get_absolute_url(self) -> Any:
        return self.answer("get_absolute_url", f"/things/{self.pk}/")

    def notifications_parents(self) -> Any:
        return self.answer("notifications_parents", None)

    def answer(self, hook: str, otherwise: Any) -> Any:
        return WAYS[self.way]() if self.hook == hook else otherwise


class Plain(Thing):
    """The link is that of ``get_absolute_url()``."""


class Linked(Thing):
    """The link is for each notification."""

    def get_url_for_notifications(self, notification: Any, request: Any) -> Any:
        return self.answer("get_url_for_notifications", f"/linked/{self.pk}/")


class Falsy(models.Model):
    """A thing that is false."""

    def __str__(self) -> str:
        return f"false {self.pk}"

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        raise RuntimeError


class FussyField(models.CharField):  # type: ignore[type-arg]
    """A field that cannot read what it has written."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if value == "broken":
            raise ValueError(value)
        return value


class Converted(models.Model):
    """A thing with such a field."""

    value = FussyField(max_length=20)

    def __str__(self) -> str:
        return f"converted {self.pk}"


class Loaded(models.Model):
    """A thing that cannot be made of what the database has."""

    def __str__(self) -> str:
        return f"loaded {self.pk}"

    @classmethod
    def from_db(cls, *arguments: Any, **named: Any) -> Any:
        raise RuntimeError


class Refusing(models.Manager):  # type: ignore[type-arg]
    """A manager that has no rows for anybody who asks."""

    def get_queryset(self) -> Any:
        raise RuntimeError


class Managed(models.Model):
    """A thing whose base manager raises."""

    name = models.CharField(max_length=20, default="seven")

    objects = models.Manager()
    refusing = Refusing()

    class Meta:
        base_manager_name = "refusing"

    def __str__(self) -> str:
        return f"managed {self.pk}"


class Tableless(models.Model):
    """A thing without a table."""

    class Meta:
        managed = False

    def __str__(self) -> str:
        return "tableless"


class Nameless(models.Model):
    """A thing whose model has a name that cannot be said, nor can its own."""

    def __str__(self) -> str:
        raise RuntimeError


class Ruled(models.Model):
    """A thing with a rule that misbehaves."""

    def __str__(self) -> str:
        return "secret of a rule"
