"""The lists of the older packages: their rows, their length, and their ETag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from notifications.conf import settings
from notifications.inbox.actions import ACTIONS, write_as_before
from notifications.inbox.requests import rows_of
from notifications.inbox.snooze import local_now
from notifications.objects.keys import attach_objects
from notifications.objects.labels import labels_of
from notifications.presentation.serialize import STATE_COLUMNS, editable_columns, items
from notifications.storage.expressions import CountOfRows
from notifications.storage.notification import AbstractNotification
from notifications.storage.querysets import NotificationQuerySet

#: The most rows of the inbox in one JSON response, if ``PAGE_SIZE`` is not larger.
MAX_PAGE_ROWS = 1000

#: The names of the lists.
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
    """Return the number of rows given by ``?max=``, 1 to 100, otherwise the setting ``NUM_TO_FETCH``."""
    try:
        number = int(request.GET.get("max", ""))
    except ValueError:
        return settings.NUM_TO_FETCH
    return number if 1 <= number <= 100 else settings.NUM_TO_FETCH


def get_page_size(request: HttpRequest) -> int:
    """Return the number of rows of a page of the inbox given by ``?max=``, otherwise the setting ``NUM_TO_FETCH``.

    It is at most ``MAX_PAGE_ROWS``, or ``PAGE_SIZE`` if that is more.
    """
    text = request.GET.get("max", "")
    if not (text.isascii() and text.isdigit() and int(text[:9])):
        return settings.NUM_TO_FETCH
    return min(int(text[:9]), max(MAX_PAGE_ROWS, settings.PAGE_SIZE))


def get_notification_list(request: HttpRequest, method_name: str = "all") -> list[dict[str, Any]]:
    """Return the latest notifications of the user as JSON items, and mark them as read if ``mark_as_read`` is given.

    ``method_name`` is a key of :data:`LISTS`. ``mark_as_read`` works by POST, and by GET if ``ACTIONS_ON_GET`` is on.
    The items show the state before that.
    """
    return show(list(LISTS[method_name](rows_of(request))[: get_num_to_fetch(request)]), request)


def show(found: Sequence[AbstractNotification], request: HttpRequest) -> list[dict[str, Any]]:
    """Return these notifications of the user as JSON items. Mark them as read if the request has ``mark_as_read``."""
    attach_objects(found)
    shown = items(found, request)
    if marks_as_read(request):
        shown_rows = rows_of(request).filter(pk__in=[notification.pk for notification in found])
        write_as_before(shown_rows, ACTIONS["read"])
    return shown


def newest(rows: NotificationQuerySet[Any], number: int) -> tuple[Sequence[AbstractNotification], int]:
    """Return the ``number`` latest of these rows, without their objects, and the count of all.

    Costs one query, two if an extension made a query of them that is not plain.
    """
    if not number:
        return [], rows.count()
    if not CountOfRows.fits(rows.query):
        return list(rows[:number]), rows.count()
    # A name that no column of a custom model has.
    found: list[Any] = list(rows.annotate(ntf_total=CountOfRows())[:number])
    return found, found[0].ntf_total if found else 0


def fingerprint(found: Sequence[AbstractNotification], count: int, *asked: Any) -> str:
    """Return a weak ETag for a response with these rows and this count to the request ``asked``.

    It changes if one of the rows is added, removed or changed, and with the count, the language, the time zone and the
    day. It does not change if an object is renamed or deleted, because that would cost a query for each content type;
    with ``VISIBILITY``, these queries are needed anyway, so it does.
    """
    shown: list[Any] = []
    if found:
        _, values = editable_columns(type(found[0]))
        state = attrgetter("pk", *STATE_COLUMNS)
        shown = [(values(row), state(row)) for row in found]
    if settings.VISIBILITY:
        attach_objects(found)
        asked = (*asked, [(row.is_hidden, *labels_of(row).values()) for row in found])
    zone = timezone.get_current_timezone_name() if django_settings.USE_TZ else ""
    now = (get_language(), zone, local_now().date())
    return f'W/"{sha256(repr((now, asked, count, shown)).encode()).hexdigest()[:32]}"'


def marks_as_read(request: HttpRequest) -> bool:
    """Return whether the request marks the returned rows as read."""
    if request.method != "POST" and not settings.ACTIONS_ON_GET:
        return False
    value = request.POST.get("mark_as_read", request.GET.get("mark_as_read", ""))
    return value.strip().lower() not in {"", "0", "false", "no", "off"}
