"""The command line: an argument in, a service call, a line out."""

from __future__ import annotations

from flask import Flask

from commands.administrators import administrators
from commands.beginning import demo, init, prepare
from commands.billing import billing
from commands.export import export
from commands.ledger import ledger
from commands.work import work


def register(app: Flask) -> None:
    """Add the portal's commands to `flask --app app`."""
    for command in (init, demo, prepare, work, billing, ledger, export, administrators):
        app.cli.add_command(command)
