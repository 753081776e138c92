"""The site's templates for the sentence of a verb: ``notifications/verbs/<slug of the verb>.txt`` and ``.html``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.template import Context, Template, TemplateDoesNotExist, engines
from django.template.loader import get_template
from django.utils.text import slugify

from notifications.objects.labels import labels_of

if TYPE_CHECKING:
    from notifications.storage.notification import AbstractNotification


#: The maximum number of cached template lookups.
MAX_REMEMBERED_TEMPLATES = 1000

#: The cached lookups for each template engine, also for templates that do not exist.
_found: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def verb_template(verb: str, kind: str) -> Any:
    """Return the site's template for this verb, ``notifications/verbs/<slug of the verb>.<kind>``, or None."""
    name = f"notifications/verbs/{slugify(verb)}.{kind}"
    engine = next(iter(engines.all()), None)
    if engine is None:
        return None
    found = _found.setdefault(engine, {})
    # In development, a new template is used at once.
    if name not in found or settings.DEBUG:
        if len(found) >= MAX_REMEMBERED_TEMPLATES:
            found.clear()
        try:
            found[name] = get_template(name)
        except TemplateDoesNotExist:
            found[name] = None
    return found[name]


def render_text(template: Any, notification: AbstractNotification) -> str:
    """Render a text template for a notification as one line. It is plain text, so nothing is escaped."""
    names: dict[str, Any] = {**labels_of(notification), "notice": notification}
    inner = template.template
    sentence = (
        inner.render(Context(names, autoescape=False))
        if isinstance(inner, Template)
        else template.render(names)
    )
    return " ".join(sentence.split())
