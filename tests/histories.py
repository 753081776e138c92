"""How a state machine of Hypothesis is played: other histories in each run, and those of another run again.

``SEED``, which is printed, plays those of another run, and makes a short one of a history that fails, which takes
minutes.
"""

from __future__ import annotations

import os
import random
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

SEED = os.environ.get("SEED")


def play(machine: type[RuleBasedStateMachine], *, histories: int, steps: int) -> None:
    """Play so many histories of so many steps."""
    number = int(SEED or random.randrange(2**32))  # noqa: S311 - nobody is to guess it wrong
    print(f"SEED={number} for {histories} histories")
    seeded: Any = seed(number)(machine)
    run_state_machine_as_test(
        seeded,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            database=None,
            phases=[Phase.generate, *([Phase.shrink] if SEED else [])],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
