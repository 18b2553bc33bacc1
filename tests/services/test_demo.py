"""The demo: the same rows for the same day, every law kept, whatever the day it begins on."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from domain.billing_calendar import approval_due_on, tokyo_date
from domain.lifecycle import AccountStatus
from models import Account, BillingChunk, BillingItem, BillingRun, PointBalance, db
from models.accounts import search_text_of
from services import demo, demo_bulk, invariants
from services.demo import create_demo
from services.transaction import transaction
from tests.builders import tick, tokyo
from tests.support.databases import DatabaseFactory, build_app

ODD_DAYS = ("2026-11-24", "2026-11-25", "2026-11-26", "2026-12-31", "2028-02-29")


def begin(now: dt.datetime, customers: int = 40, months: int | None = None) -> list[str]:
    """Write a demo; return what it told."""
    told: list[str] = []
    with transaction():
        create_demo(
            customers=customers,
            msps=2,
            seed=1,
            password="demo-password-1",
            brand_name="SingleID",
            now=now,
            months=months,
            progress=told.append,
        )
    return told


def rows() -> dict[str, list[tuple[object, ...]]]:
    """Return every row but for the passwords, whose salt is random."""
    found = {}
    for table in db.metadata.sorted_tables:
        columns = [column for column in table.columns if column.name != "password_hash"]
        order = table.primary_key.columns
        found[table.name] = [tuple(row) for row in db.session.execute(db.select(*columns).order_by(*order))]
    return found


@pytest.mark.parametrize("hour", ["00:00:00", "23:59:00"])
@pytest.mark.parametrize("day", ODD_DAYS)
def test_a_demo_of_any_day_keeps_the_laws_and_lives_on(app: Flask, day: str, hour: str) -> None:
    with app.app_context():
        now = tokyo(f"{day}T{hour}")
        begin(now)
        assert invariants.verify() == []
        found = db.session.execute(text("SELECT DISTINCT status FROM accounts")).scalars()
        assert {"active", "canceled", "pending_approval", "rejected", "suspended"} <= set(found)
        leaving = text("SELECT DISTINCT cancellation_date FROM accounts WHERE cancellation_date IS NOT NULL")
        days = {dt.date.fromisoformat(str(each)) for each in db.session.execute(leaving).scalars()}
        assert {24, 25, 26} <= {each.day for each in days}
        assert min(days) > tokyo_date(now)
        report = tick(now + dt.timedelta(days=31))
        assert report.billed_dates
        assert report.failed == []


def test_the_rows_depend_on_the_day_and_not_on_the_hour(databases: DatabaseFactory) -> None:
    found = []
    for hour in ("00:00:00", "23:59:59"):
        url = databases.create("empty")
        with build_app(url).app_context():
            begin(tokyo(f"2026-11-20T{hour}"), customers=20)
            found.append(rows())
            db.session.remove()
            db.engine.dispose()
        databases.drop(url)
    assert found[0] == found[1]


def test_a_large_demo_is_written_set_based_and_as_one_by_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the first customers rows come from statements: in several ranges, with cuts between customers."""
    monkeypatch.setattr(demo, "DETAILED_CUSTOMERS", 30)
    monkeypatch.setattr(demo_bulk, "RANGE_SIZE", 150)
    now = tokyo("2026-11-25T09:00:00")
    with app.app_context():
        before = schema()
        told = begin(now, customers=700)
        assert told[-2:] == ["700 of 700 customers", "keys and indexes"]
        assert schema() == before
        assert invariants.verify() == []
        accounts = list(
            db.session.scalars(select(Account).where(Account.account_type == "customer").order_by(Account.id))
        )
        assert len(accounts) == 700
        assert {account.status for account in accounts[30:]} == {AccountStatus.ACTIVE, AccountStatus.CANCELED}
        for account in accounts:
            values = {column.name: getattr(account, column.name) for column in Account.__table__.columns}
            assert account.search_text == search_text_of(values)
            assert account.approval_due_on == approval_due_on(account.applied_at)
        came = [account.provisioned_at for account in accounts if account.provisioned_at]
        assert came == sorted(came)
        assert len(set(came)) == len(came) == 697  # the other three wait for approval, or were refused it
        balances = list(db.session.scalars(select(PointBalance.point_balance)))
        assert min(balances) < 0 < max(balances)
        report = tick(now + dt.timedelta(days=31))
        assert report.billed_dates
        assert report.failed == []


def test_a_demo_of_months_has_charged_everybody_in_each(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "DETAILED_CUSTOMERS", 30)
    # Less than everything needs: the stock of the MSPs then comes in several lines.
    monkeypatch.setattr(demo, "LARGEST_LINE_POINTS", 7_000)
    with app.app_context():
        begin(tokyo("2026-11-20T12:00:00"), customers=90, months=12)
        assert invariants.verify() == []
        customers = (
            select(func.count())
            .select_from(BillingItem)
            .join(Account, Account.id == BillingItem.account_id)
            .where(Account.account_type == "customer")
            .group_by(Account.id)
        )
        counts = list(db.session.scalars(customers))
        assert set(counts) == {12}
        assert len(counts) == 87  # the other three wait for approval, or were refused it
        runs = list(db.session.scalars(select(BillingRun).order_by(BillingRun.billing_date)))
        assert [str(run.billing_date)[:7] for run in runs[::11]] == ["2025-11", "2026-10"]
        for run in runs:
            chunks = list(db.session.scalars(select(BillingChunk).where(BillingChunk.run_id == run.id)))
            assert sum(chunk.charged_count for chunk in chunks) == run.account_count
            assert sum(chunk.charged_points for chunk in chunks) == run.charged_points


def schema() -> list[tuple[object, ...]]:
    """Return the names and definitions of all constraints and indexes (PostgreSQL) or of everything (SQLite)."""
    if db.engine.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master ORDER BY name"
    else:
        query = (
            "SELECT conname, contype, convalidated, pg_get_constraintdef(oid) FROM pg_constraint UNION ALL "
            "SELECT indexname, 'index', TRUE, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 4"
        )
    return [tuple(row) for row in db.session.execute(text(query))]
