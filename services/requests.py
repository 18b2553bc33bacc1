"""Request ids: the same request sent again has one effect and gets the first answer."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from typing import Any

from sqlalchemy import select

from domain.errors import DomainError
from domain.permissions import Viewer
from models import PointRequest, db
from services.engines import upsert

_REQUEST_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class RequestIdMissing(DomainError):
    """A request that moves points bears no usable request id."""

    http_status = 400


class RequestIdReused(DomainError):
    """A request id was used before: with another body, or by another person."""

    http_status = 409


def begin_request(
    *, request_id: str | None, viewer: Viewer, body: dict[str, Any], now: dt.datetime
) -> dict[str, int] | None:
    """Claim a request id; None: go on. Otherwise the result of the same request, done before.

    An equal request that is under way elsewhere is waited for: the row is unique.

    :raises RequestIdMissing: when the id is not a lower-case UUID.
    :raises RequestIdReused: when the id belongs to another body or person.
    """
    if not request_id or not _REQUEST_ID.fullmatch(request_id):
        raise RequestIdMissing
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    claimed = db.session.execute(
        upsert(PointRequest)
        .values(
            request_id=request_id,
            administrator_id=viewer.administrator_id,
            body_digest=digest,
            result={},
            requested_at=now,
        )
        .on_conflict_do_nothing()
        .returning(PointRequest.request_id)
    ).first()
    if claimed:
        return None
    first = db.session.execute(
        select(PointRequest).where(PointRequest.request_id == request_id)
    ).scalar_one_or_none()
    # None: it belongs to somebody whose rows this viewer does not see.
    if first is None or first.body_digest != digest or first.administrator_id != viewer.administrator_id:
        raise RequestIdReused
    return dict(first.result)


def finish_request(*, request_id: str, result: dict[str, int]) -> None:
    """Keep the result of a claimed request, for those who send it again."""
    row = db.session.get_one(PointRequest, request_id)
    row.result = result
