import django.contrib.auth.models
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
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SwappedNotification",
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
                ("actor_object_id", notifications.storage.fields.ObjectIdField(max_length=255)),
                ("verb", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True, null=True)),
                (
                    "target_object_id",
                    notifications.storage.fields.ObjectIdField(blank=True, max_length=255, null=True),
                ),
                (
                    "action_object_object_id",
                    notifications.storage.fields.ObjectIdField(blank=True, max_length=255, null=True),
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
                ("details", models.CharField(default="none", max_length=20)),
                ("urgent", models.BooleanField(default=False)),
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
            },
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                (
                    "user_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("nickname", models.CharField(max_length=20)),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "abstract": False,
            },
            bases=("auth.user",),
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="Reader",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("auth.user",),
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="Child",
            fields=[
                (
                    "swappednotification_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="swapped.swappednotification",
                    ),
                ),
                ("note", models.CharField(default="a child", max_length=20)),
            ],
            bases=("swapped.swappednotification",),
        ),
        migrations.AddIndex(
            model_name="swappednotification",
            index=notifications.storage.indexes.StateIndex(
                fields=["recipient", "inbox_at"], name="ntf_inbox_11ca0f"
            ),
        ),
        migrations.AddIndex(
            model_name="swappednotification",
            index=notifications.storage.indexes.StateIndex(
                fields=["recipient", "unread", "inbox_at"],
                name="ntf_unread_11ca0f",
                where=models.Q(("unread", True)),
            ),
        ),
        migrations.AddIndex(
            model_name="swappednotification",
            index=notifications.storage.indexes.StateIndex(
                fields=["recipient", "saved_at"],
                name="ntf_saved_11ca0f",
                where=models.Q(("saved_at__isnull", False)),
            ),
        ),
        migrations.AddIndex(
            model_name="swappednotification",
            index=notifications.storage.indexes.StateIndex(
                fields=["recipient", "done_at"],
                name="ntf_done_11ca0f",
                where=models.Q(("done_at__isnull", False)),
            ),
        ),
        migrations.AddIndex(
            model_name="swappednotification",
            index=models.Index(fields=["actor_content_type", "actor_object_id"], name="ntf_actor_11ca0f"),
        ),
        migrations.AddIndex(
            model_name="swappednotification",
            index=models.Index(fields=["target_content_type", "target_object_id"], name="ntf_target_11ca0f"),
        ),
        migrations.AddIndex(
            model_name="swappednotification",
            index=models.Index(
                fields=["action_object_content_type", "action_object_object_id"],
                name="ntf_action_object_11ca0f",
            ),
        ),
        migrations.AddConstraint(
            model_name="swappednotification",
            constraint=models.UniqueConstraint(
                fields=("event", "recipient"), name="ntf_event_recipient_11ca0f"
            ),
        ),
    ]
