"""Create the table of django-notifications-hq 1.8. 0014 makes today's of it.

So a migration of a site that depends on one of the migrations up to 0013 finds the table that it was written for, and
``migrate`` does the same on a new database as on an old one.
"""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import notifications.compat.older_data
from notifications.compat.adoption import CreateModel


def object_type(related_name: str, **options: Any) -> Any:
    """Return the foreign key for the content type of an object."""
    return models.ForeignKey(
        "contenttypes.contenttype",
        on_delete=django.db.models.deletion.CASCADE,
        related_name=related_name,
        **options,
    )


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        # Of a database of those years the second one may be missing; 0014 asks for it.
        ("contenttypes", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("level", models.CharField(default="info", max_length=20)),
                ("unread", models.BooleanField(default=True, db_index=True)),
                ("actor_object_id", models.CharField(max_length=255)),
                ("verb", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True, null=True)),
                ("target_object_id", models.CharField(blank=True, max_length=255, null=True)),
                ("action_object_object_id", models.CharField(blank=True, max_length=255, null=True)),
                ("timestamp", models.DateTimeField(default=django.utils.timezone.now, db_index=True)),
                ("public", models.BooleanField(default=True, db_index=True)),
                ("action_object_content_type", object_type("notify_action_object", blank=True, null=True)),
                ("actor_content_type", object_type("notify_actor")),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("target_content_type", object_type("notify_target", blank=True, null=True)),
                ("deleted", models.BooleanField(default=False, db_index=True)),
                ("emailed", models.BooleanField(default=False, db_index=True)),
                ("data", notifications.compat.older_data.OlderDataField(blank=True, null=True)),
            ],
            options={
                "ordering": ("-timestamp",),
                "abstract": False,
                "swappable": "NOTIFICATIONS_NOTIFICATION_MODEL",
                "indexes": [
                    models.Index(fields=["recipient", "unread"], name="notificatio_recipie_8bedf2_idx")
                ],
            },
        ),
    ]
