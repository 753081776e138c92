"""What the buttons do to a subscription, and the signed name by which a form means its object.

Signed for one user: nobody can watch, and so learn the name of, what no page has shown them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.signing import BadSignature, Signer
from django.db import models
from django.utils import timezone

from notifications.contrib.subscriptions.containment import object_key
from notifications.contrib.subscriptions.fields import reference_of
from notifications.contrib.subscriptions.levels import Level
from notifications.contrib.subscriptions.models import Subscription
from notifications.contrib.subscriptions.operations import mute, subscriptions_for_write, unwatch, watch

#: The name that a button sends, and what it does.
ACTIONS: dict[str, Callable[[Any, models.Model], object]] = {
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
    return subscriptions_for_write().filter(user=user.pk, object_key=object_key(obj)).first()
