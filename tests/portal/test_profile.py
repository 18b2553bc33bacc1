"""管理＞基本情報: what a customer sees and changes of its own profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.lifecycle import AccountStatus
from tests.portal.portal_visitor import change, customer_of, enter, events, set_account, suspend
from tests.web.account_rows import account_of, account_values, customers_of

SignIn = Callable[[FlaskClient, str], None]
PROFILE = "/portal/manage/profile/"
EDIT = "/portal/manage/profile/edit/"
VALUES = {
    "website_url": "https://www.example.jp/",
    "company_name": "株式会社新しい名前",
    "phone_number": "０３１２３４５６７８",
    "postal_code": "１０００００１",
    "prefecture": "東京都",
    "city": "千代田区",
    "address_line": "千代田1-1",
    "contact_name": "山田 太郎",
    "contact_email": "taro@new.example.jp",
    "industry": "情報通信業",
}
STORED = {**VALUES, "phone_number": "03-1234-5678", "postal_code": "100-0001"}


def form(app: Flask, account_id: int, **values: Any) -> dict[str, Any]:
    """Return the form as its page would send it."""
    (version,) = account_values(app, account_id, "version")
    return {**VALUES, "version": version, **values}


def test_a_customer_changes_its_own_profile(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = account_of(app, "customer-a")
    (old_name,) = account_values(app, account_id, "company_name")
    sign_in(client, "customer-a")
    page = client.get(PROFILE).text
    for words in (
        "アカウントタイプ",
        "顧客アカウント",
        "契約ユーザ数",
        "業種",
        "販売店情報",
        old_name,
        "編集",
    ):
        assert words in page
    dialog = client.get(EDIT).text
    assert f'name="portal_account" value="{account_id}"' in dialog
    assert 'name="version"' in dialog
    for name in ("account_type", "contract_user_count", "reseller_company_name", "parent_id"):
        assert f'name="{name}"' not in dialog
    kept = ("account_type", "status", "contract_user_count", "parent_id", "reseller_company_name")
    before = account_values(app, account_id, *kept)
    extra = {"account_type": "msp", "status": "canceled", "contract_user_count": "9", "parent_id": "1"}
    answer = change(
        client, EDIT, account_id, **form(app, account_id), **extra, reseller_company_name="別の店", id="1"
    )
    assert (answer.status_code, answer.location) == (303, PROFILE)
    assert account_values(app, account_id, *STORED) == tuple(STORED.values())
    assert account_values(app, account_id, *kept) == before
    assert "株式会社新しい名前 の基本情報を更新しました。" in client.get(PROFILE).text
    ((where, who, details),) = events(app, "profile.updated")
    assert (where, who) == (account_id, "customer-a")
    assert details["changes"]["company_name"] == [old_name, "株式会社新しい名前"]
    assert set(details["changes"]) <= set(VALUES)
    # The same again changes nothing and is not written down.
    assert change(client, EDIT, account_id, **form(app, account_id)).status_code == 303
    assert len(events(app, "profile.updated")) == 1


def test_refused_values_are_shown_at_their_fields(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = account_of(app, "customer-a")
    before = account_values(app, account_id, *VALUES)
    sign_in(client, "customer-a")
    bad = {
        "company_name": "　",
        "contact_email": "a@b, evil@x",
        "website_url": "javascript:1",
        "industry": "x",
    }
    answer = change(client, EDIT, account_id, **form(app, account_id, **bad))
    assert answer.status_code == 422
    assert answer.text.count('class="field-error"') == 4
    assert "a@b, evil@x" in answer.text
    assert change(client, EDIT, account_id).status_code == 422
    assert change(client, EDIT, account_id, **form(app, account_id, version="x")).status_code == 422
    assert account_values(app, account_id, *VALUES) == before


def test_somebody_elses_change_is_shown_first(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = account_of(app, "customer-a")
    sign_in(client, "customer-a")
    old_form = form(app, account_id)
    helper = app.test_client()
    set_account(app, account_id, support_account_id=account_of(app, "support"))
    sign_in(helper, "support")
    enter(helper, account_id)
    assert (
        change(helper, EDIT, account_id, **form(app, account_id, company_name="株式会社先に変更")).status_code
        == 303
    )
    answer = change(client, EDIT, account_id, **old_form)
    assert answer.status_code == 409
    assert "株式会社先に変更" in answer.text
    assert "株式会社新しい名前" in answer.text
    (version,) = account_values(app, account_id, "version")
    assert f'name="version" type="hidden" value="{version}"' in answer.text
    assert account_values(app, account_id, "company_name") == ("株式会社先に変更",)
    assert [who for _where, who, _details in events(app, "profile.updated")] == ["support"]
    assert change(client, EDIT, account_id, **form(app, account_id)).status_code == 303


@pytest.mark.parametrize("user_name", ["msp-a", "system-a", "distributor"])
def test_the_levels_above_help(app: Flask, client: FlaskClient, sign_in: SignIn, user_name: str) -> None:
    account_id = customer_of(app)
    sign_in(client, user_name)
    enter(client, account_id)
    assert "編集" in client.get(PROFILE).text
    assert change(client, EDIT, account_id, **form(app, account_id)).status_code == 303
    assert account_values(app, account_id, "company_name") == ("株式会社新しい名前",)


def test_operators_only_read(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = customer_of(app)
    before = account_values(app, account_id, *VALUES)
    sign_in(client, "operator")
    enter(client, account_id)
    assert EDIT not in client.get(PROFILE).text
    assert client.get(EDIT).status_code == 403
    assert change(client, EDIT, account_id, **form(app, account_id)).status_code == 403
    assert account_values(app, account_id, *VALUES) == before


def test_suspended_and_canceled_are_only_read(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = account_of(app, "customer-a")
    suspend(app, account_id)
    sign_in(client, "customer-a")
    canceled = customers_of(app, "msp-a", AccountStatus.CANCELED)[0]
    msp = app.test_client()
    sign_in(msp, "msp-a")
    enter(msp, canceled)
    for visitor, shown in ((client, account_id), (msp, canceled)):
        before = account_values(app, shown, *VALUES)
        page = visitor.get(PROFILE)
        assert page.status_code == 200
        assert EDIT not in page.text
        for answer in (visitor.get(EDIT), change(visitor, EDIT, shown, **form(app, shown))):
            assert answer.status_code == 409
            assert "変更できません" in answer.text
        assert account_values(app, shown, *VALUES) == before
    assert events(app, "profile.updated") == []


def test_suspended_while_the_form_was_open(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = account_of(app, "customer-a")
    sign_in(client, "customer-a")
    client.get(EDIT)
    open_form = form(app, account_id)
    suspend(app, account_id)
    assert change(client, EDIT, account_id, **open_form).status_code == 409
