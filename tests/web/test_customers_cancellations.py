"""解約 and 解約予定日設定: the sentence, the amounts, the consent, and that nothing else cancels."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from domain.lifecycle import AccountStatus
from models import Account, PointBalance
from services.cancellations import CONSENT_TEXT
from tests.support.databases import MovableClock
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import Screens, field_value, hidden_fields, text_of

CONSENT_FILE = Path(__file__).resolve().parent.parent / "golden" / "consent.txt"


def normalized(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("dialog", ["cancel", "schedule"])
def test_dialog_says_the_guides_sentence_and_is_unticked(screens: Screens, dialog: str) -> None:
    page = screens.get(f"{screens.plain_id()}/{dialog}/").text
    assert normalized(CONSENT_TEXT) in normalized(page)
    assert normalized(CONSENT_FILE.read_text(encoding="utf-8").strip()) in normalized(page)
    box = re.search(r'<input[^>]*name="consent"[^>]*>', page)
    assert box is not None
    assert "checked" not in box[0]
    assert 'data-requires="consent"' in page


def test_remainder_is_named_and_consumed(screens: Screens) -> None:
    account_id = screens.plain_id()
    held, stock = screens.balance(account_id), screens.balance(screens.account(account_id).parent_id)
    assert f"消費される残存分 {held:,} ポイント" in text_of(screens.get(f"{account_id}/cancel/").text)
    answer = screens.sent(f"{account_id}/cancel/", consent="y")
    assert answer.status_code == 303
    account = screens.account(account_id)
    assert account.status is AccountStatus.CANCELED
    assert screens.balance(account_id) == 0
    assert screens.balance(account.parent_id) == stock
    assert f"{account.company_name} を解約しました" in text_of(screens.get("").text)


def test_shortfall_is_named_and_topped_up_by_the_payer(screens: Screens) -> None:
    account_id = screens.ids(PointBalance.point_balance < 0)[0]
    short = -screens.balance(account_id)
    stock = screens.balance(screens.account(account_id).parent_id)
    words = text_of(screens.get(f"{account_id}/cancel/").text)
    assert f"補充される不足分 {short:,} ポイント" in words
    assert re.search(
        rf"保有ポイント {stock:,} → 変更後 {stock - short:,}|{stock:,}.*{stock - short:,}", words
    )
    assert screens.sent(f"{account_id}/cancel/", consent="y").status_code == 303
    assert screens.balance(screens.account(account_id).parent_id) == stock - short


@pytest.mark.parametrize("consent", [None, "false", "0", ""])
def test_without_consent_nothing_is_canceled(screens: Screens, consent: str | None) -> None:
    account_id = screens.plain_id()
    fields = {} if consent is None else {"consent": consent}
    for dialog, more in (("cancel", {}), ("schedule", {"cancellation_date": "2026-12-20"})):
        answer = screens.sent(f"{account_id}/{dialog}/", **fields, **more)
        assert answer.status_code == 422
        assert "「同意する」にチェックを入れてください" in answer.text
    account = screens.account(account_id)
    assert account.status is AccountStatus.ACTIVE
    assert account.cancellation_date is None


@pytest.mark.parametrize("shown", [{}, {"shown_write_off_points": "1"}, {"shown_write_off_points": "²"}])
def test_amounts_that_were_not_shown_are_shown_first(screens: Screens, shown: dict[str, str]) -> None:
    account_id = screens.plain_id()
    answer = screens.post(f"{account_id}/cancel/", {"consent": "y", "shown_top_up_points": "0", **shown})
    assert answer.status_code == 409
    assert "もう一度同意してください" in answer.text
    assert screens.account(account_id).status is AccountStatus.ACTIVE
    assert hidden_fields(answer.text)["shown_write_off_points"] == str(screens.balance(account_id))
    again = screens.post(f"{account_id}/cancel/", {**hidden_fields(answer.text), "consent": "y"})
    assert again.status_code == 303


def test_canceling_twice_is_refused(screens: Screens) -> None:
    account_id = screens.plain_id()
    fields = {**hidden_fields(screens.get(f"{account_id}/cancel/").text), "consent": "y"}
    assert screens.post(f"{account_id}/cancel/", fields).status_code == 303
    assert screens.post(f"{account_id}/cancel/", fields).status_code == 409


def test_amounts_follow_the_date_without_scripts(screens: Screens) -> None:
    account_id = screens.plain_id()
    users = screens.account(account_id).contract_user_count
    fee, held = 10 + max(0, users - 10), screens.balance(account_id)
    empty = screens.get(f"{account_id}/schedule/")
    assert "金額を確認" in empty.text
    assert hidden_fields(empty.text)["shown_top_up_points"] == ""
    for day, fees in (("2026-11-25", 0), ("2026-11-26", fee), ("2026-12-26", 2 * fee)):
        by_address = text_of(screens.get(f"{account_id}/schedule/?cancellation_date={day}").text)
        by_button = screens.sent(f"{account_id}/schedule/", cancellation_date=day, check="1")
        assert by_button.status_code == 200
        for words in (by_address, text_of(by_button.text)):
            assert f"解約までの月額利用料 {'−' if fees else ''}{fees:,} " in words
            left = held - fees
            what = f"消費される残存分 {left:,}" if left > 0 else f"補充される不足分 {-left:,}"
            assert what in words
            assert ("その日の月額利用料は発生しません" in words) == (day == "2026-11-25")
            assert ("警告通知は送信されません" in words) == (day != "2026-12-26")


def test_date_is_set_changed_and_lifted(screens: Screens) -> None:
    account_id = screens.plain_id()
    for day in ("2026-12-20", "2026-12-25"):
        preview = screens.get(f"{account_id}/schedule/?cancellation_date={day}").text
        fields = {**hidden_fields(preview), "cancellation_date": day, "consent": "y"}
        assert screens.post(f"{account_id}/schedule/", fields).status_code == 303
        assert screens.account(account_id).cancellation_date == dt.date.fromisoformat(day)
    page = screens.get(f"{account_id}/schedule/").text
    assert f'formaction="/msp/customers/{account_id}/lift/"' in page
    fields = hidden_fields(page)
    assert screens.post(f"{account_id}/lift/", fields).status_code == 303
    assert screens.account(account_id).cancellation_date is None
    assert screens.account(account_id).status is AccountStatus.ACTIVE
    assert screens.post(f"{account_id}/lift/", fields).status_code == 409


def set_date(screens: Screens, account_id: int, day: str, opened: str | None = None) -> TestResponse:
    """Set 解約予定日 in a dialog that is opened now, or was `opened` before."""
    page = opened or screens.get(f"{account_id}/schedule/?cancellation_date={day}").text
    fields = {**hidden_fields(page), "cancellation_date": day, "consent": "y"}
    return screens.post(f"{account_id}/schedule/", fields)


@pytest.mark.parametrize("first", [None, "2026-12-15"])
def test_date_that_somebody_else_has_set_since_is_shown_before_it_is_overwritten(
    screens: Screens, first: str | None
) -> None:
    account_id = screens.plain_id()
    if first:
        assert set_date(screens, account_id, first).status_code == 303
    opened = screens.get(f"{account_id}/schedule/?cancellation_date=2026-12-10").text
    assert f"現在 {'2026/12/15' if first else '未設定'}" in text_of(opened)
    assert set_date(screens, account_id, "2026-12-20").status_code == 303
    late = set_date(screens, account_id, "2026-12-10", opened)
    assert late.status_code == 409
    shown = "2026/12/15" if first else "未設定"
    assert f"解約予定日が{shown}から2026/12/20に変わりました" in late.text
    assert "現在 2026/12/20" in text_of(late.text)
    assert field_value(late.text, "cancellation_date") == "2026-12-10"
    assert screens.account(account_id).cancellation_date == dt.date(2026, 12, 20)
    assert set_date(screens, account_id, "2026-12-10", late.text).status_code == 303
    assert screens.account(account_id).cancellation_date == dt.date(2026, 12, 10)


def test_only_the_date_that_was_shown_is_lifted(screens: Screens) -> None:
    account_id = screens.plain_id()
    assert set_date(screens, account_id, "2026-12-10").status_code == 303
    opened = screens.get(f"{account_id}/schedule/").text
    assert set_date(screens, account_id, "2026-12-20").status_code == 303
    late = screens.post(f"{account_id}/lift/", hidden_fields(opened))
    assert late.status_code == 409
    assert "解約予定日が2026/12/10から2026/12/20に変わりました" in late.text
    assert f'action="/msp/customers/{account_id}/schedule/"' in late.text
    assert field_value(late.text, "cancellation_date") == "2026-12-20"
    unreadable = screens.post(f"{account_id}/lift/", current_cancellation_date="x")
    assert unreadable.status_code == 400
    assert screens.account(account_id).cancellation_date == dt.date(2026, 12, 20)
    assert screens.post(f"{account_id}/lift/", hidden_fields(late.text)).status_code == 303
    assert screens.account(account_id).cancellation_date is None


@pytest.mark.parametrize(
    "day",
    [
        "",
        "2026-02-29",
        "2026-11-19",
        "2026-11-20",
        "2037-11-21",
        "0001-01-01",
        "9999-12-31",
        "2026-12-01T10:00",
    ],
)
def test_unusable_dates_are_refused_at_the_field(screens: Screens, day: str) -> None:
    account_id = screens.plain_id()
    answer = screens.sent(f"{account_id}/schedule/", cancellation_date=day, consent="y")
    assert answer.status_code == 422
    assert 'id="cancellation_date-error1"' in answer.text
    assert 'id="cancellation_date-error2"' not in answer.text
    assert screens.account(account_id).cancellation_date is None
    if day:
        looked = screens.get(f"{account_id}/schedule/", query_string={"cancellation_date": day})
        assert looked.status_code == 422
        assert 'id="cancellation_date-error1"' in looked.text
        assert re.search("[0-9]{4}/[0-9]{2}/[0-9]{2}から[0-9]{4}/[0-9]{2}/[0-9]{2}まで", looked.text)


def test_date_that_has_come_is_binding(
    screens: Screens, clock: MovableClock, sign_in: Callable[..., object]
) -> None:
    account_id = screens.ids(Account.cancellation_date == dt.date(2026, 11, 24))[0]
    clock.instant = dt.datetime(2026, 11, 23, 15, 0, tzinfo=dt.UTC)
    sign_in(screens.client, "msp-a")
    screens.token = csrf_token_of(screens.client)
    answer = screens.post(f"{account_id}/lift/", current_cancellation_date="2026-11-24")
    assert answer.status_code == 409
    assert "解約処理中" in answer.text
    assert screens.account(account_id).cancellation_date == dt.date(2026, 11, 24)


def test_other_msps_customer_is_not_lifted(screens: Screens) -> None:
    foreign = screens.ids(Account.cancellation_date.is_not(None), parent="MSP B株式会社")[0]
    assert screens.post(f"{foreign}/lift/").status_code == 404
    assert screens.post(f"{foreign}/cancel/", {"consent": "y"}).status_code == 404
