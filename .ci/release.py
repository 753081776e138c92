"""Refuse a release whose tag, version and changelog differ; build and check the others. Nothing is uploaded.

Run ``python .ci/release.py v2.0.0`` on the commit that has the tag ``v2.0.0``. With ``--dry-run`` nothing is built, and
only what is wrong is printed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def problems(root: Path, tag: str) -> Iterator[str]:
    """Yield all reasons why this checkout cannot be released with this tag."""
    version = tag.removeprefix("v")
    if not re.fullmatch(r"v\d+\.\d+(\.\d+)?((a|b|rc)\d+)?", tag):
        yield f"The tag must look like v2.0.0 or v2.1.0rc1, got {tag!r}."
    [code] = re.findall(
        r'^__version__ = "(.+)"', (root / "notifications/__init__.py").read_text(), re.MULTILINE
    )
    if code != version:
        yield f'The tag {tag} needs __version__ = "{version}" in notifications/__init__.py, which has "{code}".'
    [newest, *_] = re.findall(r"^(.+)\n-+$", (root / "CHANGELOG.rst").read_text(), re.MULTILINE)
    if not re.fullmatch(re.escape(version) + r" \(\d{4}-\d\d-\d\d\)", newest):
        yield f"The first heading of CHANGELOG.rst must be {version} with the date of today, it is {newest!r}."
    for address in re.findall(r'"(https?://[^"]+)"', (root / "pyproject.toml").read_text()):
        if re.match(r"https?://[^/]*\.example(/|$)", address):
            yield f"[project.urls] has an address that nobody can open: {address}."
    if said := git(root, "status", "--porcelain"):
        yield f"There are changes that are not committed:\n{said}"
    if tag not in git(root, "tag", "--points-at", "HEAD").split():
        yield f"This commit does not have the tag {tag}: git tag --annotate {tag}."


def git(root: Path, *words: str) -> str:
    """Return what git says about a checkout."""
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip()


def build(root: Path) -> list[str]:
    """Build and check the distributions, and return their paths."""
    dist = root / "dist"
    for old in dist.glob("*"):
        old.unlink()
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(dist), str(root)], check=True)
    made = sorted(map(str, dist.glob("*")))
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *made], check=True)
    return made


def main() -> int:
    """Return 0 if this checkout can be released."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tag", help="the tag of the release, such as v2.0.0")
    parser.add_argument("--dry-run", action="store_true", help="only print what is wrong")
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the checkout"
    )
    options = parser.parse_args()
    found = list(problems(options.root, options.tag))
    if found:
        print(*found, sep="\n")
        return 1
    if options.dry_run:
        print(f"{options.tag} can be released.")
        return 0
    print("Built and checked. To publish, run: python -m twine upload", *build(options.root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
