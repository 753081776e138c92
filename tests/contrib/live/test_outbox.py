"""What waits for one browser: how much that may be, and what holds once it has ended."""

from __future__ import annotations

import pytest

from notifications.contrib.live import outbox
from notifications.contrib.live.outbox import MAX_BYTES, MAX_FRAMES, Outbox
from notifications.contrib.live.wire import BYE, Counts, Frame, frame

# Neither the database nor the settings have a part in it.
pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.shape("default")]


def frames(count: int, size: int = 10) -> list[Frame]:
    return [Frame(b"%d" % number + b"x" * (size - len(str(number))), str(number)) for number in range(count)]


def test_frames_come_first_and_then_what_holds_now() -> None:
    box = Outbox()
    box.put([frame("notification", "{}", "1")], "1", Counts(1, 1), has_changed=True)
    box.put([], "2", Counts(2, 1), has_changed=True)
    assert box.take().decode().split("\n\n") == [
        "event: notification\nid: 1\ndata: {}",
        'event: count\nid: 2\ndata: {"unread": 2, "unseen": 1}',
        "event: changed\nid: 2\ndata: {}",
        "",
    ]
    assert box.take() == b""
    assert box.is_idle


def test_the_counts_that_waited_have_the_id_of_all_that_is_sent_before_them() -> None:
    """M4: with that of the round in which they were counted, what came later was sent again."""
    box = Outbox()
    box.put([], "before", Counts(1, 1))
    box.put([frame("notification", "{}", "after")], "after")
    assert box.take().rpartition(b"id: ")[2].startswith(b"after\n")


@pytest.mark.parametrize("end", [Outbox.end, Outbox.dismiss])
def test_nothing_is_put_into_what_has_ended(end: object) -> None:
    """M5: an event that was committed after the logout was sent before the goodbye."""
    box = Outbox()
    end(box)  # type: ignore[operator]
    box.put([frame("notification", '"secret"', "1")], "1", Counts(1, 1), has_changed=True)
    assert box.take() in (b"", BYE)
    assert box.take() == b""
    assert not box.is_open
    assert not box.is_idle


def test_who_is_dismissed_is_not_even_sent_what_waited() -> None:
    box = Outbox()
    box.put([frame("notification", '"secret"', "1")], "1", Counts(1, 1), has_changed=True)
    box.dismiss()
    assert box.take() == BYE


def test_what_waits_when_it_ends_is_sent_and_no_more() -> None:
    box = Outbox()
    box.put(frames(1), "0")
    box.end()
    assert box.take() == frames(1)[0].data
    assert box.take() == b""


@pytest.mark.parametrize("puts", [1, 3])
def test_more_frames_than_may_wait_end_it(puts: int) -> None:
    """M6: one large round was let in whole."""
    box = Outbox()
    for _ in range(puts):
        box.put(frames(3000 // puts), "last", Counts(3000, 3000), has_changed=True)
    assert len(box.frames) == MAX_FRAMES
    assert not box.is_open
    assert box.id == ""
    assert box.take() == b"".join(one.data for one in frames(MAX_FRAMES))


@pytest.mark.parametrize("size", [MAX_BYTES // 10, MAX_BYTES // 2 + 1, MAX_BYTES * 3])
def test_more_bytes_than_may_wait_end_it_but_one_frame_always_goes(size: int) -> None:
    box = Outbox()
    box.put(frames(50, size), "last")
    assert 1 <= len(box.frames) <= 10
    assert box.size <= max(MAX_BYTES, size)
    assert not box.is_open


def test_whoever_serves_it_is_called_when_there_is_something_to_do() -> None:
    box = Outbox()
    calls: list[int] = []
    box.on_change = lambda: calls.append(1)
    box.put([], "1")
    assert calls == []
    box.put([], "1", has_changed=True)
    box.end()
    assert len(calls) == 2
    assert outbox.MAX_FRAMES == MAX_FRAMES
