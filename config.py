"""Settings: one frozen value, read from the environment once, every field documented."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WEAK_SECRETS = frozenset({"secret", "changeme", "change-me", "dev", "password", "test"})
SHORTEST_SECRET = 32
SHORTEST_TOKEN = 20
MAIL_ADDRESSES = ("smtp://", "smtps://")
CONTACTS = ("mailto:", "https://", "tel:")
EXAMPLE_CONTACT = ("mailto:security@example.jp",)
DATABASE_ADDRESSES = ("sqlite:///", "postgresql+psycopg://")


class SettingsError(Exception):
    """A setting is missing or not usable; the text says which and what to do."""


@dataclass(frozen=True)
class RateLimits:
    """How often in a minute; 0: without a limit. A window is a whole minute, and the next begins anew.

    Where Redis is, all processes count together; else each for itself.
    """

    #: Passwords tried at /login from one address by browsers in which that person has not signed in before. A
    #: browser in which he has is counted by itself.
    sign_in: int = 30
    #: Links asked for at /forgot-password from one address.
    forgotten_password: int = 10
    #: Openings and sendings of /set-password/… from one address.
    set_password: int = 30
    #: Files downloaded by one administrator.
    export: int = 60
    #: Notices and links mailed by one administrator, the question before each counted as well.
    notice: int = 60
    #: What one administrator runs on chosen rows or imports, the question before each counted as well.
    bulk: int = 120

    @classmethod
    def of_demo(cls) -> RateLimits:
        """Return limits that whoever tries everything from one machine does not meet."""
        return cls(600, 600, 600, 3_000, 3_000, 3_000)

    @classmethod
    def off(cls) -> RateLimits:
        """Return no limits."""
        return cls(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Settings:
    """What a deployer decides. `make run` needs none of it.

    A field's variable has its name in capitals where none is given; docs/operations.md has a table of them.
    """

    #: SQLAlchemy address of the database, as the application's role.
    database_url: str
    #: Signs cookies and tokens; at least 32 characters in production.
    secret_key: str
    #: PORTAL_ENV: `demo` or `production`.
    environment: str = "production"
    #: TCP port of the web server.
    port: int = 8000
    #: Address of the schema's owner, for `db upgrade`; the same as database_url when unset.
    database_owner_url: str = ""
    #: Redis that carries the jobs; empty: no queue, `flask --app app work` does the same.
    redis_url: str = ""
    #: Instant at which the portal's clock starts (demo only); None: the real time.
    portal_now: dt.datetime | None = None
    #: How many customers the demo data has.
    demo_customers: int = 200
    #: Password of the demo sign-ins; the launcher makes one when it is unset.
    demo_password: str = ""
    #: smtp://, smtps:// address; empty in demo: mails are kept and shown at /dev/mails/.
    mail_url: str = ""
    #: Sender of every mail.
    mail_from: str = "no-reply@example.jp"
    #: Address of the portal as customers reach it, for links in mails.
    portal_url: str = ""
    #: Name of the product and of its identity service.
    brand_name: str = "SingleID"
    #: Address of the logo below /static/; empty: the name is shown.
    brand_logo: str = ""
    #: Days below zero after which an account is suspended.
    suspend_after_days: int = 30
    #: A run of a 25th that would charge more than this percentage of the last one waits for a person; 0: never.
    billing_review_percent: int = 200
    #: ... but only from so many points on: at the beginning every month is a multiple of the last.
    billing_review_from_points: int = 1_000
    #: A movement or refill of at least so many points asks for the password again when it was given more than
    #: ten minutes ago; 0: every movement.
    fresh_sign_in_from_points: int = 10_000
    #: Host names that the portal answers to, comma-separated; empty: any.
    trusted_hosts: tuple[str, ...] = ()
    #: How many proxies in front set X-Forwarded-*.
    trusted_proxies: int = 0
    #: SECURITY_CONTACT: whom to tell of a weakness, at /.well-known/security.txt; mailto:, https: or tel: addresses,
    #: comma-separated; empty: no such page in production, an example in demo.
    security_contacts: tuple[str, ...] = ()
    #: Opens /metrics to whoever brings it as a bearer token; empty: to this machine alone.
    metrics_token: str = ""
    #: How often in a minute one may sign in, export, …: RATE_LIMIT_SIGN_IN and so on, a number each.
    rate_limits: RateLimits = RateLimits()

    @property
    def is_demo(self) -> bool:
        """Tell whether demo-only pages and sign-ins may exist."""
        return self.environment == "demo"

    def weaknesses(self) -> list[str]:
        """Return what a production portal had better set, a line each; the web server says so at its start."""
        if self.is_demo:
            return []
        found = {
            "TRUSTED_HOSTS is not set: the portal answers to any host name": not self.trusted_hosts,
            "PORTAL_URL does not begin with https://: links in mails lead there": not self.portal_url.startswith(
                "https://"
            ),
            "REDIS_URL has no password": bool(self.redis_url) and "@" not in self.redis_url,
            "MAIL_URL is not set: mails wait": not self.mail_url,
            "SECURITY_CONTACT is not set: there is no /.well-known/security.txt": not self.security_contacts,
        }
        return [words for words, holds in found.items() if holds]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        :raises SettingsError: when one is missing or not usable.
        """
        values = _with_embedded(os.environ) if environment is None else environment
        kind = values.get("PORTAL_ENV", "production")
        if kind not in ("demo", "production"):
            raise SettingsError("PORTAL_ENV must be demo or production")
        database_url = values.get("DATABASE_URL") or f"sqlite:///{_var_folder(values) / 'portal.db'}"
        if not database_url.startswith(DATABASE_ADDRESSES):
            raise SettingsError(f"DATABASE_URL must begin with {' or '.join(DATABASE_ADDRESSES)}")
        port = _whole(values, "PORT", 8000)
        return cls(
            database_url=database_url,
            database_owner_url=values.get("DATABASE_OWNER_URL", "") or database_url,
            secret_key=_secret(values, kind),
            environment=kind,
            port=port,
            redis_url=values.get("REDIS_URL", ""),
            portal_now=_instant(values, kind),
            demo_customers=_whole(values, "DEMO_CUSTOMERS", 200),
            demo_password=values.get("DEMO_PASSWORD", ""),
            mail_url=_mail_url(values),
            mail_from=values.get("MAIL_FROM") or "no-reply@example.jp",
            portal_url=values.get("PORTAL_URL", "") or f"http://127.0.0.1:{port}",
            brand_name=values.get("BRAND_NAME") or "SingleID",
            brand_logo=values.get("BRAND_LOGO", ""),
            suspend_after_days=_whole(values, "SUSPEND_AFTER_DAYS", 30),
            billing_review_percent=_whole(values, "BILLING_REVIEW_PERCENT", 200),
            billing_review_from_points=_whole(values, "BILLING_REVIEW_FROM_POINTS", 1_000),
            trusted_hosts=_listed(values, "TRUSTED_HOSTS"),
            fresh_sign_in_from_points=_whole(values, "FRESH_SIGN_IN_FROM_POINTS", 10_000),
            trusted_proxies=_whole(values, "TRUSTED_PROXIES", 0),
            security_contacts=_security_contacts(values, kind),
            metrics_token=_metrics_token(values),
            rate_limits=_rate_limits(values, kind),
        )


def _rate_limits(values: Mapping[str, str], kind: str) -> RateLimits:
    usual = RateLimits.of_demo() if kind == "demo" else RateLimits()
    return RateLimits(
        **{
            field.name: _whole(values, f"RATE_LIMIT_{field.name.upper()}", getattr(usual, field.name))
            for field in fields(RateLimits)
        }
    )


def _listed(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in values.get(name, "").split(",") if part.strip())


def _security_contacts(values: Mapping[str, str], kind: str) -> tuple[str, ...]:
    contacts = _listed(values, "SECURITY_CONTACT")
    for contact in contacts:
        if not contact.startswith(CONTACTS) or not contact.isprintable() or " " in contact:
            # A blank is mostly the beginning of a comment: systemd reads one behind a value as a part of it.
            raise SettingsError(f"SECURITY_CONTACT must begin with {' or '.join(CONTACTS)} and have no blank")
    return contacts or (EXAMPLE_CONTACT if kind == "demo" else ())


def _metrics_token(values: Mapping[str, str]) -> str:
    token = values.get("METRICS_TOKEN", "")
    if token and (len(token) < SHORTEST_TOKEN or not token.isprintable() or " " in token):
        raise SettingsError(
            f"METRICS_TOKEN must have at least {SHORTEST_TOKEN} characters, none of them a blank"
        )
    return token


def _mail_url(values: Mapping[str, str]) -> str:
    address = values.get("MAIL_URL", "")
    if address and not address.startswith(MAIL_ADDRESSES):
        raise SettingsError(f"MAIL_URL must begin with {' or '.join(MAIL_ADDRESSES)}")
    return address


def _with_embedded(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Add what `make run` has settled, for a command typed beside it (`flask --app app work`).

    The launcher keeps it in var/environment, a NAME=value line each. It counts only when neither
    PORTAL_ENV nor DATABASE_URL is set, so that a production process never picks it up.
    """
    kept = _var_folder(environment) / "environment"
    if environment.get("PORTAL_ENV") or environment.get("DATABASE_URL") or not kept.exists():
        return environment
    lines = (line.partition("=") for line in kept.read_text().splitlines() if "=" in line)
    return {**{name: value for name, _, value in lines}, **environment}


def _var_folder(values: Mapping[str, str]) -> Path:
    return Path(values.get("VAR_DIR", "") or ROOT / "var").resolve()


def _whole(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit()):
        raise SettingsError(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _instant(values: Mapping[str, str], kind: str) -> dt.datetime | None:
    text = values.get("PORTAL_NOW", "")
    if not text:
        return None
    if kind == "production":
        raise SettingsError("PORTAL_NOW is refused in production: its clock is the real one")
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"PORTAL_NOW must be an ISO instant, not {text!r}") from None
    if instant.tzinfo is None:
        raise SettingsError("PORTAL_NOW must name its zone, as in 2026-11-24T23:58:00+09:00")
    return instant


def _secret(values: Mapping[str, str], kind: str) -> str:
    secret = values.get("SECRET_KEY", "")
    if not secret and kind == "demo":
        kept = _var_folder(values) / "secret_key"
        secret = kept.read_text().strip() if kept.exists() else ""
    if kind == "production" or secret:
        if len(secret) < SHORTEST_SECRET or secret.lower() in WEAK_SECRETS or len(set(secret)) < 8:
            raise SettingsError(f"SECRET_KEY must be set to at least {SHORTEST_SECRET} random characters")
        return secret
    raise SettingsError("SECRET_KEY is not set and `make run` has not made one yet")
