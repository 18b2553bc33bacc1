"""What every screen asks of the request: the instant, who is signed in, the settings."""

from __future__ import annotations

import datetime as dt
import re
from typing import cast

from flask import current_app, g, request, session
from werkzeug.exceptions import Unauthorized

from config import Settings
from domain.inputs.return_path import safe_return_path
from domain.permissions import Viewer
from services import sign_ins

SESSION_TOKEN = "sign_in"  # noqa: S105 - the name of a key  # nosec B105
FRAGMENT_HEADER = "X-Fragment"
LANGUAGES = ("ja", "en")
LANGUAGE_COOKIE = "lang"
#: Whose choice the cookie above is: an administrator's id, or the word below; not set: who signs in next.
LANGUAGE_OWNER_COOKIE = "lang_of"
#: The choice is in the profile of who made it.
LANGUAGE_OF_PROFILE = "profile"
_TOKEN_SHAPE = re.compile(r"[A-Za-z0-9_-]{20,100}")


def settings() -> Settings:
    """Return the settings of this process."""
    return cast(Settings, current_app.extensions["settings"])


def now() -> dt.datetime:
    """Return the portal clock's instant, read once a request (aware)."""
    if "now" not in g:
        g.now = current_app.extensions["clock"].now()
    return cast(dt.datetime, g.now)


def session_token() -> str | None:
    """Return the sign-in token that the browser brought, or None when there is none or it is malformed."""
    token = session.get(SESSION_TOKEN)
    return token if isinstance(token, str) and _TOKEN_SHAPE.fullmatch(token) else None


def signed_in() -> sign_ins.SignedIn | None:
    """Return who is signed in, looked up once a request."""
    if "signed_in" not in g:
        token = session_token()
        g.signed_in = (
            sign_ins.find_signed_in(
                token=token,
                now=now(),
                large_points=settings().fresh_sign_in_from_points,
                remote_address=request.remote_addr,
            )
            if token
            else None
        )
    return cast("sign_ins.SignedIn | None", g.signed_in)


def viewer_or_none() -> Viewer | None:
    """Return the viewer when someone is signed in."""
    found = signed_in()
    return found.viewer if found else None


def viewer() -> Viewer:
    """Return the viewer who is signed in.

    :raises Unauthorized: when nobody is; the answer leads to the sign-in page.
    """
    found = viewer_or_none()
    if found is None:
        raise Unauthorized()
    return found


def return_path() -> str | None:
    """Return the path of this site to which the request wants to go back, or None."""
    return safe_return_path(request.values.get("next"))


def is_fragment() -> bool:
    """Tell whether a dialog's fragment is asked for, not a page."""
    return request.headers.get(FRAGMENT_HEADER) == "1"


def language() -> str:
    """Return the language of the answer.

    Nobody signed in: the cookie's. Signed in: the cookie's where it is this administrator's own choice or was
    made before anybody had signed in, else the profile's. So the next person at the same browser gets the
    language of his own profile, and what is chosen on the sign-in page still counts. Japanese else.
    """
    chosen, owner = request.cookies.get(LANGUAGE_COOKIE), request.cookies.get(LANGUAGE_OWNER_COOKIE)
    known = g.get("signed_in")
    if chosen in LANGUAGES and (known is None or owner in (None, str(known.viewer.administrator_id))):
        return chosen
    return known.language if known and known.language in LANGUAGES else LANGUAGES[0]
