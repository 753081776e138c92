"""The columns of the model that are not Django's: extra data, and the keys of objects."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import lookups
from django.db.models.fields.json import DataContains, JSONExact, KeyTransform
from django.db.models.functions import Cast
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from notifications.conf import settings

if TYPE_CHECKING:
    Base = models.JSONField[Any, Any]
    TextColumn = models.CharField[Any, Any]
else:
    TextColumn = models.CharField
    # The base of a class is fixed when the class is made, so this one setting is read at import.
    try:
        Base = import_string(settings.JSONFIELD) if isinstance(settings.JSONFIELD, str) else None
        if not (isinstance(Base, type) and issubclass(Base, models.Field)):
            raise TypeError("it must be the dotted path of a field class.")
    except (ImportError, TypeError) as error:
        extra = isinstance(error, ImportError) and "jsonfield" in settings.JSONFIELD
        hint = " (pip install 'django-notifications-inbox[jsonfield]')" if extra else ""
        raise ImproperlyConfigured(
            f'NOTIFICATIONS["JSONFIELD"] is {settings.JSONFIELD!r}, which cannot be imported: {error}{hint}'
        ) from error

M = TypeVar("M", bound=type[models.Model])

#: What people read of a field or a model. No table depends on it.
LABELS = ("choices", "help_text", "verbose_name", "verbose_name_plural")


class ObjectText(str):
    """The text of an object in a fixture."""

    __slots__ = ()


class DataField(Base):
    """Store the extra data of an event as JSON. The default encoder is Django's.

    Migrations refer to this class only, so that they do not depend on the setting ``JSONFIELD``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if issubclass(Base, models.JSONField):
            kwargs.setdefault("encoder", DjangoJSONEncoder)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        # The base is left out on purpose: migrations contain only what every field has.
        name, _, args, kwargs = models.Field.deconstruct(self)
        return name, "notifications.storage.fields.DataField", args, kwargs

    def to_python(self, value: Any) -> Any:
        """Return the value of a fixture or a form. Fixtures of the older packages have an object as text."""
        if isinstance(value, str) and value.startswith("{"):
            with suppress(ValueError, RecursionError):
                found = json.loads(value)
                # Django itself reads the text afterwards, if the fixture is XML.
                return ObjectText(value) if issubclass(Base, models.JSONField) else found
        return super().to_python(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return what is stored: of the text of an object, the object."""
        if isinstance(value, ObjectText):
            value = json.loads(value)
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Return the value, or its JSON as text if it is nested deeper than Python can read.

        Old tables may have such values; ``notify.send`` refuses them.
        """
        try:
            return super().from_db_value(value, expression, connection)
        except RecursionError:
            return value

    def json_encoder(self) -> type | None:
        """Return the encoder class of this column, whichever field class the site has chosen."""
        dump_kwargs: dict[str, Any] = getattr(self, "dump_kwargs", {})
        encoder: type | None = getattr(self, "encoder", None) or dump_kwargs.get("cls")
        return encoder


#: The lookups that search the text of the JSON if they get a text, with what they do otherwise.
TEXT_LOOKUPS: dict[str, type[models.Lookup[Any]]] = {
    "contains": DataContains,
    "icontains": lookups.IContains,
    "startswith": lookups.StartsWith,
    "istartswith": lookups.IStartsWith,
    "endswith": lookups.EndsWith,
    "iendswith": lookups.IEndsWith,
    "iexact": lookups.IExact,
    "regex": lookups.Regex,
    "iregex": lookups.IRegex,
}


def search_text(name: str, otherwise: type[models.Lookup[Any]]) -> type[models.Lookup[Any]]:
    """Return a lookup of the column ``data`` that compares its JSON as text with a text.

    The older packages had a text column, so sites search it with ``data__contains="digest"``. Django would look for a
    JSON string, which no object contains. The value of a key and anything but a text are compared as in Django.
    """

    class TextSearch(otherwise):  # type: ignore[misc, valid-type]
        def __new__(cls, *args: Any) -> Any:
            # Python makes a copy without arguments.
            lhs, rhs = args or (None, None)
            if not isinstance(rhs, (str, Promise)) or isinstance(lhs, KeyTransform):
                return super().__new__(cls)
            text, used = str(rhs), name
            if not (text.isascii() or name.endswith("regex")):
                text, used = text_pattern(text, name), "iregex" if name.startswith("i") else "regex"
            lookup = models.TextField().get_lookup(used)
            return lookup(Cast(lhs, models.TextField()), text)  # type: ignore[misc]

    TextSearch.lookup_name = name
    return TextSearch


def text_pattern(text: str, name: str) -> str:
    """Return a regular expression for a text in JSON, in which other characters than ASCII may be escaped or not.

    ``name`` is a lookup such as "istartswith". PostgreSQL stores the characters, the others what Python writes.
    """
    pattern = ""
    for char in text:
        if char.isascii():
            pattern += char if char.isalnum() else f"\\{char}"
            continue
        forms = {char, char.lower(), char.upper()} if name.startswith("i") else {char}
        escaped = {json.dumps(form)[1:-1].replace("\\", "\\\\") for form in forms}
        pattern += f"(?:{'|'.join(sorted(forms | escaped))})"
    kind = name.removeprefix("i")
    return (
        ("^" if kind in {"startswith", "exact"} else "")
        + pattern
        + ("$" if kind in {"endswith", "exact"} else "")
    )


class ExactData(JSONExact):
    """Compare the data. None is no data, as on the text column of the older packages, and not the JSON ``null``.

    No row has that: without this, ``get_or_create(data=None)`` would create a row each time.
    """

    can_use_none_as_rhs = False


if issubclass(DataField, models.JSONField):
    DataField.register_lookup(ExactData)
    for lookup_name, otherwise in TEXT_LOOKUPS.items():
        DataField.register_lookup(search_text(lookup_name, otherwise), lookup_name)


class ExactTextField(TextColumn):
    """Store a text that identifies something. It is compared exactly on every database.

    On MySQL and MariaDB the column would otherwise be compared by the collation of its table, for which "aB3x" and
    "Ab3X" are usually the same, and so are letters with and without accents.
    """

    def db_type(self, connection: Any) -> str | None:
        """Return the type of the column, on MySQL with the binary collation of its character set."""
        name = super().db_type(connection)
        return f"{name} binary" if connection.vendor == "mysql" else name


class ObjectIdField(ExactTextField):
    """Store the primary key of an object as text."""


def without_labels_in_migrations(model: M) -> M:
    """Keep the labels, help texts and choices of a model and its fields out of migrations: a class decorator.

    Otherwise each site would need a new migration whenever a label is reworded. The subclasses of an abstract model
    do the same with what they inherit from it. What a site adds is migrated as usual.
    """
    if model._meta.abstract:

        def hide_inherited_labels(sender: type[models.Model], **kwargs: Any) -> None:
            if issubclass(sender, model):
                hide_labels(sender, of=model)

        # The decorator is the only owner of this receiver.
        models.signals.class_prepared.connect(hide_inherited_labels, weak=False)
    else:
        hide_labels(model, of=model)
    return model


def hide_labels(model: type[models.Model], *, of: type[models.Model]) -> None:
    """Hide from migrations the labels that ``model`` has from ``of``, which may be the model itself."""
    ours = {field.creation_counter for field in of._meta.local_fields}
    for field in model._meta.local_fields:
        if field.creation_counter in ours:
            hide_labels_of_field(field)
    attributes: dict[str, Any] = model._meta.original_attrs
    for name in LABELS:
        if name in attributes and attributes[name] is getattr(of._meta, name):
            del attributes[name]


def hide_labels_of_field(field: Any) -> None:
    # The label that Django writes. So it is hidden in a copy as well that a library has changed: the function below
    # would write what the field was before.
    field._verbose_name = None
    if not (field.choices or field.help_text):
        return
    # A subclass of each field class would not do: Django refuses to combine a CharField with a subclass of it.
    deconstruct = field.deconstruct

    def without_labels() -> Any:
        name, path, args, kwargs = deconstruct()
        return name, path, args, {key: value for key, value in kwargs.items() if key not in LABELS}

    field.deconstruct = without_labels
