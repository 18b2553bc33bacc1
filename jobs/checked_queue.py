"""The queue as a worker takes it: what is no job's id at all is thrown away before anything reads it."""

from __future__ import annotations

import re
from typing import Any

from rq import Queue
from rq.intermediate_queue import IntermediateQueue
from rq.utils import now

from jobs.allowed_jobs import CheckedJob
from services import security_log
from services.security_log import SecurityEvent

_JOB_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")


class CheckedQueue(Queue):
    """A queue whose jobs are checked ones."""

    job_class = CheckedJob

    @classmethod
    def lmove(cls, connection: Any, queue_key: str, timeout: int | None) -> Any:
        """Take the next id, as RQ does; an id that RQ could not read would end every worker, one after the other."""
        while True:
            found = super().lmove(connection, queue_key, timeout)
            if found is None or _JOB_ID.fullmatch(found[1]):
                return found
            connection.lrem(IntermediateQueue.get_intermediate_queue_key(queue_key), 0, found[1])
            security_log.write(SecurityEvent.JOB_REFUSED, now=now(), reason="its id is none of a job")
