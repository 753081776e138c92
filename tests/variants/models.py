"""Models that a site may put in the place of ours, each with something that one statement cannot write.

They share a database with ``SwappedNotification``, so names that are unique in a database stay with that one.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.functions import Upper

from notifications.models import AbstractNotification
from tests.testapp.models import Project


def foreign_key(to: Any) -> Any:
    """Return a foreign key that needs no table of an app with migrations, which come after this app's tables."""
    return models.ForeignKey(to, on_delete=models.CASCADE, null=True, related_name="+", db_constraint=False)


class Variant(AbstractNotification):
    """What the models below share; none of them has the constraint over (event, recipient)."""

    recipient = foreign_key(settings.AUTH_USER_MODEL)
    actor_content_type = foreign_key(ContentType)
    action_object_content_type = foreign_key(ContentType)
    target_content_type = foreign_key(ContentType)

    class Meta:
        abstract = True


class SavesItself(Variant):
    """A model that does something of its own when a row is saved."""

    def save(
        self,
        force_insert: Any = False,
        force_update: Any = False,
        using: Any = None,
        update_fields: Any = None,
    ) -> None:
        # As editors write it, which Django takes until 6.0.
        self.description = f"saved for {self.recipient_id}"
        super().save(force_insert, force_update, using, update_fields)


class Tokened(Variant):
    """A column whose default differs from row to row."""

    token = models.UUIDField(default=uuid.uuid4)


class Ticketed(Variant):
    """A column that no two rows may share."""

    ticket = models.IntegerField(unique=True, null=True)


class UuidKeyed(Variant):
    """A primary key that the database does not make."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)


class Columned(Variant):
    """Columns that one statement can write: of the database, computed, and a foreign key."""

    priority = models.IntegerField(db_default=3)
    shout = models.GeneratedField(
        expression=Upper("verb"), output_field=models.CharField(max_length=255), db_persist=True
    )
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+")


if TYPE_CHECKING:
    Text = models.CharField[str, str]
else:
    Text = models.CharField


class RandomText(Text):
    """A column whose value is made when a row is saved, as that of django-extensions' ``RandomCharField``."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = uuid.uuid4().hex
        setattr(model_instance, self.attname, value)
        return value


class Stamped(Variant):
    """Columns that are filled when a row is saved: one alike for all rows of an event, one not."""

    arrived = models.DateTimeField(auto_now_add=True)
    token = RandomText(max_length=32, default="")


class SelfMade(Variant):
    """A model whose rows differ as soon as they are made."""

    token = models.CharField(max_length=32, default="")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.token = self.token or uuid.uuid4().hex


class SavesBase(Variant):
    """A model that does something of its own where ``save()`` ends up."""

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        self.description = f"saved for {self.recipient_id}"
        super().save_base(*args, **kwargs)


class Attributed(Variant):
    """What a keyword of ``notify.send`` can set beside plain columns, and what looks as if it could."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+")
    expires = models.DateTimeField(null=True)
    context_type = foreign_key(ContentType)
    context_id = models.CharField(max_length=255, blank=True)
    context = GenericForeignKey("context_type", "context_id")
    color = models.CharField(max_length=20, default="")

    #: A plain attribute, which ``save()`` of a site may look at.
    push = False

    @property
    def shade(self) -> str:
        return self.color

    @shade.setter
    def shade(self, value: str) -> None:
        self.color = f"dark {value}"

    @property
    def fixed(self) -> str:
        return "fixed"

    def method(self) -> str:
        return "called"
