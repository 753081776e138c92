"""Create the table of what people watch and mute."""

from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import notifications.contrib.subscriptions.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("object_id", models.CharField(max_length=255, verbose_name="id of the object")),
                (
                    "thing",
                    notifications.contrib.subscriptions.models.ThingField(editable=False, max_length=276),
                ),
                (
                    "level",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "only takes part"),
                            ("all", "all"),
                            ("participating", "participating"),
                            ("muted", "muted"),
                        ],
                        default="all",
                        max_length=13,
                        verbose_name="level",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("subscribed", "watches it"),
                            ("manual", "subscribed to it"),
                            ("state_change", "changed its state"),
                            ("invitation", "was invited"),
                            ("comment", "commented"),
                            ("author", "is the author"),
                            ("team_mention", "is in a team that was mentioned"),
                            ("mention", "was mentioned"),
                            ("review_requested", "was asked for a review"),
                            ("assign", "is assigned"),
                            ("security_alert", "is to hear of a security alert"),
                        ],
                        default="subscribed",
                        max_length=32,
                        verbose_name="reason",
                    ),
                ),
                ("until", models.DateTimeField(blank=True, null=True, verbose_name="muted until")),
                (
                    "then",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "only takes part"),
                            ("all", "all"),
                            ("participating", "participating"),
                            ("muted", "muted"),
                        ],
                        default="",
                        max_length=13,
                        verbose_name="level after that",
                    ),
                ),
                (
                    "created",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="created"
                    ),
                ),
                (
                    "content_type",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="content type of the object",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_subscriptions",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "subscription",
                "verbose_name_plural": "subscriptions",
                "indexes": [
                    models.Index(
                        fields=["thing", "user", "level", "until", "then", "reason"], name="ntf_subs_audience"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "thing"), name="ntf_subs_user_thing")
                ],
            },
        ),
    ]
