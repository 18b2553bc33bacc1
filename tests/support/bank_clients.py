"""Clients of the bank test: processes that move points through the real services and note every answer.

`python -m tests.support.bank_clients FOLDER` forks one process per teller and one that reads totals, forks anew
whichever is killed, and ends when FOLDER/closing is there and every teller has its last answer.

A teller notes a request before it sends it, and the answer, forced to the disk, after the commit has returned.
An unanswered request is sent again under its own id, by the process that took a killed one's place too.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.errors import DomainError
from models import db
from services import refills
from services.cancellation_previews import preview
from services.ledger import AccountNotRunning
from services.transaction import transaction
from tests.support.bank_requests import WORKS, Note, Orders, moves_of_cancellation, read_notes
from tests.support.databases import build_app

#: Net issued less net consumed, and the balances: equal in every state that anybody may see.
TOTALS = text(
    "SELECT (SELECT COALESCE(sum(points), 0) FROM point_lines WHERE transfer_id IS NULL), "
    "(SELECT COALESCE(sum(point_balance), 0) FROM point_balances)"
)
PAUSE_AFTER_FAILURE = 0.1
_PR_SET_PDEATHSIG = 1
KINDS = ("add", "take_back", "refill", "users", "cancel", "stock", "issue")
KIND_WEIGHTS = (45, 30, 12, 6, 0.3, 4, 2)


class Teller:
    """One client with its own file of notes; `name` is 0, 1, 2 … and decides which accounts it may cancel."""

    def __init__(self, *, app: Flask, orders: Orders, folder: Path, name: int) -> None:
        self.app, self.orders, self.name = app, orders, name
        self.path = folder / f"teller-{name}.notes"
        self.path.touch()
        notes = read_notes(self.path)
        self.chance = random.Random(f"{orders.seed} {name} {len(notes)}")
        self.asked = sum("asked" in note for note in notes)
        talk = [note for note in notes if "asked" in note or "answered" in note]
        self.unanswered = talk[-1] if talk and "asked" in talk[-1] else None

    def serve_one(self) -> Note:
        """Think of a request, or take up the one that was left unanswered, and send it until it is answered."""
        request = self.unanswered or self._insist(self._think)
        if self.unanswered is None:
            self._note(request)
            self.asked += 1
        self.unanswered = None
        answer = self._insist(lambda: self._send(request))
        self._note({"answered": request["asked"], **answer}, to_disk=True)
        return answer

    def _think(self) -> Note:
        orders, chance = self.orders, self.chance
        msp = chance.choices(("msp-a", "msp-b"), (4, 1))[0]
        mine = orders.customers[msp][self.name :: orders.tellers + 1]
        request: Note = {
            "asked": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "viewer": msp,
            "account_id": chance.choice(orders.customers[msp]),
            "points": chance.randrange(1, 400),
        }
        kind = chance.choices(KINDS, KIND_WEIGHTS)[0]
        if kind == "refill":
            request |= self._refill_plan(chance.sample(orders.customers["msp-b"], 3))
        elif kind == "users":
            # A number that no other request uses, so that each change is found again.
            request |= {"account_id": chance.choice(mine), "points": 1000 + self.asked}
        elif kind == "cancel":
            return request | self._cancellation(chance.choice(mine), msp)
        elif kind == "stock":
            request |= {
                "viewer": "distributor",
                "account_id": orders.viewers[msp]["account_id"],
                "points": 9000,
            }
        elif kind == "issue":
            account_id = orders.viewers["distributor"]["account_id"]
            request |= {"viewer": "operator", "account_id": account_id, "points": 40_000}
        return request | {"kind": kind}

    def _refill_plan(self, account_ids: list[int]) -> Note:
        plan = refills.plan_refill(
            viewer=self.orders.viewer("msp-b"), account_ids=account_ids, now=self.orders.now()
        )
        shown = {str(row.account_id): row.refill_points for row in plan.rows if row.refill_points}
        return {"viewer": "msp-b", "account_ids": account_ids, "digest": plan.digest, "shown": shown}

    def _cancellation(self, account_id: int, msp: str) -> Note:
        try:
            found = preview(
                viewer=self.orders.viewer(msp),
                account_id=account_id,
                scheduled_on=None,
                now=self.orders.now(),
            )
        except DomainError:
            return {"kind": "add"}  # canceled before
        shown = [found.top_up_points, found.write_off_points]
        return {"kind": "cancel", "account_id": account_id, "shown": shown}

    def _send(self, request: Note) -> Note:
        now = self.orders.now()
        try:
            with transaction():
                moves = WORKS[request["kind"]](self.orders, request, now)
        except AccountNotRunning:
            if request["kind"] != "cancel":
                return {"refused": AccountNotRunning.__name__}
            # It ran when the request was thought of, and nobody else may cancel it: the answer was lost.
            moves = moves_of_cancellation(self.orders, request)
        except DomainError as refusal:
            return {"refused": type(refusal).__name__}
        return {"moves": moves, "at": now.isoformat()}

    def _insist(self, work: Callable[[], Note]) -> Note:
        """Repeat what the database's absence interrupts, each time in a context of its own as pages have it.

        Any other error ends the process.
        """
        while True:
            began_at = time.monotonic()
            try:
                with self.app.app_context():
                    return work()
            except DBAPIError as error:
                failed = {"failed": type(error).__name__, "words": str(error.orig)}
                self._note({**failed, "began_at": began_at, "ended_at": time.monotonic()})
                time.sleep(PAUSE_AFTER_FAILURE)

    def _note(self, note: Note, *, to_disk: bool = False) -> None:
        """Append one line by one call, which a kill cannot tear."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, json.dumps(note).encode() + b"\n")
            if to_disk:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_totals(app: Flask, folder: Path) -> None:
    """Sum the points again and again; note each reading, so that a wrong one is seen."""
    with (folder / "totals.notes").open("a", encoding="utf-8", buffering=1) as notes:
        while not (folder / "closing").exists():
            try:
                with app.app_context():
                    issued, held = db.session.execute(TOTALS).one()
                notes.write(f"{issued} {held}\n")
            except DBAPIError:
                time.sleep(PAUSE_AFTER_FAILURE)
            time.sleep(0.005)


def _serve(app: Flask, orders: Orders, folder: Path, name: int) -> None:
    teller = Teller(app=app, orders=orders, folder=folder, name=name)
    while teller.unanswered or not (folder / "closing").exists():
        teller.serve_one()


def _forked(folder: Path, name: str, work: Callable[[], None]) -> int:
    """Return the pid of a process that does a work on connections of its own."""
    pid = os.fork()
    if pid:
        (folder / f"{name}.pid").write_text(f"{pid}\n", encoding="ascii")
        return pid
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        work()
    except BaseException:
        (folder / f"{name}.crashed").write_text(traceback.format_exc(), encoding="utf-8")
        os._exit(1)
    os._exit(0)


def main(folder: Path) -> int:
    """Keep all clients alive until the bank closes; 1 when one ended by an error of its own."""
    orders = Orders(**json.loads((folder / "orders.json").read_text(encoding="utf-8")))
    app = build_app(orders.url)
    works: dict[str, Callable[[], None]] = {
        f"teller-{name}": partial(_serve, app, orders, folder, name) for name in range(orders.tellers)
    }
    works["reader"] = partial(read_totals, app, folder)
    pids = {_forked(folder, name, work): name for name, work in works.items()}
    while pids:
        pid, status = os.wait()
        name = pids.pop(pid)
        if os.WIFSIGNALED(status):
            pids[_forked(folder, name, works[name])] = name
        elif os.WEXITSTATUS(status):
            (folder / "closing").touch()
    return 1 if list(folder.glob("*.crashed")) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
