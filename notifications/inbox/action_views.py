"""The views that do something to one notification, to some, or to all that match, and that undo it.

What the next page of the inbox says of it, with the button that takes it back, travels in a signed cookie that lives
for a minute, so that no page costs a query for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from notifications.compat.slugs import slug2id
from notifications.conf import settings
from notifications.inbox import search, tabs, undo as undoing
from notifications.inbox.actions import VERBS, NotAMoment, Verb, choices, moment_of
from notifications.inbox.tabs import TABS, Rows, Tab, rows_of
from notifications.models import get_notification_model
from notifications.objects.keys import primary_key
from notifications.storage import counts

COOKIE, SECONDS = "notifications_said", 60

#: What is said of something that is no verb.
UNDO, NOBODY = "undo", "nobody"

#: What is said of what an extension did, by the names that it gives.
SAYINGS: dict[str, str | Promise] = {}

#: What the forms repeat: which rows are meant, and where to go next.
REPEATED = ("one", "all", "id", "shown", "scope", "tab", "q", "up_to")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asks for: a verb, and the rows, named one by one or as all that match in a tab."""

    verb: Verb
    slugs: list[str] = field(default_factory=list)
    tab: Tab | None = None
    query: str = ""

    @classmethod
    def by(cls, data: QueryDict) -> Asked | None:
        """Read the form. Return None for a verb that there is not.

        A button of one row (``one=done:110910``) means that row, whatever else is chosen, and one that means
        everything (``all=read``) all that is unread.
        """
        name, _, slug = data.get("one", "").partition(":")
        everything = data.get("all", "")
        verb = VERBS.get(name or everything or data.get("verb", ""))
        if verb is None:
            return None
        if name:
            return cls(verb, [slug])
        if everything:
            return cls(verb, tab=TABS["unread"])
        scopes = data.getlist("scope")
        if "all" in scopes:
            return cls(verb, tab=TABS.get(data.get("tab", ""), TABS["inbox"]), query=data.get("q", ""))
        shown = data.get("shown", "").split(",") if "page" in scopes else []
        return cls(verb, [*data.getlist("id"), *shown])

    def rows(self, request: HttpRequest, up_to: str) -> Rows:
        """Return the rows that are meant, of the user who asks. Of all that match, none that came since."""
        model = get_notification_model()
        if self.tab:
            wanted = search.parse(self.query, model, reader=request.user)
            return self.tab.rows_up_to(rows_of(request), wanted, tabs.moment_of(up_to))
        rows = rows_of(request).visible()
        keys = {key_of(slug, model, rows.db) for slug in self.slugs} - {None}
        return rows.filter(pk__in=keys)


def key_of(slug: str, model: Any, using: str) -> Any:
    """Return the primary key behind a slug, or None for a text that is none."""
    is_number = slug.isascii() and slug.isdigit() and len(slug) < 20
    return primary_key(model, str(slug2id(slug)), using) if is_number else None


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest) -> HttpResponse:
    """Do it on POST and go on to ``next``, where a banner offers to undo it; on GET ask first.

    Whoever prefers JSON gets what the page would say, and the counts.
    """
    data = sent(request)
    asked = Asked.by(data)
    if asked is None:
        return refuse(request, gettext("There is no such thing to do."))
    if request.method != "POST":
        return ask(request, asked.verb.name, asked.verb.title)
    until = None
    if asked.verb.name == "snooze":
        text = data.get("until", "")
        try:
            until = moment_of(text)
        except NotAMoment as error:
            if wants_json(request):
                return refuse(request, str(error))
            return ask_until(request, data, str(error) if text else "")
    rows = asked.rows(request, data.get("up_to", ""))
    change = undoing.do(request.user, rows, asked.verb, until=until)
    nobody = not asked.tab and not asked.slugs
    said = Said(NOBODY if nobody else asked.verb.name, change.changed, change.token or "")
    return answer(request, said)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest) -> HttpResponse:
    """Take back, on POST, the last thing that the user did, which the token names; on GET ask first."""
    data = sent(request)
    if request.method != "POST":
        return ask(request, "undo", gettext("Undo"))
    change = undoing.undo(request.user, data.get("undo", ""))
    return answer(request, Said(UNDO, change.changed))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def seen(request: HttpRequest) -> HttpResponse:
    """Note, on POST, that the user looks at the bell now: nothing is unseen any more. On GET ask first."""
    if request.method != "POST":
        return ask(request, "seen", gettext("Mark all as seen"))
    counts.mark_seen(request.user)
    return HttpResponse(status=204)


# What the older packages did by a url for each thing


@login_required
def mark_all_as_read(request: HttpRequest) -> HttpResponse:
    """Mark all notifications of the user as read."""
    return act_by_url(
        request, "mark_all_as_read", VERBS["read"], gettext("Mark all your notifications as read?")
    )


@login_required
def mark_as_read(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Mark one notification of the user as read."""
    return act_by_url(
        request, "mark_as_read", VERBS["read"], gettext("Mark this notification as read?"), slug
    )


@login_required
def mark_as_unread(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Mark one notification of the user as unread."""
    question = gettext("Mark this notification as unread?")
    return act_by_url(request, "mark_as_unread", VERBS["unread"], question, slug)


@login_required
def delete(request: HttpRequest, slug: int | str) -> HttpResponse:
    """Delete one notification of the user, or hide it under SOFT_DELETE."""
    return act_by_url(request, "delete", VERBS["delete"], gettext("Delete this notification?"), slug)


@require_http_methods(["GET", "HEAD", "POST"])
def act_by_url(
    request: HttpRequest, action: str, verb: Verb, question: str, slug: int | str | None = None
) -> HttpResponse:
    """Do it on POST and go on to ``next``; on GET ask first, unless ``ACTIONS_ON_GET`` is on."""
    leads_to = "all" if verb.name == "delete" else "unread"
    rows = rows_of(request).visible()
    if slug is not None:
        rows = rows.filter(pk=slug2id(slug))
    if request.method == "POST" or settings.ACTIONS_ON_GET:
        if not verb.write(rows, None) and slug is not None and not rows.exists():
            raise Http404
        return HttpResponseRedirect(next_url(request) or own_url(request, leads_to))
    if slug is None:
        return ask(request, action, gettext("Mark all as read"), question, leads_to=leads_to)
    notification = rows.with_objects().first()
    if notification is None:
        raise Http404
    return ask(request, action, verb.title, question, leads_to=leads_to, notification=notification)


# What they are made of


def sent(request: HttpRequest) -> QueryDict:
    """Return what the url and the form say, the form after the url, so that it is heard first."""
    data = request.GET.copy()
    data.update(request.POST)
    return data


def wants_json(request: HttpRequest) -> bool:
    """Tell whether who asks prefers JSON to a page."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def answer(request: HttpRequest, said: Said) -> HttpResponse:
    """Say what was done: as JSON with the counts, or on the page that comes next."""
    if wants_json(request):
        return JsonResponse(
            {
                "changed": said.changed,
                "message": said.message,
                "undo": said.token or None,
                "unread_count": counts.unread_count(request.user),
                "unseen_count": counts.unseen_count(request.user),
            }
        )
    inbox = own_url(request, "all")
    response = HttpResponseRedirect(next_url(request) or inbox)
    say(response, request, said, inbox)
    return response


def refuse(request: HttpRequest, problem: str) -> HttpResponse:
    """Say why nothing was done."""
    if wants_json(request):
        return JsonResponse({"error": problem}, status=400)
    return HttpResponseBadRequest(problem, content_type="text/plain; charset=utf-8")


def ask(
    request: HttpRequest,
    action: str,
    button: Any,
    question: str = "",
    *,
    leads_to: str = "all",
    notification: Any = None,
) -> HttpResponse:
    """Show a page that asks before anything changes. Its form posts to the url that was asked for."""
    context = {
        "notification": notification,
        "action": action,
        "question": question or gettext("%(action)s?") % {"action": button},
        "button": button,
        "next": next_url(request),
        "cancel_url": next_url(request) or own_url(request, leads_to),
    }
    return render(request, "notifications/confirm.html", context)


def ask_until(request: HttpRequest, data: QueryDict, problem: str) -> HttpResponse:
    """Show a page that asks until when, and what was wrong with the last answer."""
    context = {
        "choices": choices(),
        "problem": problem,
        "until": data.get("until", ""),
        "repeated": [(name, value) for name in REPEATED for value in data.getlist(name)],
        "next": next_url(request),
        "cancel_url": next_url(request) or own_url(request, "all"),
    }
    return render(request, "notifications/snooze.html", context, status=400 if problem else 200)


def own_url(request: HttpRequest, name: str) -> str:
    """Return the url of one of our pages, in the instance of the urls that the request came by."""
    match = request.resolver_match
    return reverse(f"notifications:{name}", current_app=match.namespace if match else None)


def next_url(request: HttpRequest) -> str:
    """Return where the request wants to go next, or an empty text when that is not a page of this host."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if allowed and url.isprintable() else ""


# What is said on the next page


@dataclass(frozen=True, slots=True)
class Said:
    """What was done, to how many rows, and the token that undoes it."""

    what: str
    changed: int = 0
    token: str = ""

    @property
    def message(self) -> str:
        """Return it in the language of the reader."""
        if self.what in SAYINGS:
            return str(SAYINGS[self.what])
        if self.what == NOBODY:
            return gettext("Nothing was chosen.")
        if self.what == UNDO and self.changed:
            words = ngettext(
                "%(count)d notification is as it was.",
                "%(count)d notifications are as they were.",
                self.changed,
            )
            return words % {"count": self.changed}
        if self.what == UNDO:
            return gettext("There is nothing to undo any more.")
        return VERBS[self.what].said_of(self.changed) if self.changed else gettext("Nothing changed.")


def say(response: HttpResponse, request: HttpRequest, said: Said, path: str) -> None:
    """Let the next page below ``path`` say this."""
    response.set_signed_cookie(
        COOKIE,
        f"{said.what} {said.changed} {said.token}",
        salt=salt(request),
        max_age=SECONDS,
        path=path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def said(request: HttpRequest) -> Said | None:
    """Return what was said to this user in the last minute, if anything."""
    value = request.get_signed_cookie(COOKIE, default="", salt=salt(request), max_age=SECONDS)
    if not value:
        return None
    what, changed, token = value.split(" ")
    return Said(what, int(changed), token)


def salt(request: HttpRequest) -> str:
    """Return what makes the cookie of one user worthless to another."""
    return f"{COOKIE}:{request.user.pk}"
