"""A user model with a UUID key, and with a relation by which users may log in."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser, Group
from django.db import models


class User(AbstractUser):
    """A user whose key is no number."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    badge = models.OneToOneField(Group, models.SET_NULL, null=True, to_field="name", related_name="+")
