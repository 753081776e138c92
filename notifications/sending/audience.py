"""Who is notified: the argument ``recipient`` and the extensions become an audience."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models

from notifications.events import Event
from notifications.extensions import Extension, audience_extensions
from notifications.objects.fetch import key_field

#: The most primary keys in one statement.
BATCH_SIZE = 500

ALLOWED_RECIPIENTS = "a user, a Group, a queryset of users, an iterable of users or of primary keys, or None"


@dataclass(frozen=True, slots=True)
class Users:
    """An audience given by primary keys, which are checked one by one and never all loaded."""

    keys: Iterable[Any]
    #: Their number, if it is known beforehand; then they can be iterated again.
    total: int | None = None
    #: Whether they were passed as recipients, so that a key without a user is an error.
    named: bool = True
    #: Returns whom extensions make of a batch, as a queryset that may have others too; None where none is installed.
    narrow: Callable[[models.QuerySet[Any]], models.QuerySet[Any] | None] | None = None

    def batches(self) -> Iterator[list[Any]]:
        """Yield lists of at most ``BATCH_SIZE`` different primary keys."""
        keys = iter(self.keys)
        while batch := list(islice(keys, BATCH_SIZE)):
            yield list(dict.fromkeys(batch))


#: A queryset of users, or users named one by one.
Audience: TypeAlias = "models.QuerySet[Any] | Users"


def resolve(recipient: Any) -> Audience:
    """Return the audience that ``recipient`` names.

    Raise TypeError for what names no users, ValueError for a user without primary key. The members of a list or of
    another collection are all judged here; those of an iterator when they come by.
    """
    user_model = get_user_model()
    if isinstance(recipient, user_model):
        return Users([user_key(recipient)], total=1)
    if isinstance(recipient, Group):
        return members(recipient)
    if isinstance(recipient, models.QuerySet):
        if not issubclass(recipient.model, user_model):
            raise TypeError(
                f"recipient is a queryset of {recipient.model.__name__}; it must be one of {user_model.__name__}."
            )
        return recipient
    if isinstance(recipient, (str, bytes, Mapping)) or not isinstance(recipient, Iterable):
        raise TypeError(f"recipient must be {ALLOWED_RECIPIENTS}, got {recipient!r}.")
    keys = (user_key(member) for member in recipient)
    if isinstance(recipient, Iterator):
        return Users(keys)
    judged = list(keys)
    return Users(judged, total=len(judged))


def is_selectable(audience: models.QuerySet[Any]) -> bool:
    """Return whether the users can be selected in a subquery. A union with a slice or with columns cannot."""
    query = audience.query
    return not (query.combinator and (query.is_sliced or query.values_select))


def filterable(audience: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return the same users as a queryset whose further filters mean what they say. It must not be sliced.

    A filter of a union would go into its parts, and one of a choice would choose among fewer users.
    """
    query = audience.query
    if query.combinator or query.distinct_fields or query.where.contains_over_clause:
        return members_of(audience)
    return audience


def members_of(audience: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return the users of a union, or of a choice, as a queryset that can be filtered and whose column has a name."""
    # Any: the database that the queryset is bound to, or None.
    chosen: Any = audience
    users: models.QuerySet[Any] = audience.model._base_manager.using(chosen._db)
    return users.filter(pk__in=audience.values("pk"))


def keys_of(audience: models.QuerySet[Any]) -> Iterator[Any]:
    """Yield the primary keys of the users, without loading all of them."""
    keys: Iterator[Any] = audience.values_list("pk", flat=True).iterator(chunk_size=BATCH_SIZE)
    return keys


def members(group: Group) -> models.QuerySet[Any]:
    """Return the users of a group."""
    user_model = get_user_model()
    try:
        user_model._meta.get_field("groups")
    except FieldDoesNotExist as error:
        raise TypeError(f"recipient is a Group, but {user_model.__name__} has no groups.") from error
    if group.pk is None:
        raise ValueError(f"recipient {group!r} is not saved.")
    # With the hint that related managers give, so that the router can find out where this group's members are written.
    return user_model._default_manager.db_manager(hints={"instance": group}).filter(groups=group)


def user_key(member: Any) -> Any:
    """Return the primary key of a user, or what stands for one."""
    user_model = get_user_model()
    if isinstance(member, user_model):
        if member.pk is None:
            raise ValueError(f"recipient {member!r} is not saved.")
        return member.pk
    if member is None or isinstance(member, (bool, float, models.Model)) or hasattr(member, "is_anonymous"):
        raise TypeError(f"recipient holds {member!r}; allowed are users and their primary keys.")
    field = key_field(user_model)
    try:
        key = field.to_python(member)
        field.run_validators(key)
    except (ValidationError, ValueError, TypeError, OverflowError) as error:
        raise TypeError(
            f"recipient holds {member!r}, which is no {user_model.__name__} and no primary key of one."
        ) from error
    return key


def audience_of(event: Event, recipient: Any) -> Audience | None:
    """Return the audience: the recipients, otherwise those of an extension, otherwise the actor if it is a user."""
    audience = None if recipient is None else resolve(recipient)
    installed = audience_extensions()
    if installed:
        ask = partial(ask_extensions, installed, event)
        if isinstance(audience, models.QuerySet):
            # Not every database has slices in subqueries.
            is_one_query = is_selectable(audience) and not audience.query.is_sliced
            audience = filterable(audience) if is_one_query else Users(keys_of(audience), named=False)
        if isinstance(audience, Users):
            # Batch by batch, when they are written.
            return replace(audience, narrow=ask)
        audience = ask(audience)
    if audience is None and recipient is None and isinstance(event.actor, get_user_model()):
        return resolve(event.actor)
    return audience


def ask_extensions(
    installed: Sequence[Extension], event: Event, audience: models.QuerySet[Any] | None
) -> models.QuerySet[Any] | None:
    """Return what the extensions, one after the other, make of an audience that can be filtered."""
    for extension in installed:
        audience = extension.notifications_audience(event, audience)
    return audience


def refuse_missing(batch: list[Any], users: models.QuerySet[Any]) -> None:
    """Raise ValueError, naming them, when some of these primary keys belong to no user."""
    known = set(users.filter(pk__in=batch).values_list("pk", flat=True))
    missing = [pk for pk in batch if pk not in known]
    if missing:
        named = ", ".join(repr(pk) for pk in missing[:5])
        raise ValueError(
            f"recipient holds {len(missing)} primary keys that no user has: {named}. Nothing was written."
        )
