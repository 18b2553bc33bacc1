"""The headers that every answer must have, word for word."""

from __future__ import annotations

from typing import Any

#: Nothing inline, nothing from elsewhere, no frame around the portal.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}
#: Some of what no page may ask a browser for; whatever else is named is closed too.
CLOSED_FEATURES = frozenset({"camera", "geolocation", "microphone", "payment", "usb", "display-capture"})
HSTS = "max-age=63072000; includeSubDomains"
_LEAKS = ("X-Powered-By", "Server", "X-Debug", "X-Runtime")


def wrong_headers(answer: Any, address: str, *, is_production: bool = False) -> list[str]:
    """Return what an answer's headers and cookies lack or have too much."""
    headers = answer.headers
    wrong = [name for name, value in ALWAYS.items() if headers.getlist(name) != [value]]
    wrong += [f"{name} is there" for name in _LEAKS if name in headers]
    features = dict(
        part.strip().split("=") for part in headers.get("Permissions-Policy", "none=*").split(",")
    )
    if not features.keys() >= CLOSED_FEATURES or set(features.values()) != {"()"}:
        wrong.append("Permissions-Policy")
    if not address.startswith("/static/") and headers.get("Cache-Control") != "no-store":
        wrong.append("Cache-Control")
    if "Access-Control-Allow-Origin" in headers:
        wrong.append("Access-Control-Allow-Origin is there")
    if is_production and headers.get("Strict-Transport-Security") != HSTS:
        wrong.append("Strict-Transport-Security")
    for cookie in headers.getlist("Set-Cookie"):
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        wanted = {"httponly", "samesite=lax", *(["secure"] if is_production else [])}
        if not wanted <= flags or any(flag.startswith("domain=") for flag in flags):
            wrong.append(f"cookie {cookie.partition('=')[0]}")
    return wrong
