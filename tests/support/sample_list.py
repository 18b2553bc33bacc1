"""A small table of companies and a list over it, apart from the portal's own tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from flask_babel import Babel
from sqlalchemy import BigInteger, Column, Date, Integer, MetaData, String, Table, Text, case, select

from domain.inputs.text import search_key
from models import db
from models.base import UtcDateTime
from services.lists import ListColumn, ListFilter, ListSource, contains, in_range, on_days

COMPANIES = Table(
    "sample_companies",
    MetaData(),
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("number", String(8), nullable=False),
    Column("name", String(200), nullable=False),
    Column("state", String(10), nullable=False),
    Column("users", Integer, nullable=False),
    Column("points", BigInteger),
    Column("contract_date", Date),
    Column("changed_at", UtcDateTime),
    Column("search_text", Text, nullable=False),
)
STATES = {"active": "利用中", "canceled": "解約済"}


@contextmanager
def sample_app(database_url: str) -> Iterator[Flask]:
    """Give an application context with the empty table in a database, and drop the table afterwards."""
    app = Flask("sample")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    app.config["BABEL_DEFAULT_LOCALE"] = "ja"
    db.init_app(app)
    Babel(app)
    with app.app_context():
        COMPANIES.create(db.engine)
        try:
            yield app
        finally:
            db.session.remove()
            COMPANIES.drop(db.engine)
            db.engine.dispose()


def add_company(
    name: str,
    *,
    users: int = 10,
    points: int | None = 0,
    state: str = "active",
    contract_date: dt.date | None = None,
    changed_at: dt.datetime | None = None,
) -> int:
    """Add a company and return its id."""
    values = {"name": name, "users": users, "points": points, "state": state}
    values |= {"contract_date": contract_date, "changed_at": changed_at, "number": "0"}
    insert = COMPANIES.insert().values(**values, search_text=search_key(name)).returning(COMPANIES.c.id)
    row_id: int = db.session.execute(insert).scalar_one()
    db.session.execute(
        COMPANIES.update().where(COMPANIES.c.id == row_id).values(number=f"{10_000_000 + row_id}")
    )
    db.session.commit()
    return row_id


def companies_source() -> ListSource:
    """Return the list of all companies, ordered by account number."""
    columns = COMPANIES.c
    is_short = case((columns.points < 0, 1), else_=0)
    return ListSource(
        name="companies",
        statement=select(columns.id, columns.state),
        columns=[
            ListColumn("no", "No", "number", columns.id, exported=False),
            ListColumn("account_number", "アカウント番号", "text", columns.number),
            ListColumn("company_name", "会社名", "text", columns.name),
            ListColumn("contract_user_count", "契約ユーザ数", "number", columns.users),
            ListColumn("point_balance", "現在のポイント", "points", columns.points),
            ListColumn("contract_date", "契約日", "date", columns.contract_date),
            ListColumn("changed_at", "更新日時", "instant", columns.changed_at),
            ListColumn("state", "状態", "text", columns.state, sortable=False, words=STATES),
        ],
        filters=[
            ListFilter(
                "state", "状態", "choice", tuple(STATES.items()), lambda value: columns.state == value
            ),
            ListFilter(name="short", label="不足", kind="flag", clause=lambda value: is_short == 1),
            ListFilter(
                name="users", label="人数", kind="number", clause=lambda ends: in_range(columns.users, ends)
            ),
            ListFilter(
                name="points", label="点", kind="number", clause=lambda ends: in_range(columns.points, ends)
            ),
            ListFilter(
                name="contract_date",
                label="契約日",
                kind="date",
                clause=lambda ends: in_range(columns.contract_date, ends),
            ),
            ListFilter(
                name="changed",
                label="更新日",
                kind="date",
                clause=lambda days: on_days(columns.changed_at, days),
            ),
            ListFilter(
                name="company",
                label="会社名",
                kind="text",
                clause=lambda typed: contains(columns.search_text, typed),
            ),
        ],
        search_expressions=[columns.search_text],
        tie_breaker=columns.id,
        default_sort="account_number",
    )
