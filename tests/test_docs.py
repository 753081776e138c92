"""The documentation does what it says: its pages are walked through, and the reference leaves nothing out."""

from __future__ import annotations

import ast
import doctest
import inspect
import os
import re
import shlex
import subprocess
import sys
import textwrap
import types
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand
from django.dispatch import Signal

from notifications import conf, signals, urls
from notifications.compat import settings as older
from notifications.conf import get_notification_model
from notifications.contrib.live.conf import Settings as LiveSettings
from notifications.contrib.subscriptions.conf import Settings as SubscriptionSettings
from notifications.models import AbstractNotification
from notifications.sending import arguments
from notifications.sending.handler import notify_handler
from notifications.storage.querysets import NotificationQuerySet
from notifications.templatetags import notifications_tags

# Each page brings a project and a database of its own; once is enough.
pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.shape("default")]

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.rst"

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# What a reader types into the shell. "0 minutes" holds a no-break space, which no page shows.
SHELL = f"""
import doctest, sys, django
django.setup()
class Checker(doctest.OutputChecker):
    def check_output(self, want, got, flags):
        return super().check_output(want, got.replace(chr(0xA0), " "), flags)
runner = doctest.DocTestRunner(Checker(), optionflags={FLAGS})
runner.run(doctest.DocTestParser().get_doctest(sys.stdin.read(), {{}}, "page", None, 0))
sys.exit(runner.failures > 0 or runner.tries == 0)
"""
# The commands of a page that are not for a test to run: they need the network, a person, or the whole checkout.
INSTALL = re.compile(r"python -m pip (install path/to/checkout|uninstall [\w -]+)$")
OPEN = re.compile(r"python manage.py (shell|runserver)$")
MAKE = re.compile(r"make ([\w-]+)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code on a page, and the file that the page says it belongs in."""

    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page. The file is in the caption, or in a comment on the first line."""
    found = []
    pattern = r"^( *)\.\. code-block:: (\S+)\n((?:\1   :.*\n)*)\n((?:\1   .*\n|\s*\n)+)"
    for _, language, options, text in re.findall(pattern, page.read_text() + "\n", re.MULTILINE):
        text = textwrap.dedent(text).strip("\n") + "\n"
        named = re.search(r":caption: (.+)", options) or re.match(r"# (\S+\.py.*)\n", text)
        found.append(Block(language, named[1] if named else "", text))
    return found


class Site:
    """A project in the making, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            # Both streams go into one text, in the order in which a person sees them.
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PYTHONPATH": os.pathsep.join((str(directory), str(ROOT))),
            "PYTHONIOENCODING": "utf-8",
            "PYTHONWARNINGS": "error",
        }

    def walk(self, page: Path) -> None:
        """Do what the page says, in its order. A block that belongs in no file is an excerpt."""
        for block in blocks(page):
            if block.language == "console":
                self.type(block.text)
            elif block.language == "pycon":
                self.shell(block.text)
            elif block.file:
                self.save(block)

    def shell(self, session: str) -> None:
        """Type this into ``manage.py shell``, and compare the answers."""
        self.run([sys.executable, "-c", SHELL], session)

    def save(self, block: Block) -> None:
        name, _, where = block.file.partition(", ")
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() + "\n" if where == "at the end" else ""
        path.write_text(before + block.text)

    def type(self, session: str) -> None:
        """Run the commands of a terminal session, and compare what they print with what it shows, if it does."""
        for command, shown in re.findall(r"^\$ ([^#\n]+).*\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
            words = shlex.split(command)
            if make := MAKE.match(shlex.join(words)):
                assert re.search(rf"^{make[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
            elif not INSTALL.match(shlex.join(words)) and not OPEN.match(shlex.join(words)):
                programs = {"python": [sys.executable], "django-admin": [sys.executable, "-m", "django"]}
                printed = self.run([*programs[words[0]], *words[1:]])
                if shown:
                    assert doctest.OutputChecker().check_output(shown, printed, FLAGS), printed

    def run(self, words: list[str], text: str = "") -> str:
        environment = dict(self.environment)
        if "startproject" in words:
            del environment["DJANGO_SETTINGS_MODULE"]
        done = subprocess.run(
            words,
            cwd=self.directory,
            env=environment,
            input=text,
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture
def empty(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def site(empty: Site) -> Site:
    """A project as Django starts it: what a reader who has one already has."""
    empty.type("$ django-admin startproject mysite .\n")
    return empty


def test_a_block_is_read_whole(tmp_path: Path) -> None:
    page = tmp_path / "page.rst"
    page.write_text(
        "1. .. code-block:: x\n\n* y\n\n  .. code-block:: python\n     :caption: a.py\n\n     b\n\n       c\n\n  d\n"
    )
    assert blocks(page) == [Block("python", "a.py", "b\n\n  c\n")]


def test_the_quickstart_of_the_readme_works(site: Site) -> None:
    site.walk(README)


def test_the_quickstart_of_the_readme_is_ten_lines() -> None:
    code = "".join(block.text for block in blocks(README) if "$ make" not in block.text)
    lines = [line for line in code.splitlines() if line and not line.startswith(("#", "$ python -m pip"))]
    answer = "justquick started to follow brosner 0 minutes ago"
    assert answer in lines
    assert len(lines) - 1 == 10


LOG_IN_AT_THE_ADMIN = """
>>> from django.conf import settings
>>> from django.test import Client
>>> settings.ALLOWED_HOSTS.append("testserver")
>>> client = Client()
>>> client.get("/inbox/notifications/").headers["Location"]
'/accounts/login/?next=/inbox/notifications/'
>>> client.post("/admin/login/?next=/admin/", {"username": "brosner", "password": "demo"}).headers["Location"]
'/admin/'
>>> "justquick" in client.get("/inbox/notifications/").content.decode()
True
"""


def test_the_quickstart_works(site: Site) -> None:
    site.walk(DOCS / "quickstart.rst")
    # What it tells the reader to do in a browser.
    site.shell(LOG_IN_AT_THE_ADMIN)


CLOSE_THE_ISSUE = """
>>> from django.conf import settings
>>> from django.test import Client
>>> settings.ALLOWED_HOSTS.append("testserver")
>>> def log_in(username):
...     client = Client()
...     answer = client.post("/login/", {"username": username, "password": "demo"}, follow=True)
...     assert b"Feeds are slow" in answer.content, answer.content
...     return client
>>> justquick, brosner = log_in("justquick"), log_in("brosner")
>>> brosner.get("/inbox/notifications/api/unread_count/").json()
{'unread_count': 1}
>>> justquick.post("/issues/1/", {"close": ""}, follow=True).redirect_chain
[('/issues/1/', 302)]
>>> brosner.get("/inbox/notifications/api/unread_count/").json()
{'unread_count': 2}
>>> page = brosner.get("/inbox/notifications/").content.decode()
>>> "<span class='live_notify_badge'>2</span>" in page, "notifications.css" in page
(True, True)
"""


def test_the_tutorial_works(empty: Site) -> None:
    empty.walk(DOCS / "tutorial.rst")
    # What it tells the reader to do in two browsers.
    empty.shell(CLOSE_THE_ISSUE)


@pytest.mark.parametrize("page", ["README.rst", "docs/quickstart.rst", "docs/tutorial.rst"])
def test_a_page_to_follow_has_no_excerpts(page: str) -> None:
    excerpts = [
        block
        for block in blocks(ROOT / page)
        if not block.file and block.language not in {"console", "pycon"}
    ]
    assert excerpts == []


INBOX = """
>>> from django.conf import settings
>>> from django.contrib.auth.models import User
>>> from django.test import Client
>>> settings.ALLOWED_HOSTS.append("testserver")
>>> client = Client()
>>> client.force_login(User.objects.get(username="brosner"))
>>> page = client.get("/inbox/notifications/").content.decode()
>>> "<h1>My site</h1>" in page, "justquick" in page, ">Mark as read</button>" in page, "notifications.js" in page
(True, True, True, True)
"""


def test_a_template_can_be_customised(site: Site) -> None:
    site.walk(DOCS / "quickstart.rst")
    site.walk(DOCS / "howto" / "customise-a-template.rst")
    site.shell(INBOX)


def test_a_verb_can_be_worded(site: Site) -> None:
    site.walk(DOCS / "quickstart.rst")
    site.save(
        Block("python", "mysite/settings.py, at the end", 'TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]\n')
    )
    site.walk(DOCS / "howto" / "customise-the-sentence.rst")


def test_an_app_can_change_who_is_told(site: Site) -> None:
    site.walk(DOCS / "quickstart.rst")
    site.walk(DOCS / "howto" / "change-the-recipients.rst")


def test_the_people_who_care_are_notified(site: Site) -> None:
    site.walk(DOCS / "quickstart.rst")
    site.walk(DOCS / "howto" / "notify-who-cares.rst")


def test_the_model_can_be_swapped(site: Site) -> None:
    site.walk(DOCS / "howto" / "swap-the-model.rst")


def test_the_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"<([^<>]+)>`_", README.read_text())
    assert "docs/tutorial.rst" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_pictures_are_small_and_each_is_shown() -> None:
    pictures = {path.name: path.stat().st_size for path in (DOCS / "images").glob("*.png")}
    assert len(pictures) == 6
    assert max(pictures.values()) < 150_000
    assert set(re.findall(r"image:: images/(\S+)", (DOCS / "pictures.rst").read_text())) == set(pictures)
    readme = re.findall(r"image:: docs/images/(\S+)", README.read_text())
    assert set(readme) == set(pictures) - {"bell-dark.png"}


# The reference leaves nothing out, and documents nothing that is not there.


def reference(name: str) -> str:
    return (DOCS / "reference" / f"{name}.rst").read_text()


def literals(page: str) -> set[str]:
    """Return the first words of all that the page prints as code."""
    return {match[1] for match in re.finditer(r"``(\w+)[^`]*``", page)}


def test_every_setting_has_its_section_with_its_default() -> None:
    found = re.findall(r"^``(\w+)``\n-+\n\nDefault: ``(.+)``$", reference("settings"), re.MULTILINE)
    documented = {name: ast.literal_eval(default) for name, default in found}
    known = {**conf.CORE_KEYS, **LiveSettings.own_keys(), **SubscriptionSettings.own_keys()}
    assert documented == {name: setting.default for name, setting in known.items()}


def test_every_setting_of_the_older_packages_is_in_the_table() -> None:
    rows = re.findall(r"^   \* - ``(.+)``\n     - ``(.+)``$", reference("settings"), re.MULTILINE)
    expected = {
        **{f'{older.LEGACY_DICT}["{old}"]': key for old, key in older.LEGACY_KEYS.items()},
        **older.LEGACY_SETTINGS,
    }
    assert dict(rows) == {old: f'NOTIFICATIONS["{key}"]' for old, key in expected.items()}


def test_every_check_has_its_entry() -> None:
    source = (ROOT / "notifications" / "checks.py").read_text()
    ids = set(re.findall(r"\"(notifications\.[EW]\d+)\"", source))
    assert set(re.findall(r"^\.\. describe:: (\S+)$", reference("checks"), re.MULTILINE)) == ids


def test_every_url_is_listed_with_its_path() -> None:
    listed = re.findall(r"^   \* - ``notifications:(\w+)``\n     - (\S+)$", reference("urls"), re.MULTILINE)
    paths = {pattern.name: str(pattern.pattern).replace("str:", "") for pattern in urls.urlpatterns}
    assert {name: path.replace("(empty)", "").strip("`") for name, path in listed} == paths


def test_every_tag_has_its_entry_with_its_arguments() -> None:
    entries = re.findall(r"^\.\. describe:: \{% (\w+)(.*) %\}$", reference("templates"), re.MULTILINE)
    documented = {name: re.findall(r"(\w+)=(\S+)", arguments) for name, arguments in entries}
    real = {}
    for name in notifications_tags.register.tags:
        parameters = inspect.signature(getattr(notifications_tags, name)).parameters.values()
        real[name] = [
            (parameter.name, repr(parameter.default).replace("'", '"'))
            for parameter in parameters
            # What follows a star is passed from Python.
            if parameter.default is not parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY
        ]
    assert documented == real


def test_every_filter_has_its_entry() -> None:
    documented = re.findall(r"^\.\. describe:: \{\{ \w+\|(\w+) \}\}$", reference("templates"), re.MULTILINE)
    assert sorted(documented) == sorted(notifications_tags.register.filters)


def test_every_template_has_its_section() -> None:
    directory = ROOT / "notifications" / "templates"
    templates = {path.relative_to(directory).as_posix() for path in directory.rglob("*.html")}
    assert set(re.findall(r"^``(\S+\.html)``\n~+$", reference("templates"), re.MULTILINE)) == templates


def test_every_global_of_the_script_is_listed() -> None:
    script = (ROOT / "notifications" / "static" / "notifications" / "notify.js").read_text()
    [functions] = re.findall(r"Object\.assign\(window, \{ (.+) \}\)", script)
    names = {*re.findall(r"^var (\w+)", script, re.MULTILINE), *functions.split(", ")}
    assert len(names) > 10
    assert names - literals(reference("templates")) == set()


def test_every_column_is_in_the_table() -> None:
    model: Any = get_notification_model()
    columns = {field.name for field in model._meta.get_fields()}
    assert columns - literals(reference("model")) == set()


@pytest.mark.parametrize(
    ("page", "documented"),
    [("model", AbstractNotification), ("queryset", NotificationQuerySet)],
)
def test_every_method_is_documented(page: str, documented: type) -> None:
    listed = re.search(rf"autoclass:: \S*{documented.__name__}\n   :members: (.+)", reference(page))
    assert listed is not None
    ours = [kind for kind in documented.__mro__ if kind.__module__.startswith("notifications.")]
    methods = {
        name
        for kind in ours
        for name, value in vars(kind).items()
        if not name.startswith("_") and isinstance(value, (property, classmethod, types.FunctionType))
    }
    # One sentence says that each verb can be awaited under a name with an "a" before it.
    methods -= {f"a{name}" for name in methods}
    # What Django adds to every model is Django's to document.
    methods = {name for name in methods if not re.match(r"get_(next|previous)_by_|get_\w+_display", name)}
    assert {name for name in listed[1].split(", ") if not name.startswith("_")} == methods


def test_every_argument_of_notify_is_in_the_table() -> None:
    parameters = inspect.signature(arguments.clean_event).parameters
    names = {*parameters, *inspect.signature(notify_handler).parameters}
    names -= {"model", "sender", "signal", "arguments", "extra"}
    assert {"idempotency_key", "recipient"} <= names
    assert names - literals(reference("notify")) == set()


@pytest.mark.parametrize("name", ["prune_notifications", "send_notification"])
def test_every_option_of_a_command_has_its_entry(name: str) -> None:
    command = load_command_class("notifications", name)
    options = {
        option for action in command.create_parser("", name)._actions for option in action.option_strings
    }
    inherited = BaseCommand().create_parser("", name)._actions
    own = options - {option for action in inherited for option in action.option_strings}
    _, _, section = reference("commands").partition(f"``{name}``\n---")
    described = re.findall(r"^``.*$", section.split("\n---", 1)[0], re.MULTILINE)
    assert {word for line in described for word in re.findall(r"--[\w-]+", line)} == own


def test_every_command_has_its_section() -> None:
    commands = {path.stem for path in (ROOT / "notifications" / "management" / "commands").glob("[!_]*.py")}
    assert set(re.findall(r"^``(\w+)``\n-+$", reference("commands"), re.MULTILINE)) == commands


def test_every_signal_has_its_entry() -> None:
    names = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    entries = re.findall(r"^\.\. data:: notifications\.signals\.(\w+)$", reference("notify"), re.MULTILINE)
    assert set(entries) == names


def test_every_old_import_path_is_in_the_table_and_works() -> None:
    rows = re.findall(r"^   \* - ``(notifications[.\w]*)``: (.+)$", reference("python"), re.MULTILINE)
    documented = {(module, name) for module, names in rows for name in re.findall(r"``(\w+)``", names)}
    for module, name in documented:
        assert hasattr(import_module(module), name), (module, name)
    for module in ("base.admin", "base.models", "helpers", "settings", "utils"):
        path = f"notifications.{module}"
        assert {(path, name) for name in import_module(path).__all__} <= documented
