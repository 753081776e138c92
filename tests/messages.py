"""The catalogues of the package, made to follow its source: ``python tests/messages.py [language ...]``.

A language without a catalogue gets one that is still to be translated. Needs no gettext on the machine.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

import django
import polib
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).resolve().parent.parent / "notifications"
LOCALE = PACKAGE / "locale"

#: What the arguments of each function are, for those that come as text.
FUNCTIONS = {
    name + lazy: arguments
    for name, arguments in {
        "gettext": ("msgid",),
        "ngettext": ("msgid", "msgid_plural"),
        "pgettext": ("msgctxt", "msgid"),
        "npgettext": ("msgctxt", "msgid", "msgid_plural"),
    }.items()
    for lazy in ("", "_lazy")
} | {"gettext_noop": ("msgid",), "_": ("msgid",)}

# A call in what templatize() makes of a template, all else of which is no Python.
CALL = re.compile(r"""\b(?:_|[np]*gettext)\((?:u?'(?:\\.|[^'\\])*'|u?"(?:\\.|[^"\\])*"|, ?|count)+\)""")


def entries_of(path: Path) -> Iterator[polib.POEntry]:
    """Go through what a Python file or a template marks for translation."""
    source = path.read_text()
    if path.suffix == ".html":
        source = "\n".join(CALL.findall(templatize(source, origin=str(path))))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            names = FUNCTIONS[node.func.id]
            entry = polib.POEntry(
                **{name: ast.literal_eval(argument) for name, argument in zip(names, node.args, strict=False)}
            )
            if "%(" in entry.msgid:
                entry.flags = ["python-format"]
            yield entry


def of_source(package: Path = PACKAGE) -> polib.POFile:
    """Return all that the package marks for translation, once each, in the order of its files."""
    catalogue = polib.POFile(wrapwidth=0, check_for_duplicates=True)
    paths = [path for path in package.rglob("*") if path.suffix in {".py", ".html"}]
    for path in sorted(paths):
        for entry in entries_of(path):
            if catalogue.find(entry.msgid, msgctxt=entry.msgctxt or False) is None:
                catalogue.append(entry)
    return catalogue


def languages() -> list[str]:
    """Return the languages that have a catalogue, as their directories spell them."""
    return sorted(path.name for path in LOCALE.iterdir())


def file_of(language: str, suffix: str = "po") -> Path:
    """Return where the catalogue of a language is."""
    return LOCALE / language / "LC_MESSAGES" / f"django.{suffix}"


def plural_forms(language: str) -> str:
    """Return the rule of plurals of Django's own catalogue of a language."""
    path = Path(django.__file__).parent / "conf" / "locale" / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        rule: str = GNUTranslations(file).info()["plural-forms"]
    return rule


def renewed(language: str) -> polib.POFile:
    """Return the catalogue of a language with what the source has now; what is translated stays so."""
    path = file_of(language)
    catalogue = of_source()
    old = polib.pofile(str(path)) if path.exists() else polib.POFile()
    rule = plural_forms(language)
    forms = range(int(rule.removeprefix("nplurals=").partition(";")[0]))
    for entry in catalogue:
        known = old.find(entry.msgid, msgctxt=entry.msgctxt or False) or entry
        if entry.msgid_plural:
            entry.msgstr_plural = {form: known.msgstr_plural.get(form, "") for form in forms}
        else:
            entry.msgstr = known.msgstr
    # No dates and no names: what they say, the history says.
    catalogue.metadata = {
        "Project-Id-Version": "django-notifications",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": rule,
    }
    return catalogue


if __name__ == "__main__":
    for name in sys.argv[1:] or languages():
        catalogue = renewed(name)
        file_of(name).parent.mkdir(parents=True, exist_ok=True)
        catalogue.save(str(file_of(name)))
        catalogue.save_as_mofile(str(file_of(name, "mo")))
        print(f"{name}: {len(catalogue)} strings, {len(catalogue.untranslated_entries())} to translate")
