"""Run the calls of ``call_shapes.py`` in the older packages and in ours, and write what came into ``call_shapes.json``.

Each older package has a virtual environment of its own, made in ``.cache/call_shapes`` with a Django that it knew. Run
it when a shape was added, and read what changed: ``.venv/bin/python -m tests.compat.make_call_shapes``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".cache" / "call_shapes"
RECORD = HERE / "call_shapes.json"

OLDER = {
    "hq": ("django-notifications-hq==1.8.3", "Django~=4.2.0", "jsonfield~=3.1.0", "setuptools<81"),
    "community": ("django-notifications-community==1.12.3", "Django~=5.2.0"),
}
MODES = ("off", "on")


def environment(name: str) -> Path:
    """Return the Python of an older package's environment, made the first time."""
    folder = CACHE / name
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *OLDER[name]], check=True)
    return python


def outcomes(python: Path, mode: str, path: str = "") -> dict[str, str]:
    """Return what comes of each shape in the package that this Python finds."""
    done = subprocess.run(
        [python, HERE / "call_shapes.py", mode],
        env={**os.environ, "PYTHONPATH": path},
        cwd=CACHE,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def main() -> None:
    """Write the record."""
    CACHE.mkdir(parents=True, exist_ok=True)
    found = {
        mode: {
            **{name: outcomes(environment(name), mode) for name in OLDER},
            "ours": outcomes(Path(sys.executable), mode, str(ROOT)),
        }
        for mode in MODES
    }
    record = {
        shape: {mode: {name: found[mode][name][shape] for name in found[mode]} for mode in MODES}
        for shape in found["on"]["ours"]
    }
    RECORD.write_text(f"{json.dumps(record, indent=1)}\n")


if __name__ == "__main__":
    main()
