"""選択実行 ＞ 別のMSPへ移動: preview row by row, all or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from models import Account, AuditEvent, PointBalance, db
from tests.builders import request_id
from tests.web.account_rows import account_of, account_values
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import Screens, chosen, hidden_fields, text_of

SignIn = Callable[[FlaskClient, str], Any]


@pytest.fixture
def screens(app: Flask, client: FlaskClient, sign_in: SignIn) -> Screens:
    """Give 顧客アカウント一覧 of the distributor."""
    sign_in(client, "distributor")
    return Screens(app, client, csrf_token_of(client))


def movable(screens: Screens, count: int = 2) -> list[int]:
    return screens.ids(
        Account.status == "active", Account.cancellation_date.is_(None), PointBalance.point_balance > 100
    )[:count]


def preview(screens: Screens, ids: Sequence[int], **fields: Any) -> TestResponse:
    return screens.post("action/", {"action": "move", "rowid": [str(key) for key in ids], **fields})


def check(screens: Screens, ids: Sequence[int], target: Any, **fields: Any) -> TestResponse:
    rows = {"rowid": [str(key) for key in ids], "target_id": str(target), "check": "1"}
    return screens.post("bulk/move/", {"request_id": request_id(), **rows, **fields})


def carry_out(screens: Screens, page: str, target: Any, **fields: Any) -> TestResponse:
    return screens.post(
        "bulk/move/", {**hidden_fields(page), "rowid": chosen(page), "target_id": str(target), **fields}
    )


def moves_in_log(app: Flask) -> int:
    with app.app_context():
        return db.session.execute(
            select(func.count()).select_from(AuditEvent).where(AuditEvent.action == "customer.moved")
        ).scalar_one()


def test_customers_go_to_another_msp(app: Flask, screens: Screens) -> None:
    ids, target = movable(screens), account_of(app, "msp-b")
    assert 'value="move"' in screens.get("").text
    page = preview(screens, ids)
    assert page.status_code == 200
    words = text_of(page.text)
    for word in ("別のMSPへ移動", "移動先", "MSP B株式会社", "株式会社ディストリビュート", "変更内容を確認"):
        assert word in words
    assert ">移動</button>" not in page.text
    shown = check(screens, ids, target)
    assert shown.status_code == 200
    held = sum(screens.balance(key) for key in ids)
    assert f"合計{held:,}ポイント" in text_of(shown.text)
    assert ">移動</button>" in shown.text
    # Another target than the one that was shown is not taken.
    other = carry_out(screens, shown.text, account_of(app, "distributor"))
    assert other.status_code == 409
    for _turn in range(2):
        answer = carry_out(screens, shown.text, target)
        assert answer.status_code == 303
    assert "2件の顧客アカウントを MSP B株式会社 に移動しました" in text_of(screens.get("").text)
    assert moves_in_log(app) == 2
    assert [account_values(app, key, "parent_id") for key in ids] == [(target,), (target,)]
    listed = screens.get(f"?parent={target}&page_size=100").text
    assert all(f'id="row-{key}"' in listed for key in ids)
    assert screens.get("?parent=x").status_code == 400


def test_a_row_that_cannot_move_keeps_all(app: Flask, screens: Screens) -> None:
    well, target = movable(screens, 1)[0], account_of(app, "msp-b")
    negative = screens.ids(PointBalance.point_balance < 0, Account.status != "canceled")[0]
    shown = check(screens, [well, negative, screens.canceled_id(), screens.foreign_id()], target)
    words = text_of(shown.text)
    for word in (
        "移動できないアカウントが3件あります",
        "現在のポイントがマイナスです",
        "利用中ではありません",
        "すでに移動先の顧客アカウントです",
    ):
        assert word in words
    assert ">移動</button>" not in shown.text
    assert carry_out(screens, shown.text, target).status_code == 409
    assert moves_in_log(app) == 0


def test_bad_requests_move_nothing(app: Flask, screens: Screens) -> None:
    ids, target = movable(screens), account_of(app, "msp-b")
    assert preview(screens, []).status_code == 422
    assert screens.post("bulk/move/", {"target_id": str(target)}).status_code == 422
    msp = account_of(app, "msp-a")
    assert preview(screens, [ids[0], msp]).status_code == 404
    assert check(screens, [ids[0], 10**12], target).status_code == 404
    assert screens.post("bulk/move/", {"rowid": "1e0", "target_id": str(target)}).status_code in (400, 422)
    for bad in ("", "x", "1'", account_of(app, "support"), account_of(app, "operator"), 10**20, ids[0]):
        answer = check(screens, ids, bad)
        assert (answer.status_code, bad) == (422, bad)
        assert 'id="target_id-error1"' in answer.text
    shown = check(screens, ids, target).text
    assert carry_out(screens, shown, target, request_id="x").status_code == 422
    assert carry_out(screens, shown, target, digest="").status_code == 409
    assert carry_out(screens, shown, target, csrf_token="").status_code == 400
    assert moves_in_log(app) == 0


def test_only_who_stands_above_several_msps_moves(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    for user_name, status in (("msp-a", 403), ("contract-a", 403), ("support", 403), ("operator", 200)):
        sign_in(client, user_name)
        screens = Screens(app, client, csrf_token_of(client))
        ids = movable(screens)
        assert ('value="move"' in screens.get("").text) == (status == 200)
        assert ('name="parent"' in screens.get("").text) == (status == 200)
        assert preview(screens, ids).status_code == status
        assert check(screens, ids, account_of(app, "msp-b")).status_code == status
    assert moves_in_log(app) == 0
