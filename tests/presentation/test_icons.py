"""The icons of the site's models: in the rows of the inbox and for those that arrive, whatever a template does."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from notifications.presentation import icons
from tests.factories import make_notification, make_project
from tests.presentation.test_sentences import sites_templates

pytestmark = pytest.mark.django_db

INBOX = "/inbox/notifications/"
ICON = '<svg data-kind="{{ request.path }}"></svg>'
PROJECT = "notifications/icons/testapp/project.html"


@pytest.fixture
def inbox(justquick: Any, client: Client) -> Client:
    """The inbox of justquick with one notification about a project, one with a project as its action object, and one
    about nothing."""
    make_notification(justquick, target=make_project("target"))
    make_notification(justquick, action_object=make_project("object"))
    make_notification(justquick)
    client.force_login(justquick)
    return client


def page(client: Client) -> tuple[str, str]:
    """Return the rows of the page, and what is there for rows that arrive."""
    rows, _, rest = client.get(INBOX).content.decode().partition("</ol>")
    return rows, rest


def test_a_row_shows_the_icon_of_the_target_or_else_of_the_action_object(
    inbox: Client, settings: Any
) -> None:
    sites_templates(settings, {PROJECT: ICON})
    rows, rest = page(inbox)
    icon = f'<svg data-kind="{INBOX}"></svg>'
    assert rows.count(f'<span class="ntf-kind">{icon}</span>') == 2
    assert f'<template data-ntf-kind="testapp.project">{icon}</template>' in rest
    items = inbox.get(f"{INBOX}api/inbox/").json()["items"]
    assert [item["kind"] for item in items] == ["", "testapp.project", "testapp.project"]


def test_without_a_template_there_is_none(inbox: Client) -> None:
    rows, rest = page(inbox)
    assert "ntf-kind" not in rows
    assert "data-ntf-kind" not in rest


def test_a_template_that_raises_costs_the_icon_and_is_logged_once(
    inbox: Client, settings: Any, caplog: Any
) -> None:
    sites_templates(settings, {PROJECT: "{% url 'nowhere' %}"})
    with caplog.at_level(logging.ERROR, logger="notifications"):
        for _ in range(2):
            rows, _ = page(inbox)
            assert rows.count('class="ntf-row') == 3
            assert "ntf-kind" not in rows
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [PROJECT]


def test_templates_are_looked_for_once(inbox: Client, settings: Any, monkeypatch: Any) -> None:
    sites_templates(settings, {PROJECT: ICON})
    page(inbox)
    asked: list[str] = []
    monkeypatch.setattr(icons, "loaded", asked.append)
    page(inbox)
    assert asked == []
    settings.DEBUG = True
    page(inbox)
    assert PROJECT in asked


def test_a_site_without_a_template_engine_has_no_icons(monkeypatch: Any) -> None:
    monkeypatch.setattr(icons, "engines", SimpleNamespace(all=list))
    assert icons.templates() == {}
