"""LISTEN and NOTIFY of the PostgreSQL server that holds the notifications: live without another service."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from notifications.conf import get_notification_model
from notifications.contrib.live.buses import base

#: The parameters of Django's own connection that only Django understands.
DJANGO_ONLY = ("context", "cursor_factory", "prepare_threshold")


class Bus(base.Bus):
    """Notify through the connection that wrote the rows, and listen on one connection for each hub.

    ``conninfo`` is a libpq connection string to listen by, for a site whose usual connections go through a pooler
    that does not pass notifications on. ``channel`` is the name that is listened to.
    """

    deaf_hint = (
        "A pooler such as PgBouncer in transaction mode passes no notifications on: name a direct connection "
        "in NOTIFICATIONS['LIVE_BUS_OPTIONS']['conninfo']."
    )

    def __init__(
        self, *, channel: str = "notifications_live", conninfo: str = "", interval: float = base.Bus.interval
    ) -> None:
        super().__init__()
        try:
            import psycopg
        except ImportError as error:
            raise ImproperlyConfigured(
                f"The postgres bus needs psycopg ({error}): pip install 'django-notifications-inbox[postgres]'"
            ) from error
        using = router.db_for_write(get_notification_model())
        if connections[using].vendor != "postgresql":
            raise ImproperlyConfigured(
                f"The postgres bus needs the notifications to be in PostgreSQL; the database {using!r} is "
                f"{connections[using].vendor}. Choose the redis or the poll bus."
            )
        self.psycopg: Any = psycopg
        self.using, self.channel, self.conninfo, self.interval = using, channel, conninfo, interval

    def send(self, message: base.Message, *, using: str) -> None:
        """Notify, by the connection that committed."""
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [self.channel, message.dumps()])

    async def listen(self) -> AsyncGenerator[base.Message, None]:
        """Yield what is notified on the channel."""
        parameters: dict[str, Any] = {}
        if not self.conninfo:
            parameters = dict(connections[self.using].get_connection_params())
            for name in DJANGO_ONLY:
                parameters.pop(name, None)
        connection = await self.psycopg.AsyncConnection.connect(self.conninfo, autocommit=True, **parameters)
        async with connection:
            await connection.execute(self.psycopg.sql.SQL("LISTEN {}").format(self._channel()))
            yield base.Message()
            notices = connection.notifies()
            while True:
                yield base.Message.loads((await anext(notices)).payload)

    def _channel(self) -> Any:
        return self.psycopg.sql.Identifier(self.channel)
