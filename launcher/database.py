"""Brings the database up to date before anything else runs."""

from __future__ import annotations

import sys

from launcher.supervisor import Supervisor

FLASK = (sys.executable, "-m", "flask", "--app", "app")


def prepare_database(supervisor: Supervisor, *, is_demo: bool, portal_now: str) -> None:
    """Upgrade the schema; in demo, fill an empty database and settle the clock as well.

    Only these commands are told PORTAL_NOW: they keep the clock's offset in the database, where every process
    reads it. A process that was told the instant itself would start its clock anew with each restart.

    :param portal_now: an ISO instant with zone, or empty for the real time.
    :raises LauncherError: when a command fails.
    """
    extra = {"PORTAL_NOW": portal_now} if portal_now else {}
    # One command does both in demo: each start of Python costs a second or two.
    command = ("prepare",) if is_demo else ("db", "upgrade")
    supervisor.run_once(command[-1], (*FLASK, *command), extra)
