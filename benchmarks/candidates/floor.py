"""The floor: what somebody would write by hand against the same table, with nothing but SQL and strings.

The pages are written three times: as text put together from strings, as JSON, and, to see what of a page's time is
the template's, as our own template over rows that plain SQL found.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from html import escape
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from candidates.base import Candidate as Base
from candidates.data import DATA, DESCRIPTION, FIRST_OTHER, READERS, VERB, parse_moment
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.test import override_settings
from django.urls import include, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from project.models import Issue, Project

from notifications.models import Notification

#: Rows that one statement writes when users are named one by one.
BATCH = 500

COLUMNS = (
    "id, level, recipient_id, unread, actor_content_type_id, actor_object_id, verb, description,"
    " target_content_type_id, target_object_id, action_object_content_type_id, action_object_object_id,"
    " timestamp, public, deleted, emailed, data"
)


def select(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def newest(user: Any, number: int, condition: str = "", params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return a user's newest rows, in the order of ``COLUMNS``."""
    return select(
        f"SELECT {COLUMNS} FROM notifications_notification WHERE recipient_id = %s {condition}"
        " ORDER BY timestamp DESC, id DESC LIMIT %s",
        [user.pk, *params, number],
    )


def names(rows: Sequence[tuple[Any, ...]]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return the names of the actors, action objects and targets of these rows, by primary key as text."""
    found = []
    for table, column, place in (
        ("auth_user", "username", 5),
        ("project_issue", "name", 11),
        ("project_project", "name", 9),
    ):
        keys = list({int(row[place]) for row in rows})
        marks = ", ".join(["%s"] * len(keys))
        objects = select(f"SELECT id, {column} FROM {table} WHERE id IN ({marks})", keys) if keys else []
        found.append({str(key): name for key, name in objects})
    return found[0], found[1], found[2]


def unread(user: Any) -> int:
    """Return how many unread notifications a user has, up to 100."""
    return select(
        "SELECT count(*) FROM (SELECT 1 FROM notifications_notification"
        " WHERE recipient_id = %s AND unread = %s LIMIT 100) capped",
        [user.pk, True],
    )[0][0]


def cached_unread(user: Any) -> str:
    """Return what the badge says, at most two seconds old."""
    count = cache.get_or_set(f"floor:{user.pk}", lambda: unread(user), 2)
    return "99+" if count > 99 else str(count)


def cursor_of(row: tuple[Any, ...]) -> str:
    """Return what names a row in a link."""
    return urlsafe_b64encode(f"{parse_moment(row[12]).isoformat()} {row[0]}".encode()).decode().rstrip("=")


HEAD = """<!DOCTYPE html><html lang="en-us" dir="ltr"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Notifications</title>
<link rel="stylesheet" href="/static/notifications/notifications.css"></head>
<body class="ntf-page"><main><div class="ntf"><header class="ntf-head"><h1>Notifications</h1>"""


def button(url: str, token: str, next_page: str, label: str, text: str) -> str:
    """Return a button that sends a POST."""
    return (
        f'<form method="post" action="{url}"><input type="hidden" name="csrfmiddlewaretoken" value="{token}">'
        f'<input type="hidden" name="next" value="{next_page}"><button class="ntf-button"{label}>{text}</button></form>'
    )


@login_required
def html(request: HttpRequest) -> HttpResponse:
    """Show a page of the inbox, put together from strings."""
    size = page_size()
    before, params = "", ()
    if "before" in request.GET:
        # The cursor is trusted here; ours is not.
        moment, key = request.GET["before"].replace("T", " ").split(",")
        before = "AND timestamp <= %s AND (timestamp < %s OR id < %s)"
        params = (moment, moment, key)
    rows = newest(request.user, size + 1, before, params)
    older, rows = len(rows) > size, rows[:size]
    actors, issues, projects = names(rows)
    badge, token, here = cached_unread(request.user), get_token(request), escape(request.get_full_path())
    parts = [
        HEAD,
        button("/inbox/mark-all-as-read/", token, escape(request.path), "", "Mark all as read"),
        '</header><nav class="ntf-tabs" aria-label="Which notifications">',
        '<a href="/inbox/" aria-current="page">All</a>',
        f'<a href="/inbox/unread/">Unread <span class="ntf-count">{badge}</span></a></nav>',
        '<ol class="ntf-list" role="list">',
    ]
    for row in rows:
        actor = escape(actors[row[5]])
        issue, project, verb = escape(issues[row[11]]), escape(projects[row[9]]), escape(row[6])
        sentence = f"{actor} {verb} {issue} on {project}"
        when, slug = parse_moment(row[12]), row[0] + 110909
        state = '<span class="ntf-state">Unread</span>' if row[3] else ""
        mark, text = ("mark-as-read", "Mark as read") if row[3] else ("mark-as-unread", "Mark as unread")
        parts.append(
            f'<li><article class="ntf-notice ntf-{row[1]}{" ntf-unread" if row[3] else ""}"><h2 class="ntf-sentence">'
            f"<bdi>{actor}</bdi> {verb}"
            f' <bdi><a href="/issues/{row[11]}/">{issue}</a></bdi> on'
            f' <bdi><a href="/projects/{row[9]}/">{project}</a></bdi></h2><p class="ntf-meta">{state}'
            f'<span class="ntf-level">{row[1].capitalize()}</span><time datetime="{when:%Y-%m-%dT%H:%M:%S%z}"'
            f' title="{date_format(when, "DATETIME_FORMAT")}">{timesince(when)} ago</time></p>'
            f'<div class="ntf-description"><p>{escape(row[7])}</p></div><div class="ntf-tools">'
        )
        parts.append(button(f"/inbox/{mark}/{slug}/", token, here, f' aria-label="{text}: {sentence}"', text))
        parts.append(
            button(f"/inbox/delete/{slug}/", token, here, f' aria-label="Delete: {sentence}"', "Delete")
        )
        parts.append("</div></article></li>")
    parts.append('</ol><nav class="ntf-pages" aria-label="Pages">')
    if before:
        parts.append(f'<a rel="prev" href="?after={cursor_of(rows[0])}">Newer</a>')
    else:
        parts.append('<span aria-current="page">Page 1</span>')
    if older:
        parts.append(f'<a rel="next" href="?before={cursor_of(rows[-1])}">Older</a>')
    parts.append("</nav></div></main></body></html>")
    return HttpResponse("".join(parts))


@login_required
def template(request: HttpRequest) -> HttpResponse:
    """Show the first page of the inbox by our own template, over rows that plain SQL found."""
    size = page_size()
    rows = newest(request.user, size + 1)
    older, rows = len(rows) > size, rows[:size]
    actors, issues, projects = names(rows)
    notices = []
    for row in rows:
        values = dict(zip(COLUMNS.split(", "), row, strict=True))
        values["data"], values["timestamp"] = json.loads(values["data"]), parse_moment(values["timestamp"])
        notice = Notification(**values)
        fields = {field.name: field for field in Notification._meta.private_fields}
        fields["actor"].set_cached_value(notice, get_user_model()(pk=int(row[5]), username=actors[row[5]]))
        fields["action_object"].set_cached_value(notice, Issue(pk=int(row[11]), name=issues[row[11]]))
        fields["target"].set_cached_value(notice, Project(pk=int(row[9]), name=projects[row[9]]))
        notices.append(notice)
    page = SimpleNamespace(number=1, has_next=older, has_previous=False, before=cursor_of(rows[-1]))
    context = {
        "notifications": notices,
        "page_obj": page,
        "is_paginated": older,
        "view": SimpleNamespace(request=request),
    }
    return render(request, "notifications/list.html", context)


@login_required
def feed(request: HttpRequest) -> HttpResponse:
    """Answer with the newest unread rows and the number of all of them, as the JSON of ours does."""
    rows = newest(request.user, int(request.GET["max"]), "AND unread = %s", [True])
    actors, issues, projects = names(rows)
    total = select(
        "SELECT count(*) FROM notifications_notification WHERE recipient_id = %s AND unread = %s",
        [request.user.pk, True],
    )[0][0]
    items = [
        {
            "id": row[0],
            "level": row[1],
            "recipient": row[2],
            "unread": bool(row[3]),
            "actor_content_type": row[4],
            "actor_object_id": row[5],
            "verb": row[6],
            "description": row[7],
            "target_content_type": row[8],
            "target_object_id": row[9],
            "action_object_content_type": row[10],
            "action_object_object_id": row[11],
            "timestamp": parse_moment(row[12]).isoformat().replace("+00:00", "Z"),
            "public": bool(row[13]),
            "deleted": bool(row[14]),
            "emailed": bool(row[15]),
            "data": json.loads(row[16]),
            "slug": row[0] + 110909,
            "actor": actors[row[5]],
            "target": projects[row[9]],
            "target_url": f"/projects/{row[9]}/",
            "action_object": issues[row[11]],
            "action_object_url": f"/issues/{row[11]}/",
        }
        for row in rows
    ]
    answer = json.dumps({"unread_count": total, "unread_list": items})
    return HttpResponse(answer, content_type="application/json")


def page_size() -> int:
    """Return how many rows a page has."""
    from django.conf import settings

    return getattr(settings, "NOTIFICATIONS", {}).get("PAGE_SIZE", 20)


urlpatterns = [
    # The address of ours, so that the pages can be compared.
    path("inbox/", html),
    path("inbox/api/unread_list/", feed),
    path("template/", template),
    path("inbox/", include("notifications.urls", namespace="notifications")),
]


class Candidate(Base):
    """What somebody would write by hand."""

    model = Notification
    html_url = "/inbox/"
    json_url = "/inbox/api/unread_list/"
    # They are those of ours, in the same database.
    makes_rows = False

    def audience(self, size: int) -> Callable[[], Any]:
        """Return what names so many users: the range of their primary keys."""
        return lambda: range(FIRST_OTHER + 1, FIRST_OTHER + size + 1)

    def send(self, recipient: Any) -> None:
        """Write the rows: of one user by VALUES, of a range by one INSERT ... SELECT, of a list in batches."""
        types = ContentType.objects.get_for_models(get_user_model(), Issue, Project)
        row = {
            "level": "info",
            "unread": True,
            "actor_content_type_id": types[get_user_model()].pk,
            "actor_object_id": str(self.actor.pk),
            "verb": VERB,
            "description": DESCRIPTION,
            "action_object_content_type_id": types[Issue].pk,
            "action_object_object_id": str(self.issue.pk),
            "target_content_type_id": types[Project].pk,
            "target_object_id": str(self.project.pk),
            "timestamp": timezone.now(),
            "public": True,
            "deleted": False,
            "emailed": False,
            "data": json.dumps(DATA),
            "event": str(uuid4()) if connection.features.has_native_uuid_field else uuid4().hex,
        }
        marks = ", ".join(["%s"] * len(row))
        insert = f"INSERT INTO notifications_notification ({', '.join(row)}, recipient_id)"
        values = list(row.values())
        with connection.cursor() as cursor:
            if isinstance(recipient, get_user_model()):
                cursor.execute(f"{insert} VALUES ({marks}, %s)", [*values, recipient.pk])
            elif isinstance(recipient, list):
                with transaction.atomic():
                    for start in range(0, len(recipient), BATCH):
                        keys = [user.pk for user in recipient[start : start + BATCH]]
                        those = ", ".join(["%s"] * len(keys))
                        users = f"SELECT {marks}, id FROM auth_user WHERE id IN ({those})"
                        cursor.execute(f"{insert} {users}", [*values, *keys])
            else:
                users = f"SELECT {marks}, id FROM auth_user WHERE id >= %s AND id < %s"
                cursor.execute(f"{insert} {users}", [*values, recipient.start, recipient.stop])

    def mark_all_read(self, user: Any) -> None:
        """Mark them by one UPDATE."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_notification SET unread = %s, read_at = %s"
                " WHERE recipient_id = %s AND unread = %s",
                [False, timezone.now(), user.pk, True],
            )

    def unread_count(self, user: Any) -> object:
        """Return the number of unread rows, up to 100."""
        return unread(user)

    def rows_on_a_page(self, rows: int) -> Any:
        """Return the context that says so by the setting of ours."""
        return override_settings(NOTIFICATIONS={"PAGE_SIZE": rows})

    def page_url(self, kind: str, rows: int) -> str:
        """Return where a page of that kind is."""
        return "/template/" if kind == "template" else super().page_url(kind, rows)

    def link(self, number: int) -> str:
        """Return the query by which the page before leads there."""
        newest_rows = Notification.objects.filter(recipient=READERS["full"]).order_by("-timestamp", "-pk")
        row = newest_rows[(number - 1) * 20 - 1]
        return f"before={row.timestamp:%Y-%m-%dT%H:%M:%S},{row.pk}"
