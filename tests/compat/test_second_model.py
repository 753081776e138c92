"""A site may have more than one concrete subclass of AbstractNotification, beside the one that is in use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.checks.model_checks import check_all_models
from django.db import connection, models
from django.test.utils import isolate_apps

from notifications.base.models import AbstractNotification
from notifications.conf import get_notification_model
from notifications.models import Notification
from notifications.sending.statement import keeps_constraint
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def key(to: Any) -> Any:
    return models.ForeignKey(to, on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False)


def make_model(module: str) -> Any:
    """Return a subclass as the README of django-notifications-community tells sites to write it."""

    class Bulletin(AbstractNotification):
        recipient = models.ForeignKey(get_user_model(), on_delete=models.CASCADE, related_name="+")
        actor_content_type = key(ContentType)
        target_content_type = key(ContentType)
        action_object_content_type = key(ContentType)

        class Meta(AbstractNotification.Meta):
            abstract = False
            app_label = module

    return Bulletin


@pytest.fixture
def bulletin(transactional_db: None) -> Iterator[Any]:
    with isolate_apps("tests.testapp"):
        model = make_model("testapp")
    with connection.schema_editor() as editor:
        editor.create_model(model)
    yield model
    with connection.schema_editor() as editor:
        editor.delete_model(model)


def names(model: Any) -> set[str]:
    return {each.name for each in (*model._meta.indexes, *model._meta.constraints)}


def test_no_two_models_have_an_index_or_a_constraint_of_the_same_name() -> None:
    with isolate_apps("tests.testapp"):
        models_of_a_site = [make_model("testapp"), make_model("auth"), Notification, get_notification_model()]
    found = {model._meta.label: names(model) for model in models_of_a_site}

    assert len(set().union(*found.values())) == sum(map(len, found.values()))
    assert all(len(name) <= 30 for each in found.values() for name in each)
    assert all(keeps_constraint(model) for model in models_of_a_site)
    assert not [problem for problem in check_all_models(None) if problem.id in {"models.E030", "models.E032"}]


def test_the_names_of_the_default_model_are_those_that_are_documented() -> None:
    assert "ntf_inbox" in names(Notification)
    assert "ntf_event_recipient" in names(Notification)


def test_a_second_model_has_a_table_beside_the_other_and_the_same_methods(bulletin: Any) -> None:
    user: Any = make_user("alice")
    row = bulletin.objects.create(recipient=user, actor=user, verb="published")

    assert bulletin.objects.unread().about(user).mark_all_as_read(user) == 1
    row.refresh_from_db()
    assert (row.unread, row.actor) == (False, user)
    assert row.read_at is not None
    assert apps.get_model("notifications", "Notification") is Notification
