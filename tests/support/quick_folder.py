"""A folder in memory for what is written much and thrown away, where there is room for it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - nothing in it is found by its name
#: What the databases of one run may take, many times over.
ROOM_BYTES = 2 * 1024**3
#: Seconds within which a folder that was just made has been locked.
LOCKED_WITHIN = 60.0


@contextmanager
def quick_folder(prefix: str) -> Iterator[Path]:
    """Give an empty folder, in memory when that has room, and delete it afterwards.

    What a killed run left there is deleted by the next: a run that lives holds a lock on its folder.
    """
    parent = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES else None
    if parent is not None:
        _delete_what_was_left(parent, prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as name:
        held = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(held)


def _delete_what_was_left(parent: Path, prefix: str) -> None:
    for left in parent.glob(f"{prefix}*"):
        # Another run may delete it at the same time.
        with suppress(OSError):
            if time.time() - left.stat().st_mtime < LOCKED_WITHIN:
                continue
            tried = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(tried, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(tried)
