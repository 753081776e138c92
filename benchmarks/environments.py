"""A virtual environment for each older package, installed from where pip installs, and kept in ``.cache/bench``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"

DRIVERS = ("psycopg[binary]>=3.1.18", "PyMySQL>=1.1.1")

#: What is installed for each candidate; ``{django}`` is the version that this environment has, which runs ours.
REQUIREMENTS = {
    "community": ("django-notifications-community", "Django=={django}", *DRIVERS),
    "activity_stream": ("django-activity-stream", "Django=={django}", *DRIVERS),
    # Django 5.1 removed index_together; distutils, which Python 3.12 removed, comes with setuptools.
    "hq": ("django-notifications-hq==1.8.3", "Django~=5.0.0", "setuptools<81", *DRIVERS),
}


def interpreter(candidate: str) -> Path:
    """Return the Python of the candidate's environment, made if it is not there as it should be."""
    # The floor works on our table.
    if candidate in {"ours", "floor"}:
        return Path(sys.executable)
    wanted = [requirement.format(django=version("Django")) for requirement in REQUIREMENTS[candidate]]
    folder = CACHE / f"{candidate}-py{sys.version_info.major}.{sys.version_info.minor}"
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    if not (stamp.exists() and stamp.read_text() == "\n".join(wanted)):
        print(f"installing {candidate}: {' '.join(wanted)}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE.parent / ".gitignore").write_text("*\n")
        # The pip of this environment installs into it, which saves installing another one.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
        subprocess.run([*pip, "--quiet", "--disable-pip-version-check", *wanted], check=True)
        stamp.write_text("\n".join(wanted))
    return python
