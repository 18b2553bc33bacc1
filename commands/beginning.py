"""How a portal begins: `init` in production, `demo` and `prepare` for `make run`."""

from __future__ import annotations

import datetime as dt
import secrets

import click
from flask.cli import with_appcontext
from flask_migrate import upgrade
from sqlalchemy import select

from commands.outcome import OneLineCommand, clock_now, refuse, settings
from domain.inputs.emails import email_key, parse_email
from models import Account, db
from services import beginning, clock, demo_people
from services import demo as demo_service
from services.transaction import transaction


@click.command(cls=OneLineCommand)
@click.option("--operator", "operator_name", required=True, help="Company name of the operator.")
@click.option("--username", required=True, help="User name of its first administrator.")
@click.option("--email", default="", help="Its e-mail address; default <username>@localhost.")
@click.option(
    "--price",
    default="10/10/1",
    show_default=True,
    metavar="BASE/INCLUDED/EXTRA",
    help="Points of the base, users included in it, points per additional user.",
)
@with_appcontext
def init(operator_name: str, username: str, email: str, price: str) -> None:
    """Begin a production system: operator, first administrator by one-time link, first prices."""
    parts = price.split("/")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise click.UsageError("--price must be BASE/INCLUDED/EXTRA, such as 10/10/1")
    base, included, extra = map(int, parts)
    with transaction():
        token = beginning.begin(
            operator_name=operator_name,
            user_name=username,
            email=email_key(parse_email(email)) if email else f"{username}@localhost",
            price=(base, included, extra),
            now=clock_now(),
        )
    click.echo(f"The operator {operator_name} and its administrator {username} are there.")
    click.echo("Within a day, set the password at this address, which works once:")
    click.echo(f"{settings().portal_url}/set-password/{token}")


@click.command(cls=OneLineCommand)
@click.option("--customers", default=200, show_default=True, type=click.IntRange(0, 5_000_000))
@click.option("--msps", default=2, show_default=True, type=click.IntRange(2, 100_000))
@click.option("--seed", default=1, show_default=True, type=int)
@click.option(
    "--months",
    type=click.IntRange(1, 60),
    help="How many 25ths have charged every customer. Default: they came evenly over the last hundred days.",
)
@with_appcontext
def demo(customers: int, msps: int, seed: int, months: int | None) -> None:
    """Fill an empty database with demo data, the same for the same arguments and day."""
    if not settings().is_demo:
        refuse("demo data is refused in production; `init` begins a production system")
    if not _is_empty():
        refuse("the database is not empty; `make reset` forgets it")
    password = settings().demo_password or secrets.token_urlsafe(9)
    _fill(customers=customers, msps=msps, seed=seed, password=password, now=clock_now(), months=months)
    click.echo(f"{customers} customers; password of the demo sign-ins: {password}")


@click.command(hidden=True, cls=OneLineCommand)
@with_appcontext
def prepare() -> None:
    """Make the database of `make run` ready: schema, clock, demo data when empty, the sign-ins' password."""
    chosen = settings()
    if not chosen.is_demo:
        refuse("prepare is for the demo only")
    upgrade()
    with transaction():
        now = clock.settle_offset(wanted=chosen.portal_now, real_now=dt.datetime.now(dt.UTC))
    if _is_empty():
        _fill(customers=chosen.demo_customers, msps=2, seed=1, password=chosen.demo_password, now=now)
    elif chosen.demo_password:
        with transaction():
            demo_people.set_passwords(chosen.demo_password)
    click.echo(f"The portal's clock says {now.isoformat(timespec='seconds')}.")


def _is_empty() -> bool:
    return db.session.execute(select(Account.id).limit(1)).first() is None


def _fill(
    *, customers: int, msps: int, seed: int, password: str, now: dt.datetime, months: int | None = None
) -> None:
    """Write the demo; a large one tells on the terminal how far it is."""
    with transaction():
        demo_service.create_demo(
            customers=customers,
            msps=msps,
            seed=seed,
            password=password,
            brand_name=settings().brand_name,
            now=now,
            months=months,
            progress=click.echo,
        )
