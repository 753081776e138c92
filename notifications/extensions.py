"""The way for other apps to change the recipients of events and to extend the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps

from notifications.conf import CORE_KEYS, Setting, Settings
from notifications.events import Event

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet
    from django.utils.functional import Promise

#: The annotation of an audience with the reason of each user. It is stored in the column ``reason`` of their row.
REASON = "notifications_reason"


class Extension:
    """Inherit from this in an AppConfig to change the audience of events, or to extend the inbox.

    It must stay a plain class: a second AppConfig among the bases would make Django pick the wrong configuration.
    """

    #: Templates that the inbox includes: "head" in its header, "row" in the menu of each row (``notice``), and
    #: "new_row" in the empty row that the script uses for notifications that arrive.
    notifications_templates: ClassVar[Mapping[str, str]] = {}

    #: The settings of the app, if it adds keys to the dict ``NOTIFICATIONS``.
    notifications_settings: ClassVar[type[Settings] | None] = None

    #: Keyboard shortcuts for the help of the inbox: ``{("Shift", "M"): _("Mute")}``. The script clicks the button of
    #: the row that has ``data-ntf-key="M"``.
    notifications_keys: ClassVar[Mapping[tuple[str, ...], str | Promise]] = {}

    #: The messages that the inbox shows after actions of the app, by the name of the action.
    notifications_messages: ClassVar[Mapping[str, str | Promise]] = {}

    def notifications_attributes(self) -> Mapping[str, str]:
        """Return HTML attributes of the inbox and the bell for a script: "live" becomes ``data-ntf-live``."""
        return {}

    def notifications_audience(
        self, event: Event, audience: QuerySet[AbstractBaseUser] | None
    ) -> QuerySet[AbstractBaseUser] | None:
        """Return the audience of ``event`` as a queryset of users. Do not iterate over it.

        ``audience`` is the queryset given by ``recipient=``, or returned by the previous extension in the order of
        ``INSTALLED_APPS``. It is None if there are no recipients yet. Annotate it with ``notifications_reason``, a text
        that is never null, to set the reason of each user, unless the sender gave a reason for all.
        """
        return audience

    def notifications_silence(self, event: Event, *, named: bool) -> str | None:
        """Return the reason for the log why this extension left an event without recipients: "all have muted it".

        ``named`` is whether there were users in ``recipient=``. Return None if this extension is not the cause.
        """
        return None


def says_reasons(audience: QuerySet[Any]) -> bool:
    """Return whether the audience has an annotation with the reason of each user. A union has none."""
    return not audience.query.combinator and REASON in audience.query.annotations


def extensions() -> list[Extension]:
    """Return the installed app configurations that inherit from :class:`Extension`, in ``INSTALLED_APPS`` order."""
    return [config for config in apps.get_app_configs() if isinstance(config, Extension)]


def audience_extensions() -> list[Extension]:
    """Return the extensions that change the audience, in ``INSTALLED_APPS`` order."""
    return [
        extension
        for extension in extensions()
        if type(extension).notifications_audience is not Extension.notifications_audience
    ]


def known_settings() -> dict[str, Setting[Any]]:
    """Return all keys that the dict ``NOTIFICATIONS`` may have: those of the core and those of the extensions."""
    known = dict(CORE_KEYS)
    for extension in extensions():
        if extension.notifications_settings is not None:
            known.update(extension.notifications_settings.own_keys())
    return known


def message_of(action: str) -> str | Promise | None:
    """Return the message that the inbox shows after an action of an extension, or None."""
    found = (extension.notifications_messages.get(action) for extension in extensions())
    return next((message for message in found if message is not None), None)
