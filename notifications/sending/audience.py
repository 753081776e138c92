"""Who is notified: the argument ``recipient`` and the extensions become an audience."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models, router

from notifications.events import Event
from notifications.extensions import audience_extensions
from notifications.objects.fetch import key_field

#: The most primary keys in one statement.
BATCH_SIZE = 500

ALLOWED_RECIPIENTS = "a user, a Group, a queryset of users, an iterable of users or of primary keys, or None"


@dataclass(frozen=True, slots=True)
class Users:
    """An audience that was named one by one: primary keys, each checked as it comes by, never all at once."""

    keys: Iterable[Any]
    #: How many there are, where that is known beforehand; then they can be gone through again.
    total: int | None = None

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
    """Return the audience: the named recipients, else what an extension names, else the actor if it is a user."""
    audience = None if recipient is None else resolve(recipient)
    extensions = audience_extensions()
    if extensions:
        users: models.QuerySet[Any] | None
        if isinstance(audience, Users):
            keys = list(audience.keys)
            users = get_user_model()._base_manager.filter(pk__in=keys)
            refuse_missing(keys, users.using(router.db_for_write(users.model)))
        else:
            users = audience
        for extension in extensions:
            users = extension.notifications_audience(event, users)
        audience = users
    if audience is None and recipient is None and isinstance(event.actor, get_user_model()):
        return resolve(event.actor)
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
