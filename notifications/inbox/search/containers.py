"""What contains the target of a row, such as the repository of an issue: the term ``in:``, and the filters by it.

Extensions say along which fields objects are inside others. Of what contains a target, the objects count that people
search by name. The viewer must be allowed to see them, and the target as well.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Case, CharField, Exists, Q, QuerySet, Subquery, When
from django.db.models.functions import Cast, Coalesce

from notifications.extensions import containers
from notifications.inbox.search.logic import NEVER, any_of
from notifications.inbox.search.names import searched_models
from notifications.inbox.search.readable import object_of
from notifications.inbox.search.terms import MAX_QUERY_LENGTH
from notifications.objects.fetch import content_type_ids
from notifications.objects.guard import attempted
from notifications.objects.text import text_problem
from notifications.objects.visibility import all_objects, rule_of, visible_to

#: A name that needs no quotes in a query.
PLAIN_NAME = re.compile(r"[\w.+-]+")


@dataclass(frozen=True, slots=True)
class Path:
    """How the targets of a model lead to what contains them. Without steps, they are that themselves."""

    model: type[models.Model]
    #: The lookups, each with the model at its end: ``repository`` and ``repository__owner``.
    steps: tuple[tuple[str, type[models.Model]], ...] = ()

    @property
    def container(self) -> type[models.Model]:
        """Return the model of what contains the targets."""
        return self.steps[-1][1] if self.steps else self.model

    def lookup(self, name: str) -> str:
        """Return the lookup from the targets to a field of what contains them."""
        return f"{self.steps[-1][0]}__{name}" if self.steps else name

    def types(self, using: str) -> tuple[int, ...]:
        """Return the content types that rows may store for the targets."""
        return tuple(sorted(content_type_ids(self.model, using)))

    def targets(self, using: str, viewer: Any) -> QuerySet[Any] | None:
        """Return the target of a row as a subquery: none if the viewer may not see it, or a step of the path.

        None if the database cannot look it up.
        """
        targets = object_of("target", self.model, using, viewer)
        for lookup, model in self.steps:
            if targets is not None and rule_of(model) is not None:
                seen = visible_to(viewer, all_objects(model)).order_by().values("pk")
                targets = targets.filter(**{f"{lookup}__pk__in": seen})
        return targets


def paths() -> list[Path]:
    """Return the paths from targets to what is searched by name, the nearest first."""
    found, known = [], containers()
    named = searched_models() if known else {}
    for model, lookups in known.items():
        for lookup in lookups:
            what = f"The container {lookup!r} of {model!r}"
            path = attempted(what, "following it", follow, model, lookup, otherwise=None)
            if path is not None and path.container in named:
                found.append(path)
    return [*map(Path, dict.fromkeys(path.container for path in found)), *found]


def follow(model: type[models.Model], lookup: str) -> Path:
    """Return the path along a lookup. Raise FieldDoesNotExist if it leads nowhere."""
    steps: list[tuple[str, Any]] = []
    end: Any = model
    for name in lookup.split("__"):
        end = end._meta.get_field(name).related_model
        steps.append((f"{steps[-1][0]}__{name}" if steps else name, end))
    return Path(model, tuple(steps))


def inside(objects: dict[int, set[str]], using: str, viewer: Any) -> Q:
    """Return the condition that the target is inside one of these objects, which are given by content type."""
    conditions = []
    for path in paths():
        ids = {pk for each in content_type_ids(path.container, using) for pk in objects.get(each, ())}
        if path.steps and ids and (targets := path.targets(using, viewer)) is not None:
            there = Exists(targets.filter(**{f"{path.lookup('pk')}__in": sorted(ids)}))
            conditions.append(Q(target_content_type__in=path.types(using)) & Q(there))
    return any_of(conditions) or NEVER


def containers_of(rows: QuerySet[Any], known: Iterable[Path], viewer: Any) -> list[str | None]:
    """Return the name of the nearest object that contains the target of each row, along these paths, in one query.

    No names, and no query, if the database can follow none of them.
    """
    by_types: defaultdict[tuple[int, ...], list[Any]] = defaultdict(list)
    fields = searched_models()
    for path in known:
        if (targets := path.targets(rows.db, viewer)) is not None:
            name = Cast(path.lookup(fields[path.container]), CharField(max_length=500))
            named = targets.order_by().annotate(ntf_name=name).values("ntf_name")
            by_types[path.types(rows.db)].append(Subquery(named[:1]))
    if not by_types:
        return []
    whens = [
        When(target_content_type__in=types, then=Coalesce(*names) if len(names) > 1 else names[0])
        for types, names in by_types.items()
    ]
    named_rows = rows.annotate(ntf_in=Case(*whens, output_field=CharField()))
    return list(named_rows.values_list("ntf_in", flat=True))


def query_for(name: str) -> str:
    """Return the query for what is inside the object of this name, or an empty text if there is no such query."""
    if name != name.strip().removeprefix("@") or '"' in name or not name or text_problem(name):
        return ""
    query = f"in:{name}" if PLAIN_NAME.fullmatch(name) else f'in:"{name}"'
    return query if len(query) <= MAX_QUERY_LENGTH else ""
