"""With an older package installed: make its database and write down what is in it."""

import json
import pathlib
import sys
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.db.backends.signals import connection_created

# Models can be imported from here on.
django.setup()

import rows  # noqa: E402
import table  # noqa: E402
from django.apps import apps  # noqa: E402


def main(out: str, total: int) -> None:
    # Django before 2.1.5 does not know that SQLite 3.26 and newer change what points at a renamed table.
    connection_created.connect(keep_references)
    if settings.SWAPPED:
        call_command("makemigrations", "inbox", verbosity=0)
    call_command("migrate", verbosity=0)

    model = apps.get_model(
        getattr(settings, "NOTIFICATIONS_NOTIFICATION_MODEL", "notifications.Notification")
    )
    field = model._meta.get_field("data")
    with transaction.atomic():
        rows.make(model, total, native=type(field).__module__.startswith("django."))
    if not settings.SWAPPED:
        from replies.models import Reply

        for notification in model.objects.order_by("pk")[:10]:
            Reply.objects.create(notification=notification, text="thanks")

    with pathlib.Path(out).open("w") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in table.dump(model._meta.db_table))
    import notifications

    print(json.dumps({"package": notifications.__file__}))


def keep_references(sender: Any, connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA legacy_alter_table = ON")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
