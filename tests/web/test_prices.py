"""料金: the operator's list of prices, and the adding of one after its effect was shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from models import PriceVersionRow, db
from tests.web.account_rows import csv_rows
from tests.web.browser_session import send
from tests.web.customer_screens import field_value, hidden_fields, text_of

SignIn = Callable[[FlaskClient, str], Any]
NEW = {
    "account_type": "customer",
    "valid_from": "2026-11-25",
    "base_points": "12",
    "included_user_count": "10",
    "points_per_additional_user": "2",
}


def price_count(app: Flask) -> int:
    with app.app_context():
        return db.session.execute(select(func.count()).select_from(PriceVersionRow)).scalar_one()


def test_a_price_is_added_after_its_effect_was_shown(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "operator")
    page = client.get("/msp/prices/").text
    assert page.count('id="row-') == 3
    for word in ("料金", "ベースポイント", "適用開始", "適用中", "追加"):
        assert word in page
    opened = client.get("/msp/prices/new/").text
    assert ">追加</button>" not in opened
    before = price_count(app)
    checked = send(client, "/msp/prices/new/", **NEW, check="1")
    assert checked.status_code == 200
    words = text_of(checked.text)
    for word in ("2026/11/25 の課金への影響", "月額利用料の合計", "新しい料金", "変更も削除もできません"):
        assert word in words
    digest = hidden_fields(checked.text)["digest"]
    assert checked.text.count("<tr><td") == 10
    # Another number than the one whose effect was shown is not taken.
    changed = send(client, "/msp/prices/new/", **(NEW | {"base_points": "13"}), digest=digest)
    assert (changed.status_code, price_count(app)) == (409, before)
    assert hidden_fields(changed.text)["digest"] != digest
    assert send(client, "/msp/prices/new/", **NEW).status_code == 409
    assert price_count(app) == before
    done = send(client, "/msp/prices/new/", **NEW, digest=digest)
    assert done.status_code == 303
    after = client.get("/msp/prices/").text
    assert "料金を追加しました（2026/11/25から適用）" in after
    assert "適用予定" in after
    assert "operator" in after
    # Sent twice: the second finds the day taken.
    assert send(client, "/msp/prices/new/", **NEW, digest=digest).status_code == 422
    assert price_count(app) == before + 1
    rows = csv_rows(client, "/msp/prices/export/csv?state=coming")
    assert [row[3] for row in rows[1:]] == ["12"]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("account_type", ["", "privileged_msp", "operator", "x"]),
        (
            "valid_from",
            ["", "2026-11-20", "2026-10-25", "2026-02-29", "1-1-1", "9999-01-01", "2027-01-01T00:00"],
        ),
        ("base_points", ["", "-1", "1.5", "1e3", "1,000", "٣", "9" * 5000]),
        ("included_user_count", ["", "-1", "2147483648"]),
        ("points_per_additional_user", ["", "x", "2147483648"]),
    ],
)
def test_bad_values_are_refused_at_their_field(
    app: Flask, client: FlaskClient, sign_in: SignIn, field: str, values: list[str]
) -> None:
    sign_in(client, "operator")
    before = price_count(app)
    for value in values:
        for button in ({}, {"check": "1"}):
            answer = send(client, "/msp/prices/new/", **(NEW | {field: value}), **button)
            assert (answer.status_code, value) == (422, value)
            assert f'id="{field}-error1"' in answer.text
            assert field == "base_points" or field_value(answer.text, "base_points") == "12"
    assert price_count(app) == before


def test_a_fee_that_no_line_can_carry_is_refused(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "operator")
    answer = send(client, "/msp/prices/new/", **(NEW | {"points_per_additional_user": "1001"}), check="1")
    assert answer.status_code == 422
    assert answer.text.count("料金が大きすぎます") == 1
    assert ">追加</button>" not in answer.text


def test_only_the_operator_comes_in(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    before = price_count(app)
    for user_name in ("distributor", "msp-a", "contract-a", "support", "system-a", "customer-a"):
        sign_in(client, user_name)
        for address in ("/msp/prices/", "/msp/prices/new/", "/msp/prices/export/csv"):
            assert client.get(address).status_code == 403
        assert send(client, "/msp/prices/new/", **NEW).status_code == 403
    assert price_count(app) == before
    sign_in(client, "distributor")
    assert "/msp/prices/" not in client.get("/msp/accounts/").text
    sign_in(client, "operator")
    assert 'href="/msp/prices/"' in client.get("/msp/accounts/").text
    assert client.post("/msp/prices/new/", data=NEW).status_code == 400
