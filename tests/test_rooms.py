"""How the package is built: the core names no wing, and a wing has what it brings with it."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

# Once is enough: neither the database nor the settings have a part in it.
pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.shape("default")]

PACKAGE = Path(__file__).resolve().parent.parent / "notifications"
WINGS = sorted(path.parent.name for path in PACKAGE.glob("contrib/*/__init__.py"))
#: All that the core is made of, but for its catalogues, which are those of the wings as well.
CORE = [
    path
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in {".py", ".html", ".js"} and not path.is_relative_to(PACKAGE / "contrib")
]

#: The most lines of a module, and the most modules of a folder.
MAX_LINES, MAX_MODULES = 420, 20


def test_there_are_wings() -> None:
    assert {"delivery", "live", "subscriptions"} <= set(WINGS)


@pytest.mark.parametrize("wing", WINGS)
def test_the_core_names_no_wing(wing: str) -> None:
    settings = import_module(f"notifications.contrib.{wing}.conf").Settings.own_keys()
    words = [rf"contrib\.{wing}", rf"notifications_{wing}", *settings]
    named = re.compile(rf"\b(?:{'|'.join(words)})\b")
    found = {str(path.relative_to(PACKAGE)): named.findall(path.read_text()) for path in CORE}
    assert {path: names for path, names in found.items() if names} == {}


def test_no_folder_is_a_list_and_no_module_is_a_book() -> None:
    modules = [path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts]
    lines = {path: len(path.read_text().splitlines()) for path in modules}
    assert {path.name: count for path, count in lines.items() if count > MAX_LINES} == {}
    folders = {path.parent for path in modules} - {PACKAGE}
    many = {folder.name: len(list(folder.glob("[!_]*.py"))) for folder in folders}
    assert {name: count for name, count in many.items() if count > MAX_MODULES} == {}
