"""What contains what: the paths along which a subscription to one object applies to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models

from notifications.conf import of_model
from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.fields import make_object_key
from notifications.events import OBJECTS, Event
from notifications.objects.guard import attempted, guarded


@dataclass(frozen=True, slots=True, eq=False)
class Ancestry:
    """The objects whose subscriptions apply to an event, by their keys.

    ``own`` are those that the event names. Each of ``paths`` leads from one of them through what contains it, and
    says of each object how many steps away it is. ``objects`` has them all.
    """

    own: frozenset[str]
    paths: tuple[dict[str, int], ...]
    objects: dict[str, models.Model]


def object_key(obj: models.Model, using: str | None = None) -> str:
    """Return the key of the object: its concrete model's content type and its primary key."""
    return make_object_key(ContentType.objects.db_manager(using).get_for_model(obj).pk, str(obj.pk))


def parents_of(obj: models.Model) -> list[models.Model]:
    """Return what contains the object: what its ``notifications_parents()`` says, else the setting ``PARENTS``."""
    nothing: list[models.Model] = []
    if hasattr(obj.__class__, "notifications_parents"):
        return guarded(obj, "notifications_parents()", call_parents, obj, otherwise=nothing)
    # Nearly always a foreign key, so a savepoint is not worth its cost.
    return attempted(obj, "PARENTS", attributes_of, obj, of_model(settings.PARENTS, obj), otherwise=nothing)


def call_parents(obj: Any) -> list[models.Model]:
    """Return the saved parents that ``notifications_parents()`` of an object returns. Not guarded."""
    return saved_objects(obj.notifications_parents())


def attributes_of(obj: models.Model, names: Any) -> list[models.Model]:
    """Return the saved parents in these attributes of an object. Not guarded."""
    return saved_objects(
        [getattr(obj, name) for name in ([names] if isinstance(names, str) else names or ())]
    )


def saved_objects(found: Any) -> list[models.Model]:
    """Return the saved objects in a value that is one object, several or None."""
    parents = found if isinstance(found, Iterable) and not isinstance(found, models.Model) else [found]
    return [parent for parent in parents if isinstance(parent, models.Model) and parent.pk is not None]


def ancestry_of(event: Event, using: str | None = None) -> Ancestry:
    """Return the objects whose subscriptions apply to the event.

    Only what contains the objects is looked up, each once, at most ``MAX_DEPTH`` steps away. An object that contains
    another one of the event begins no path: it is on that one's.
    """
    starts = {object_key(obj, using): obj for name in OBJECTS if (obj := getattr(event, name)) is not None}
    objects: dict[str, models.Model] = dict(starts)
    containers: dict[str, list[str]] = {}

    def parents(key: str) -> list[str]:
        if key not in containers:
            above = {object_key(parent, using): parent for parent in parents_of(objects[key])}
            for name, parent in above.items():
                objects.setdefault(name, parent)
            containers[key] = list(above)
        return containers[key]

    paths = {start: path_from(start, parents) for start in starts}
    firsts = [key for key in starts if not any(contains(key, other, paths) for other in starts)]
    # What a path that was cut does not reach begins one of its own.
    kept = [key for key in starts if key in firsts or not any(key in paths[first] for first in firsts)]
    return Ancestry(frozenset(starts), tuple(paths[key] for key in kept), objects)


def path_from(start: str, parents: Callable[[str], list[str]]) -> dict[str, int]:
    """Return how many steps each object is away from the first, level by level; a cycle ends where it closes."""
    steps, edge = {start: 0}, [start]
    for step in range(1, settings.MAX_DEPTH + 1):
        above: list[str] = []
        for key in edge:
            for container in parents(key):
                if container not in steps:
                    steps[container] = step
                    above.append(container)
        edge = above
    return steps


def contains(key: str, other: str, paths: dict[str, dict[str, int]]) -> bool:
    """Tell whether an object contains the other one, and is not contained by it as well."""
    return key != other and key in paths[other] and other not in paths[key]
