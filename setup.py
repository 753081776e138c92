"""The description on the index: the README with links and pictures that work there. All else is in pyproject.toml."""

import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent


def read(name: str) -> str:
    """Return a file of this checkout."""
    return (HERE / name).read_text(encoding="utf-8")


[source] = re.findall(r'^Source = "(.+)"', read("pyproject.toml"), re.MULTILINE)
[version] = re.findall(r'^__version__ = "(.+)"', read("notifications/__init__.py"), re.MULTILINE)
# Links lead to the files of this version.
ref = "main" if "dev" in version else f"v{version}"
description = re.sub(r"<(?!\w+:)([^<>\s]+)>`_", rf"<{source}/blob/{ref}/\1>`_", read("README.rst"))
description = re.sub(r"image:: (?!\w+:)", f"image:: {source}/raw/{ref}/", description)

setup(long_description=description, long_description_content_type="text/x-rst")
