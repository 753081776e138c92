"""Which rows may be searched by their description: those of which the viewer may see all objects."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connections, models, router
from django.db.models import Case, Exists, F, Q, Value, When
from django.db.models.functions import Cast, Replace

from notifications.conf import settings
from notifications.events import OBJECTS
from notifications.inbox.search.logic import NEVER, all_of, any_of
from notifications.objects.fetch import key_field
from notifications.objects.visibility import all_objects, rule_of, visible_to

#: What a text has to look like to stand for a primary key of these types.
INTEGER_PATTERN, UUID_PATTERN = "^-?[0-9]{1,18}$", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def readable(model: type[models.Model], using: str | None, viewer: Any) -> Q:
    """Return the condition that the viewer may see all objects of a row of ``model`` whose model has a rule."""
    using = using or router.db_for_read(model)
    ruled: defaultdict[Any, set[int]] = defaultdict(set)
    for each in apps.get_models() if settings.VISIBILITY else ():
        if rule_of(each) is not None:
            # A proxy can have a rule of its own, and rows can refer to it.
            types = ContentType.objects.db_manager(using)
            ruled[each].add(types.get_for_model(each, for_concrete_model=False).pk)

    def is_readable(key: str) -> Q:
        of_type = f"{key}_content_type__in"
        has_no_rule = ~Q(**{of_type: sorted(set().union(*ruled.values()))})
        return any_of(
            [
                Q(**{f"{key}_content_type__isnull": True}) | has_no_rule,
                *(
                    Q(**{of_type: sorted(ids)}) & is_seen(key, each, using, viewer)
                    for each, ids in ruled.items()
                ),
            ]
        )

    return all_of(is_readable(key) for key in OBJECTS if ruled)


def is_seen(key: str, model: type[models.Model], using: str, viewer: Any) -> Q:
    """Return the condition that the viewer may see the object of this key of a row, which is one of ``model``.

    Never true for objects of another database, nor where nobody can say which key a text stands for.
    """
    objects = object_of(key, model, using, viewer)
    return NEVER if objects is None else Q(Exists(objects))


def object_of(key: str, model: type[models.Model], using: str, viewer: Any) -> models.QuerySet[Any] | None:
    """Return the object of this key of a row as a subquery of the row's query: none if the viewer may not see it.

    It is looked up by its primary key, so that the database needs no more than an index. None if the objects of the
    model are in another database, or if nobody can say which key a text stands for.
    """
    field = key_field(model)
    text = models.ExpressionWrapper(models.OuterRef(f"{key}_object_id"), models.CharField())
    stored: Any
    if router.db_for_read(model) != using:
        return None
    if isinstance(field, models.IntegerField):
        pattern, stored = INTEGER_PATTERN, Cast("ntf_text", models.BigIntegerField())
    elif isinstance(field, models.UUIDField):
        is_native = connections[using].features.has_native_uuid_field
        pattern, stored = (
            UUID_PATTERN,
            Cast("ntf_text", field) if is_native else Replace("ntf_text", Value("-")),
        )
    elif isinstance(field, (models.CharField, models.TextField)):
        pattern, stored = "^", F("ntf_text")
    else:
        return None
    # Only what matches is cast: PostgreSQL would refuse the whole query for a single text that is no number.
    wanted = Case(When(ntf_text__regex=pattern, then=stored))
    return visible_to(viewer, all_objects(model).alias(ntf_text=text).filter(pk=wanted))
