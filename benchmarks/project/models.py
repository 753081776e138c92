"""What the notifications are about."""

from __future__ import annotations

from django.db import models


class Project(models.Model):
    """A target."""

    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return its page."""
        return f"/projects/{self.pk}/"


class Issue(models.Model):
    """An action object."""

    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return its page."""
        return f"/issues/{self.pk}/"
