"""What machines ask: does the process live, is it ready."""

from __future__ import annotations

from flask import Blueprint, jsonify
from werkzeug.wrappers import Response

from admin_views.request_context import now
from services import readiness

blueprint = Blueprint("probes", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process lives; asks nothing else."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say whether requests can be answered: 503 without a database or with another schema."""
    found = readiness.check(now=now())
    answer = jsonify(database=found.database, schema=found.schema, queue=found.queue, workers=found.workers)
    answer.status_code = 200 if found.is_ready else 503
    return answer
