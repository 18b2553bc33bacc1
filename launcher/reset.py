"""`python -m launcher.reset`: forget everything under var/, unless a portal is running on it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from launcher.environment import LOCK_NAME, ROOT, sole_use
from launcher.errors import LauncherError


def reset(var_folder: Path) -> bool:
    """Delete the folder; tell whether there was one.

    :raises LauncherError: when a portal runs on it, or when no launcher has ever used it.
    """
    if not var_folder.exists():
        return False
    if not (var_folder / LOCK_NAME).exists():
        raise LauncherError(f"{var_folder} was not made by `make run`; it is left alone.")
    with sole_use(var_folder):
        shutil.rmtree(var_folder)
    return True


def main() -> int:
    """Delete what VAR_DIR names, var/ by default; return the exit code."""
    var_folder = Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve()
    try:
        was_there = reset(var_folder)
    except LauncherError as error:
        print(f"reset: {error}", file=sys.stderr)
        return 1
    print(f"{var_folder} is gone." if was_there else f"There is no {var_folder}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
