"""The pages of every tab, with every search, forwards and backwards, show each row once and in order."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from notifications.conf import get_notification_model
from notifications.inbox import search
from notifications.inbox.pagination import Page, get_page
from notifications.inbox.requests import rows_of
from notifications.inbox.tabs import TABS
from tests.factories import make_notification, make_user, rows

pytestmark = pytest.mark.django_db

#: Each example loads more than a hundred pages. This takes longer on a server than on SQLite in memory.
EXAMPLES = hypothesis_settings().max_examples // (50 if connection.vendor == "sqlite" else 100)

SEARCHES = [
    "",
    "is:saved",
    "is:done",
    "is:snoozed",
    "is:unread",
    "is:read",
    "is:saved is:done",
    "-is:done",
    "-is:inbox",
]
#: Minutes from now. There are few values, so that many rows have the same time.
PAST = st.sampled_from([-1, -2, -3, -(60 * 24 * 365 * 1500)])
MAYBE = st.none() | PAST
ROW = st.fixed_dictionaries(
    {
        "unread": st.booleans(),
        "timestamp": PAST | st.just(60),
        "done_at": MAYBE,
        "saved_at": MAYBE,
        "snoozed_until": st.none() | PAST | st.sampled_from([60, 120]),
    }
)


@given(inbox=st.lists(ROW, max_size=9), size=st.integers(1, 4))
@hypothesis_settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_pages_of_every_tab_under_every_search_are_complete(
    justquick: Any, inbox: list[dict[str, Any]], size: int
) -> None:
    rows().all().delete()
    now, model = timezone.now(), get_notification_model()
    actor_type = ContentType.objects.get_for_model(justquick)
    plain: Any = models.QuerySet(model)
    plain.bulk_create(
        model(
            recipient=justquick,
            actor_content_type=actor_type,
            actor_object_id=justquick.pk,
            verb="closed",
            **{
                name: now + timedelta(minutes=value) if type(value) is int else value
                for name, value in row.items()
            },
        )
        for row in inbox
    )
    for tab in TABS.values():
        for text in SEARCHES:
            asked = search.parse(text, model)
            found = tab.rows(justquick.notifications.all(), asked)
            key, descending = tab.order(asked)
            listed = sorted(found, key=lambda row: (getattr(row, key), row.pk), reverse=descending)

            def page_of(**query: str) -> Page:
                return get_page(found, size, query, key=key, descending=descending)  # noqa: B023

            page = page_of()
            forwards = [page]
            while page.has_next():
                page = page_of(before=page.before)
                forwards.append(page)
            assert [row for page in forwards for row in page] == listed
            backwards = [page]
            while page.has_previous():
                page = page_of(after=page.after)
                backwards.append(page)
            # The first page is always full, so it can repeat rows of the previous one.
            seen = dict.fromkeys(row for page in reversed(backwards) for row in page)
            assert list(seen) == listed
            assert list(backwards[-1]) == listed[:size]


def test_the_links_under_a_search_lead_to_what_is_done_as_well(client: Client, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    user = make_user()
    for number in range(6):
        make_notification(user, verb=str(number))
    user.notifications.mark_all_as_saved()
    user.notifications.filter(verb__in="012").mark_all_as_done()
    client.force_login(user)

    query, shown = {"q": "is:saved"}, []
    while True:
        response = client.get("/inbox/notifications/", query)
        page = response.context["page_obj"]
        shown += [row.verb for row in page]
        assert not re.search(r"1000-01-01|, 1000\b", response.content.decode())
        if not page.has_next():
            break
        query = {"q": "is:saved", "before": page.before}

    assert sorted(shown) == list("012345")
    answer = client.get("/inbox/notifications/api/inbox/", {"q": "is:done"}).json()
    assert [(item["inbox_at"], item["day"]) for item in answer["items"]] == [(None, "Today")] * 3


#: What a list of a site's own may show besides the inbox.
EVERYTHING: dict[str, Any] = {
    "all rows": lambda inbox, rows: rows,
    "the inbox or another": lambda inbox, rows: inbox | rows.filter(done_at__isnull=False),
    "another or the inbox": lambda inbox, rows: rows.filter(done_at__isnull=False) | inbox,
}


@pytest.mark.parametrize("asks", [True, False], ids=["asks for the inbox", "does not"])
@pytest.mark.parametrize("what", EVERYTHING)
def test_a_list_of_a_sites_own_may_show_what_is_done(rf: Any, settings: Any, what: str, asks: bool) -> None:
    from notifications.views import AllNotificationsList

    class Everything(AllNotificationsList):
        def get_queryset(self) -> Any:
            mine = rows_of(self.request)
            return EVERYTHING[what](super().get_queryset() if asks else mine.inbox(), mine)

    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    user = make_user()
    for number in range(5):
        make_notification(user, verb=str(number))
    user.notifications.filter(verb__in="024").mark_all_as_done()
    shown: list[str] = []
    query: dict[str, str] = {}
    while len(shown) < 5:
        request = rf.get("/", query)
        request.user = user
        response: Any = Everything.as_view()(request)
        page = response.context_data["page_obj"]
        shown += [row.verb for row in page]
        query = {"before": page.before}
    assert shown == ["4", "3", "2", "1", "0"]
