"""The site's cache, which may be down, slow, full or wrong: no answer depends on it, and no write waits for it.

An error of the cache is logged and means "not cached". Nobody waits for a call longer than :data:`PATIENCE`, and then
the cache is not used for :data:`PAUSE` seconds. A cache in the database is not used inside the caller's transaction,
where each write to it would be a lock until the commit.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.base import BaseCache, default_key_func
from django.core.cache.backends.db import BaseDatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.signals import setting_changed
from django.db import connections, router

from notifications.storage.transactions import after_commit, is_manual, is_ours

logger = logging.getLogger("notifications")

T = TypeVar("T")

#: The longest time to wait for the cache, and for how long it is not used after that, in seconds.
PATIENCE, PAUSE = 0.2, 30.0

#: The caches that never wait for another machine, and the one that must see the transaction of this thread.
LOCAL_CACHES = (BaseDatabaseCache, DummyCache, FileBasedCache, LocMemCache)

#: The maximum number of threads that wait for a call, and of those that still wait for the cache.
MAX_IDLE_CALLERS, MAX_STUCK_CALLERS = 16, 4


class CacheUnavailable(Exception):
    """The cache failed, or was not asked."""


class Caller(Thread):
    """A thread that makes one call after another, for somebody who does not wait for ever.

    Django has a connection to the cache for each thread, so this one shares none with the site.
    """

    def __init__(self) -> None:
        super().__init__(name="notifications-cache", daemon=True)
        self.calls: SimpleQueue[Any] = SimpleQueue()
        self.start()

    def run(self) -> None:
        """Make the calls until there is None."""
        while (work := self.calls.get()) is not None:
            call, answers = work
            try:
                answers.put((call(), None))
            except Exception as error:  # noqa: BLE001 - whoever waits for the answer raises it
                answers.put((None, error))

    def call(self, call: Callable[[], object], seconds: float) -> tuple[Any, Exception | None] | None:
        """Return what the call returns, and its error. Return None if it takes longer than some seconds."""
        answers: SimpleQueue[tuple[Any, Exception | None]] = SimpleQueue()
        self.calls.put((call, answers))
        try:
            return answers.get(timeout=seconds)
        except Empty:
            return None


class CountCache:
    """Django's default cache, guarded. There is one in each process."""

    idle: deque[Caller]
    stuck: list[Caller]
    paused_until: float
    #: Until when errors are not logged again.
    silent_until: float
    #: What could not be written, by its key. Until it is, nothing that the cache has is used.
    owed: dict[str, Any]

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what is known about the cache: the process or the setting is new."""
        self.idle = deque()
        self.stuck = []
        self.paused_until = self.silent_until = 0.0
        self.owed = {}

    def get(self, keys: Collection[str]) -> Mapping[str, Any]:
        """Return what the cache has of these keys. Raise CacheUnavailable if it cannot be used."""
        if not all(is_ours(alias) for alias in aliases()):
            raise CacheUnavailable
        owed = dict(self.owed)

        def write_and_read(cache: BaseCache) -> Mapping[str, Any]:
            for key, value in owed.items():
                cache.set(key, value, timeout=None)
            return cache.get_many(list(keys))

        # Whatever its type says.
        found: Any = self.ask(write_and_read)
        for key in owed:
            self.owed.pop(key, None)
        return found if isinstance(found, Mapping) else {}

    def set(self, values: Mapping[str, Any], timeout: float | None) -> None:
        """Store these values for some seconds, None for ever, if the cache can."""

        def write(cache: BaseCache) -> None:
            for key, value in values.items():
                cache.set(key, value, timeout)

        with suppress(CacheUnavailable):
            self.ask(write)

    def change(self, call: Callable[[BaseCache], object], *, owe: Mapping[str, Any]) -> None:
        """Make the call, after the transaction that it would be part of. If it fails, write ``owe`` later."""
        for alias in aliases():
            if is_manual(connections[alias]):
                self.owed.update(owe)
                return
            if not is_ours(alias):
                # The rows may be in another database, which has already committed.
                after_commit(partial(self.change, call, owe=owe), using=alias)
                return
        try:
            self.ask(call)
        except CacheUnavailable:
            self.owed.update(owe)

    def ask(self, call: Callable[[BaseCache], T]) -> T:
        """Return what the call returns for the cache. Raise CacheUnavailable if it fails or takes too long."""
        began = time.monotonic()
        self.stuck = [caller for caller in self.stuck if caller.is_alive()]
        if began < self.paused_until or len(self.stuck) >= MAX_STUCK_CALLERS:
            raise CacheUnavailable
        try:
            return self.within_patience(call)
        except Exception as error:
            if time.monotonic() - began >= PATIENCE:
                self.paused_until = time.monotonic() + PAUSE
            if began >= self.silent_until:
                self.silent_until = began + PAUSE
                logger.error("The cache failed, so unread counts are read from the database: %r", error)
            raise CacheUnavailable from error

    def within_patience(self, call: Callable[[BaseCache], T]) -> T:
        """Return what the call returns, made in another thread unless the cache is local."""
        here = caches[DEFAULT_CACHE_ALIAS]
        if isinstance(here, LOCAL_CACHES):
            return call(here)
        try:
            caller = self.idle.pop()
        except IndexError:
            caller = Caller()
        if (found := caller.call(lambda: call(caches[DEFAULT_CACHE_ALIAS]), PATIENCE)) is None:
            self.stuck.append(caller)
            # Whenever the call ends, the thread does.
            caller.calls.put(None)
            raise TimeoutError(f"no answer within {PATIENCE} seconds")
        self.keep(caller)
        result, error = found
        if error is not None:
            raise error
        answer: T = result
        return answer

    def keep(self, caller: Caller) -> None:
        """Let a thread wait for the next call, unless enough do."""
        if len(self.idle) < MAX_IDLE_CALLERS:
            self.idle.append(caller)
        else:
            caller.calls.put(None)


def aliases() -> set[str]:
    """Return the databases that the cache is in: none, unless it is Django's cache in the database."""
    try:
        model = getattr(caches[DEFAULT_CACHE_ALIAS], "cache_model_class", None)
    except Exception:  # noqa: BLE001 - whoever makes a call fails with it, which is logged
        return set()
    return set() if model is None else {router.db_for_read(model), router.db_for_write(model)}


def cache_space() -> str:
    """Return what the site adds to the keys of its cache at this moment, such as a tenant; empty if it adds nothing.

    Whoever makes a key asks here, because a thread that calls the cache knows nothing of the current tenant.
    """
    try:
        space = str(caches[DEFAULT_CACHE_ALIAS].make_key(""))
    except Exception:  # noqa: BLE001 - the cache fails with it, which is logged
        return ""
    return "" if space == default_key_func("", "", 1) else space


#: The guarded cache of this process.
count_cache = CountCache()


def reset_cache(*, setting: str, **kwargs: Any) -> None:
    """Start again with another cache: in tests, which change the settings."""
    if setting == "CACHES":
        count_cache.reset()


setting_changed.connect(reset_cache)
# A child process has none of the threads of its parent. Windows has no such processes.
getattr(os, "register_at_fork", dict)(after_in_child=count_cache.reset)
