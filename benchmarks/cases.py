"""What is measured: the cases, their sizes, and who takes part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

#: The modules in ``candidates/``, in the order of the columns of the report.
CANDIDATES = ("ours", "floor", "community", "hq", "activity_stream")

#: The candidates that keep one row for each recipient.
INBOXES = ("ours", "floor", "community", "hq")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything there is.

    An event is sent to ten users: the first is always the user with the full inbox, who so has a tenth of all rows.
    """

    #: Users of our database, which is the floor's too, and of the others'.
    users: int
    peer_users: int
    #: Events, each of ten rows, in the table that is read from.
    events: int
    #: Recipients of what nobody asks for; a prime, so that nobody is notified of an event twice.
    others: int
    #: Different actors, action objects and targets; more than a page has rows.
    objects: int
    #: Audiences of the fan-out, and of that which only ours and the floor take part in.
    audiences: tuple[int, ...]
    whole: int
    #: The page far down in the full inbox.
    deep: int
    #: Rows that are marked as read at once.
    marks: tuple[int, ...]
    #: Rows sent to many for their size, as events and users.
    sent: tuple[int, int]
    #: Users who watch one ticket or what contains it, and how many projects each of them watches beside that.
    watched: tuple[int, int]
    #: Users who get a mail each, and deliveries that are due.
    mails: int
    pending: int
    #: Rounds of what takes milliseconds and of what takes seconds, and requests in a round.
    short_rounds: int = 9
    rounds: int = 5
    requests: int = 20

    def for_worker(self) -> dict[str, Any]:
        """Return them as JSON takes them."""
        return asdict(self)


FULL = Sizes(
    users=1_000_000,
    peer_users=100_000,
    events=100_000,
    others=10_007,
    objects=1_000,
    audiences=(100, 10_000, 100_000),
    whole=1_000_000,
    deep=4_000,
    marks=(10_000, 100_000),
    sent=(10, 20_000),
    watched=(100_000, 9),
    mails=10_000,
    pending=1_000_000,
)
QUICK = Sizes(
    users=2_000,
    peer_users=1_000,
    events=400,
    others=499,
    objects=100,
    audiences=(50, 200),
    whole=1_000,
    deep=15,
    marks=(40, 400),
    sent=(2, 500),
    watched=(200, 9),
    mails=30,
    pending=1_000,
    short_rounds=1,
    rounds=1,
    requests=2,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a case: a candidate, and what it does."""

    candidate: str
    action: str
    params: dict[str, Any] = field(default_factory=dict)
    #: What sets it apart from the other lines of the same candidate.
    variant: str = ""
    #: In how many of the rounds it takes part, all of them if it does not say.
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Entries whose rounds take turns, on tables that hold what the stage says."""

    name: str
    title: str
    stage: str
    entries: tuple[Entry, ...]
    rounds: int
    #: By what ours and the floor show that they do the same; the run says when they do not.
    alike: str = ""


def cases(backend: str, sizes: Sizes) -> Iterator[Case]:
    """Yield the cases of a backend, those on the same stage one after the other."""
    yield from fan_out(backend, sizes)
    yield from mark_read(sizes)
    if backend == "postgres":
        yield size_of_rows("sent", sizes)
    yield from inbox(sizes)
    yield threads(sizes)
    if backend == "postgres":
        yield size_of_rows("inbox", sizes)
    yield from subscriptions(sizes)
    yield from deliveries(sizes)


def fan_out(backend: str, sizes: Sizes) -> Iterator[Case]:
    """Yield the cases of notifying an event."""

    def case(form: str, size: int, candidates: tuple[str, ...], rounds: int, repeat: int = 1) -> Case:
        shown = "one user" if form == "user" else f"{size:,} users, {form}"
        params = {"form": form, "size": size, "repeat": repeat}
        return Case(
            f"fan-out-{size}-{form}",
            f"fan-out to {shown}",
            "users",
            tuple(
                # A hundred thousand rows one by one take hq minutes, and ten times what ten thousand take it.
                Entry(candidate, "fan_out", params, rounds=1 if candidate == "hq" and size > 10_000 else None)
                for candidate in candidates
            ),
            rounds,
        )

    yield case("user", 1, CANDIDATES, sizes.short_rounds, sizes.requests * 5)
    for size in sizes.audiences:
        for form in ("queryset", "list"):
            # hq writes row by row whatever it is given, each row with a flush to disk. A list would only take as
            # long again, and more than a few users only a multiple of that: it is done where a bar asks for it.
            hq = form == "queryset" and (size <= 200 or backend == "postgres")
            candidates = INBOXES if hq else INBOXES[:3]
            few = size <= 1_000
            rounds = sizes.short_rounds if few else sizes.rounds
            yield case(form, size, candidates, rounds, max(sizes.requests // 5, 1) if few else 1)
    # Once: what is asked here is whether it ends, in how many statements, and how much memory it takes.
    yield case("queryset", sizes.whole, INBOXES[:2], 1)


def mark_read(sizes: Sizes) -> Iterator[Case]:
    """Yield the cases of marking everything as read."""
    for size in sizes.marks:
        entries = tuple(Entry(candidate, "mark_read", {"size": size}) for candidate in INBOXES[:3])
        yield Case(f"mark-read-{size}", f"mark all {size:,} read", "users", entries, sizes.rounds)


def inbox(sizes: Sizes) -> Iterator[Case]:
    """Yield the cases of reading, in a table of ten rows an event."""
    few, many = sizes.short_rounds, sizes.requests

    def page(kind: str, rows: int, candidates: tuple[str, ...]) -> Case:
        params = {"kind": kind, "rows": rows, "repeat": many}
        entries = [Entry(candidate, "page", params) for candidate in candidates]
        name = f"page-{kind}" if rows == 20 else f"page-{kind}-{rows}"
        title = f"{kind.upper() if kind == 'html' else 'JSON'} page of {rows}, {rows * 3} distinct objects"
        return Case(name, title, "inbox", tuple(entries), few, alike="shown")

    yield page("html", 20, CANDIDATES)
    yield page("json", 20, CANDIDATES)
    yield page("html", 100, INBOXES[:2])
    yield page("json", 100, INBOXES[:2])

    depths = {"page 1": 1, f"page {sizes.deep:,}": sizes.deep}
    yield Case(
        "pages",
        f"page 1 and page {sizes.deep:,} of {sizes.events:,} rows",
        "inbox",
        tuple(
            Entry(candidate, "deep_page", {"number": number, "repeat": 3}, variant)
            for candidate in INBOXES
            for variant, number in depths.items()
        ),
        few,
    )

    buried = f"3 unread under {sizes.events - 3:,} read"
    params = {"kind": "unread", "rows": 20, "repeat": 3, "reader": "buried"}
    hidden = tuple(Entry(candidate, "page", params) for candidate in ("ours", "community", "hq"))
    yield Case("unread", f"HTML page of what is unread, {buried}", "inbox", hidden, few)

    unread = {
        "3 unread": "three",
        f"{sizes.events // 10:,} unread": "tenth",
        f"{sizes.events:,} unread": "full",
        buried: "buried",
    }
    badges = [
        Entry(candidate, "badge", {"reader": reader, "repeat": many}, variant)
        for candidate in INBOXES
        for variant, reader in unread.items()
    ]
    badges += [
        Entry(candidate, "badge", {"reader": "full", "repeat": many, "warm": True}, "warm cache")
        for candidate in ("ours", "community")
    ]
    yield Case("badge", "badge", "inbox", tuple(badges), few)

    params = {"kind": "json", "rows": 20, "repeat": many}
    follows = [Entry(candidate, "page", params) for candidate in INBOXES[:2]]
    follows.append(Entry("activity_stream", "page", {**params, "reader": "follower"}))
    title = f"JSON page of 20 of somebody who watches {sizes.objects:,} others"
    yield Case("watched-page", title, "inbox", tuple(follows), few)

    polls = [
        Entry(candidate, "poll", {"unchanged": False, "repeat": many}, "full answer")
        for candidate in ("ours", "community", "hq")
    ]
    polls.append(Entry("ours", "poll", {"unchanged": True, "repeat": many}, "unchanged (304)"))
    yield Case("poll", "poll of the unread list", "inbox", tuple(polls), few)


def threads(sizes: Sizes) -> Case:
    """Return the case of pages of threads, each beside the page of rows of the same inbox."""
    most = min(sizes.events, 20_000)
    readers = {
        "3 rows": "three",
        f"{most // 10:,} rows": "tenth",
        f"{most:,} rows": "buried",
        f"{most:,} rows, {most // 2:,} of one thread on top": "full",
    }
    kinds = {"rows": "html", "threads": "threads"}
    entries = tuple(
        Entry(
            "ours",
            "page",
            {"kind": kind, "rows": 20, "repeat": sizes.requests, "reader": reader},
            f"{shown}, {how}",
        )
        for shown, reader in readers.items()
        for how, kind in kinds.items()
    )
    return Case("page-threads", "HTML page of 20 entries", "threads", entries, sizes.short_rounds)


def subscriptions(sizes: Sizes) -> Iterator[Case]:
    """Yield the cases of watching, in a table of about ten subscriptions a user."""
    few, many = sizes.short_rounds, sizes.requests
    watchers, others = sizes.watched
    table = f"{watchers * (others + 1):,} subscriptions"

    def entries(action: str, variant: str, *candidates: str, **params: object) -> tuple[Entry, ...]:
        return tuple(Entry(candidate, action, params, variant) for candidate in candidates)

    yield Case(
        f"watchers-{watchers}",
        f"{watchers:,} watchers through three levels of containers",
        "watched",
        entries("notify_watchers", "", "ours", "floor", "activity_stream"),
        few,
        alike="notified_watchers",
    )
    yield Case(
        "unwatched",
        f"an event among {table}",
        "watched",
        entries("notify_nobody", "nobody watches", "ours", "activity_stream", repeat=many * 5)
        + entries("notify_one", "one named recipient", "ours", repeat=many * 5)
        + entries("notify_one_alone", "one named recipient without subscriptions", "ours", repeat=many * 5),
        few,
    )
    asked = ("ours", "activity_stream")
    yield Case(
        "watching",
        f"a question to {table}",
        "watched",
        entries("list_watchers", "watchers()", *asked, repeat=many)
        + entries("ask_watching", "is_watching()", *asked, repeat=many),
        few,
    )


def deliveries(sizes: Sizes) -> Iterator[Case]:
    """Yield the cases of delivering: writing the ledger, and sending what is in it to a server for mails."""
    few, many, mails = sizes.short_rounds, sizes.requests, sizes.mails
    audience = sizes.audiences[-1]

    def case(name: str, title: str, entries: tuple[Entry, ...], rounds: int, alike: str = "") -> Case:
        return Case(name, title, "delivered", entries, rounds, alike=alike)

    both = {"with deliveries": True, "no channel wanted": False}
    yield case(
        f"ledger-{audience}",
        f"fan-out to {audience:,} users, queryset",
        tuple(
            Entry("ours", "fan_out_delivered", {"size": audience, "is_wanted": wanted}, variant)
            for variant, wanted in both.items()
        ),
        sizes.rounds,
    )
    repeat = many * 5
    yield case(
        "ledger-1",
        "fan-out to one user",
        (
            *(
                Entry("ours", "notify_one_delivered", {"is_wanted": wanted, "repeat": repeat}, variant)
                for variant, wanted in both.items()
            ),
            Entry("ours", "notify_one_undelivered", {"repeat": repeat}, "without the app"),
        ),
        few,
    )
    for name, title, digest_of in (
        ("mails", f"{mails:,} mails", 0),
        ("digests", f"{mails:,} digests of 10 notifications", 10),
    ):
        params = {"size": mails, "digest_of": digest_of}
        entries = tuple(Entry(candidate, "mails", params) for candidate in ("ours", "floor"))
        yield case(f"{name}-{mails}", title, entries, sizes.rounds, alike="mailed")
    yield case(
        f"workers-{mails}",
        f"{mails:,} mails",
        tuple(
            Entry("ours", "mails", {"size": mails, "workers": workers}, variant)
            for variant, workers in (("1 worker", 1), ("2 workers", 2))
        ),
        sizes.rounds,
    )
    claimed = min(500, sizes.pending // 2)
    params = {"rows": sizes.pending, "size": claimed, "repeat": many}
    yield case(
        f"claim-{sizes.pending}",
        f"claim {claimed} of {sizes.pending:,} deliveries that are due",
        (Entry("ours", "claim", params),),
        few,
    )


def size_of_rows(stage: str, sizes: Sizes) -> Case:
    """Return the case of the bytes that a row takes."""
    wide = f"{sizes.sent[0]:,} events sent to {sizes.sent[1]:,} users each"
    title = wide if stage == "sent" else f"{sizes.events:,} events sent to 10 users each"
    entries = tuple(Entry(candidate, "bytes_per_row") for candidate in ("ours", "community", "hq"))
    return Case(f"bytes-{stage}", f"bytes per row, {title}", stage, entries, 1)
