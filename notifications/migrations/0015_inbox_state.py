"""Create the table of what is remembered of a user rather than of a notification."""

from __future__ import annotations

import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from notifications.compat.adoption import CreateModel


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("notifications", "0014_adopt_older_tables"),
    ]

    operations = [
        CreateModel(
            name="InboxState",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("seen_at", models.DateTimeField(null=True)),
                ("seen_floor", models.DateTimeField(null=True)),
                ("seen_keys", models.TextField(default="", blank=True)),
                (
                    "undo",
                    models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True),
                ),
                (
                    "searches",
                    models.JSONField(
                        blank=True, default=list, encoder=django.core.serializers.json.DjangoJSONEncoder
                    ),
                ),
            ],
        ),
    ]
