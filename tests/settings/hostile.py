"""A site whose models, rules, templates and receivers misbehave, with every app of the package."""

from __future__ import annotations

from copy import deepcopy

from tests.settings.default import *  # noqa: F403
from tests.settings.default import INSTALLED_APPS as DEFAULT_APPS, TEMPLATES as DEFAULT_TEMPLATES

INSTALLED_APPS = [
    *DEFAULT_APPS,
    "notifications.contrib.subscriptions",
    "tests.contrib.subscriptions",
    "tests.hostile",
]
ROOT_URLCONF = "tests.contrib.subscriptions.urls"

#: What a template of a verb may do, by the name of the verb.
TEMPLATES_OF_VERBS = {
    "includes nothing": "{% include missing %}",
    "syntax": "{% if %}",
    "extends nothing": '{% extends "nowhere.html" %}',
    "no such tag": "{% load nowhere %}",
    "says nothing": " \n ",
    "huge": "x{% for one in notice.verb %}" + "y" * 1_000_000 + "{% endfor %}",
    "loops": '{% include "notifications/verbs/loops.html" %}',
    "calls": "{{ notice.delete.no_such_thing }}{{ notice.target.answer }}",
    "raises": "{{ notice.target.get_absolute_url }}{% widthratio 1 0 'a' %}",
}

TEMPLATES = deepcopy(DEFAULT_TEMPLATES)
TEMPLATES[0]["APP_DIRS"] = False
TEMPLATES[0]["OPTIONS"]["loaders"] = [
    (
        "django.template.loaders.cached.Loader",
        [
            (
                "django.template.loaders.locmem.Loader",
                {
                    f"notifications/verbs/{verb.replace(' ', '-')}.{kind}": source
                    for verb, source in TEMPLATES_OF_VERBS.items()
                    for kind in ("txt", "html")
                },
            ),
            "django.template.loaders.app_directories.Loader",
        ],
    )
]

TESTED_HERE = {"hostile/": "everything that a site's own code can do wrong"}
