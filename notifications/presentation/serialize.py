"""The public JSON shape of notifications: that of django-notifications-hq, key by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from operator import attrgetter
from typing import Any

from django.db.models import Count, Subquery
from django.http import HttpRequest
from django.utils.translation import get_language

from notifications.conf import settings
from notifications.models import AbstractNotification
from notifications.objects.keys import attach_objects
from notifications.presentation import sentences
from notifications.storage import fast_queries
from notifications.storage.querysets import NotificationQuerySet

#: The adjectives by which a list may be asked for.
LISTS: dict[str, Callable[[Any], NotificationQuerySet[Any]]] = {
    "all": lambda rows: rows.visible(),
    "unread": lambda rows: rows.unread(),
    "read": lambda rows: rows.read(),
    "sent": lambda rows: rows.visible().sent(),
    "unsent": lambda rows: rows.visible().unsent(),
    "active": lambda rows: rows.active(),
    "deleted": lambda rows: rows.deleted(),
}

#: The columns that say where a notification stands.
STATE = ("reason", "read_at", "done_at", "saved_at", "snoozed_until", "inbox_at")


@cache
def editable_columns(model: type[AbstractNotification]) -> tuple[list[str], Callable[[Any], tuple[Any, ...]]]:
    """Return the names of the editable fields of the model, and what reads their values off a row."""
    fields = [field for field in model._meta.concrete_fields if field.editable]
    return [field.name for field in fields], attrgetter(*[field.attname for field in fields])


def item(notification: AbstractNotification, request: HttpRequest | None = None) -> dict[str, Any]:
    """Return the editable columns of one notification, its ``slug``, and the name and url of each object."""
    names, values = editable_columns(type(notification))
    shown = dict(zip(names, values(notification), strict=True))
    if notification.is_hidden:
        # What the sender wrote may tell what it is about.
        shown.update(description=None, data=None)
    shown["slug"] = notification.slug
    for key in ("actor", "target", "action_object"):
        obj = getattr(notification, key)
        if obj is not None:
            shown[key] = str(obj)
            if url := sentences.url_of(obj, notification, request):
                shown[f"{key}_url"] = url
    return shown


def entry(notification: AbstractNotification, request: HttpRequest | None = None) -> dict[str, Any]:
    """Return what a page of today shows of one notification: :func:`item`, how it reads, where it leads, its state."""
    return {
        **item(notification, request),
        "text": sentences.text(notification),
        "url": sentences.url(notification, request),
        "actions": sentences.actions(notification),
        **{name: getattr(notification, name) for name in STATE},
    }


def get_num_to_fetch(request: HttpRequest) -> int:
    """Return how many rows the request asks for by ``?max=``, 1 to 100, else the setting ``NUM_TO_FETCH``."""
    try:
        number = int(request.GET.get("max", ""))
    except ValueError:
        return settings.NUM_TO_FETCH
    return number if 1 <= number <= 100 else settings.NUM_TO_FETCH


def get_notification_list(request: HttpRequest, method_name: str = "all") -> list[dict[str, Any]]:
    """Return the newest notifications of the request's user, as JSON shows them; read them if the request says so.

    ``method_name`` is one of the adjectives in :data:`LISTS`. They are marked as read by ``mark_as_read`` in a POST,
    or in a GET where ``ACTIONS_ON_GET`` is on; the answer shows them as they were.
    """
    rows: Any = request.user.notifications  # type: ignore[union-attr]
    return show(list(LISTS[method_name](rows)[: get_num_to_fetch(request)]), request)


def show(found: Sequence[AbstractNotification], request: HttpRequest) -> list[dict[str, Any]]:
    """Return these notifications of the request's user as JSON shows them; read them if the request says so."""
    attach_objects(found)
    items = [item(notification, request) for notification in found]
    if marks_as_read(request):
        rows: Any = request.user.notifications  # type: ignore[union-attr]
        rows.filter(pk__in=[notification.pk for notification in found]).mark_all_as_read()
    return items


def newest(rows: NotificationQuerySet[Any], number: int) -> tuple[Sequence[AbstractNotification], int]:
    """Return the ``number`` newest of these rows, without their objects, and the count of all. Costs one query."""
    if not number:
        return [], rows.count()
    # Under a name that no column of a site's own model has.
    found = fast_queries.newest(rows, number, "ntf_total")
    if found is None:
        total = rows.order_by().values("recipient").annotate(ntf_total=Count("pk")).values("ntf_total")
        found = list(rows.annotate(ntf_total=Subquery(total))[:number])
    return found, found[0].ntf_total if found else 0


def fingerprint(found: Sequence[AbstractNotification], count: int, *asked: Any) -> str:
    """Return a weak ETag for an answer of these rows and this count to what was ``asked``, in the reader's language.

    It changes with every row that comes, goes or changes among these, and with the count. It does not know of objects
    that were renamed, but of those that may not be seen any more.
    """
    shown: list[Any] = []
    if found:
        _, values = editable_columns(type(found[0]))
        state = attrgetter("pk", *STATE)
        shown = [(values(row), state(row)) for row in found]
    if settings.VISIBILITY:
        attach_objects(found)
        asked = (*asked, [row.is_hidden for row in found])
    return f'W/"{sha256(repr((get_language(), asked, count, shown)).encode()).hexdigest()[:32]}"'


def marks_as_read(request: HttpRequest) -> bool:
    """Tell whether the request wants, and may want, the returned rows to be marked as read."""
    if request.method != "POST" and not settings.ACTIONS_ON_GET:
        return False
    value = request.POST.get("mark_as_read", request.GET.get("mark_as_read", ""))
    return value.strip().lower() not in {"", "0", "false", "no", "off"}
