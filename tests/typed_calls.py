"""Calls as a site writes them: mypy accepts the right ones and finds the wrong ones, no more and no less."""

from __future__ import annotations

from django.contrib.auth.models import Group, User

from notifications import notify


def right(user: User, group: Group) -> tuple[int, str]:
    notify.send(user, verb="reached level 10")
    notify.send(user, verb="closed", target=group, recipient=group, level="success", amount=12)
    notify.send(user, verb="closed", recipient=User.objects.filter(is_active=True), idempotency_key="issue:2")
    [(_, notifications)] = notify.send(user, verb="closed", recipient=[user, 7])
    return notifications.created, notifications[0].verb


async def right_too(user: User) -> int:
    [(_, notifications)] = await notify.asend(user, verb="closed", recipient=user)
    return len(notifications)


def wrong(user: User, group: Group) -> None:
    notify.send(user, recipient=user)  # type: ignore[call-arg]
    notify.send(user, "closed", recipient=user)  # type: ignore[call-arg]
    notify.send(user, verb=3)  # type: ignore[arg-type]
    notify.send(user, verb="closed", recipient=7)  # type: ignore[arg-type]
    notify.send(user, verb="closed", recipient=group.user_set)  # type: ignore[arg-type]
    notify.send(user, verb="closed", target="activity-stream")  # type: ignore[arg-type]
    notify.send(user, verb="closed", idempotency_key=17)  # type: ignore[arg-type]
    print(notify.send(user, verb="closed")[0][1].tidied)  # type: ignore[attr-defined]
    [(_, notifications)] = notify.send_robust(user, verb="closed")
    print(notifications.created)  # type: ignore[union-attr]
