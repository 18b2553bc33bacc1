"""What every command shares: the clock, the settings, and a refusal in one line with its exit code."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, NoReturn

import click
from click.exceptions import NoArgsIsHelpError
from flask import current_app
from sqlalchemy.exc import DBAPIError

from config import Settings
from domain.billing_calendar import TOKYO
from domain.errors import DomainError
from services import row_scope

#: What is said of a run in 要確認.
WAITS_FOR_RELEASE = "stopped before its first line, far above the last run; it waits for its release (要確認)"


class Refused(click.ClickException):
    """Refused or broken: one line on stderr, exit 1."""

    exit_code = 1


def settings() -> Settings:
    """Return this process's settings."""
    found: Settings = current_app.extensions["settings"]
    return found


def in_tokyo(instant: dt.datetime) -> str:
    """Return an instant as a screen would write it."""
    return f"{instant.astimezone(TOKYO):%Y/%m/%d %H:%M:%S}"


def clock_now() -> dt.datetime:
    """Return the portal's instant."""
    now: dt.datetime = current_app.extensions["clock"].now()
    return now


def refuse(message: str) -> NoReturn:
    """End the command with one line on stderr and exit 1."""
    raise Refused(message)


class _OneLine(click.Command):
    """A command whose every anticipated end is one line on stderr: 1 refused or broken, 2 usage."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise _usage_in_one_line(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        row_scope.act_for_the_portal()
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _usage_in_one_line(error) from error
        except DomainError as error:
            raise Refused(_in_words(error)) from error
        except DBAPIError as error:
            raise Refused(f"the database refused: {_one_line(str(error.orig))}") from error
        except OSError as error:
            raise Refused(_one_line(str(error))) from error


class OneLineCommand(_OneLine, click.Command):
    """A single command."""


class OneLineGroup(_OneLine, click.Group):
    """A group: what holds for it holds for its commands."""


def _usage_in_one_line(error: click.UsageError) -> click.UsageError:
    if isinstance(error, NoArgsIsHelpError):
        return error
    hint = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
    return click.UsageError(_one_line(error.format_message()) + hint)


def _in_words(error: DomainError) -> str:
    """Return the rule that was broken, by which each refusal is named, and what it concerns."""
    rule = re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()
    about = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in error.data.items())
    return _one_line(f"{rule}: {about}" if about else rule)


def _one_line(text: str) -> str:
    return " ".join(text.split())


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
