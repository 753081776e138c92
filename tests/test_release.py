"""A release is refused when its tag, its version and its changelog differ."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / ".ci" / "release.py"

FILES = {
    "notifications/__init__.py": '__version__ = "2.0.0"\n',
    "CHANGELOG.rst": "Changelog\n=========\n\n2.0.0 (2026-12-01)\n------------------\n\n1.0\n---\n",
    "pyproject.toml": '[project.urls]\nSource = "https://code.test/notifications"\n',
}


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@code.test"]
    command = ["git", "-C", str(root), *identity, *words]
    subprocess.run(command, check=True, capture_output=True)


def dry_run(root: Path, tag: str = "v2.0.0") -> tuple[int, str]:
    command = [sys.executable, str(SCRIPT), tag, "--dry-run", "--root", str(root)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    return process.returncode, process.stdout + process.stderr


def commit(root: Path, **changes: str) -> Path:
    """Commit the files of a release, with some of them changed, and tag it."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(changes.get(Path(name).stem.strip("_"), text))
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "Release 2.0.0")
    git(root, "tag", "v2.0.0")
    return root


def test_a_release_whose_tag_version_and_changelog_agree_is_accepted(tmp_path: Path) -> None:
    assert dry_run(commit(tmp_path)) == (0, "v2.0.0 can be released.\n")


@pytest.mark.parametrize(
    ("make", "tag", "said"),
    [
        (lambda root: commit(root, init='__version__ = "2.0.0.dev0"\n'), "v2.0.0", 'which has "2.0.0.dev0"'),
        (
            lambda root: commit(root, CHANGELOG=FILES["CHANGELOG.rst"].replace("2026-12-01", "unreleased")),
            "v2.0.0",
            "it is '2.0.0 (unreleased)'",
        ),
        (
            lambda root: commit(root, CHANGELOG="Unreleased\n----------\n" + FILES["CHANGELOG.rst"]),
            "v2.0.0",
            "it is 'Unreleased'",
        ),
        (
            lambda root: commit(root, pyproject='Source = "https://code.example/notifications"\n'),
            "v2.0.0",
            "nobody can open: https://code.example/notifications",
        ),
        (commit, "v2.0.1", 'needs __version__ = "2.0.1"'),
        (commit, "v2.0.1", "does not have the tag v2.0.1"),
        (commit, "2.0.0", "must look like v2.0.0"),
        (lambda root: (commit(root) / "new.txt").write_text(""), "v2.0.0", "?? new.txt"),
        (
            lambda root: git(commit(root), "commit", "--allow-empty", "-m", "Later"),
            "v2.0.0",
            "does not have the tag",
        ),
    ],
)
def test_a_release_with_a_mistake_is_refused_and_says_why(
    make: Callable[[Path], object], tag: str, said: str, tmp_path: Path
) -> None:
    make(tmp_path)
    status, output = dry_run(tmp_path, tag)
    assert status == 1
    assert said in output
