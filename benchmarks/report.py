"""What was measured, beside what must be reached: printed after a run, and written into two pages of the documentation.

``python benchmarks/report.py`` does both again from the files in ``benchmarks/results``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
#: The short page with one table, and the page with everything.
SUMMARY, PAGE = (HERE.parent / "docs" / f"{name}.rst" for name in ("performance", "performance-results"))
BEGIN, END = ".. The lines from here on are written by benchmarks/report.py.", ".. Up to here."

NAMES = {
    "ours": "ours",
    "floor": "floor",
    "community": "community",
    "hq": "hq",
    "activity_stream": "activity-stream",
}
BACKENDS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}

#: The lines of the short table: what a reader asks, with the case and the variant that answer it.
QUESTIONS = {
    "Notify one user": ("fan-out-1-user", ""),
    "Notify 10,000 users": ("fan-out-10000-queryset", ""),
    "Notify 1,000,000 users": ("fan-out-1000000-queryset", ""),
    "Notify 100,000 subscribers of an object and its parents": ("watchers-100000", ""),
    "A page of the inbox with 20 notifications, as HTML": ("page-html", ""),
    "The same as JSON": ("page-json", ""),
    "Page 4,000 of the inbox": ("pages", "page 4,000"),
    "The badge of a user with 100,000 unread, not cached": ("badge", "100,000 unread"),
    "A poll that finds nothing new": ("poll", "unchanged (304)"),
    "Mark 100,000 notifications as read": ("mark-read-100000", ""),
}

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that must be reached on one backend, and what was reached."""

    backend: str
    what: str
    must: str
    measured: str
    met: bool


def load(folder: Path = RESULTS) -> dict[str, Any]:
    """Return what was measured, by backend."""
    paths = {backend: folder / f"{backend}.json" for backend in BACKENDS}
    return {backend: json.loads(path.read_text()) for backend, path in paths.items() if path.exists()}


def find(content: Mapping[str, Any], case: str, candidate: str, variant: str = "") -> Entry | None:
    """Return what an entry of a case did, or None when it was not measured."""
    entries = content["cases"].get(case, {}).get("entries", [])
    for entry in entries:
        if entry["candidate"] == candidate and entry["variant"] == variant:
            return entry  # type: ignore[no-any-return]
    return None


def times(slower: Entry, faster: Entry) -> float:
    """Return how many times as long the one took: the median over the rounds, each compared with its like."""
    # One that took part in fewer rounds took part in the first ones.
    ratios = [float(one / other) for one, other in zip(slower["rounds"], faster["rounds"], strict=False)]
    return median(ratios)


def difference(slower: Entry, faster: Entry) -> float:
    """Return how many seconds longer the one took: the median over the rounds, each compared with its like."""
    longer = [float(one - other) for one, other in zip(slower["rounds"], faster["rounds"], strict=False)]
    return median(longer)


def bars_of(backend: str, content: Mapping[str, Any]) -> Iterator[Bar]:
    """Yield the bars of a backend whose cases were measured at full size."""

    def ratio(
        what: str, most: float, case: str, one: str, other: str, variants: tuple[str, str] = ("", "")
    ) -> Iterator[Bar]:
        first, second = find(content, case, one, variants[0]), find(content, case, other, variants[1])
        if first and second:
            value = times(first, second)
            yield Bar(backend, what, f"<= {most:.2f} x", f"{value:.2f} x", value <= most)

    def faster(what: str, least: float, case: str, peer: str) -> Iterator[Bar]:
        first, second = find(content, case, peer), find(content, case, "ours")
        if first and second:
            value = times(first, second)
            yield Bar(backend, what, f">= {least:.0f} x", f"{value:.1f} x", value >= least)

    def statements(what: str, most: int, case: str, variant: str = "") -> Iterator[Bar]:
        entry = find(content, case, "ours", variant)
        if entry:
            count = entry["statements"]
            yield Bar(backend, what, f"<= {most}", str(count), count <= most)

    fan_out = "fan-out-100000-queryset"
    yield from ratio(
        "fan-out 100,000 / raw", 1.10 if backend == "postgres" else 1.15, fan_out, "ours", "floor"
    )
    least = {"sqlite": 20, "postgres": 6, "mariadb": 5}[backend]
    yield from faster("fan-out 100,000, faster than community", least, fan_out, "community")
    if backend == "postgres":
        yield from faster("fan-out 100,000, faster than hq (one round)", 40, fan_out, "hq")
        yield from faster("fan-out 10,000, faster than hq", 40, "fan-out-10000-queryset", "hq")
    yield from statements("fan-out 100,000, statements", 1, fan_out)
    yield from ratio("one recipient / community", 1.0, "fan-out-1-user", "ours", "community")
    yield from statements("one recipient, statements", 1, "fan-out-1-user")
    whole = find(content, "fan-out-1000000-queryset", "ours")
    if whole:
        grown = whole["memory"] / 1024**2
        yield Bar(backend, "fan-out 1,000,000, memory", "<= 10 MB", f"{grown:.1f} MB", grown <= 10)
        yield from statements("fan-out 1,000,000, statements", 1, "fan-out-1000000-queryset")
    # Session, user, the list, and one for each of the three content types.
    for kind, most in (("html", 1.25), ("json", 2.0)):
        yield from ratio(f"page of 20, {kind.upper()} / floor", most, f"page-{kind}", "ours", "floor")
        yield from statements(f"page of 20, {kind.upper()}, statements", 6, f"page-{kind}")
        yield from statements(f"page of 100, {kind.upper()}, statements", 6, f"page-{kind}-100")
    unread = ("100,000 unread", "3 unread")
    yield from ratio("badge, 100,000 unread / 3 unread", 1.3, "badge", "ours", "ours", unread)
    buried = ("3 unread under 99,997 read", "3 unread")
    yield from ratio("badge, 3 unread under 99,997 read / 3 unread", 1.3, "badge", "ours", "ours", buried)
    yield from statements("badge, statements", 1, "badge", "100,000 unread")
    yield from statements("badge, warm cache, statements", 0, "badge", "warm cache")
    yield from ratio("page 4,000 / page 1", 1.2, "pages", "ours", "ours", ("page 4,000", "page 1"))
    yield from statements("unchanged poll, statements", 3, "poll", "unchanged (304)")
    yield from ratio("mark 100,000 read / raw UPDATE", 1.5, "mark-read-100000", "ours", "floor")
    watchers = "watchers-100000"
    yield from ratio("100,000 watchers / raw", 1.5, watchers, "ours", "floor")
    # One writes the rows, one asks whether the actor takes part already.
    yield from statements("100,000 watchers, statements, the actor's own part asked for", 2, watchers)
    first, second = (
        find(content, "unwatched", "ours", variant) for variant in ("nobody watches", "one named recipient")
    )
    if first and second:
        value = difference(first, second) * 1000
        what = "nobody watches, over one named recipient"
        yield Bar(backend, what, "<= 2.00 ms", f"{value:.2f} ms", value <= 2)
    for question in ("watchers()", "is_watching()"):
        yield from statements(f"{question}, statements", 1, "watching", question)
    yield from delivery_bars(backend, content)
    for case in ("bytes-sent", "bytes-inbox"):
        first, second = find(content, case, "ours"), find(content, case, "hq")
        if first and second:
            value = first["bytes"] / second["bytes"]
            title = content["cases"][case]["title"]
            shown = f"{value:.2f} x ({first['bytes']:.0f} / {second['bytes']:.0f})"
            yield Bar(backend, f"{title} / hq", "<= 1.20 x", shown, value <= 1.2)


def delivery_bars(backend: str, content: Mapping[str, Any]) -> Iterator[Bar]:
    """Yield the bars of the app for deliveries, whose cases were measured at full size."""

    def of(case: str, variant: str = "", candidate: str = "ours") -> Entry | None:
        return find(content, case, candidate, variant)

    def bar(what: str, value: float, most: float, unit: str, digits: int = 2) -> Bar:
        return Bar(backend, what, f"<= {most:.{digits}f}{unit}", f"{value:.{digits}f}{unit}", value <= most)

    many, few = of("ledger-100000", "with deliveries"), of("ledger-100000", "no channel wanted")
    if many and few:
        what = "fan-out 100,000 with deliveries"
        yield bar(f"{what} / without", times(many, few), 1.8, " x")
        yield bar(f"{what}, more statements", many["statements"] - few["statements"], 1, "", 0)
        yield bar(f"{what}, more memory", (many["memory"] - few["memory"]) / 1024**2, 1, " MB", 1)
    one, none, bare = (
        of("ledger-1", variant) for variant in ("with deliveries", "no channel wanted", "without the app")
    )
    if one and none and bare:
        yield bar("one recipient with a delivery, over none", difference(one, none) * 1000, 1, " ms")
        yield bar(
            "one recipient with a delivery, more statements", one["statements"] - none["statements"], 1, "", 0
        )
        yield bar(
            "no channel wanted, statements more than without the app",
            none["statements"] - bare["statements"],
            0,
            "",
            0,
        )
        yield bar("no channel wanted, over without the app", difference(none, bare) * 1000, 0.2, " ms")
    for case, what in (("mails-10000", "10,000 mails"), ("digests-10000", "10,000 digests of 10")):
        ours, hand = of(case), of(case, candidate="floor")
        if ours and hand:
            yield bar(f"{what} / by hand", times(ours, hand), 1.5, " x")
            yield bar(f"{what}, statements for each", ours["statements"], 1.3, "")
            yield bar(f"{what}, memory", ours["memory"] / 1024**2, 20, " MB", 0)
    single, double = of("workers-10000", "1 worker"), of("workers-10000", "2 workers")
    if single and double:
        value = times(single, double)
        yield Bar(
            backend, "10,000 mails, 2 workers faster than 1", ">= 1.70 x", f"{value:.2f} x", value >= 1.7
        )
    claim = of("claim-1000000")
    if claim:
        yield bar("claim 500 of 1,000,000", claim["seconds"] * 1000, 50, " ms", 0)


def all_bars(folder: Path = RESULTS) -> list[Bar]:
    """Return the bars of every backend."""
    return [bar for backend, content in load(folder).items() for bar in bars_of(backend, content)]


def bars(folder: Path = RESULTS) -> str:
    """Return the bars as a table to read in a terminal."""
    rows: list[tuple[str, ...]] = [("", "what", "must reach", "measured", "")]
    rows += [
        (BACKENDS[bar.backend], bar.what, bar.must, bar.measured, "met" if bar.met else "MISSED")
        for bar in all_bars(folder)
    ]
    return columns(rows)


def columns(rows: list[tuple[str, ...]]) -> str:
    """Return rows of cells as lines with aligned columns."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def one_case(backend: str, case: Mapping[str, Any]) -> str:
    """Return a case as a table to read in a terminal."""
    rows = [tuple(cells(entry)) for entry in case["entries"]]
    note = {True: "", False: "\nOurs and the floor do not do the same.", None: ""}[case.get("alike")]
    return (
        f"\n{backend}: {case['title']} ({case['took']:.0f} s)\n{columns(rows) if rows else 'nothing'}{note}"
    )


def cells(entry: Entry) -> Iterator[str]:
    """Yield the name of an entry, its time, its statements and its memory."""
    yield f"{NAMES[entry['candidate']]}{', ' if entry['variant'] else ''}{entry['variant']}"
    if "bytes" in entry:
        shares = ", ".join(f"{name} {size}" for name, size in entry["indexes"].items())
        yield f"{entry['bytes']} bytes (heap {entry['heap']}, {shares})"
        return
    yield duration(entry["seconds"])
    yield f"{entry['statements']} statements"
    yield f"{entry['memory'] / 1024**2:.1f} MB"


def duration(seconds: float) -> str:
    """Return a time as people read it."""
    return f"{seconds:,.2f} s" if seconds >= 1 else f"{seconds * 1000:,.2f} ms"


def write() -> None:
    """Put what was measured into the pages of the documentation, between their two marks."""
    found = load()
    if not found:
        return
    for page, content in ((SUMMARY, summary(found)), (PAGE, generated(found))):
        before, _, rest = page.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        page.write_text(f"{before}{BEGIN}\n\n{content}\n{END}{after}")


def summary(found: Mapping[str, Any]) -> str:
    """Return the table of the short page: the time of each question on each database."""
    rows = [["", *(f"{BACKENDS[name]} {version(content)}" for name, content in found.items())]]
    for question, (case, variant) in QUESTIONS.items():
        entries = [find(content, case, "ours", variant) for content in found.values()]
        rows.append([question, *(rough(entry["seconds"]) if entry else "" for entry in entries)])
    about = next(iter(found.values()))
    machines = Counter(hardware(case["machine"]) for case in about["cases"].values())
    [(machine, _)] = machines.most_common(1)
    return (
        f"{list_table(rows, '46 18 18 18')}\nMeasured on {machine}, with databases as they are installed.\n"
    )


def rough(seconds: float) -> str:
    """Return a time with the two or three digits that matter."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"


def version(content: Mapping[str, Any]) -> str:
    """Return the version of a database without what its distribution adds."""
    return str(content["about"]["database"]["version"]).partition("-")[0]


def generated(found: Mapping[str, Any]) -> str:
    """Return the part of the page that is written anew after each run."""
    parts = [heading("Targets"), list_table(bar_rows(), "14 36 16 22 12")]
    for backend, content in found.items():
        about = content["about"]
        parts += [heading(f"{BACKENDS[backend]} {about['database']['version']}"), provenance(content)]
        rows = [["", *NAMES.values()]]
        for case in content["cases"].values():
            if all("seconds" in entry for entry in case["entries"]):
                rows += case_rows(case)
        parts.append(list_table(rows, "30 14 14 14 14 14"))
    sizes = found.get("postgres")
    if sizes:
        parts += [
            heading("Bytes per row"),
            *(size_table(sizes, case) for case in ("bytes-sent", "bytes-inbox")),
        ]
    return "\n".join(part for part in parts if part)


def bar_rows() -> list[list[str]]:
    """Return the bars as rows of a table."""
    rows = [["", "what", "must reach", "measured", ""]]
    rows += [
        [BACKENDS[bar.backend], bar.what, bar.must, bar.measured, "met" if bar.met else "**missed**"]
        for bar in all_bars()
    ]
    return rows


def case_rows(case: Mapping[str, Any]) -> list[list[str]]:
    """Return a case as rows of a table, one for each variant, with a column for each candidate."""
    rows = []
    variants = list(dict.fromkeys(entry["variant"] for entry in case["entries"]))
    for variant in variants:
        found = {entry["candidate"]: entry for entry in case["entries"] if entry["variant"] == variant}
        title = f"{case['title']}, {variant}" if variant else case["title"]
        rows.append([title, *(short(found[name]) if name in found else "" for name in NAMES)])
    return rows


def short(entry: Entry) -> str:
    """Return the time, the statements and the memory of an entry in few words."""
    grown = entry["memory"] / 1024**2
    memory = f" {grown:,.0f} MB" if grown >= 1 else ""
    return f"{duration(entry['seconds'])} ({entry['statements']:,}){memory}"


def size_table(content: Mapping[str, Any], case: str) -> str:
    """Return the table of what a row takes, index by index."""
    measured = content["cases"].get(case)
    if not measured:
        return ""
    found = {entry["candidate"]: entry for entry in measured["entries"]}
    rows = [[measured["title"], *(NAMES[name] for name in found)]]
    rows.append(["heap", *(str(entry["heap"]) for entry in found.values())])
    indexes = list(dict.fromkeys(name for entry in found.values() for name in entry["indexes"]))
    rows += [
        [f"``{index}``", *(str(entry["indexes"].get(index, "")) for entry in found.values())]
        for index in indexes
    ]
    rows.append(["**all**", *(f"**{entry['bytes']}**" for entry in found.values())])
    return list_table(rows, "46 18 18 18")


def provenance(content: Mapping[str, Any]) -> str:
    """Return what the figures of a backend depend on, in a few paragraphs."""
    about = content["about"]
    settings = ", ".join(f"{name} {value}" for name, value in about["database"]["settings"].items())
    titles: dict[str, list[str]] = {}
    for case in content["cases"].values():
        titles.setdefault(hardware(case["machine"]), []).append(case["title"])
    usual, *others = sorted(titles, key=lambda name: len(titles[name]), reverse=True)
    lines = [f"Measured {about['measured'][:10]} on {usual}; {settings}."]
    lines += [f"On {name} instead: {'; '.join(titles[name])}." for name in others]
    for name, versions in about["versions"].items():
        if name != "floor":
            lines.append(
                f"*{NAMES[name]}*: {', '.join(f'{key} {value}' for key, value in versions.items())}."
            )
    return "\n\n".join(lines) + "\n"


def hardware(machine: Mapping[str, Any]) -> str:
    """Return a machine in words."""
    cores = f"{machine['cores']} cores ({machine.get('processor', '?')})"
    return f"{machine['system']}, {cores}, {machine.get('memory', '?')}"


def heading(text: str) -> str:
    """Return a heading of the second level."""
    return f"{text}\n{'-' * len(text)}\n"


def list_table(rows: list[list[str]], widths: str) -> str:
    """Return a table in reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in rows:
        for place, cell in enumerate(row):
            lines.append(f"   {'* -' if place == 0 else '  -'} {cell}".rstrip())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write()
    print(bars())
    sys.exit(0)
