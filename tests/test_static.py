"""The script as it is served: its modules, their size, and the words in them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.storage import FileSystemStorage

STATIC = Path(__file__).resolve().parent.parent / "notifications" / "static"
FOLDER = STATIC / "notifications"
#: What a page loads, and what is loaded when it is first used.
LOADED = ("notifications.js", "transport.js", "list.js", "inbox.js", "bell.js", "keys.js")
ON_DEMAND = ("panel.js", "results.js", "desktop.js")
MODULES = (*LOADED, *ON_DEMAND)

#: What kills a module in Safari 16, or is not there.
TOO_NEW = (
    r"\(\?<[=!]",
    r"static\s*\{",
    r"URL\.canParse\(",
    r"Object\.groupBy",
    r"AbortSignal\.any",
    r"new FormData\([^)]*,",
)


def text(name: str) -> str:
    return (FOLDER / name).read_text()


def test_the_modules_are_small() -> None:
    assert compressed(LOADED) <= 14 * 1024
    assert compressed(ON_DEMAND) <= 2 * 1024


def compressed(names: tuple[str, ...]) -> int:
    """Return the size of these modules, one after the other."""
    return len(gzip.compress("".join(map(text, names)).encode(), 9))


def test_a_site_can_use_the_transport_alone() -> None:
    assert "import" not in re.sub(r"/\*.*?\*/", "", text("transport.js"), flags=re.DOTALL)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_plain_words_and_no_syntax_that_is_too_new(name: str) -> None:
    source = text(name)
    assert re.findall(r"\b(tell|told|hear|heard|voice|speak|listener)\w*", source, re.IGNORECASE) == []
    assert [pattern for pattern in TOO_NEW if re.search(pattern, source)] == []


@pytest.mark.parametrize("aggregates", [False, True])
def test_the_modules_find_each_other_under_names_with_a_hash(aggregates: bool, tmp_path: Path) -> None:
    class Storage(ManifestStaticFilesStorage):
        support_js_module_import_aggregation = aggregates

    source = FileSystemStorage(STATIC)
    storage = Storage(tmp_path, "/static/")
    names = [f"notifications/{name}" for name in (*MODULES, "notifications.css", "notify.js")]
    paths: dict[str, Any] = {}
    for name in names:
        with source.open(name) as file:
            storage.save(name, file)
        paths[name] = (source, name)
    processed = {name: hashed for name, hashed, _ in storage.post_process(paths)}
    for name in MODULES:
        hashed = processed[f"notifications/{name}"]
        served = (tmp_path / str(hashed)).read_text()
        for url in re.findall(r'(?:from |import |import\()"(\./[^"]+)"', served):
            assert (tmp_path / "notifications" / url).is_file()
            assert (re.search(r"\.[0-9a-f]{12}\.js$", url) is not None) is aggregates
