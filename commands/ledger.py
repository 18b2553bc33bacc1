"""`flask ledger verify`: whether all invariants hold."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from commands.outcome import OneLineGroup, refuse
from services import health_verification
from services.audit_seals import Link


@click.group(cls=OneLineGroup)
def ledger() -> None:
    """Look after the points ledger."""


def _link(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> list[Link]:
    try:
        return [Link.parse(value) for value in values]
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@ledger.command()
@click.option(
    "--audit-head",
    "heads",
    multiple=True,
    callback=_link,
    metavar="NUMBER:HASH",
    help="A seal of the operation log that was mailed: it must still be there. May be given more than once.",
)
@with_appcontext
def verify(heads: list[Link]) -> None:
    """Check every invariant and every seal of the operation log; exit 1 and show the rows when one is broken."""
    findings = health_verification.verify_all(known_heads=heads)
    for violation in findings.violations:
        click.echo(f"BROKEN {violation.law}")
        for row in violation.rows:
            click.echo(f"  {row}")
    if findings.violations:
        refuse(f"{len(findings.violations)} of {findings.check_count} invariants are broken")
    click.echo(f"All {findings.check_count} invariants hold.")
