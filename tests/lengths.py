"""How many examples the slowest properties are tried with: few in a run of all tests.

``LIFECYCLE_EXAMPLES=10`` in the environment tries ten times as many.
"""

from __future__ import annotations

import os

_TIMES = float(os.environ.get("LIFECYCLE_EXAMPLES", "1"))


def examples(count: int) -> int:
    """So many examples, or as many times more as the environment asks for."""
    return max(1, round(count * _TIMES))
