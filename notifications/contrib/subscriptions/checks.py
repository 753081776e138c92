"""The system check of the wing: whether the setting ``PARENTS`` names models and attributes that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import models

from notifications.contrib.subscriptions.conf import settings
from notifications.objects.visibility import model_named


@register(Tags.models)
def check_parents(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Look at the models and the attributes that the setting names."""
    wanted: Any = settings.PARENTS
    problems: list[CheckMessage] = []
    # What is no dict is an error already.
    for label, names in wanted.items() if isinstance(wanted, Mapping) else ():
        model = model_named(label)
        if model is None:
            problems.append(
                fault(f"{label!r}, which is no model", str(label), [m._meta.label for m in apps.get_models()])
            )
            continue
        each = [names] if isinstance(names, str) or not isinstance(names, Iterable) else names
        problems += [
            fault(f"{name!r} of {label!r}, which it does not have", str(name), attributes(model))
            for name in each
            if not isinstance(name, str) or name not in attributes(model)
        ]
    return problems


def attributes(model: type[models.Model]) -> list[str]:
    """Return the names of the fields and attributes of a model."""
    return [*(field.name for field in model._meta.get_fields()), *dir(model)]


def fault(what: str, name: str, known: Iterable[str]) -> CheckMessage:
    """Return the error for a name that there is not, with the nearest one."""
    near = get_close_matches(name, list(known), n=1)
    return Error(
        f"NOTIFICATIONS['PARENTS'] names {what}.",
        hint=f"Did you mean {near[0]!r}?"
        if near
        else "It must be like {'app_label.Model': 'attribute'}, or a list of attributes.",
        id="notifications_subscriptions.E001",
    )
