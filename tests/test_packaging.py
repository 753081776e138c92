"""The wheel that a site installs: what is in it, and that it works with nothing of this checkout around."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tarfile
import venv
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import django
import pytest

import notifications

# Once per Python and Django is enough: neither the database nor the settings have a part in it.
pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.shape("default")]

ROOT = Path(__file__).resolve().parent.parent
NAME = "django-notifications-inbox"

#: The distributions that a page may speak of installing or removing.
KNOWN = {NAME, "django-notifications-hq", "django-notifications-community"}
#: Where the seed is quoted, which says what was so when it was written.
QUOTES = {"tests/test_seed.py"}
#: What is a text, and where there are any beside those at the top.
TEXTS = {"", ".css", ".html", ".in", ".ini", ".js", ".md", ".po", ".py", ".rst", ".toml", ".yaml"}
FOLDERS = (".ci", "benchmarks", "docs", "example", "notifications", "tests")

SETTINGS = """
from pathlib import Path

SECRET_KEY = "only for tests"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).with_name("site.sqlite3")}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "notifications"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    },
]
ROOT_URLCONF = "smallest.urls"
"""

URLS = """
import notifications
from django.urls import include, path

urlpatterns = [path("inbox/notifications/", include(notifications.urls))]
"""

FIRST_NOTIFICATION = """
import django

django.setup()
from django.contrib.auth.models import User
from django.template.loader import get_template
from notifications import notify

user = User.objects.create_user("justquick")
notify.send(user, verb="reached level 10")
print(user.notifications.unread().count(), user.notifications.get())
get_template("notifications/list.html")
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist and, from that, the wheel, so that the sdist is known to be whole."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(ROOT)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    return directory


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel and what it requires, and nothing else, beside the Django of this run."""
    directory = tmp_path_factory.mktemp("clean")
    venv.create(directory, with_pip=False, symlinks=os.name != "nt")
    (executable,) = (*directory.glob("bin/python"), *directory.glob("Scripts/python.exe"))
    pip = [sys.executable, "-m", "pip", "--python", str(executable), "install", "--quiet"]
    process = subprocess.run(
        [*pip, str(wheel), f"Django=={django.__version__}"], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return executable


def run(python: Path, *arguments: str, cwd: Path, **environment: str) -> str:
    """Run Python with warnings as errors and none of this process's settings or paths; return what it prints."""
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("COV", "DJANGO_", "PYTHON"))
    }
    process = subprocess.run(
        [str(python), "-W", "error", *arguments],
        cwd=cwd,
        env=env | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout.strip()


def test_the_wheel_holds_the_whole_package_and_nothing_else(names: set[str]) -> None:
    source = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "notifications").rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".pyo"}
    }
    assert {name for name in names if ".dist-info/" not in name} == source


@pytest.mark.parametrize(
    "name",
    [
        "notifications/py.typed",
        "notifications/templates/notifications/list.html",
        "notifications/static/notifications/notify.js",
        "notifications/locale/id/LC_MESSAGES/django.mo",
        "notifications/locale/ru/LC_MESSAGES/django.mo",
    ],
)
def test_the_wheel_holds_what_is_not_python(names: set[str], name: str) -> None:
    assert name in names


def test_the_wheel_holds_the_licence(names: set[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_sdist_holds_the_tests_and_how_to_run_them(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "tests/run.py",
        "tests/test_packaging.py",
        "tests/settings/default.py",
        "tox.ini",
        "Makefile",
    } <= names
    assert not [name for name in names if name.endswith(".pyc")]


def test_the_sdist_holds_what_git_holds_and_nothing_else(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    listing = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    kept = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.splitlines()
    kept = [name for name in kept if (ROOT / name).is_file()]
    made = {name for name in names if ".egg-info/" in name} | {"PKG-INFO", "setup.cfg"}
    assert sorted(names - made) == sorted(set(kept) - {".gitignore"})


def test_the_links_of_the_description_lead_to_files_of_this_version(metadata: Message) -> None:
    description = str(metadata.get_payload())
    assert metadata["Description-Content-Type"] == "text/x-rst"
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert urls.keys() == {"Documentation", "Source", "Issues", "Changelog"}
    links = re.findall(r"<(\S+)>`_|image:: (\S+)", description)
    addresses = [link or image for link, image in links]
    places = {
        address: re.match(rf"{urls['Source']}/(?:blob|raw)/\w[\w.]*/(.+)", address) for address in addresses
    }
    assert len(places) > 10
    assert [address for address, place in places.items() if not (place and (ROOT / place[1]).exists())] == []


def test_the_classifiers_say_what_the_readme_says(metadata: Message) -> None:
    classifiers = metadata.get_all("Classifier", [])

    def versions(name: str) -> list[str]:
        return [found[1] for each in classifiers if (found := re.fullmatch(rf"{name} :: (\d+\.\d+)", each))]

    readme = (ROOT / "README.rst").read_text()
    for name, start in (("Programming Language :: Python", "Python"), ("Framework :: Django", "Django")):
        [line] = re.findall(rf"^{start} {{2,}}(.+)$", readme, re.MULTILINE)
        assert re.findall(r"\d+\.\d+", line) == versions(name)


def test_the_metadata_says_the_version_of_the_package(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"]) == (NAME, notifications.__version__)


def test_the_metadata_says_the_licence_and_the_pythons(metadata: Message) -> None:
    assert (metadata["License-Expression"], metadata["Requires-Python"]) == ("BSD-3-Clause", ">=3.10")


def test_only_django_and_model_utils_are_required(metadata: Message) -> None:
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert sorted(required) == ["Django>=5.2", "django-model-utils>=5.0"]


def requirements(text: str) -> list[tuple[str, str]]:
    """Return what of our name a text says to install, or asks for by an extra: the distributions and their extras."""
    name = r"(?<![\w./-])(django-notifications[\w-]*)"
    commands = re.findall(r"\bpip\s+install\s+([^\n`]*)", text)
    return [
        *(found for command in commands for found in re.findall(rf"{name}(?:\[([\w,]*)\])?", command)),
        *re.findall(rf"{name}\[([\w,]+)\]", text),
    ]


def texts() -> dict[str, str]:
    """Return the texts of this checkout by their paths, without what was made of it."""
    paths = [path for path in ROOT.iterdir() if path.is_file()]
    paths += [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(errors="replace")
        for path in paths
        if path.suffix in TEXTS and "_build" not in path.parts
    }


def test_a_requirement_is_found_wherever_it_stands() -> None:
    old = NAME.removesuffix("-inbox")
    assert requirements(f"$ python -m pip install {old}\n") == [(old, "")]
    assert requirements(f"with ``pip install\n{old}[redis]``.") == [(old, "redis"), (old, "redis")]
    assert requirements(f'    "{old}[demo,test]",') == [(old, "demo,test")]
    assert requirements(f"``pip install`` and {old}; pip install path/to/{old}") == []


def test_nothing_says_to_install_somebody_elses_package() -> None:
    extras = re.findall(
        r"^(\w+) = \[",
        (ROOT / "pyproject.toml")
        .read_text()
        .partition("[project.optional-dependencies]")[2]
        .partition("\n[")[0],
        re.MULTILINE,
    )
    found = {path: requirements(text) for path, text in texts().items() if path not in QUOTES}
    named = [(path, name) for path, asked in found.items() for name, _ in asked]
    assert {("pyproject.toml", NAME), ("notifications/storage/fields.py", NAME)} <= set(named)
    assert [(path, name) for path, name in named if name not in KNOWN] == []
    asked_for = {extra for asked in found.values() for _, text in asked for extra in text.split(",") if extra}
    assert asked_for - set(extras) == set()


def test_a_checkout_is_installed_as_the_pages_say(built: Path, tmp_path: Path) -> None:
    commands = set()
    for page in ("README.rst", "docs/quickstart.rst", "docs/tutorial.rst", "docs/upgrade.rst"):
        text = (ROOT / page).read_text()
        # One sentence says why it is not installed by its name.
        assert re.search(rf"Until\s+``{NAME}``\s+is published", text), page
        commands |= set(re.findall(r"^ *\$ python (-m pip install .+)$", text, re.MULTILINE))
    [command] = commands
    # Not this checkout itself, in which setuptools would leave what it built.
    [source] = built.glob("*.tar.gz")
    # With its default filter: Python 3.11.2, that of Debian 12, knows none.
    subprocess.run([sys.executable, "-m", "tarfile", "-e", source, tmp_path], check=True)
    [checkout] = tmp_path.iterdir()
    words = shlex.split(command.replace("path/to/checkout", str(checkout)))
    offline = ["--quiet", "--no-deps", "--no-build-isolation", "--target", str(tmp_path / "site")]
    process = subprocess.run([sys.executable, *words, *offline], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "site" / "notifications" / "apps.py").is_file()


def test_an_extra_can_be_had_by_the_name_of_what_came_from_a_checkout(python: Path) -> None:
    # What the hints in our errors say works before the name is published, too.
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--dry-run", "--no-deps"]
    process = subprocess.run([*pip, f"{NAME}[redis]"], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert f"Requirement already satisfied: {NAME}" in process.stdout


def test_the_package_can_be_imported_before_there_are_settings(python: Path, tmp_path: Path) -> None:
    said = run(
        python,
        "-c",
        "import notifications; print(notifications.notify, notifications.__file__)",
        cwd=tmp_path,
    )
    assert str(python.parent.parent) in said


def test_the_smallest_site_checks_migrates_and_notifies(python: Path, tmp_path: Path) -> None:
    (tmp_path / "smallest").mkdir()
    (tmp_path / "smallest" / "settings.py").write_text(SETTINGS)
    (tmp_path / "smallest" / "urls.py").write_text(URLS)
    environment = {"DJANGO_SETTINGS_MODULE": "smallest.settings", "PYTHONPATH": str(tmp_path)}
    run(python, "-m", "django", "check", "--fail-level", "WARNING", cwd=tmp_path, **environment)
    run(python, "-m", "django", "migrate", "--verbosity", "0", cwd=tmp_path, **environment)
    said = run(python, "-c", FIRST_NOTIFICATION, cwd=tmp_path, **environment)
    assert said == "1 justquick reached level 10 0\N{NO-BREAK SPACE}minutes ago"
