"""The bank's books against the notes of its clients: what was acknowledged is stored, once, and nothing else."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from models import AuditEvent, ContractUserChange, PointBalance, PointLine, db
from tests.support.bank_requests import Note, read_notes
from tests.support.databases import START

#: What of a request bears its id in the ledger.
MOVEMENTS = ("add", "stock", "issue", "take_back", "refill")


@dataclass
class Findings:
    """What was counted. Each list names the requests or accounts that are not as acknowledged."""

    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    #: Answered from the first effect, whose own answer was lost.
    replays: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    wrong_balances: list[str] = field(default_factory=list)
    readings: int = 0
    wrong_totals: list[str] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        """How many requests were answered with an effect."""
        return sum(self.kinds.values())

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        return self.lost + self.doubled + self.unasked + self.wrong_balances + self.wrong_totals

    def __str__(self) -> str:
        return (
            f"acknowledged={self.acknowledged} {dict(self.kinds)} replays={self.replays} "
            f"refused={dict(self.refused)} lost={len(self.lost)} doubled={len(self.doubled)} "
            f"unasked={len(self.unasked)} wrong balances={len(self.wrong_balances)} "
            f"wrong totals={len(self.wrong_totals)} of {self.readings} read; "
            f"failed attempts={dict(self.failures)}"
        )


@dataclass
class _Effect:
    """What the ledger holds of one request."""

    recorded_at: dt.datetime
    moves: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def held_points() -> dict[str, int]:
    """Return account id → balance as the database has it now."""
    db.session.rollback()
    rows = db.session.execute(select(PointBalance.account_id, PointBalance.point_balance))
    return {str(account_id): points for account_id, points in rows}


def answered_count(folder: Path) -> int:
    """Return how many movements have been acknowledged so far."""
    return sum(path.read_bytes().count(b'"moves"') for path in folder.glob("teller-*.notes"))


def audit(folder: Path, *, before: dict[str, int]) -> Findings:
    """Compare the notes of all tellers with the database; `before` are the balances at the beginning."""
    findings, books = Findings(), _Books.read()
    expected = defaultdict(int, before)
    asked, canceled = set(), {}
    for path in sorted(folder.glob("teller-*.notes")):
        request: Note = {}
        for note in read_notes(path):
            if "failed" in note:
                findings.failures[note["failed"]] += 1
            elif "asked" in note:
                request = note
                asked.add(request["asked"])
            elif "refused" in note:
                findings.refused[note["refused"]] += 1
                if request["asked"] in books.effects:
                    findings.unasked.append(f"{request} was refused and is stored")
            else:
                findings.kinds[request["kind"]] += 1
                books.compare(request, note, findings)
                for account_id, points in note["moves"].items():
                    expected[account_id] += points
                if request["kind"] == "cancel":
                    canceled[str(request["account_id"])] = 0
    expected |= canceled
    findings.unasked += sorted(set(books.effects) - asked)
    held = held_points()
    findings.wrong_balances = [
        f"account {key}: {held.get(key)}, not {points}"
        for key, points in expected.items()
        if held.get(key) != points
    ]
    _count_readings(folder, findings)
    return findings


def _count_readings(folder: Path, findings: Findings) -> None:
    for line in (folder / "totals.notes").read_text(encoding="utf-8").splitlines():
        issued, _, held = line.partition(" ")
        findings.readings += 1
        if issued != held:
            findings.wrong_totals.append(line)


@dataclass(frozen=True)
class _Books:
    """What the database holds of the time of the test: the effects of requests, changes, cancellations."""

    effects: dict[str, _Effect]
    changes: Counter[tuple[int, int]]
    cancellations: Counter[int | None]

    @classmethod
    def read(cls) -> _Books:
        effects: dict[str, _Effect] = {}
        lines = select(PointLine.request_id, PointLine.recorded_at, PointLine.account_id, PointLine.points)
        for request_id, at, account_id, points in db.session.execute(
            lines.where(PointLine.request_id.is_not(None), PointLine.recorded_at >= START)
        ):
            effect = effects.setdefault(str(request_id), _Effect(at))
            effect.moves[str(account_id)] += points
        changes = select(ContractUserChange.account_id, ContractUserChange.contract_user_count)
        canceled = select(AuditEvent.account_id).where(
            AuditEvent.action == "cancellation.executed", AuditEvent.recorded_at >= START
        )
        return cls(
            effects,
            Counter((row[0], row[1]) for row in db.session.execute(changes)),
            Counter(row[0] for row in db.session.execute(canceled)),
        )

    def compare(self, request: Note, note: Note, findings: Findings) -> None:
        """Look for the effect of an acknowledged request: there, once, as large as was said."""
        if request["kind"] in MOVEMENTS:
            effect = self.effects.get(request["asked"])
            times = 0 if effect is None else 1
            if effect is not None:
                findings.replays += effect.recorded_at < dt.datetime.fromisoformat(note["at"])
                times += effect.moves != {key: moved for key, moved in note["moves"].items() if moved}
        elif request["kind"] == "users":
            times = self.changes[request["account_id"], request["points"]]
        else:
            times = self.cancellations[request["account_id"]]
        if times == 0:
            findings.lost.append(f"{request} -> {note}")
        elif times > 1:
            findings.doubled.append(f"{request} -> {note}")
