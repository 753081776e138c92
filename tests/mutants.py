"""Change the package in random places, and see whether a test fails: ``make mutants``.

Each mutant is one change of one expression or statement. The tests that execute its line are run on a copy of the
checkout, on SQLite: with every app of the package installed and, if none of them fails, with the core alone. A mutant
that no test notices is printed as a survivor: either a test is missing, or the change does not matter. ``--seed``
repeats the mutants of another run.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import coverage

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("sending", "storage", "objects", "inbox", "presentation", "contrib")
#: The settings under which the tests run, one after the other.
SHAPES = ("wings", "default")
#: The least share of mutants that the tests must notice.
MIN_KILLED = 0.95
#: Seconds for the tests of one mutant, which may loop forever. A mutant that takes longer is noticed.
TIMEOUT = 300
#: The most test functions that run at first. The others run if these notice nothing.
MAX_TESTS = 60
#: What pytest answers when all tests have passed, or when it had none to run.
NOTHING_NOTICED = (0, 5)
#: Modules whose tests start sites and processes of their own.
SLOW = tuple(f"tests/test_{name}.py" for name in ("benchmarks", "docs", "example", "packaging", "readme"))
#: What the copy of the checkout contains.
COPIED = (
    "notifications",
    "tests",
    "example",
    "docs",
    "benchmarks",
    "pyproject.toml",
    "README.rst",
    "setup.py",
)

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: what stands between two positions of a file is replaced."""

    path: Path
    line: int
    start: int
    end: int
    old: str
    new: str

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.path}:{self.line}: {old}  ->  {new}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module. The path is relative to the checkout."""
    source = (ROOT / path).read_text()
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    encoded = source.encode()
    for node, new in changes(ast.parse(source)):
        start = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        end = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        old = encoded[start:end].decode()
        yield Mutant(path, node.lineno, start, end, old, new)  # type: ignore[attr-defined]


def changes(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield nodes with the text that replaces them."""
    for node in code_of(tree):
        match node:
            case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
                yield node, expression(node, ops=[COMPARISONS[type(op)]()])
            case ast.BoolOp(op=op):
                yield node, expression(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            case ast.UnaryOp(op=ast.Not()):
                yield node, f"({ast.unparse(node.operand)})"
            case ast.Constant(value=bool() as value):
                yield node, str(not value)
            case ast.Constant(value=int() as value):
                yield node, str(value + 1)
            case ast.BinOp(op=ast.Add() | ast.Sub() as op) if not is_text(node.left) and not is_text(
                node.right
            ):
                yield node, expression(node, op=ast.Sub() if isinstance(op, ast.Add) else ast.Add())
            case ast.IfExp(test=test) | ast.If(test=test) | ast.While(test=test):
                yield test, f"(not ({ast.unparse(test)}))"
            case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
                yield value, "None"
            case ast.Expr(value=ast.Call()):
                yield node, "pass"
            case ast.With(items=items):
                for item in items:
                    if item.optional_vars is None:
                        yield item.context_expr, '__import__("contextlib").nullcontext()'


def code_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below this one, without annotations, and without what only a type checker reads."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            yield child
            yield from code_of(child)


def expression(node: ast.AST, **values: object) -> str:
    """Return the text of a node with other values, in parentheses."""
    changed = deepcopy(node)
    for name, value in values.items():
        setattr(changed, name, value)
    return f"({ast.unparse(changed)})"


def is_text(node: ast.AST) -> bool:
    """Return whether this is obviously a text, which cannot be subtracted."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def record(folder: Path, shape: str) -> None:
    """Run the tests once, and record in a folder which of them execute which lines of each module."""
    folder.mkdir(parents=True)
    settings = folder / "coveragerc"
    settings.write_text(
        "[run]\nsource = notifications\nrelative_files = true\ndynamic_context = test_function\n"
    )
    command = ["-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest", "-q", ds(shape)]
    subprocess.run(
        [sys.executable, *command, "-p", "no:randomly", "-o", f"cache_dir={folder / 'cache'}"],
        cwd=ROOT,
        env={**environment(), "COVERAGE_FILE": str(folder / "coverage")},
        check=False,
    )


def ds(shape: str) -> str:
    """Return pytest's option for these settings."""
    return f"--ds=tests.settings.{shape}"


def tests_of_lines(folder: Path) -> dict[Path, dict[int, set[str]]]:
    """Return which tests execute which lines of each module, as :func:`record` has recorded it.

    Tests that fail without a mutant, because they do not belong into this install shape, are left out, and where
    others execute a line, those that start sites and processes of their own. Raise SystemExit if the recording did not
    end: then no test would notice anything.
    """
    nodeids = cached(folder, "nodeids")
    if not nodeids:
        raise SystemExit(f"{folder} has no whole record. Remove it, and start again.")
    failed = {function_of(test) for test in cached(folder, "lastfailed")}
    print(f"left out: {', '.join(sorted(failed)) or 'no test'}", flush=True)
    known: dict[str, set[str]] = {}
    for test in map(function_of, nodeids):
        if test not in failed:
            known.setdefault(test.rpartition("::")[2], set()).add(test)
    found: dict[Path, dict[int, set[str]]] = {}
    recorded = coverage.CoverageData(str(folder / "coverage"))
    recorded.read()
    for file in recorded.measured_files():
        by_line = recorded.contexts_by_lineno(file)
        found[Path(file)] = {}
        for line, names in by_line.items():
            tests = {test for name in names for test in tests_named(name, known)}
            found[Path(file)][line] = {test for test in tests if not test.startswith(SLOW)} or tests
    return found


def cached(folder: Path, what: str) -> list[str]:
    """Return the names that the recorded run of pytest left in its cache."""
    path = folder / "cache" / "v" / "cache" / what
    return list(json.loads(path.read_text())) if path.exists() else []


def function_of(test: str) -> str:
    """Return the name of a test without its parameters."""
    return test.partition("[")[0]


def tests_named(name: str, known: Mapping[str, set[str]]) -> set[str]:
    """Return what pytest calls the tests that coverage records by this name: several, for a method that is inherited.

    Nothing is returned for a function of a library, which coverage may take for a test.
    """
    *parts, function = name.split(".")
    tests = known.get(function, set())
    here = {test for test in tests if parts[: test.count("/") + 1] == test.partition(".py")[0].split("/")}
    return here or tests


def environment() -> dict[str, str]:
    """Return the environment of a run that needs no server."""
    return {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}


def is_noticed(mutant: Mutant, tests: Mapping[str, set[str]], copy: Path) -> bool:
    """Return whether one of these tests, by their shape, fails on a copy of the checkout with this mutant."""
    path = copy / mutant.path
    source = path.read_bytes()
    path.write_bytes(source[: mutant.start] + mutant.new.encode() + source[mutant.end :])
    try:
        return any(
            fails(part, shape, copy)
            for shape, names in tests.items()
            for part in parts_of(sorted(names), seed=str(mutant))
        )
    finally:
        path.write_bytes(source)


def parts_of(tests: list[str], seed: str) -> Iterator[list[str]]:
    """Yield some of these tests, and then the others."""
    shuffled = random.Random(seed).sample(tests, len(tests))  # noqa: S311
    yield from filter(None, (shuffled[:MAX_TESTS], shuffled[MAX_TESTS:]))


def fails(tests: list[str], shape: str, copy: Path) -> bool:
    """Return whether one of these tests fails in this copy."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", ds(shape), *tests]
    variables = {**environment(), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(
            command, cwd=copy, env=variables, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    if "ERROR: not found" in ended.stderr + ended.stdout:
        # No test has run, so none has noticed anything.
        raise RuntimeError(ended.stderr + ended.stdout)
    return ended.returncode not in NOTHING_NOTICED


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--number", type=int, default=300, help="how many mutants")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))  # noqa: S311
    parser.add_argument("--only", action="append", help="only modules whose path contains this (repeatable)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument(
        "--recorded", type=Path, help="a folder for the record of which tests execute which lines, used again"
    )
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="notifications-mutants-") as name:
        scratch = Path(name)
        folder = options.recorded or scratch
        for shape in SHAPES:
            if not (folder / shape).exists():
                record(folder / shape, shape)
        tests = {shape: tests_of_lines(folder / shape) for shape in SHAPES}
        modules = sorted(
            path.relative_to(ROOT)
            for folder in FOLDERS
            for path in (ROOT / "notifications" / folder).rglob("*.py")
            if "migrations" not in path.parts
        )
        possible = [
            mutant
            for module in modules
            if not options.only or any(part in module.as_posix() for part in options.only)
            for mutant in mutants_of(module)
            if any(found.get(module, {}).get(mutant.line) for found in tests.values())
        ]
        chosen = random.Random(options.seed).sample(possible, min(options.number, len(possible)))  # noqa: S311
        copies: Queue[Path] = Queue()
        for number in range(options.jobs):
            copy = scratch / str(number)
            for part in COPIED:
                if (ROOT / part).is_dir():
                    shutil.copytree(
                        ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "_build")
                    )
                else:
                    shutil.copy(ROOT / part, copy / part)
            copies.put(copy)

        def judge(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                of_line = {
                    shape: found.get(mutant.path, {}).get(mutant.line, set())
                    for shape, found in tests.items()
                }
                noticed = is_noticed(mutant, of_line, copy)
            finally:
                copies.put(copy)
            print(f"{'noticed ' if noticed else 'SURVIVED'} {mutant}", flush=True)
            return noticed

        with ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(judge, chosen))
    print(f"{sum(results)} of {len(results)} mutants noticed")
    return 0 if results and sum(results) >= MIN_KILLED * len(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
