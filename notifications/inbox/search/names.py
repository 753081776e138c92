"""The objects that a name in a query stands for: users, and what the setting ``SEARCH_FIELDS`` adds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, TypeAlias

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import connections, models

from notifications.conf import settings
from notifications.objects.fetch import content_type_ids
from notifications.objects.guard import attempted
from notifications.objects.visibility import all_objects, visible_to

#: The most objects of one model that the names in a query may stand for.
MAX_NAMED_OBJECTS = 100

#: For each name as it was typed, and each content type, the ids of the objects that it stands for.
Named: TypeAlias = "dict[str, dict[int, set[str]]]"


def searched_models() -> dict[type[models.Model], str]:
    """Return the models that people search by name, each with the field that holds it; a check says what is amiss."""
    users, (path, field) = get_user_model(), login_name()
    searched: dict[type[models.Model], str] = {users: path} if is_text(field) else {}
    if isinstance(settings.SEARCH_FIELDS, Mapping):
        fields = (searched_field(label, name) for label, name in settings.SEARCH_FIELDS.items())
        searched |= {found.model: found.name for found in fields if found}
    return searched


def login_name() -> tuple[str, models.Field[Any, Any]]:
    """Return the field with the name that users log in by, and the lookups that lead to it from the user.

    It may be a relation, and not every name is a text.
    """
    path = get_user_model().USERNAME_FIELD
    field: Any = get_user_model()._meta.get_field(path)
    while field.remote_field:
        field = field.target_field
        path = f"{path}__{field.name}"
    return path, field


def called(name: str) -> models.Q | None:
    """Return the condition for the user who logs in by exactly this name, or None if none can."""
    path, field = login_name()
    try:
        return models.Q(**{path: field.to_python(name)})
    except ValidationError:
        return None


def is_text(field: Any) -> bool:
    """Return whether a field stores text."""
    return isinstance(field, (models.CharField, models.TextField))


def searched_field(label: Any, name: Any) -> Any:
    """Return the field of this name of a model such as "tracker.Repository", or None where it is none of texts."""
    try:
        found = apps.get_model(label)._meta.get_field(name)
    except (LookupError, ValueError, TypeError, AttributeError, FieldDoesNotExist):
        return None
    return found if is_text(found) else None


def find(names: Iterable[str], using: str | None, viewer: Any) -> tuple[Named, str]:
    """Return which objects these names stand for, and one of the names if some of its objects are missing.

    A name may be written with an ``@``, and in small letters. Of more than 100 objects, the newest are returned.
    """
    missing = ""
    names_of_spelling: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        for spelling in spellings(name):
            names_of_spelling[spelling].add(name)
    found: Named = defaultdict(lambda: defaultdict(set))
    if not names_of_spelling:
        return found, missing
    for model, field in searched_models().items():
        rows = visible_to(viewer, all_objects(model).filter(**{f"{field}__in": set(names_of_spelling)}))
        types = content_type_ids(model, using)
        what = f"The search in {model._meta.label}.{field}"
        nothing: list[tuple[str, Any]] = []
        named = attempted(what, "its query", names_in, rows, field, otherwise=nothing)
        if len(named) > MAX_NAMED_OBJECTS:
            [(missing, _)] = Counter(each for each, _ in named).most_common(1)
        # To MySQL and MariaDB, and to such columns of PostgreSQL, a name is the same in other letters.
        is_same_in_any_case = connections[rows.db].vendor == "mysql" or any(
            each not in names_of_spelling for each, _ in named
        )
        for each, pk in named[:MAX_NAMED_OBJECTS]:
            asked = names_of_spelling.get(each, set())
            if is_same_in_any_case:
                asked = asked | names_of_spelling.get(each.lower(), set())
            for name, content_type_id in product(asked, types):
                found[name][content_type_id].add(str(pk))
    return found, missing


def names_in(rows: models.QuerySet[Any], name: str) -> list[tuple[str, Any]]:
    """Return the names and primary keys of the newest of the rows, one more than may be used."""
    return list(rows.order_by("-pk").values_list(name, "pk")[: MAX_NAMED_OBJECTS + 1])


def spellings(name: str) -> set[str]:
    """Return how a name may be written in the database that was typed like this."""
    plain = name.removeprefix("@")
    return {plain, plain.lower()} - {""}
