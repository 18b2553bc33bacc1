"""`flask export customers`: the same file as the screen's, for scripts."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import click
from flask.cli import with_appcontext
from flask_babel import force_locale

from commands.outcome import clock_now, refusals_in_one_line, refuse
from services import exports, sign_ins
from services.customers import customers_source
from services.lists import parse_arguments


@click.group()
def export() -> None:
    """Write a list to a file."""


@export.command()
@click.option("--as", "user_name", required=True, help="User name of the administrator whose rows they are.")
@click.option("--format", "kind", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE …]")
@with_appcontext
@refusals_in_one_line
def customers(user_name: str, kind: str, output: Path, arguments: tuple[str, ...]) -> None:
    """Write 顧客アカウント一覧, with the list's own arguments (search=…, sort=…, state=…)."""
    viewer = sign_ins.viewer_named(user_name)
    if viewer is None:
        refuse(f"there is no administrator {user_name} who may sign in")
    source = customers_source(viewer=viewer, now=clock_now())
    wanted = parse_arguments(source, dict(parse_qsl("&".join(arguments))))
    if wanted.errors:
        refuse("unusable arguments: " + ", ".join(f"{name} ({code})" for name, code in wanted.errors.items()))
    with force_locale("ja"), output.open("wb") as stream:
        write = exports.write_csv if kind == "csv" else exports.write_xlsx
        count = write(stream, source, wanted)
    click.echo(f"{count} rows in {output}")
