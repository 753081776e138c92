"""Create the table of subscriptions."""

from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import notifications.contrib.subscriptions.fields
from notifications.compat.adoption import CreateModel


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModel(
            name="Subscription",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False),
                ),
                ("object_id", models.CharField(max_length=255)),
                (
                    "object_key",
                    notifications.contrib.subscriptions.fields.ObjectKeyField(editable=False, max_length=276),
                ),
                ("level", models.CharField(blank=True, default="all", max_length=13)),
                ("reason", models.CharField(blank=True, default="subscribed", max_length=32)),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("then", models.CharField(blank=True, default="", max_length=13)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "content_type",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="contenttypes.contenttype",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_subscriptions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["object_key", "user", "level", "until", "then", "reason"],
                        name="ntf_subs_audience",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "object_key"), name="ntf_subs_user_object")
                ],
            },
        ),
    ]
