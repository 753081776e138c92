"""Turn a table that an older package made into the one of 0001, without losing a row.

Where django-notifications-hq 1.x or django-notifications-community ran before, ``0001_initial`` and some of those
after it are recorded, and a table is there, but it is theirs. On a fresh database there is nothing to do.

``read_at`` and ``event`` of the rows that were there are NULL: nobody knows.

Backwards is nothing to do either: the table is already what 0001 describes, and going further back drops it. The
older table does not come back. For that, restore the backup that was made before the upgrade.
"""

from __future__ import annotations

from django.db import migrations

from notifications.compat.adoption import AdoptTable


class Migration(migrations.Migration):
    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("notifications", "0013_alter_notification_level"),
    ]

    operations = [AdoptTable("Notification")]
