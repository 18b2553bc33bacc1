"""The demo: the same rows for the same day, every law kept, whatever the day it begins on."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import text

from domain.billing_calendar import tokyo_date
from models import db
from services import invariants
from services.demo import create_demo
from services.transaction import transaction
from tests.builders import tick, tokyo
from tests.support.databases import DatabaseFactory, build_app

ODD_DAYS = ("2026-11-24", "2026-11-25", "2026-11-26", "2026-12-31", "2028-02-29")


def begin(now: dt.datetime, customers: int = 40) -> None:
    with transaction():
        create_demo(
            customers=customers, msps=2, seed=1, password="demo-password-1", brand_name="SingleID", now=now
        )


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
