"""Fixtures for the tests of a site: ``pytest_plugins = ["notifications.contrib.delivery.pytest_plugin"]``.

A plugin is imported before Django is set up, so the fixtures import what they use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from notifications.contrib.delivery.sending import Tally
    from notifications.contrib.delivery.testing import Deliveries


@pytest.fixture
def deliveries(db: None) -> Iterator[Deliveries]:
    """Send nothing, and return a list of what would have been sent: see ``capture_deliveries``."""
    from notifications.contrib.delivery.testing import capture_deliveries

    with capture_deliveries() as captured:
        yield captured


@pytest.fixture
def deliver_due(deliveries: Deliveries) -> Callable[..., Tally]:
    """Return the function ``deliver_due``. What it sends is in the list of ``deliveries``."""
    from notifications.contrib.delivery.testing import deliver_due

    return deliver_due
