"""Let a worker of Celery send.

A task carries no data but the name of the database. One that is lost, because the broker is down, costs the time until
the command or the next beat sends.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task
from kombu.pools import producers

from notifications.contrib.delivery.runners import work

#: The seconds after which a Redis that accepts connections and says nothing is given up, unless the site sets another
#: number in ``broker_transport_options``. Without one, Celery would wait for ever, and the sender with it.
TIMEOUT = 1.0


@shared_task(name="notifications.deliver", ignore_result=True)  # type: ignore[untyped-decorator, unused-ignore]
def send_deliveries(using: str) -> None:
    """Send what is due. Let Celery beat call it every minute too: its name is ``notifications.deliver``."""
    work(using)


def wake(using: str) -> None:
    """Send a task. A broker that is down, or says nothing, is an error after seconds, which the caller logs."""
    app: Any = send_deliveries.app
    if app.conf.task_always_eager or app.connection_for_write().transport.driver_type != "redis":
        send_deliveries.delay(using)
        return
    limits = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    options = {**limits, **app.conf.broker_transport_options}
    # Each of the sentinels would be asked several times.
    once = {**{name: options[name] for name in limits}, "retry": None}
    options["sentinel_kwargs"] = {**once, **options.get("sentinel_kwargs", {})}
    connection = app.connection_for_write(transport_options=options)
    with producers[connection].acquire(block=True, timeout=TIMEOUT) as producer:
        # Once more, at once, is for a connection that has grown old.
        send_deliveries.apply_async(
            (using,), producer=producer, retry_policy={"max_retries": 1, "interval_start": 0}
        )
