"""What the actions of the inbox count."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from notifications.conf import get_notification_model
from notifications.inbox.actions import delete_rows
from tests.factories import make_notification, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]


def test_rows_that_are_deleted_with_notifications_are_not_counted(
    justquick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        make_notification(justquick)
    delete, label = models.QuerySet.delete, get_notification_model()._meta.label

    def delete_with_four_each(self: Any) -> tuple[int, dict[str, int]]:
        found = delete(self)[1].get(label, 0)
        return 5 * found, {label: found, "site.Delivery": 4 * found}

    monkeypatch.setattr(models.QuerySet, "delete", delete_with_four_each)
    assert delete_rows(rows()) == 2
