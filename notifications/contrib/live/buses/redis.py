"""Publish and subscribe of a Redis server, for sites that have one and keep their rows elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from notifications.contrib.live.buses import base

#: Seconds to wait for the server before it counts as dead: a request must not hang on a wake-up.
TIMEOUT = 2.0


class Bus(base.Bus):
    """Publish and listen on one channel. ``url`` names the server; two sites on one server need a ``channel`` each."""

    def __init__(
        self,
        *,
        url: str = "redis://127.0.0.1:6379/0",
        channel: str = "notifications_live",
        interval: float = base.Bus.interval,
    ) -> None:
        super().__init__()
        try:
            import redis
            import redis.asyncio
            from redis.backoff import NoBackoff
        except ImportError as error:
            raise ImproperlyConfigured(
                f"The redis bus needs the Redis client ({error}): pip install 'django-notifications-inbox[redis]'"
            ) from error
        self.redis: Any = redis
        self.url, self.channel, self.interval = url, channel, interval
        # Since redis-py 6 a client tries ten times, with pauses: for seconds in which a request hangs, and in which the
        # hub takes a dead server for one that is connected. Once more, at once, is for a connection that has grown old.
        self.client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=redis.retry.Retry(NoBackoff(), 1),
        )
        self.no_retry: Any = redis.asyncio.retry.Retry(NoBackoff(), 0)

    def send(self, message: base.Message, *, using: str) -> None:
        """Publish, by a connection that this process keeps."""
        self.client.publish(self.channel, message.dumps())

    async def listen(self) -> AsyncGenerator[base.Message, None]:
        """Yield what is published on the channel."""
        client = self.redis.asyncio.Redis.from_url(
            self.url, socket_connect_timeout=TIMEOUT, health_check_interval=15, retry=self.no_retry
        )
        async with client, client.pubsub(ignore_subscribe_messages=False) as channels:
            await channels.subscribe(self.channel)
            messages = channels.listen()
            while True:
                message = await anext(messages)
                if message["type"] == "subscribe":
                    yield base.Message()
                else:
                    yield base.Message.loads(message["data"])

    def close(self) -> None:
        """Close the connection that this process publishes by."""
        self.client.close()
