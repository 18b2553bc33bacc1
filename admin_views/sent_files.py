"""Files that a page sends: their names, what they are said to be, and the encoding that was asked for."""

from __future__ import annotations

from typing import IO

from flask import abort, request, send_file
from werkzeug.wrappers import Response

from services import exports


def csv_encoding() -> str:
    """Return the encoding of a CSV file that the address asks for; an unknown one is answered with 400."""
    encoding = request.args.get("encoding", exports.UTF_8)
    if encoding not in exports.CSV_TYPES:
        abort(400)
    return encoding


def sent_file(stream: IO[bytes], *, name: str, content_type: str) -> Response:
    """Return the answer that saves a file under a name."""
    answer = send_file(stream, mimetype=content_type.partition(";")[0])
    # Flask would add a second charset to one that is named.
    answer.headers["Content-Type"] = content_type
    answer.headers["Content-Disposition"] = exports.content_disposition(name)
    return answer
