"""The world of the clock table, and what is seen of it at an instant by a process in any time zone."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Sequence
from html import unescape
from typing import Any

from flask import current_app
from sqlalchemy import select, text

from admin_views.request_context import SESSION_TOKEN
from domain.permissions import AccountType, Viewer
from domain.points import PointKind
from models import Account, Administrator, PointLine, db
from services import accounts, cancellations, clockwork, sign_ins
from services.cancellation_previews import preview
from services.transaction import transaction
from tests.builders import BEGAN, SETTINGS, World, begin_world
from tests.support.fingerprints import fingerprint

#: 解約予定日 of the customers that leave, by name.
LEAVING = {
    "leaves-1124": "2026-11-24",
    "leaves-1125": "2026-11-25",
    "leaves-1126": "2026-11-26",
    "leaves-1231": "2026-12-31",
    "leaves-0101": "2027-01-01",
    "leaves-0314": "2027-03-14",
    "leaves-0229": "2028-02-29",
}
GROWING = "grows"
#: By the machine's own clock, whatever the portal's says.
HOW_LONG_IT_TOOK = (("billing_chunks", "done_at"), ("billing_runs", "finished_at"))
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_CELL = re.compile(r'<td[^>]* data-label="([^"]+)">(.*?)</td>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_NUMBER = re.compile(r"[−-]?[\d,]+")
_DAYS = re.compile(r"あと([\d,]+)日")


def prepare() -> dict[str, Any]:
    """Fill a database with customers of 10 users and return nothing of note."""
    world = begin_world(stock=20_000)
    for name in ("stays", GROWING):
        world.customer(company_name=name, points_held=1_000)
    for name, day in LEAVING.items():
        _schedule(world, world.customer(company_name=name, points_held=500), dt.date.fromisoformat(day))
    return {}


def _schedule(world: World, account_id: int, day: dt.date) -> None:
    found = preview(viewer=world.msp_a, account_id=account_id, scheduled_on=day, now=BEGAN)
    with transaction():
        cancellations.schedule(
            viewer=world.msp_a,
            account_id=account_id,
            scheduled_on=day,
            consent=True,
            shown=(found.top_up_points, found.write_off_points),
            now=BEGAN,
        )


def look(steps: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Take steps of (what, instant), and return what was charged and canceled, and what the list shows then.

    What is "tick", the worker's, or "grow": the customer of that name has 30 users from the instant on.
    """
    for what, moment in steps:
        instant = dt.datetime.fromisoformat(moment)
        current_app.extensions["clock"].instant = instant
        if what == "tick":
            report = clockwork.run_due_work(now=instant, settings=SETTINGS)
            assert not report.put_off, report
        else:
            _grow(instant)
    held = fingerprint(db.session(), left_out=HOW_LONG_IT_TOOK)
    db.session.rollback()
    return {
        "zones": _zones(),
        "fingerprint": held,
        "charged": _charged(),
        "list": _rows_of_list(instant),
    }


def _grow(instant: dt.datetime) -> None:
    account_id = db.session.execute(select(Account.id).where(Account.company_name == GROWING)).scalar_one()
    with transaction():
        accounts.change_contract_users(
            viewer=_viewer(), account_id=account_id, contract_user_count=30, now=instant
        )


def _viewer() -> Viewer:
    person = db.session.execute(select(Administrator).where(Administrator.user_name == "msp-a")).scalar_one()
    return Viewer(person.id, person.user_name, person.account_id, AccountType.MSP, person.level)


def _zones() -> list[str]:
    """Return the zones in force: what local time makes of an instant in July, and the server's setting."""
    local = time.strftime("%H:%M", time.localtime(dt.datetime(2026, 7, 1, tzinfo=dt.UTC).timestamp()))
    if db.engine.dialect.name == "sqlite":
        return [local]
    found = db.session.execute(text("SHOW TimeZone")).scalar_one()
    db.session.rollback()
    return [local, found]


def _charged() -> dict[str, list[list[Any]]]:
    """Return the fees of each customer: [25th, points ≥ 0], oldest first."""
    charged: dict[str, list[list[Any]]] = {}
    statement = (
        select(Account.company_name, PointLine.billing_date, PointLine.points)
        .join(PointLine, PointLine.account_id == Account.id)
        .where(PointLine.kind == PointKind.MONTHLY_FEE, Account.account_type == AccountType.CUSTOMER)
        .order_by(PointLine.id)
    )
    for name, billing_date, points in db.session.execute(statement):
        charged.setdefault(name, []).append([str(billing_date), -points])
    db.session.rollback()
    return charged


def _rows_of_list(instant: dt.datetime) -> dict[str, dict[str, Any]]:
    """Sign in at an instant and return what 顧客アカウント一覧 shows: points, estimate and days left by name."""
    with transaction():
        token = sign_ins.sign_in(
            administrator_id=_viewer().administrator_id, now=instant, remote_address=None, user_agent=""
        )
    client = current_app.test_client()
    with client.session_transaction() as session:
        session[SESSION_TOKEN] = token
    page = client.get("/msp/customers/?page_size=50").get_data(as_text=True)
    rows = [dict(_CELL.findall(row)) for row in _ROW.findall(page)]
    return {
        _words(cells["会社名"]).split()[0]: {
            "is_canceled": "解約済" in cells["会社名"],
            "balance": _number(cells["現在のポイント"]),
            "estimate": _number(cells["今月25日の推定残ポイント数"]),
            "days_left": _days_left(cells["解約予定日"]),
        }
        for cells in rows
        if cells
    }


def _words(cell: str) -> str:
    return unescape(_TAG.sub(" ", cell)).strip()


def _number(cell: str) -> int | None:
    found = _NUMBER.search(_words(cell))
    return int(found[0].replace(",", "").replace("−", "-")) if found else None


def _days_left(cell: str) -> int | None:
    found = _DAYS.search(_words(cell))
    return int(found[1].replace(",", "")) if found else None
