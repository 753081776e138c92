"""The types of notifications: what a verb is called, how its sentence reads, and how it is delivered.

A site registers its types in modules ``notification_types.py``, which are found in every installed app::

    from notifications.types import NotificationType, register

    @register
    class Commented(NotificationType):
        verb = "commented on"
        label = _("Comments")

The verb is the key, so no row needs a column for its type. A verb that nobody registered is of the type :class:`Other`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import timedelta
from string import Formatter
from typing import TYPE_CHECKING, Any, TypeVar

from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from notifications.objects.guard import error_text, guarded
from notifications.objects.text import text_of
from notifications.signals import notify

if TYPE_CHECKING:
    from django.db import models
    from django.utils.functional import Promise

    from notifications.events import Event

#: How often a notification of a type is delivered.
FREQUENCIES = ("off", "instant", "hourly", "daily", "weekly")

#: The names that a sentence can have in braces.
PARTS = ("actor", "verb", "action_object", "target")


class NotificationType:
    """Inherit from this class, and decorate the subclass with :func:`register`, to describe the events of a verb."""

    #: The verb of the events, at most 255 characters. It names the type.
    verb: str = ""
    #: The name of the type for users, such as "Comments". The default is the verb.
    label: str | Promise = ""
    #: One word that groups types in the preferences, and its name for users. The default is the word.
    category: str = "other"
    category_label: str | Promise = ""
    #: The sentence of a notification, with ``{actor}``, ``{verb}``, ``{action_object}`` and ``{target}``. It is used if
    #: the row has all of the parts that it names. Without one, the default sentence is used.
    sentence: str | Promise = ""
    #: The same for the notifications of several actors in one entry: ``{actor}`` is "mitsuhiko and 2 others".
    sentence_for_several: str | Promise = ""
    #: The frequency for each channel that holds until the user chooses another one. None does not offer the channel.
    channels: Mapping[str, str | None] = {}
    #: How long a delivery by e-mail waits. It is not sent if the notification is read by then.
    email_delay: timedelta = timedelta(0)
    #: Whether it is delivered immediately whatever the user prefers, also in quiet hours.
    critical: bool = False
    #: A dataclass that validates the extra data of ``notify.send``, or None to allow any data.
    data: type[Any] | None = None

    @classmethod
    def recipients(cls, event: Event) -> models.QuerySet[Any] | None:
        """Return the users to notify if the sender names none, or None to leave it to the extensions."""
        return None

    @classmethod
    def send(cls, actor: Any, **arguments: Any) -> Any:
        """Notify the recipients of an event of this type. Return what ``notify.send`` returns."""
        return notify.send(actor, verb=cls.verb, **arguments)

    @classmethod
    def key(cls) -> str:
        """Return what names the type in a search and in JSON."""
        return cls.verb

    @classmethod
    def name(cls) -> str:
        """Return the name of the type for users."""
        return str(cls.label) or capfirst(cls.verb)

    @classmethod
    def category_name(cls) -> str:
        """Return the name of the category for users."""
        return str(cls.category_label) or capfirst(cls.category)


class Other(NotificationType):
    """The type of all verbs that are not registered."""

    label = _("Other notifications")
    category_label = _("Other")

    @classmethod
    def key(cls) -> str:
        """Return "other"."""
        return "other"


T = TypeVar("T", bound="type[NotificationType]")

#: All registered types, in the order of their registration. A check reports two types of one verb.
_registered: list[type[NotificationType]] = []
_by_verb: dict[str, type[NotificationType]] = {}


def register(kind: T) -> T:
    """Register a type: a class decorator. Of two types with the same verb, the first one is used."""
    given: Any = kind
    if not (isinstance(given, type) and issubclass(given, NotificationType)):
        raise TypeError(f"register() needs a subclass of NotificationType, got {kind!r}.")
    for name in ("verb", "category"):
        words = getattr(kind, name)
        if isinstance(words, str) and (text := text_of(words)) != str(words):
            # A member of an enumeration, which rows, choices and searches would each write in their own way.
            setattr(kind, name, text)
    if kind not in _registered:
        _registered.append(kind)
        _by_verb.setdefault(kind.verb, kind)
    return kind


def unregister(kind: type[NotificationType]) -> None:
    """Undo :func:`register`: for tests."""
    _registered.remove(kind)
    _by_verb.clear()
    for each in _registered:
        _by_verb.setdefault(each.verb, each)


def registered() -> tuple[type[NotificationType], ...]:
    """Return all registered types, in the order of their registration."""
    return tuple(_registered)


def type_of(verb: str) -> type[NotificationType]:
    """Return the type of a verb, which is :class:`Other` if none is registered."""
    return _by_verb.get(verb, Other)


def all_types() -> tuple[type[NotificationType], ...]:
    """Return the type that is used for each registered verb, and :class:`Other` at the end."""
    return (*_by_verb.values(), Other)


# What a type says: code of the site, which may fail. Nothing else calls these methods, or reads these attributes.


def type_key(kind: type[NotificationType]) -> str:
    """Return what names the type in JSON: what its ``key()`` says, otherwise its verb."""
    return _said(kind, "key") or str(kind.verb)


def type_label(kind: type[NotificationType]) -> str:
    """Return the name of the type for users: what its ``name()`` says, otherwise its verb."""
    return _said(kind, "name") or capfirst(str(kind.verb))


def category_label(kind: type[NotificationType]) -> str:
    """Return the name of the category for users: what ``category_name()`` says, otherwise the word."""
    return _said(kind, "category_name") or capfirst(str(kind.category))


def sentence_of(kind: type[NotificationType], *, is_several: bool = False) -> str:
    """Return the sentence of the type, for several actors or one, in the current language; empty without one."""
    name = "sentence_for_several" if is_several else "sentence"
    words = getattr(kind, name)
    # Most types have none. A lazy text is not looked at here.
    return "" if isinstance(words, str) and not words else _said(kind, name)


def _said(kind: type[NotificationType], name: str) -> str:
    """Return what a method or an attribute says as text; an empty text if it fails."""

    def ask() -> str:
        found = getattr(kind, name)
        return str((found() if callable(found) else found) or "")

    return guarded(f"{kind.__name__}.{name}", "the text of the type", ask, otherwise="")


def type_word(kind: type[NotificationType]) -> str:
    """Return what names a type in a search, without spaces: "commented-on"."""
    return "-".join(type_key(kind).split())


def type_named(word: str) -> type[NotificationType] | None:
    """Return the type that a user means by its key, with hyphens or spaces, in any case; None if there is none."""
    wanted = "-".join(word.split()).casefold()
    return next((kind for kind in all_types() if type_word(kind).casefold() == wanted), None)


def typed_data(verb: str, data: Any, extra: dict[str, Any]) -> tuple[Any, dict[str, Any], bool | None]:
    """Return the data and the extra keywords of an event as its type validates them, and whether that is strict.

    Raise TypeError or ValueError, naming the type, if its dataclass does not accept them.
    """
    kind = type_of(verb)
    if kind.data is None:
        return data, extra, None
    given = data if isinstance(data, Mapping) else {} if data is None else {"data": data}
    try:
        made = kind.data(**{**given, **extra})
    except (TypeError, ValueError) as error:
        problem = f"data of {kind.__name__} is not valid: {error}"
        raise (
            type(error)(problem) if type(error) in {TypeError, ValueError} else ValueError(problem)
        ) from error
    return dataclasses.asdict(made), {}, True


# Sentences


def pieces(sentence: str) -> Iterator[tuple[str, str | None]]:
    """Yield the text before each part of a sentence, and the name of the part, which is None at the end.

    Raise ValueError for what is not a text with the names of ``PARTS`` in braces.
    """
    for text, name, spec, conversion in Formatter().parse(sentence):
        if name is not None and (name not in PARTS or spec or conversion):
            raise ValueError(f"{{{name}}} is not one of {', '.join(f'{{{part}}}' for part in PARTS)}")
        yield text, name


# Problems, for the system checks


def problems_of(kind: Any) -> Iterator[str]:
    """Yield what is wrong with a type, without comparing it with the others."""
    if not isinstance(kind.verb, str) or not kind.verb.strip() or len(kind.verb) > 255:
        yield f"its verb must be a text of 1 to 255 characters, got {kind.verb!r}"
    if not isinstance(kind.category, str) or not kind.category.strip() or len(kind.category) > 100:
        yield f"its category must be a text of 1 to 100 characters, got {kind.category!r}"
    for name in ("sentence", "sentence_for_several"):
        words = ""
        try:
            words = str(getattr(kind, name))
            list(pieces(words))
        except Exception as error:  # noqa: BLE001 - a lazy text is code of the site
            yield f"its {name} is {words!r}: {error if type(error) is ValueError else error_text(error)}"
    if not isinstance(kind.channels, Mapping):
        yield f"its channels must be a dict, got {kind.channels!r}"
    else:
        for channel, frequency in kind.channels.items():
            # A lazy text is equal to one of these in one language only.
            if frequency is not None and not (isinstance(frequency, str) and frequency in FREQUENCIES):
                yield f"{frequency!r} of {channel!r} is not a frequency: {', '.join(FREQUENCIES)} or None"
    if not isinstance(kind.email_delay, timedelta) or kind.email_delay < timedelta(0):
        yield f"its email_delay must be a timedelta of 0 or more, got {kind.email_delay!r}"
    if kind.data is not None and not (isinstance(kind.data, type) and dataclasses.is_dataclass(kind.data)):
        yield f"its data must be a dataclass or None, got {kind.data!r}"


def same_verb(kind: type[NotificationType]) -> type[NotificationType] | None:
    """Return the type that was registered earlier for the same verb, as a database may compare verbs, or None."""
    verb = str(kind.verb).casefold().strip()
    for other in _registered:
        if other is kind:
            return None
        if str(other.verb).casefold().strip() == verb:
            return other
    return None
