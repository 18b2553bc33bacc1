"""The bank test: clients move points while the database is killed. What was acknowledged is there, once.

`SEED=` repeats the choices of a run; the moments of the kills are the machine's.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from models import db
from services import invariants
from tests.support.bank import Bank, open_bank
from tests.support.bank_audit import Findings, answered_count, audit
from tests.support.bank_clients import Teller
from tests.support.bank_requests import read_notes
from tests.support.databases import build_app
from tests.support.mortal_postgres import MortalPostgres, running_mortal_postgres

pytestmark = pytest.mark.faults

SignIn = Callable[[FlaskClient, str], None]
TELLERS = 4
#: The test's own client: idle while the database is away, so that it comes back to connections that are dead.
IDLE_TELLER = TELLERS
ADDRESS = "/msp/customers/"


def the_seed() -> int:
    return int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(10**6)


def outage(server: MortalPostgres, chance: random.Random, page: FlaskClient) -> tuple[float, float]:
    """Take the database away and bring it back; return from when until when it could not answer."""
    how = chance.choice((server.kill, server.kill, server.stop_at_once, server.kill_one_backend))
    began_at = time.monotonic()
    how()
    if server.popen is None:
        asked_at = time.monotonic()
        answer = page.get(ADDRESS)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5")
        assert time.monotonic() - asked_at < 2
        server.start()
    up_at = time.monotonic()
    assert page.get(ADDRESS).status_code == 200
    return began_at, up_at


def serve_at_the_first_attempt(bank: Bank, idle: Teller) -> None:
    """A request of somebody who was away meanwhile is answered as if nothing had been."""
    idle.serve_one()
    assert [note["words"] for note in read_notes(idle.path) if "failed" in note] == []


def failed_while_up(bank: Bank, outages: list[tuple[float, float]]) -> list[str]:
    """Return the attempts that began after a restart and failed before the next fault."""
    ups = [0.0, *(up_at for _down_at, up_at in outages)]
    downs = [*(down_at for down_at, _up_at in outages), float("inf")]
    return [
        note["words"]
        for path in bank.folder.glob("teller-*.notes")
        for note in read_notes(path)
        if "failed" in note
        and any(
            up < note["began_at"] and note["ended_at"] < down for up, down in zip(ups, downs, strict=True)
        )
    ]


def check_books(bank: Bank, *, kills: int, seed: int) -> Findings:
    with bank.app.app_context():
        findings = audit(bank.folder, before=bank.before)
        broken = invariants.verify()
        db.session.remove()
    print(f"SEED={seed} kills={kills} {findings}")
    assert findings.faults == [], "\n".join(findings.faults)
    assert broken == []
    assert findings.readings > 0
    return findings


def check_copy(url: str) -> None:
    """A copy that was made while everybody was at work keeps every law."""
    copy = build_app(url)
    with copy.app_context():
        broken = invariants.verify()
        db.session.remove()
        db.engine.dispose()
    assert broken == []


def dump_and_restore(server: MortalPostgres, folder: Path) -> None:
    copy_url = server.server.create_database("bank_copy")
    names = ("bank", "bank_copy")
    # As backups are made: by a role that no policy binds. Another would be refused, not given half of the rows.
    source, target = (server.server.url(name, role="postgres").replace("+psycopg", "") for name in names)
    path = str(folder / "bank.dump")
    commands = (
        ["pg_dump", "--format=custom", f"--file={path}", source],
        ["pg_restore", "--exit-on-error", f"--dbname={target}", path],
    )
    for program, *arguments in commands:
        subprocess.run([str(server.programs / program), *arguments], check=True)
    check_copy(copy_url)


def kill_postgres(folder: Path, sign_in: SignIn, *, kills: int, movements: int, customers: int) -> None:
    """Open a bank, kill its database so often, until so many movements are acknowledged; check the books."""
    seed = the_seed()
    chance = random.Random(seed)
    outages: list[tuple[float, float]] = []
    with running_mortal_postgres() as server:
        url = server.server.create_database("bank")
        with open_bank(url, folder, seed=seed, customers=customers, tellers=TELLERS) as bank:
            idle = Teller(app=bank.app, orders=bank.orders, folder=folder, name=IDLE_TELLER)
            page = build_app(url).test_client()
            sign_in(page, "msp-a")
            while len(outages) < kills:
                serve_at_the_first_attempt(bank, idle)
                # Kills are spread over the movements; each comes while all clients are at work.
                share = movements * (len(outages) + 1) // (kills + 1)
                bank.wait_for_answers(max(share, answered_count(folder) + 20))
                time.sleep(chance.random() * 0.1)
                outages.append(outage(server, chance, page))
            serve_at_the_first_attempt(bank, idle)
            dump_and_restore(server, folder)
            bank.wait_for_answers(max(movements, answered_count(folder) + 20))
            bank.close()
            findings = check_books(bank, kills=len(outages), seed=seed)
            with page.application.app_context():
                db.engine.dispose()
            assert failed_while_up(bank, outages) == []
            assert findings.acknowledged >= movements


def kill_writers(folder: Path, *, kills: int, movements: int, customers: int) -> None:
    """Open a bank on SQLite and kill the processes that write to it, one or all at once; check the books."""
    seed = the_seed()
    chance = random.Random(seed)
    killed = 0
    path = folder / "portal.db"
    with open_bank(f"sqlite:///{path}", folder, seed=seed, customers=customers, tellers=TELLERS) as bank:
        while killed < kills:
            bank.wait_for_answers(max(movements * killed // kills, answered_count(folder) + 5))
            time.sleep(chance.random() * 0.05)
            # Only one of them writes at a time; all at once is sure to hit it.
            names = range(TELLERS) if chance.random() < 0.5 else [chance.randrange(TELLERS)]
            bank.kill_tellers(names)
            killed += len(names)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(folder / "copy.db")) as target:
            source.backup(target)
        check_copy(f"sqlite:///{folder / 'copy.db'}")
        bank.wait_for_answers(max(movements, answered_count(folder) + 20))
        bank.close()
        findings = check_books(bank, kills=killed, seed=seed)
        assert findings.acknowledged >= movements
        assert findings.failures == {}


def test_what_postgresql_acknowledged_outlives_its_kills(tmp_path: Path, sign_in: SignIn) -> None:
    kill_postgres(tmp_path, sign_in, kills=3, movements=200, customers=60)


@pytest.mark.soak
def test_many_kills_of_postgresql(tmp_path: Path, sign_in: SignIn) -> None:
    kill_postgres(tmp_path, sign_in, kills=30, movements=20_000, customers=400)


def test_what_sqlite_acknowledged_outlives_its_writers(tmp_path: Path) -> None:
    kill_writers(tmp_path, kills=3, movements=200, customers=60)


def test_the_books_are_compared_with_every_note(tmp_path: Path) -> None:
    """The comparison itself: a note of what never was, one that is missing, one of another amount are found."""
    with open_bank(f"sqlite:///{tmp_path / 'portal.db'}", tmp_path, seed=1, customers=20, tellers=0) as bank:
        teller = Teller(app=bank.app, orders=bank.orders, folder=tmp_path, name=0)
        while sum("moves" in note for note in read_notes(teller.path)) < 8:
            teller.serve_one()
        bank.close()
        (tmp_path / "totals.notes").write_text("7 7\n7 8\n", encoding="utf-8")
        true = read_notes(teller.path)
        position = next(
            at for at, note in enumerate(true) if note.get("kind") == "add" and "moves" in true[at + 1]
        )
        asked, answered = true[position : position + 2]
        invented = [{**asked, "asked": "never"}, {**answered, "answered": "never"}]
        larger = {**answered, "moves": {key: 2 * moved for key, moved in answered["moves"].items()}}
        found = []
        for notes in (
            true,
            true + invented,
            true[:position] + true[position + 2 :],
            [*true[: position + 1], larger, *true[position + 2 :]],
        ):
            teller.path.write_text("".join(json.dumps(note) + "\n" for note in notes), encoding="utf-8")
            with bank.app.app_context():
                findings = audit(tmp_path, before=bank.before)
            names = ("lost", "doubled", "unasked", "wrong_balances", "wrong_totals")
            found.append([len(getattr(findings, name)) for name in names])
        assert found == [[0, 0, 0, 0, 1], [1, 0, 0, 2, 1], [0, 0, 1, 2, 1], [0, 1, 0, 2, 1]]


@pytest.mark.soak
def test_many_kills_of_writers_to_sqlite(tmp_path: Path) -> None:
    kill_writers(tmp_path, kills=60, movements=5_000, customers=400)
