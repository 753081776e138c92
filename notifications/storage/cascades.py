"""Clear cached counts where Django deletes or moves notifications without their queryset.

Django's cascades, and ``user.notifications.add()``, call no method of this package.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.db.models.signals import post_delete

from notifications.conf import get_notification_model
from notifications.storage.changes import drop_counts


def watch_cascades() -> None:
    """Watch the models whose deletion deletes notifications, other than users.

    Django loads each object of these models before it deletes it anyway, so the receivers cost no query.
    """
    for model in models_with_cascades(get_notification_model()):
        post_delete.connect(drop_all_counts, sender=model, dispatch_uid="notifications.cascades")


def models_with_cascades(notification_model: type[models.Model]) -> Iterator[type[models.Model]]:
    """Return the models that have a ``GenericRelation`` to notifications, and those of cascading foreign keys.

    Notifications are also the rows of a proxy, and of a model that inherits from theirs.
    """
    for model in apps.get_models():
        for field in model._meta.private_fields:
            if isinstance(field, GenericRelation) and is_kind(field.related_model, notification_model):
                yield model
        if not is_kind(model, notification_model) or model._meta.proxy:
            continue
        for key in model._meta.concrete_fields:
            owner: Any = key.related_model
            cascades = isinstance(key, models.ForeignKey) and key.remote_field.on_delete is models.CASCADE
            if cascades and owner is not get_user_model() and not is_kind(owner, notification_model):
                yield owner


def is_kind(model: Any, notification_model: type[models.Model]) -> bool:
    """Return whether this is the model of the notifications, a proxy of it, or a model that inherits from it."""
    return isinstance(model, type) and issubclass(model, notification_model)


def drop_all_counts(sender: Any, *, using: str, **kwargs: Any) -> None:
    """Clear all cached counts, after the commit."""
    drop_counts(None, using=using)
