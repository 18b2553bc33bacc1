"""What processors have worked for a measurement: unlike the time, nearly the same on a busy machine."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from sqlalchemy import text

from models import db


def processor_seconds() -> float:
    """Return what processors have worked so far for this process and its database, in seconds.

    Unlike the time, it is the same on a busy machine. PostgreSQL: of all processes of the cluster, also of those
    that have ended (Linux).
    """
    own = time.process_time()
    if db.engine.dialect.name == "sqlite":
        return own
    with db.engine.connect() as connection:
        backend_id = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    # The parent of each of them: the second value after the name in parentheses.
    main_id = Path(f"/proc/{backend_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name in parentheses: state, parent, …; 11 and 12 are own time, 13 and 14 ended children's.
            values = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            if path.parent.name == main_id:
                ticks += sum(int(value) for value in values[11:15])
            elif values[1] == main_id:
                ticks += int(values[11]) + int(values[12])
    return own + ticks / os.sysconf("SC_CLK_TCK")
