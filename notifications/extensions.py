"""The way for other apps to change the recipients of events and to extend the inbox."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.apps import apps
from django.db import models

from notifications.conf import CORE_KEYS, Setting, Settings
from notifications.events import Event
from notifications.objects.guard import guarded
from notifications.objects.narrowing import within

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.functional import Promise

R = TypeVar("R", bound="models.QuerySet[Any]")
T = TypeVar("T")

#: Functions that say which rows a request sees, from :mod:`notifications.registry`. They take the rows and the request.
ROW_FILTERS: list[Callable[[Any, HttpRequest | None], Any]] = []

#: The annotation of an audience with the reason of each user. It is stored in the column ``reason`` of their row.
REASON = "notifications_reason"


class Extension:
    """Inherit from this in an AppConfig to change the audience of events, or to extend the inbox.

    It must stay a plain class: a second AppConfig among the bases would make Django pick the wrong configuration.
    """

    #: Templates that the inbox includes: "head" in its header, "row" in the menu of each row (``notice``), and
    #: "new_row" in the empty row that the script uses for notifications that arrive.
    notifications_templates: ClassVar[Mapping[str, str]] = {}

    #: The settings of the app, if it adds keys to the dict ``NOTIFICATIONS``.
    notifications_settings: ClassVar[type[Settings] | None] = None

    #: Keyboard shortcuts for the help of the inbox: ``{("Shift", "M"): _("Mute")}``. The script clicks the button of
    #: the row that has ``data-ntf-key="M"``.
    notifications_keys: ClassVar[Mapping[tuple[str, ...], str | Promise]] = {}

    #: The messages that the inbox shows after actions of the app, by the name of the action.
    notifications_messages: ClassVar[Mapping[str, str | Promise]] = {}

    def notifications_attributes(self) -> Mapping[str, str]:
        """Return HTML attributes of the inbox and the bell for a script: "live" becomes ``data-ntf-live``."""
        return {}

    def notifications_audience(
        self, event: Event, audience: QuerySet[AbstractBaseUser] | None
    ) -> QuerySet[AbstractBaseUser] | None:
        """Return the audience of ``event`` as a queryset of users. Do not iterate over it.

        ``audience`` is the queryset given by ``recipient=``, or returned by the previous extension in the order of
        ``INSTALLED_APPS``. It is None if there are no recipients yet. Annotate it with ``notifications_reason``, a text
        that is never null, to set the reason of each user, unless the sender gave a reason for all.
        """
        return audience

    def notifications_writes(self, event: Event) -> bool:
        """Return whether :meth:`notifications_written` has something to write for ``event``. It must not query."""
        return type(self).notifications_written is not Extension.notifications_written

    def notifications_written(self, event: Event, rows: QuerySet[Any], using: str, *, fresh: bool) -> None:
        """Write what belongs to the rows of ``event``, in their transaction, with a constant number of statements.

        ``rows`` are notifications in the database ``using``: those that were just written, and, unless ``fresh``,
        possibly some that were written before. A large audience is written in several parts, each with a call.
        """

    def notifications_muted(self, rows: Sequence[Any]) -> Collection[Any]:
        """Return the primary keys of those of these notifications that are about what their recipient has muted.

        It is asked after the rows were written, for many at once, before something leaves the site. ``rows`` are loaded
        notifications with their objects, of any recipients. Use a constant number of queries.
        """
        return ()

    def notifications_explained(self, row: Any) -> Sequence[str]:
        """Return sentences about a notification for the page "Why am I getting this?", in the current language."""
        return ()

    def notifications_rows(self, request: HttpRequest | None, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the notifications that this request may see and change: ``rows.filter(...)``.

        Every page, list, count, template tag, JSON response and live stream of the user asks this, for example to show
        only the notifications of the current site or tenant. ``request`` is None if there is none, as in the filter
        ``has_notification``. If this raises an exception, the request sees no notifications, and the log says why.
        """
        return rows

    def notifications_containers(self) -> Mapping[type[models.Model], Sequence[str]]:
        """Return the lookups from models to what contains their objects, the nearest first.

        An example: ``{Issue: ["repository", "repository__owner"]}``. If the objects at the end can be searched by name
        (``SEARCH_FIELDS``), the inbox offers filters such as ``in:pinax``.
        """
        return {}

    def notifications_sent(self, event: Event, rows: QuerySet[Any], using: str) -> None:
        """Do what follows from an event. This is called once for each ``notify.send`` that did not fail.

        ``rows`` are all rows of the event, of which there may be none, in the database ``using``. A transaction of the
        caller is still open: whatever takes locks belongs after its commit. An exception is logged.
        """

    def notifications_silence(self, event: Event, *, named: bool) -> str | None:
        """Return the reason for the log why this extension left an event without recipients: "all have muted it".

        ``named`` is whether there were users in ``recipient=``. Return None if this extension is not the cause.
        """
        return None


def says_reasons(audience: QuerySet[Any]) -> bool:
    """Return whether the audience has an annotation with the reason of each user. A union has none."""
    return not audience.query.combinator and REASON in audience.query.annotations


def extensions() -> list[Extension]:
    """Return the installed app configurations that inherit from :class:`Extension`, in ``INSTALLED_APPS`` order."""
    return [config for config in apps.get_app_configs() if isinstance(config, Extension)]


def audience_extensions() -> list[Extension]:
    """Return the extensions that change the audience, in ``INSTALLED_APPS`` order."""
    return [
        extension
        for extension in extensions()
        if type(extension).notifications_audience is not Extension.notifications_audience
    ]


def writing_extensions(event: Event) -> list[Extension]:
    """Return the extensions that write something for this event, in ``INSTALLED_APPS`` order."""
    return [extension for extension in extensions() if extension.notifications_writes(event)]


def muted_rows(rows: Sequence[Any]) -> frozenset[Any]:
    """Return the primary keys of those of these notifications that an extension finds muted by their recipients."""
    return frozenset(key for extension in extensions() for key in extension.notifications_muted(rows))


def explained(row: Any) -> list[str]:
    """Return what the extensions say about a notification on the page "Why am I getting this?"."""
    nothing: list[str] = []
    return [
        text
        for extension in extensions()
        for text in asked(extension, "notifications_explained", list, row, otherwise=nothing)
    ]


def containers() -> dict[type[models.Model], list[str]]:
    """Return the lookups from models to what contains their objects, as the extensions say them."""
    found: dict[type[models.Model], list[str]] = {}
    nothing: dict[type[models.Model], list[str]] = {}

    def lists(answer: Any) -> dict[type[models.Model], list[str]]:
        return {model: list(lookups) for model, lookups in dict(answer).items()}

    for extension in extensions():
        for model, lookups in asked(extension, "notifications_containers", lists, otherwise=nothing).items():
            found.setdefault(model, []).extend(lookups)
    return found


def attributes() -> dict[str, str]:
    """Return the HTML attributes of the extensions for the inbox and the bell."""
    found: dict[str, str] = {}
    nothing: dict[str, str] = {}
    for extension in extensions():
        found |= asked(extension, "notifications_attributes", dict, otherwise=nothing)
    return found


def asked(extension: Extension, name: str, kind: Callable[[Any], T], *arguments: Any, otherwise: T) -> T:
    """Return what a method of an extension returns, as a ``kind``. If it fails, log it and return ``otherwise``."""
    where = f"{type(extension).__module__}.{type(extension).__name__}"
    return guarded(
        where, f"{name}()", lambda: kind(getattr(extension, name)(*arguments)), otherwise=otherwise
    )


def row_filters() -> list[Callable[[Any, HttpRequest | None], Any]]:
    """Return everything that says which rows a request sees, as functions that take the rows and the request."""
    return [
        *(
            lambda rows, request, extension=extension: extension.notifications_rows(request, rows)
            for extension in extensions()
            if type(extension).notifications_rows is not Extension.notifications_rows
        ),
        *ROW_FILTERS,
    ]


def rows_for(request: HttpRequest | None, rows: R) -> R:
    """Return those of the rows that the request may see and change, as the extensions say; all without extensions."""
    for row_filter in row_filters():
        found = guarded(
            "notifications_rows()", "an extension", narrowed, row_filter, rows, request, otherwise=None
        )
        if found is None:
            return rows.none()
        rows = found
    return rows


def narrowed(row_filter: Callable[[Any, HttpRequest | None], Any], rows: R, request: HttpRequest | None) -> R:
    """Return what an extension makes of the rows. Raise TypeError if it cannot be filtered any more."""
    found = row_filter(rows, request)
    if not isinstance(found, models.QuerySet) or found.model is not rows.model:
        raise TypeError(f"it must return a queryset of {rows.model._meta.label}, got {found!r}")
    query = found.query
    # What a window chose would be chosen again by each filter, and nothing can be written to tables of extra().
    is_choice = (
        query.is_sliced or query.combinator or query.distinct_fields or query.where.contains_over_clause
    )
    if is_choice or query.extra_tables:
        raise TypeError(
            "it must return a queryset that can be filtered: no slice, union, window or extra tables"
        )
    if getattr(found, "_fields", None) is not None:
        raise TypeError("it must return notifications: no values()")
    kept: Any = within(rows, found)
    return kept  # type: ignore[no-any-return]


def sent_extensions() -> list[Extension]:
    """Return the extensions that do something when an event was sent, in ``INSTALLED_APPS`` order."""
    return [
        extension
        for extension in extensions()
        if type(extension).notifications_sent is not Extension.notifications_sent
    ]


def known_settings() -> dict[str, Setting[Any]]:
    """Return all keys that the dict ``NOTIFICATIONS`` may have: those of the core and those of the extensions."""
    known = dict(CORE_KEYS)
    for extension in extensions():
        if extension.notifications_settings is not None:
            known.update(extension.notifications_settings.own_keys())
    return known


def message_of(action: str) -> str | Promise | None:
    """Return the message that the inbox shows after an action of an extension, or None."""
    found = (extension.notifications_messages.get(action) for extension in extensions())
    return next((message for message in found if message is not None), None)
