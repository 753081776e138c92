"""The event: its UUID and its shape."""

from __future__ import annotations

import dataclasses
import time
from uuid import RFC_4122, UUID

import pytest

from notifications.events import Event, event_uuid
from tests import factories


def event() -> Event:
    return Event(
        uuid=event_uuid(), actor=factories.make_user(), verb="closed", timestamp=factories.moment(2026, 1, 1),
        level="info",
    )  # fmt: skip


def test_an_event_without_a_key_is_an_event_of_its_own() -> None:
    assert len({event_uuid() for _ in range(1000)}) == 1000


def test_its_uuid_is_of_version_7_and_says_the_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    uuid = event_uuid()
    after = time.time_ns() // 1_000_000

    assert (uuid.version, uuid.variant) == (7, RFC_4122)
    assert before <= uuid.int >> 80 <= after


def test_a_later_event_sorts_after_an_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = event_uuid()
    a_millisecond_later = time.time_ns() + 1_000_000
    monkeypatch.setattr(time, "time_ns", lambda: a_millisecond_later)

    assert str(event_uuid()) > str(earlier)


def test_a_key_is_the_same_uuid_in_every_process_and_every_release() -> None:
    """Pinned: another value would make a task that is retried across an upgrade tell twice."""
    assert event_uuid("order:17:paid") == UUID("f28510e8-586b-5e49-b233-eef8520a7b10")
    assert event_uuid("order:18:paid") != event_uuid("order:17:paid")
    assert event_uuid("order:17:paid").version == 5


def test_an_empty_key_is_a_key() -> None:
    assert event_uuid("") == event_uuid("")


@pytest.mark.django_db
def test_an_event_cannot_be_changed_nor_given_further_attributes() -> None:
    told = event()

    with pytest.raises(dataclasses.FrozenInstanceError):
        told.verb = "opened"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        told.recipient = None  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_an_event_needs_only_what_every_event_has() -> None:
    told = event()

    assert (told.action_object, told.target, told.description, told.data, told.key) == (None,) * 5
    assert told.public is True
    assert (told.columns, told.concrete) == ({}, {})
