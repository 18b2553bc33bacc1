"""顧客アカウント一覧: who sees which rows, words, signs and buttons."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from admin_views.customer_cancellations import CONSENT_WORDS
from domain.lifecycle import AccountStatus
from models import Account, OutgoingMail, PointBalance, db
from models.mails import MailKind, MailState
from services.cancellations import CONSENT_TEXT
from services.transaction import transaction
from tests.builders import tick
from tests.support.databases import MovableClock
from tests.web.customer_screens import LIST, Screens, text_of

QUERY_BUDGET = 20
COLUMNS = (
    "no",
    "account_number",
    "company_name",
    "contract_user_count",
    "point_balance",
    "estimated_balance",
    "contract_date",
    "cancellation_date",
)


def row_of(page: str, account_id: int) -> str:
    found = re.search(rf'<tr id="row-{account_id}".*?\n    </tr>', page, re.DOTALL)
    assert found is not None
    return found[0]


def test_tool_bar_and_columns_have_the_guides_words(screens: Screens) -> None:
    page = screens.get("").text
    words = text_of(page)
    for word in (
        "登録",
        "選択実行",
        "必要ポイントの補充",
        "納品通知",
        "CSVダウンロード",
        "EXCELダウンロード",
    ):
        assert word in words
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page)
    assert [text_of(head).replace("↑", "").strip() for head in heads] == [
        "No",
        "アカウント番号",
        "会社名",
        "契約ユーザ数",
        "現在のポイント",
        "今月25日の推定残ポイント数",
        "契約日",
        "解約予定日",
        "操作",
    ]


def test_each_button_names_the_company(screens: Screens) -> None:
    account_id = screens.plain_id()
    name = screens.account(account_id).company_name
    row = row_of(screens.get("?page_size=100").text, account_id)
    buttons = [text_of(link).strip() for link in re.findall(r"<a [^>]*data-dialog>.*?</a>", row)]
    assert buttons == [f"{word} {name}" for word in ("変更", "変更", "変更", "設定", "編集", "解約")]
    assert f'aria-label="{name} を選択"' in row


def test_canceled_row_is_gray_and_offers_nothing(screens: Screens) -> None:
    row = row_of(screens.get("?page_size=100").text, screens.canceled_id())
    assert 'class="gone"' in row
    assert "解約済" in row
    assert "data-dialog" not in row
    assert "checkbox" not in row


def test_support_sees_assigned_rows_without_any_button(
    app: Flask, client: FlaskClient, sign_in: Callable[..., object]
) -> None:
    sign_in(client, "support")
    page = client.get(f"{LIST}?page_size=100").text
    assert "data-dialog" not in page
    assert 'name="rowid"' not in page
    assert "選択実行" not in page
    with app.app_context():
        support = db.session.query(Account).filter_by(account_type="support").first()
        assert support is not None
        assigned = {
            f"row-{row.id}" for row in db.session.query(Account).filter_by(support_account_id=support.id)
        }
    assert set(re.findall(r'<tr id="(row-\d+)"', page)) <= assigned
    assert "row-" in page


def test_msp_sees_only_its_own(screens: Screens) -> None:
    page = screens.get("?page_size=100").text
    assert f'id="row-{screens.plain_id()}"' in page
    assert f'id="row-{screens.foreign_id()}"' not in page


def test_headline_counts_the_short_and_their_points(screens: Screens) -> None:
    page = screens.get("?short=1&page_size=100").text
    shown = [
        int(n.replace(",", ""))
        for n in re.findall(r'class="explain"[^>]*><summary><span class="points negative">.*?−([\d,]+)', page)
    ]
    assert shown
    words = text_of(screens.get("").text)
    assert f"今月25日に不足 {len(shown)} 件" in words
    assert f"不足合計 {sum(shown):,} ポイント" in words
    assert f'href="{LIST}?short=1"' in screens.get("").text


def test_estimate_opens_its_reckoning(screens: Screens) -> None:
    account_id = screens.plain_id()
    account = screens.account(account_id)
    words = text_of(row_of(screens.get("?page_size=100").text, account_id))
    fee = 10 + max(0, account.contract_user_count - 10)
    assert f"11月25日の月額利用料 −{fee}" in words
    assert f"推定残ポイント数 {screens.balance(account_id) - fee:,}" in words


def test_after_the_cut_the_words_stay(
    screens: Screens, clock: MovableClock, sign_in: Callable[..., object]
) -> None:
    clock.instant = dt.datetime(2026, 11, 24, 15, 1, tzinfo=dt.UTC)
    sign_in(screens.client, "msp-a")
    words = text_of(screens.get("").text)
    assert "今月25日の推定残ポイント数" in words
    assert "未計上の月額利用料" in words
    assert "11月25日の月額利用料は、到来しています。" in words
    leaving = screens.ids(Account.cancellation_date == dt.date(2026, 11, 25))[0]
    row = row_of(screens.get("?page_size=100").text, leaving)
    assert "25日の月額利用料は発生しません。" in row
    assert "計上済み" not in row


def test_after_the_cut_a_row_says_whether_its_fee_was_charged(
    screens: Screens, clock: MovableClock, sign_in: Callable[..., object]
) -> None:
    clock.instant = cut = dt.datetime(2026, 11, 24, 15, tzinfo=dt.UTC)
    first, second = screens.ids(Account.status == AccountStatus.ACTIVE)[:2]
    with screens.app.app_context(), transaction():
        db.session.get_one(Account, first).provisioned_at = cut + dt.timedelta(seconds=1)
    clock.instant += dt.timedelta(minutes=1)
    with screens.app.app_context():
        tick(clock.instant)
    sign_in(screens.client, "msp-a")
    page = screens.get("?page_size=100").text
    late = "11月25日より後に利用を開始したため、その日の月額利用料は発生していません。"
    assert late in row_of(page, first)
    assert "11月25日の月額利用料は、計上済みです。" in row_of(page, second)


def test_suspended_and_negative_rows_say_so(screens: Screens) -> None:
    page = screens.get("?page_size=100").text
    suspended = screens.ids(Account.status == AccountStatus.SUSPENDED)
    assert "一時停止（" in row_of(page, suspended[0])
    for account_id in screens.ids(Account.status == AccountStatus.ACTIVE, PointBalance.point_balance < 0):
        assert re.search(r"あと\d+日で一時停止|まもなく一時停止", row_of(page, account_id))


def test_scheduled_row_shows_days_left(screens: Screens) -> None:
    account_id = screens.ids(Account.cancellation_date == dt.date(2026, 11, 25))[0]
    row = row_of(screens.get("?page_size=100").text, account_id)
    assert "2026/11/25" in row
    assert "あと5日" in row


def test_bounced_address_is_marked(screens: Screens) -> None:
    account_id = screens.plain_id()
    with screens.app.app_context(), transaction() as session:
        session.add(
            OutgoingMail(
                kind=MailKind.DELIVERY_NOTICE,
                account_id=account_id,
                recipient_name="山田",
                recipient_email="gone@customer.example.jp",
                subject="s",
                body_text="b",
                message_id="<1@x>",
                event_key="k",
                state=MailState.BOUNCED,
                next_attempt_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
                created_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
                last_error="550 no such user",
            )
        )
    row = row_of(screens.get("?page_size=100").text, account_id)
    assert "メール不達" in row
    assert "gone@customer.example.jp" in row


@pytest.mark.parametrize(
    "query",
    ["page=-1", "page=0", "page=99999999999999999999", "page_size=0", "page_size=1000000", "sort=abc",
     "search=%25", "search=_", "search=%5C", "search=%27"],
)  # fmt: skip
def test_odd_addresses_fall_back(screens: Screens, query: str) -> None:
    assert screens.get(f"?{query}").status_code == 200


@pytest.mark.parametrize(
    "query", ["users_min=99999999999999999999", "users_min=9&users_max=1", "state=abc", "search=%00"]
)
def test_bad_filter_is_told_at_the_filter(screens: Screens, query: str) -> None:
    answer = screens.get(f"?{query}")
    assert answer.status_code == 400
    assert "field-error" in answer.text
    assert '<tr id="row-' not in answer.text


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_sorts(screens: Screens, name: str) -> None:
    ascending = re.findall(r'<tr id="(row-\d+)"', screens.get(f"?sort={name}&page_size=100").text)
    descending = re.findall(r'<tr id="(row-\d+)"', screens.get(f"?sort={name}&desc=1&page_size=100").text)
    assert ascending
    assert set(ascending) == set(descending)


def test_export_links_keep_the_arguments(screens: Screens) -> None:
    page = screens.get("?short=1&sort=company_name&desc=1").text
    assert f"{LIST}export/csv?short=1&amp;sort=company_name&amp;desc=1" in page
    kinds = {
        "csv": "text/csv; charset=utf-8",
        "csv?encoding=cp932": "text/csv; charset=Shift_JIS",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
    for address, content_type in kinds.items():
        with screens.get(f"export/{address}") as answer:
            assert answer.headers["Content-Type"] == content_type
    with screens.get("export/csv?short=1") as answer:
        assert answer.status_code == 200
        lines = answer.data.decode("utf-8-sig").splitlines()
    assert len(lines) - 1 == screens.get("?short=1&page_size=100").text.count('<tr id="row-')


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("size", [20, 100])
def test_page_asks_a_bounded_number_of_queries(screens: Screens, statements: list[str], size: int) -> None:
    screens.get(f"?page_size={size}")
    assert 0 < len(statements) <= QUERY_BUDGET


def test_shown_consent_is_the_services_sentence(app: Flask) -> None:
    with app.test_request_context():
        shown = str(CONSENT_WORDS)
    assert unicodedata.normalize("NFKC", shown) == unicodedata.normalize("NFKC", CONSENT_TEXT)
