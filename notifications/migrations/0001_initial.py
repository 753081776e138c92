"""Create today's table. Where an older package created its own under this name, 0014 makes today's of it."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import notifications.storage.fields
import notifications.storage.indexes


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        # Of a database of those years the second one may be missing; 0014 asks for it.
        ("contenttypes", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "level",
                    models.CharField(default="info", max_length=20),
                ),
                ("unread", models.BooleanField(default=True)),
                ("read_at", models.DateTimeField(editable=False, null=True)),
                ("actor_object_id", models.CharField(max_length=255)),
                ("verb", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True, null=True)),
                (
                    "target_object_id",
                    models.CharField(blank=True, max_length=255, null=True),
                ),
                (
                    "action_object_object_id",
                    models.CharField(blank=True, max_length=255, null=True),
                ),
                (
                    "timestamp",
                    models.DateTimeField(default=django.utils.timezone.now),
                ),
                ("public", models.BooleanField(default=True)),
                ("deleted", models.BooleanField(default=False)),
                ("emailed", models.BooleanField(default=False)),
                ("data", notifications.storage.fields.DataField(blank=True, null=True)),
                ("event", models.UUIDField(editable=False, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, db_default="", default="", editable=False, max_length=32),
                ),
                ("done_at", models.DateTimeField(editable=False, null=True)),
                ("saved_at", models.DateTimeField(editable=False, null=True)),
                (
                    "snoozed_until",
                    models.DateTimeField(editable=False, null=True),
                ),
                (
                    "inbox_at",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.comparison.Coalesce(
                            "snoozed_until",
                            models.Case(models.When(done_at__isnull=True, then="timestamp")),
                        ),
                        null=True,
                        output_field=models.DateTimeField(),
                    ),
                ),
                (
                    "action_object_content_type",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notify_action_object",
                        to="contenttypes.contenttype",
                    ),
                ),
                (
                    "actor_content_type",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notify_actor",
                        to="contenttypes.contenttype",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "target_content_type",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notify_target",
                        to="contenttypes.contenttype",
                    ),
                ),
            ],
            options={
                "ordering": (
                    models.OrderBy(models.F("inbox_at"), descending=True, nulls_last=True),
                    "-pk",
                ),
                "abstract": False,
                "swappable": "NOTIFICATIONS_NOTIFICATION_MODEL",
                "indexes": [
                    notifications.storage.indexes.StateIndex(
                        fields=["recipient", "inbox_at"], name="ntf_inbox"
                    ),
                    notifications.storage.indexes.StateIndex(
                        fields=["recipient", "unread", "inbox_at"],
                        name="ntf_unread",
                        where=models.Q(("unread", True)),
                    ),
                    notifications.storage.indexes.StateIndex(
                        fields=["recipient", "saved_at"],
                        name="ntf_saved",
                        where=models.Q(("saved_at__isnull", False)),
                    ),
                    notifications.storage.indexes.StateIndex(
                        fields=["recipient", "done_at"],
                        name="ntf_done",
                        where=models.Q(("done_at__isnull", False)),
                    ),
                    models.Index(fields=["actor_content_type", "actor_object_id"], name="ntf_actor"),
                    models.Index(fields=["target_content_type", "target_object_id"], name="ntf_target"),
                    models.Index(
                        fields=["action_object_content_type", "action_object_object_id"],
                        name="ntf_action_object",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("event", "recipient"), name="ntf_event_recipient")
                ],
            },
        ),
    ]
