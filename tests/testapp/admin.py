"""The admin of what notifications are about, so that links to it lead somewhere."""

from __future__ import annotations

from django.contrib import admin

from tests.testapp.models import Issue, Project, TextThing

admin.site.register([Issue, Project, TextThing])
