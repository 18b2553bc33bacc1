"""Ids by which a form that is sent twice is known."""

from __future__ import annotations

import re

from domain.errors import DomainError

_REQUEST_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class RequestIdRefused(DomainError):
    """Say that a form came without the id it was opened with."""

    http_status = 400


def parse_request_id(text: str) -> str:
    """Read a UUID in its usual form.

    :raises RequestIdRefused: anything else.
    """
    request_id = text.strip().lower()
    if not _REQUEST_ID.fullmatch(request_id):
        raise RequestIdRefused()
    return request_id
