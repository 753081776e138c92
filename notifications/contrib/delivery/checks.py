"""The system checks of the wing: its settings, and whether anything sends what is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from email import policy
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig, apps
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections, router

from notifications.checks import apart
from notifications.conf import get_notification_model
from notifications.contrib.delivery.channels import Channel, email as mails, load_channel
from notifications.contrib.delivery.choices import Status
from notifications.contrib.delivery.clocks import stored, utc_now
from notifications.contrib.delivery.conf import settings
from notifications.contrib.delivery.links import in_ascii
from notifications.contrib.delivery.models import MAX_CHANNEL, Delivery
from notifications.contrib.delivery.runners import get_runner
from notifications.objects.guard import error_text

#: How long a delivery may be due before a check says that nothing sends it.
OVERDUE = timedelta(hours=1)


@register()
def check_channels(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that there are channels, and that each can be loaded with its options."""
    wanted: Any = settings.DELIVERY_CHANNELS
    # A value that is not a dict is already an error.
    if not isinstance(wanted, Mapping):
        return []
    if not wanted:
        return [
            Warning(
                "NOTIFICATIONS['DELIVERY_CHANNELS'] names no channel, so nothing is delivered.",
                hint="Set it to {'email': {}}.",
                id="notifications_delivery.W001",
            )
        ]
    return [
        Error(
            f"NOTIFICATIONS['DELIVERY_CHANNELS'] has the channel {name!r}: {problem}.",
            hint="Use {'email': {}} or {'sms': {'channel': 'shop.channels.Sms', 'option': 'value'}}.",
            id="notifications_delivery.E001",
        )
        for name, options in wanted.items()
        if (problem := channel_problem(name, options))
    ]


def channel_problem(name: Any, options: Any) -> str | None:
    """Return why a channel cannot be used, or None."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_CHANNEL or ":" in name:
        return f"its name must be a text of 1 to {MAX_CHANNEL} characters without a colon"
    if not isinstance(options, Mapping):
        return f"its options must be a dict, got {options!r}"
    try:
        load_channel(name, options).reached(get_user_model()._base_manager.all())
    except Exception as error:  # noqa: BLE001 - loading it runs code of the site
        return error_text(error)
    return None


def usable_channels() -> Iterator[tuple[str, Channel]]:
    """Yield the name of each channel that can be used, and the channel. The others are errors already."""
    wanted: Any = settings.DELIVERY_CHANNELS
    for name, options in wanted.items() if isinstance(wanted, Mapping) else ():
        if channel_problem(name, options) is None:
            yield name, load_channel(name, options)


@register()
def check_senders(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the mails have a sender: without one each is tried for a day, and none is sent."""
    return [
        Warning(
            f"The sender of the channel {name!r} is {channel.sender!r}, which is not one address.",
            hint="Set DEFAULT_FROM_EMAIL to 'My site <noreply@example.com>', or the option 'from_email'.",
            id="notifications_delivery.W004",
        )
        for name, channel in usable_channels()
        if isinstance(channel, mails.Channel) and not is_one_address(channel.sender)
    ]


def is_one_address(sender: Any) -> bool:
    """Return whether a header ``From`` may say this."""
    try:
        [address] = policy.default.header_factory("From", str(sender)).addresses
    except Exception:  # noqa: BLE001 - the parser raises many kinds
        return False
    return bool(address.username and address.domain)


@register()
def check_runner(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the runner can be imported and called."""
    try:
        get_runner()
    except Exception as error:  # noqa: BLE001 - importing it runs code of the site
        return [
            Error(
                f"NOTIFICATIONS['DELIVERY_RUNNER'] is {settings.DELIVERY_RUNNER!r}: {error_text(error)}.",
                hint="Use 'inline', 'none', 'tasks', 'celery' or the dotted path of a function.",
                id="notifications_delivery.E002",
            )
        ]
    return []


def channel_with_links() -> str | None:
    """Return the name of a channel whose messages have links, or None."""
    return next((name for name, channel in usable_channels() if channel.has_links), None)


@register()
def check_base_url(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the links in messages can be absolute."""
    url: Any = settings.BASE_URL
    # Otherwise django.contrib.sites knows its own name only in a request.
    has_site = apps.is_installed("django.contrib.sites") and getattr(django_settings, "SITE_ID", None)
    if url and not is_base_url(url):
        problem = f"NOTIFICATIONS['BASE_URL'] is {url!r}, which is not the beginning of URLs"
    elif not url and not has_site and (name := channel_with_links()):
        problem = f"The channel {name!r} needs NOTIFICATIONS['BASE_URL'] for the links in its messages"
    else:
        return []
    return [Error(f"{problem}.", hint="Set it to 'https://example.com'.", id="notifications_delivery.E003")]


def is_base_url(url: Any) -> bool:
    """Return whether this can be the beginning of URLs."""
    try:
        parts = urlsplit(in_ascii(url)) if isinstance(url, str) else urlsplit("")
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and not (parts.query or parts.fragment)


@register()
def check_databases(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the ledger is in the database of the notifications: one statement reads them and writes it."""
    return apart(apps.get_app_config("notifications_delivery").get_models(), get_notification_model())


@register(Tags.database)
def check_ledger(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that what is due is sent, and that MySQL and MariaDB do not lock more than they need."""
    problems: list[CheckMessage] = []
    for alias in databases or []:
        if not router.allow_migrate_model(alias, Delivery):
            continue
        connection = connections[alias]
        level = connection.settings_dict.get("OPTIONS", {}).get("isolation_level", "read committed")
        if connection.vendor == "mysql" and str(level).lower() == "repeatable read":
            problems.append(
                Warning(
                    f"The database {alias!r} has the isolation level 'repeatable read', in which a worker makes "
                    "notify.send() wait.",
                    hint="Use 'read committed', the default of Django.",
                    id="notifications_delivery.W003",
                )
            )
        if Delivery._meta.db_table in connection.introspection.table_names():
            rows = Delivery.objects.using(alias).filter(
                status=Status.PENDING, next_attempt_at__lt=stored(utc_now() - OVERDUE)
            )
            if rows.exists():
                problems.append(
                    Warning(
                        f"Deliveries in the database {alias!r} have been due for more than an hour.",
                        hint="Run manage.py deliver_notifications every minute, or with --loop.",
                        id="notifications_delivery.W002",
                    )
                )
    return problems
