"""Configure Sphinx, and the small Django site in which the examples of these pages run."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

settings.configure(
    SECRET_KEY="only for the documentation",
    ALLOWED_HOSTS=["testserver"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "tracker",
        "notifications",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    ROOT_URLCONF="tracker.urls",
    STATIC_URL="static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        },
    ],
    USE_TZ=True,
)
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)

import notifications  # noqa: E402 - after the settings that it reads

project = "django-notifications-inbox"
author = "The django-notifications contributors"
project_copyright = author
release = notifications.__version__
version = release

extensions = ["sphinx.ext.autodoc", "sphinx.ext.doctest"]
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
]
default_role = "code"
python_use_unqualified_type_names = True
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
highlight_language = "python"

# Every page starts with an empty site, its people, a repository and an issue.
doctest_global_setup = "from tracker.stage import *; set_stage()"
doctest_default_flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.DONT_ACCEPT_TRUE_FOR_1
