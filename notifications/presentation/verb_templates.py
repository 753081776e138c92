"""The site's templates for the sentence of a verb: ``notifications/verbs/<slug of the verb>.txt`` and ``.html``.

A template that cannot be loaded, that raises, or whose output is empty or too long, is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.template import Context, Template, TemplateDoesNotExist, engines
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

from notifications.objects.guard import attempted, guarded
from notifications.objects.text import UNPRINTABLE
from notifications.storage.databases import schema_of

#: The maximum number of cached template lookups.
MAX_REMEMBERED_TEMPLATES = 1000

#: The maximum length of a sentence from a template, in characters.
MAX_SENTENCE_LENGTH = 20_000

#: Where our own templates are.
TEMPLATES = Path(__file__).parent.parent / "templates"

#: Stands for a template that is not in the cache.
UNKNOWN: Any = object()

#: The cached lookups for each template engine, also for templates that do not exist, by schema and name: packages for
#: tenants have loaders that look into the folders of the tenant.
_found: WeakKeyDictionary[Any, dict[tuple[str, str], Any]] = WeakKeyDictionary()


def text_of_verb(verb: str, names: Mapping[str, Any]) -> str | None:
    """Return the sentence from the site's text template of the verb, in one line, or None if there is no sentence.

    It is plain text, so nothing is escaped.
    """
    template = verb_template(verb, "txt")
    if template is None:
        return None
    return guarded(template_name(verb, "txt"), "the template", render_text, template, names, otherwise=None)


def html_of_verb(verb: str, names: Mapping[str, Any], context: Context) -> SafeString | None:
    """Return the sentence from the site's HTML template of the verb, or None if there is no sentence."""
    template = verb_template(verb, "html")
    if template is None:
        return None
    return guarded(
        template_name(verb, "html"), "the template", render_html, template, names, context, otherwise=None
    )


@lru_cache(MAX_REMEMBERED_TEMPLATES)
def template_name(verb: str, kind: str) -> str:
    """Return the name of the site's template for a verb."""
    return f"notifications/verbs/{slugify(verb)}.{kind}"


def verb_template(verb: str, kind: str) -> Any:
    """Return the site's template for this verb, ``notifications/verbs/<slug of the verb>.<kind>``, or None."""
    name = template_name(verb, kind)
    return attempted(name, "loading the template", loaded, name, otherwise=None)


def loaded(name: str) -> Any:
    """Return the template with this name, or None if it does not exist."""
    engine = next(iter(engines.all()), None)
    if engine is None:
        return None
    found, key = _found.setdefault(engine, {}), (schema_of(), name)
    # In development, a new template is used at once. A single lookup, because another thread may clear the cache.
    template: Any = UNKNOWN if settings.DEBUG else found.get(key, UNKNOWN)
    if template is not UNKNOWN:
        return template
    template = None
    try:
        template = get_template(name)
    except TemplateDoesNotExist:
        pass
    else:
        if name.endswith(".txt"):
            template = unescaped(template)
    if len(found) >= MAX_REMEMBERED_TEMPLATES:
        found.clear()
    found[key] = template
    return template


def unescaped(template: Any) -> Any:
    """Return the template without escaping, if its engine decides that when it compiles it, as Jinja2 does."""
    inner: Any = getattr(template, "template", None)
    if not hasattr(inner, "environment"):
        return template
    # The cached compiled templates escape.
    environment = inner.environment.overlay(autoescape=False, bytecode_cache=None)
    return environment.get_template(inner.name)


def has_own(name: str, context: Context) -> bool:
    """Return whether the site has its own template of this name, in the engine that renders ``context``."""
    origin = attempted(name, "loading the template", origin_of, name, context, otherwise="")
    return not Path(origin).is_relative_to(TEMPLATES)


def origin_of(name: str, context: Context) -> str:
    """Return where the template of this name is from."""
    origin: str = context.template.engine.get_template(name).origin.name  # type: ignore[union-attr]
    return origin


def render_text(template: Any, names: Mapping[str, Any]) -> str | None:
    """Return the sentence in one line, or None if it is empty. Raise ValueError if it is too long."""
    inner = getattr(template, "template", None)
    if isinstance(inner, Template):
        sentence = inner.render(Context(dict(names), autoescape=False))
    else:
        # An engine that escapes does not escape text that is marked as safe.
        marked = {key: mark_safe(value) if isinstance(value, str) else value for key, value in names.items()}  # noqa: S308
        sentence = template.render(marked)
    return " ".join(checked(sentence).split()) or None


def render_html(template: Any, names: Mapping[str, Any], context: Context) -> SafeString | None:
    """Return the sentence as HTML, or None if it is empty. Raise ValueError if it is too long."""
    inner = getattr(template, "template", None)
    if isinstance(inner, Template):
        with context.push(**names):
            sentence: str = inner.render(context)
    else:
        sentence = template.render(dict(names), getattr(context, "request", None))
    sentence = checked(sentence)
    # The engine has escaped everything that is not marked as safe.
    return mark_safe(sentence) if sentence.strip() else None  # noqa: S308


def checked(sentence: str) -> str:
    """Return the sentence without characters that a page cannot contain. Raise ValueError if it is too long."""
    if len(sentence) > MAX_SENTENCE_LENGTH:
        raise ValueError(
            f"A sentence can have at most {MAX_SENTENCE_LENGTH} characters, got {len(sentence)}."
        )
    return UNPRINTABLE.sub("\ufffd", sentence)
