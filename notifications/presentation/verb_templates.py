"""A site's own sentence for a verb: ``notifications/verbs/<slug of the verb>.txt`` and ``.html``."""

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


#: The most templates of which it is remembered whether they exist.
MAX_REMEMBERED_TEMPLATES = 1000

#: Which templates there are, for each first engine: the second time costs nothing, also where there is none.
_found: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def verb_template(verb: str, kind: str) -> Any:
    """Return a site's own template for this verb, ``notifications/verbs/<slug of the verb>.<kind>``, or None."""
    name = f"notifications/verbs/{slugify(verb)}.{kind}"
    engine = next(iter(engines.all()), None)
    if engine is None:
        return None
    found = _found.setdefault(engine, {})
    # A developer adds a template and wants to see it.
    if name not in found or settings.DEBUG:
        if len(found) >= MAX_REMEMBERED_TEMPLATES:
            found.clear()
        try:
            found[name] = get_template(name)
        except TemplateDoesNotExist:
            found[name] = None
    return found[name]


def render_text(template: Any, notification: AbstractNotification) -> str:
    """Return what a site's template says of a notification, in one line. It is text, so that nothing is escaped."""
    names: dict[str, Any] = {**labels_of(notification), "notice": notification}
    inner = template.template
    sentence = (
        inner.render(Context(names, autoescape=False))
        if isinstance(inner, Template)
        else template.render(names)
    )
    return " ".join(sentence.split())
