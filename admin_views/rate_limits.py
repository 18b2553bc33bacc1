"""How often one may do what costs much, for every route in one place. The numbers are settings.

By address while nobody has signed in, by administrator afterwards. What is above the limit is answered with 429 and
how long to wait, before any view begins: nothing is changed and no password is compared.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum

from flask import Flask, current_app, request
from werkzeug.exceptions import TooManyRequests

from admin_views.request_context import now, settings, viewer_or_none
from admin_views.sign_in import browser_mark
from services import sign_in_attempts, sign_ins
from services.rate_limits import RateLimiter

EXTENSION = "rate_limiter"


class Kind(StrEnum):
    """What is counted together; each has its limit in `config.RateLimits`."""

    SIGN_IN = "sign_in"
    FORGOTTEN_PASSWORD = "forgotten_password"  # noqa: S105 - what is limited  # nosec B105
    SET_PASSWORD = "set_password"  # noqa: S105 - what is limited  # nosec B105
    EXPORT = "export"
    NOTICE = "notice"
    BULK = "bulk"


#: What is limited by its name.
KINDS = {
    "sign_in.sign_in": Kind.SIGN_IN,
    "second_step.code": Kind.SIGN_IN,
    "fresh_sign_in.confirm_and_go_back": Kind.SIGN_IN,
    "sign_in.forgotten_password": Kind.FORGOTTEN_PASSWORD,
    "sign_in.set_password_page": Kind.SET_PASSWORD,
    "sign_in.set_password": Kind.SET_PASSWORD,
    "own_password.change": Kind.SET_PASSWORD,
    "customers.delivery_notice": Kind.NOTICE,
    "portal_administrators.send_link": Kind.NOTICE,
}
#: What is limited by a part of its address: a later route is, without being named here.
KINDS_BY_ADDRESS = (
    ("/export/", Kind.EXPORT),
    ("/bulk/", Kind.BULK),
    ("/import/", Kind.BULK),
    ("/action/", Kind.BULK),
)
#: Counted by who has signed in; the others by where they come from.
_OF_ADMINISTRATORS = frozenset({Kind.EXPORT, Kind.NOTICE, Kind.BULK})
#: Counted when something is sent; opening the page costs little.
_WHEN_SENT = frozenset({Kind.NOTICE, Kind.BULK})


def init_app(app: Flask) -> None:
    """Count before every request that is limited, after the looks at its token, its session and its portal."""
    app.extensions[EXTENSION] = RateLimiter(app.extensions["settings"].redis_url)
    app.before_request(refuse_what_is_too_often)


def refuse_what_is_too_often() -> None:
    """Let pass what is not limited, or within its limit.

    :raises TooManyRequests: answered as 429 with the seconds to wait.
    """
    kind = limited_as(request.endpoint or "", request.url_rule.rule if request.url_rule else "")
    if kind is None or (kind in _WHEN_SENT and request.method in ("GET", "HEAD", "OPTIONS")):
        return
    who = _who(kind)
    if who is None:
        return
    limiter: RateLimiter = current_app.extensions[EXTENSION]
    per_minute = getattr(settings().rate_limits, kind.value)
    seconds = limiter.hit(kind=kind.value, who=who, per_minute=per_minute)
    if seconds is not None:
        raise TooManyRequests(retry_after=seconds)


def limited_as(endpoint: str, rule: str) -> Kind | None:
    """Return what a route is counted as, by its name or else by its address; None: it is not limited."""
    by_address = (kind for part, kind in KINDS_BY_ADDRESS if part in rule)
    return KINDS.get(endpoint) or next(by_address, None)


def _who(kind: Kind) -> str | None:
    """Return who is counted; None: nobody, since the view refuses who has not signed in."""
    if kind in _OF_ADMINISTRATORS:
        viewer = viewer_or_none()
        return f"administrator {viewer.administrator_id}" if viewer else None
    if kind is Kind.SIGN_IN and (mark := _known_browser()):
        return f"browser {mark}"
    return f"address {_network(request.remote_addr or '')}"


def _known_browser() -> str | None:
    """Return what stands for a browser in which the person who is named has signed in before.

    So wrong passwords from an address do not shut out who has the same one, such as a colleague's office.
    """
    mark = browser_mark()
    if mark is None:
        return None
    is_known = sign_in_attempts.is_known_browser(
        mark=mark, user_name_or_email=request.form.get("username", ""), now=now()
    )
    # Not the mark itself: whoever reads the counts shall not be known by it.
    return sign_ins.token_hash(mark) if is_known else None


def _network(address: str) -> str:
    """Return what is counted as one address: of IPv6 the /64, of which a single machine has every address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address) or parsed.ipv4_mapped:
        return str(getattr(parsed, "ipv4_mapped", None) or parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
