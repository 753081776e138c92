"""The names of the objects of a row, and the sentence made of these names and the verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import get_language_bidi, gettext, gettext_lazy as _

from notifications.events import OBJECTS
from notifications.objects.fetch import Lost, model_of
from notifications.objects.guard import guarded
from notifications.objects.text import isolated, shown_text

#: The four shapes of the sentence, by whether there is an action object and whether there is a target.
SHAPES: dict[tuple[bool, bool], Promise] = {
    (True, True): _("%(actor)s %(verb)s %(action_object)s on %(target)s"),
    (False, True): _("%(actor)s %(verb)s %(target)s"),
    (True, False): _("%(actor)s %(verb)s %(action_object)s"),
    (False, False): _("%(actor)s %(verb)s"),
}
#: The same four, with how long ago it happened.
SHAPES_WITH_TIME: dict[tuple[bool, bool], Promise] = {
    (True, True): _("%(actor)s %(verb)s %(action_object)s on %(target)s %(timesince)s ago"),
    (False, True): _("%(actor)s %(verb)s %(target)s %(timesince)s ago"),
    (True, False): _("%(actor)s %(verb)s %(action_object)s %(timesince)s ago"),
    (False, False): _("%(actor)s %(verb)s %(timesince)s ago"),
}


def name_of(obj: models.Model) -> str:
    """Return the name of an object as plain text with at most ``MAX_LABEL_LENGTH`` characters.

    If the name is empty, this is "(untitled <model>)", and if the name raises an exception, "unavailable <model>".
    """
    name: str | None = guarded(obj, "its name", call_name, obj, otherwise=None)
    if name:
        return name
    # ``request.user`` is wrapped in another class.
    words = gettext("unavailable %(model)s") if name is None else gettext("(untitled %(model)s)")
    return words % {"model": name_of_model(obj.__class__)}


def call_name(obj: models.Model) -> str:
    """Return the name of an object, or an empty string if nothing of it is visible. Not guarded."""
    return shown_text(str(obj))


def name_of_model(model: type[models.Model]) -> str:
    """Return the name of a model, which may be a lazy translation of the site."""
    meta = model._meta
    name = guarded(f"{meta.label}.Meta", "verbose_name", shown_text_of, meta.verbose_name, otherwise="")
    return name or str(meta.model_name)


def shown_text_of(words: Any) -> str:
    """Return the part of a text, possibly a lazy translation, that a page can show."""
    return shown_text(str(words))


def label_of(row: models.Model, key: str) -> str:
    """Return the name of the object behind a generic key of a row.

    A gone object reads as "deleted <model>", or "deleted object" where its model is gone too; one that the viewer of
    the row may not see as "hidden <model>"; one that cannot be loaded, or whose name raises, as "unavailable <model>".
    An object that the row never had is an empty text.
    """
    obj = getattr(row, key)
    if obj is not None:
        return name_of(obj)
    field: Any = row._meta.get_field(key)
    content_type_id = getattr(row, field.type_column)
    # The admin of old Djangos stored an empty text where nothing was chosen.
    if content_type_id is None and getattr(row, field.fk_field) in (None, ""):
        return ""
    lost = field.lost(row)
    model = (
        None if content_type_id is None or lost is Lost.TYPELESS else model_of(content_type_id, row._state.db)
    )
    if model is None:
        return gettext("deleted object")
    words = {
        Lost.HIDDEN: gettext("hidden %(model)s"),
        Lost.UNAVAILABLE: gettext("unavailable %(model)s"),
    }.get(lost) or gettext("deleted %(model)s")
    return words % {"model": name_of_model(model)}


def labels_of(notification: Any) -> dict[str, str]:
    """Return the names of actor, action object and target, by these names."""
    return {key: label_of(notification, key) for key in OBJECTS}


def shape_of(parts: Mapping[str, str]) -> str:
    """Return the shape of the sentence that fits these parts, in the current language, with their names to fill in.

    The parts are ``actor``, ``verb``, ``action_object`` and ``target``, the last two empty where there is none, and
    perhaps ``timesince``, such as "12 hours".
    """
    shapes = SHAPES_WITH_TIME if "timesince" in parts else SHAPES
    return str(shapes[bool(parts["action_object"]), bool(parts["target"])])


def sentence(parts: Mapping[str, str]) -> str:
    """Return the sentence of the seed, with these parts, in the one of its four shapes that fits."""
    return shape_of(parts) % {**parts, **isolated_names(parts)}


def isolated_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the objects so that none of them turns the direction of the sentence."""
    is_bidi = get_language_bidi()
    return {key: isolated(names[key], is_bidi=is_bidi) for key in OBJECTS}
