"""The one door by which another app changes who is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

    from notifications.events import Event


#: The annotation by which an audience says of each user why. It goes into the column ``reason`` of their row.
REASON = "notifications_reason"


class Extension:
    """Mix this into an AppConfig to narrow or widen the audience of events.

    It must stay a plain class: a second AppConfig among the bases would make Django pick the wrong configuration.
    """

    #: Templates that the inbox includes: "head" in its header, "row" beside the buttons of each row (``notice``), and
    #: "new_row" beside those of the one without a notice from which a script makes the rows that arrive.
    notifications_templates: ClassVar[Mapping[str, str]] = {}

    def notifications_audience(
        self, event: Event, audience: QuerySet[AbstractBaseUser] | None
    ) -> QuerySet[AbstractBaseUser] | None:
        """Return the audience of ``event``, as a queryset of users and without a loop over them.

        ``audience`` is what was named by ``recipient=`` or by the extension before, in ``INSTALLED_APPS`` order; None
        when nobody has been named yet. An annotation ``notifications_reason`` on it, a text and never null, says of
        each user why they are told, unless the sender said it of all.
        """
        return audience


def says_reasons(audience: QuerySet[Any]) -> bool:
    """Tell whether the audience says of each user why they are told. That of a union cannot be asked."""
    return not audience.query.combinator and REASON in audience.query.annotations


def extensions() -> list[Extension]:
    """Return the installed app configurations that carry the mixin, in ``INSTALLED_APPS`` order."""
    return [config for config in apps.get_app_configs() if isinstance(config, Extension)]
