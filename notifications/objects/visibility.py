"""Who may see an object: the site's rule for its model, which filters querysets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models
from django.utils.module_loading import import_string

from notifications.conf import settings
from notifications.objects.guard import attempted, error_text, guarded
from notifications.objects.narrowing import within

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet


class Rule:
    """Inherit from this class to define who may see the objects of a model. Set it in the setting ``VISIBILITY``.

    Both methods express the same rule, from both sides. They filter a queryset and do not run queries.
    """

    def users(self, users: QuerySet[Any], obj: Any) -> QuerySet[Any]:
        """Return the users who may see the object."""
        raise NotImplementedError

    def objects(self, objects: QuerySet[Any], user: Any) -> QuerySet[Any]:
        """Return the objects that the user may see."""
        raise NotImplementedError


class GuardedRule(Rule):
    """The rule of a site, called so that its objects are hidden from everybody if it fails.

    ``path`` is the value in the setting, and ``model`` is the model of the objects.
    """

    def __init__(self, path: Any, model: type[Model]) -> None:
        self.path, self.name = path, f"NOTIFICATIONS['VISIBILITY'] of {model._meta.label}"

    def users(self, users: QuerySet[Any], obj: Any) -> QuerySet[Any]:
        """Return the users who may see the object; none if the rule fails."""
        return self._ask("users", users, obj)

    def objects(self, objects: QuerySet[Any], user: Any) -> QuerySet[Any]:
        """Return the objects that the user may see; none if the rule fails."""
        return self._ask("objects", objects, user)

    def keys(self, narrowed: QuerySet[Any]) -> set[Any]:
        """Return the primary keys of the result of one of the two methods; none if the query fails."""
        return attempted(self.name, "its query", keys_of, narrowed, otherwise=set())

    def _ask(self, method: str, rows: QuerySet[Any], other: Any) -> QuerySet[Any]:
        found = guarded(self.name, f"{method}()", narrowed_by, self.path, method, rows, other, otherwise=None)
        return rows.none() if found is None else found


def narrowed_by(path: Any, method: str, rows: QuerySet[Any], other: Any) -> QuerySet[Any]:
    """Return the rows, filtered by the method of a rule. Raise TypeError if it returns something else."""
    narrowed: QuerySet[Any] = getattr(load(path)(), method)(rows, other)
    if not isinstance(narrowed, models.QuerySet):
        raise TypeError(f"{method}() must return a queryset, got {type(narrowed).__name__}.")
    if narrowed.model._meta.concrete_model is not rows.model._meta.concrete_model:
        raise TypeError(
            f"{method}() must return a queryset of {rows.model.__name__}, got {narrowed.model.__name__}."
        )
    return within(rows, narrowed)


def load(path: Any) -> Any:
    """Return the rule with this dotted path. Raise ImportError, or TypeError if it is not a string."""
    if not isinstance(path, str):
        raise TypeError(f"A rule must be given by its dotted path, got {path!r}.")
    return import_string(path)


def rule_problem(path: Any) -> str | None:
    """Return a text that says why a dotted path is not a valid rule, or None if it is one."""
    try:
        rule = load(path)()
    except Exception as error:  # noqa: BLE001 - importing and instantiating it runs code of the site
        return error_text(error)
    missing = [
        name
        for name in ("users", "objects")
        if not callable(getattr(rule, name, None)) or getattr(type(rule), name, None) is getattr(Rule, name)
    ]
    return f"it has no method {' and no method '.join(map(repr, missing))}" if missing else None


def keys_of(rows: QuerySet[Any]) -> set[Any]:
    """Return the primary keys of the rows."""
    return set(rows.values_list("pk", flat=True))


def rule_of(model: type[Model] | Model) -> GuardedRule | None:
    """Return the rule for the objects of a model (or of an object's model), or None if everybody may see them.

    The first one is used of: the rule of the model itself, of the model of which it is a proxy, of its multi-table
    parents. A model in the setting that does not exist hides the objects of the models that may be meant.
    """
    wanted: Any = settings.VISIBILITY
    if not wanted:
        return None
    cls: type[Model] = model if isinstance(model, type) else model.__class__
    if not isinstance(wanted, Mapping):
        return GuardedRule(wanted, cls)
    paths = {str(name).lower(): path for name, path in wanted.items()}
    lineage = [each._meta for each in cls.__mro__ if hasattr(each, "_meta")]
    for meta in lineage:
        if meta.label_lower in paths:
            return GuardedRule(paths[meta.label_lower], cls)
    for name, path in wanted.items():
        named = model_named(name)
        is_proxy_of_it = named is not None and named._meta.proxy and issubclass(named, cls)
        if is_proxy_of_it or (named is None and any(meta.label_lower in meant_by(name) for meta in lineage)):
            return GuardedRule(path if is_proxy_of_it else None, cls)
    return None


def model_named(name: Any) -> type[Model] | None:
    """Return the model with a label such as "tracker.Issue", or None if it does not exist."""
    try:
        return apps.get_model(name)
    except (LookupError, ValueError, TypeError, AttributeError):
        return None


@lru_cache(maxsize=100)
def meant_by(name: Any) -> Collection[str]:
    """Return the labels of the models that a wrong label may mean: the most similar ones, otherwise all of its app.

    A value that is not a label may mean any model. If the app is not installed, models with the same name are meant.
    """
    labels = {model._meta.label_lower for model in apps.get_models(include_auto_created=True)}
    if not isinstance(name, str) or name.count(".") != 1:
        return labels
    app_label, _, model_name = name.lower().partition(".")
    same_name = [label for label in labels if label.endswith(f".{model_name}")]
    same_app = [label for label in labels if label.startswith(f"{app_label}.")]
    return same_name or get_close_matches(name.lower(), sorted(labels), n=3, cutoff=0.8) or same_app


def all_objects(model: type[Model], using: str | None = None) -> QuerySet[Any]:
    """Return all objects of a model; none if its base manager fails."""
    nothing: QuerySet[Any] = models.QuerySet(model, using=using).none()
    return attempted(
        model._meta.label, "its base manager", model._base_manager.using, using, otherwise=nothing
    )


def visible_to(viewer: Any, objects: QuerySet[Any]) -> QuerySet[Any]:
    """Return the objects that the viewer may see; all objects if the viewer is None."""
    rule = None if viewer is None else rule_of(objects.model)
    return objects if rule is None else rule.objects(objects, viewer)


def hidden(looks: Iterable[tuple[Any, Any, Model]], using: str | None) -> set[tuple[Any, int]]:
    """Return which users may not see which objects: pairs of a user's primary key and the ``id()`` of an object.

    Each look is a user's primary key, the user where it is at hand, and an object. Costs a query for each object
    or for each user of a model that has a rule, whichever are fewer, and none where no model has one.
    """
    unseen: set[tuple[Any, int]] = set()
    if not settings.VISIBILITY:
        return unseen
    by_model: defaultdict[type[Model], list[tuple[Any, Any, Any]]] = defaultdict(list)
    for look in looks:
        by_model[type(look[2])].append(look)
    users: Any = get_user_model()._base_manager.using(using)
    for model, some in by_model.items():
        rule = rule_of(model)
        if rule is None:
            continue
        viewers = {pk: viewer for pk, viewer, _ in some}
        objects = {obj.pk: obj for _, _, obj in some}
        if len(objects) <= len(viewers):
            among = users.filter(pk__in=list(viewers))
            seen = {
                (viewer, pk) for pk, obj in objects.items() for viewer in rule.keys(rule.users(among, obj))
            }
        else:
            unknown = [pk for pk, viewer in viewers.items() if viewer is None]
            known = {**viewers, **(users.in_bulk(unknown) if unknown else {})}
            rows = all_objects(model, some[0][2]._state.db).filter(pk__in=list(objects))
            seen = {
                (pk, found) for pk, viewer in known.items() for found in rule.keys(rule.objects(rows, viewer))
            }
        unseen |= {(pk, id(obj)) for pk, _, obj in some if (pk, obj.pk) not in seen}
    return unseen
