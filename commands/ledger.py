"""`flask ledger verify`: whether all invariants hold."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from commands.outcome import OneLineGroup, refuse
from services import invariants


@click.group(cls=OneLineGroup)
def ledger() -> None:
    """Look after the points ledger."""


@ledger.command()
@with_appcontext
def verify() -> None:
    """Check every invariant; exit 1 and show the rows when one is broken."""
    violations = invariants.verify()
    for violation in violations:
        click.echo(f"BROKEN {violation.law}")
        for row in violation.rows:
            click.echo(f"  {row}")
    if violations:
        refuse(f"{len(violations)} of {invariants.check_count()} invariants are broken")
    click.echo(f"All {invariants.check_count()} invariants hold.")
