"""The password once more: before which pages, within which forms, and that nothing grave happens without it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from admin_views.request_context import LANGUAGE_COOKIE
from domain.lifecycle import AccountStatus
from domain.permissions import AccountType
from models import Account, db
from tests.portal.portal_visitor import change, enter, person
from tests.support.authenticator import STEP
from tests.support.databases import MovableClock
from tests.web.account_rows import account_of, account_values, line_count
from tests.web.browser_session import send
from tests.web.customer_screens import Screens, hidden_fields
from tests.web.people import PASSWORD, administrator, give_passwords, give_second_factor

SignIn = Callable[[FlaskClient, str], Any]
FRAGMENT = {"X-Fragment": "1"}
ELEVEN_MINUTES = dt.timedelta(minutes=11)
#: Pages that are not even shown before the password was given; a later one has to be added here, or taken care of.
ASKED_FIRST = {
    "accounts.cancel",
    "accounts.schedule",
    "customers.cancel",
    "customers.schedule",
    "own_password.change",
    "portal_administrators.take_second_factor",
    "second_factor.codes",
    "second_factor.release",
    "second_factor.require",
    "second_factor.set_up",
    "second_factor.switch_off",
}
pytestmark = pytest.mark.one_engine


@pytest.fixture(autouse=True)
def known(app: Flask) -> None:
    """Give everybody a password that the test knows."""
    give_passwords(app)


@pytest.fixture
def late(screens: Screens, clock: MovableClock) -> Screens:
    """Give 顧客アカウント一覧 of msp-a, eleven minutes after the password."""
    clock.instant += ELEVEN_MINUTES
    return screens


def ask_from(app: Flask, points: int) -> None:
    settings = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(settings, fresh_sign_in_from_points=points)


def filled(app: Flask, rule: str) -> str:
    """Return an address of a route about rows that are there."""
    with app.app_context():
        kind = AccountType.CUSTOMER if rule.startswith("/msp/customers") else AccountType.MSP
        running = select(Account.id).where(
            Account.account_type == kind, Account.status == AccountStatus.ACTIVE
        )
        account_id = db.session.execute(running.order_by(Account.id).limit(1)).scalar_one()
    rule = rule.replace("<row_id:account_id>", str(account_id))
    rule = rule.replace("<row_id:administrator_id>", str(administrator(app, "distributor").id))
    return re.sub(r"<[^>]+>", "1", re.sub(r"<billing_date:[^>]+>", "2026-11-25", rule))


def test_exactly_the_grave_pages_ask_first(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    sign_in(client, "distributor")
    clock.instant += ELEVEN_MINUTES
    asking = set()
    for rule in app.url_map.iter_rules():
        if (
            "GET" not in (rule.methods or ())
            or rule.rule.startswith(("/static", "/lang"))
            or "/export/" in rule.rule
        ):
            continue
        address = filled(app, rule.rule)
        answer = client.get(address)
        answer.close()
        if (answer.location or "").startswith("/confirm"):
            asking.add(rule.endpoint)
            fragment = client.get(f"{address}?x=1", headers=FRAGMENT)
            assert fragment.status_code == 401
            back = f"/confirm?next={address.replace('/', '%2F')}%3Fx%3D1"
            assert fragment.json == {"redirect": back}
    assert asking == ASKED_FIRST


def test_the_page_leads_back_to_where_one_was(late: Screens) -> None:
    address = f"/msp/customers/{late.plain_id()}/cancel/?next=/msp/customers/?page%3D2"
    to = late.client.get(address).location
    page = late.client.get(to).text
    assert "本人確認" in page
    assert 'href="/msp/customers/?page=2"' in page
    assert 'id="side"' not in page
    fields = hidden_fields(page)
    for wrong in ("", "wrong", "x" * 5000, "\0"):
        refused = late.client.post("/confirm", data={**fields, "confirm_password": wrong})
        assert (refused.status_code, "パスワードが正しくありません。" in refused.text) == (422, True)
    done = late.client.post("/confirm", data={**fields, "confirm_password": PASSWORD})
    assert (done.status_code, done.location) == (303, fields["next"])
    assert "解約を続行しますか" in late.client.get(address).text


@pytest.mark.parametrize("away", ["//evil.example", "/\\evil", "https://evil.example", "javascript:alert(1)"])
def test_it_never_leads_elsewhere(late: Screens, away: str) -> None:
    assert away not in late.client.get("/confirm", query_string={"next": away}).text
    nested = f"/msp/points/?next={away}"
    assert 'href="/"' in late.client.get("/confirm", query_string={"next": nested}).text
    answer = send(late.client, "/confirm", confirm_password=PASSWORD, next=away)
    assert answer.location == "/"


def test_who_is_not_signed_in_is_asked_to(client: FlaskClient) -> None:
    assert client.get("/confirm").location.startswith("/login")
    assert send(client, "/confirm", confirm_password=PASSWORD).location == "/login"


def grave_forms(screens: Screens) -> dict[str, tuple[str, dict[str, str]]]:
    """Return address and typed fields of what only a fresh sign-in may send."""
    plain = screens.plain_id()
    return {
        "cancel": (f"{plain}/cancel/", {"consent": "y"}),
        "schedule": (f"{plain}/schedule/", {"consent": "y", "cancellation_date": "2026-12-24"}),
        "points": (f"{plain}/points/", {"direction": "add", "points": "20", "remark": "書いたもの"}),
        "take_back": (f"{plain}/points/", {"direction": "take_back", "points": "20", "remark": "書いたもの"}),
    }


@pytest.mark.parametrize("name", ["cancel", "schedule", "points", "take_back"])
def test_a_form_that_was_left_open_asks_within_itself_and_loses_nothing(
    app: Flask, screens: Screens, clock: MovableClock, name: str
) -> None:
    ask_from(app, 20)
    address, typed = grave_forms(screens)[name]
    opened = screens.get(f"{address}?cancellation_date=2026-12-24").text
    fields = {**hidden_fields(opened), **typed}
    clock.instant += ELEVEN_MINUTES
    before = line_count(app)
    refused = screens.post(address, fields)
    assert (refused.status_code, 'name="confirm_password"' in refused.text) == (422, True)
    for value in typed.values():
        assert value == "y" or value in refused.text or f'value="{value}"' in refused.text
    wrong = screens.post(address, {**fields, "confirm_password": "wrong"})
    assert (wrong.status_code, "パスワードが正しくありません。" in wrong.text) == (422, True)
    assert line_count(app) == before
    again = {**hidden_fields(refused.text), **typed}
    done = screens.post(address, {**again, "confirm_password": PASSWORD})
    assert done.status_code == 303
    # Done, and nothing asks again for ten minutes.
    assert screens.get(f"{screens.plain_id()}/cancel/").status_code == 200


def test_few_points_are_moved_without_it(app: Flask, late: Screens) -> None:
    address = f"{late.plain_id()}/points/"
    before = line_count(app)
    assert late.sent(address, direction="add", points="1").status_code == 303
    assert line_count(app) == before + 2
    assert late.sent(address, direction="add", points="10000").status_code == 422


def test_a_large_refill_asks_and_a_small_one_does_not(
    app: Flask, screens: Screens, clock: MovableClock
) -> None:
    ask_from(app, 1)
    opened = screens.post("action/", action="refill", select_all="1", list_args="").text
    clock.instant += ELEVEN_MINUTES
    fields = hidden_fields(opened)
    chosen = re.findall(r'name="rowid" value="(\d+)"', opened)
    sent = {**fields, "rowid": chosen, "as_far_as_possible": "y"}
    before = line_count(app)
    refused = screens.post("bulk/refill/", sent)
    assert (refused.status_code, 'name="confirm_password"' in refused.text) == (422, True)
    assert line_count(app) == before
    ask_from(app, 10**6)
    assert screens.post("bulk/refill/", sent).status_code == 303
    assert line_count(app) > before


def test_a_new_email_address_asks_and_a_new_name_does_not(
    app: Flask, screens: Screens, clock: MovableClock
) -> None:
    own = account_of(app, "customer-a")
    person(app, own, "new-1")
    enter(screens.client, own)
    clock.instant += ELEVEN_MINUTES
    at = f"/portal/manage/administrators/{administrator(app, 'new-1').id}/edit/"

    def sent(**typed: str) -> Any:
        fields = hidden_fields(screens.client.get(at).text)
        names = {"full_name": "新任 一郎", "email": "new-1@example.jp", "level": "system"}
        for name in ("csrf_token", "portal_account"):
            fields.pop(name, None)
        return change(screens.client, at, own, **{**fields, **names, **typed})

    assert sent().status_code == 303
    refused = sent(email="other@example.jp")
    assert (refused.status_code, "other@example.jp" in refused.text) == (422, True)
    assert administrator(app, "new-1").email == "new-1@example.jp"
    assert sent(email="other@example.jp", confirm_password=PASSWORD).status_code == 303
    assert administrator(app, "new-1").email == "other@example.jp"


def test_an_msp_account_is_not_canceled_without_it(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    sign_in(client, "distributor")
    address = filled(app, "/msp/accounts/<row_id:account_id>/schedule/")
    fields = hidden_fields(client.get(f"{address}?cancellation_date=2027-12-24").text)
    clock.instant += ELEVEN_MINUTES
    fields |= {"consent": "y", "cancellation_date": "2027-12-24"}
    answer = client.post(address, data=fields)
    assert answer.status_code == 422
    account_id = int(address.split("/")[3])
    assert account_values(app, account_id, "cancellation_date") == (None,)
    assert client.get(filled(app, "/msp/accounts/<row_id:account_id>/cancel/")).location.startswith(
        "/confirm"
    )


def test_with_a_second_factor_the_code_is_asked_for_too(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    given = give_second_factor(app, clock)
    sign_in(client, "msp-a")
    clock.instant += ELEVEN_MINUTES
    assert 'name="confirm_code"' in client.get("/confirm").text
    code = given.code(clock.now())
    for typed in ({}, {"confirm_code": "000000"}, {"confirm_code": code, "confirm_password": "wrong"}):
        answer = send(client, "/confirm", **{"confirm_password": PASSWORD, **typed})
        assert (answer.status_code, "パスワードまたはコードが正しくありません。" in answer.text) == (
            422,
            True,
        )
    assert send(client, "/confirm", confirm_password=PASSWORD, confirm_code=code).status_code == 303
    clock.instant += ELEVEN_MINUTES - STEP
    again = send(client, "/confirm", confirm_password=PASSWORD, confirm_code=code)
    assert again.status_code == 422


def test_ten_wrong_ones_lock(app: Flask, late: Screens) -> None:
    for _turn in range(10):
        assert send(late.client, "/confirm", confirm_password="wrong").status_code == 422
    assert administrator(app, "msp-a").locked_until is not None
    assert send(late.client, "/confirm", confirm_password=PASSWORD).status_code == 422
    assert send(app.test_client(), "/login", username="msp-a", password=PASSWORD).status_code == 422


def test_the_question_is_english_too(app: Flask, late: Screens) -> None:
    ask_from(app, 1)
    late.client.set_cookie(LANGUAGE_COOKIE, "en")
    page = late.sent(f"{late.plain_id()}/points/", direction="add", points="1").text
    assert "More than 10 minutes have passed since you last entered your password." in page
