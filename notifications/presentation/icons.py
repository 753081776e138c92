"""The site's icons for the models of objects: the templates ``notifications/icons/<app label>/<model name>.html``.

An icon that cannot be loaded, that raises, or whose output is empty or too long, is not shown.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from django.apps import apps
from django.conf import settings
from django.template import Context, engines
from django.utils.safestring import SafeString

from notifications.objects.guard import attempted, guarded
from notifications.presentation.verb_templates import loaded, render_html
from notifications.storage.databases import schema_of
from notifications.storage.notification import AbstractNotification

#: The templates that exist in a template engine, for each schema of a tenant by the name of the model: "tracker.issue".
_found: WeakKeyDictionary[Any, dict[str, dict[str, Any]]] = WeakKeyDictionary()


def kind_of(notification: AbstractNotification) -> str:
    """Return the name of the model of the target, or else of the action object, such as "tracker.issue"."""
    about = notification.target
    if about is None:
        about = notification.action_object
    return "" if about is None else about._meta.label_lower


def icons(context: Context) -> dict[str, SafeString]:
    """Return the icon of each model that has one, rendered, by the name of the model."""
    rendered = {
        kind: guarded(template_name(kind), "the template", render_html, template, {}, context, otherwise=None)
        for kind, template in templates().items()
    }
    return {kind: icon for kind, icon in rendered.items() if icon}


def template_name(kind: str) -> str:
    """Return the name of the site's template for the icon of a model."""
    return f"notifications/icons/{kind.replace('.', '/')}.html"


def templates() -> dict[str, Any]:
    """Return the site's templates for icons, which are looked for once in a process; in development, each time."""
    engine = next(iter(engines.all()), None)
    if engine is None:
        return {}
    by_schema, schema = _found.setdefault(engine, {}), schema_of()
    found = None if settings.DEBUG else by_schema.get(schema)
    if found is None:
        names = {
            model._meta.label_lower: template_name(model._meta.label_lower) for model in apps.get_models()
        }
        possible = {
            kind: attempted(name, "loading the template", loaded, name, otherwise=None)
            for kind, name in names.items()
        }
        found = by_schema[schema] = {kind: template for kind, template in possible.items() if template}
    return found
