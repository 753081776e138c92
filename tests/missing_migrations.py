"""Look for migrations that are missing, in every install shape: a part of ``make lint``."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SETTINGS = Path(__file__).resolve().parent / "settings"
SHAPES = sorted(path.stem for path in SETTINGS.glob("[!_]*.py") if path.stem != "databases")


def check(shape: str) -> tuple[int, str]:
    """Return the exit status and the output of ``makemigrations --check`` in this shape."""
    command = [sys.executable, "-W", "error", "-m", "django", "makemigrations", "--check", "--dry-run"]
    process = subprocess.run(
        [*command, "--settings", f"tests.settings.{shape}"],
        cwd=SETTINGS.parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout


def main() -> int:
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(SHAPES, pool.map(check, SHAPES), strict=True))
    for shape, (status, output) in results.items():
        if status:
            print(f"tests.settings.{shape}:\n{output}")
    return int(any(status for status, _ in results.values()))


if __name__ == "__main__":
    raise SystemExit(main())
