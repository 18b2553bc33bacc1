"""`/.well-known/security.txt`: whom to tell of a weakness (RFC 9116). Where nobody is named there is no such page."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, abort, make_response
from werkzeug.wrappers import Response

from admin_views.request_context import now, settings

blueprint = Blueprint("security_txt", __name__)
ADDRESS = "/.well-known/security.txt"
#: Less than a year, as the RFC recommends; counted from today, so that it never runs out while the portal lives.
VALID_FOR = dt.timedelta(days=180)


@blueprint.get(ADDRESS)
def security_txt() -> Response:
    """Say whom to tell, in which languages, and until when that holds."""
    contacts = settings().security_contacts
    if not contacts:
        abort(404)
    today = now().astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        *(f"Contact: {contact}" for contact in contacts),
        f"Expires: {today + VALID_FOR:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: ja, en",
        f"Canonical: {settings().portal_url.rstrip('/')}{ADDRESS}",
    ]
    answer = make_response("\n".join(lines) + "\n")
    answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    return answer
