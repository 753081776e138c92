"""What the buttons do to a subscription, and the signed name by which a form means its object.

Signed for one user: nobody can watch, and so learn the name of, what no page has shown them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.signing import BadSignature, Signer
from django.db import models, router
from django.db.models import QuerySet
from django.utils import timezone

from notifications.contrib.subscriptions.fields import reference_of
from notifications.contrib.subscriptions.levels import Level
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.operations import (
    level_changes,
    mute,
    mute_changes,
    rows_of,
    unmute,
    unmute_rows,
    unsubscribe,
    unsubscribe_changes,
    watch,
)
from notifications.storage.databases import schema_of
from notifications.storage.locking import retry
from notifications.storage.owners import user_pk


def in_a_week() -> datetime:
    """Return the time when a mute for a week ends."""
    return timezone.now() + timedelta(days=7)


#: The name that a button sends, and what it does with an object.
ACTIONS: dict[str, Callable[[Any, models.Model], object]] = {
    "watch": watch,
    "participating": lambda user, obj: watch(user, obj, level=Level.PARTICIPATING),
    "mute": mute,
    "mute_week": lambda user, obj: mute(user, obj, until=in_a_week()),
    "unmute": unmute,
    "unsubscribe": unsubscribe,
}

#: What it does with subscriptions that are there already. It returns their number.
ACTIONS_ON_ROWS: dict[str, Callable[[QuerySet[Subscription]], int]] = {
    "watch": lambda rows: rows.update(**level_changes(Level.ALL)),
    "participating": lambda rows: rows.update(**level_changes(Level.PARTICIPATING)),
    "mute": lambda rows: rows.update(**mute_changes(None)),
    "mute_week": lambda rows: rows.update(**mute_changes(in_a_week())),
    "unmute": unmute_rows,
    "unsubscribe": lambda rows: rows.update(**unsubscribe_changes()),
    "remove": lambda rows: rows.delete()[0],
}


def change_rows(name: str, rows: QuerySet[Subscription]) -> int:
    """Do what a button says with these subscriptions. Return their number."""
    return retry(lambda: ACTIONS_ON_ROWS[name](rows), rows.db)


def signer(user: Any) -> Signer:
    """Return what signs the names of objects for one user of one tenant."""
    schema = schema_of(router.db_for_read(Subscription))
    return Signer(salt=f"notifications.subscriptions:{schema}:{user_pk(user)}")


def signed_name(user: Any, obj: models.Model) -> str:
    """Return the text by which a form of this user's names the object."""
    model, pk = reference_of(obj)
    return signer(user).sign(f"{ContentType.objects.get_for_model(model).pk}:{pk}")


def named_object(user: Any, name: str) -> models.Model | None:
    """Return the object that a form of this user's names, or None where it is gone, hidden or not signed by us."""
    try:
        content_type_id, _, object_id = signer(user).unsign(name).partition(":")
    except BadSignature:
        return None
    found: models.Model | None = Subscription(
        user=user, content_type_id=int(content_type_id), object_id=object_id
    ).object
    return found


def get_subscription(user: Any, obj: models.Model) -> Subscription | None:
    """Return the subscription of the user to the object, or None. Costs one query."""
    return rows_of(user, obj).first()
