"""`flask administrators`: create one, let one set a password again, lift a lock, take away a second factor."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from commands.outcome import OneLineGroup, clock_now, settings
from domain.permissions import AdminLevel
from services import administrators as service
from services.mail_texts import mail_brand_from
from services.transaction import transaction


@click.group(cls=OneLineGroup)
def administrators() -> None:
    """Look after the people who sign in."""


@administrators.command()
@click.option("--account", "account_number", required=True, help="Account number of the account.")
@click.option("--username", required=True)
@click.option("--email", required=True)
@click.option("--name", "full_name", required=True)
@click.option("--level", type=click.Choice([level.value for level in AdminLevel]), required=True)
@with_appcontext
def create(account_number: str, username: str, email: str, full_name: str, level: str) -> None:
    """Create an administrator and print the one-time link that sets its password."""
    with transaction():
        token = service.create(
            account_number=account_number,
            user_name=username,
            email=email,
            full_name=full_name,
            level=AdminLevel(level),
            now=clock_now(),
        )
    click.echo(f"{settings().portal_url}/set-password/{token}")


@administrators.command("reset-password")
@click.argument("username")
@with_appcontext
def reset_password(username: str) -> None:
    """Print a one-time link that sets a new password; the old one works until then."""
    with transaction():
        token = service.reset_password(user_name=username, now=clock_now())
    click.echo(f"{settings().portal_url}/set-password/{token}")


@administrators.command()
@click.argument("username")
@with_appcontext
def unlock(username: str) -> None:
    """Lift the lock that wrong passwords brought about; who is disabled stays disabled."""
    with transaction():
        is_disabled = service.unlock(user_name=username, now=clock_now()).is_disabled
    click.echo(f"{username} is not locked, but disabled." if is_disabled else f"{username} may sign in.")


@administrators.command("reset-second-factor")
@click.argument("username")
@with_appcontext
def reset_second_factor(username: str) -> None:
    """Take away a second factor, for somebody who has lost it with the recovery codes; ends all sessions."""
    with transaction():
        service.reset_second_factor(user_name=username, brand=mail_brand_from(settings()), now=clock_now())
    click.echo(f"{username} signs in by password alone.")
