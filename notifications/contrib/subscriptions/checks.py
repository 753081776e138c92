"""The system check of the setting ``PARENTS``: its models must exist, and their attributes must hold an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, register

from notifications.checks import apart
from notifications.contrib.subscriptions.conf import settings
from notifications.contrib.subscriptions.containment import attribute_problem, known_attributes
from notifications.contrib.subscriptions.models import Subscription
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
            fault(f"{name!r} of {label!r}, {problem}", str(name), known_attributes(model))
            for name in each
            if (problem := attribute_problem(model, name))
        ]
    return problems


@register()
def check_databases(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the subscriptions are in the database of the users: one query reads both."""
    return apart([Subscription], get_user_model())


def fault(what: str, name: str, known: Iterable[str]) -> CheckMessage:
    """Return the error for a name, with the most similar one as hint if it does not exist."""
    known = list(known)
    # A name that is right has itself as the most similar one.
    near = [] if name in known else get_close_matches(name, known, n=1)
    return Error(
        f"NOTIFICATIONS['PARENTS'] contains {what}.",
        hint=f"Did you mean {near[0]!r}?"
        if near
        else "It must be like {'app_label.Model': 'attribute'}, or a list of attributes.",
        id="notifications_subscriptions.E001",
    )
