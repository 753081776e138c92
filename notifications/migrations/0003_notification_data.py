"""Keep the place of a migration of the older packages, for the migrations of sites that name it. Do nothing."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_auto_20150224_1134")]
