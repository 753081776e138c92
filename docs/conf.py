"""Configure Sphinx, and Django as far as docstrings need it. tests/test_docs.py runs the examples of these pages."""

from __future__ import annotations

import sys
from pathlib import Path

import django
from django.conf import settings

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

settings.configure(
    SECRET_KEY="only for the documentation",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "notifications",
    ],
    USE_TZ=True,
)
django.setup()

import notifications  # noqa: E402 - after the settings that it reads

project = "django-notifications-inbox"
author = "The django-notifications contributors"
project_copyright = author
release = notifications.__version__
version = release

extensions = ["sphinx.ext.autodoc", "settings_table"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"django-notifications-inbox {release}"
templates_path: list[str] = []

# A reference to something of ours that does not exist is a mistake; those of others are not looked up.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!notifications\.).*"),
    # What is internal is named in docstrings, and has no place in the reference.
    ("py:.*", r"notifications\.sending\.(fanout\.N|arguments\..*)"),
    ("py:.*", r"notifications\.storage\.(querysets\.M|fields\.Base)"),
    ("py:.*", r"notifications\.(types\.T|contrib\.delivery\.sending\.Tally)"),
]
default_role = "code"
python_use_unqualified_type_names = True
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
highlight_language = "python"
