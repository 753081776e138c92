"""The directive ``settings-table``: all settings in one table, read from the classes that define them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENTRY = re.compile(r"((?:^    #: .+\n)+)^    ([A-Z_]+)(?:: .+)? = Setting\(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """A setting: its name, its type and default as they are written, the app that reads it, and what it is for."""

    name: str
    type: str
    default: str
    app: str
    purpose: str


def rows() -> Iterator[Row]:
    """Yield the settings of the core and of each app in ``notifications.contrib``."""
    package = ROOT / "notifications"
    for path in [package / "conf.py", *sorted(package.glob("contrib/*/conf.py"))]:
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        purposes = {
            name: " ".join(text.split("#: ")).strip() for text, name in ENTRY.findall(path.read_text())
        }
        for name, setting in module.Settings.own_keys().items():
            purpose = re.sub(r"\s+", " ", purposes[name])
            app = module.__name__.removesuffix(".conf")
            yield Row(name, type_of(setting), shown(setting.default), app, purpose)


def type_of(setting: Any) -> str:
    """Return the type of a setting as a user writes it."""
    if issubclass(setting.kind, Mapping):
        return "dict"
    return f"{setting.kind.__name__}{' or None' if setting.default is None or setting.optional else ''}"


def shown(default: Any) -> str:
    """Return a default as it is written in Python, with double quotes."""
    return f'"{default}"' if isinstance(default, str) else repr(default)


def table() -> str:
    """Return the table in reStructuredText. Each name links to the section about it on the page."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 24 10 16 20 40", ""]
    head = ("Name", "Type", "Default", "App", "Purpose")
    cells = [(f"`{row.name}`_", row.type, f"``{row.default}``", row.app, row.purpose) for row in rows()]
    for row in (head, *cells):
        lines += [f"   {'* -' if place == 0 else '  -'} {cell}" for place, cell in enumerate(row)]
    return "\n".join(lines)


def setup(app: Any) -> dict[str, Any]:
    """Add the directive to Sphinx."""
    from sphinx.util.docutils import SphinxDirective

    class SettingsTable(SphinxDirective):
        def run(self) -> list[Any]:
            return self.parse_text_to_nodes(table())

    app.add_directive("settings-table", SettingsTable)
    return {"parallel_read_safe": True}
