"""Processes that tests start."""

from __future__ import annotations

import shutil


def with_us(signal_name: str) -> list[str]:
    """Return what makes a command get a signal, such as TERM, when the process that starts it is killed outright."""
    return ["setpriv", f"--pdeathsig={signal_name}"] if shutil.which("setpriv") else []
