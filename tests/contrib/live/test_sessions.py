"""Who may go on listening: what Django would say if the browser came again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from notifications.contrib.live import sessions
from notifications.contrib.live.sessions import Login, ended, key_of, logins
from tests.factories import as_child, make_user, make_users

pytestmark = [pytest.mark.django_db, pytest.mark.shape("default", "custom_user")]

ENGINES = ("db", "cached_db", "cache", "signed_cookies")


def log_in(user: Any) -> Login:
    client = Client()
    client.force_login(user)
    return Login(user.pk, client.cookies["sessionid"].value)


@pytest.fixture(params=ENGINES)
def engine(request: Any, settings: Any) -> str:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    return str(request.param)


def test_who_is_logged_in_stays(engine: str) -> None:
    assert ended({log_in(user) for user in make_users(3)}) == (set(), {})


def test_who_logged_out_goes_and_no_other(engine: str) -> None:
    user = make_user()
    client = Client()
    client.force_login(user)
    login = Login(user.pk, client.cookies["sessionid"].value)
    others = {log_in(user), log_in(make_user("brosner"))}
    client.logout()
    # A cookie that holds the whole session cannot be taken back.
    assert ended({login, *others}) == ((set() if engine == "signed_cookies" else {login}), {})


def test_who_changed_the_password_goes(engine: str) -> None:
    user = make_user()
    login = log_in(user)
    user.set_password("another")
    user.save()
    assert ended({login}) == ({login}, {})


def test_a_user_who_may_not_log_in_any_more_goes() -> None:
    gone, blocked = make_users(2)
    found = {log_in(gone), log_in(blocked), Login(blocked.pk)}
    type(blocked)._base_manager.filter(pk=blocked.pk).update(is_active=False)
    gone.delete()
    assert ended(found) == (found, {})


def test_a_session_that_has_expired_is_none() -> None:
    login = log_in(make_user())
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert ended({login}) == ({login}, {})


@pytest.mark.backend("sqlite")
def test_a_session_whose_end_is_no_time_ends_no_other_and_stays() -> None:
    odd, other = map(log_in, make_users(2))
    with connection.cursor() as cursor:
        never = "infinity" if connection.vendor == "postgresql" else "9999-13-45 00:00:00"
        cursor.execute(
            "UPDATE django_session SET expire_date = %s WHERE session_key = %s", [never, odd.session_key]
        )
    assert ended({odd, other}) == (set(), {})


def test_a_session_that_became_somebody_elses_is_none() -> None:
    user, other = make_users(2)
    login = log_in(user)
    assert ended({Login(other.pk, login.session_key)}) == ({Login(other.pk, login.session_key)}, {})


def test_a_backend_that_was_taken_away_lets_nobody_stay(settings: Any) -> None:
    login = log_in(make_user())
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    assert ended({login}) == ({login}, {})


class Patient(BaseBackend):
    """An authentication backend that takes everybody but one."""

    def get_user(self, user_id: Any) -> Any:
        return get_user_model()._default_manager.exclude(username="blocked").filter(pk=user_id).first()


def test_the_backend_by_which_somebody_logged_in_decides(settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Patient"]
    found = []
    for user in make_users(2):
        client = Client()
        client.force_login(user, backend=f"{__name__}.Patient")
        found.append(Login(user.pk, client.cookies["sessionid"].value))
    users = get_user_model()._base_manager
    users.update(is_active=False)
    assert ended(found) == (set(), {})
    users.filter(pk=found[0].user_pk).update(username="blocked")
    assert ended(found) == ({found[0]}, {})


class AsPilot(BaseBackend):
    """A backend that finds users of a child model, whose primary keys are not those of the users."""

    found: ClassVar[Any] = None

    def get_user(self, user_id: Any) -> Any:
        return self.found if self.found.pk == user_id else None


def test_a_user_of_a_child_with_a_key_of_its_own_is_not_the_one_with_that_number(
    settings: Any, rf: RequestFactory
) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.AsPilot"]
    user, other = make_users(2)
    AsPilot.found = pilot = as_child(user, other.pk)
    request: Any = rf.get("/")
    request.user = pilot
    request.session = import_module("django.contrib.sessions.backends.db").SessionStore()
    request.session[SESSION_KEY] = str(pilot.pk)
    request.session[BACKEND_SESSION_KEY] = f"{__name__}.AsPilot"
    request.session[HASH_SESSION_KEY] = pilot.get_session_auth_hash()
    request.session.save()

    login: Any = Login.of(request)
    assert login == Login(user.pk, request.session.session_key)
    assert logins([request.session.session_key]) == ({login.session_key: login}, {})
    assert ended([login]) == (set(), {})


def test_a_user_model_without_session_hashes_is_taken_at_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    login = log_in(user)
    assert ended({login}) == (set(), {})
    # Django's own base class has it; a user model need not.
    bases = [cls for cls in type(user).__mro__ if "get_session_auth_hash" in vars(cls)]
    for cls in bases:
        monkeypatch.delattr(cls, "get_session_auth_hash")
    user.set_password("another")
    user.save()
    assert ended({login}) == (set(), {})


def test_a_user_model_that_knows_of_no_inactive_accounts_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "get_users", lambda pks: ({pk: SimpleNamespace() for pk in pks}, {}))
    assert ended({Login(1, None)}) == (set(), {})


def test_a_session_of_the_key_before_stays(settings: Any) -> None:
    login = log_in(make_user())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert ended({login}) == (set(), {})


@pytest.mark.parametrize("count", [1, 20])
def test_all_sessions_are_looked_up_at_once(
    django_assert_num_queries: Callable[[int], Any], count: int
) -> None:
    found = {log_in(user) for user in make_users(count)}
    with django_assert_num_queries(2):
        assert ended(found) == (set(), {})


def test_a_session_of_no_user_or_of_an_impossible_one_lets_nobody_in() -> None:
    sessions: Any = import_module("django.contrib.sessions.backends.db").SessionStore
    keys = []
    for content in ({}, {SESSION_KEY: "no number"}, {SESSION_KEY: "0"}):
        session = sessions()
        session.update(content)
        session.create()
        keys.append(session.session_key)
    assert logins(keys) == ({}, {})


def test_a_session_says_who_asks_only_where_nobody_else_has_a_say(rf: RequestFactory) -> None:
    login = log_in(make_user())

    def request(user_middleware: Any = AuthenticationMiddleware) -> Any:
        made = rf.get("/")
        made.COOKIES["sessionid"] = str(login.session_key)
        SessionMiddleware(lambda request: HttpResponse()).process_request(made)
        user_middleware(lambda request: HttpResponse()).process_request(made)
        return made

    class ByToken(AuthenticationMiddleware):
        def process_request(self, request: Any) -> None:
            request.user = SimpleLazyObject(AnonymousUser)

    assert key_of(rf.get("/")) is None
    assert key_of(request()) == login.session_key
    assert key_of(request(ByToken)) is None
    asked_before, logged_in_now, other_store, other_user = (request() for _ in range(4))
    assert asked_before.user.is_authenticated
    logged_in_now.session["cart"] = "17"
    other_store.session = import_module("django.contrib.sessions.backends.file").SessionStore("key")
    other_user.user = AnonymousUser()
    for changed in (asked_before, logged_in_now, other_store, other_user):
        assert key_of(changed) is None
    del changed.session
    assert key_of(changed) is None


def test_who_asks_is_read_from_the_request(rf: RequestFactory) -> None:
    user = make_user()
    request: Any = rf.get("/")
    assert Login.of(request) is None
    request.user = AnonymousUser()
    assert Login.of(request) is None
    # Logged in by other means, such as a token or the web server.
    request.user = user
    assert Login.of(request) == Login(user.pk)
    request.session = import_module("django.contrib.sessions.backends.db").SessionStore()
    assert Login.of(request) == Login(user.pk)
    request.session[SESSION_KEY] = str(user.pk)
    request.session.save()
    assert Login.of(request) == Login(user.pk, request.session.session_key)
