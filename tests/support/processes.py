"""The processes of this machine, as far as tests look for those that they have started."""

from __future__ import annotations

from pathlib import Path


def children_of(parent_pid: int) -> list[int]:
    """Return the pids of the processes that a process has forked and that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it ended meanwhile
        # The name, in parentheses, may hold anything; state and parent follow it.
        state, parent = text.rpartition(")")[2].split()[:2]
        if int(parent) == parent_pid and state != "Z":
            found.append(int(status.parent.name))
    return found
