"""The one door by which another app changes who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import apps

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

    from notifications.events import Event


class Extension:
    """Mix this into an AppConfig to narrow or widen the audience of events.

    It must stay a plain class: a second AppConfig among the bases would make Django pick the wrong configuration.
    """

    def notifications_audience(
        self, event: Event, audience: QuerySet[AbstractBaseUser] | None
    ) -> QuerySet[AbstractBaseUser] | None:
        """Return the audience of ``event``, as a queryset of users and without a loop over them.

        ``audience`` is what was named by ``recipient=`` or by the extension before, in ``INSTALLED_APPS`` order; None
        when nobody has been named yet.
        """
        return audience


def extensions() -> list[Extension]:
    """Return the installed app configurations that carry the mixin, in ``INSTALLED_APPS`` order."""
    return [config for config in apps.get_app_configs() if isinstance(config, Extension)]
