"""`flask billing`: look at and carry out the run of a 25th."""

from __future__ import annotations

import datetime as dt

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select

from commands.outcome import (
    WAITS_FOR_RELEASE,
    BillingDate,
    OneLineGroup,
    clock_now,
    in_tokyo,
    refuse,
    settings,
)
from domain.billing_calendar import billing_instant
from models import BillingItem, BillingRun, db
from services import clockwork, rehearsals


@click.group(cls=OneLineGroup)
def billing() -> None:
    """Rehearse, run and show the fees of a 25th."""


@billing.command()
@click.option("--date", "billing_date", type=BillingDate(), required=True)
@click.option("--account", "numbers", multiple=True, help="Only these account numbers.")
@with_appcontext
def rehearse(billing_date: dt.date, numbers: tuple[str, ...]) -> None:
    """Print what the run of a 25th would charge, without changing anything."""
    rows = rehearsals.rehearse(billing_date=billing_date, account_numbers=numbers)
    click.echo("account_number\tusers\tfee_points\tbalance_after")
    for row in rows:
        click.echo(f"{row.account_number}\t{row.contract_user_count}\t{row.fee_points}\t{row.balance_after}")
    click.echo(f"total: {len(rows)} accounts, {sum(row.fee_points for row in rows)} points")


@billing.command()
@click.option("--date", "billing_date", type=BillingDate(), required=True)
@with_appcontext
def run(billing_date: dt.date) -> None:
    """Do what is due up to a 25th whose cut has passed; once done, it is not done again."""
    if billing_instant(billing_date) > clock_now():
        refuse(f"the cut of {billing_date} has not come yet")
    report = clockwork.run_due_work(now=clock_now(), settings=settings())
    if report.failed:
        refuse(f"could not be done and will be tried again: accounts {report.failed}")
    run_of_date = select(BillingRun.id).where(BillingRun.billing_date == billing_date)
    if db.session.execute(run_of_date).first() is None:
        refuse(f"there is no run of {billing_date}: no account was there yet")
    if report.held_dates and report.held_dates[0] <= billing_date:
        refuse(f"the run of {report.held_dates[0]} {WAITS_FOR_RELEASE}")
    click.echo(f"monthly fees: {report.charged_accounts} accounts, {report.charged_points} points")


@billing.command()
@click.argument("billing_date", type=BillingDate())
@with_appcontext
def show(billing_date: dt.date) -> None:
    """Show the run of a 25th."""
    found = db.session.execute(
        select(BillingRun).where(BillingRun.billing_date == billing_date)
    ).scalar_one_or_none()
    if found is None:
        refuse(f"there is no run of {billing_date}")
    click.echo(f"{found.billing_date} {found.state}: {found.done_count} of {found.account_count} accounts,")
    ended = f"finished {in_tokyo(found.finished_at)}" if found.finished_at else "not finished"
    click.echo(f"{found.charged_points} points, started {in_tokyo(found.started_at)}, {ended}")
    states = (
        select(BillingItem.state, func.count())
        .where(BillingItem.billing_date == billing_date)
        .group_by(BillingItem.state)
        .order_by(BillingItem.state)
    )
    for state, count in db.session.execute(states):
        click.echo(f"{state}: {count}")
