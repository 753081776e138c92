"""The state of the inbox of a user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from notifications.storage.fields import without_labels_in_migrations
from notifications.storage.locking import hold, retry, writing
from notifications.storage.owners import user_pk

T = TypeVar("T")


def has_table() -> bool:
    """Return whether there is a table. A site with its own model need not install the app, and has none."""
    return apps.is_installed("notifications")


@without_labels_in_migrations
class InboxState(models.Model):
    """When a user last looked at the bell, how to undo their last action, and their saved searches.

    It is created when it is first needed.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    #: When the user last opened the bell. What entered the inbox later is unseen. So is what seems to be older, but was
    #: not there: it was committed late, or has an earlier timestamp. All that entered it up to ``seen_floor`` counts as
    #: seen, and of the rest the rows with the primary keys in ``seen_keys``, which begins and ends with a comma.
    seen_at = models.DateTimeField(null=True)
    seen_floor = models.DateTimeField(null=True)
    seen_keys = models.TextField(default="", blank=True)
    #: The data to undo the last action.
    undo = models.JSONField(null=True, encoder=DjangoJSONEncoder)

    #: The saved searches, in their order: pairs of a name and a text.
    searches = models.JSONField(default=list, blank=True, encoder=DjangoJSONEncoder)

    class Meta:
        # An app of the site may have the label "notifications" if this one is not installed.
        app_label = "notifications" if has_table() else "notifications_without_app"
        verbose_name = _("inbox state")
        verbose_name_plural = _("inbox states")

    def __str__(self) -> str:
        return str(self.pk)


def alone(user: Any, using: str, write: Callable[[models.QuerySet[InboxState]], T]) -> T:
    """Call ``write`` with the user's state in a transaction, while no other changes anything of the same user.

    If the app is not installed, there are no states: nothing is held, and nothing can be stored.
    """
    states = InboxState.objects.using(using)

    def hold_and_write() -> T:
        with writing(using):
            return write(hold(states, "seen_at", pk=user_pk(user)) if has_table() else states.none())

    return retry(hold_and_write, using)
