"""CSVインポート of users: the plan row by row, and its execution, one function for both.

All or nothing: a file with one row that cannot be taken is not taken at all. The digest of the plan seals what
was shown, so that nothing else is written than what was read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import insert, select

from domain.errors import DomainError
from domain.permissions import Viewer
from domain.service_users import (
    FULL_NAME,
    USER_NAME,
    FileRow,
    RowValues,
    clean_file_name,
    read_rows,
    read_values,
    shown_cell,
)
from models import ServiceUser, db
from models.service_users import search_text_of
from services import audit
from services.export_cells import unguard_formula
from services.service_user_list import UserCounts, user_counts
from services.service_users import USERS_PER_EVENT, apply_values, batches, check_room, lock_for_change


class ImportOutcome(StrEnum):
    """What an import does with a row."""

    NEW = "new"
    OVERWRITE = "overwrite"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    ERROR = "error"


class UserNameRepeated(DomainError):
    """A user name stands in the file twice; carries the `line` of its first row."""


class ImportHasErrors(DomainError):
    """A row cannot be taken, so none is; carries error_count."""


class NothingToImport(DomainError):
    """Every row is skipped or is as it is stored already."""


class ImportPlanChanged(DomainError):
    """What the import would do is no longer what was shown."""

    http_status = 409


@dataclass(frozen=True)
class ImportRow:
    """A row of the plan. `values` are the columns of a new user; `changes` name → [old, new]; errors by column."""

    line: int
    user_name: str
    full_name: str
    outcome: ImportOutcome
    user_id: int | None
    values: Mapping[str, Any]
    changes: Mapping[str, list[Any]]
    errors: tuple[tuple[str, DomainError], ...] = ()


@dataclass(frozen=True)
class ImportPlan:
    """What 取り込む would do, row by row, and the users of the account before it."""

    rows: tuple[ImportRow, ...]
    counts: UserCounts
    overwrite: bool

    def rows_with(self, outcome: ImportOutcome) -> list[ImportRow]:
        """Return the rows with an outcome."""
        return [row for row in self.rows if row.outcome is outcome]

    @cached_property
    def totals(self) -> dict[ImportOutcome, int]:
        """How many rows each outcome has."""
        return {outcome: len(self.rows_with(outcome)) for outcome in ImportOutcome}

    @property
    def registered_after(self) -> int:
        """How many users the account would have."""
        return self.counts.registered + self.totals[ImportOutcome.NEW]

    @property
    def is_over_limit(self) -> bool:
        """Whether that is more than contracted."""
        return self.registered_after > max(self.counts.contracted, self.counts.registered)

    @property
    def has_work(self) -> bool:
        """Whether anything would be written."""
        return bool(self.totals[ImportOutcome.NEW] or self.totals[ImportOutcome.OVERWRITE])

    @property
    def is_possible(self) -> bool:
        """Whether 取り込む can be pressed."""
        return self.has_work and not self.is_over_limit and not self.totals[ImportOutcome.ERROR]

    @property
    def digest(self) -> str:
        """The fingerprint of all that is shown."""
        shown = [
            [row.user_name, row.outcome, dict(row.values), dict(row.changes), len(row.errors)]
            for row in self.rows
        ]
        sealed = json.dumps([shown, self.counts.registered, self.counts.contracted, self.overwrite])
        return hashlib.sha256(sealed.encode()).hexdigest()


def plan_import(*, account_id: int, text: str, overwrite: bool) -> ImportPlan:
    """Return what the import of a checked text would do; nothing is written.

    :raises FileRefused: when the file cannot be read as a whole.
    """
    found = [(row, read_values(_unguarded(row))) for row in read_rows(text)]
    names = {values.user_name for _row, values in found if values.user_name}
    stored = select(ServiceUser).where(ServiceUser.account_id == account_id, ServiceUser.user_name.in_(names))
    users = {user.user_name: user for user in db.session.execute(stored).scalars()}
    first_lines: dict[str, int] = {}
    rows = []
    for row, values in found:
        errors = _errors(row, values, first_lines)
        user = users.get(values.user_name)
        rows.append(_import_row(row, values, errors, user, overwrite=overwrite))
    return ImportPlan(tuple(rows), user_counts(account_id), overwrite)


def import_users(
    *,
    viewer: Viewer,
    account_id: int,
    text: str,
    overwrite: bool,
    digest: str,
    file_name: str,
    now: dt.datetime,
) -> ImportPlan:
    """Carry out an import, all or nothing, and return its plan.

    :raises DomainError: as service_users.lock_for_change and plan_import; ImportPlanChanged, ImportHasErrors,
        ServiceUserLimitReached, NothingToImport.
    """
    account = lock_for_change(viewer=viewer, account_id=account_id, now=now)
    plan = plan_import(account_id=account_id, text=text, overwrite=overwrite)
    if plan.digest != digest:
        raise ImportPlanChanged
    if plan.totals[ImportOutcome.ERROR]:
        raise ImportHasErrors(error_count=plan.totals[ImportOutcome.ERROR])
    if not plan.has_work:
        raise NothingToImport
    if plan.totals[ImportOutcome.NEW]:
        check_room(account, wanted=plan.totals[ImportOutcome.NEW])
    _write(account_id, plan, now)
    _record(viewer, account_id, plan, clean_file_name(file_name), now)
    return plan


def _unguarded(row: FileRow) -> dict[str, str]:
    return {column: unguard_formula(cell) for column, cell in row.cells.items()}


def _errors(
    row: FileRow, values: RowValues, first_lines: dict[str, int]
) -> tuple[tuple[str, DomainError], ...]:
    if row.error is not None:
        return (("", row.error),)
    errors = list(values.errors)
    if values.user_name:
        first = first_lines.setdefault(values.user_name, row.line)
        if first != row.line:
            errors.append((USER_NAME, UserNameRepeated(line=first)))
    return tuple(errors)


def _import_row(
    row: FileRow,
    values: RowValues,
    errors: tuple[tuple[str, DomainError], ...],
    user: ServiceUser | None,
    *,
    overwrite: bool,
) -> ImportRow:
    wanted: dict[str, Any] = dict(values.values)
    if values.is_disabled is not None:
        wanted["is_disabled"] = values.is_disabled
    changes: dict[str, list[Any]] = {}
    if errors:
        outcome = ImportOutcome.ERROR
    elif user is None:
        outcome = ImportOutcome.NEW
    elif not overwrite:
        outcome = ImportOutcome.SKIPPED
    else:
        changes = {
            name: [getattr(user, name), value]
            for name, value in wanted.items()
            if getattr(user, name) != value
        }
        outcome = ImportOutcome.OVERWRITE if changes else ImportOutcome.UNCHANGED
    return ImportRow(
        line=row.line,
        user_name=values.user_name or shown_cell(row.cells.get(USER_NAME, "")),
        full_name=shown_cell(row.cells.get(FULL_NAME, "")),
        outcome=outcome,
        user_id=user.id if user else None,
        values=wanted if outcome is ImportOutcome.NEW else {},
        changes=changes,
        errors=errors,
    )


def _write(account_id: int, plan: ImportPlan, now: dt.datetime) -> None:
    new = [_new_row(account_id, row, now) for row in plan.rows_with(ImportOutcome.NEW)]
    if new:
        db.session.execute(insert(ServiceUser).execution_options(render_nulls=True), new)
    changes = {row.user_id: row.changes for row in plan.rows_with(ImportOutcome.OVERWRITE)}
    users = select(ServiceUser).where(ServiceUser.id.in_(changes))
    for user in db.session.execute(users).scalars():
        apply_values(user, {name: new_value for name, (_old, new_value) in changes[user.id].items()}, now=now)
    db.session.flush()


def _new_row(account_id: int, row: ImportRow, now: dt.datetime) -> dict[str, Any]:
    values = {
        "account_id": account_id,
        "user_name": row.user_name,
        "email": None,
        "department": None,
        "is_disabled": False,
        "created_at": now,
        "updated_at": now,
        "version": 1,
        **row.values,
    }
    return {**values, "search_text": search_text_of(values)}


def _record(viewer: Viewer, account_id: int, plan: ImportPlan, file_name: str, now: dt.datetime) -> None:
    """Name every registered user and every change, a hundred users an event; each has the totals."""
    totals = plan.totals
    written = [row for row in plan.rows if row.outcome in (ImportOutcome.NEW, ImportOutcome.OVERWRITE)]
    for rows in batches(written, USERS_PER_EVENT):
        audit.record(
            action="service_user.imported",
            viewer=viewer,
            account_id=account_id,
            now=now,
            file_name=file_name,
            registered_count=totals[ImportOutcome.NEW],
            updated_count=totals[ImportOutcome.OVERWRITE],
            skipped_count=totals[ImportOutcome.SKIPPED] + totals[ImportOutcome.UNCHANGED],
            user_names=[row.user_name for row in rows if row.outcome is ImportOutcome.NEW],
            changes={
                f"{row.user_name}: {name}": change for row in rows for name, change in row.changes.items()
            },
        )
