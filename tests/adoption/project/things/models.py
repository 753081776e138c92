"""What notifications are about: a number for a key, and a text."""

from django.db import models


class Project(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Document(models.Model):
    slug = models.CharField(max_length=100, primary_key=True)

    def __str__(self) -> str:
        return self.slug
