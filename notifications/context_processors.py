"""The context processor with the counts of the user."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject, new_method_proxy

from notifications.storage.counts import unread_count, unseen_count

if TYPE_CHECKING:
    Base = SimpleLazyObject[Any]
else:
    Base = SimpleLazyObject


class LazyNumber(Base):
    """A number that is counted when it is used.

    A template of Django calls it and gets the number itself: filters such as ``pluralize`` take no other object for a
    number. Jinja2 calls nothing, so it also converts to one.
    """

    #: Return the number.
    __call__ = new_method_proxy(lambda number: number)
    __int__ = new_method_proxy(int)
    __index__ = new_method_proxy(operator.index)
    __float__ = new_method_proxy(float)


def notifications(request: HttpRequest) -> dict[str, Any]:
    """Add ``notifications_unread`` and ``notifications_unseen``. They cost a query only if a template uses them.

    For an anonymous user they are 0.
    """
    user = getattr(request, "user", None)
    is_known = bool(user and user.is_authenticated)
    return {
        "notifications_unread": LazyNumber(lambda: unread_count(user, request) if is_known else 0),
        "notifications_unseen": LazyNumber(lambda: unseen_count(user, request) if is_known else 0),
    }
