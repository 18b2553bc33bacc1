"""The requests of the bank test: what the clients are told, and each use case with the points it moves."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from domain.permissions import AccountType, AdminLevel, Viewer
from domain.points import returnable_points
from services import accounts, cancellations, points, refills
from tests.support.databases import START

Note = dict[str, Any]


@dataclass(frozen=True)
class Orders:
    """What the clients are told. `began_at` is a reading of the machine's monotonic clock."""

    url: str
    seed: int
    #: Clients with a process of their own; one more may be the test's.
    tellers: int
    began_at: float
    #: Viewers by name, as the fields of `Viewer`.
    viewers: dict[str, dict[str, Any]]
    #: The customers of each MSP.
    customers: dict[str, list[int]]

    def viewer(self, name: str) -> Viewer:
        """Return a viewer."""
        fields = self.viewers[name]
        return Viewer(
            **{
                **fields,
                "account_type": AccountType(fields["account_type"]),
                "level": AdminLevel(fields["level"]),
            }
        )

    def now(self) -> dt.datetime:
        """Return the instant of a request: days before a 25th, moving on with the real time."""
        return START + dt.timedelta(seconds=time.monotonic() - self.began_at)

    def keep(self, folder: Path) -> None:
        """Write them where the clients look for them."""
        (folder / "orders.json").write_text(json.dumps(asdict(self)), encoding="utf-8")


def read_notes(path: Path) -> list[Note]:
    """Return a teller's notes, oldest first."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _add(orders: Orders, request: Note, now: dt.datetime) -> Note:
    _movement(points.add, orders, request, now)
    moves = {str(request["account_id"]): request["points"]}
    # What the operator issues, nobody pays.
    return moves if request["viewer"] == "operator" else moves | {_payer(orders, request): -request["points"]}


def _payer(orders: Orders, request: Note) -> str:
    return str(orders.viewers[request["viewer"]]["account_id"])


def _take_back(orders: Orders, request: Note, now: dt.datetime) -> Note:
    done = _movement(points.take_back, orders, request, now)
    credited = returnable_points(request["points"], done.point_balance + request["points"])
    return {str(request["account_id"]): -request["points"], _payer(orders, request): credited}


def _movement(
    use_case: Callable[..., points.MovementResult], orders: Orders, request: Note, now: dt.datetime
) -> points.MovementResult:
    return use_case(
        viewer=orders.viewer(request["viewer"]),
        account_id=request["account_id"],
        points=request["points"],
        remark="銀行試験",
        request_id=request["asked"],
        now=now,
    )


def _refill(orders: Orders, request: Note, now: dt.datetime) -> Note:
    done = refills.refill(
        viewer=orders.viewer("msp-b"),
        account_ids=request["account_ids"],
        digest=request["digest"],
        request_id=request["asked"],
        now=now,
    )
    assert done.total_points == sum(request["shown"].values()), "a refill is what was shown"
    return {**request["shown"], _payer(orders, request): -done.total_points}


def _change_users(orders: Orders, request: Note, now: dt.datetime) -> Note:
    accounts.change_contract_users(
        viewer=orders.viewer(request["viewer"]),
        account_id=request["account_id"],
        contract_user_count=request["points"],
        now=now,
    )
    return {}


def _cancel(orders: Orders, request: Note, now: dt.datetime) -> Note:
    top_up, write_off = request["shown"]
    cancellations.cancel(
        viewer=orders.viewer(request["viewer"]),
        account_id=request["account_id"],
        consent=True,
        shown=(top_up, write_off),
        now=now,
    )
    return moves_of_cancellation(orders, request)


def moves_of_cancellation(orders: Orders, request: Note) -> Note:
    """Return what the parent pays; the account itself ends at 0."""
    return {_payer(orders, request): -request["shown"][0]}


#: Each use case, returning what it moved: account id → signed points. A cancellation leaves its account at 0.
WORKS: dict[str, Callable[[Orders, Note, dt.datetime], Note]] = {
    "add": _add,
    "stock": _add,
    "issue": _add,
    "take_back": _take_back,
    "refill": _refill,
    "users": _change_users,
    "cancel": _cancel,
}
