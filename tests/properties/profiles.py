"""How much is tried: little and always the same in the ordinary suite, much and by a printed seed in `make soak`."""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, settings

SHORT = settings(
    max_examples=10,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(SHORT, derandomize=False, max_examples=60, stateful_step_count=60)


def chosen_seed() -> int:
    """Return SEED, or one by chance, and print it: the same seed tries the same."""
    chosen = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    print(f"SEED={chosen}")
    return chosen
