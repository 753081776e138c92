"""What tests are made of: plain functions that work under every settings shape."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connections, models
from django.dispatch import Signal
from django.test.utils import isolate_apps

from notifications.conf import get_notification_model
from notifications.models import AbstractNotification
from tests.testapp.models import Issue, Project
from tests.waiting import PATIENCE, join


def make_user(name: str = "justquick", *, using: str = "default", **columns: Any) -> Any:
    """Return a saved user. Nobody logs in with a password here: use ``client.force_login``."""
    users: Any = get_user_model()._base_manager.using(using)
    return users.create(username=name, **columns)


def make_users(count: int, name: str = "user", *, using: str = "default") -> list[Any]:
    """Return so many saved users, in the order of their numbers, by one statement for some hundred of them."""
    model: Any = get_user_model()
    users = model._base_manager.using(using)
    names = [f"{name}{number}" for number in range(count)]
    users.bulk_create([model(username=username) for username in names], batch_size=500)
    made = {user.username: user for user in users.filter(username__startswith=name)}
    return [made[username] for username in names]


def as_child(user: Any, number: Any) -> Any:
    """Return the user as an instance of a model that inherits from the user model, with a primary key of its own."""
    user_model: Any = get_user_model()

    with isolate_apps("tests.testapp"):

        class Child(user_model):  # type: ignore[misc]
            number = type(user_model._meta.pk)(primary_key=True)
            user = models.OneToOneField(user_model, models.CASCADE, parent_link=True, related_name="+")

            class Meta:
                app_label = "testapp"

    values = {field.attname: getattr(user, field.attname) for field in user_model._meta.concrete_fields}
    return Child(number=number, **values)


def make_group(name: str = "maintainers", *users: Any) -> Group:
    """Return a saved group with these members."""
    group = Group.objects.create(name=name)
    group.user_set.add(*users)
    return group


def make_project(name: str = "activity-stream") -> Project:
    """Return a saved target that has a page."""
    return Project.objects.create(name=name)


def make_issue(name: str = "issue 2") -> Issue:
    """Return a saved action object whose page depends on the notification."""
    return Issue.objects.create(name=name)


def make_notification(recipient: Any, **columns: Any) -> Any:
    """Return a saved row, made without ``notify.send``; the recipient is its actor unless one is given."""
    columns.setdefault("actor", recipient)
    columns.setdefault("verb", "closed")
    return rows().create(recipient=recipient, **columns)


def rows(*, using: str = "default") -> Any:
    """Return all notifications of the site's model."""
    model: type[AbstractNotification] = get_notification_model()
    return model._default_manager.using(using)


def told(*, using: str = "default") -> list[str]:
    """Return the names of all recipients, one for each row, sorted."""
    return sorted(rows(using=using).values_list("recipient__username", flat=True))


def names_of_indexes() -> dict[str, str]:
    """Return the name of each index of this model by its name in the default one, to which others add a hash."""
    meta = get_notification_model()._meta
    names = [str(index.name) for index in [*meta.indexes, *meta.constraints]]
    return {re.sub(r"_[0-9a-f]{6}$", "", name): name for name in names}


def moment(*parts: int) -> datetime:
    """Return a moment of UTC as this site keeps it: aware under USE_TZ, else naive. The time zone of tests is UTC."""
    aware = datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc, arg-type]
    return aware if settings.USE_TZ else aware.replace(tzinfo=None)


@contextmanager
def listening(
    signal: Signal, sender: Any = None, before: Callable[..., Any] | None = None
) -> Iterator[list[Any]]:
    """Collect the arguments of each time the signal is sent, after ``before(**arguments)`` if there is one."""
    heard: list[Any] = []

    def listener(**arguments: Any) -> None:
        if before:
            before(**arguments)
        heard.append(arguments)

    signal.connect(listener, sender=sender)
    try:
        yield heard
    finally:
        signal.disconnect(listener, sender=sender)


@contextmanager
def deleted_meanwhile(rows: Any) -> Iterator[None]:
    """Delete these rows as another process would, just before the next statement that deletes."""
    waiting = [rows]

    def execute(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("DELETE") and waiting:
            some = waiting.pop()
            some._raw_delete(some.db)
        return execute(sql, *arguments)

    with connections[rows.db].execute_wrapper(execute):
        yield
    assert not waiting


def at_once(count: int, act: Callable[[], object]) -> list[Any]:
    """Do it in so many threads that start at the same moment. Return what each returned or raised."""
    start = threading.Barrier(count, timeout=PATIENCE)
    results: list[Any] = []

    def run() -> None:
        try:
            start.wait()
            results.append(act())
        except Exception as error:  # noqa: BLE001 - handed to the test
            results.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    return results
