"""The ASGI application that ``manage.py demo`` serves, static files and live streams included."""

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from notifications.contrib.live import live

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
application = live(ASGIStaticFilesHandler(get_asgi_application()))
