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
from django.db.models.manager import BaseManager

from notifications.events import Event
from notifications.extensions import Extension, audience_extensions
from notifications.objects.fetch import key_field
from notifications.objects.guard import guarded
from notifications.sending.naming import shown
from notifications.sending.odd_querysets import refuse_odd
from notifications.storage.databases import at_home
from notifications.storage.owners import user_pk
from notifications.types import type_of

#: The most primary keys in one statement.
BATCH_SIZE = 500

ALLOWED_RECIPIENTS = "a user, a Group, a queryset of users, an iterable of users or of primary keys, or None"


@dataclass(frozen=True, slots=True)
class KeysOf:
    """The primary keys of the users of a queryset, read on each iteration and never all loaded."""

    audience: models.QuerySet[Any]
    #: The lookup from a row of the queryset to the primary key of its user.
    path: str = "pk"

    def __iter__(self) -> Iterator[Any]:
        return self.audience.values_list(self.path, flat=True).iterator(chunk_size=BATCH_SIZE)


@dataclass(frozen=True, slots=True)
class Users:
    """An audience given by primary keys, which are checked one by one and never all loaded."""

    keys: Iterable[Any]
    #: Their number, if it is known beforehand.
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

    def can_be_read_again(self) -> bool:
        """Return whether the keys can be iterated more than once. Those of an iterator cannot."""
        return not isinstance(self.keys, Iterator)


#: A queryset of users, or users named one by one.
Audience: TypeAlias = "models.QuerySet[Any] | Users"


def is_user(value: Any) -> bool:
    """Return whether this is a user: an instance of the user model, of a proxy, or of a model that inherits from it."""
    user_model: Any = get_user_model()
    return isinstance(value, user_model._meta.concrete_model)


def resolve(recipient: Any) -> Audience:
    """Return the audience that ``recipient`` names.

    Raise TypeError for what names no users, ValueError for a user without primary key. The members of a list or of
    another collection are all judged here; those of an iterator when they come by.
    """
    if is_user(recipient):
        return Users([user_key(recipient)], total=1)
    if isinstance(recipient, Group):
        return at_home_by_default(members(recipient))
    if isinstance(recipient, BaseManager):
        raise TypeError(
            "recipient is a manager, not a queryset. Write .all() after it: group.user_set.all()."
        )
    if isinstance(recipient, models.QuerySet):
        refuse_odd(recipient, "recipient")
        return users_of(at_home_by_default(recipient))
    if isinstance(recipient, (str, bytes, Mapping)) or not isinstance(recipient, Iterable):
        raise TypeError(f"recipient must be {ALLOWED_RECIPIENTS}, got {shown(recipient)}.")
    keys = (user_key(member) for member in recipient)
    if isinstance(recipient, Iterator):
        return Users(keys)
    judged = list(keys)
    return Users(judged, total=len(judged))


def at_home_by_default(users: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return the same users, read where they are written unless the site chose a database."""
    chosen: Any = users
    return users if chosen._db else at_home(users)


def users_of(audience: models.QuerySet[Any]) -> Audience:
    """Return the users of a queryset of the user model, or of a model that inherits from it."""
    user_model = get_user_model()
    if key_field(audience.model) == key_field(user_model):
        return audience
    path = user_model._meta.pk.name
    if audience.query.combinator or audience.query.is_sliced:
        return Users(KeysOf(audience, path), named=False)
    return members_of(audience, path)


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


def members_of(audience: models.QuerySet[Any], path: str = "pk") -> models.QuerySet[Any]:
    """Return the users of a union, or of a choice, as a queryset that can be filtered and whose column has a name."""
    # Any: the database that the queryset is bound to, or None.
    chosen: Any = audience
    model: Any = audience.model if path == "pk" else get_user_model()
    users: models.QuerySet[Any] = model._base_manager.using(chosen._db)
    return users.filter(pk__in=audience.values(path))


def active(users: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return those of the users whose account is active, all where their model does not know of that."""
    names = {field.name for field in users.model._meta.concrete_fields}
    return users.filter(is_active=True) if "is_active" in names else users


def is_active(user: Any) -> bool:
    """Return whether the account of a user is active, as far as the user model knows of that."""
    return bool(getattr(user, "is_active", True))


def members(group: Group) -> models.QuerySet[Any]:
    """Return the users of a group."""
    user_model = get_user_model()
    try:
        user_model._meta.get_field("groups")
    except FieldDoesNotExist as error:
        raise TypeError(f"recipient is a Group, but {user_model.__name__} has no groups.") from error
    if group.pk is None:
        raise ValueError(f"recipient {shown(group)} is not saved.")
    # With the hint that related managers give, so that the router can find out where this group's members are written.
    return user_model._default_manager.db_manager(hints={"instance": group}).filter(groups=group)


def user_key(member: Any) -> Any:
    """Return the primary key of a user, or what stands for one."""
    user_model = get_user_model()
    if is_user(member):
        key = user_pk(member)
        if key is None:
            raise ValueError(f"recipient {shown(member)} is not saved.")
        return key
    if member is None or isinstance(member, (bool, float, models.Model)) or hasattr(member, "is_anonymous"):
        raise TypeError(f"recipient holds {shown(member)}; allowed are users and their primary keys.")
    field = key_field(user_model)
    try:
        key = field.to_python(member)
        field.run_validators(key)
    except (ValidationError, ValueError, TypeError, OverflowError) as error:
        raise TypeError(
            f"recipient holds {shown(member)}, which is no {user_model.__name__} and no primary key of one."
        ) from error
    return key


def recipient_of(event: Event, recipient: Any) -> Any:
    """Return the argument ``recipient``, or whom the type of the event names if the sender names nobody."""
    return type_of(event.verb).recipients(event) if recipient is None else recipient


def recipient_asked_again(event: Event, recipient: Any) -> Any:
    """Return the same for an event of which more may be gone by now than its type expects; None if its code fails."""
    name = f"{type_of(event.verb).__name__}.recipients"
    return guarded(name, "the type", recipient_of, event, recipient, otherwise=None)


def audience_of(event: Event, recipient: Any) -> Audience | None:
    """Return the audience: the recipients, else those of the type, of an extension, or the actor if it is a user."""
    recipient = recipient_of(event, recipient)
    audience = None if recipient is None else resolve(recipient)
    installed = audience_extensions()
    if installed:
        ask = partial(ask_extensions, installed, event)
        if isinstance(audience, models.QuerySet):
            # Not every database has slices in subqueries.
            is_one_query = is_selectable(audience) and not audience.query.is_sliced
            audience = filterable(audience) if is_one_query else Users(KeysOf(audience), named=False)
        if isinstance(audience, Users):
            # Batch by batch, when they are written.
            return replace(audience, narrow=ask)
        audience = ask(audience)
    if audience is None and recipient is None and is_user(event.actor):
        return resolve(event.actor)
    return audience


def ask_extensions(
    installed: Sequence[Extension], event: Event, audience: models.QuerySet[Any] | None
) -> models.QuerySet[Any] | None:
    """Return what the extensions, one after the other, make of an audience that can be filtered.

    Raise TypeError, naming the extension, for an answer that is no queryset of users.
    """
    for extension in installed:
        if audience is not None:
            audience = wrapped(audience)
        audience = extension.notifications_audience(event, audience)
        if audience is not None:
            audience = judged(extension, audience)
    return audience


def judged(extension: Extension, audience: Any) -> models.QuerySet[Any]:
    """Return the audience that an extension returned. Raise TypeError if it is not a queryset of users."""
    where = f"what {type(extension).__module__}.{type(extension).__name__}.notifications_audience() returned"
    if not isinstance(audience, models.QuerySet):
        raise TypeError(f"{where} must be a queryset of users or None, got {shown(audience)}.")
    refuse_odd(audience, where)
    audience = at_home_by_default(audience)
    users = users_of(audience)
    if isinstance(users, Users) or not is_selectable(users):
        return wrapped(audience)
    return users


def wrapped(audience: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return the same users as a queryset that can be filtered, whatever its form."""
    if not audience.query.is_sliced and is_selectable(audience):
        return filterable(audience)
    chosen: Any = audience
    user_model = get_user_model()
    path = "pk" if key_field(audience.model) == key_field(user_model) else user_model._meta.pk.name
    users: models.QuerySet[Any] = user_model._base_manager.using(chosen._db)
    # Some databases do not support slices in subqueries, and none supports those of such a union.
    return users.filter(pk__in=list(KeysOf(audience, path)))


def refuse_missing(batch: list[Any], users: models.QuerySet[Any], *, before: int) -> None:
    """Raise ValueError, naming them, when some of these primary keys belong to no user.

    ``before`` is the number of users whose rows are already committed.
    """
    known = set(users.filter(pk__in=batch).values_list("pk", flat=True))
    missing = [pk for pk in batch if pk not in known]
    if missing:
        named = ", ".join(repr(pk) for pk in missing[:5])
        done = (
            f"The {before} users before these {len(batch)} were notified, and none of these."
            if before
            else "Nothing was written."
        )
        raise ValueError(f"recipient holds {len(missing)} primary keys that no user has: {named}. {done}")
