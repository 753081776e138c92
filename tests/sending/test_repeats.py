"""An ``idempotency_key`` that was used for something else: nothing is lost without a word."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError

from notifications import notify
from notifications.sending import batches
from tests.factories import make_group, make_project, make_user, make_users, rows

pytestmark = pytest.mark.django_db

KEY = "order:17:paid"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for _, level, text in caplog.record_tuples if level == logging.WARNING]


def send(actor: Any, verb: str, **arguments: Any) -> None:
    notify.send(actor, verb=verb, idempotency_key=KEY, **arguments)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"verb": "refunded"}, "was {user} 'paid' {project}, and is now {user} 'refunded' {project}."),
        ({"target": None}, "was {user} 'paid' {project}, and is now {user} 'paid'."),
        ({"target": "other"}, "was {user} 'paid' {project}, and is now {user} 'paid' {other}."),
        ({"actor": "other"}, "was {user} 'paid' {project}, and is now {other} 'paid' {project}."),
    ],
    ids=["verb", "no target", "target", "actor"],
)
@pytest.mark.parametrize("recipient", ["the same", "another", "list", "group", "chunks"])
def test_the_key_of_another_event_is_a_warning_that_names_both(
    changed: dict[str, Any], words: str, recipient: str, caplog: pytest.LogCaptureFixture
) -> None:
    user, another, project, other = make_user(), make_user("another"), make_project(), make_project("other")
    before = {"actor": user, "verb": "paid", "target": project}
    after = {**before, **{name: other if value == "other" else value for name, value in changed.items()}}
    recipients = {
        "the same": user,
        "another": another,
        "list": [user, another],
        "group": make_group("all", user, another),
        "chunks": [user, another],
    }[recipient]

    send(before.pop("actor"), recipient=user, **before)
    assert warnings(caplog) == []
    send(after.pop("actor"), recipient=recipients, **after, fanout_chunk=1 if recipient == "chunks" else None)

    [text] = warnings(caplog)
    names = {
        "user": f"{user._meta.label} {user.pk}",
        "project": f"testapp.Project {project.pk}",
        "other": f"testapp.Project {other.pk}",
    }
    assert text.startswith(
        f"The idempotency_key 'order:17:paid' is that of another event: it {words.format(**names)}"
    )


def test_the_same_event_again_is_no_mistake(caplog: pytest.LogCaptureFixture) -> None:
    user, project = make_user(), make_project()

    for recipient in (user, [user], make_users(2)):
        send(
            user, "paid", recipient=recipient, target=project, action_object=project, description="x", more=1
        )

    assert rows().count() == 3
    assert warnings(caplog) == []


def test_two_events_without_a_key_have_nothing_to_do_with_each_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    user = make_user()

    notify.send(user, verb="paid", recipient=user)
    notify.send(user, verb="refunded", recipient=user)

    assert (rows().count(), warnings(caplog)) == (2, [])


def test_an_object_whose_model_is_gone_has_no_name(caplog: pytest.LogCaptureFixture) -> None:
    user = make_user()
    send(user, "paid", recipient=user, target=make_project())
    gone = ContentType.objects.create(app_label="gone", model="thing")
    rows().update(target_content_type=gone)

    send(user, "paid", recipient=user)

    [text] = warnings(caplog)
    assert "'paid' something " in text


def test_an_error_of_the_database_that_is_not_about_the_event_is_raised(
    monkeypatch: pytest.MonkeyPatch, justquick: Any
) -> None:
    def refuse(new: Any, using: str) -> int:
        raise IntegrityError("a constraint of the site")

    monkeypatch.setattr(batches, "rows_are_constant", lambda *arguments: False)
    monkeypatch.setattr(batches, "save_at_once", refuse)
    with pytest.raises(IntegrityError, match="of the site"):
        notify.send(justquick, verb="closed", recipient=[justquick], idempotency_key="one")
