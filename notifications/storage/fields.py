"""The JSON column of the model. The setting ``JSONFIELD`` chooses what stores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.module_loading import import_string

from notifications.conf import settings

if TYPE_CHECKING:
    Base = models.JSONField[Any, Any]
else:
    # The base of a class is fixed when the class is made, so this one setting is read at import.
    try:
        Base = import_string(settings.JSONFIELD)
    except ImportError as error:
        extra = "jsonfield" in settings.JSONFIELD
        hint = " (pip install 'django-notifications-inbox[jsonfield]')" if extra else ""
        raise ImproperlyConfigured(
            f'NOTIFICATIONS["JSONFIELD"] is {settings.JSONFIELD!r}, which cannot be imported: {error}{hint}'
        ) from error


class DataField(Base):
    """Store the extra data of an event as JSON, encoded by Django's encoder where the site's field has no own.

    Migrations name this class and nothing of its base, so that they are the same under every choice of base.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if issubclass(Base, models.JSONField):
            kwargs.setdefault("encoder", DjangoJSONEncoder)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        # Past the base on purpose: only what every field has goes into migrations.
        name, _, args, kwargs = models.Field.deconstruct(self)
        return name, "notifications.storage.fields.DataField", args, kwargs

    def json_encoder(self) -> type | None:
        """Return the encoder class that writes this column, of whichever field the site has chosen."""
        dump_kwargs: dict[str, Any] = getattr(self, "dump_kwargs", {})
        encoder: type | None = getattr(self, "encoder", None) or dump_kwargs.get("cls")
        return encoder
