"""A wording is never a migration: labels, help texts and choices are in no migration of this app."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

LABEL = "notifications_subscriptions"
WORDS = {"choices", "help_text", "verbose_name", "verbose_name_plural"}

MODELS = list(apps.get_app_config(LABEL).get_models())
FIELDS = [field for model in MODELS for field in model._meta.local_fields]


def changes(to_state: ProjectState) -> Any:
    """Return what `makemigrations` would write into this app."""
    detector: Any = MigrationAutodetector(MigrationLoader(None).project_state(), to_state)
    return detector._detect_changes().get(LABEL, [])


@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_what_a_migration_says_of_a_field_has_no_words_in_it(field: models.Field[Any, Any]) -> None:
    assert WORDS & field.deconstruct()[3].keys() == set()


@pytest.mark.parametrize("model", MODELS)
def test_what_the_migrations_say_of_a_model_has_no_words_in_it(model: type[models.Model]) -> None:
    migrated = MigrationLoader(None).project_state().models[LABEL, model._meta.model_name or ""]
    assert WORDS & migrated.options.keys() == WORDS & ModelState.from_model(model).options.keys() == set()
    said = {name: field.deconstruct()[3] for name, field in migrated.fields.items()}
    assert {name for name, kwargs in said.items() if WORDS & kwargs.keys()} == set()


@pytest.mark.parametrize("model", MODELS)
def test_another_wording_of_a_model_needs_no_migration(
    model: type[models.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model._meta, "verbose_name", "another name")
    monkeypatch.setattr(model._meta, "verbose_name_plural", "other names")
    assert changes(ProjectState.from_apps(apps)) == []


def test_a_column_is_a_migration_still(monkeypatch: pytest.MonkeyPatch) -> None:
    [field] = [field for field in FIELDS if field.name == "level"]
    monkeypatch.setattr(field, "max_length", 14)
    assert len(changes(ProjectState.from_apps(apps))) == 1


def test_words_are_where_people_read_them() -> None:
    [model] = MODELS
    named = {field.name: field for field in FIELDS}
    assert str(named["level"].verbose_name) == "level"
    assert ("muted", "Muted") in [(value, str(label)) for value, label in named["level"].choices or ()]
    assert str(model._meta.verbose_name_plural) == "subscriptions"
