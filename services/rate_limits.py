"""How often in a minute one may do what costs much: counted in Redis for all processes, or here where there is none.

Counts are worth nothing after a minute, so they are in no database. A Redis that does not answer is left alone for
a while, and this process counts by itself meanwhile: no page waits for it longer than once a while, and none fails.
"""

from __future__ import annotations

import logging
import math
import threading
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.clock import machine_seconds

#: A request waits no longer than this for Redis, twice at most: for the connection and for the answer.
SOCKET_SECONDS = 0.4
#: For so long a Redis that did not answer is not asked again.
LEFT_ALONE_SECONDS = 10.0
KEY_PREFIX = "portal-rate"

log = logging.getLogger(__name__)


class RateLimiter:
    """The counts of one process, shared with the others through Redis where there is one."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._shared: FixedWindowRateLimiter | None = None
        self._own: FixedWindowRateLimiter | None = None
        self._ask_again_at = 0.0
        self._making = threading.Lock()

    def hit(self, *, kind: str, who: str, per_minute: int) -> int | None:
        """Count one more; return None while it is within the limit, else the seconds to wait.

        A limit of 0 is none: nothing is counted. Never raises for Redis' sake.
        """
        if per_minute <= 0:
            return None
        limit = RateLimitItemPerMinute(per_minute)
        if self._redis_url and time.monotonic() >= self._ask_again_at:
            try:
                return _count(self._in_redis(), limit, kind, who)
            except (RedisError, OSError, ValueError) as error:
                self._ask_again_at = time.monotonic() + LEFT_ALONE_SECONDS
                log.warning("rate limits are counted by each process: %s", error)
        return _count(self._in_memory(), limit, kind, who)

    # Made at the first use: the application is built once before its workers are forked, and neither a connection
    # nor a thread may be shared by them.

    def _in_redis(self) -> FixedWindowRateLimiter:
        with self._making:
            if self._shared is None:
                self._shared = FixedWindowRateLimiter(_impatient_storage(self._redis_url))
            return self._shared

    def _in_memory(self) -> FixedWindowRateLimiter:
        with self._making:
            if self._own is None:
                self._own = FixedWindowRateLimiter(MemoryStorage())
            return self._own


def _impatient_storage(redis_url: str) -> Storage:
    # The library's annotations name only simple options; it hands all of them to the client.
    options: dict[str, object] = {
        "socket_connect_timeout": SOCKET_SECONDS,
        "socket_timeout": SOCKET_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    return RedisStorage(redis_url, key_prefix=KEY_PREFIX, **options)  # type: ignore[arg-type]


def _count(limiter: FixedWindowRateLimiter, limit: RateLimitItemPerMinute, kind: str, who: str) -> int | None:
    if limiter.hit(limit, kind, who):
        return None
    left = limiter.get_window_stats(limit, kind, who).reset_time - machine_seconds()
    return max(1, math.ceil(left))
