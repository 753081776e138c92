"""The message of an e-mail: its headers, its texts, and the form in which it goes over the wire."""

from __future__ import annotations

import email.policy
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Any

from django import VERSION
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.loader import select_template
from django.utils.html import format_html
from django.utils.text import slugify
from django.utils.translation import get_language, get_language_bidi, gettext, ngettext

from notifications.contrib.delivery import links
from notifications.contrib.delivery.channels.base import Message
from notifications.contrib.delivery.choices import EVERYTHING, type_scope
from notifications.objects.labels import label_of
from notifications.objects.links import names_and_urls, names_of
from notifications.objects.text import isolated
from notifications.presentation import sentences
from notifications.storage.reasons import reason_label
from notifications.types import NotificationType, Other, category_label, type_key, type_of

#: The longest name of a sender, in bytes as it is encoded: some services refuse a longer one.
MAX_NAME_BYTES = 320

#: The longest subject, in characters.
MAX_SUBJECT = 150

#: The longest description in a mail about one notification, and in a digest, in characters.
MAX_DESCRIPTION, MAX_DIGEST_DESCRIPTION = 2_000, 200

#: Control characters that are not space.
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")

#: The beginning of an encoded word, in whose place a mail program shows what it encodes, such as control characters.
ENCODED_WORD = re.compile(r"=\?(?=[^\s?]+\?[bq]\?)", re.IGNORECASE)

#: The policy by which Django 6.0 and later write a mail, and encode words of more than 77 characters in most headers.
#: Before, there is none, and words are left whole.
DEFAULT_POLICY = email.policy.default if VERSION >= (6, 0) else None


class Mail(EmailMultiAlternatives):
    """A mail whose long headers are not encoded: mail programs do not find the links in them otherwise."""

    def message(self, **options: Any) -> Any:
        """Return the message for the backend."""
        policy = options.get("policy", DEFAULT_POLICY)
        if policy is not None:
            options["policy"] = policy.clone(max_line_length=998)
        return super().message(**options)


@dataclass(frozen=True, slots=True)
class Line:
    """A notification in a mail."""

    text: str
    html: str
    url: str
    reason: str
    when: Any
    #: What the sender wrote beside it: several lines in a mail of its own, one in a digest.
    description: str = ""

    @property
    def quote(self) -> str:
        """Return the description for a plain text, where it must not pass for words of the mail itself."""
        return "\n".join(f"> {line}".rstrip() for line in self.description.splitlines())


def compose(message: Message, *, channel: str, from_email: str, connection: Any = None) -> Mail:
    """Return the mail of a message. Raise ValueError if the sender is not an address."""
    first = message.notifications[0]
    kind = type_of(first.verb)
    scope = EVERYTHING if message.is_digest else type_scope(kind)
    context = context_of(message, kind, scope, channel)
    names = template_names(message, kind)
    subject = as_it_is(one_line(" ".join(select_template(names["subject.txt"]).render(context).split())))
    mail = Mail(
        subject=shortened(subject, MAX_SUBJECT),
        body=select_template(names["body.txt"]).render(context).strip() + "\n",
        from_email=sender(message, from_email),
        to=[message.address],
        headers=headers_of(message, kind, context["unsubscribe_url"]),
        connection=connection,
    )
    mail.attach_alternative(select_template(names["body.html"]).render(context), "text/html")
    # Services that report what became of a mail return these.
    mail.metadata = {"delivery": message.key.partition(".")[0]}  # type: ignore[attr-defined]
    mail.tags = [slugify(type_key(kind)) or Other.key()]  # type: ignore[attr-defined]
    return mail


def template_names(message: Message, kind: type[NotificationType]) -> Mapping[str, list[str]]:
    """Return the templates of each part: for the type, for the category, and the default."""
    places = ["notifications_delivery/email/digest"]
    if not message.is_digest:
        places = [
            f"notifications/email/types/{slugify(type_key(kind))}",
            f"notifications/email/categories/{slugify(kind.category)}",
            "notifications_delivery/email",
        ]
    return {
        part: [f"{place}/{part}" for place in places] for part in ("subject.txt", "body.txt", "body.html")
    }


def context_of(message: Message, kind: type[NotificationType], scope: str, channel: str) -> dict[str, Any]:
    """Return what the templates of a message can use."""
    user = message.recipient
    count = len(message.notifications) + message.more
    threads = threads_of(message)
    thread, [first, *_] = threads[0]
    subject = (
        ngettext("%(count)d new notification", "%(count)d new notifications", count) % {"count": count}
        if message.is_digest
        else thread or first.text
    )
    can_unsubscribe = message.is_digest or not kind.critical
    return {
        "message": message,
        "recipient": user,
        "subject": subject,
        "threads": threads,
        "more": message.more,
        "category": category_label(kind),
        "site": links.site_name(),
        "inbox_url": links.absolute_view("notifications:all"),
        "unsubscribe_url": links.unsubscribe_url(user, scope, channel) if can_unsubscribe else "",
        "preferences_url": links.preferences_url(user),
        "language": get_language() or settings.LANGUAGE_CODE,
        "direction": "rtl" if get_language_bidi() else "ltr",
    }


def threads_of(message: Message) -> list[tuple[str, list[Line]]]:
    """Return the notifications by what they are about, with its name. The thread with the newest one is the first."""
    found: dict[Any, tuple[str, list[Line]]] = {}
    is_bidi = get_language_bidi()
    for notification in message.notifications:
        objects = names_and_urls(notification)
        names = names_of(notification, objects)
        urls = {key: links.absolute(url) for key, (_, url) in objects.items()}
        line = line_of(notification, names, urls, description_of(notification, is_digest=message.is_digest))
        thread = isolated(thread_name(names), is_bidi=is_bidi)
        found.setdefault(thread_of(notification) or notification.pk, (thread, []))[1].append(line)
    return list(found.values())


def description_of(notification: Any, *, is_digest: bool) -> str:
    """Return the description of a notification as a mail shows it, or an empty text."""
    text = "" if notification.is_hidden else str(notification.description or "")[: 2 * MAX_DESCRIPTION]
    if is_digest:
        return shortened(one_line(" ".join(text.split())), MAX_DIGEST_DESCRIPTION)
    lines = "\n".join(one_line(line).rstrip() for line in text.splitlines())
    return shortened(lines.strip("\n"), MAX_DESCRIPTION)


def line_of(notification: Any, names: Mapping[str, str], urls: Mapping[str, str], description: str) -> Line:
    """Return what a mail shows of a notification whose objects have these names and URLs."""
    parts: dict[str, str] = {}
    for name, label in names.items():
        if urls.get(name) and label:
            parts[name] = format_html(
                '<a href="{}" style="color:#0b5fc4"><bdi>{}</bdi></a>', urls[name], label
            )
        else:
            parts[name] = format_html("<bdi>{}</bdi>", label) if label else ""
    return Line(
        text=one_line(sentences.text(notification, names)),
        html=sentences.html_of(notification, parts, Context()),
        url=next(filter(None, urls.values()), ""),
        reason=reason_label(notification.reason),
        when=notification.timestamp,
        description=description,
    )


def thread_of(notification: Any) -> str:
    """Return what is the same for all notifications about one object, or an empty text."""
    for name in ("target", "action_object"):
        field: Any = notification._meta.get_field(name)
        reference = field.reference(notification)
        if reference is not None:
            return hashlib.sha256(":".join(map(str, reference)).encode()).hexdigest()[:20]
    return ""


def thread_name(names: Mapping[str, str]) -> str:
    """Return the name of what a notification is about, or an empty text. It stays the same in a thread."""
    return one_line(names["target"] or names["action_object"])


def one_line(text: str) -> str:
    """Return a text in one line: in plain text, a name of several lines could pass for words of the mail itself.

    Control characters are removed. A header must have none, and a terminal obeys them.
    """
    return CONTROLS.sub("", " ".join(text.splitlines()))


def as_it_is(text: str) -> str:
    """Return a text for a header in which no mail program finds an encoded word."""
    return ENCODED_WORD.sub("= ?", text)


def headers_of(message: Message, kind: type[NotificationType], unsubscribe_url: str) -> dict[str, str]:
    """Return the headers beyond sender, recipient and subject."""
    host, first = links.host(), message.notifications[0]
    headers = {
        # The same in each attempt, so that a mail that was sent twice is shown once.
        "Message-ID": f"<{message.key}@{host}>",
        "List-Id": f"<{'digest' if message.is_digest else slugify(kind.category) or 'other'}.notifications.{host}>",
        "X-Notification-Reason": slugify(first.reason) or "other",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Precedence": "list",
    }
    thread = "" if message.is_digest else thread_of(first)
    if thread:
        # A mail that was never sent, the same for all mails of the thread.
        headers["In-Reply-To"] = headers["References"] = f"<thread.{thread}@{host}>"
    if unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def sender(message: Message, from_email: str) -> str:
    """Return the sender: the address of the site, for one notification with the name of its actor."""
    name, address = parseaddr(from_email)
    site = name or links.site_name()
    if not message.is_digest and (actor := label_of(message.notifications[0], "actor")):
        own = gettext("%(actor)s via %(site)s") % {"actor": actor, "site": site}
        name = as_it_is("".join(letter for letter in " ".join(own.split()) if letter.isprintable()))
        if len(name.encode()) > MAX_NAME_BYTES:
            name = site
    return str(Address(display_name=name, addr_spec=address))


def shortened(text: str, most: int) -> str:
    """Return a text with at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
