"""The namespace of the site: which keywords of ``notify.send`` set something, and that all others are extra data."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db.models.functions import Now
from django.db.models.signals import post_save
from django.utils import timezone

from notifications import notify
from notifications.conf import get_notification_model
from notifications.sending.keywords import ARGUMENTS, OLDER_COLUMNS
from notifications.storage.notification import AbstractNotification
from tests.factories import listening, make_project, make_user, make_users, moment, rows

pytestmark = pytest.mark.django_db

FIELDS = AbstractNotification._meta.local_fields


def sent(**arguments: Any) -> Any:
    """Return the one row of a ``notify.send`` by and to the same user."""
    user = make_user()
    notify.send(user, **{"verb": "closed", "recipient": user, **arguments})
    return rows().get()


# What is extra data

#: Keywords that code written for the older packages may use as it likes: whatever the row has beside their columns,
#: whatever this package once took for itself, and names that the code in between uses.
OTHERS = sorted(
    {
        *(name for field in FIELDS for name in (field.name, field.attname) if field.name not in OLDER_COLUMNS),
        *(name for name in dir(AbstractNotification) if not name.startswith("_")),
        "key", "reason", "progress", "chunk_size", "events", "id", "pk", "model", "extra", "columns", "attributes",
        "using", "keys", "arguments", "notifications", "object", "objects", "user", "request", "queryset", "team_id",
        "DoesNotExist", "self_", "class_", "name", "type", "url", "title", "message",
    }
    - {*ARGUMENTS, *OLDER_COLUMNS, "actor", "sender", "signal"}
    - {f"{name}_id" for name in OLDER_COLUMNS if name.endswith("_content_type")}
)  # fmt: skip


@pytest.mark.parametrize("value", [5, "because you asked for a refund yesterday, and the day before"])
@pytest.mark.parametrize("name", OTHERS)
def test_a_keyword_that_was_extra_data_is_extra_data(name: str, value: Any) -> None:
    user = make_user()

    [(_, answer)] = notify.send(user, verb="closed", recipient=user, **{name: value})

    [row] = answer
    assert row.data == rows().get().data == {name: value}
    assert (row.recipient, row.actor, row.reason, row.read_at, row.done_at) == (user, user, "", None, None)


def test_the_same_key_may_be_in_the_extra_data_of_many_events() -> None:
    """Three comments on a post that all name it by ``key=`` are three events."""
    user = make_user()

    for number in range(3):
        notify.send(user, verb=f"commented {number}", recipient=user, key="post-1")

    assert [row.data for row in rows()] == [{"key": "post-1"}] * 3


@pytest.mark.parametrize("data", [[1, 2], "text", [], False, 0, ""], ids=repr)
def test_a_data_that_is_no_dict_is_a_keyword_like_any_other(data: Any) -> None:
    assert sent(data=data).data == {"data": data}


# What sets a column


@pytest.mark.parametrize("name", ["unread", "deleted", "emailed"])
def test_a_plain_column_of_the_older_packages_is_set_on_every_row(name: str) -> None:
    """In hq the second recipient lost it."""
    value = name != "unread"
    keywords: dict[str, Any] = {name: value}

    notify.send(make_user(), verb="closed", recipient=make_users(2), **keywords)

    assert [(getattr(row, name), row.data) for row in rows()] == [(value, None)] * 2


def test_a_row_that_is_born_read_says_when() -> None:
    before = timezone.now()
    row = sent(unread=False)

    assert before <= row.read_at <= timezone.now()


def test_a_column_takes_what_its_field_makes_of_the_value() -> None:
    assert sent(emailed="1").emailed is True


@pytest.mark.parametrize(
    ("column", "value"), [("emailed", "perhaps"), ("unread", None), ("deleted", "a\x00b"), ("emailed", [])]
)
def test_what_a_column_cannot_hold_is_refused_by_its_name(column: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{column} (cannot be|holds)"):
        sent(**{column: value})
    assert rows().count() == 0


@pytest.mark.parametrize("name", ["actor", "target", "action_object"])
def test_the_columns_of_an_object_can_be_set_one_by_one(name: str) -> None:
    project = make_project()
    kind = ContentType.objects.get_for_model(project)

    row = sent(**{f"{name}_content_type": kind, f"{name}_object_id": project.pk})

    assert getattr(row, name) == project
    assert row.data is None


def test_the_content_type_of_an_object_can_be_set_by_its_key() -> None:
    project = make_project()

    row = sent(
        target_content_type_id=ContentType.objects.get_for_model(project).pk, target_object_id=str(project.pk)
    )

    assert row.target == project


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("target_content_type", 5),
        ("target_content_type", ContentType()),
        ("target_content_type_id", "five"),
        ("target_object_id", "x" * 256),
        ("target_object_id", "\ud800"),
        ("actor_object_id", None),
    ],
    ids=["number", "unsaved", "text", "too long", "surrogate", "none"],
)
def test_what_a_column_of_an_object_cannot_hold_is_refused(column: str, value: Any) -> None:
    with pytest.raises(ValueError, match=column):
        sent(**{column: value})
    assert rows().count() == 0


# actor= beside the sender


def test_the_sender_may_be_named_again_as_the_actor(caplog: pytest.LogCaptureFixture) -> None:
    user = make_user()

    notify.send(user, actor=user, verb="closed", recipient=user)
    notify.send(sender=user, actor=type(user)(pk=user.pk), verb="closed", recipient=user)
    notify.send(user, actor=None, verb="closed", recipient=user)

    assert [(row.actor, row.data) for row in rows()] == [(user, None)] * 3
    assert caplog.record_tuples == []


@pytest.mark.parametrize("value", ["another", "text", 5])
@pytest.mark.parametrize("setting", [None, False])
def test_another_actor_is_ignored_with_a_warning_where_extra_data_is_not_switched_on(
    settings: Any, setting: bool | None, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NOTIFICATIONS = {} if setting is None else {"USE_JSONFIELD": setting}
    other = make_user("another")

    row = sent(actor=other if value == "another" else value)

    assert (row.actor.username, row.data) == ("justquick", None)
    [(_, level, text)] = caplog.record_tuples
    assert level == logging.WARNING
    assert f"actor={other if value == 'another' else value!r}"[:7] in text
    assert "justquick" in text


def test_another_actor_wins_where_extra_data_is_switched_on(settings: Any) -> None:
    settings.NOTIFICATIONS = {}
    settings.DJANGO_NOTIFICATIONS_CONFIG = {"USE_JSONFIELD": True}
    other = make_user("another")

    row = sent(actor=other)

    assert (row.actor, row.data) == (other, None)
    with pytest.raises(TypeError, match="actor must be a saved model instance, got 'text'"):
        notify.send(other, verb="closed", actor="text")


# Whether extra data is stored


@pytest.mark.parametrize("how", ["keyword", "data"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "cannot be stored as JSON"),
        (float("nan"), "cannot be stored as JSON"),
        ("a\x00b", "a NUL byte"),
        ("x" * 70_000, "larger than MAX_DATA_BYTES"),
    ],
    ids=["object", "nan", "nul", "large"],
)
def test_where_the_site_did_not_choose_what_cannot_be_stored_is_dropped_with_a_warning(
    settings: Any, caplog: pytest.LogCaptureFixture, value: Any, words: str, how: str
) -> None:
    settings.NOTIFICATIONS = {}
    arguments = {"first": 1, "thing": value, "last": 2}

    row = sent(**(arguments if how == "keyword" else {"data": arguments}))

    assert row.data == {"first": 1, "last": 2}
    [(_, level, text)] = caplog.record_tuples
    assert level == logging.WARNING
    assert words in text
    assert "'thing'" in text


def test_where_nothing_is_left_of_the_extra_data_there_is_none(settings: Any) -> None:
    settings.NOTIFICATIONS = {}

    assert sent(request=object()).data is None


@pytest.mark.parametrize(
    "name",
    ["NOTIFICATIONS", "DJANGO_NOTIFICATIONS_CONFIG", "NOTIFICATIONS_USE_JSONFIELD", "NOTIFY_USE_JSONFIELD"],
)
@pytest.mark.parametrize("chosen", [True, False])
def test_a_choice_counts_under_every_name_of_the_setting(
    settings: Any, name: str, chosen: bool, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NOTIFICATIONS = {}
    setattr(settings, name, chosen if name.endswith("JSONFIELD") else {"USE_JSONFIELD": chosen})

    if chosen:
        with pytest.raises(TypeError, match="'request'"):
            sent(request=object())
    else:
        assert sent(request=object(), foo="bar", data={"a": 1}, emailed=True).data is None
        [(_, level, text)] = caplog.record_tuples
        assert level == logging.WARNING
        assert "USE_JSONFIELD is False: a, request, foo" in text


def test_a_site_that_stores_none_is_warned_of_none_where_there_is_none(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NOTIFICATIONS = {"USE_JSONFIELD": False}

    row = sent(emailed=True, data={})

    assert (row.data, row.emailed, caplog.record_tuples) == (None, True, [])


class Promised(str):
    """A value that Django's encoder asks for what its own code fails to give."""


@pytest.mark.usefixtures("defaults")
def test_what_an_encoder_raises_is_an_error_like_any_other(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> str:
        raise RuntimeError("no text")

    monkeypatch.setattr(json, "dumps", broken)

    assert sent(thing=Promised("x")).data is None
    assert "data['thing'] cannot be stored as JSON: RuntimeError('no text')" in caplog.text


# What was misspelt


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("recipients", "recipient"), ("recepient", "recipient"), ("reciepient", "recipient"),
        ("desciption", "description"), ("descriptions", "description"), ("targt", "target"), ("targets",
        "target"), ("levle", None), ("levels", "level"), ("verbs", "verb"), ("timestmp", "timestamp"),
        ("publik", None), ("actors", "actor"), ("action_objects", "action_object"), ("actionobject",
        "action_object"), ("idempotency_keys", "idempotency_key"), ("recipient_reasons",
        "recipient_reason"), ("fanout_chunks", "fanout_chunk"), ("on_progres", "on_progress"),
        ("target_for_concrete", "target_for_concrete_model"), ("key", None), ("reason", None), ("date",
        None), ("url", None), ("action", None), ("user", None), ("object", None), ("target_url", None),
        ("actor_name", None), ("comment", None),
    ],
)  # fmt: skip
def test_a_keyword_that_is_almost_an_argument_is_stored_with_a_warning(
    name: str, meant: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert sent(**{name: 1}).data == {name: 1}

    texts = [text for _, level, text in caplog.record_tuples if level == logging.WARNING]
    assert texts == (
        [] if meant is None else [f"notify.send() got {name}=, which is extra data. Did you mean {meant}=?"]
    )


# A model of the site's own


@pytest.mark.shape("swapped")
def test_a_keyword_that_names_a_column_of_the_sites_model_sets_it_on_every_row() -> None:
    notify.send(make_user(), verb="closed", recipient=make_users(2), details="a b", urgent=True)

    assert [(row.details, row.urgent, row.data) for row in rows()] == [("a b", True, None)] * 2


@pytest.mark.shape("swapped")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("details", "x" * 21),
        ("details", "\ud800"),
        ("details", "a\x00b"),
        ("urgent", "very"),
        ("details", None),
    ],
)
def test_what_a_column_of_the_sites_model_cannot_hold_is_refused_by_its_name(column: str, value: Any) -> None:
    with pytest.raises(ValueError, match=column):
        sent(**{column: value})
    assert rows().count() == 0


@pytest.mark.shape("swapped")
def test_an_empty_text_is_a_text_to_a_column_of_the_sites_model() -> None:
    """Forms ask for more than columns do, and hq wrote without a form."""
    assert sent(details="").details == ""


@pytest.mark.shape("default")
@pytest.mark.parametrize("name", ["details", "project_id"])
def test_the_columns_of_a_sites_model_are_extra_data_without_that_model(name: str) -> None:
    assert sent(**{name: "a b"}).data == {name: "a b"}


@pytest.fixture
def attributed(settings: Any) -> None:
    settings.NOTIFICATIONS_NOTIFICATION_MODEL = "variants.Attributed"


@pytest.mark.shape("swapped")
@pytest.mark.usefixtures("attributed")
@pytest.mark.parametrize("recipients", [1, 2])
@pytest.mark.parametrize("by", ["object", "key", "key as text"])
def test_a_foreign_key_is_set_by_an_object_or_by_the_name_of_its_column(recipients: int, by: str) -> None:
    project = make_project()
    value = {"object": project, "key": project.pk, "key as text": str(project.pk)}[by]
    keywords: dict[str, Any] = {"project" if by == "object" else "project_id": value}

    notify.send(make_user(), verb="closed", recipient=make_users(recipients), **keywords)

    assert [(row.project, row.data) for row in rows()] == [(project, None)] * recipients


@pytest.mark.shape("swapped")
@pytest.mark.usefixtures("attributed")
@pytest.mark.parametrize("name", ["project", "project_id"])
def test_a_foreign_key_may_be_none(name: str) -> None:
    assert sent(**{name: None}).project is None


@pytest.mark.shape("swapped")
@pytest.mark.usefixtures("attributed")
def test_the_key_of_an_object_is_not_the_object() -> None:
    with pytest.raises(ValueError, match="project must be a saved Project, got 5"):
        sent(project=5)
    with pytest.raises(ValueError, match="project_id cannot be"):
        notify.send(make_user("other"), verb="closed", project_id=make_project())


@pytest.mark.shape("swapped")
@pytest.mark.usefixtures("attributed")
def test_a_generic_key_a_property_and_an_attribute_of_the_sites_model_are_set_on_every_row() -> None:
    project = make_project()

    with listening(post_save, get_notification_model()) as saved:
        notify.send(
            make_user(), verb="closed", recipient=make_users(2), context=project, shade="blue", push=True
        )

    assert [(row.context, row.color, row.data) for row in rows()] == [(project, "dark blue", None)] * 2
    assert [(one["instance"].context, one["instance"].push) for one in saved] == [(project, True)] * 2


@pytest.mark.shape("swapped")
@pytest.mark.usefixtures("attributed")
@pytest.mark.parametrize("name", ["fixed", "method", "_push", "attributed", "id", "pk", "objects"])
def test_what_cannot_be_set_on_a_row_is_extra_data(name: str) -> None:
    assert sent(**{name: 5}).data == {name: 5}


@pytest.mark.shape("swapped")
@pytest.mark.usefixtures("attributed")
def test_a_column_may_be_computed_by_the_database() -> None:
    notify.send(make_user(), verb="closed", recipient=make_users(3), expires=Now())

    assert len({row.expires for row in rows()}) == 1
    assert rows()[0].expires > moment(2020, 1, 1)


@pytest.mark.shape("swapped")
@pytest.mark.usefixtures("attributed")
def test_a_column_takes_none_where_it_may_be_null() -> None:
    assert sent(expires=None).expires is None


@pytest.mark.shape("swapped")
@pytest.mark.usefixtures("attributed")
def test_what_a_field_raises_names_the_keyword() -> None:
    """A DateTimeField of Django's raises a bare TypeError for a number."""
    with pytest.raises(ValueError, match="expires cannot be 1: "):
        sent(expires=1)
