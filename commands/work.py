"""`flask work`: all that is due, once, without a queue."""

from __future__ import annotations

import datetime as dt
import socket

import click
from flask.cli import with_appcontext

from commands.outcome import WAITS_FOR_RELEASE, Instant, OneLineCommand, clock_now, refuse, settings
from services import (
    alarms,
    audit_seals,
    clockwork,
    health_beats,
    health_verification,
    outgoing_mails,
    provisioning,
)
from services.mail_texts import mail_brand_from
from services.mail_transports import transport_from
from services.transaction import transaction


@click.command(cls=OneLineCommand)
@click.option("--now", "instant", type=Instant(), help="Do what is due at this instant; default: now.")
@with_appcontext
def work(instant: dt.datetime | None) -> None:
    """Do all that is due, once: cancellations, the 25th, suspensions, provisioning, mails."""
    if instant and not settings().is_demo and instant > clock_now():
        refuse("--now lies ahead: in production no fee and no cancellation is carried out before its time")
    now = instant or clock_now()
    with transaction():
        # Where a timer starts this command each minute, it is the worker.
        health_beats.beat(worker_name=f"{socket.gethostname()}: flask work", now=now)
    alarms.raise_run_alarms(now=now, brand=mail_brand_from(settings()))
    report = clockwork.run_due_work(now=now, settings=settings())
    provisioned = provisioning.provision_requested(now=now)
    audit_seals.seal_waiting(now=now)
    checked = health_verification.verify_when_due(now=now, settings=settings())
    broken_count = len(checked.broken) if checked else 0
    mails = outgoing_mails.send_waiting(now=now, transport=transport_from(settings()))
    click.echo(f"scheduled cancellations executed: {report.canceled}")
    if report.blocked:
        click.echo(f"cancellations blocked by accounts below, tried again later: accounts {report.blocked}")
    for day in report.billed_dates:
        click.echo(f"billing run of {day}: finished")
    for day in report.held_dates:
        click.echo(f"billing run of {day}: {WAITS_FOR_RELEASE}")
    click.echo(f"monthly fees: {report.charged_accounts} accounts, {report.charged_points} points")
    click.echo(f"suspended: {report.suspended}, resumed: {report.resumed}")
    click.echo(f"provisioned: {provisioned}")
    click.echo(
        f"mails written: {report.mails_written}, delivered: {mails.delivered_count}, "
        f"delayed: {mails.delayed_count}, bounced: {mails.bounced_count}"
    )
    if broken_count:
        click.echo(f"invariants broken: {broken_count}, see `ledger verify`", err=True)
    if report.waiting:
        click.echo(
            f"cancellations that wait for the release of a run or for a parked fee: accounts {report.waiting}"
        )
    if report.failed:
        refuse(f"could not be done and will be tried again: accounts {report.failed}")
