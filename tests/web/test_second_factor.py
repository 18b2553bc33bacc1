"""2段階認証 on the screen: set-up, the second page of the sign-in, what is required and held, what is taken away."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from admin_views.request_context import LANGUAGE_COOKIE
from admin_views.second_factor import OPEN_WHILE_DUE
from domain.one_time_codes import one_time_code, step_at
from domain.permissions import AdminLevel
from models import Account, SecondFactor
from services import second_factors
from services.transaction import transaction
from tests.portal.portal_visitor import change, enter, person
from tests.support.databases import MovableClock
from tests.web.account_rows import account_of
from tests.web.browser_session import send
from tests.web.people import administrator, give_second_factor

SignIn = Callable[[FlaskClient, str], Any]
FRAGMENT = {"X-Fragment": "1"}
#: What these pages say is the same over every engine; what the database decides is tested with the use cases.
pytestmark = pytest.mark.one_engine


def require(app: Flask, user_name: str) -> None:
    with app.app_context(), transaction() as session:
        own = Account.id == account_of(app, user_name)
        session.execute(update(Account).where(own).values(requires_second_factor=True))


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/second-factor/").status_code == 200


def secret_on(page: str) -> str:
    found = re.search(r'set-up-secret">([A-Z2-7 ]+)<', page)
    assert found is not None
    return found[1].replace(" ", "")


def token_on(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return html.unescape(found[1])


def codes_on(page: str) -> list[str]:
    return re.findall(r"[2-9a-z]{4}(?:-[2-9a-z]{4}){3}", page)


def test_a_second_factor_is_set_up_by_its_first_code(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    sign_in(client, "msp-a")
    assert "未設定" in client.get("/second-factor/").text
    page = client.get("/second-factor/set-up/").text
    picture = re.search(r'<img src="data:image/svg\+xml;([^"]+)"', page)
    assert picture is not None
    secret = secret_on(page)
    for wrong in ("", "12345", "000000", "abc", "x" * 5000, "\0", "12345\0"):
        answer = send(client, "/second-factor/set-up/", token=token_on(page), code=wrong)
        assert answer.status_code == 422, wrong[:10]
        assert 'class="field-error"' in answer.text
        assert secret_on(answer.text) == secret
    assert second_factor_of(app, "msp-a") is None
    typed = one_time_code(secret, step_at(clock.now())).translate(
        str.maketrans("0123456789", "０１２３４５６７８９")
    )
    done = send(client, "/second-factor/set-up/", token=token_on(page), code=f" {typed} ")
    assert done.status_code == 200
    assert len(codes_on(done.text)) == 10
    assert "コードはこの画面にしか表示されません" in done.text
    overview = client.get("/second-factor/").text
    assert "10 / 10個" in overview
    assert codes_on(overview) == []
    again = send(client, "/second-factor/set-up/", token=token_on(page), code=typed)
    assert again.status_code == 409
    assert "設定を始めた後に、2段階認証が変更されました" in again.text
    assert "以前の認証アプリとリカバリーコードは使えなくなります" in client.get("/second-factor/set-up/").text


def second_factor_of(app: Flask, user_name: str) -> SecondFactor | None:
    with app.app_context():
        return second_factors.find(administrator(app, user_name).id)


def test_a_set_up_of_another_or_of_long_ago_begins_anew(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    other = app.test_client()
    sign_in(other, "msp-b")
    foreign = token_on(other.get("/second-factor/set-up/").text)
    sign_in(client, "msp-a")
    for token in (foreign, "", "x" * 5000, "\0"):
        answer = send(client, "/second-factor/set-up/", token=token, code="123456")
        assert answer.status_code == 409
        assert "もう一度、QRコードの読み取りから" in answer.text
        assert token_on(answer.text) != token


def test_the_picture_says_what_the_text_says(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    page = client.get("/second-factor/set-up/").text
    assert base64.b32decode(secret_on(page))
    assert "svg" in page
    assert "認証アプリで読み取るQRコード" in page


def test_codes_are_made_anew_and_the_factor_switched_off(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    given = give_second_factor(app, clock)
    sign_in(client, "msp-a")
    assert "以前のコードは、すべて使えなくなります" in client.get("/second-factor/codes/").text
    fresh = codes_on(send(client, "/second-factor/codes/").text)
    assert len(fresh) == 10
    assert not set(fresh) & set(given.recovery_codes)
    assert "パスワードだけを求める" in client.get("/second-factor/off/", headers=FRAGMENT).text
    done = send(client, "/second-factor/off/", headers=FRAGMENT)
    assert done.json == {"redirect": "/second-factor/"}
    assert second_factor_of(app, "msp-a") is None
    assert send(client, "/second-factor/off/").status_code == 409


@pytest.mark.parametrize(
    "user_name", ["operator", "distributor", "msp-a", "contract-a", "support", "customer-a"]
)
def test_who_decides_for_an_account_may_require_it(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock, user_name: str
) -> None:
    sign_in(client, user_name)
    assert 'href="/second-factor/"' in client.get("/", follow_redirects=True).text
    assert "先にご自身の2段階認証を設定してください" in client.get("/second-factor/").text
    assert send(client, "/second-factor/require/").status_code == 409
    give_second_factor(app, clock, user_name)
    sign_in(client, user_name)
    assert 'href="/second-factor/require/"' in client.get("/second-factor/").text
    assert "設定が終わるまで" in client.get("/second-factor/require/", headers=FRAGMENT).text
    assert send(client, "/second-factor/require/").status_code == 303
    page = client.get("/second-factor/").text
    assert "必須のため、無効にできません" in page
    assert send(client, "/second-factor/off/").status_code == 409
    assert send(client, "/second-factor/release/").status_code == 303
    assert 'href="/second-factor/require/"' in client.get("/second-factor/").text


def test_a_system_administrator_of_an_msp_may_not(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    give_second_factor(app, clock, "system-a")
    sign_in(client, "system-a")
    page = client.get("/second-factor/").text
    assert "/second-factor/require/" not in page
    for address in ("/second-factor/require/", "/second-factor/release/"):
        assert client.get(address).status_code == 403
        assert send(client, address).status_code == 403


def open_addresses(app: Flask) -> list[str]:
    """Return an address of every route that can be opened."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    closed = [rule.rule for rule in rules if rule.endpoint not in OPEN_WHILE_DUE]
    return sorted(
        re.sub(r"<billing_date:[^>]+>", "2026-11-25", re.sub(r"<[^b>][^>]*>", "1", rule)) for rule in closed
    )


def test_nothing_else_is_open_while_a_second_factor_is_due(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    require(app, "msp-a")
    sign_in(client, "msp-a")
    for address in open_addresses(app):
        answer = client.get(address)
        assert answer.status_code == 303, address
        assert answer.location.startswith("/second-factor/set-up/"), address
        fragment = client.get(address, headers=FRAGMENT)
        assert (fragment.status_code, fragment.json) == (401, {"redirect": "/second-factor/set-up/"}), address
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.endpoint not in OPEN_WHILE_DUE:
            address = re.sub(r"<[^>]+>", "1", rule.rule)
            assert send(client, address).location == "/second-factor/set-up/", address
    assert client.get("/nothing").location.startswith("/second-factor/set-up/")
    page = client.get("/second-factor/set-up/?next=/msp/points/").text
    assert "設定が終わるまで、ほかの画面は開けません" in page
    assert 'id="side"' not in page
    assert 'href="/sessions/"' not in page
    assert client.get("/lang/en").status_code == 303
    code = one_time_code(secret_on(page), step_at(clock.now()))
    done = send(client, "/second-factor/set-up/", token=token_on(page), code=code, next="/msp/points/")
    assert 'href="/msp/points/"' in done.text
    assert client.get("/msp/points/").status_code == 200


def test_who_is_held_may_sign_out(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    require(app, "customer-a")
    sign_in(client, "customer-a")
    assert client.get("/portal/users/").location.startswith("/second-factor/set-up/")
    assert send(client, "/logout").location == "/login"
    assert not is_signed_in(client)


def test_another_administrator_takes_it_away(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    customer = account_of(app, "customer-a")
    give_second_factor(app, clock, "customer-a")
    holder = app.test_client()
    sign_in(holder, "customer-a")
    sign_in(client, "msp-a")
    enter(client, customer)
    lost = administrator(app, "customer-a").id
    at = f"/portal/manage/administrators/{lost}"
    assert f'href="{at}/second-factor/' in client.get(f"{at}/edit/", headers=FRAGMENT).text
    question = client.get(f"{at}/second-factor/", headers=FRAGMENT).text
    assert "本人からの依頼であることを確かめてください" in question
    done = change(client, f"{at}/second-factor/", customer, headers=FRAGMENT)
    assert done.json == {"redirect": f"/portal/manage/administrators/#row-{lost}"}
    assert "2段階認証を解除しました" in client.get("/portal/manage/administrators/").text
    assert second_factor_of(app, "customer-a") is None
    assert not is_signed_in(holder)
    assert change(client, f"{at}/second-factor/", customer).status_code == 409
    assert "2段階認証の解除" not in client.get(f"{at}/edit/", headers=FRAGMENT).text


def test_nobody_takes_away_his_own_or_one_above(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    own = account_of(app, "system-a")
    for user_name in ("msp-a", "system-a"):
        give_second_factor(app, clock, user_name)
    sign_in(client, "system-a")
    for user_name in ("msp-a", "system-a"):
        at = f"/portal/manage/administrators/{administrator(app, user_name).id}/second-factor/"
        assert change(client, at, own).status_code == 403
    foreign = administrator(app, "msp-b").id
    assert change(client, f"/portal/manage/administrators/{foreign}/second-factor/", own).status_code == 404
    assert second_factor_of(app, "msp-a") is not None
    person(app, own, "new-1", AdminLevel.SYSTEM)
    give_second_factor(app, clock, "new-1")
    at = f"/portal/manage/administrators/{administrator(app, 'new-1').id}/second-factor/"
    assert change(client, at, own).status_code == 303


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (
            "/second-factor/",
            ("2段階認証", "ご自身の2段階認証", "有効", "未使用のリカバリーコード", "必須にする"),
        ),
        ("/second-factor/codes/", ("リカバリーコードの再発行", "再発行")),
        ("/second-factor/off/", ("2段階認証を無効にする", "無効にする")),
        ("/confirm", ("本人確認", "パスワード", "確認コード", "続ける")),
    ],
)
def test_the_pages_say_it_in_both_languages(
    app: Flask,
    client: FlaskClient,
    sign_in: SignIn,
    clock: MovableClock,
    address: str,
    words: tuple[str, ...],
) -> None:
    give_second_factor(app, clock)
    sign_in(client, "msp-a")
    page = client.get(address).text
    assert [word for word in words if word not in page] == []
    client.set_cookie(LANGUAGE_COOKIE, "en")
    english = client.get(address).text
    assert '<html lang="en">' in english
    assert [word for word in words if word in english] == []
