"""The mails as somebody would write them by hand: SQL, the same templates, one kept connection, one UPDATE a mail."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from email.headerregistry import Address
from itertools import groupby
from typing import Any
from uuid import UUID

from candidates.data import VERB, parse_moment
from candidates.delivered import BASE_URL, Delivered
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.core.signing import dumps
from django.db import connection
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import get_supported_language_variant
from project.models import Project

#: The mails for which one SELECT finds what they need.
BATCH = 100

#: What is due: the deliveries of one recipient side by side, the newest notification first.
DUE = (
    "SELECT d.id, d.recipient_id, d.frequency, u.email, n.event, n.actor_object_id, n.action_object_object_id,"
    " n.target_object_id, n.timestamp, n.description, n.id"
    " FROM notifications_delivery_delivery d"
    " JOIN notifications_notification n ON n.id = d.notification_id"
    " JOIN auth_user u ON u.id = d.recipient_id"
    " WHERE d.status = 'pending' AND d.next_attempt_at <= %s"
    " ORDER BY d.recipient_id, n.timestamp DESC, n.id DESC LIMIT %s"
)
NOTE = (
    "UPDATE notifications_delivery_delivery SET status = 'sent', sent_at = %s, reference = %s, attempts = 1"
    " WHERE id IN ({})"
)

Row = Sequence[Any]


def select(sql: str, params: Sequence[Any]) -> list[Any]:
    """Return the rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def names(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Return the names of the actors, action objects and targets of these rows, by primary key as text."""
    found = []
    for table, column, place in (
        ("auth_user", "username", 5),
        ("project_issue", "name", 6),
        ("project_project", "name", 7),
    ):
        keys = list({int(row[place]) for row in rows})
        marks = ", ".join(["%s"] * len(keys))
        objects = select(f"SELECT id, {column} FROM {table} WHERE id IN ({marks})", keys)
        found.append({str(key): name for key, name in objects})
    return found


class ByHand(Delivered):
    """Send mails by a loop."""

    def send_mails(self, workers: int) -> None:
        """Send all that is due over one connection."""
        backend: Any = mail.mailers.default if hasattr(mail, "mailers") else mail.get_connection()
        backend.open()
        try:
            while letters := list(due_letters(backend)):
                for letter, keys in letters:
                    backend.send_messages([letter])
                    marks = ", ".join(["%s"] * len(keys))
                    with connection.cursor() as cursor:
                        values = [timezone.now(), letter.extra_headers["Message-ID"], *keys]
                        cursor.execute(NOTE.format(marks), values)
        finally:
            backend.close()


def due_letters(backend: Any) -> Iterator[tuple[Any, list[int]]]:
    """Yield some mails that are due, with the keys of their deliveries. A digest is whole."""
    first = select(DUE, [timezone.now(), 1])
    # There are only instant ones, or only digests of ten.
    each = 10 if first and first[0][2] != "instant" else 1
    rows = select(DUE, [timezone.now(), BATCH * each])
    if not rows:
        return
    found = names(rows)
    target_type = ContentType.objects.get_for_model(Project).pk
    templates = {
        is_digest: [
            get_template(f"notifications_delivery/email/{'digest/' if is_digest else ''}{part}")
            for part in ("subject.txt", "body.txt", "body.html")
        ]
        for is_digest in (False, True)
    }
    user = get_user_model()()
    for _, some in groupby(rows, key=lambda row: row[1] if each > 1 else row[0]):
        part = list(some)
        user.pk = part[0][1]
        letter = letter_of(part, found, target_type, templates[each > 1], user, backend)
        yield letter, [row[0] for row in part]


def letter_of(
    part: Sequence[Row],
    found: Sequence[dict[str, str]],
    target_type: int,
    templates: Sequence[Any],
    user: Any,
    backend: Any,
) -> Any:
    """Return the mail of a notification, or the digest of several."""
    actors, issues, projects = found
    first, is_digest = part[0], part[0][2] != "instant"
    threads: dict[str, tuple[str, list[dict[str, Any]]]] = {}
    for row in part:
        actor, issue, project = actors[row[5]], issues[row[6]], projects[row[7]]
        url = f"{BASE_URL}/projects/{row[7]}/"
        link = '<a href="{}" style="color:#0b5fc4"><bdi>{}</bdi></a>'
        html = format_html(
            "<bdi>{}</bdi> {} {} on {}",
            actor,
            VERB,
            format_html(link, f"{BASE_URL}/issues/{row[6]}/", issue),
            format_html(link, url, project),
        )
        line = {
            "text": f"{actor} {VERB} {issue} on {project}",
            "html": html,
            "url": url,
            "reason": "",
            "when": parse_moment(row[8]),
            "description": row[9],
            "quote": f"> {row[9]}",
        }
        threads.setdefault(row[7], (project, []))[1].append(line)
    scope = "" if is_digest else "other"
    unsubscribe = token_url("unsubscribe", user.pk, scope, "email")
    context = {
        "message": {"is_digest": is_digest},
        "subject": f"{len(part)} new notifications" if is_digest else projects[first[7]],
        "threads": list(threads.values()),
        "more": 0,
        "inbox_url": BASE_URL + reverse("notifications:all"),
        "unsubscribe_url": unsubscribe,
        "preferences_url": token_url("preferences", user.pk, "", ""),
        "language": get_supported_language_variant(settings.LANGUAGE_CODE),
        "direction": "ltr",
    }
    subject, body, html = (template.render(context) for template in templates)
    sender = "" if is_digest else f"{actors[first[5]]} via example.com"
    oldest = min(part)
    headers = {
        "Message-ID": f"<{oldest[0]}.{UUID(str(oldest[4])).hex}@example.com>",
        "List-Id": f"<{'digest' if is_digest else 'other'}.notifications.example.com>",
        "X-Notification-Reason": "other",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Precedence": "list",
    }
    if not is_digest:
        thread = hashlib.sha256(f"{target_type}:{first[7]}".encode()).hexdigest()[:20]
        headers["In-Reply-To"] = headers["References"] = f"<thread.{thread}@example.com>"
    headers["List-Unsubscribe"] = f"<{unsubscribe}>"
    headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter = mail.EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=body.strip() + "\n",
        from_email=str(Address(sender, addr_spec=settings.DEFAULT_FROM_EMAIL)),
        to=[first[3]],
        headers=headers,
    )
    letter.attach_alternative(html, "text/html")
    return letter


def token_url(purpose: str, key: int, scope: str, channel: str) -> str:
    """Return the signed link for a user."""
    token = dumps([str(key), scope, channel], salt=f"notifications.delivery.{purpose}", compress=True)
    return f"{BASE_URL}/inbox/settings/{purpose[0] if purpose == 'unsubscribe' else 's'}/{token}/"
