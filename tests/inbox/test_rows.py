"""The rows of a page of the inbox, which are made without template nodes."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from tests.factories import make_issue, make_notification, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("defaults")]

INBOX = "/inbox/notifications/"
MARKUP = "<b onclick=x>&amp;'\""


@pytest.fixture
def inbox(client: Client, justquick: Any) -> Client:
    """A browser in which justquick is logged in."""
    client.force_login(justquick)
    return client


def row(client: Client, tab: str = "") -> str:
    """Return the HTML of the first row of a tab."""
    page = client.get(f"{INBOX}{tab}").content.decode()
    return re.split(r'<li class="ntf-row', page)[1]


def words(html: str) -> str:
    return " ".join(strip_tags(html.partition('<div class="ntf-buttons">')[0]).partition(">")[2].split())


def test_nothing_that_a_user_wrote_is_html(inbox: Client, justquick: Any) -> None:
    make_notification(
        justquick,
        verb=MARKUP,
        target=make_project(MARKUP),
        action_object=make_issue(MARKUP),
        description=MARKUP,
        data={"actions": [{"href": "/?a=1&b=2", "title": MARKUP}]},
    )
    html = row(inbox)
    assert "onclick=x>" not in html
    assert html.count("&lt;b onclick=x&gt;&amp;amp;&#x27;&quot;") == 5
    assert 'href="/?a=1&amp;b=2"' in html


@pytest.mark.parametrize("level", ["success", "info", "warning", "error"])
def test_a_level_is_named_where_it_is_a_warning_or_an_error(
    inbox: Client, justquick: Any, level: str
) -> None:
    make_notification(justquick, level=level)
    html = row(inbox)
    assert ('<span class="ntf-level">' in html) is (level in {"warning", "error"})
    assert html.startswith(f" ntf-{level} ntf-new")


def test_the_muted_line_says_what_holds_of_the_row(inbox: Client, justquick: Any, settings: Any) -> None:
    notice = make_notification(justquick, reason="mention")
    notice.mark_as_saved()
    assert words(row(inbox)).startswith("justquick closed Unread 0")
    assert words(row(inbox)).endswith("Mention Saved")
    notice.snooze(timezone.now() + timedelta(days=1))
    until = notice.snoozed_until
    assert isinstance(until, datetime)
    snoozed = words(row(inbox, "snoozed/"))
    assert re.search(r"Mention Snoozed until \d\d/\d\d/\d{4} \d.* Saved$", snoozed)
    assert "Unread" not in snoozed
    notice.unsnooze()
    notice.mark_as_done()
    done = row(inbox, "done/")
    assert words(done).endswith("Saved · Done")
    assert f'href="{INBOX}delete/{notice.slug}/?next=%2Finbox%2Fnotifications%2Fdone%2F"' in done


def test_a_notice_of_the_site_is_shown_in_the_rows(inbox: Client, justquick: Any, settings: Any) -> None:
    source = "{% load notifications_tags %}<article>{{ in_row.name }}: {{ notice|notice_text }}!</article>"
    loaders = [
        ("django.template.loaders.locmem.Loader", {"notifications/notice.html": source}),
        "django.template.loaders.app_directories.Loader",
    ]
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": {**engine["OPTIONS"], "loaders": loaders}}]
    make_notification(justquick)
    html = row(inbox)
    assert "<article>inbox: justquick closed!</article>" in html
    # Around it is ours.
    assert 'data-ntf-action="done"' in html


@pytest.mark.without_extensions
def test_a_page_of_many_rows_costs_few_nodes_for_each(
    inbox: Client, justquick: Any, settings: Any, django_assert_num_queries: Any, monkeypatch: Any
) -> None:
    """There were some eighty nodes in a row, which were most of the time of a page."""
    from django.template.base import Node

    rendered: list[str] = []
    real = Node.render_annotated

    def count(node: Any, context: Any) -> Any:
        rendered.append(type(node).__name__)
        return real(node, context)

    monkeypatch.setattr(Node, "render_annotated", count)
    project = make_project()
    counts = []
    for _ in range(2):
        for _ in range(5):
            make_notification(justquick, target=project, description="Some words")
        rendered.clear()
        inbox.get(INBOX)
        counts.append(len([name for name in rendered if name != "TextNode"]))
    assert (counts[1] - counts[0]) / 5 <= 25
