"""What every command shares: the clock, the settings, and a refusal in one line with its exit code."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click
from flask import current_app

from config import Settings
from domain.errors import DomainError

F = TypeVar("F", bound=Callable[..., Any])


class Refused(click.ClickException):
    """Refused or broken: one line on stderr, exit 1."""

    exit_code = 1


def settings() -> Settings:
    """Return this process's settings."""
    found: Settings = current_app.extensions["settings"]
    return found


def clock_now() -> dt.datetime:
    """Return the portal's instant."""
    now: dt.datetime = current_app.extensions["clock"].now()
    return now


def refuse(message: str) -> NoReturn:
    """End the command with one line on stderr and exit 1."""
    raise Refused(message)


def refusals_in_one_line(command: F) -> F:
    """Turn an anticipated refusal into one line and exit 1."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except DomainError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error

    return wrapped  # type: ignore[return-value]


class Instant(click.ParamType):
    """An ISO instant with its zone."""

    name = "instant"

    def convert(self, value: Any, param: Any, ctx: Any) -> dt.datetime:
        """Return the aware instant, or end as a usage error."""
        if isinstance(value, dt.datetime):
            return value
        try:
            instant = dt.datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no ISO instant, such as 2026-11-25T00:00:00+09:00", param, ctx)
        if instant.tzinfo is None:
            self.fail(f"{value!r} names no zone, such as +09:00", param, ctx)
        return instant


class BillingDate(click.ParamType):
    """A 25th as an ISO date."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> dt.date:
        """Return the date, or end as a usage error."""
        if isinstance(value, dt.date):
            return value
        try:
            day = dt.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date, such as 2026-11-25", param, ctx)
        if day.day != 25:
            self.fail(f"{value} is no 25th", param, ctx)
        return day
