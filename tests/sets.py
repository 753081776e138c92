"""Which tests run once, on every database, and in every install shape: the one rule, used by ``conftest.py``.

* ``browser``: the test drives a browser, and runs there.
* ``once``: the test does not use the database, or its module is listed in :data:`ONCE` with the reason, unless the test
  is marked for PostgreSQL or MariaDB.
* ``databases``: every other test. It runs in the shape ``default`` on each database.
* A shape other than ``default`` runs the modules that its settings file names in ``TESTED_HERE``, each with the
  reason why this shape can change their outcome, and the tests that are marked for it and not for ``default``.
  ``"databases"`` among them is that whole set. On PostgreSQL and MariaDB, a shape runs the modules in
  ``TESTED_ON_SERVERS`` instead: those that the shape and the database change together. ``NOT_TESTED_HERE`` names the
  modules that even ``make test-all`` leaves out, because they expect what this shape changes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent

#: Modules that run once although they use a database, by path below ``tests``; a name that ends in "/" is a folder.
ONCE = {
    "compat/test_call_shapes.py": "compares with a record that was made on SQLite",
    "compat/test_list_views.py": "Django's pagination and attributes of views",
    "contrib/live/test_doors.py": "HTTP servers of every kind; the queries are tested in test_queries.py",
    "contrib/live/test_endings.py": "tasks, threads, sockets and buses; the queries are tested in test_queries.py",
    "contrib/live/test_hub.py": "tasks, threads and buses; the queries are tested in test_queries.py",
    "contrib/live/test_logins.py": "counts streams; the database only keeps a session",
    "contrib/live/test_sessions.py": "Django's session stores; the session table is Django's own",
    "contrib/live/test_view.py": "HTTP; the queries are tested in test_queries.py",
    "crash/test_callbacks.py": "what a pool of processes reports",
    "inbox/test_identity.py": "headers of HTTP",
    "inbox/test_rows.py": "HTML of rows that were read",
    "objects/test_faces.py": "HTML",
    "objects/test_guard.py": "what is raised by code of a site",
    "presentation/test_icons.py": "HTML",
    "presentation/test_sentences.py": "templates of verbs",
    "presentation/test_serialize.py": "JSON of rows that were read; the columns are tested in test_fields.py",
    "sending/test_keywords.py": "which keyword is a column and which is extra data, before anything is written",
    "sending/test_silence.py": "log messages",
    "storage/test_count_cache.py": "caches that fail; the rows are tested in test_counts.py",
    "test_benchmarks.py": "reads results and writes reports",
    "test_context_processors.py": "HTML; the counts are tested in test_counts.py",
    "test_docs.py": "runs the documentation in sites of its own",
    "test_example.py": "runs the example site, which has a database of its own",
    "test_packaging.py": "builds the distribution and installs it elsewhere",
    "test_security.py": "HTML and JSON of hostile texts",
    "test_tags.py": "HTML; the counts are tested in test_counts.py",
    "test_templates.py": "HTML; the queries of its pages are tested in test_pages.py and test_pagination.py",
    "test_translations.py": "catalogues and the sentences made from them",
    "test_urls.py": "paths and headers of HTTP",
}

#: Fixtures by which a test uses a database.
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}


def uses_database(item: pytest.Item) -> bool:
    """Return whether pytest prepares a database for this test."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & DATABASE_FIXTURES)


def names_a_server(item: pytest.Item) -> bool:
    """Return whether a test is marked for a database that is not SQLite."""
    return any(set(marker.args) - {"sqlite"} for marker in item.iter_markers("backend"))


def module_of(item: pytest.Item) -> str:
    """Return the path of the test's module below ``tests``."""
    return item.path.relative_to(TESTS).as_posix()


def is_listed(module: str, names: object) -> bool:
    """Return whether a module, or a folder that it is in, is among these names."""
    folders = {f"{parent.as_posix()}/" for parent in Path(module).parents}
    return isinstance(names, dict) and not ({module} | folders).isdisjoint(names)


def set_of(item: pytest.Item) -> str:
    """Return ``"browser"``, ``"once"`` or ``"databases"``."""
    if item.get_closest_marker("browser") is not None:
        return "browser"
    if names_a_server(item):
        return "databases"
    return "databases" if uses_database(item) and not is_listed(module_of(item), ONCE) else "once"


def runs_in_shape(item: pytest.Item, shape: str, tested_here: object) -> bool:
    """Return whether a shape other than ``default`` runs this test."""
    marked = [marker.args for marker in item.iter_markers("shape")]
    only_here = any("default" not in shapes and shape in shapes for shapes in marked)
    whole_set = isinstance(tested_here, dict) and "databases" in tested_here and set_of(item) == "databases"
    return only_here or whole_set or is_listed(module_of(item), tested_here)
