"""The portal's health as numbers, in the text format that Prometheus reads. Source: decision 0012."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from sqlalchemy import QueuePool
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from models import db
from services import health_facts, security_log
from services.health_facts import HealthFacts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Labels and values of one metric.
Samples = list[tuple[dict[str, str], float | None]]


def metrics_text(*, now: dt.datetime, settings: Settings) -> str:
    """Return every metric; without a database only that it is away, and the connections to it."""
    refused = _block(
        "security_events_total",
        "Refusals in the security log, of the process that answers.",
        [({"event": event}, count) for event, count in security_log.counts().items()],
        kind="counter",
    )
    try:
        facts = health_facts.collect(now=now, settings=settings)
        found = [*_database(is_up=True), *_facts(facts)]
    except SQLAlchemyError:
        found = list(_database(is_up=False))
    return "".join((*(_block(*metric) for metric in found), refused))


def _block(name: str, explanation: str, samples: Samples, *, kind: str = "gauge") -> str:
    """Return a metric in the text format; a value that is None is left out, and all of it when none is left."""
    lines = [f"portal_{name}{_labels(labels)} {value}\n" for labels, value in samples if value is not None]
    return (
        "".join((f"# HELP portal_{name} {explanation}\n# TYPE portal_{name} {kind}\n", *lines))
        if lines
        else ""
    )


def _labels(labels: dict[str, str]) -> str:
    """Return labels of our own words: nothing in them needs to be escaped."""
    inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _database(*, is_up: bool) -> Iterator[tuple[str, str, Samples]]:
    yield "database_up", "1 when the database answers.", [({}, float(is_up))]
    pool: Any = db.engine.pool
    if isinstance(pool, QueuePool):
        yield (
            "database_connections",
            "Connections of the process that answers.",
            [({"state": "in_use"}, pool.checkedout()), ({"state": "idle"}, pool.checkedin())],
        )


def _facts(facts: HealthFacts) -> Iterator[tuple[str, str, Samples]]:
    yield "schema_current", "1 when the schema is the program's.", [({}, float(facts.is_schema_current))]
    yield "last_tick_age_seconds", "Since the last tick was done.", _age(facts, facts.last_tick_at)
    yield from _due_work(facts)
    yield from _queue(facts)
    yield from _runs(facts)
    found = facts.verification
    verified_at = found.verified_at if found else None
    yield "last_verify_age_seconds", "Since the invariants were checked.", _age(facts, verified_at)
    yield "last_verify_seconds", "How long that took.", [({}, found.duration_ms / 1000 if found else None)]
    yield "broken_invariants", "Invariants it found broken.", [({}, len(found.broken) if found else None)]
    yield "audit_head_number", "Last seal of the operation log.", [({}, facts.head.number)]
    unsealed = _age(facts, facts.oldest_unsealed_at) if facts.oldest_unsealed_at else [({}, 0)]
    yield "audit_unsealed_age_seconds", "Since the oldest event without a seal.", unsealed


def _due_work(facts: HealthFacts) -> Iterator[tuple[str, str, Samples]]:
    dues = {"cancellation": facts.cancellations, "provisioning": facts.provisioning, "mail": facts.mails}
    yield "due_work", "Due and not done.", [({"kind": kind}, due.count) for kind, due in dues.items()]
    ages: Samples = [
        ({"kind": kind}, (facts.now - due.oldest_at).total_seconds() if due.oldest_at else 0)
        for kind, due in dues.items()
    ]
    yield "due_work_oldest_age_seconds", "Since the oldest of it was due.", ages
    yield "unsent_mails", "Mails that wait or are tried again.", [({}, facts.unsent_mail_count)]
    yield "blocked_cancellations", "Due, with accounts running below.", [({}, facts.blocked_count)]


def _queue(facts: HealthFacts) -> Iterator[tuple[str, str, Samples]]:
    yield "queue_up", "1 when the queue answers.", [({}, float(facts.queue.state == "ok"))]
    yield "queue_jobs", "Jobs that wait.", [({}, facts.queue.waiting_count)]
    yield "queue_failed_jobs", "Jobs that failed lately.", [({}, facts.queue.failed_count)]
    seen: Samples = [
        ({"seen_by": "database"}, sum(worker.is_alive for worker in facts.workers)),
        ({"seen_by": "queue"}, facts.queue.worker_count),
    ]
    yield "workers", "Workers, as the database saw them lately and as the queue knows them.", seen


def _runs(facts: HealthFacts) -> Iterator[tuple[str, str, Samples]]:
    yield "late_runs", "Runs of a 25th not begun 15 minutes after their cut.", [({}, len(facts.late_dates))]
    yield "parked_accounts", "Accounts whose fee waits for a person.", [({}, facts.parked_count)]
    run = facts.run
    if run is None:
        return
    label = {"billing_date": run.billing_date.isoformat()}
    yield "run_state", "The newest run is in this state.", [(label | {"state": run.state.value}, 1)]
    yield "run_accounts", "Accounts on its list.", [(label, run.account_count)]
    yield "run_done_accounts", "Accounts of it that are charged.", [(label, run.done_count)]
    yield "run_open_chunks", "Chunks of it that are open.", [(label, run.open_chunk_count)]


def _age(facts: HealthFacts, since: dt.datetime | None) -> Samples:
    return [({}, (facts.now - since).total_seconds() if since else None)]
