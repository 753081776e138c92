"""A database URL from the environment -> Django's DATABASES."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
    "mariadb": "django.db.backends.mysql",
    "mysql": "django.db.backends.mysql",
}


def databases(url: str, *, aliases: tuple[str, ...] = ("default", "other")) -> dict[str, dict[str, Any]]:
    """Read a URL such as ``postgres://user:password@host:port/name?option=value``.

    ``sqlite:`` is in memory and ``sqlite:///name`` a file. Every alias is a database of its own: the first has the
    URL's name (``notifications`` if it gives none), the others have the alias added to it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ENGINES:
        raise ValueError(f"{url!r} is not a database URL: it must start with one of {', '.join(ENGINES)}")
    engine = ENGINES[parts.scheme]
    name = unquote(parts.path.removeprefix("/"))
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    common: dict[str, Any] = {"ENGINE": engine}
    if engine.endswith("sqlite3"):
        return {alias: _sqlite(common, name, alias, first=aliases[0]) for alias in aliases}
    if engine.endswith("mysql"):
        options = {**provide_mysql_driver(), "charset": "utf8mb4", **options}
        common["TEST"] = {"CHARSET": "utf8mb4"}
    common |= {
        # libpq's way to name the directory of a Unix socket, which has no place in the URL proper.
        "HOST": options.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "OPTIONS": options,
    }
    name = name or "notifications"
    return {
        alias: {**common, "NAME": name if alias == aliases[0] else f"{name}_{alias}"} for alias in aliases
    }


def _sqlite(common: dict[str, Any], name: str, alias: str, *, first: str) -> dict[str, Any]:
    # Seconds for which a writer waits for another one: a machine that is loaded takes longer than the five of SQLite.
    common = {**common, "OPTIONS": {"timeout": 60}}
    if not name:
        return {**common, "NAME": ":memory:"}
    name = name if alias == first else f"{name}_{alias}"
    return {**common, "NAME": name, "TEST": {"NAME": f"{name}.test"}}


def provide_mysql_driver() -> dict[str, Any]:
    """Let PyMySQL stand in for mysqlclient, which needs a C compiler and the server's headers to install.

    Return the options of the driver: PyMySQL connects without TLS, because it reads all certificates of the system for
    each connection, which takes 40 ms.
    """
    try:
        import MySQLdb  # noqa: F401
    except ImportError:
        import pymysql

        # Django asks for the version of mysqlclient that has what it uses, all of which PyMySQL has.
        pymysql.version_info = (2, 2, 7, "final", 0)
        pymysql.install_as_MySQLdb()
    return {"ssl_disabled": True} if sys.modules["MySQLdb"].__name__ == "pymysql" else {}
