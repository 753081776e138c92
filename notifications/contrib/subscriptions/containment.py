"""What contains what: the paths along which a subscription to one object applies to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from inspect import getattr_static, isfunction
from itertools import islice
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.fields.related_descriptors import (
    ForwardManyToOneDescriptor,
    ReverseManyToOneDescriptor,
    ReverseOneToOneDescriptor,
)
from django.db.models.query_utils import DeferredAttribute

from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.fields import make_object_key, reference_of
from notifications.events import OBJECTS, Event
from notifications.models import AbstractNotification
from notifications.objects.fetch import model_of
from notifications.objects.guard import attempted, guarded, report
from notifications.objects.visibility import model_named
from notifications.sending.audience import is_user

#: The most parents of an object that are asked for.
MAX_PARENTS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Ancestry:
    """The objects whose subscriptions apply to an event, by their keys.

    ``own`` are those that the event names, and the one that it is about. Each of ``paths`` leads from one of them
    through what contains it, and says of each object how many steps away it is. ``objects`` has them all.
    """

    own: frozenset[str]
    paths: tuple[dict[str, int], ...]
    objects: dict[str, models.Model]


def object_key(obj: models.Model, using: str | None = None) -> str:
    """Return the text that stands for the object in the column ``object_key``."""
    return make_object_key(*reference_of(obj), using)


def parents_of(obj: models.Model) -> list[models.Model]:
    """Return what contains the object: what its ``notifications_parents()`` says, else the setting ``PARENTS``.

    A parent that cannot be loaded is left out, and logged once.
    """
    nothing: list[models.Model] = []
    if hasattr(obj.__class__, "notifications_parents"):
        return guarded(obj, "notifications_parents()", call_parents, obj, otherwise=nothing)
    found = []
    for name in attributes_of(obj.__class__):
        setting = f"NOTIFICATIONS['PARENTS'] of {obj._meta.label}: {name!r}"
        if problem := attribute_problem(obj.__class__, name):
            report(setting, "reading it", AttributeError(problem))
            continue
        # The query of a foreign key is Django's own, which is not worth the cost of a savepoint.
        is_foreign_key = isinstance(getattr_static(obj.__class__, name), ForwardManyToOneDescriptor)
        call = attempted if is_foreign_key else guarded
        found += call(obj, f"its parent {name!r}", call_attribute, obj, name, otherwise=nothing)
    return found


def has_parents(model: type[models.Model]) -> bool:
    """Return whether the objects of a model can be inside others."""
    return hasattr(model, "notifications_parents") or bool(attributes_of(model))


def may_contain(model: type[models.Model]) -> bool:
    """Return whether objects of another model can be inside those of this one, as far as their fields tell."""
    related = (field for field in model._meta.get_fields(include_hidden=True) if field.auto_created)
    children: set[Any] = {field.related_model for field in related if field.one_to_many or field.one_to_one}
    children |= {
        each
        for each in apps.get_models()
        if any(isinstance(field, GenericForeignKey) for field in each._meta.private_fields)
    }
    return any(has_parents(child) for child in children - {model, *model._meta.get_parent_list()})


def attributes_of(model: type[models.Model]) -> list[Any]:
    """Return the attributes that hold the parents of a model, as the setting ``PARENTS`` names them.

    The setting for a model applies to its proxies and multi-table children as well, unless they have their own.
    """
    wanted: Any = settings.PARENTS
    named: dict[str, Any] = {}
    for label, names in wanted.items() if isinstance(wanted, Mapping) else ():
        proxy = model_named(label)
        concrete = proxy and proxy._meta.concrete_model
        named[concrete._meta.label_lower if concrete else str(label).lower()] = names
    lineage = [cls._meta.label_lower for cls in model.__mro__ if hasattr(cls, "_meta")]
    names = next((named[label] for label in lineage if label in named), ())
    return [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)


def lookups_of_parents() -> dict[type[models.Model], list[str]]:
    """Return the lookups from models to what contains their objects, along the foreign keys in ``PARENTS``.

    Where a method says what contains an object, a query cannot ask it.
    """
    found = {}
    for model in apps.get_models() if settings.PARENTS else ():
        edge, lookups = [("", model)], []
        for _ in range(settings.MAX_DEPTH):
            edge = [
                (f"{lookup}{name}__", above)
                for lookup, each in edge
                if not hasattr(each, "notifications_parents")
                for name in attributes_of(each)
                if isinstance(name, str) and (above := model_in_key(each, name)) is not None
            ]
            lookups += [lookup.removesuffix("__") for lookup, _ in edge]
        if lookups:
            found[model] = lookups
    return found


def model_in_key(model: type[models.Model], name: str) -> type[models.Model] | None:
    """Return the model to which a foreign key of this name refers, or None if there is no such foreign key."""
    descriptor = getattr_static(model, name, None)
    if not isinstance(descriptor, ForwardManyToOneDescriptor):
        return None
    return descriptor.field.related_model  # type: ignore[no-any-return]


def known_attributes(model: type[models.Model]) -> list[str]:
    """Return the names of the fields and attributes of a model."""
    return [*(field.name for field in model._meta.get_fields()), *dir(model)]


def attribute_problem(model: type[models.Model], name: Any) -> str:
    """Return why an attribute of a model cannot hold a parent, or an empty text."""
    if not isinstance(name, str) or name not in known_attributes(model):
        return "which does not exist"
    found = getattr_static(model, name, None)
    if isinstance(found, ReverseManyToOneDescriptor):
        return "which holds several objects: return them from a method notifications_parents()"
    if isinstance(found, DeferredAttribute):
        return "which holds a value and no object"
    if isfunction(found):
        return "which is a method: name it notifications_parents()"
    return ""


def call_parents(obj: Any) -> list[models.Model]:
    """Return the saved parents that ``notifications_parents()`` of an object returns. Not guarded."""
    found = obj.notifications_parents()
    several = isinstance(found, Iterable) and not isinstance(found, (models.Model, str))
    # A generator that follows parents around a loop would never end.
    return saved_objects(islice(found, MAX_PARENTS) if several else [found])


def call_attribute(obj: models.Model, name: str) -> list[models.Model]:
    """Return the saved parent in an attribute of an object, or an empty list. Not guarded."""
    try:
        return saved_objects([getattr(obj, name)])
    except ObjectDoesNotExist:
        if isinstance(getattr_static(obj.__class__, name, None), ReverseOneToOneDescriptor):
            # No object points to this one, which is no fault.
            return []
        raise


def saved_objects(found: Iterable[Any]) -> list[models.Model]:
    """Return the saved objects among these. Raise TypeError for what is neither an object nor None."""
    for parent in (parents := list(found)):
        if parent is not None and not isinstance(parent, models.Model):
            raise TypeError(f"a parent must be a model instance or None, got {type(parent).__name__}.")
    return [parent for parent in parents if parent is not None and parent.pk is not None]


class Surroundings:
    """Objects and what contains them, each looked up once. ``objects`` has all that were found, by their keys."""

    def __init__(self, starts: Iterable[models.Model], using: str | None = None) -> None:
        self.using = using
        named = [(object_key(obj, using), obj) for obj in starts]
        #: The keys of the first objects, by their ``id()``.
        self.keys = {id(obj): key for key, obj in named}
        self.objects = dict(reversed(named))
        self._parents: dict[str, list[str]] = {}
        #: From each of the first objects, how many steps away what contains it is.
        self.paths = {key: self.path_from(key) for key, _ in named}

    def add(self, obj: models.Model) -> None:
        """Add an object to the first ones, if it is none of them."""
        if id(obj) not in self.keys and (key := object_key(obj, self.using)) not in self.paths:
            self.objects.setdefault(key, obj)
            self.paths[key] = self.path_from(key)

    def parents(self, key: str) -> list[str]:
        """Return the keys of what contains an object."""
        if key not in self._parents:
            above = {object_key(parent, self.using): parent for parent in parents_of(self.objects[key])}
            for name, parent in above.items():
                self.objects.setdefault(name, parent)
            self._parents[key] = list(above)
        return self._parents[key]

    def path_from(self, start: str) -> dict[str, int]:
        """Return how many steps each object is away, level by level; a cycle ends where it closes."""
        steps, edge = {start: 0}, [start]
        for step in range(1, settings.MAX_DEPTH + 1):
            above: list[str] = []
            for key in edge:
                for container in self.parents(key):
                    if container not in steps:
                        steps[container] = step
                        above.append(container)
            edge = above
        return steps

    def contains(self, key: str, other: str) -> bool:
        """Return whether one of the first objects contains another one, and is not contained by it as well."""
        return key != other and key in self.paths[other] and other not in self.paths[key]

    def innermost(self, keys: list[str]) -> tuple[str, str | None]:
        """Return the one of these that another one contains, and that other one; else the first of them and None."""
        for key in keys:
            outer = [other for other in keys if self.contains(other, key)]
            if outer and not any(self.contains(key, other) for other in keys):
                return key, min(outer, key=self.paths[key].__getitem__)
        return keys[0], None


def ancestry_of(event: Event, using: str | None = None) -> Ancestry:
    """Return the objects whose subscriptions apply to the event.

    Only what contains the objects is looked up, each once, at most ``MAX_DEPTH`` steps away. An object that contains
    another one of the event begins no path: it is on that one's.
    """
    around = Surroundings((obj for name in OBJECTS if (obj := getattr(event, name)) is not None), using)
    if (subject := subject_among(event, around)) is not None:
        # A method of the site's may name another object.
        around.add(subject)
    paths = around.paths
    firsts = [key for key in paths if not any(around.contains(key, other) for other in paths)]
    # What a path that was cut does not reach begins one of its own.
    kept = [key for key in paths if key in firsts or not any(key in paths[first] for first in firsts)]
    return Ancestry(frozenset(paths), tuple(paths[key] for key in kept), around.objects)


def subject_of(event: Event | AbstractNotification) -> models.Model | None:
    """Return the object that an event or a notification is about, or None if it is about its actor alone.

    It is the target, or the action object if there is no target. If one of them is inside the other, it is the inner
    one: "closed issue 2 on activity-stream" is about the issue. A part of a conversation is left out: if the inner
    object cannot contain anything and the outer one is itself inside something, it is the outer one, as in "commented
    on issue 2". A model decides this with a method ``notifications_subject()``, which returns the object.

    An actor that is not a user counts as well, after the other two. Costs the queries that load the parents.
    """
    objects = (getattr(event, name) for name in OBJECTS)
    return subject_among(event, Surroundings(obj for obj in objects if obj is not None))


def subject_among(event: Event | AbstractNotification, around: Surroundings) -> models.Model | None:
    """Return the object that an event is about, whose objects are the first ones of ``around``."""
    actor = None if event.actor is None or is_user(event.actor) else event.actor
    keys = [around.keys[id(obj)] for obj in (event.target, event.action_object, actor) if obj is not None]
    if not keys:
        return None
    inner, outer = around.innermost(keys)
    obj = around.objects[inner]
    if hasattr(obj.__class__, "notifications_subject"):
        return guarded(obj, "notifications_subject()", call_subject, obj, otherwise=obj)
    is_part = outer is not None and not may_contain(obj.__class__) and around.parents(outer)
    return around.objects[outer] if outer is not None and is_part else obj


def subject_of_notification(row: AbstractNotification) -> models.Model | None:
    """Return the object that a notification is about, or None if it has none that its recipient can see.

    If the action object is gone or hidden, the notification is not about the target that it was inside of: to mute an
    issue that was deleted must not mute its repository.
    """
    key: Any = row._meta.get_field("action_object")
    reference = key.reference(row)
    if reference is not None and row.action_object is None and row.target is not None:
        model = model_of(reference[0], row._state.db)
        is_thread = model is not None and (may_contain(model) or not parents_of(row.target))
        if (
            model is not None
            and is_thread
            and has_parents(model)
            and not hasattr(model, "notifications_subject")
        ):
            return None
    return subject_of(row)


def call_subject(obj: Any) -> models.Model:
    """Return the saved object that ``notifications_subject()`` returns, or the object itself for None. Not guarded."""
    return next(iter(saved_objects([obj.notifications_subject()])), obj)
