"""A notification model whose primary key is a UUID."""

from __future__ import annotations

import uuid

from django.db import models

from notifications.models import AbstractNotification


class UuidNotification(AbstractNotification):
    """A notification that nobody can guess the next one of."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta(AbstractNotification.Meta):
        abstract = False
