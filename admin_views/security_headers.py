"""Headers of every answer: what a browser may do with it, and that nobody keeps it."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.wrappers import Response

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: What browsers offer to pages and this one never asks for; none that they warn of as unknown.
_UNUSED_FEATURES = [
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "gamepad",
    "geolocation",
    "gyroscope",
    "hid",
    "identity-credentials-get",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-create",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "storage-access",
    "usb",
    "window-management",
    "xr-spatial-tracking",
]
_ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_TWO_YEARS = "max-age=63072000; includeSubDomains"
#: After it nothing of the session is left in a browser, not even what "back" would show from memory. Cookies stay:
#: the session's own is emptied, the language and the mark of a known browser are meant to.
_LEAVING_ENDPOINT = "sign_in.sign_out"


def init_app(app: Flask) -> None:
    """Set the headers after every request."""
    app.after_request(set_headers)


def set_headers(answer: Response) -> Response:
    """Add the headers; pages and files of data are not kept by browsers and proxies."""
    for name, value in _ALWAYS.items():
        answer.headers.setdefault(name, value)
    if request.endpoint != "static":
        answer.headers["Cache-Control"] = "no-store"
    if request.endpoint == _LEAVING_ENDPOINT and answer.status_code == 303:
        answer.headers["Clear-Site-Data"] = '"cache"'
    if request.is_secure:
        answer.headers["Strict-Transport-Security"] = _TWO_YEARS
    return answer
