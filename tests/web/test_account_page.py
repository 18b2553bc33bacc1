"""The page of an account: opened from 会社名, whose it is, its buttons, and the past."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from domain.billing_calendar import TOKYO
from domain.lifecycle import AccountStatus
from models import Account, OutgoingMail, db
from models.mails import MailKind, MailState
from services.transaction import transaction
from tests.support.databases import START
from tests.web.account_rows import account_of, account_values, customers_of
from tests.web.test_operation_log import add_points, change_users

SignIn = Callable[[FlaskClient, str], Any]
TABS = ["基本情報", "ポイント", "契約ユーザ数", "メール", "操作ログ", "予定"]


def tabs_of(page: str) -> list[str]:
    """Return the words on the tabs."""
    return re.findall(r'role="tab" [^>]*>([^<]+)', page)


def dialogs_of(page: str, account_id: int) -> set[str]:
    """Return the names of the dialogs that a page offers for an account."""
    return set(re.findall(rf"/{account_id}/([a-z/-]+)/\?[^\"]*\" data-dialog", page))


def bounce(app: Flask, account_id: int, address: str) -> None:
    """Let a mail to an address of an account come back."""
    with app.app_context(), transaction():
        db.session.add(
            OutgoingMail(
                kind=MailKind.DELIVERY_NOTICE,
                account_id=account_id,
                recipient_name="佐藤",
                recipient_email=address,
                subject="件名",
                body_text="本文",
                message_id=f"<{address}>",
                event_key=address,
                state=MailState.BOUNCED,
                last_error="550 unknown user",
                next_attempt_at=START,
                created_at=START,
            )
        )


def test_the_page_is_opened_from_the_company(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    customer = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    name, number = account_values(app, customer, "company_name", "account_number")
    change_users(app, "msp-a", customer, 77)
    add_points(app, "distributor", customer, 120)
    bounce(app, customer, "a+b@example.jp")
    sign_in(client, "msp-a")
    assert (
        f'href="/msp/customers/{customer}/" title="{name}">{name}</a>' in client.get("/msp/customers/").text
    )
    page = client.get(f"/msp/customers/{customer}/").text
    assert f"<h1>{name}</h1>" in page
    assert tabs_of(page) == TABS
    assert number in page
    assert f'/msp/points/?company={number}"' in page
    assert f'/msp/log/?company={number}"' in page
    panel = dict(
        re.findall(r'id="panel-(\w+)"(.*?)(?=id="panel-|</section>\s*</div>\s*</main>|$)', page, re.S)
    )
    assert ">77<" in panel["users"]
    assert "+120" in panel["points"]
    assert "契約ユーザ数の変更" in panel["log"]
    assert "550 unknown user" in panel["mails"]
    assert "不達" in panel["mails"]
    lift = f"/msp/customers/{customer}/bounces/lift/?email=a%2Bb%40example.jp"
    assert lift in html.unescape(panel["mails"])
    assert client.get(lift).status_code == 200
    assert "2026/11/25" in panel["schedule"]
    assert dialogs_of(page, customer) >= {
        "edit",
        "users",
        "points",
        "contract-date",
        "schedule",
        "cancel",
        "suspend",
    }
    assert page.count(f"/{customer}/suspend/") == 1
    assert "data-open>操作ログ<" in client.get(f"/msp/customers/{customer}/?tab=log").text


def test_as_of_a_day(app: Flask, client: FlaskClient, sign_in: SignIn, clock: Any) -> None:
    customer = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    old = account_values(app, customer, "contract_user_count")[0]
    change_users(app, "msp-a", customer, 1077)
    sign_in(client, "msp-a")
    past = client.get(f"/msp/customers/{customer}/?as_of=2026-11-19").text
    assert "2026/11/19 の終わりの時点の内容です" in past
    assert f'<dd class="big">{old} ' in past
    assert "1,077" not in past
    assert dialogs_of(past, customer) == set()
    assert "予定" not in tabs_of(past)
    today = client.get(f"/msp/customers/{customer}/?as_of=2026-11-20").text
    assert "終わりの時点" not in today
    assert "1,077" in today
    for bad in ("2026-11-21", "1999-01-01", "2001-01-01", "2026-02-29", "abc", "\0", "9" * 5000):
        answer = client.get(f"/msp/customers/{customer}/", query_string={"as_of": bad})
        assert answer.status_code == 400, bad
        assert 'aria-describedby="as_of-error"' in answer.text
        assert "panel-profile" not in answer.text


def test_whose_page(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    own, foreign = (customers_of(app, name, AccountStatus.ACTIVE)[0] for name in ("msp-a", "msp-b"))
    pending = customers_of(app, "msp-a", AccountStatus.PENDING_APPROVAL)[0]
    msp = account_of(app, "msp-a")
    sign_in(client, "msp-a")
    for address in (foreign, pending, msp, 0, 10**20, "abc", -1):
        assert client.get(f"/msp/customers/{address}/").status_code == 404, address
    assert client.get(f"/msp/accounts/{msp}/").status_code == 403
    sign_in(client, "distributor")
    page = client.get(f"/msp/accounts/{msp}/").text
    assert tabs_of(page) == TABS
    assert "points" in dialogs_of(page, msp)
    assert f'href="/msp/accounts/{msp}/"' in client.get("/msp/accounts/").text
    assert client.get(f"/msp/accounts/{own}/").status_code == 404
    assert client.get(f"/msp/accounts/{account_of(app, 'distributor')}/").status_code == 404
    for user_name in ("system-a", "customer-a"):
        sign_in(client, user_name)
        assert client.get(f"/msp/customers/{own}/").status_code == 403


def test_support_reads_and_changes_nothing(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    support = account_of(app, "support")
    with app.app_context():
        statement = select(Account.id).where(
            Account.support_account_id == support, Account.status == AccountStatus.ACTIVE
        )
        assigned = db.session.execute(statement.order_by(Account.id)).scalars().first()
    assert assigned is not None
    bounce(app, assigned, "x@example.jp")
    sign_in(client, "support")
    page = client.get(f"/msp/customers/{assigned}/").text
    assert tabs_of(page) == TABS
    assert "data-dialog" not in page


@pytest.mark.parametrize("status", [AccountStatus.CANCELED, AccountStatus.SUSPENDED])
def test_what_left_has_no_buttons_and_what_is_suspended_has(
    app: Flask, client: FlaskClient, sign_in: SignIn, status: AccountStatus
) -> None:
    found = customers_of(app, "msp-a", status) or customers_of(app, "msp-b", status)
    sign_in(client, "distributor")
    page = client.get(f"/msp/customers/{found[0]}/").text
    is_running = status is AccountStatus.SUSPENDED
    assert ("edit" in dialogs_of(page, found[0])) is is_running
    assert ("予定" in tabs_of(page)) is is_running
    assert ("一時停止（" in page) is is_running
    assert ("解約予定日</dt>" in page) is is_running


def test_what_is_canceled_says_on_which_day(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = customers_of(app, "msp-a", AccountStatus.CANCELED)[0]
    (canceled_at,) = account_values(app, account_id, "canceled_at")
    day = canceled_at.astimezone(TOKYO).date()
    sign_in(client, "msp-a")
    fact = "<dt>解約日</dt><dd>{:%Y/%m/%d}</dd>"
    assert fact.format(day) in client.get(f"/msp/customers/{account_id}/").text
    before = client.get(f"/msp/customers/{account_id}/?as_of={day - dt.timedelta(days=1)}").text
    assert "<dt>解約日</dt>" not in before
    assert "解約予定日</dt>" in before


@pytest.mark.parametrize("user_name", ["operator", "distributor", "msp-a", "contract-a", "support"])
def test_every_row_of_the_list_has_its_page(client: FlaskClient, sign_in: SignIn, user_name: str) -> None:
    """Whatever the account's situation, and however little its reader may see of the accounts above it."""
    sign_in(client, user_name)
    rows = client.get("/msp/customers/?page_size=100").text
    addresses = re.findall(r'href="(/msp/customers/\d+/)"', rows)
    assert len(addresses) >= 5
    assert {client.get(address).status_code for address in addresses} == {200}
