"""`flask export customers`: the same file as the screen's, for scripts."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import click
from flask.cli import with_appcontext
from flask_babel import force_locale

from commands.outcome import OneLineGroup, clock_now, refuse
from domain.permissions import Permission
from services import access, audit, exports, sign_ins
from services.customers import customers_source
from services.list_arguments import ListArguments, filter_parameters, parameter_names, parse_arguments
from services.lists import ListSource
from services.transaction import transaction


@click.group(cls=OneLineGroup)
def export() -> None:
    """Write a list to a file."""


@export.command()
@click.option("--as", "user_name", required=True, help="User name of the administrator whose rows they are.")
@click.option("--format", "kind", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE …]")
@with_appcontext
def customers(user_name: str, kind: str, output: Path, arguments: tuple[str, ...]) -> None:
    """Write 顧客アカウント一覧, with the list's own arguments (search=…, sort=…, state=…)."""
    viewer = sign_ins.viewer_named(user_name)
    if viewer is None:
        refuse(f"there is no administrator {user_name} who may sign in")
    access.check_permission(viewer=viewer, permission=Permission.CUSTOMERS_VIEW)
    source = customers_source(viewer=viewer, now=clock_now())
    wanted = parse_arguments(source, _parameters(arguments, parameter_names(source)))
    if unusable := _unusable(source, wanted):
        refuse(f"unusable arguments: {', '.join(unusable)}")
    with force_locale("ja"), output.open("wb") as stream:
        write = exports.write_csv if kind == "csv" else exports.write_xlsx
        count = write(stream, source, wanted)
    with transaction():
        audit.record(
            action="list.exported",
            viewer=viewer,
            account_id=viewer.account_id,
            now=clock_now(),
            list_name=source.name,
            file_format=kind,
            row_count=count,
            filters=list(arguments),
        )
    click.echo(f"{count} rows in {output}")


def _unusable(source: ListSource, wanted: ListArguments) -> list[str]:
    """Return the arguments that cannot be used, as they were typed, each with its reason."""
    names = {list_filter.name: filter_parameters(list_filter) for list_filter in source.filters}
    found = [
        f"{name}={wanted.typed[name]} ({code})"
        for part, code in wanted.errors.items()
        for name in names.get(part, (part,))
        if name in wanted.typed
    ]
    if "sort" in wanted.typed and wanted.sort is None:
        found.append(f"sort={wanted.typed['sort']} (unknown_column)")
    return found


def _parameters(arguments: tuple[str, ...], known: Collection[str]) -> dict[str, str]:
    """Read NAME=VALUE; a slip of the pen must not write a list that nobody asked for."""
    parameters = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or name not in known:
            raise click.UsageError(f"{argument!r} is not NAME=VALUE with one of {', '.join(sorted(known))}")
        parameters[name] = value
    return parameters
