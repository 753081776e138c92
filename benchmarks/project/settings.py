"""One site for every candidate: what ``startproject`` gives, and the package under test.

``BENCH_CANDIDATE`` names the package, ``BENCH_DATABASE`` holds the database as JSON.
"""

from __future__ import annotations

import json
import os

SECRET_KEY = "only for benchmarks"
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = f"candidates.{os.environ['BENCH_CANDIDATE']}"

DATABASES = {"default": json.loads(os.environ["BENCH_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    import pymysql

    # Django asks for the version of mysqlclient that has what it uses, all of which PyMySQL has.
    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "project",
]
if os.environ["BENCH_CANDIDATE"] == "activity_stream":
    INSTALLED_APPS += ["django.contrib.sites", "actstream"]
    SITE_ID = 1
else:
    INSTALLED_APPS += ["notifications"]
    # The peers drop extra data unless they are told so; ours stores it anyway.
    DJANGO_NOTIFICATIONS_CONFIG = {"USE_JSONFIELD": True}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
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
]
STATIC_URL = "static/"
USE_TZ = True
TIME_ZONE = "UTC"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
