"""The documentation does what it says: its pages are walked through, and the reference leaves nothing out."""

from __future__ import annotations

import ast
import doctest
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import types
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import polib
import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand
from django.dispatch import Signal

from docs import settings_table
from notifications import conf, signals, urls
from notifications.compat import settings as older
from notifications.conf import get_notification_model
from notifications.contrib.delivery.conf import Settings as DeliverySettings
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
# What a reader types into the shell on each of these pages, in a database with nothing in it. A process looks up each
# content type once; examples count what comes after.
PAGES = f"""
import doctest, json, os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
django.setup()
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import call_command
class Checker(doctest.OutputChecker):
    def check_output(self, want, got, flags):
        return super().check_output(want, got.replace(chr(0xA0), " "), flags)
failures = {{}}
for page in sys.argv[1:]:
    call_command("flush", interactive=False, verbosity=0)
    cache.clear()
    ContentType.objects.clear_cache()
    ContentType.objects.get_for_models(*apps.get_models())
    runner = doctest.DocTestRunner(Checker(), optionflags={FLAGS})
    said = []
    runner.run(doctest.DocTestParser().get_doctest(open(page).read(), {{}}, page, page, 0), out=said.append)
    if runner.failures or not runner.tries:
        failures[page] = "".join(said)
print(json.dumps(failures))
"""
# The commands of a page that are not for a test to run: they need the network, a person, or the whole checkout.
INSTALL = re.compile(
    r"python -m pip (install (path/to/checkout|djangorestframework|mypy [\w -]+)|uninstall [\w -]+)$"
)
OPEN = re.compile(r"python manage.py (shell|runserver)$")
MAKE = re.compile(r"make ([\w-]+)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code on a page, and the file that the page says it belongs in."""

    language: str
    file: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the code blocks of a page. The file is in the caption, or in a comment on the first line."""
    found = []
    pattern = r"^( *)\.\. code-block:: (\S+)\n((?:\1   :.*\n)*)\n((?:\1   .*\n|\s*\n)+)"
    for _, language, options, text in re.findall(pattern, page + "\n", re.MULTILINE):
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

    def copy(self, directory: Path) -> Site:
        """Return a project that goes on from here in a directory of its own."""
        return Site(shutil.copytree(self.directory, directory, dirs_exist_ok=True))

    def walk(self, page: str) -> None:
        """Do what the page says, in its order. A block that belongs in no file is an excerpt.

        A shell stays open until a command is typed or a file is written.
        """
        session = ""
        for block in blocks(page):
            if block.language == "pycon":
                session += block.text + "\n"
            elif block.language == "console" or block.file:
                if session:
                    self.shell(session)
                    session = ""
                self.type(block.text) if block.language == "console" else self.save(block)
        if session:
            self.shell(session)

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
            elif command.split()[-1] == "compilemessages":
                # Without GNU gettext, which not every machine has.
                for catalogue in self.directory.rglob("*.po"):
                    polib.pofile(str(catalogue)).save_as_mofile(str(catalogue.with_suffix(".mo")))
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


#: The heading of the tutorial from which on optional apps are installed.
OPTIONAL = "Let users subscribe\n---"


def text(page: str) -> str:
    """Return a page of the documentation."""
    return (DOCS / f"{page}.rst").read_text()


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Site]:
    """The projects in which the pages begin, by name. Copy them."""
    project = Site(tmp_path_factory.mktemp("project"))
    # A project as Django starts it: what a reader who has one already has.
    project.type("$ django-admin startproject mysite .\n")
    quickstart = project.copy(tmp_path_factory.mktemp("quickstart"))
    quickstart.walk(text("quickstart"))
    tutorial = Site(tmp_path_factory.mktemp("tutorial"))
    tutorial.walk(text("tutorial").partition(OPTIONAL)[0])
    return {"project": project, "quickstart": quickstart, "tutorial": tutorial}


def test_a_block_is_read_whole() -> None:
    page = "1. .. code-block:: x\n\n* y\n\n  .. code-block:: python\n     :caption: a.py\n\n     b\n\n       c\n\n  d\n"
    assert blocks(page) == [Block("python", "a.py", "b\n\n  c\n")]


LOG_IN_AT_THE_INBOX = """
>>> from django.conf import settings
>>> from django.test import Client
>>> settings.ALLOWED_HOSTS.append("testserver")
>>> client = Client()
>>> client.get("/inbox/notifications/").headers["Location"]
'/admin/login/?next=/inbox/notifications/'
>>> form = {"username": "brosner", "password": "demo"}
>>> page = client.post("/admin/login/?next=/inbox/notifications/", form, follow=True)
>>> page.redirect_chain, "started to follow" in page.content.decode()
([('/inbox/notifications/', 302)], True)
"""


def test_the_quickstart_of_the_readme_works(bases: dict[str, Site], tmp_path: Path) -> None:
    site = bases["project"].copy(tmp_path)
    site.walk(README.read_text())
    # What it tells the reader to do in a browser.
    site.shell(LOG_IN_AT_THE_INBOX)


def test_the_quickstart_of_the_readme_fits_on_a_screen() -> None:
    code = "".join(block.text for block in blocks(README.read_text()) if "$ make" not in block.text)
    lines = [line for line in code.splitlines() if line and not line.startswith(("#", "$ python -m pip"))]
    assert len(lines) <= 15


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


def test_the_quickstart_works(bases: dict[str, Site]) -> None:
    # What it tells the reader to do in a browser.
    bases["quickstart"].shell(LOG_IN_AT_THE_ADMIN)


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
>>> '<span class="ntf-badge" data-ntf-count="unseen">2</span>' in page, "notifications.css" in page
(True, True)
>>> page = brosner.get("/issues/1/").content.decode()
>>> "Which feeds?" in page, "inbox/watching/" in page
(True, True)
"""


def test_the_tutorial_works(bases: dict[str, Site], tmp_path: Path) -> None:
    site = bases["tutorial"].copy(tmp_path)
    site.walk(text("tutorial").partition(OPTIONAL)[2])
    # What it tells the reader to do in two browsers.
    site.shell(CLOSE_THE_ISSUE)


@pytest.mark.parametrize("page", [README, DOCS / "quickstart.rst", DOCS / "tutorial.rst"])
def test_a_page_to_follow_has_no_excerpts(page: Path) -> None:
    excerpts = [
        block
        for block in blocks(page.read_text())
        if not block.file and block.language not in {"console", "pycon"}
    ]
    assert excerpts == []


TEMPLATES = """
.. code-block:: python
   :caption: mysite/settings.py, at the end

   TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
"""

COMPILE = """
>>> from django.template import engines
>>> for text in {templates!r}:
...     template = engines["django"].from_string("{{% load notifications_tags static %}}" + text)
"""

INBOX = """
>>> from django.conf import settings
>>> from django.contrib.auth.models import User
>>> from django.test import Client
>>> settings.ALLOWED_HOSTS.append("testserver")
>>> client = Client()
>>> client.force_login(User.objects.get(username="brosner"))
>>> page = client.get("/inbox/notifications/").content.decode()
>>> "<h1>My site</h1>" in page, "justquick" in page, "ago, new</p>" in page, "notifications.js" in page
(True, True, True, True)
>>> 'aria-label="Mark as read"' in page, ">Mark as read</button>" in page
(True, False)
>>> from django.test import RequestFactory
>>> from mysite.views import latest
>>> request = RequestFactory().get("/")
>>> request.user = User.objects.get(username="brosner")
>>> ">Mark as read</button>" in latest(request).content.decode()
True
"""

LIVE = """
>>> from django.contrib.auth.models import User
>>> from django.core.management import call_command
>>> from django.test import Client
>>> from mysite.asgi import application
>>> call_command("check")
System check identified no issues (0 silenced).
>>> client = Client(SERVER_NAME="localhost")
>>> client.force_login(User.objects.get(username="brosner"))
>>> client.get("/inbox/live/").status_code
204
"""

REST = """
>>> from django.contrib.auth.models import User
>>> from django.test import Client
>>> client = Client(SERVER_NAME="localhost")
>>> client.force_login(User.objects.get(username="brosner"))
>>> client.post("/api/notifications/x/read/").status_code
404
"""

#: The pages that are followed from the beginning to the end, with the project in which they begin, what one does first,
#: and what is so at the end.
FOLLOWED = {
    "deployment": ("tutorial", "", ">>> from mysite.asgi import application\n"),
    "howto/change-the-recipients": ("quickstart", "", ""),
    "howto/customise-a-template": ("quickstart", "", INBOX),
    "howto/customise-the-sentence": ("quickstart", TEMPLATES, ""),
    "howto/deliver": ("quickstart", "", ""),
    "howto/django-rest-framework": ("tutorial", "", REST),
    "howto/link-elsewhere": ("tutorial", "", ""),
    "howto/live": ("tutorial", "", LIVE),
    "howto/notify-who-cares": ("quickstart", "", ""),
    "howto/register-types": ("quickstart", "", ""),
    "howto/send-email": ("tutorial", "", ""),
    "howto/swap-later": ("quickstart", "", ""),
    "howto/swap-the-model": ("project", "", ""),
    "howto/test-notifications": ("tutorial", "", ""),
    "howto/translate-verbs": ("tutorial", "", ""),
    "howto/unread-count": ("tutorial", "", ""),
    "howto/visibility": ("tutorial", "", ""),
    "howto/write-a-channel": ("quickstart", "", ""),
}


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_can_be_followed(page: str, bases: dict[str, Site], tmp_path: Path) -> None:
    base, first, at_the_end = FOLLOWED[page]
    site = bases[base].copy(tmp_path)
    site.walk(first)
    site.walk(text(page))
    if at_the_end:
        site.shell(at_the_end)


def pages() -> dict[str, str]:
    """Return all pages of the documentation by their names."""
    paths = [path for path in DOCS.rglob("*.rst") if "_build" not in path.parts]
    return {path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text() for path in paths}


def test_the_examples_of_all_other_pages_run_in_the_shell_of_the_tutorial(
    bases: dict[str, Site], tmp_path: Path
) -> None:
    """From the top of the page, in one session, with nothing that the page does not define or import."""
    site = bases["tutorial"].copy(tmp_path)
    others = {name for name, page in pages().items() if re.search(r"^ *>>> ", page, re.MULTILINE)} - {
        *FOLLOWED,
        "quickstart",
        "tutorial",
    }
    paths = [str(DOCS / f"{name}.rst") for name in sorted(others)]
    # What is logged comes before.
    *_, failures = site.run([sys.executable, "-c", PAGES, *paths]).splitlines()
    assert "\n".join(json.loads(failures).values()) == ""
    assert len(paths) > 10


def test_every_excerpt_is_correct_in_its_language(bases: dict[str, Site], tmp_path: Path) -> None:
    templates, problems = [], []
    for name, page in pages().items():
        for block in blocks(page):
            if block.language == "python" and "..." not in block.text:
                try:
                    compile(block.text, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                except SyntaxError as error:
                    problems.append(f"{name}: {error}")
            elif block.language == "html+django" and "{% extends" not in block.text:
                templates.append(block.text)
    assert problems == []
    site = bases["quickstart"].copy(tmp_path)
    apps = [path.parent.name for path in (ROOT / "notifications" / "contrib").glob("*/apps.py")]
    installed = "".join(f'INSTALLED_APPS += ["notifications.contrib.{app}"]\n' for app in apps)
    site.save(Block("python", "mysite/settings.py, at the end", installed))
    site.shell(COMPILE.format(templates=templates))


def test_no_file_of_a_site_shows_the_text_of_a_sender_where_an_object_is_hidden() -> None:
    shows = re.compile(
        r"\b(row|notice|notification)\.(data|description)\b|\bfields = .*\"(data|description)\""
    )
    found = [block for page in pages().values() for block in blocks(page) if shows.search(block.text)]
    files = [block for block in found if block.file]
    assert len(files) >= 3
    assert [block.file for block in files if "is_hidden" not in block.text] == []


def test_the_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"<([^<>]+)>`_", README.read_text())
    assert "docs/tutorial.rst" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_pictures_are_small_and_each_is_shown() -> None:
    pictures = {path.name: path.stat().st_size for path in (DOCS / "images").iterdir()}
    assert len(pictures) == 8 + 1
    # The animation has six pictures.
    assert pictures["live.gif"] < 250_000
    assert max(size for name, size in pictures.items() if name != "live.gif") < 150_000
    shown = re.findall(r"image:: images/(\S+)", text("pictures") + text("tutorial"))
    assert set(shown) == set(pictures)
    readme = re.findall(r"image:: docs/images/(\S+)", README.read_text())
    assert set(readme) == set(pictures) - {"bell-dark.png", "inbox-thread.png", "tutorial.png"}


# The reference leaves nothing out, and documents nothing that is not there.


def reference(name: str) -> str:
    return (DOCS / "reference" / f"{name}.rst").read_text()


def literals(page: str) -> set[str]:
    """Return the first words of all that the page prints as code."""
    return {match[1] for match in re.finditer(r"``(\w+)[^`]*``", page)}


def test_every_setting_has_its_section_with_its_default() -> None:
    found = re.findall(r"^``(\w+)``\n-+\n\nDefault: ``(.+)``$", reference("settings"), re.MULTILINE)
    documented = {name: ast.literal_eval(default) for name, default in found}
    known = {
        **conf.CORE_KEYS,
        **DeliverySettings.own_keys(),
        **LiveSettings.own_keys(),
        **SubscriptionSettings.own_keys(),
    }
    assert documented == {name: setting.default for name, setting in known.items()}


def test_the_table_of_settings_has_every_setting_with_what_it_is_for() -> None:
    found = {row.name: row for row in settings_table.rows()}
    assert (
        found.keys()
        >= {**conf.CORE_KEYS, **LiveSettings.own_keys(), **SubscriptionSettings.own_keys()}.keys()
    )
    assert [row.name for row in found.values() if not row.purpose.endswith(".")] == []
    assert found["PAGE_SIZE"] == settings_table.Row(
        "PAGE_SIZE", "int", "20", "notifications", "Rows on a page of the list views."
    )
    assert found["FANOUT_CHUNK"].type == "int or None"
    assert (found["LIVE_BUS"].default, found["PARENTS"].type) == ('"poll"', "dict")
    assert settings_table.table().count("* - `") == len(found)


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
    entries = re.split(r"^\.\. describe:: (\S+)$", reference("checks"), flags=re.MULTILINE)[1:]
    assert set(entries[::2]) == ids
    assert [
        name for name, entry in zip(entries[::2], entries[1::2], strict=True) if "**What to do**" not in entry
    ] == []


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
    # What Django adds to every model, and calls itself, is Django's to document.
    methods -= {"from_db", "refresh_from_db"}
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
