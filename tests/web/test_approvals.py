"""承認依頼 and 二人承認 on the screens: told beforehand, asked for, answered by somebody else, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from admin_views.request_context import LANGUAGE_COOKIE
from domain.lifecycle import AccountStatus
from models import Account, Administrator, ApprovalRequest, db
from models import SignIn as Session
from services.transaction import transaction
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import Screens, chosen, hidden_fields, text_of
from tests.web.test_translations import assert_english, stored_texts

pytestmark = pytest.mark.one_engine
APPROVALS, RULES = "/msp/approvals/", "/msp/four-eyes/"
SignIn = Callable[[FlaskClient, str], Any]


@dataclass
class Office:
    """MSP A, whose two people look at the screens; from 100 points on each needs the other."""

    first: Screens
    second: Screens
    rule_address: str

    def approval_id(self) -> int:
        """Return the newest request."""
        with self.first.app.app_context():
            newest = select(ApprovalRequest.id).order_by(ApprovalRequest.id.desc()).limit(1)
            return db.session.execute(newest).scalar_one()

    def ask(self, account_id: int, points: int) -> int:
        """Let the first person ask for an addition; return its number."""
        answer = self.first.sent(f"{account_id}/points/", direction="add", points=str(points))
        assert answer.status_code == 303
        return self.approval_id()

    def answer(self, who: Screens, number: int, verb: str, **fields: Any) -> TestResponse:
        """Open a dialog of a request and send it."""
        address = f"{APPROVALS}{number}/{verb}/"
        hidden = hidden_fields(who.client.get(address).text)
        return who.client.post(address, data={**hidden, "csrf_token": who.token, **fields})


def visitor(app: Flask, sign_in: SignIn, name: str) -> Screens:
    client = app.test_client()
    sign_in(client, name)
    return Screens(app, client, csrf_token_of(client))


@pytest.fixture
def office(app: Flask, screens: Screens, sign_in: SignIn) -> Office:
    with app.app_context():
        own = select(Account.id).where(Account.company_name == "MSP A株式会社")
        address = f"{RULES}{db.session.execute(own).scalar_one()}/"
    hidden = hidden_fields(screens.client.get(address).text)
    answer = screens.client.post(address, data={**hidden, "use": "on", "threshold_points": "１００"})
    assert answer.status_code == 303
    return Office(screens, visitor(app, sign_in, "contract-a"), address)


def test_switching_on_needs_a_number_and_two_people(app: Flask, screens: Screens, sign_in: SignIn) -> None:
    page = screens.client.get(RULES).text
    address = re.search(rf'href="({RULES}\d+/)', page)
    assert address
    assert "使わない" in text_of(page)
    hidden = hidden_fields(screens.client.get(address[1]).text)
    refused = screens.client.post(address[1], data={**hidden, "use": "on", "threshold_points": ""})
    assert refused.status_code == 422
    assert "必須項目です" in refused.text
    with app.app_context(), transaction():
        others = Administrator.user_name.in_(("contract-a", "distributor"))
        db.session.execute(update(Administrator).where(others).values(is_disabled=True))
    refused = screens.client.post(address[1], data={**hidden, "use": "on", "threshold_points": "100"})
    assert refused.status_code == 422
    assert "承認できる管理者が1名のため、使えません" in refused.text
    assert "使わない" in text_of(screens.client.get(RULES).text)


def test_ending_it_waits_for_the_other(office: Office) -> None:
    address = office.rule_address
    hidden = hidden_fields(office.first.client.get(address).text)
    answer = office.first.client.post(address, data={**hidden, "use": "off"}, follow_redirects=True)
    assert "二人目の管理者に承認を依頼しました" in answer.text
    assert "100" in text_of(office.first.client.get(RULES).text.split("<tbody>")[1])
    stale = office.second.client.post(
        address, data={**hidden, "csrf_token": office.second.token, "shown": "0", "use": "off"}
    )
    assert stale.status_code == 409
    assert office.answer(office.second, office.approval_id(), "approve").status_code == 303
    assert "使わない" in text_of(office.second.client.get(RULES).text.split("<tbody>")[1])


def test_the_points_dialog_says_so_asks_and_the_other_answers(office: Office) -> None:
    customer = office.first.plain_id()
    before = office.first.balance(customer)
    page = office.first.get(f"{customer}/points/").text
    assert "100ポイント以上の場合は、すぐには実行されず、二人目の承認を待ちます" in page
    hidden = hidden_fields(page)
    for _turn in range(2):
        answer = office.first.post(
            f"{customer}/points/", {**hidden, "direction": "add", "points": "250", "remark": "1年分"}
        )
        assert answer.status_code == 303
    number = office.approval_id()
    told = office.first.get("").text
    assert f"承認を依頼しました（承認依頼 No. {number}、250ポイント、期限 2026/11/25 00:00）" in told
    assert office.first.balance(customer) == before
    # A count in the menu for who may answer, none for who asked.
    assert 'class="waiting">1<' in office.second.get("").text
    assert 'class="waiting"' not in office.first.get("").text
    rows = office.second.client.get(f"{APPROVALS}?waiting=1").text
    assert f"{APPROVALS}{number}/approve/" in rows
    own = office.first.client.get(APPROVALS).text
    assert f"{APPROVALS}{number}/withdraw/" in own
    assert f"{APPROVALS}{number}/approve/" not in own
    refused = office.answer(office.first, number, "approve", shown="250")
    assert refused.status_code == 409
    assert "自分の依頼は承認も却下もできません" in refused.text
    done = office.answer(office.second, number, "approve")
    assert done.status_code == 303
    assert office.first.balance(customer) == before + 250
    late = office.answer(office.second, number, "reject", rejection_reason="x")
    assert late.status_code == 409
    seen = text_of(office.first.client.get(f"{APPROVALS}{number}/").text)
    assert "contract-a" in seen
    assert "実行されたポイント 250" in seen
    # Both stand in the log of the account.
    log = text_of(office.first.client.get("/msp/log/").text)
    assert f"承認依頼 No.: {number}" in log


def test_the_row_of_an_account_says_that_a_request_is_open(
    app: Flask, office: Office, sign_in: SignIn
) -> None:
    page, form = refill_form(office, 1_000)
    assert 'class="badge warning" href="/msp/approvals/' not in page
    assert office.first.post("bulk/refill/", form).status_code == 303
    short, other = int(form["rowid"][0]), office.first.ids()[3]
    marks = {short: office.approval_id(), other: office.ask(other, 250)}
    assert len(set(marks.values())) == 2
    distributor, support = visitor(app, sign_in, "distributor"), visitor(app, sign_in, "support")
    for who in (office.first, office.second, distributor):
        for account_id, number in marks.items():
            mark = f'href="{APPROVALS}{number}/" data-dialog>'
            assert mark in who.get(f"{account_id}/").text
            number_of_account = office.first.account(account_id).account_number
            assert mark in who.get(f"?search={number_of_account}").text
    assert "承認依頼中" not in support.get("").text
    # From the sign one comes to the answer that one may give.
    for who, verbs in ((office.first, ["withdraw"]), (office.second, ["reject", "approve"])):
        opened = who.client.get(f"{APPROVALS}{marks[other]}/").text
        assert re.findall(rf'href="{APPROVALS}{marks[other]}/(\w+)/"', opened) == verbs
    for number in marks.values():
        assert office.answer(office.second, number, "reject", rejection_reason="x").status_code == 303
    assert "承認依頼中" not in office.first.get(f"{short}/").text + office.first.get(f"{other}/").text


def test_a_small_movement_asks_nobody(office: Office) -> None:
    customer = office.first.plain_id()
    before = office.first.balance(customer)
    assert office.first.sent(f"{customer}/points/", direction="add", points="99").status_code == 303
    assert office.first.balance(customer) == before + 99


def test_the_second_request_of_the_same_is_refused_with_its_number(office: Office) -> None:
    customer = office.first.plain_id()
    number = office.ask(customer, 250)
    refused = office.first.sent(f"{customer}/points/", direction="add", points="300")
    assert refused.status_code == 409
    assert f"承認依頼 No. {number}、250ポイント" in refused.text


def test_rejecting_wants_a_reason_and_withdrawing_its_requester(office: Office) -> None:
    customer = office.first.plain_id()
    number = office.ask(customer, 250)
    assert office.answer(office.second, number, "reject", rejection_reason="").status_code == 422
    assert office.answer(office.second, number, "withdraw").status_code == 409
    assert office.answer(office.second, number, "reject", rejection_reason="多すぎます").status_code == 303
    assert "多すぎます" in office.first.client.get(f"{APPROVALS}{number}/").text
    number = office.ask(customer, 260)
    assert office.answer(office.first, number, "withdraw").status_code == 303
    assert office.answer(office.second, number, "approve", shown="260").status_code == 409


def refill_form(office: Office, users: int) -> tuple[str, dict[str, Any]]:
    """Let a customer be short by many points; return the refill's dialog and its form."""
    customer = office.first.plain_id()
    assert office.first.sent(f"{customer}/users/", contract_user_count=str(users)).status_code == 303
    page = office.first.post("action/", {"action": "refill", "rowid": [str(customer)]}).text
    return page, {**hidden_fields(page), "rowid": chosen(page)}


def test_a_refill_waits_and_grows_only_with_a_second_look(office: Office) -> None:
    page, form = refill_form(office, 1_000)
    assert "この操作は二人目の承認を待ちます" in page
    for _turn in range(2):
        assert office.first.post("bulk/refill/", form).status_code == 303
    number, customer = office.approval_id(), int(form["rowid"][0])
    assert "承認を依頼しました。承認されるまで、ポイントは動きません" in office.first.get("").text
    before = office.first.balance(customer)
    opened = office.second.client.get(f"{APPROVALS}{number}/approve/").text
    assert office.first.sent(f"{customer}/users/", contract_user_count="1100").status_code == 303
    hidden = {**hidden_fields(opened), "csrf_token": office.second.token}
    grown = office.second.client.post(f"{APPROVALS}{number}/approve/", data=hidden)
    assert grown.status_code == 409
    assert "対象のポイントが増えたため、実行しませんでした" in grown.text
    assert "依頼時より多くのポイントが必要です" in grown.text
    assert office.first.balance(customer) == before
    again = {**hidden_fields(grown.text), "csrf_token": office.second.token}
    # What needs fewer by now runs with what is needed, and says so.
    assert office.first.sent(f"{customer}/users/", contract_user_count="900").status_code == 303
    done = office.second.client.post(
        f"{APPROVALS}{number}/approve/", data=again, follow_redirects=True, headers={"Accept": "text/html"}
    )
    assert f"いま必要な{900 - before:,}ポイントで実行しました" in done.text
    assert office.first.balance(customer) == 900


@pytest.mark.parametrize("date", [None, "2026-12-10"])
def test_a_cancellation_waits_and_wants_the_consent_of_both(office: Office, date: str | None) -> None:
    customer = office.first.plain_id()
    verb = "schedule" if date else "cancel"
    place = f"{customer}/{verb}/" + (f"?cancellation_date={date}" if date else "")
    page = office.first.get(place).text
    assert "この操作は二人目の承認を待ちます" in page
    more = {"cancellation_date": date} if date else {}
    form = {**hidden_fields(page), **more}
    assert office.first.post(place, form).status_code == 422
    for _turn in range(2):
        assert office.first.post(place, {**form, "consent": "y"}).status_code == 303
    number = office.approval_id()
    promise = "解約予定日は設定されません" if date else "解約されません"
    assert f"承認されるまで、{promise}" in office.first.get("").text
    account = office.first.account(customer)
    assert (account.status, account.cancellation_date) == (AccountStatus.ACTIVE, None)
    refused = office.answer(office.second, number, "approve")
    assert refused.status_code == 422
    assert "「同意する」にチェックを入れてください" in refused.text
    assert office.answer(office.second, number, "approve", consent="y").status_code == 303
    account = office.first.account(customer)
    assert (account.status is AccountStatus.CANCELED) is (date is None)
    assert (account.cancellation_date is not None) is (date is not None)


def test_a_leftover_that_has_grown_is_not_called_needed(office: Office) -> None:
    customer = office.first.plain_id()
    asked = office.first.sent(f"{customer}/cancel/", consent="y")
    assert asked.status_code == 303
    number = office.approval_id()
    assert office.first.sent(f"{customer}/points/", direction="add", points="50").status_code == 303
    pages = {
        verb: office.second.client.get(f"{APPROVALS}{number}/{verb}").text
        for verb in ("", "approve/", "reject/")
    }
    for verb, page in pages.items():
        assert "補充または消費されるポイントが、依頼時より増えています。" in page
        assert "依頼時より多くのポイントが必要です" not in page
        assert ("現在の数で承認するか、却下してください。" in page) is (verb != "reject/")


def test_after_the_cut_nothing_can_be_answered(office: Office) -> None:
    number = office.ask(office.first.plain_id(), 250)
    clock = office.first.app.extensions["clock"]
    with office.first.app.app_context():
        expires_at = db.session.get_one(ApprovalRequest, number).expires_at
        # Still signed in at the cut.
        with transaction():
            db.session.execute(update(Session).values(started_at=expires_at, last_seen_at=expires_at))
    clock.instant = expires_at
    refused = office.answer(office.second, number, "approve", shown="250")
    assert refused.status_code == 409
    assert "期限を過ぎたため" in refused.text
    assert "期限切れ" in text_of(office.first.client.get(APPROVALS).text)
    assert 'class="waiting"' not in office.second.get("").text


@pytest.mark.parametrize("shown", ["", "x", "250,", "-1", "２５０", "9" * 14, "1," * 20_000])
def test_unreadable_amounts_count_as_not_shown(office: Office, shown: str) -> None:
    number = office.ask(office.first.plain_id(), 250)
    assert office.answer(office.second, number, "approve", shown=shown).status_code == 409


def test_whose_requests_one_sees(app: Flask, office: Office, sign_in: SignIn) -> None:
    number = office.ask(office.first.plain_id(), 250)
    addresses = [APPROVALS, RULES, office.rule_address, f"{APPROVALS}{number}/"]
    addresses += [f"{APPROVALS}{number}/{verb}/" for verb in ("approve", "reject", "withdraw")]
    expected = {
        "distributor": [200] * 7,
        "operator": [200, 200, 404, 200, 200, 200, 200],
        "msp-b": [200, 200, 404, 404, 404, 404, 404],
        "support": [403] * 7,
        "system-a": [403] * 7,
        "customer-a": [403] * 7,
    }
    for name, statuses in expected.items():
        who = visitor(app, sign_in, name)
        assert [who.client.get(address).status_code for address in addresses] == statuses, name
        assert (f"{APPROVALS}{number}/" in who.client.get(APPROVALS).text) is (200 in statuses[3:])
    # The operator is not right above MSP A: he looks on.
    operator = visitor(app, sign_in, "operator")
    assert office.answer(operator, number, "approve", shown="250").status_code == 403
    assert office.answer(visitor(app, sign_in, "msp-b"), number, "approve", shown="250").status_code == 404
    with office.second.client.get(f"{APPROVALS}export/csv") as csv:
        assert "ポイント追加" in csv.data.decode("utf-8-sig")


def test_a_return_that_would_need_a_reason_by_now_says_so_and_has_no_button(office: Office) -> None:
    customer = office.first.plain_id()
    held = office.first.balance(customer)
    asked = office.first.sent(f"{customer}/points/", direction="take_back", points=str(held))
    assert asked.status_code == 303
    number = office.approval_id()
    address = f"{APPROVALS}{number}/approve/"
    assert ">承認</button>" in office.second.client.get(address).text
    taken = office.first.sent(f"{customer}/points/", direction="take_back", points="1")
    assert taken.status_code == 303
    page = office.second.client.get(address).text
    assert "備考のない依頼のため、承認できません" in page
    assert ">承認</button>" not in page
    refused = office.answer(office.second, number, "approve", shown=f"{held},1")
    assert refused.status_code == 409
    assert "備考のない依頼のため、承認できません" in refused.text


@pytest.mark.parametrize("verb", ["reject", "withdraw"])
def test_a_request_about_a_row_that_is_elsewhere_is_outdated_and_can_be_ended(
    app: Flask, office: Office, verb: str
) -> None:
    customer = office.first.plain_id()
    name = office.first.account(customer).company_name
    number = office.ask(customer, 250)
    with app.app_context(), transaction():
        other = select(Account.id).where(Account.company_name == "MSP B株式会社")
        db.session.get_one(Account, customer).parent_id = db.session.execute(other).scalar_one()
    for who in (office.first, office.second):
        for address in ("", "approve/", "reject/", "withdraw/"):
            page = who.client.get(f"{APPROVALS}{number}/{address}")
            assert (page.status_code, name in page.text) == (200, True)
    refused = office.answer(office.second, number, "approve", shown="250")
    assert refused.status_code == 409
    assert "この依頼は承認できません。却下してください" in refused.text
    who = office.second if verb == "reject" else office.first
    assert office.answer(who, number, verb, rejection_reason="x").status_code == 303
    assert office.first.client.get(f"{APPROVALS}{number}/").status_code == 200
    assert name in text_of(office.first.client.get("/msp/log/").text)


def test_nobody_left_to_approve_is_said(office: Office) -> None:
    with office.first.app.app_context(), transaction():
        others = Administrator.user_name.in_(("contract-a", "distributor"))
        db.session.execute(update(Administrator).where(others).values(is_disabled=True))
    customer = office.first.plain_id()
    assert "いま承認できる管理者が、ほかにいません" in office.first.get(f"{customer}/points/").text
    number = office.ask(customer, 250)
    assert "いま承認できる管理者が、ほかにいません" in office.first.client.get(f"{APPROVALS}{number}/").text
    assert "承認できる人が足りません" in office.first.client.get(RULES).text


def test_everything_is_english(office: Office) -> None:
    for who in (office.first, office.second):
        who.client.set_cookie(LANGUAGE_COOKIE, "en")
    _page, form = refill_form(office, 1_000)
    office.first.post("bulk/refill/", form)
    numbers = [office.approval_id()]
    customer = office.first.plain_id()
    page = office.first.get(f"{customer}/cancel/").text
    office.first.post(f"{customer}/cancel/", {**hidden_fields(page), "consent": "y"})
    numbers += [office.approval_id(), office.ask(office.first.ids()[3], 250)]
    rule = hidden_fields(office.first.client.get(office.rule_address).text)
    office.first.client.post(office.rule_address, data={**rule, "use": "off"})
    numbers.append(office.approval_id())
    data = stored_texts(office.first.app)
    for number in numbers:
        for verb in ("", "approve/", "reject/", "withdraw/"):
            address = f"{APPROVALS}{number}/{verb}"
            assert_english(office.second.client.get(address).text, data, address)
        refused = office.answer(office.second, number, "approve", shown="")
        assert_english(refused.text, data, f"{number} refused")
    for address in (APPROVALS, RULES, office.rule_address, f"/msp/customers/{customer}/points/"):
        assert_english(office.first.client.get(address).text, data, address)
    assert_english(office.second.client.get(APPROVALS).text, data, "list of the second")
