from __future__ import annotations

import datetime as dt

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import notifications.storage.fields
import notifications.storage.indexes
from notifications.compat.adoption import CreateModel
from notifications.conf import MODEL_SETTING

# The core sets it where the site does not, which a type checker cannot know.
NOTIFICATION_MODEL: str = getattr(settings, MODEL_SETTING)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("notifications", "0015_inbox_state"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        migrations.swappable_dependency(NOTIFICATION_MODEL),
    ]

    operations = [
        CreateModel(
            name="Circuit",
            fields=[
                (
                    "channel",
                    notifications.storage.fields.ExactTextField(
                        max_length=32, primary_key=True, serialize=False
                    ),
                ),
                ("failures", models.PositiveIntegerField(default=0)),
                ("open_until", models.DateTimeField()),
                ("problem", models.CharField(blank=True, max_length=255)),
            ],
        ),
        CreateModel(
            name="StoppedAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("channel", notifications.storage.fields.ExactTextField(max_length=32)),
                ("address", notifications.storage.fields.ExactTextField(max_length=255)),
                ("reason", models.CharField(blank=True, max_length=255)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("channel", "address"), name="ntf_dlv_stopped")
                ],
            },
        ),
        CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("channel", notifications.storage.fields.ExactTextField(max_length=32)),
                ("frequency", models.CharField(max_length=8)),
                ("status", models.CharField(default="pending", max_length=9)),
                ("due_at", models.DateTimeField()),
                ("next_attempt_at", models.DateTimeField()),
                ("token", models.UUIDField(editable=False, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
                ("reference", models.CharField(blank=True, max_length=255)),
                ("problem", models.CharField(blank=True, max_length=255)),
                (
                    "notification",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=NOTIFICATION_MODEL,
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_deliveries",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    notifications.storage.indexes.StateIndex(
                        fields=["status", "channel", "frequency", "next_attempt_at"],
                        name="ntf_dlv_due",
                        where=models.Q(("status", "pending")),
                    ),
                    models.Index(fields=["recipient", "channel"], name="ntf_dlv_recipient"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("notification", "channel"), name="ntf_dlv_once")
                ],
            },
        ),
        CreateModel(
            name="Preference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("scope", notifications.storage.fields.ExactTextField(blank=True, max_length=260)),
                ("channel", notifications.storage.fields.ExactTextField(max_length=32)),
                ("frequency", models.CharField(max_length=8)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_preferences",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "scope", "channel"), name="ntf_dlv_preference")
                ],
            },
        ),
        CreateModel(
            name="Schedule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("time_zone", models.CharField(blank=True, max_length=64)),
                ("language", models.CharField(blank=True, max_length=35)),
                ("digest_time", models.TimeField(default=dt.time(9, 0))),
                ("digest_weekday", models.PositiveSmallIntegerField(default=0)),
                ("quiet", models.JSONField(blank=True, default=dict)),
                ("paused_until", models.DateTimeField(blank=True, null=True)),
                ("next_daily_at", models.DateTimeField(editable=False, null=True)),
                ("next_weekly_at", models.DateTimeField(editable=False, null=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_schedule",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["next_daily_at"], name="ntf_dlv_next_daily")],
            },
        ),
    ]
