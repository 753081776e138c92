"""The image and the initials of an actor: whatever the function of the site does, the row is there."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client

from notifications.objects.faces import avatar_of, initials_of
from tests.factories import make_notification, make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

INBOX = "/inbox/notifications/"
PLACE = "tests.objects.test_faces"


def of_site(user: Any) -> str:
    return f"/faces/{user.username}.png"


def raises(user: Any) -> str:
    raise RuntimeError("no face")


def is_script(user: Any) -> str:
    return "javascript:alert(1)"


def is_number(user: Any) -> Any:
    return 7


def is_nothing(user: Any) -> None:
    return None


def use(settings: Any, name: str) -> None:
    settings.NOTIFICATIONS = {"AVATAR": f"{PLACE}.{name}"}


def test_the_image_of_an_actor_is_lazy_and_has_a_size(client: Client, justquick: Any, settings: Any) -> None:
    use(settings, "of_site")
    make_notification(justquick, actor=make_user('an"n'))
    client.force_login(justquick)
    html = client.get(INBOX).content.decode()
    assert '<img src="/faces/an&quot;n.png" alt="" width="24" height="24" loading="lazy">' in html
    (item,) = client.get(f"{INBOX}api/inbox/").json()["items"]
    assert (item["avatar"], item["initials"]) == ('/faces/an"n.png', "AN")


@pytest.mark.parametrize("name", ["raises", "is_script", "is_number", "is_nothing", "is_missing"])
def test_what_is_no_image_shows_initials(client: Client, justquick: Any, settings: Any, name: str) -> None:
    use(settings, name)
    make_notification(justquick)
    client.force_login(justquick)
    html = client.get(INBOX).content.decode()
    assert "<img" not in html
    assert '<span class="ntf-face" aria-hidden="true" data-ntf-initials="J"></span>' in html


def test_only_users_have_images(justquick: Any, settings: Any) -> None:
    use(settings, "of_site")
    assert avatar_of(justquick) == "/faces/justquick.png"
    assert avatar_of(make_project()) == ""
    assert avatar_of(None) == ""


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("ann", "A"),
        ("Ann Maria Bell", "AB"),
        ("ann_bell", "AB"),
        ("\u202eann", "A"),
        ("<b>", "B"),
        ("日本 語", "日語"),
        ("...", ""),
    ],
)
def test_initials(justquick: Any, name: str, initials: str) -> None:
    assert initials_of(justquick, name) == initials
    assert initials_of(None, name) == ""


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (f"{PLACE}.of_site", None),
        (f"{PLACE}.is_missing", "which is not a function: ImportError"),
        (f"{PLACE}.PLACE", "which is not a function: it cannot be called"),
        (7, None),
    ],
)
def test_a_path_that_is_no_function_is_an_error(settings: Any, path: Any, problem: str | None) -> None:
    settings.NOTIFICATIONS = {"AVATAR": path}
    found = [message for message in run_checks() if message.id == "notifications.E012"]
    assert [problem in message.msg for message in found if problem] == [True] * bool(problem)
