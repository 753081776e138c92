"""The system check of the setting ``PARENTS``: its models and attributes must exist."""

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
    """Check that the models and the attributes in the setting exist."""
    wanted: Any = settings.PARENTS
    problems: list[CheckMessage] = []
    # A value that is not a dict is already reported as an error.
    for label, names in wanted.items() if isinstance(wanted, Mapping) else ():
        model = model_named(label)
        if model is None:
            problems.append(
                fault(
                    f"{label!r}, which is not a model", str(label), [m._meta.label for m in apps.get_models()]
                )
            )
            continue
        each = [names] if isinstance(names, str) or not isinstance(names, Iterable) else names
        problems += [
            fault(f"{name!r} of {label!r}, which does not exist", str(name), attributes(model))
            for name in each
            if not isinstance(name, str) or name not in attributes(model)
        ]
    return problems


def attributes(model: type[models.Model]) -> list[str]:
    """Return the names of the fields and attributes of a model."""
    return [*(field.name for field in model._meta.get_fields()), *dir(model)]


def fault(what: str, name: str, known: Iterable[str]) -> CheckMessage:
    """Return the error for a name that does not exist, with the most similar name as hint."""
    near = get_close_matches(name, list(known), n=1)
    return Error(
        f"NOTIFICATIONS['PARENTS'] contains {what}.",
        hint=f"Did you mean {near[0]!r}?"
        if near
        else "It must be like {'app_label.Model': 'attribute'}, or a list of attributes.",
        id="notifications_subscriptions.E001",
    )
