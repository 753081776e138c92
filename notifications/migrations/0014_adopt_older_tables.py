"""Turn the table of 0001, or the one that an older package made, into today's, without losing a row.

Where django-notifications-hq 1.x or django-notifications-community ran before, ``0001_initial`` and some of those
after it are recorded, and the table is theirs. On a new database it is the one of ``0001_initial``, and empty.

``read_at`` and ``event`` of the rows that were there are NULL, because these values are not known.

Backwards is nothing to do: going further back drops the table. The older table does not come back. For that, restore
the backup that was made before the upgrade.
"""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import notifications.storage.fields
import notifications.storage.indexes
from notifications.compat.adoption import AdoptTable


class Migration(migrations.Migration):
    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("notifications", "0013_alter_notification_level"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name="notification",
                    options={
                        "ordering": (
                            models.OrderBy(models.F("inbox_at"), descending=True, nulls_last=True),
                            "-pk",
                        )
                    },
                ),
                migrations.RemoveIndex(
                    model_name="notification",
                    name="notificatio_recipie_8bedf2_idx",
                ),
                migrations.AddField(
                    model_name="notification",
                    name="done_at",
                    field=models.DateTimeField(editable=False, null=True),
                ),
                migrations.AddField(
                    model_name="notification",
                    name="event",
                    field=models.UUIDField(editable=False, null=True),
                ),
                migrations.AddField(
                    model_name="notification",
                    name="snoozed_until",
                    field=models.DateTimeField(editable=False, null=True),
                ),
                migrations.AddField(
                    model_name="notification",
                    name="read_at",
                    field=models.DateTimeField(editable=False, null=True),
                ),
                migrations.AddField(
                    model_name="notification",
                    name="reason",
                    field=models.CharField(
                        blank=True, db_default="", default="", editable=False, max_length=32
                    ),
                ),
                migrations.AddField(
                    model_name="notification",
                    name="saved_at",
                    field=models.DateTimeField(editable=False, null=True),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="action_object_content_type",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notify_action_object",
                        to="contenttypes.contenttype",
                    ),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="action_object_object_id",
                    field=notifications.storage.fields.ObjectIdField(blank=True, max_length=255, null=True),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="actor_content_type",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notify_actor",
                        to="contenttypes.contenttype",
                    ),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="actor_object_id",
                    field=notifications.storage.fields.ObjectIdField(max_length=255),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="data",
                    field=notifications.storage.fields.DataField(blank=True, null=True),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="deleted",
                    field=models.BooleanField(default=False),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="emailed",
                    field=models.BooleanField(default=False),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="id",
                    field=models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="public",
                    field=models.BooleanField(default=True),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="recipient",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="target_content_type",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notify_target",
                        to="contenttypes.contenttype",
                    ),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="target_object_id",
                    field=notifications.storage.fields.ObjectIdField(blank=True, max_length=255, null=True),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="timestamp",
                    field=models.DateTimeField(default=django.utils.timezone.now),
                ),
                migrations.AlterField(
                    model_name="notification",
                    name="unread",
                    field=models.BooleanField(default=True),
                ),
                migrations.AddField(
                    model_name="notification",
                    name="inbox_at",
                    field=models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.comparison.Coalesce(
                            "snoozed_until", models.Case(models.When(done_at__isnull=True, then="timestamp"))
                        ),
                        null=True,
                        output_field=models.DateTimeField(),
                    ),
                ),
                migrations.AddIndex(
                    model_name="notification",
                    index=notifications.storage.indexes.StateIndex(
                        fields=["recipient", "inbox_at"], name="ntf_inbox"
                    ),
                ),
                migrations.AddIndex(
                    model_name="notification",
                    index=notifications.storage.indexes.StateIndex(
                        fields=["recipient", "unread", "inbox_at"],
                        name="ntf_unread",
                        where=models.Q(("unread", True)),
                    ),
                ),
                migrations.AddIndex(
                    model_name="notification",
                    index=notifications.storage.indexes.StateIndex(
                        fields=["recipient", "saved_at"],
                        name="ntf_saved",
                        where=models.Q(("saved_at__isnull", False)),
                    ),
                ),
                migrations.AddIndex(
                    model_name="notification",
                    index=notifications.storage.indexes.StateIndex(
                        fields=["recipient", "done_at"],
                        name="ntf_done",
                        where=models.Q(("done_at__isnull", False)),
                    ),
                ),
                migrations.AddIndex(
                    model_name="notification",
                    index=models.Index(fields=["actor_content_type", "actor_object_id"], name="ntf_actor"),
                ),
                migrations.AddIndex(
                    model_name="notification",
                    index=models.Index(fields=["target_content_type", "target_object_id"], name="ntf_target"),
                ),
                migrations.AddIndex(
                    model_name="notification",
                    index=models.Index(
                        fields=["action_object_content_type", "action_object_object_id"],
                        name="ntf_action_object",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="notification",
                    constraint=models.UniqueConstraint(
                        fields=("event", "recipient"), name="ntf_event_recipient"
                    ),
                ),
            ],
        ),
        AdoptTable("Notification"),
    ]
