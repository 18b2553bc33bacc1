"""選択実行: the preview and the run of 必要ポイントの補充 and 納品通知."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, AdminLevel, Viewer
from models import Account, Administrator, OutgoingMail, PointBalance, db
from models.mails import MailKind
from services import points
from services.transaction import transaction
from tests.builders import request_id
from tests.support.databases import START
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import Screens, chosen, hidden_fields, text_of

REFILL, NOTICE = "bulk/refill/", "bulk/delivery-notice/"


def preview(screens: Screens, action: str, ids: Sequence[Any] = (), **fields: Any) -> TestResponse:
    return screens.post("action/", {"action": action, "rowid": [str(key) for key in ids], **fields})


def send(screens: Screens, address: str, page: str, **fields: Any) -> TestResponse:
    return screens.post(address, {**hidden_fields(page), "rowid": chosen(page), **fields})


def short_ids(screens: Screens) -> list[int]:
    page = screens.get("?short=1&page_size=100").text
    return [int(part.split('"')[0]) for part in page.split('<tr id="row-')[1:]]


def set_stock(screens: Screens, stock: int) -> None:
    """Bring MSP A's stock to a number by hand: its distributor takes back or adds."""
    with screens.app.app_context():
        msp = db.session.execute(select(Account).where(Account.company_name == "MSP A株式会社")).scalar_one()
        held = db.session.get_one(PointBalance, msp.id).point_balance
        parent_id, msp_id = msp.parent_id, msp.id
        administrator_id = db.session.scalars(
            select(Administrator.id).filter_by(user_name="distributor")
        ).one()
        viewer = Viewer(
            administrator_id=administrator_id,
            user_name="distributor",
            account_id=parent_id or 0,
            account_type=AccountType.PRIVILEGED_MSP,
            level=AdminLevel.OVERALL,
        )
        db.session.remove()
        move = points.take_back if held > stock else points.add
        with transaction():
            move(
                viewer=viewer,
                account_id=msp_id,
                points=abs(held - stock),
                remark="テスト",
                request_id=request_id(),
                now=START,
            )


def test_refill_brings_every_short_account_to_zero(screens: Screens) -> None:
    ids = short_ids(screens)
    page = preview(screens, "refill", ids)
    assert page.status_code == 200
    words = text_of(page.text)
    assert "ポイント数自動更新" in words
    assert "MSP A株式会社 の保有ポイント" in words
    assert chosen(page.text) == [str(key) for key in ids]
    answer = send(screens, REFILL, page.text)
    assert answer.status_code == 303
    page_after = text_of(screens.get("").text)
    assert f"{len(ids)}件のアカウントに合計" in page_after
    assert "不足しているアカウントはありません" in page_after
    assert short_ids(screens) == []


def test_refill_sent_twice_has_one_effect(screens: Screens) -> None:
    ids = short_ids(screens)
    page = preview(screens, "refill", ids).text
    assert send(screens, REFILL, page).status_code == 303
    balances = [screens.balance(key) for key in ids]
    assert send(screens, REFILL, page).status_code == 303
    assert [screens.balance(key) for key in ids] == balances


def test_a_refill_that_another_has_done_since_does_not_ask_for_a_button_that_is_gone(
    screens: Screens,
) -> None:
    ids = short_ids(screens)
    first, second = (preview(screens, "refill", ids).text for _time in range(2))
    assert send(screens, REFILL, first).status_code == 303
    late = send(screens, REFILL, second)
    assert late.status_code == 409
    assert "契約ユーザ数が変わったため、補充しませんでした" in late.text
    assert "補充が必要なアカウントは選択されていません" in late.text
    assert "「更新」を押して" not in late.text
    assert '">更新</button>' not in late.text


def test_rows_that_are_left_say_why(screens: Screens) -> None:
    rich, canceled = screens.plain_id(), screens.canceled_id()
    page = preview(screens, "refill", [rich, canceled])
    words = text_of(page.text)
    assert "不足していません" in words
    assert "利用中ではありません" in words
    assert "補充が必要なアカウントは選択されていません" in words
    assert '">更新</button>' not in page.text
    assert send(screens, REFILL, page.text).status_code == 422


def test_plan_that_changed_is_shown_anew(screens: Screens) -> None:
    ids = short_ids(screens)
    page = preview(screens, "refill", ids).text
    assert screens.sent(f"{ids[0]}/points/", direction="add", points="1").status_code == 303
    before = [screens.balance(key) for key in ids]
    answer = send(screens, REFILL, page)
    assert answer.status_code == 409
    assert "新しい内容を確認して" in answer.text
    assert [screens.balance(key) for key in ids] == before
    assert send(screens, REFILL, answer.text).status_code == 303


def test_short_stock_is_told_and_filled_as_far_as_it_goes(screens: Screens) -> None:
    ids = short_ids(screens)
    set_stock(screens, 20)
    page = preview(screens, "refill", ids).text
    words = text_of(page)
    assert "ポイント不足しています。ディストリビュータからポイントをご購入ください。" in words
    assert "ポイントが足りる分だけ、一覧の順に補充する" in words
    assert 'data-requires="as_far_as_possible"' in page
    # Its own fee comes from the same stock.
    assert "今月25日までに、MSP A株式会社 自身の月額利用料 10ポイントもここから計上されます" in words
    assert "補充すると、MSP A株式会社 自身の月額利用料に" in words
    refused = send(screens, REFILL, page)
    assert refused.status_code == 422
    assert "ポイント不足しています" in refused.text
    done = send(screens, REFILL, refused.text, as_far_as_possible="y")
    assert done.status_code == 303
    parent_id = screens.account(ids[0]).parent_id
    assert 0 <= screens.balance(parent_id) < 20
    assert short_ids(screens)


def test_distributor_sees_each_payer(app: Flask, client: FlaskClient, sign_in: Callable[..., object]) -> None:
    sign_in(client, "distributor")
    screens = Screens(app, client, csrf_token_of(client))
    words = text_of(preview(screens, "refill", short_ids(screens)).text)
    assert "MSP A株式会社 の保有ポイント" in words
    assert "MSP B株式会社 の保有ポイント" in words


@pytest.mark.parametrize("action", ["refill", "delivery_notice"])
def test_selections_that_cannot_be_used(screens: Screens, action: str) -> None:
    own, foreign = screens.ids()[:9], screens.foreign_id()
    assert preview(screens, action).status_code == 422
    assert "選択されていません" in preview(screens, action).text
    assert preview(screens, action, [*own, foreign]).status_code == 404
    assert preview(screens, action, [*own, 2**62]).status_code == 404
    for odd in ("abc", "1'", "1,2", "１", "+1", "1_0", "-1", str(10**20)):
        assert preview(screens, action, [own[0], odd]).status_code == 400
    assert preview(screens, action, [own[0], own[0]]).status_code == 200
    assert preview(screens, action, range(1, 10_003)).status_code == 422


@pytest.mark.parametrize("name", ["", "delete", "users"])
def test_unknown_action_is_malformed(screens: Screens, name: str) -> None:
    assert preview(screens, name, screens.ids()).status_code == 400


def test_foreign_row_refuses_the_whole_run(screens: Screens) -> None:
    ids = short_ids(screens)
    page = preview(screens, "refill", ids).text
    before = [screens.balance(key) for key in ids]
    fields = {**hidden_fields(page), "rowid": [*map(str, ids), str(screens.foreign_id())]}
    assert screens.post(REFILL, fields).status_code == 404
    assert [screens.balance(key) for key in ids] == before


def test_all_that_match_are_chosen_by_the_lists_arguments(screens: Screens) -> None:
    page = preview(screens, "refill", select_all="1", list_args="short=1&sort=company_name&page_size=20")
    assert sorted(map(int, chosen(page.text))) == sorted(short_ids(screens))
    for bad in ("short=2", "users_min=x", "shorter=1"):
        assert preview(screens, "refill", select_all="1", list_args=bad).status_code == 400


@pytest.mark.parametrize("address", ["action/", REFILL, NOTICE])
def test_support_runs_nothing(
    app: Flask, client: FlaskClient, sign_in: Callable[..., object], address: str
) -> None:
    sign_in(client, "support")
    screens = Screens(app, client, csrf_token_of(client))
    fields = {"rowid": "1", "action": "refill"}
    assert screens.post(address, fields).status_code == 403


def test_run_without_a_request_id_is_refused(screens: Screens) -> None:
    ids = short_ids(screens)
    page = preview(screens, "refill", ids).text
    answer = send(screens, REFILL, page, request_id="")
    assert answer.status_code == 422
    assert hidden_fields(answer.text)["request_id"] != ""
    assert short_ids(screens) == ids


def mails(screens: Screens) -> list[OutgoingMail]:
    with screens.app.app_context():
        return list(db.session.scalars(select(OutgoingMail).filter_by(kind=MailKind.DELIVERY_NOTICE)))


def test_notice_goes_to_both_contacts_once(screens: Screens) -> None:
    account_id = screens.ids(
        Account.status == AccountStatus.ACTIVE,
        Account.contact_email.is_not(None),
        Account.reseller_contact_email.is_not(None),
    )[0]
    page = preview(screens, "delivery_notice", [account_id])
    words = text_of(page.text)
    account = screens.account(account_id)
    assert account.contact_email is not None
    assert account.contact_email in page.text
    assert "納品通知メールを2通送信します" in words
    for _time in range(2):
        assert send(screens, NOTICE, page.text).status_code == 303
    assert len(mails(screens)) == 2
    assert "1件のアカウントに納品通知メールを2通送信します" in text_of(screens.get("").text)


def test_notice_says_who_gets_none_and_why(screens: Screens) -> None:
    canceled = screens.canceled_id()
    account_id = screens.plain_id()
    page = preview(screens, "delivery_notice", [canceled, account_id])
    assert "解約済のため送信できません" in page.text
    lonely = preview(screens, "delivery_notice", [canceled])
    assert "送信できる相手がいません" in lonely.text
    assert "送信</button>" not in lonely.text
    assert send(screens, NOTICE, lonely.text).status_code == 422
    assert mails(screens) == []


def test_notice_warns_where_nobody_can_sign_in_yet(screens: Screens) -> None:
    page = preview(screens, "delivery_notice", screens.ids())
    assert "まだ管理者が登録されていません" in page.text
    assert "未登録" in page.text
