"""Refuse querysets whose rows do not identify users, with a clear error before anything is read."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models

from notifications.objects.fetch import key_field


def refuse_odd(audience: models.QuerySet[Any], where: str) -> None:
    """Raise TypeError, with a message that begins with ``where``, unless each row of the queryset is a user.

    A queryset that selects columns, for example by ``values()``, must select the primary key: the values of
    ``values_list("manager_id")`` are not the users of the queryset. The parts of a union keep the columns that they
    select, so the key must be the first of them.
    """
    refuse_other_models(audience.query, where)
    # Any: the columns that values() was called with, a private attribute of QuerySet.
    selecting: Any = audience
    fields = selecting._fields
    if fields and key_names(audience.model).isdisjoint(map(str, fields)):
        raise TypeError(
            f"{where} selects {', '.join(map(str, fields))} and not the primary key of a user, so that it does not say "
            "who is meant. Leave out values(), or filter users: User.objects.filter(pk__in=...)."
        )
    if audience.query.combinator:
        refuse_odd_parts(audience.query, audience.db, where)


def refuse_other_models(query: Any, where: str) -> None:
    """Raise TypeError if the query, or a part of it, is of another model than users."""
    user_model: Any = get_user_model()
    if not issubclass(query.model, user_model._meta.concrete_model):
        raise TypeError(
            f"{where} is a queryset of {query.model.__name__}; it must be one of {user_model.__name__}."
        )
    for part in query.combined_queries:
        refuse_other_models(part, where)


def key_names(model: type[models.Model]) -> set[str]:
    """Return the names by which a queryset of this model selects the primary key of the user.

    A model that inherits from the user model can have its own primary key, and then "pk" is that one.
    """
    key: Any = get_user_model()._meta.pk
    names = {key.name, key.attname}
    if key_field(model) == key_field(get_user_model()):
        own: Any = model._meta.pk
        names |= {"pk", own.name, own.attname}
    return names


def refuse_odd_parts(query: Any, using: str, where: str) -> None:
    """Raise TypeError if a part of a union selects columns and the primary key is not the first."""
    parts = query.combined_queries
    selecting = [part for part in parts if part.has_select_fields]
    if selecting and len(selecting) < len(parts):
        raise TypeError(
            f"{where} is a {query.combinator} of which only some parts select columns, by values()."
        )
    for part in parts:
        if part.combinator:
            refuse_odd_parts(part, using, where)
        elif part.has_select_fields and not begins_with_key(part, using):
            raise TypeError(
                f"{where} is a {query.combinator} whose parts select other columns before the primary key of a user. "
                "Leave out values() in the parts."
            )


def begins_with_key(query: Any, using: str) -> bool:
    """Return whether the first column that a query selects is the primary key of a user."""
    compiler = query.clone().get_compiler(using)
    compiler.setup_query()
    first: Any = compiler.select[0][0]
    field = getattr(first, "target", None)
    while field is not None and field.remote_field:
        field = field.target_field
    return bool(field == key_field(get_user_model()))
