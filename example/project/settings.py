"""Settings of the example: a small issue tracker that shows the notifications app.

They are made to run on your own machine: the secret key and the logins are in this repository.
"""

import os
from pathlib import Path

import django

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "the example is public, and so is its key"

# The demo needs no debug mode: the ASGI application serves the static files itself, errors go to the console.
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "tracker",
    # After the apps that send notifications, so that their templates override those of this app.
    "notifications",
    "notifications.contrib.live",
    "notifications.contrib.subscriptions",
    "notifications.contrib.delivery",
]

NOTIFICATIONS = {
    "THREADS": True,
    # Who watches a repository is notified about its issues. The inbox has a filter for each repository.
    "PARENTS": {"tracker.Issue": "repository"},
    "SEARCH_FIELDS": {"tracker.Repository": "slug"},
    "DELIVERY_CHANNELS": {"email": {}},
    # The command "demo" puts the address here at which it serves.
    "BASE_URL": "http://127.0.0.1:8000",
}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "project.middleware.content_security_policy",
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

ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
WSGI_APPLICATION = "project.wsgi.application"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DEMO_DB", BASE_DIR / "demo.sqlite3"),
        "OPTIONS": {
            # Readers do not wait for the writer (WAL). A writer takes its lock at BEGIN and waits there for
            # its turn, instead of failing half-way with "database is locked".
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    },
}

# Mails go into files beside the database. Read them at /outbox/.
OUTBOX = Path(f"{DATABASES['default']['NAME']}-outbox")
DEFAULT_FROM_EMAIL = "Issue tracker <noreply@example.com>"
if django.VERSION >= (6, 1):
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "OPTIONS": {"file_path": str(OUTBOX)},
        },
    }
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(OUTBOX)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "tracker:repositories"
LOGOUT_REDIRECT_URL = "tracker:repositories"

# Browsers share cookies between the ports of a host: with names of its own, the demo does not log you out of
# the other sites you work on.
SESSION_COOKIE_NAME = "tracker_sessionid"
CSRF_COOKIE_NAME = "tracker_csrftoken"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "static/"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
