"""Run a command three times beside two busy processes for each processor: ``make test-loaded``.

Stops at the first run that fails. What is proven is that no test depends on how fast the machine is.
"""

from __future__ import annotations

import os
import subprocess
import sys

RUNS = 3
BUSY = 2 * (os.cpu_count() or 1)


def main() -> int:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY)]
    try:
        for number in range(1, RUNS + 1):
            print(f"##### run {number} of {RUNS}, beside {BUSY} busy processes", flush=True)
            status = subprocess.run(sys.argv[1:], check=False).returncode
            if status:
                return status
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
