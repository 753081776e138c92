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
                    models.CharField(
                        choices=[
                            ("success", "success"),
                            ("info", "info"),
                            ("warning", "warning"),
                            ("error", "error"),
                        ],
                        default="info",
                        max_length=20,
                        verbose_name="level",
                    ),
                ),
                ("unread", models.BooleanField(default=True, verbose_name="unread")),
                ("read_at", models.DateTimeField(editable=False, null=True, verbose_name="read at")),
                ("actor_object_id", models.CharField(max_length=255, verbose_name="id of the actor")),
                ("verb", models.CharField(max_length=255, verbose_name="verb")),
                ("description", models.TextField(blank=True, null=True, verbose_name="description")),
                (
                    "target_object_id",
                    models.CharField(blank=True, max_length=255, null=True, verbose_name="id of the target"),
                ),
                (
                    "action_object_object_id",
                    models.CharField(
                        blank=True, max_length=255, null=True, verbose_name="id of the action object"
                    ),
                ),
                (
                    "timestamp",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="timestamp"),
                ),
                ("public", models.BooleanField(default=True, verbose_name="public")),
                ("deleted", models.BooleanField(default=False, verbose_name="deleted")),
                ("emailed", models.BooleanField(default=False, verbose_name="emailed")),
                ("data", notifications.storage.fields.DataField(blank=True, null=True, verbose_name="data")),
                ("event", models.UUIDField(editable=False, null=True, verbose_name="event")),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        editable=False,
                        max_length=32,
                        verbose_name="reason",
                    ),
                ),
                ("done_at", models.DateTimeField(editable=False, null=True, verbose_name="done at")),
                ("saved_at", models.DateTimeField(editable=False, null=True, verbose_name="saved at")),
                (
                    "snoozed_until",
                    models.DateTimeField(editable=False, null=True, verbose_name="snoozed until"),
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
                        verbose_name="in the inbox since",
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
                        verbose_name="content type of the action object",
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
                        verbose_name="content type of the actor",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="recipient",
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
                        verbose_name="content type of the target",
                    ),
                ),
            ],
            options={
                "verbose_name": "notification",
                "verbose_name_plural": "notifications",
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
