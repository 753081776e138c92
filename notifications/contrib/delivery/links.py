"""Links that leave the site: absolute URLs, and the signed tokens of those that work without logging in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature, dumps, loads
from django.db import router
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.encoding import iri_to_uri, punycode

from notifications.contrib.delivery.conf import settings
from notifications.objects.fetch import primary_key
from notifications.storage.databases import schema_of

#: A token for one purpose is none for another.
SALT = "notifications.delivery."
UNSUBSCRIBE, PREFERENCES = "unsubscribe", "preferences"

#: How long the link to the preferences works without logging in. The one that ends a subscription always works.
PREFERENCES_AGE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a token allows: the preferences of a user, or to turn off a scope on a channel."""

    user_pk: Any
    scope: str = ""
    channel: str = ""


def base_url() -> str:
    """Return the beginning of absolute URLs, without a slash at the end, as it is in ASCII.

    It is the setting ``BASE_URL``, otherwise that of ``django.contrib.sites``. Raise ImproperlyConfigured without both,
    ValueError for a host that cannot be written in ASCII.
    """
    return in_ascii(stored_base_url())


def in_ascii(url: str) -> str:
    """Return the beginning of URLs in ASCII. In a header, mail programs do not find links with other characters."""
    if url.isascii():
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, punycode(parts.netloc), iri_to_uri(parts.path), "", ""))


def stored_base_url() -> str:
    """Return the beginning of absolute URLs as the site writes it, without a slash at the end."""
    if settings.BASE_URL:
        return settings.BASE_URL.rstrip("/")
    if apps.is_installed("django.contrib.sites"):
        from django.contrib.sites.models import Site

        # Django keeps sites in the process by their keys, and one key is another site in the schema of each tenant.
        is_of_tenant = bool(schema_of(router.db_for_read(get_user_model())))
        key = getattr(django_settings, "SITE_ID", None) if is_of_tenant else None
        site = Site.objects.get(pk=key) if key else Site.objects.get_current()
        return f"https://{site.domain}"
    raise ImproperlyConfigured(
        "Set NOTIFICATIONS['BASE_URL'] to the beginning of the URLs of this site, such as 'https://example.com'."
    )


def host() -> str:
    """Return the name of the host of this site, without port, in ASCII."""
    return urlsplit(base_url()).hostname or "localhost"


def site_name() -> str:
    """Return the name of the host of this site as people read it."""
    return urlsplit(stored_base_url()).hostname or "localhost"


def absolute(url: str) -> str:
    """Return the absolute URL of a path of this site. Other URLs, and an empty one, stay as they are.

    One that names a host and no scheme, as those of several hosts of a site do, gets the scheme of this site.
    """
    if not url.startswith("/"):
        return url
    if url.startswith("//"):
        return f"{urlsplit(base_url()).scheme}:{url}"
    base, prefix = base_url(), get_script_prefix()
    # A site below a path: in a request, and with FORCE_SCRIPT_NAME, its paths begin with what is in BASE_URL already.
    if prefix != "/" and url.startswith(prefix) and f"{urlsplit(base).path}/".endswith(prefix):
        url = url[len(prefix) - 1 :]
    return base + url


def absolute_view(name: str, *arguments: str) -> str:
    """Return the absolute URL of a view, or an empty text where the site has no URL for it."""
    try:
        return absolute(reverse(name, args=arguments))
    except NoReverseMatch:
        return ""


def salt_of(purpose: str) -> str:
    """Return the salt of a purpose: another one for each tenant, in whose schema the same key is another user."""
    schema = schema_of(router.db_for_read(get_user_model()))
    return f"{SALT}{purpose}.{schema}" if schema else SALT + purpose


def sign(purpose: str, user: Any, scope: str = "", channel: str = "") -> str:
    """Return the token of a link in a message to this user."""
    key = get_user_model()._meta.pk.value_to_string(user)
    return dumps([key, scope, channel], salt=salt_of(purpose), compress=True)


def read(purpose: str, token: str, max_age: timedelta | None = None) -> Ticket | None:
    """Return what a token allows, or None if it is forged, too old, or for another purpose.

    None as well for a link of another tenant, and if no user can have the primary key, as after its type was changed.
    """
    try:
        key, scope, channel = loads(token, salt=salt_of(purpose), max_age=max_age)
    except BadSignature:
        return None
    user_pk = primary_key(get_user_model(), str(key))
    return None if user_pk is None else Ticket(user_pk, scope, channel)


def unsubscribe_url(user: Any, scope: str, channel: str) -> str:
    """Return the URL that ends the messages of a scope to a user on a channel."""
    token = sign(UNSUBSCRIBE, user, scope, channel)
    return absolute_view("notifications_delivery:unsubscribe", token)


def preferences_url(user: Any) -> str:
    """Return the URL of the preferences of a user, which works without logging in."""
    return absolute_view("notifications_delivery:signed", sign(PREFERENCES, user))
