"""A relation by which users may log in."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the column."""

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("custom_user", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            "user",
            "badge",
            models.OneToOneField(
                "auth.Group", django.db.models.deletion.SET_NULL, null=True, related_name="+", to_field="name"
            ),
        ),
    ]
