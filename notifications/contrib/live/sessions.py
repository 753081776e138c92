"""Who is logged in, and whether they still are: all sessions are looked up at once, not one for each stream."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db as database_sessions
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from notifications.objects.isolation import fetch_isolated
from notifications.sending.audience import is_active
from notifications.storage.owners import user_pk

#: The most sessions that fail before any is read; then the store itself counts as broken.
MAX_FAILED_SESSIONS = 3


@dataclass(frozen=True, slots=True)
class Login:
    """The user of a stream, and the session by which they are logged in; None where that is by other means."""

    user_pk: Any
    session_key: str | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Login | None:
        """Return who makes this request, or None for somebody who is not logged in."""
        user: Any = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return None
        session: Any = getattr(request, "session", None)
        by_session = session is not None and SESSION_KEY in session
        return cls(user_pk(user), session.session_key if by_session else None)


def key_of(request: HttpRequest) -> str | None:
    """Return the key of the session that alone decides who makes this request; None where something else does too."""
    user: Any = getattr(request, "user", None)
    session: Any = getattr(request, "session", None)
    # What Django's own middleware left there, not evaluated yet.
    finder = vars(user).get("_setupfunc") if isinstance(user, SimpleLazyObject) else None
    asked_already = hasattr(request, "_cached_user") or (session is not None and session.modified)
    if getattr(finder, "__module__", "") != "django.contrib.auth.middleware" or asked_already:
        return None
    return session.session_key if type(session) is session_class() else None


def session_class() -> Any:
    """Return the class of the site's sessions."""
    return import_module(django_settings.SESSION_ENGINE).SessionStore


def logins(keys: Collection[str]) -> tuple[dict[str, Login], dict[str, Exception]]:
    """Return who is logged in by these sessions, as Django would have it, and what failed, by the keys.

    Costs two queries with sessions in the database; else one, and one look into the store for each session.
    """
    model: Any = get_user_model()
    sessions, failed = read_sessions(keys)
    pks: dict[str, Any] = {}
    for key, session in sessions.items():
        with suppress(KeyError, ValidationError):
            pks[key] = model._meta.pk.to_python(session[SESSION_KEY])
    users, unloaded = get_users(pks.values())
    found: dict[str, Login] = {}
    for key, pk in pks.items():
        try:
            if pk in unloaded:
                raise unloaded[pk]
            user = user_of(sessions[key], pk, users.get(pk))
            if user is not None:
                found[key] = Login(user_pk(user), key)
        except Exception as error:  # noqa: BLE001 - whatever a backend of the site raises for one user
            failed[key] = error
    return found, failed


def ended(streaming: Collection[Login]) -> tuple[set[Login], dict[Login, Exception]]:
    """Return those of these logins that have ended, and what failed for those of which that cannot be said.

    Costs what :func:`logins` does, and one query more when some are logged in by other means than a session.
    """
    found, failed = logins({login.session_key for login in streaming if login.session_key is not None})
    others = {login.user_pk for login in streaming if login.session_key is None}
    users, unloaded = get_users(others)
    active = set()
    for pk, user in users.items():
        try:
            active |= {pk} if is_active(user) else set()
        except Exception as error:  # noqa: BLE001 - a site's user model may compute it
            unloaded[pk] = error
    unknown: dict[Login, Exception] = {}
    for login in streaming:
        failure = unloaded.get(login.user_pk) if login.session_key is None else failed.get(login.session_key)
        if failure is not None:
            unknown[login] = failure
    gone = {
        login
        for login in streaming
        if (
            login.user_pk not in active
            if login.session_key is None
            else found.get(login.session_key) != login
        )
    }
    return gone - unknown.keys(), unknown


def get_users(pks: Iterable[Any]) -> tuple[dict[Any, Any], dict[Any, Exception]]:
    """Return these users, and what failed, by primary key. Costs one query."""
    users: Any = get_user_model()._default_manager.all()
    return fetch_isolated(users.in_bulk, set(pks), users.db)


def read_sessions(keys: Collection[str]) -> tuple[dict[str, Mapping[str, Any]], dict[str, Exception]]:
    """Return what is in these sessions, and what failed. One that has expired or ended is missing or empty."""
    cls = session_class()
    found: dict[str, Mapping[str, Any]] = {}
    failed: dict[str, Exception] = {}
    if issubclass(cls, database_sessions.SessionStore):
        stored = cls.get_model_class()._default_manager
        rows = stored.filter(session_key__in=keys, expire_date__gt=timezone.now())
        # Not when they expire: of one that does at "infinity", no time could be made.
        read: dict[str, Callable[[], Any]] = {
            key: partial(cls().decode, data) for key, data in rows.values_list("session_key", "session_data")
        }
    else:
        read = {key: cls(key).load for key in keys}
    for key, load in read.items():
        try:
            found[key] = load()
        except Exception as error:
            failed[key] = error
            if len(failed) >= MAX_FAILED_SESSIONS and not found:
                # Not one of the sessions is broken; the store is.
                raise
    return found, failed


def user_of(session: Mapping[str, Any], pk: Any, user: Any) -> Any:
    """Return the user who is logged in by a session, or None; ``user`` is what Django's own backends would find.

    A backend of the site may find an instance of a model that inherits from the user model, by a key of its own.
    """
    path = str(session.get(BACKEND_SESSION_KEY))
    if path not in django_settings.AUTHENTICATION_BACKENDS:
        return None
    backend: Any = load_backend(path)
    if getattr(type(backend), "get_user", None) is not ModelBackend.get_user:
        # A backend of the site's own decides.
        user = backend.get_user(pk)
    elif user is not None and not backend.user_can_authenticate(user):
        user = None
    if user is None or not hasattr(user, "get_session_auth_hash"):
        return user
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    is_current = any(constant_time_compare(session.get(HASH_SESSION_KEY, ""), each) for each in hashes)
    return user if is_current else None
