"""How much memory is free."""

from __future__ import annotations

import os
import re
from pathlib import Path

#: Assumed where the system does not tell.
_UNKNOWN = 2_000_000_000
_MEMINFO = Path("/proc/meminfo")
#: The limit and the use of a container.
_CONTAINER = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def free_memory() -> int:
    """The bytes of memory that this process and others that it starts may still take: what the
    machine has left, and no more than what its container may use."""
    free = _of_machine()
    try:
        limit, used = (int(path.read_text()) for path in _CONTAINER)
    except (OSError, ValueError):  # there is no container, or it has no limit
        return free
    return min(free, max(limit - used, 0))


def _of_machine() -> int:
    try:
        available = re.search(r"MemAvailable:\s+(\d+) kB", _MEMINFO.read_text())
        if available is not None:
            return int(available[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (OSError, ValueError, AttributeError):
        return _UNKNOWN
