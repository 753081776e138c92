"""The inbox, what changes it, and its JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.generic import ListView

from notifications import pagination
from notifications.conf import settings
from notifications.models import AbstractNotification
from notifications.querysets import NotificationQuerySet
from notifications.serialize import (
    LISTS,
    fingerprint,
    get_num_to_fetch,
    marks_as_read,
    newest,
    show,
)
from notifications.slugs import slug2id

Rows = NotificationQuerySet[AbstractNotification]

if TYPE_CHECKING:
    Base = ListView[AbstractNotification]
else:
    Base = ListView


def rows_of(request: HttpRequest) -> Rows:
    """Return the notifications of the user who asks, and of nobody else."""
    user: Any = request.user
    rows: Rows = user.notifications.all()
    return rows


class NotificationViewList(LoginRequiredMixin, Base):
    """A page of somebody's own notifications, the newest first."""

    template_name = "notifications/list.html"
    context_object_name = "notifications"

    def get_paginate_by(self, queryset: Any) -> int:
        """Return how many rows a page has."""
        return settings.PAGE_SIZE

    def paginate_queryset(self, queryset: Any, page_size: int) -> tuple[Any, Any, Any, bool]:
        """Return the page that ``before``, ``after`` or ``page`` names, without counting the rows."""
        page = pagination.get_page(queryset, page_size, self.request.GET)
        return page.paginator, page, page.object_list, page.has_other_pages()


class AllNotificationsList(NotificationViewList):
    """All notifications of the user."""

    def get_queryset(self) -> Rows:
        """Return all that the user may see."""
        return rows_of(self.request).visible().with_objects()


class UnreadNotificationsList(NotificationViewList):
    """The unread notifications of the user."""

    def get_queryset(self) -> Rows:
        """Return what the user has not read."""
        return rows_of(self.request).unread().with_objects()


@dataclass(frozen=True, slots=True)
class Action:
    """Something a user does to rows of theirs: what it asks, what it changes, where it leads."""

    name: str
    question: str | Promise
    button: str | Promise
    leads_to: str
    change: Callable[[Rows], int]


def delete_rows(rows: Rows) -> int:
    """Hide the rows under SOFT_DELETE, else delete them. Return how many."""
    return rows.mark_all_as_deleted() if settings.SOFT_DELETE else rows.delete()[0]


MARK_ALL_AS_READ = Action(
    "mark_all_as_read",
    _("Mark all your notifications as read?"),
    _("Mark all as read"),
    "unread",
    lambda rows: rows.mark_all_as_read(),
)
MARK_AS_READ = Action(
    "mark_as_read",
    _("Mark this notification as read?"),
    _("Mark as read"),
    "unread",
    lambda rows: rows.mark_all_as_read(),
)
MARK_AS_UNREAD = Action(
    "mark_as_unread",
    _("Mark this notification as unread?"),
    _("Mark as unread"),
    "unread",
    lambda rows: rows.mark_all_as_unread(),
)
DELETE = Action("delete", _("Delete this notification?"), _("Delete"), "all", delete_rows)


@login_required
def mark_all_as_read(request: HttpRequest) -> HttpResponse:
    """Mark all notifications of the user as read."""
    return act(request, MARK_ALL_AS_READ)


@login_required
def mark_as_read(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Mark one notification of the user as read."""
    return act(request, MARK_AS_READ, slug)


@login_required
def mark_as_unread(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Mark one notification of the user as unread."""
    return act(request, MARK_AS_UNREAD, slug)


@login_required
def delete(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Delete one notification of the user, or hide it under SOFT_DELETE."""
    return act(request, DELETE, slug)


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, action: Action, slug: int | str | None = None) -> HttpResponse:
    """Do it on POST and go on to ``next``; on GET ask first, unless ``ACTIONS_ON_GET`` is on."""
    rows = rows_of(request).visible()
    if slug is not None:
        rows = rows.filter(pk=slug2id(slug))
    if request.method == "POST" or settings.ACTIONS_ON_GET:
        if not action.change(rows) and slug is not None and not rows.exists():
            raise Http404
        return HttpResponseRedirect(next_url(request) or own_url(request, action.leads_to))
    notification = None if slug is None else rows.with_objects().first()
    if slug is not None and notification is None:
        raise Http404
    context = {
        "notification": notification,
        "action": action.name,
        "question": action.question,
        "button": action.button,
        "next": next_url(request),
        "cancel_url": next_url(request) or own_url(request, action.leads_to),
    }
    return render(request, "notifications/confirm.html", context)


def own_url(request: HttpRequest, name: str) -> str:
    """Return the url of one of our pages, in the instance of the urls that the request came by."""
    match = request.resolver_match
    return reverse(f"notifications:{name}", current_app=match.namespace if match else None)


def next_url(request: HttpRequest) -> str:
    """Return where the request wants to go next, or an empty text when that is not a page of this host."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if allowed and url.isprintable() else ""


def answer(request: HttpRequest, name: str, *, with_list: bool) -> HttpResponse:
    """Return the count, and the list if wanted, of the ``all`` or ``unread`` rows; zeros for nobody.

    An unchanged poll that sends back its ETag is a 304 after one query.
    """
    if not request.user.is_authenticated:
        return JsonResponse({f"{name}_count": 0, **({f"{name}_list": []} if with_list else {})})
    rows = LISTS[name](rows_of(request))
    number = get_num_to_fetch(request) if with_list else 0
    found, count = newest(rows, number)
    marking, etag = marks_as_read(request), fingerprint(found, count, request.user.pk, number)
    if not marking and request.method != "POST":
        unchanged = get_conditional_response(request, etag=etag)
        if unchanged is not None:
            unchanged.headers["ETag"] = etag
            return unchanged
    items = {f"{name}_list": show(found, request)} if with_list else {}
    if marking:
        # What was shown is read now.
        return JsonResponse({f"{name}_count": rows.count(), **items})
    return JsonResponse({f"{name}_count": count, **items}, headers={"ETag": etag})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def live_unread_notification_count(request: HttpRequest) -> HttpResponse:
    """Answer with the number of unread notifications."""
    return answer(request, "unread", with_list=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def live_unread_notification_list(request: HttpRequest) -> HttpResponse:
    """Answer with the newest unread notifications and the number of all of them."""
    return answer(request, "unread", with_list=True)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def live_all_notification_count(request: HttpRequest) -> HttpResponse:
    """Answer with the number of notifications."""
    return answer(request, "all", with_list=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def live_all_notification_list(request: HttpRequest) -> HttpResponse:
    """Answer with the newest notifications and the number of all of them."""
    return answer(request, "all", with_list=True)
