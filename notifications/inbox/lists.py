"""The lists of the older packages: which rows, how many, and an ETag for what was shown of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any

from django.db.models import Count, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from notifications.conf import settings
from notifications.inbox.snooze import local_now
from notifications.objects.keys import attach_objects
from notifications.objects.labels import labels_of
from notifications.presentation.serialize import STATE_COLUMNS, editable_columns, item
from notifications.storage import fast_queries
from notifications.storage.notification import AbstractNotification
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
    """Return a weak ETag for an answer of these rows and this count to what was ``asked``.

    It changes with every row that comes, goes or changes among these, with the count, the language, the time zone and
    the day. It does not know of objects that were renamed or deleted, because to ask for them would cost a query for
    each content type; where ``VISIBILITY`` makes that necessary, it does.
    """
    shown: list[Any] = []
    if found:
        _, values = editable_columns(type(found[0]))
        state = attrgetter("pk", *STATE_COLUMNS)
        shown = [(values(row), state(row)) for row in found]
    if settings.VISIBILITY:
        attach_objects(found)
        asked = (*asked, [(row.is_hidden, *labels_of(row).values()) for row in found])
    now = (get_language(), timezone.get_current_timezone_name(), local_now().date())
    return f'W/"{sha256(repr((now, asked, count, shown)).encode()).hexdigest()[:32]}"'


def marks_as_read(request: HttpRequest) -> bool:
    """Return whether the request wants, and may want, the returned rows to be marked as read."""
    if request.method != "POST" and not settings.ACTIONS_ON_GET:
        return False
    value = request.POST.get("mark_as_read", request.GET.get("mark_as_read", ""))
    return value.strip().lower() not in {"", "0", "false", "no", "off"}
