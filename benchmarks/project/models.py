"""What the notifications are about."""

from __future__ import annotations

from django.conf import settings
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


class Repository(models.Model):
    """What an owner has, and contains tickets."""

    name = models.CharField(max_length=100)
    # An app without migrations is made before the users are.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_constraint=False)

    def __str__(self) -> str:
        return self.name

    def notifications_parents(self) -> models.Model:
        """Return the owner: who watches the owner watches this."""
        return self.owner


class Ticket(models.Model):
    """What people watch, by itself or by what contains it."""

    name = models.CharField(max_length=100)
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return self.name

    def notifications_parents(self) -> models.Model:
        """Return the repository: who watches it watches this."""
        return self.repository
