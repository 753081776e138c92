"""The template tags and filters of the inbox: ``{% load notifications_tags %}``."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable
from functools import wraps
from itertools import groupby
from typing import Any, TypeVar, cast

from django.core.serializers.json import DjangoJSONEncoder
from django.db import router
from django.template import Library
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from notifications.conf import settings
from notifications.extensions import attributes, extensions, rows_for
from notifications.inbox.actions import ROW_ACTIONS, Action, actions_for
from notifications.inbox.rows import Rows
from notifications.inbox.search import Search
from notifications.inbox.tabs import FILTERS, TABS, day_of
from notifications.inbox.thread_pages import get_page
from notifications.objects import links
from notifications.presentation import sentences
from notifications.presentation.icons import icons
from notifications.presentation.threads import Thread, thread_of
from notifications.storage.changes import cache_key
from notifications.storage.counts import unread_count, unseen_count
from notifications.storage.notification import AbstractNotification
from notifications.storage.owners import rows_of_user, user_pk
from notifications.storage.reasons import reason_label

register = Library()
F = TypeVar("F", bound=Callable[..., Any])

#: What ``api_name`` of ``register_notify_callbacks`` may be, and the url that answers.
APIS = {
    "list": "notifications:live_unread_notification_list",
    "count": "notifications:live_unread_notification_count",
}

#: What could end the element that holds JSON, as the JSON escapes it.
ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def or_nothing(nothing: Callable[[], Any], place: int = 0) -> Callable[[F], F]:
    """Let a tag or a filter return ``nothing()`` for a notification or a list that the template does not have.

    Django passes None, or a text, for a variable that is not there. ``place`` is that of the argument.
    """

    def decorate(function: F) -> F:
        name = list(inspect.signature(function).parameters)[place]

        @wraps(function)
        def answer(*args: Any, **kwargs: Any) -> Any:
            given = args[place] if len(args) > place else kwargs.get(name)
            return nothing() if given is None or isinstance(given, str) else function(*args, **kwargs)

        return cast(F, answer)

    return decorate


def request_of(context: Any) -> Any:
    """Return the request that a template is rendered for, or None; ``context`` is a template context or a mapping."""
    return getattr(context, "request", None) or context.get("request")


def user_context(context: Any) -> Any:
    """Return the user for whom a template is rendered, or None.

    This is the user of the request, or else the ``user`` of the context. ``context`` is a template context or a
    mapping.
    """
    request = request_of(context)
    user = getattr(request, "user", None)
    if user is None:
        user = context.get("user")
    return user if is_known(user) else None


def is_known(user: Any) -> bool:
    """Return whether this is an authenticated user."""
    return bool(getattr(user, "is_authenticated", False))


def get_cached_notification_unread_count(user: Any, request: Any = None) -> int:
    """Return how many unread notifications ``user`` has, at most ``CACHE_TIMEOUT`` seconds old."""
    return unread_count(user, request)


@register.simple_tag(takes_context=True)
def notifications_unread(context: Any) -> int | str:
    """Return how many unread notifications the user has; an empty string for an anonymous user.

    ``{% notifications_unread as unread_count %}`` stores it.
    """
    user = user_context(context)
    return get_cached_notification_unread_count(user, request_of(context)) if user else ""


@register.filter
def has_notification(user: Any) -> bool:
    """Return whether ``user`` has unread notifications: ``{% if user|has_notification %}``."""
    return is_known(user) and rows_for(None, rows_of_user(user).unread()).exists()


def unread_count_cache_key(user: Any, request: Any = None) -> str:
    """Return the key of the cached unread count of a user, as in django-notifications-community.

    A change clears it by itself. The value is not only a number.
    """
    return cache_key(user_pk(user), using=router.db_for_write(user.notifications.model, instance=user))


def register_notify_callbacks(
    badge_class: str = "live_notify_badge",
    menu_class: str = "live_notify_list",
    refresh_period: int | str = 15,
    callbacks: str = "",
    api_name: str = "list",
    fetch: int | str = 5,
    nonce: str | None = None,
    mark_as_read: bool | str = False,
    *,
    csrf_token: Any = "",
) -> SafeString | str:
    """Return the configuration of ``notify.js`` as JSON, which browsers do not execute.

    ``callbacks`` are names of JavaScript functions, separated by commas. Every ``refresh_period`` seconds they are
    called with the response of the URL that ``api_name`` selects: "list" or "count"; for other values the tag is empty.
    The list has at most ``fetch`` notifications, and ``mark_as_read`` marks them as read. ``nonce`` is the attribute of
    the script.
    """
    if api_name not in APIS:
        return ""
    configuration = {
        "badgeClass": badge_class,
        "menuClass": menu_class,
        "badgeCap": settings.BADGE_CAP,
        "apiUrl": reverse(APIS[api_name]),
        "fetchCount": whole_number("fetch", fetch, 5),
        "unreadUrl": reverse("notifications:unread"),
        "markAllUnreadUrl": reverse("notifications:mark_all_as_read"),
        "refreshPeriod": max(whole_number("refresh_period", refresh_period, 15), 1) * 1000,
        "markAsRead": str(mark_as_read).lower() in {"true", "1"},
        "connectionLost": gettext("Connection lost!"),
        "callbacks": [clean_callback(name) for name in (callbacks or "").split(",") if name.strip()],
    }
    if configuration["markAsRead"]:
        # Only then does notify.js send a POST. A page that needs no token should not make Django set its cookie.
        configuration["csrfToken"] = str(csrf_token)
    text = json.dumps(configuration, cls=DjangoJSONEncoder, separators=(",", ":"))
    return format_html(
        '<script type="application/json" id="notify-config"{}>{}</script>',
        format_html(' nonce="{}"', nonce) if nonce else "",
        mark_safe(text.translate(ESCAPES)),  # noqa: S308 - nothing in it can end the element
    )


def whole_number(name: str, value: Any, default: int) -> int:
    """Return the argument of a tag as a number; the default for a variable that the template does not have.

    Raise ValueError, naming the argument, for anything else.
    """
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a whole number, got {value!r}.") from error


def clean_callback(name: str) -> str:
    """Return the name of a JavaScript function without spaces. Raise ValueError for anything else."""
    if not re.fullmatch(r"[\w$]+(\.[\w$]+)*", name.strip()):
        raise ValueError(f"callbacks must be names of JavaScript functions, got {name.strip()!r}.")
    return name.strip()


def notify_callbacks(context: Any, *args: Any, **kwargs: Any) -> SafeString | str:
    """Call :func:`register_notify_callbacks`, which can be called from Python without a context, in a template."""
    return register_notify_callbacks(*args, **kwargs, csrf_token=context.get("csrf_token", ""))


# What a template may pass, so that Django refuses anything else when the template is compiled.
_context, *_ = inspect.signature(notify_callbacks).parameters.values()
_accepted = [
    each
    for each in inspect.signature(register_notify_callbacks).parameters.values()
    if each.name != "csrf_token"
]
notify_callbacks.__signature__ = inspect.Signature([_context, *_accepted])  # type: ignore[attr-defined]
register.simple_tag(notify_callbacks, takes_context=True, name="register_notify_callbacks")


@register.simple_tag(takes_context=True)
def live_notify_badge(context: Any, badge_class: str = "live_notify_badge") -> SafeString | str:
    """Return the element that shows the unread count; an empty string for an anonymous user."""
    user = user_context(context)
    if not user:
        return ""
    count = get_cached_notification_unread_count(user, request_of(context))
    return format_html("<span class='{}'>{}</span>", badge_class, count)


@register.simple_tag
def live_notify_list(list_class: str = "live_notify_list") -> SafeString:
    """Return the list that ``fill_notification_list`` of ``notify.js`` fills."""
    return format_html("<ul class='{}'></ul>", list_class)


@register.simple_tag(takes_context=True)
@or_nothing(dict, 1)
def notice_parts(context: Any, notice: AbstractNotification) -> dict[str, SafeString | str]:
    """Return the names of ``actor``, ``action_object`` and ``target``, each as a link if the object has a URL.

    The link that opens the notification has the attribute ``data-ntf-open``: that of the target, otherwise of the
    action object, otherwise of the actor.
    """
    return sentences.parts_of(notice, request_of(context))


@register.simple_tag(takes_context=True)
@or_nothing(str, 1)
def notice_sentence(
    context: Any, notice: AbstractNotification, parts: dict[str, SafeString | str]
) -> SafeString:
    """Return the sentence of a notification, made of the ``parts`` that ``notice_parts`` returns, without the time.

    The site's template for the verb, ``notifications/verbs/<slug of the verb>.html``, replaces it.
    """
    return sentences.html_of(notice, parts, context)


@register.simple_tag(takes_context=True)
@or_nothing(str, 1)
def notice_main_url(context: Any, notice: AbstractNotification) -> str:
    """Return the URL that a click on the notification opens, or an empty string."""
    return links.main_url(notice, request_of(context))


@register.simple_tag
def extension_templates(place: str) -> list[str]:
    """Return the templates that extensions add to a place of the inbox: "head", "row" or "new_row"."""
    return [found for one in extensions() if (found := one.notifications_templates.get(place))]


@register.simple_tag
def extension_keys() -> list[tuple[tuple[str, ...], Any]]:
    """Return the keyboard shortcuts of extensions, each with its description: ``(("Shift", "M"), "Mute")``."""
    return [key for one in extensions() for key in one.notifications_keys.items()]


@register.filter
@or_nothing(str)
def notice_reason(notice: AbstractNotification) -> str:
    """Return the label of the reason why the recipient was notified, or an empty string."""
    return reason_label(notice.reason)


@register.simple_tag(takes_context=True)
@or_nothing(list, 1)
def notices_by_day(context: Any, notices: Iterable[AbstractNotification]) -> list[tuple[str, list[Any]]]:
    """Return the notifications grouped by day, in their order, with the name of the day: "Today", or its date.

    The day is that of the column by which a page of the inbox is ordered, and on other pages that of the timestamp.
    """
    key = getattr(context.get("page_obj"), "key", "timestamp")
    return [(day, list(some)) for day, some in groupby(notices, key=lambda notice: day_of(notice, key))]


@register.simple_tag(takes_context=True)
@or_nothing(list, 1)
def inbox_rows(
    context: Any, notices: Iterable[AbstractNotification]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the days of a page, each with the rows that ``notifications/row.html`` shows.

    A row has ``notice`` and the parts of the template that are made without template nodes, because a page has many.
    """
    return list(Rows(context, getattr(context.get("page_obj"), "key", "timestamp")).by_day(notices))


@register.simple_tag(takes_context=True)
def inbox_icons(context: Any) -> dict[str, SafeString]:
    """Return the icons of the site's models, by the name of the model, for notifications that arrive."""
    return icons(context)


@register.simple_tag(takes_context=True)
def inbox_filters(context: Any, text: str = "") -> list[tuple[str, str, bool, str]]:
    """Return the searches that the inbox offers: title, text, whether it is the one that is shown, and its count."""
    counts = context.get("filter_counts") or {}
    return [(str(each.title), each.query, each.query == text, counts.get(each.query, "")) for each in FILTERS]


@register.simple_tag
@or_nothing(str)
def inbox_values(notices: Iterable[AbstractNotification]) -> str:
    """Return what selects all rows of a page in a form: slugs, and the values of threads, separated by commas."""
    return ",".join(map(notice_value, notices))


@register.filter
@or_nothing(str)
def notice_value(notice: AbstractNotification) -> str:
    """Return what selects a notification of a list in a form: its slug, or the value of the thread it stands for."""
    thread = thread_of(notice)
    # A text, into which no template inserts a thousand separator.
    return thread.value if thread else str(notice.slug)


@register.simple_tag(takes_context=True)
def notifications_attributes(context: Any) -> SafeString:
    """Return the HTML attributes of the inbox and the bell for the script.

    They contain the user, the cap of the badge, the time of rendering, and the attributes of extensions.
    """
    values: dict[str, Any] = {
        "user": user_pk(user) if (user := user_context(context)) else "",
        "cap": settings.BADGE_CAP or "",
        "now": timezone.now().isoformat(),
    }
    values.update(attributes())
    return format_html_join(" ", 'data-ntf-{}="{}"', values.items())


@register.inclusion_tag("notifications/bell.html", takes_context=True)
def notifications_bell(context: Any, rows: int | str = 0) -> dict[str, Any]:
    """Render a bell with the number of unseen notifications, a link to the inbox, for the header of a site.

    The script turns it into a button that opens a panel. With ``rows``, that number of latest notifications is rendered
    with the page, for one query; otherwise the panel loads them when it is opened. Empty for an anonymous user.
    """
    user, request = user_context(context), request_of(context)
    return {
        "user": user,
        "unseen": unseen_count(user, request) if user else 0,
        "notices": newest_of(user, whole_number("rows", rows, 0), request=request),
        "threads": settings.THREADS,
        "request": request,
    }


@register.inclusion_tag("notifications/few.html", takes_context=True)
def notifications_list(context: Any, rows: int | str = 5, tab: str = "inbox") -> dict[str, Any]:
    """Render a short list of the latest notifications of the user in a tab of the inbox.

    Empty for an anonymous user.
    """
    if (tab := tab or "inbox") not in TABS:
        raise ValueError(f"tab must be one of {', '.join(TABS)}, got {tab!r}.")
    user, request = user_context(context), request_of(context)
    notices = newest_of(user, whole_number("rows", rows, 5), tab, request=request)
    return {"user": user, "notices": notices, "request": request, "tab_of_list": TABS[tab]}


def newest_of(user: Any, rows: int, tab: str = "inbox", *, request: Any = None) -> list[AbstractNotification]:
    """Return the first rows of a tab, with their objects; no rows for an anonymous user."""
    if not user or rows <= 0:
        return []
    found = TABS[tab].rows(rows_for(request, rows_of_user(user)), Search()).with_objects()
    if not settings.THREADS:
        return list(found[:rows])
    key, descending = TABS[tab].order(Search())
    page = get_page(found, rows, {}, key=key, descending=descending, counted=lambda each: each)
    return list(page.object_list)


@register.simple_tag
@or_nothing(type(None))
def notice_thread(notice: AbstractNotification) -> Thread | None:
    """Return the thread that a notification of a list stands for, or None if it stands for itself."""
    return thread_of(notice)


@register.simple_tag
def row_actions(notification: AbstractNotification | str | None = None) -> list[Action]:
    """Return the actions that are available for a notification, or all actions without one."""
    if isinstance(notification, str):
        return []
    return list(ROW_ACTIONS) if notification is None else actions_for(notification)


@register.filter
@or_nothing(str)
def notice_text(notice: AbstractNotification) -> str:
    """Return the sentence of a notification, without the time and without links."""
    return sentences.text(notice)


@register.filter
@or_nothing(list)
def notice_actions(notice: AbstractNotification) -> list[dict[str, str]]:
    """Return the links in a notification's ``data["actions"]`` that are safe to follow: ``href`` and ``title``."""
    return links.action_links(notice)
