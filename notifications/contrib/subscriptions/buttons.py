"""What a button lets somebody say of an object, and the signed name by which it means the object.

Signed for one user: nobody can watch, and so learn the name of, what no page has shown them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db import models
from django.utils import timezone

from notifications.contrib.subscriptions.containment import thing
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.verbs import mute, statements, unwatch, watch
from notifications.contrib.subscriptions.words import Level

#: What a button says, and what it does.
WISHES: dict[str, Callable[[Any, models.Model], object]] = {
    "watch": watch,
    "participating": lambda user, obj: watch(user, obj, level=Level.PARTICIPATING),
    "mute": mute,
    "mute_week": lambda user, obj: mute(user, obj, until=timezone.now() + timedelta(days=7)),
    "unwatch": unwatch,
}


def signer(user: Any) -> Signer:
    """Return what signs the names of objects for one user."""
    return Signer(salt=f"notifications.subscriptions:{user.pk}")


def signed_name(user: Any, obj: models.Model) -> str:
    """Return the text by which a form of this user's names the object."""
    return signer(user).sign(thing(obj))


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


def statement_of(user: Any, obj: models.Model) -> Subscription | None:
    """Return what the user said of the object, or None. Costs one query."""
    return statements().filter(user=user.pk, thing=thing(obj)).first()
