"""The script of the page of preferences, on a page with a form as that of the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

import notifications
from tests.browser import site
from tests.browser.conftest import Browser
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.browser.site")]

SCRIPT = Path(notifications.__file__).parent / "contrib/delivery/static/notifications_delivery/preferences.js"

PAGE = """
<script type=module src=/preferences.js></script>
<form method=post action=/save/ data-ntf-preferences data-ntf-saved=Saved. data-ntf-failed=Failed.>
  <input type=hidden name=csrfmiddlewaretoken value=token>
  <select name=a><option>1<option>2</select> <select name=b><option>1<option>2</select>
  <input name=time_zone list=zones> <datalist id=zones><option value=UTC><option value=Europe/Berlin></datalist>
  <span data-ntf-says></span>
</form>
"""


class Form:
    """The page, and what its script has sent."""

    def __init__(self, browser: Browser, visit: Callable[[str], None]) -> None:
        self.page, self.answers = browser.page, [200]
        self.sent: list[dict[str, str]] = []
        self.page.route("**/preferences.js", lambda route: route.fulfill(path=SCRIPT))
        self.page.route("**/save/", self.answer)
        self.visit = visit

    def answer(self, route: Any) -> None:
        fields = parse_qs(route.request.post_data)
        self.sent.append({name: value for name, [value] in fields.items() if name != "csrfmiddlewaretoken"})
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body = '{"choices": []}' if status == 200 else '{"error": "Refused."}' if status == 400 else "<h1>"
        route.abort() if not status else route.fulfill(status=status, body=body)

    def open(self, zone: str) -> None:
        self.page.add_init_script(
            f"Intl.DateTimeFormat = () => ({{resolvedOptions: () => ({{timeZone: {zone!r}}})}})"
        )
        site.script.page = PAGE
        self.visit("/page/")

    def requests(self) -> list[dict[str, str]]:
        """Return what was sent. The driver answers only while it is asked something."""
        self.says()
        return self.sent

    def says(self) -> str:
        return str(self.page.locator("[data-ntf-says]").inner_text())


@pytest.fixture
def form(browser: Browser, visit: Callable[[str], None]) -> Form:
    return Form(browser, visit)


@pytest.mark.parametrize("answer", [0, 502, 200])
def test_a_choice_that_could_not_be_saved_is_saved_with_the_next(form: Form, answer: int) -> None:
    """The page said "Saved." of the next one, and the first was lost."""
    form.open("")
    form.answers = [answer, 200]
    form.page.locator("[name=a]").select_option("2")
    wait_until(lambda: form.says() == ("Saved." if answer == 200 else "Failed."))
    form.page.locator("[name=b]").select_option("2")
    wait_until(lambda: form.says() == "Saved.")
    assert form.sent == [{"a": "2"}, *([] if answer == 200 else [{"a": "2"}]), {"b": "2"}]


def test_what_was_refused_is_not_said_to_be_saved_with_the_next(form: Form) -> None:
    form.open("")
    form.answers = [400, 200]
    form.page.locator("[name=a]").select_option("2")
    wait_until(lambda: form.says() == "Refused.")
    form.page.locator("[name=b]").select_option("2")
    wait_until(lambda: len(form.requests()) == 2)
    form.page.locator("[name=b]").select_option("1")
    wait_until(lambda: len(form.requests()) == 3)
    assert form.says() == "Refused."
    form.page.locator("[name=a]").select_option("1")
    wait_until(lambda: form.says() == "Saved.")


@pytest.mark.parametrize(("zone", "sent"), [("Europe/Berlin", True), ("Etc/Unknown", False), ("", False)])
def test_only_a_time_zone_that_the_server_has_is_taken_from_the_browser(
    form: Form, zone: str, sent: bool
) -> None:
    """Who opened the page was said that a time zone is not known that they had not entered."""
    form.answers = [200]
    form.open(zone)
    form.page.locator("[name=a]").select_option("2")
    wait_until(lambda: {"a": "2"} in form.requests())
    assert form.sent == [*([{"time_zone": zone}] if sent else []), {"a": "2"}]


def test_who_has_only_opened_the_page_is_told_nothing(form: Form) -> None:
    """The page said "Saved." when the time zone of the browser was taken, and nobody had chosen anything."""
    form.page.add_init_script(
        """
        addEventListener("DOMContentLoaded", () => {
            window.said = [];
            const says = document.querySelector("[data-ntf-says]");
            new MutationObserver(() => said.push(says.textContent)).observe(says, {childList: true});
        });
        """
    )
    form.open("Europe/Berlin")
    wait_until(lambda: {"time_zone": "Europe/Berlin"} in form.requests())
    form.page.locator("[name=a]").select_option("2")
    wait_until(lambda: form.says() == "Saved.")
    assert form.page.evaluate("said") == ["Saved."]
