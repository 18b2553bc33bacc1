"""`/metrics`: the portal's health for Prometheus, from this machine or with the token; else there is nothing."""

from __future__ import annotations

import hmac

from flask import Blueprint, abort, make_response, request
from werkzeug.wrappers import Response

from admin_views.request_context import now, settings
from services import health_metrics, row_scope

blueprint = Blueprint("metrics", __name__)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
#: What a proxy adds: such a request comes from elsewhere, whatever machine the proxy runs on.
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with the numbers, or as a page that is not there."""
    if not (_has_token() or _is_from_this_machine()):
        abort(404)
    with row_scope.scoped(row_scope.EVERYTHING):
        text = health_metrics.metrics_text(now=now(), settings=settings())
    answer = make_response(text)
    answer.headers["Content-Type"] = health_metrics.CONTENT_TYPE
    return answer


def _has_token() -> bool:
    token = settings().metrics_token
    scheme, _blank, given = request.headers.get("Authorization", "").partition(" ")
    return bool(token) and scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())


def _is_from_this_machine() -> bool:
    """Tell by who is connected, not by what a header says: ProxyFix has overwritten the first with the second."""
    original = request.environ.get("werkzeug.proxy_fix.orig") or {}
    peer = original.get("REMOTE_ADDR", request.environ.get("REMOTE_ADDR"))
    return peer in _LOOPBACK and not any(name in request.headers for name in _FORWARDED)
