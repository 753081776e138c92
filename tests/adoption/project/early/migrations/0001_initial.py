import json
from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def note(apps: Any, schema_editor: Any) -> None:
    """Read rows through the model as it was, and point at them."""
    notes, rows = (
        apps.get_model(*name)._base_manager.using(schema_editor.connection.alias)
        for name in (("early", "Note"), ("notifications", "Notification"))
    )
    for row in rows.order_by("pk")[:20]:
        notes.create(notification=row, verb=row.verb, data=json.dumps(row.data))


class Migration(migrations.Migration):
    initial = True
    dependencies = [("notifications", "0009_alter_notification_options_and_more")]
    operations = [
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("verb", models.CharField(max_length=255)),
                ("data", models.TextField(null=True)),
                (
                    "notification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="notifications.Notification"
                    ),
                ),
            ],
        ),
        migrations.RunPython(note, migrations.RunPython.noop),
    ]
