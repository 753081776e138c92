"""Who may see an object: the site's rule for its model, which filters querysets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from notifications.conf import of_model, settings

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


def rule_of(model: type[Model] | Model) -> Rule | None:
    """Return the site's rule for the objects of a model, or of one's model, or None where everybody may see them."""
    path = of_model(settings.VISIBILITY, model)
    if path is None:
        return None
    rule: Rule = import_string(path)()
    return rule


def visible_to(viewer: Any, objects: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of the objects that the viewer may see, all where nobody is named."""
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
                (viewer, pk)
                for pk, obj in objects.items()
                for viewer in rule.users(among, obj).values_list("pk", flat=True)
            }
        else:
            unknown = [pk for pk, viewer in viewers.items() if viewer is None]
            known = {**viewers, **(users.in_bulk(unknown) if unknown else {})}
            rows = model._base_manager.using(some[0][2]._state.db).filter(pk__in=list(objects))
            seen = {
                (pk, found)
                for pk, viewer in known.items()
                for found in rule.objects(rows, viewer).values_list("pk", flat=True)
            }
        unseen |= {(pk, id(obj)) for pk, _, obj in some if (pk, obj.pk) not in seen}
    return unseen
