"""A repository and its issues, as small as they can be."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Repository(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Issue(models.Model):
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE)
    number = models.IntegerField()
    watchers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="watched_issues")

    def __str__(self) -> str:
        return f"issue {self.number}"

    def get_absolute_url(self) -> str:
        return f"/issues/{self.pk}/"
