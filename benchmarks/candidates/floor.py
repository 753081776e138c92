"""The floor: what somebody would write by hand against the same table, with nothing but SQL and strings.

The page is our own template over rows that plain SQL found, so that what is compared is what is ours to spend.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from candidates.by_hand import ByHand
from candidates.data import DATA, DESCRIPTION, FIRST_OTHER, READERS, VERB, parse_moment
from candidates.delivered import with_delivery
from candidates.watched import content_types
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.test import override_settings
from django.urls import include, path
from django.utils import timezone
from project.models import Issue, Project, Ticket

from notifications.inbox.actions import ACTIONS
from notifications.inbox.requests import own_url
from notifications.inbox.search import Search
from notifications.inbox.tabs import FILTERS, TABS
from notifications.models import Notification
from notifications.storage.counts import Count
from notifications.storage.states import newest_first

#: Rows that one statement writes when users are named one by one.
BATCH = 500

COLUMNS = (
    "id, level, recipient_id, unread, actor_content_type_id, actor_object_id, verb, description,"
    " target_content_type_id, target_object_id, action_object_content_type_id, action_object_object_id,"
    " timestamp, public, deleted, emailed, data, inbox_at"
)

#: What is neither done nor snoozed, as the index of the inbox knows it.
IN_INBOX = "inbox_at <= %s"
#: The order of that index. The others sort nulls last in a descending order by themselves.
NEWEST = f"inbox_at DESC{' NULLS LAST' if connection.vendor == 'postgresql' else ''}, id DESC"
#: A word that SQL has a use for.
THEN = connection.ops.quote_name("then")


def select(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def newest(
    user: Any, number: int, condition: str = "", params: Sequence[Any] = (), more: str = ""
) -> list[tuple[Any, ...]]:
    """Return what is newest in a user's inbox, in the order of ``COLUMNS``, with what else is asked for."""
    return select(
        f"SELECT {COLUMNS}{more} FROM notifications_notification WHERE recipient_id = %s AND {IN_INBOX} {condition}"
        f" ORDER BY {NEWEST} LIMIT %s",
        [user.pk, timezone.now(), *params, number],
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
        f" WHERE recipient_id = %s AND unread = %s AND {IN_INBOX} LIMIT 100) capped",
        [user.pk, True, timezone.now()],
    )[0][0]


def now() -> Any:
    """Return the current moment as a parameter of a query."""
    moment = timezone.now()
    return moment.isoformat(sep=" ") if connection.vendor == "sqlite" else moment


def counts(user: Any) -> dict[str, Count]:
    """Return how many rows each tab has, up to 100."""
    moment = now()
    conditions = {
        "inbox": (IN_INBOX, moment),
        "unread": (f"unread = %s AND {IN_INBOX}", True, moment),
        "saved": ("saved_at IS NOT NULL",),
        "snoozed": ("inbox_at > %s AND snoozed_until IS NOT NULL", moment),
        "done": ("done_at IS NOT NULL",),
    }
    parts = [
        f"(SELECT count(*) FROM (SELECT 1 FROM notifications_notification"
        f" WHERE recipient_id = %s AND {sql} LIMIT 100) {name})"
        for name, (sql, *_) in conditions.items()
    ]
    params = [value for _, *values in conditions.values() for value in (user.pk, *values)]
    return {
        name: Count(number)
        for name, number in zip(conditions, select(f"SELECT {', '.join(parts)}", params)[0], strict=True)
    }


def counts_of_filters(user: Any) -> dict[str, str]:
    """Return how many of the newest 500 rows each filter finds, up to 99, as the page shows it."""
    columns = ", ".join(f"SUM(CASE WHEN {each.sql} THEN 1 ELSE 0 END)" for each in FILTERS)
    sql = (
        f"SELECT COUNT(*), {columns} FROM (SELECT reason AS ntf_reason, level AS ntf_level"
        f" FROM notifications_notification WHERE recipient_id = %s AND {IN_INBOX}"
        " ORDER BY inbox_at DESC, id DESC LIMIT 500) counted"
    )
    moment = now()
    total, *numbers = select(sql, [user.pk, moment])[0]
    more = "+" if total == 500 else ""
    texts = [str(Count(number or 0)).removesuffix("+" * len(more)) + more for number in numbers]
    return {each.query: text if text.strip("0+") else "" for each, text in zip(FILTERS, texts, strict=True)}


def cursor_of(row: tuple[Any, ...]) -> str:
    """Return what names a row in a link."""
    return urlsafe_b64encode(f"{parse_moment(row[17]).isoformat()} {row[0]}".encode()).decode().rstrip("=")


@login_required
def html(request: HttpRequest) -> HttpResponse:
    """Show a page of the inbox by our own template, over rows that plain SQL found."""
    size = page_size()
    before, params = "", ()
    if "before" in request.GET:
        # The cursor is trusted here; ours is not.
        moment, key = request.GET["before"].replace("T", " ").split(",")
        before = "AND inbox_at <= %s AND (inbox_at < %s OR id < %s)"
        params = (moment, moment, key)
    rows = newest(request.user, size + 1, before, params)
    older, rows = len(rows) > size, rows[:size]
    actors, issues, projects = names(rows)
    notices = []
    fields = {field.name: field for field in Notification._meta.private_fields}
    for row in rows:
        values = dict(zip(COLUMNS.split(", "), row, strict=True))
        inbox_at = parse_moment(values.pop("inbox_at"))
        values["data"], values["timestamp"] = json.loads(values["data"]), parse_moment(values["timestamp"])
        notice = Notification(**values)
        notice.inbox_at = inbox_at
        fields["actor"].set_cached_value(notice, get_user_model()(pk=int(row[5]), username=actors[row[5]]))
        fields["action_object"].set_cached_value(notice, Issue(pk=int(row[11]), name=issues[row[11]]))
        fields["target"].set_cached_value(notice, Project(pk=int(row[9]), name=projects[row[9]]))
        notices.append(notice)
    counted, tab = counts(request.user), TABS["inbox"]
    context = {
        "notifications": notices,
        "page_obj": SimpleNamespace(
            number=None if before else 1,
            has_next=older,
            has_previous=bool(before),
            before=cursor_of(rows[-1]),
            after=cursor_of(rows[0]),
        ),
        "is_paginated": older or bool(before),
        "view": SimpleNamespace(request=request),
        "tab": tab,
        "page_size": size,
        "tabs": [(each, own_url(request, each.url_name), counted[each.name]) for each in TABS.values()],
        "counts": counted,
        "filter_counts": counts_of_filters(request.user),
        "actions": [ACTIONS[name] for name in tab.actions],
        "search": Search(),
        "flash": None,
    }
    return render(request, "notifications/list.html", context)


@login_required
def feed(request: HttpRequest) -> HttpResponse:
    """Answer with the newest unread rows and the number of all of them, as the JSON of ours does."""
    rows = newest(request.user, int(request.GET["max"]), "AND unread = %s", [True])
    actors, issues, projects = names(rows)
    total = select(
        f"SELECT count(*) FROM notifications_notification WHERE recipient_id = %s AND unread = %s AND {IN_INBOX}",
        [request.user.pk, True, timezone.now()],
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


def constants(actor: Any, target: Any, action_object: Any = None) -> dict[str, Any]:
    """Return the columns that are the same in each row of an event."""
    types = ContentType.objects.get_for_models(Issue, Project, Ticket, get_user_model())
    row = {
        "level": "info",
        "unread": True,
        "actor_content_type_id": types[type(actor)].pk,
        "actor_object_id": str(actor.pk),
        "verb": VERB,
        "description": DESCRIPTION,
        "target_content_type_id": types[type(target)].pk,
        "target_object_id": str(target.pk),
        "timestamp": timezone.now(),
        "public": True,
        "deleted": False,
        "emailed": False,
        "data": json.dumps(DATA),
        "event": str(uuid4()) if connection.features.has_native_uuid_field else uuid4().hex,
    }
    if action_object is not None:
        row["action_object_content_type_id"] = types[type(action_object)].pk
        row["action_object_object_id"] = str(action_object.pk)
    return row


def page_size() -> int:
    """Return how many rows a page has."""
    from django.conf import settings

    return getattr(settings, "NOTIFICATIONS", {}).get("PAGE_SIZE", 20)


urlpatterns = [
    # The address of ours, so that the pages can be compared.
    path("inbox/", html),
    path("inbox/api/unread_list/", feed),
    path("inbox/", include("notifications.urls", namespace="notifications")),
]


class Candidate(ByHand):
    """What somebody would write by hand."""

    model = Notification
    html_url = "/inbox/"
    json_url = "/inbox/api/unread_list/"
    # They are those of ours, in the same database.
    makes_rows = False
    settings: Any = None

    def stage(self, name: str) -> None:
        """Find the rows, and install what the mails of the stage are made of."""
        if self.settings is not None:
            self.settings.disable()
        self.settings = with_delivery() if name == "delivered" else None
        if self.settings is not None:
            self.settings.enable()

    def audience(self, size: int) -> Callable[[], Any]:
        """Return what names so many users: the range of their primary keys."""
        return lambda: range(FIRST_OTHER + 1, FIRST_OTHER + size + 1)

    def send(self, recipient: Any) -> None:
        """Write the rows: of one user by VALUES, of a range by one INSERT ... SELECT, of a list in batches."""
        row = constants(self.actor, self.project, self.issue)
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

    def send_about(self, ticket: Ticket, recipient: Any = None) -> None:
        """Write the rows of whoever watches the ticket or what contains it by one INSERT ... SELECT."""
        row, moment = constants(self.sender, ticket), timezone.now()
        ticket_type, repository_type, user_type, _ = content_types()
        own, near, far = (
            f"{ticket.pk}:{ticket_type}",
            f"{ticket.repository_id}:{repository_type}",
            f"{ticket.repository.owner_id}:{user_type}",
        )
        now = f"CASE WHEN s.level = 'muted' AND s.until <= %s THEN s.{THEN} ELSE s.level END"
        listens = "s.reason IN ('subscribed', 'manual', '')"
        # The nearest statement holds; those who are notified by it have an even number.
        said = (
            f"CASE s.object_key WHEN %s THEN CASE WHEN {now} = 'all' OR ({now} <> 'muted' AND NOT {listens}) THEN 0"
            f" WHEN {now} <> '' THEN 1 END"
            f" WHEN %s THEN CASE {now} WHEN 'all' THEN 2 WHEN '' THEN NULL ELSE 3 END"
            f" ELSE CASE {now} WHEN 'all' THEN 4 WHEN '' THEN NULL ELSE 5 END END"
        )
        audience = (
            "SELECT s.user_id, COALESCE(MAX(CASE s.object_key WHEN %s THEN s.reason END), 'subscribed') AS reason"
            " FROM notifications_subscriptions_subscription s"
            " JOIN auth_user u ON u.id = s.user_id AND u.is_active"
            " WHERE s.object_key IN (%s, %s, %s) AND s.user_id <> %s"
            f" GROUP BY s.user_id HAVING MIN({said}) IN (0, 2, 4) ORDER BY s.user_id"
        )
        values = [*row.values(), own, own, near, far, self.sender.pk]
        values += [own, moment, moment, moment, near, moment, moment]
        marks = ", ".join(["%s"] * len(row))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO notifications_notification ({', '.join(row)}, recipient_id, reason)"
                f" SELECT {marks}, audience.user_id, audience.reason FROM ({audience}) audience",
                values,
            )

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

    def link(self, number: int) -> str:
        """Return the query by which the page before leads there."""
        newest_rows = Notification.objects.filter(recipient=READERS["full"]).order_by(
            *newest_first("inbox_at")
        )
        row = newest_rows[(number - 1) * 20 - 1]
        return f"before={row.inbox_at:%Y-%m-%dT%H:%M:%S},{row.pk}"
