"""`flask work`: all that is due, once, without a queue."""

from __future__ import annotations

import datetime as dt

import click
from flask.cli import with_appcontext

from commands.outcome import Instant, clock_now, refusals_in_one_line, refuse, settings
from services import clockwork, outgoing_mails, provisioning
from services.mail_transports import transport_from


@click.command()
@click.option("--now", "instant", type=Instant(), help="Do what is due at this instant; default: now.")
@with_appcontext
@refusals_in_one_line
def work(instant: dt.datetime | None) -> None:
    """Do all that is due, once: cancellations, the 25th, suspensions, provisioning, mails."""
    now = instant or clock_now()
    report = clockwork.run_due_work(now=now, settings=settings())
    provisioned = provisioning.provision_requested(now=now)
    mails = outgoing_mails.send_waiting(now=now, transport=transport_from(settings()), limit=500)
    click.echo(f"scheduled cancellations executed: {report.canceled}")
    for day in report.billed_dates:
        click.echo(f"billing run of {day}: finished")
    click.echo(f"monthly fees: {report.charged_accounts} accounts, {report.charged_points} points")
    click.echo(f"suspended: {report.suspended}, resumed: {report.resumed}")
    click.echo(f"provisioned: {provisioned}")
    click.echo(f"mails written: {report.mails_written}, handled: {mails}")
    if report.failed:
        refuse(f"could not be done and will be tried again: accounts {report.failed}")
