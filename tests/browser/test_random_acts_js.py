"""Random acts in the inbox: after them the list, the counts, the selection and the database agree.

``HYPOTHESIS_PROFILE=thorough`` does 2,000 of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.browser.conftest import Browser
from tests.browser.test_answers_js import CHANGED
from tests.browser.test_inbox_js import INBOX
from tests.factories import make_notification, make_project, make_user, rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

Visit = Callable[[str], None]

ACTS = 2000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 60

KEYS = ["j", "j", "j", "k", "e", "s", "x", "z", "z", "Shift+I", "Shift+U", "Escape"]

#: What the list shows: each entry with whether it is unread and saved.
SHOWN = """
return [...document.querySelectorAll('.ntf-list > [data-ntf-id]:not(.ntf-child)')].map((row) => [
  row.dataset.ntfId, row.hasAttribute('data-ntf-unread'), row.querySelector('[data-ntf-action=unsave]') !== null]);
"""
COUNTS = """
return Object.fromEntries([...document.querySelectorAll('.ntf-tabs [data-ntf-count]')].map((count) =>
  [count.dataset.ntfCount, count.hidden ? 0 : Number(count.textContent)]));
"""


class Monkey:
    """Somebody who does this and that in a tab, while others and another tab do something too."""

    def __init__(self, browser: Browser, user: Any, seed: int) -> None:
        self.browser, self.user, self.random = browser, user, random.Random(seed)  # noqa: S311 - no secret
        self.people = [make_user(name) for name in ("ann", "bob", "cid")]
        self.projects = [make_project(f"issue {number}") for number in range(5)]
        self.moment = timezone.now() - timedelta(days=1)
        self.acts = [
            self.press, self.press, self.press, self.press, self.click, self.click, self.tick, self.toggle,
            self.arrive, self.act_elsewhere, self.refresh, self.lose_the_line, self.move_away,
        ]  # fmt: skip
        for _ in range(15):
            self.arrive()

    def act(self) -> str:
        """Do one thing, and return what it was."""
        act = self.random.choice(self.acts)
        act()
        return act.__name__

    def press(self) -> None:
        self.browser.page.keyboard.press(self.random.choice(KEYS))

    def one_of(self, selector: str) -> None:
        """Click on one of these as a script does, whatever is above it."""
        script = "const all = [...document.querySelectorAll(arguments[0])]; all[arguments[1] % all.length]?.click()"
        self.browser.run(script, selector, self.random.randrange(1000))

    def click(self) -> None:
        self.one_of(".ntf-row .ntf-buttons > button[data-ntf-action]:not([data-ntf-action=snooze])")

    def tick(self) -> None:
        self.one_of(".ntf-list [name=id]")

    def toggle(self) -> None:
        self.one_of("[data-ntf-rest]")

    def arrive(self) -> None:
        self.moment += timedelta(seconds=1)
        make_notification(
            self.user,
            actor=self.random.choice(self.people),
            verb=self.random.choice(["commented on", "closed"]),
            target=self.random.choice([*self.projects, None]),
            timestamp=self.moment,
        )

    def act_elsewhere(self) -> None:
        keys = list(self.user.notifications.inbox().values_list("pk", flat=True))
        if keys:
            some = rows().filter(pk=self.random.choice(keys))
            self.random.choice([some.mark_all_as_done, some.mark_all_as_read, some.mark_all_as_saved])()

    def refresh(self) -> None:
        self.browser.run(CHANGED)

    def lose_the_line(self) -> None:
        self.browser.context.set_offline(self.random.random() < 0.5)

    def move_away(self) -> None:
        self.browser.page.mouse.move(1, 1)


def is_settled(browser: Browser) -> bool:
    """Return whether the browser shows what the server has; ask it to look again."""
    browser.run(CHANGED)
    return browser.is_answered()


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_after_random_acts_everything_agrees(
    browser: Browser, visit: Visit, justquick: Any, settings: Any, threads: bool, seed: int
) -> None:
    settings.NOTIFICATIONS = {"THREADS": threads, "PAGE_SIZE": 1000, "BADGE_CAP": None}
    monkey = Monkey(browser, justquick, seed)
    visit(INBOX)
    done = [monkey.act() for _ in range(ACTS)]
    browser.context.set_offline(False)
    browser.run("dispatchEvent(new Event('online')); document.activeElement.blur()")
    monkey.move_away()
    client = Client()
    client.force_login(justquick)

    def wanted() -> tuple[Any, Any]:
        answer = client.get(f"{INBOX}api/inbox/", {"threads": int(threads), "max": 1000}).json()
        items = {item["slug"]: item for item in answer["items"]}
        entries = (
            [{**items[each["row"]], **each} for each in answer["threads"]] if threads else answer["items"]
        )
        shown = [
            [
                str(each["id"] if "key" in each else each["slug"]),
                "unread" in each["states"],
                "saved" in each["states"],
            ]
            for each in entries
        ]
        counts = {name: count for name, count in answer["counts"].items() if name != "unseen"}
        return shown, counts

    def agree() -> bool:
        if not is_settled(browser):
            return False
        pill = browser.page.locator("[data-ntf-arrivals]")
        if pill.is_visible():
            pill.click()
            monkey.move_away()
            browser.run("document.activeElement.blur(); scrollTo(0, 0)")
        return bool((browser.run(SHOWN), browser.run(COUNTS)) == wanted())

    wait_until(agree, f"the list, the numbers and the database agree after {done[-20:]}")
    # What is selected is what the form says.
    ticked = "return [...document.querySelectorAll('.ntf-list [name=id]:checked')].map(({value}) => value)"
    form = "return new FormData(document.querySelector('#ntf-bulk')).getAll('id')"
    assert browser.run(ticked) == browser.run(form)
    # The line was lost at times, which the console says.
    assert [line for line in browser.complaints() if "ERR_" not in line and "409" not in line] == []
