"""The one way in which another app changes who is notified, and what the inbox shows."""

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

#: The annotation by which an audience says of each user why. It goes into the column ``reason`` of their row.
REASON = "notifications_reason"


class Extension:
    """Mix this into an AppConfig to narrow or widen the audience of events, or to add something to the inbox.

    It must stay a plain class: a second AppConfig among the bases would make Django pick the wrong configuration.
    """

    #: Templates that the inbox includes: "head" in its header, "row" beside the buttons of each row (``notice``), and
    #: "new_row" beside those of the one without a notice from which a script makes the rows that arrive.
    notifications_templates: ClassVar[Mapping[str, str]] = {}

    #: The settings of the app, where it has keys of its own in the dict ``NOTIFICATIONS``.
    notifications_settings: ClassVar[type[Settings] | None] = None

    #: What its keys do in the inbox, for the help: ``{("Shift", "M"): _("Mute")}``. The script of the inbox presses
    #: the button of the row that has ``data-ntf-key="M"``.
    notifications_keys: ClassVar[Mapping[tuple[str, ...], str | Promise]] = {}

    #: What the banner of the inbox says after an action of the app, by the name of the action.
    notifications_messages: ClassVar[Mapping[str, str | Promise]] = {}

    def notifications_attributes(self) -> Mapping[str, str]:
        """Return attributes of the inbox and of the bell that a script reads: "live" becomes ``data-ntf-live``."""
        return {}

    def notifications_audience(
        self, event: Event, audience: QuerySet[AbstractBaseUser] | None
    ) -> QuerySet[AbstractBaseUser] | None:
        """Return the audience of ``event``, as a queryset of users and without a loop over them.

        ``audience`` is what was named by ``recipient=`` or by the extension before, in ``INSTALLED_APPS`` order; None
        when nobody has been named yet. An annotation ``notifications_reason`` on it, a text and never null, says of
        each user why they are notified, unless the sender gave a reason for all.
        """
        return audience

    def notifications_silence(self, event: Event, *, named: bool) -> str | None:
        """Return why this extension let an event reach nobody, in words for the log: "everybody has muted it".

        ``named`` says that ``recipient=`` named users. None where it is not for this extension to say.
        """
        return None


def says_reasons(audience: QuerySet[Any]) -> bool:
    """Return whether the audience says of each user why they are notified. That of a union cannot be asked."""
    return not audience.query.combinator and REASON in audience.query.annotations


def extensions() -> list[Extension]:
    """Return the installed app configurations that carry the mixin, in ``INSTALLED_APPS`` order."""
    return [config for config in apps.get_app_configs() if isinstance(config, Extension)]


def audience_extensions() -> list[Extension]:
    """Return the extensions that have a say in who is notified, in ``INSTALLED_APPS`` order."""
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
    """Return what the banner of the inbox says after an action of an extension, or None where no one knows it."""
    found = (extension.notifications_messages.get(action) for extension in extensions())
    return next((message for message in found if message is not None), None)
