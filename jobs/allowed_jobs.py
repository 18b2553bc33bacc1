"""Which jobs may run: the timetable's own functions, without arguments. Everything else in the queue is refused.

Whoever can write to Redis decides what a hash there says. RQ would resolve any name in it by importing, would call
callbacks and web hooks that it names, and would have a pickle unpacked by the serializer that a program happens to
use. So a job is read here field by field, what it asks for is compared with a table made at the start, and what is
called comes from that table. Nothing of a hash is ever imported, unpickled or resolved. Source: decision 0014.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from redis.exceptions import ResponseError
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import decode_redis_hash

from jobs import tasks
from jobs.schedule import TIMETABLE
from services import doorbell

#: Name as the queue has it → what is called for it.
ALLOWED: dict[str, Callable[[], None]] = {
    doorbell.function_name(entry.job_name): getattr(tasks, entry.job_name) for entry in TIMETABLE
}
#: Packed and unpacked, no ring has more bytes; what has is not unpacked further.
LARGEST_DATA = 4096
#: What RQ may read of a hash: how far a job has come. All else (callbacks, web hooks, meta, dependencies, retries,
#: results) no ring has, so that a job with any of it is a planted one.
_READ = frozenset(
    {
        *("created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat"),
        *("origin", "status", "worker_name"),
    }
)
#: Fields that are set anew, whatever they say: a planted job has no say in how long it may take or is kept.
_IGNORED = frozenset(
    {
        *("data", "description", "timeout", "ttl", "result_ttl", "failure_ttl", "exc_info", "result"),
        *("success_callback_timeout", "failure_callback_timeout", "stopped_callback_timeout"),
    }
)
_NOTHING = JSONSerializer.dumps([None, None, [], {}])


class JobRefused(Exception):
    """The job is not one that may run; its text says why, in words of our own."""


class CheckedJob(Job):
    """A job of the queue that runs only if it is in the table. `refusal`: why it may not run; None: it may."""

    refusal: str | None = "was never read"

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:
        # Whatever is asked for: a reader of pickles would run what they hold.
        super().__init__(id, connection=connection, serializer=JSONSerializer)

    def refresh(self) -> None:
        """Read the job's hash; what is no hash at all is as good as no job.

        :raises NoSuchJobError: there is none.
        """
        try:
            super().refresh()
        except ResponseError:
            raise NoSuchJobError(f"{self.id} is no job") from None

    def restore(self, raw_data: Any) -> None:
        """Take over from a hash what RQ needs, and find out whether the job may run."""
        found = decode_redis_hash(raw_data)
        self.refusal, data = _checked(found)
        kept = {name: found[name] for name in _READ & found.keys()}
        try:
            super().restore({**kept, "data": data})
        except (ValueError, TypeError, UnicodeDecodeError):
            self.refusal = "its fields cannot be read"
            super().restore({"data": _NOTHING, "origin": doorbell.QUEUE_NAME.encode()})
        self.timeout, self.ttl = doorbell.JOB_TIMEOUT, None
        self.result_ttl, self.failure_ttl = doorbell.RESULT_TTL, doorbell.FAILURE_TTL

    @property
    def func(self) -> Callable[[], None]:
        """Return the function out of the table.

        :raises JobRefused: the job is not in it.
        """
        if self.refusal is not None or self.func_name not in ALLOWED:
            raise JobRefused(self.refusal or "its function is not in the timetable")
        return ALLOWED[self.func_name]

    @property
    def success_callback(self) -> None:
        """No job of ours has one."""

    @property
    def failure_callback(self) -> None:
        """No job of ours has one."""

    @property
    def stopped_callback(self) -> None:
        """No job of ours has one."""

    def send_webhooks(self, *_args: Any, **_kwargs: Any) -> None:
        """Send nothing: no job of ours tells another host anything."""


def _checked(found: Mapping[str, Any]) -> tuple[str | None, bytes]:
    """Return why a hash is refused (None: it is not), and the data that RQ may see of it."""
    unknown = sorted(name for name in found.keys() - _READ - _IGNORED if found[name])
    if unknown:
        # Their names only: what is planted must not reach the log.
        return "it has fields that no job of ours has", _NOTHING
    data = _unpacked(found.get("data", b""))
    try:
        asked = json.loads(data)
    except (ValueError, RecursionError):
        return "its data is not JSON", _NOTHING
    if not (isinstance(asked, list) and len(asked) == 4 and isinstance(asked[0], str)):
        return "its data is not that of a job", _NOTHING
    if asked[0] not in ALLOWED:
        return "its function is not in the timetable", _NOTHING
    if asked[1:] != [None, [], {}]:
        return "it has arguments", _NOTHING
    return None, data


def _unpacked(packed: bytes) -> bytes:
    """Return the data; nothing when it is larger than any of ours, packed or unpacked."""
    if len(packed) > LARGEST_DATA:
        return b""
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(packed, LARGEST_DATA)
    except zlib.error:
        return b""
    return b"" if unpacking.unconsumed_tail or not unpacking.eof else data
