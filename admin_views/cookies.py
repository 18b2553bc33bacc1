"""Names of cookies in production: bound to this very host by their prefix, whatever code sets and reads them.

A browser takes a cookie named __Host-… only over https, for the whole host and for no other one: a sister host or
somebody on the way cannot slip one in. What is for one path only cannot have that prefix; __Secure-… is what is left.
The code goes on to say "portal", "lang", …; in demo, over http, these are the names.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, Response
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.utils import cached_property

_WHOLE_HOST = "__Host-"
_ONE_PATH = "__Secure-"
#: Cookies that go to one path only; the same name always has the same prefix, or another host could choose one.
OF_ONE_PATH = frozenset({"known_browser"})


def init_app(app: Flask) -> None:
    """Bind the cookies of a production portal."""
    if not app.extensions["settings"].is_demo:
        app.request_class = BoundRequest
        app.response_class = BoundResponse


def bound_name(name: str) -> str:
    """Return the name under which a browser keeps a cookie."""
    return (_ONE_PATH if name in OF_ONE_PATH else _WHOLE_HOST) + name


class BoundRequest(Request):
    """A request of which cookies without their prefix are not seen."""

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """Return the cookies by the names that the code uses."""
        bound = ((name.partition("-")[2], name, value) for name, value in super().cookies.items(multi=True))
        return ImmutableMultiDict((name, value) for name, full, value in bound if full == bound_name(name))


class BoundResponse(Response):
    """An answer whose cookies get their prefix, and with it what the prefix demands."""

    def set_cookie(self, key: str, *values: Any, **options: Any) -> None:
        """Set a cookie, or delete it: both only over https, and for this host alone."""
        path = options.get("path") or "/"
        if (path != "/") is not (key in OF_ONE_PATH):
            raise ValueError(f"{key} is named in OF_ONE_PATH if, and only if, it is for one path")
        super().set_cookie(
            bound_name(key), *values, **{**options, "secure": True, "domain": None, "path": path}
        )
