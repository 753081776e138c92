"""A label, a help text or a choice is reworded without a migration: on every field of every model of the package."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from notifications.conf import get_notification_model
from notifications.models import AbstractNotification
from notifications.storage.fields import LABELS, without_labels_in_migrations

PACKAGE_MODELS = [
    model
    for config in apps.get_app_configs()
    if config.name.split(".")[0] == "notifications"
    for model in config.get_models(include_auto_created=True, include_swapped=True)
]


def labels_in(state: ModelState) -> list[str]:
    """Return the labels that a migration of this state would have, but for that of a key that Django adds itself."""
    found = [
        f"{name}.{label}"
        for name, field in state.fields.items()
        for label in LABELS
        if label in field.deconstruct()[3] and not field.auto_created
    ]
    return found + [label for label in LABELS if label in state.options]


def test_the_core_has_models_to_look_at() -> None:
    assert {model.__name__ for model in PACKAGE_MODELS} >= {"Notification", "InboxState"}


@pytest.mark.parametrize("model", PACKAGE_MODELS, ids=lambda model: model._meta.label)
def test_a_model_of_the_package_has_no_labels_in_its_state(model: type[models.Model]) -> None:
    assert labels_in(ModelState.from_model(model)) == []


def test_the_model_of_a_site_has_none_that_it_inherits() -> None:
    inherited = {field.name for field in AbstractNotification._meta.local_fields}
    labels = labels_in(ModelState.from_model(get_notification_model()))
    assert [label for label in labels if label.split(".")[0] in {*inherited, *LABELS}] == []


def changes() -> dict[str, Any]:
    """Return the migrations that are missing, as ``makemigrations`` would write them."""
    loader = MigrationLoader(None)
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    return detector.changes(graph=loader.graph)


@pytest.mark.parametrize("model", PACKAGE_MODELS, ids=lambda model: model._meta.label)
def test_another_wording_is_no_migration(model: type[models.Model], monkeypatch: pytest.MonkeyPatch) -> None:
    for field in model._meta.local_fields:
        if not field.auto_created:
            monkeypatch.setattr(field, "verbose_name", "other words")
            if field.help_text:
                monkeypatch.setattr(field, "help_text", "other help")
            if field.choices:
                monkeypatch.setattr(field, "choices", [("other", "choices")])
    monkeypatch.setattr(model._meta, "verbose_name", "other name")
    monkeypatch.setattr(model._meta, "verbose_name_plural", "other names")
    assert changes() == {}


@pytest.mark.parametrize("model", PACKAGE_MODELS, ids=lambda model: model._meta.label)
def test_a_copy_of_a_foreign_key_says_what_the_copy_is(model: type[models.Model]) -> None:
    for field in model._meta.local_fields:
        if isinstance(field, models.ForeignKey):
            # As django-simple-history does it, which asks before all models are there.
            copied: Any = copy.copy(field)
            copied.swappable = False
            assert not hasattr(copied.deconstruct()[3]["to"], "setting_name"), field


def test_what_a_site_adds_keeps_its_labels_in_migrations() -> None:
    @without_labels_in_migrations
    class Base(models.Model):
        inherited = models.CharField("inherited", max_length=1, help_text="help", choices=[("a", "b")])

        class Meta:
            abstract = True
            app_label = "testapp"
            verbose_name = "base"

    class Own(Base):
        own = models.CharField("own", max_length=1)

        class Meta(Base.Meta):
            verbose_name_plural = "of the site"

    try:
        assert labels_in(ModelState.from_model(Own)) == ["own.verbose_name", "verbose_name_plural"]
        assert Own._meta.get_field("inherited").verbose_name == "inherited"
        assert Own._meta.verbose_name == "base"
    finally:
        del apps.all_models["testapp"]["own"]
        apps.clear_cache()
