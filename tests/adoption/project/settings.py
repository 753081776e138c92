"""One site, the same before and after the package is swapped. Everything in this folder also runs on Python 3.6."""

import json
import os

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["*"]
DATABASES = json.loads(os.environ["ADOPTION_DATABASES"])
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    import pymysql

    # Stands in for mysqlclient, which needs a C compiler to install.
    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()
SWAPPED = "ADOPTION_SWAPPED" in os.environ

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "things",
    "notifications",
    "inbox" if SWAPPED else "replies",
]
if "ADOPTION_EARLY" in os.environ:
    INSTALLED_APPS.insert(0, "early")
if SWAPPED:
    NOTIFICATIONS_NOTIFICATION_MODEL = "inbox.Notification"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ],
        },
    },
]
STATIC_URL = "/static/"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# The three generations of the same wish: hq to 1.4.0, hq from 1.5.0, and today.
NOTIFICATIONS_USE_JSONFIELD = True
NOTIFICATIONS_SOFT_DELETE = True
DJANGO_NOTIFICATIONS_CONFIG = {"USE_JSONFIELD": True, "SOFT_DELETE": True}
NOTIFICATIONS = {"JSONFIELD": os.environ.get("ADOPTION_JSONFIELD", "django.db.models.JSONField")}
