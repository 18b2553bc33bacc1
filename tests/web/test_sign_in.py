"""Signing in and out, what ends a session, and where one is led."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from models import Account, Administrator, AuditEvent, OutgoingMail, SignIn, db
from models.mails import MailKind
from services import one_time_links
from services.transaction import transaction
from tests.support.databases import MovableClock
from tests.web.browser_session import csrf_token_of, send

PASSWORD = "correct horse battery"
#: Comparing takes as long as the stored hash says: many attempts take less than a second.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def known(app: Flask) -> Administrator:
    """msp-a, with a password that the test knows."""
    with app.app_context():
        with transaction() as session:
            administrator = session.execute(
                select(Administrator).where(Administrator.user_name == "msp-a")
            ).scalar_one()
            administrator.password_hash = CHEAP.hash(PASSWORD)
        return db.session.execute(
            select(Administrator).where(Administrator.user_name == "msp-a")
        ).scalar_one()


def portal_now(app: Flask) -> dt.datetime:
    with app.app_context():
        instant: dt.datetime = app.extensions["clock"].now()
    return instant


def change_sign_ins(app: Flask, **values: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(SignIn).values(**values))


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/portal/").status_code == 200


@pytest.mark.parametrize("name", ["msp-a", "msp-a@example.jp", " msp-a "])
def test_user_name_and_email_both_sign_in(client: FlaskClient, known: Administrator, name: str) -> None:
    answer = send(client, "/login", username=name, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/")
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("msp-a", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("msp-a", ""),
        ("msp-a\0", PASSWORD),
        ("x" * 5000, "y"),
    ],
)
def test_every_refusal_looks_the_same(
    client: FlaskClient, known: Administrator, name: str, password: str
) -> None:
    answer = send(client, "/login", username=name, password=password)
    assert answer.status_code == 422
    assert "ユーザ名またはパスワードが正しくありません。" in answer.text
    assert not is_signed_in(client)


def test_disabled_administrator_is_refused_like_a_wrong_password(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).values(is_disabled=True))
    answer = send(client, "/login", username="msp-a", password=PASSWORD)
    assert "ユーザ名またはパスワードが正しくありません。" in answer.text


def test_sign_in_changes_the_session_and_its_token(client: FlaskClient, known: Administrator) -> None:
    client.get("/login")
    before = csrf_token_of(client)
    send(client, "/login", username="msp-a", password=PASSWORD)
    client.get("/portal/")
    assert csrf_token_of(client) != before


def test_sign_out_ends_the_session_on_the_server(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    cookie = client.get_cookie("portal")
    assert cookie is not None
    send(client, "/logout")
    client.set_cookie("portal", cookie.value)
    assert not is_signed_in(client)
    assert client.get("/logout").status_code == 405


def test_session_ends_after_thirty_idle_minutes(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    now = portal_now(app)
    change_sign_ins(app, last_seen_at=now - dt.timedelta(minutes=29))
    assert is_signed_in(client)
    change_sign_ins(app, last_seen_at=now - dt.timedelta(minutes=31))
    assert not is_signed_in(client)


def test_session_ends_after_twelve_hours(app: Flask, client: FlaskClient, known: Administrator) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    change_sign_ins(app, started_at=portal_now(app) - dt.timedelta(hours=12, minutes=1))
    assert not is_signed_in(client)


def test_use_is_noted_at_most_once_a_minute(app: Flask, client: FlaskClient, known: Administrator) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    earlier = portal_now(app) - dt.timedelta(minutes=5)
    change_sign_ins(app, last_seen_at=earlier)
    seen = []
    for _request in range(2):
        client.get("/portal/")
        with app.app_context():
            seen.append(db.session.execute(select(SignIn.last_seen_at)).scalars().all()[-1])
    assert seen[0] > earlier
    assert seen[0] == seen[1]


def test_disabling_ends_the_session_at_the_next_request(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).values(is_disabled=True))
    assert not is_signed_in(client)


def test_tampered_cookie_is_no_session(client: FlaskClient) -> None:
    with client.session_transaction() as session:
        session["sign_in"] = {"not": "a token"}
    assert client.get("/portal/").status_code == 303


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "\t//evil",
    ],
)
def test_nobody_is_led_to_another_site(client: FlaskClient, known: Administrator, address: str) -> None:
    answer = send(client, "/login", username="msp-a", password=PASSWORD, next=address)
    assert answer.location == "/"
    assert "evil" not in client.get("/login", query_string={"next": address}).location


def test_sign_in_leads_back_to_the_page_that_was_wanted(client: FlaskClient, known: Administrator) -> None:
    answer = client.get("/portal/?x=1")
    assert answer.location == "/login?next=%2Fportal%2F%3Fx%3D1"
    answer = send(client, "/login", username="msp-a", password=PASSWORD, next="/portal/?x=1")
    assert answer.location == "/portal/?x=1"


def test_language_link_never_leads_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/lang/en", headers={"Referer": "https://evil.example/x"})
    assert answer.location == "/"
    assert '<html lang="en">' in client.get("/login").text
    assert client.get("/lang/fr").status_code == 404


def one_time_link(app: Flask, administrator_id: int) -> str:
    with app.app_context(), transaction():
        now = app.extensions["clock"].now()
        return one_time_links.create_one_time_link(administrator_id=administrator_id, now=now)


def test_one_time_link_sets_a_password_once(app: Flask, client: FlaskClient, known: Administrator) -> None:
    address = f"/set-password/{one_time_link(app, known.id)}"
    assert "msp-a" in client.get(address).text
    short = send(client, address, password="short", repeated="short")
    assert short.status_code == 422
    assert "12文字以上" in short.text
    different = send(client, address, password="a new password", repeated="another password")
    assert "パスワードが一致しません" in different.text
    done = send(client, address, password="a new password", repeated="a new password")
    assert (done.status_code, done.location) == (303, "/login")
    assert client.get(address).status_code == 404
    assert send(client, "/login", username="msp-a", password="a new password").location == "/"


def test_one_time_link_ends_after_a_day_and_by_a_newer_one(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    older, newer = one_time_link(app, known.id), one_time_link(app, known.id)
    assert client.get(f"/set-password/{older}").status_code == 404
    with app.app_context(), transaction():
        later = app.extensions["clock"].now() + dt.timedelta(days=1, seconds=1)
        with pytest.raises(one_time_links.OneTimeLinkInvalid):
            one_time_links.find_link_holder(token=newer, now=later)
    assert client.get(f"/set-password/{newer}x").status_code == 404


def test_setting_a_password_ends_all_sessions(app: Flask, client: FlaskClient, known: Administrator) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    other = app.test_client()
    address = f"/set-password/{one_time_link(app, known.id)}"
    send(other, address, password="a new password", repeated="a new password")
    assert not is_signed_in(client)


def test_account_names_are_escaped(app: Flask, client: FlaskClient, known: Administrator) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(Account, known.account_id).company_name = "<script>{{7*7}}%s"
    send(client, "/login", username="msp-a", password=PASSWORD)
    page = client.get("/portal/").text
    assert "&lt;script&gt;{{7*7}}%s" in page


WRONG = "ユーザ名またはパスワードが正しくありません。"


def try_to_sign_in(client: FlaskClient, password: str, name: str = "msp-a") -> bool:
    """Send the form; tell whether it was accepted. Every refusal must look the same."""
    answer = send(client, "/login", username=name, password=password)
    if answer.status_code == 303:
        # A right password has renewed the hash to one that takes long.
        keep_cheap(client.application, password)
        return True
    assert (answer.status_code, WRONG in answer.text) == (422, True)
    return False


def keep_cheap(app: Flask, password: str) -> None:
    with app.app_context(), transaction() as session:
        cheap = {"password_hash": CHEAP.hash(password)}
        session.execute(update(Administrator).where(Administrator.user_name == "msp-a").values(**cheap))


def person(app: Flask, user_name: str = "msp-a") -> Administrator:
    with app.app_context():
        statement = select(Administrator).where(Administrator.user_name == user_name)
        return db.session.execute(statement).scalar_one()


def events_of(app: Flask, action: str) -> list[dict[str, Any]]:
    with app.app_context():
        statement = select(AuditEvent.details).where(AuditEvent.action == action).order_by(AuditEvent.id)
        return list(db.session.execute(statement).scalars())


def test_a_hash_of_less_cost_is_renewed_by_the_next_right_password(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    cheap = known.password_hash
    assert not try_to_sign_in(client, "wrong")
    assert person(app).password_hash == cheap
    assert send(client, "/login", username="msp-a", password=PASSWORD).status_code == 303
    renewed = person(app)
    assert (renewed.password_hash != cheap, renewed.version) == (True, known.version)
    assert not PasswordHasher().check_needs_rehash(renewed.password_hash or "")
    assert send(app.test_client(), "/login", username="msp-a", password=PASSWORD).status_code == 303
    assert person(app).password_hash == renewed.password_hash


def test_ten_wrong_passwords_lock_for_a_quarter_of_an_hour(
    app: Flask, client: FlaskClient, known: Administrator, clock: MovableClock
) -> None:
    for _attempt in range(9):
        assert not try_to_sign_in(client, "wrong")
    assert person(app).failed_sign_in_count == 9
    assert try_to_sign_in(app.test_client(), PASSWORD)
    assert person(app).failed_sign_in_count == 0
    holder = app.test_client()
    assert try_to_sign_in(holder, PASSWORD, "msp-a@example.jp")
    for _attempt in range(10):
        assert not try_to_sign_in(client, "wrong")
    assert not try_to_sign_in(client, PASSWORD)
    assert not try_to_sign_in(client, PASSWORD, "msp-a@example.jp")
    locked = person(app)
    assert (locked.is_disabled, locked.failed_sign_in_count, locked.version) == (False, 0, known.version)
    assert locked.locked_until == portal_now(app) + dt.timedelta(minutes=15)
    assert is_signed_in(holder)
    (event,) = events_of(app, "administrator.locked")
    assert (event["user_name"], event["from_address"]) == ("msp-a", "127.0.0.1")
    assert event["locked_until"] == locked.locked_until.isoformat()
    clock.instant = clock.now() + dt.timedelta(minutes=14, seconds=59)
    assert not try_to_sign_in(client, PASSWORD)
    clock.instant = clock.now() + dt.timedelta(seconds=1)
    assert not try_to_sign_in(client, "wrong")
    assert try_to_sign_in(client, PASSWORD)


def test_a_thousand_guesses_elsewhere_do_not_lock_the_owner_out_of_a_browser_he_used(
    app: Flask, client: FlaskClient, known: Administrator, clock: MovableClock
) -> None:
    assert try_to_sign_in(client, PASSWORD)
    send(client, "/logout")
    cookie = client.get_cookie("known_browser", path="/login")
    assert cookie is not None
    stranger = app.test_client()
    for _attempt in range(20):
        assert not try_to_sign_in(stranger, "wrong")
    assert not try_to_sign_in(stranger, PASSWORD)
    assert not try_to_sign_in(client, "slip of the finger")
    assert try_to_sign_in(client, PASSWORD)
    assert not try_to_sign_in(stranger, PASSWORD)
    # The mark opens nothing, is another person's nowhere, and is worth ten attempts and ninety days.
    stranger.set_cookie("portal", cookie.value)
    assert not is_signed_in(stranger)
    assert not try_to_sign_in(client, "wrong", "msp-b")
    for attempt in range(11):
        assert not try_to_sign_in(client, "wrong"), attempt
    assert not try_to_sign_in(client, PASSWORD)
    clock.instant = clock.now() + dt.timedelta(minutes=15)
    for bad in ("0" * 64, "x\0", "é", "'"):
        client.set_cookie("known_browser", bad, path="/login")
        assert not try_to_sign_in(client, "wrong")


def test_a_browser_is_known_for_ninety_days(
    app: Flask, client: FlaskClient, known: Administrator, clock: MovableClock
) -> None:
    assert try_to_sign_in(client, PASSWORD)
    clock.instant = clock.now() + dt.timedelta(days=90)
    for _attempt in range(10):
        try_to_sign_in(app.test_client(), "wrong")
    assert not try_to_sign_in(client, PASSWORD)


def test_nobody_disabled_deleted_or_without_a_password_is_counted_in(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).where(Administrator.id == known.id).values(password_hash=None))
    assert not try_to_sign_in(client, PASSWORD)
    with app.app_context(), transaction() as session:
        gone = {"is_disabled": True, "deleted_at": portal_now(app), "password_hash": known.password_hash}
        session.execute(update(Administrator).where(Administrator.id == known.id).values(**gone))
    before = person(app).failed_sign_in_count
    assert not try_to_sign_in(client, PASSWORD)
    assert not try_to_sign_in(client, "wrong", "msp-a@example.jp")
    assert person(app).failed_sign_in_count == before


def mails_to(app: Flask, email: str) -> list[OutgoingMail]:
    with app.app_context():
        statement = select(OutgoingMail).where(OutgoingMail.recipient_email == email)
        return list(db.session.execute(statement.order_by(OutgoingMail.id)).scalars())


def link_in(mail: OutgoingMail) -> str:
    found = re.search(r"/set-password/[A-Za-z0-9_-]+", mail.body_text)
    assert found is not None
    return found[0]


def test_a_forgotten_password_is_set_anew_by_a_mailed_link(
    app: Flask, client: FlaskClient, known: Administrator, clock: MovableClock
) -> None:
    assert 'href="/forgot-password"' in client.get("/login").text
    assert "ユーザ名またはEメール" in client.get("/forgot-password").text
    answers = set()
    for name in ("msp-a", "MSP-A@example.jp", "nobody", "nobody@example.jp", "msp-a\t", "' OR 1=1"):
        answer = send(client, "/forgot-password", username=name)
        answers.add((answer.status_code, answer.location))
        assert "登録されている場合は" in client.get("/login").text
    assert answers == {(303, "/login")}
    (mail,) = mails_to(app, "msp-a@example.jp")
    assert (mail.kind, mail.recipient_name) == (MailKind.PASSWORD_LINK, "青木 一")
    clock.instant = clock.now() + dt.timedelta(minutes=1)
    send(client, "/forgot-password", username="msp-a")
    older, newer = (link_in(found) for found in mails_to(app, "msp-a@example.jp"))
    assert client.get(older).status_code == 404
    for _attempt in range(10):
        try_to_sign_in(client, "wrong")
    assert send(client, newer, password="a new password", repeated="a new password").status_code == 303
    assert try_to_sign_in(app.test_client(), "a new password")
    assert not try_to_sign_in(client, PASSWORD)
    assert client.get(newer).status_code == 404
    assert [event["user_name"] for event in events_of(app, "administrator.password_link_requested")] == [
        "msp-a"
    ] * 2
    assert len(events_of(app, "administrator.password_set")) == 1
    assert newer.rpartition("/")[2] not in str(events_of(app, "administrator.password_link_requested"))


@pytest.mark.parametrize("name", ["", " ", "\0", "x" * 5000])
def test_a_forgotten_password_asks_for_a_name(client: FlaskClient, known: Administrator, name: str) -> None:
    assert send(client, "/forgot-password", username=name).status_code == 422
    assert send(client, "/forgot-password").status_code == 422


def test_a_disabled_administrator_gets_no_link(app: Flask, client: FlaskClient, known: Administrator) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).values(is_disabled=True))
    assert send(client, "/forgot-password", username="msp-a").location == "/login"
    assert mails_to(app, "msp-a@example.jp") == []


@pytest.mark.parametrize(
    ("password", "words", "english"),
    [
        ("1qaz2wsx3edc", "よく使われるパスワード、または", "This is a common password"),
        ("abcabcabcabc", "繰り返し、連続した文字だけの", "repeats a character or a short word"),
        ("msp-a@example.jp", "ユーザ名、名前、Eメール、会社名、製品名だけで", "made only of the user name"),
        ("SingleID2026", "ユーザ名、名前、Eメール、会社名、製品名だけで", "made only of the user name"),
    ],
)
@pytest.mark.one_engine
def test_a_password_that_others_would_guess_is_refused_at_its_field(
    app: Flask, client: FlaskClient, known: Administrator, password: str, words: str, english: str
) -> None:
    address = f"/set-password/{one_time_link(app, known.id)}"
    page = send(client, address, password=password, repeated=password)
    assert page.status_code == 422
    assert words in page.text.partition('id="password-error1"')[2].partition('name="repeated"')[0]
    client.get("/lang/en")
    assert english in send(client, address, password=password, repeated=password).text
    assert client.get(address).status_code == 200
