"""A bank for fault tests: the demo's accounts in a database, with clients that move points all the time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select

from config import ROOT
from domain.lifecycle import RUNNING
from domain.permissions import AccountType, Viewer
from models import Account, Administrator, db
from services.demo import create_demo
from services.transaction import transaction
from tests.support.bank_audit import answered_count, held_points
from tests.support.bank_requests import Orders
from tests.support.databases import PASSWORD, START, build_app

CLOSING_SECONDS = 120.0
VIEWERS = ("operator", "distributor", "msp-a", "msp-b")


@dataclass
class Bank:
    """An open bank: its application, idle here, and its clients, busy in processes of their own."""

    app: Flask
    folder: Path
    orders: Orders
    #: Balances at the beginning, by account id.
    before: dict[str, int]
    clients: subprocess.Popen[bytes]

    def wait_for_answers(self, count: int, *, seconds: float = 900.0) -> None:
        """Return once so many movements have been acknowledged in all.

        :raises RuntimeError: when a client ended by an error, or nothing comes.
        """
        deadline = time.monotonic() + seconds
        while answered_count(self.folder) < count:
            if self.clients.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the clients stand still:\n{self._words()}")
            time.sleep(0.02)

    def kill_tellers(self, names: Iterable[int]) -> None:
        """Kill the processes of tellers outright, and wait until others have taken their places."""
        paths = [self.folder / f"teller-{name}.pid" for name in names]
        killed = {path: path.read_text(encoding="ascii") for path in paths}
        for pid in killed.values():
            os.kill(int(pid), signal.SIGKILL)
        for path, pid in killed.items():
            # A file without its last character is being written.
            while (found := path.read_text(encoding="ascii")) == pid or not found.endswith("\n"):
                if self.clients.poll() is not None:
                    raise RuntimeError(f"the clients are gone:\n{self._words()}")
                time.sleep(0.005)

    def close(self) -> None:
        """Let every client get its last answer and go.

        :raises RuntimeError: when one ended by an error of its own.
        """
        (self.folder / "closing").touch()
        if self.clients.wait(CLOSING_SECONDS):
            raise RuntimeError(f"a client ended by an error:\n{self._words()}")

    def _words(self) -> str:
        paths = [*self.folder.glob("*.crashed"), self.folder / "clients.log"]
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)


@contextmanager
def open_bank(url: str, folder: Path, *, seed: int, customers: int, tellers: int) -> Iterator[Bank]:
    """Fill an empty database and give the bank over it; its clients are gone afterwards."""
    app = build_app(url)
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        with transaction():
            create_demo(
                customers=customers, msps=2, seed=1, password=PASSWORD, brand_name="SingleID", now=START
            )
        orders = _orders(url, seed, tellers)
        before = held_points()
        db.session.remove()
    orders.keep(folder)
    clients = _start_clients(folder)
    try:
        yield Bank(app, folder, orders, before, clients)
    finally:
        if clients.poll() is None:
            clients.kill()  # its clients follow it
            clients.wait(10)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def _orders(url: str, seed: int, tellers: int) -> Orders:
    viewers = {name: _viewer(name) for name in VIEWERS}
    statement = select(Account.id).where(
        Account.account_type == AccountType.CUSTOMER, Account.status.in_(RUNNING)
    )
    customers = {
        name: list(
            db.session.execute(
                statement.where(Account.parent_id == viewers[name].account_id).order_by(Account.id)
            ).scalars()
        )
        for name in ("msp-a", "msp-b")
    }
    fields = {name: asdict(viewer) for name, viewer in viewers.items()}
    return Orders(url, seed, tellers, time.monotonic(), fields, customers)


def _viewer(user_name: str) -> Viewer:
    row = db.session.execute(
        select(Administrator, Account.account_type)
        .join(Account, Account.id == Administrator.account_id)
        .where(Administrator.user_name == user_name)
    ).one()
    person, account_type = row
    return Viewer(person.id, person.user_name, person.account_id, account_type, person.level)


def _start_clients(folder: Path) -> subprocess.Popen[bytes]:
    with_parent = ["setpriv", "--pdeathsig=KILL"] if shutil.which("setpriv") else []
    command = [*with_parent, sys.executable, "-m", "tests.support.bank_clients", str(folder)]
    with (folder / "clients.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
