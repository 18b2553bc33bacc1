"""The English words: complete, with the same placeholders, and nothing Japanese left on an English page."""

from __future__ import annotations

import html
import io
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import String, select

from admin_views.request_context import LANGUAGE_COOKIE
from config import ROOT
from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType
from models import Account, OutgoingMail, db
from models.mails import MailKind, MailState
from services.transaction import transaction
from tests.support.databases import START
from tests.web.browser_session import send
from tests.web.customer_screens import Screens, chosen, hidden_fields

pytestmark = pytest.mark.one_engine

WORDS = ROOT / "translations" / "en" / "LC_MESSAGES" / "messages.po"
JAPANESE = re.compile(r"[\u3001-\u30ff\u3400-\u9fff（）？！：、。]")
#: What the code puts values into; scripts replace `#`, a template looks for `>>>`.
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|#|>>>")
#: Columns whose values are shown in words of the portal, so that they must be translated.
TRANSLATED_COLUMNS = {"prefecture", "reseller_prefecture", "industry"}
#: Stands on English pages for those who cannot read them.
WAY_BACK = re.compile(">日本語</(a|button)>")
#: What a choice is stored as; its label stands beside it.
STORED_CHOICE = re.compile(r'(<option\b[^>]*?) value="[^"]*"')
PAGES = {
    None: ("/login", "/nothing", "/set-password/x"),
    "operator": (
        "/msp/customers/",
        "/msp/pending/",
        "/msp/accounts/",
        "/msp/accounts/new/",
        "/msp/points/",
        "/msp/runs/",
        "/msp/runs/2026-11-25/",
        "/msp/runs/2026-10-25/",
        "/msp/runs/2026-10-25/release/",
        "/msp/runs/2026-10-25/retry/",
        "/msp/prices/",
        "/msp/prices/new/",
        "/msp/log/",
        "/sessions/",
        "/dev/mails/",
    ),
    "distributor": ("/msp/customers/", "/msp/pending/", "/msp/accounts/", "/msp/points/", "/portal/"),
    "customer-a": (
        "/portal/",
        "/portal/users/",
        "/portal/users/new/",
        "/portal/users/import/",
        "/portal/manage/profile/",
        "/portal/manage/profile/edit/",
        "/portal/manage/administrators/",
        "/portal/manage/administrators/new/",
        "/portal/log/operations/",
        "/portal/log/radius/",
        "/portal/support/",
        "/portal/consultation/",
    ),
    "msp-a": (
        "/msp/customers/",
        "/msp/customers/?short=1&users_from=x&status=active",
        "/msp/customers/?search=nothing-at-all",
        "/msp/customers/new/",
        "/msp/pending/",
        "/msp/accounts/",
        "/msp/points/",
        "/msp/runs/",
        "/msp/runs/2026-11-25/",
        "/msp/log/",
        "/msp/mails/",
        "/msp/presets/",
        "/msp/presets/new/",
    ),
    "support": ("/msp/customers/", "/msp/pending/", "/msp/points/", "/msp/customers/new/"),
    "system-a": ("/portal/", "/portal/switch/?search=nothing-at-all", "/msp/customers/"),
}
REFUSED_FORMS = {
    "new/": {},
    "{id}/users/": {"contract_user_count": "x"},
    "{id}/points/": {"points": "0", "direction": "neither"},
    "{id}/contract-date/": {"contract_date": "2999-01-01"},
    "{id}/schedule/": {"cancellation_date": "2020-02-30"},
    "{id}/cancel/": {},
    "{id}/edit/": {"website_url": "x", "phone_number": "x", "postal_code": "x", "contact_email": "x"},
}


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """Give the English words."""
    return read_catalog(WORDS)


@pytest.fixture(scope="session", autouse=True)
def compiled(catalog: Catalog) -> None:
    """Compile the English words as `make` does, unless that is done already."""
    target = WORDS.with_suffix(".mo")
    if target.exists() and target.stat().st_mtime >= WORDS.stat().st_mtime:
        return
    stream = io.BytesIO()
    write_mo(stream, catalog)
    # Another process may read or compile it at the same time.
    unfinished = target.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_bytes(stream.getvalue())
    unfinished.replace(target)


@pytest.fixture
def english(client: FlaskClient) -> FlaskClient:
    """Give a browser that has chosen English."""
    client.set_cookie(LANGUAGE_COOKIE, "en")
    return client


def read_catalog(path: Path) -> Catalog:
    with path.open("rb") as stream:
        return read_po(stream, locale="en")


def messages(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def key_of(message: Message) -> tuple[str | None, str]:
    return message.context, message.id if isinstance(message.id, str) else message.id[0]


def texts_of(words: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [words] if isinstance(words, str) else list(words or ())


def test_english_words_are_those_of_the_screens(catalog: Catalog, tmp_path: Path) -> None:
    template = tmp_path / "words.pot"
    command = [str(ROOT / "scripts" / "extract-words"), str(template)]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "PYTHON": sys.executable})
    wanted = {key_of(message) for message in messages(read_catalog(template))}
    known = {key_of(message) for message in messages(catalog)}
    assert len(wanted) > 400
    assert wanted - known == set(), "run `make words` and translate what is new"
    assert known - wanted == set(), "run `make words`"


def test_every_word_is_translated_for_good(catalog: Catalog) -> None:
    plural_count = catalog.num_plurals
    for message in messages(catalog):
        texts = texts_of(message.string)
        assert texts, message.id
        assert all(text.strip() for text in texts), message.id
        assert not message.fuzzy, message.id
        assert len(texts) == (1 if isinstance(message.id, str) else plural_count), message.id
    assert not catalog.obsolete


def test_placeholders_are_kept(catalog: Catalog) -> None:
    for message in messages(catalog):
        wanted = sorted(PLACEHOLDER.findall(texts_of(message.id)[0]))
        for text in texts_of(message.string):
            assert sorted(set(PLACEHOLDER.findall(text))) == sorted(set(wanted)), message.id


def test_no_english_word_is_japanese(catalog: Catalog) -> None:
    left = [message.string for message in messages(catalog) if JAPANESE.search(str(message.string))]
    assert left == []


def stored_texts(app: Flask) -> list[str]:
    """Return every line with Japanese that the database holds as data, the longest first."""
    found: set[str] = set()
    with app.app_context():
        for table in db.metadata.sorted_tables:
            columns = [
                column
                for column in table.columns
                if isinstance(column.type, String) and column.name not in TRANSLATED_COLUMNS
            ]
            for row in db.session.execute(select(*columns)) if columns else ():
                found.update(line.strip() for text in row if text for line in str(text).splitlines())
        db.session.rollback()
    return sorted((text for text in found if JAPANESE.search(text)), key=len, reverse=True)


def assert_english(page: str, data: list[str], address: str) -> None:
    """Hold that nothing on a page is Japanese but the data and the way back."""
    words = WAY_BACK.sub("", html.unescape(STORED_CHOICE.sub(r"\1", page)))
    for text in data:
        words = words.replace(text, "")
    left = [line.strip() for line in words.splitlines() if JAPANESE.search(line)]
    assert left == [], address


@pytest.mark.parametrize("user_name", PAGES)
def test_pages_are_english(
    app: Flask, english: FlaskClient, sign_in: Callable[..., object], user_name: str | None
) -> None:
    if user_name:
        sign_in(english, user_name)
    data = stored_texts(app)
    for address in PAGES[user_name]:
        page = english.get(address).text
        assert '<html lang="en">' in page, address
        assert_english(page, data, address)


def one_account_of_each_kind(app: Flask) -> list[int]:
    with app.app_context():
        statement = select(
            Account.account_type,
            Account.status,
            Account.suspension_reason,
            Account.cancellation_date,
            Account.id,
        )
        rows = db.session.execute(statement).all()
        db.session.rollback()
    return list({(*row[:3], row[3] is None): row[4] for row in rows}.values())


BOUNCED = "gone@customer.example.jp"


def suspend_one_and_bounce_a_mail_of_each(app: Flask) -> None:
    """Suspend a running customer by hand; give every customer in service an address that sent a mail back."""
    with app.app_context(), transaction() as session:
        running = select(Account).where(
            Account.account_type == AccountType.CUSTOMER, Account.status == AccountStatus.ACTIVE
        )
        customers = session.execute(running.order_by(Account.id)).scalars().all()
        customers[0].status = AccountStatus.SUSPENDED
        customers[0].suspension_reason = SuspensionReason.MANUAL
        session.add_all(bounced_mail(customer.id) for customer in customers)


def bounced_mail(account_id: int) -> OutgoingMail:
    return OutgoingMail(
        kind=MailKind.DELIVERY_NOTICE,
        account_id=account_id,
        recipient_name="Yamada",
        recipient_email=BOUNCED,
        subject="s",
        body_text="b",
        message_id=f"<{account_id}@x>",
        event_key=f"k{account_id}",
        state=MailState.BOUNCED,
        next_attempt_at=START,
        created_at=START,
        last_error="550 no such user",
    )


def dialog_rules(app: Flask) -> set[str]:
    """Return the addresses below /msp/ that show something about one account."""
    return {
        str(rule.rule)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.rule.startswith("/msp/") and "account_id" in rule.arguments
    }


def approve_one(app: Flask, client: FlaskClient) -> str:
    """Approve an application, so that one can be provisioned; return the page after it."""
    with app.app_context():
        waiting = select(Account.id).where(Account.status == AccountStatus.PENDING_APPROVAL)
        account_id = db.session.execute(waiting.order_by(Account.id).limit(1)).scalar_one()
        db.session.rollback()
    address = f"/msp/pending/{account_id}/approve/"
    fields = hidden_fields(client.get(address).text)
    return client.post(address, data=fields, follow_redirects=True).text


def test_every_dialog_is_english(app: Flask, sign_in: Callable[..., object]) -> None:
    clients = {"operator": app.test_client(), "distributor": app.test_client()}
    for user_name, client in clients.items():
        client.set_cookie(LANGUAGE_COOKIE, "en")
        sign_in(client, user_name)
    page_after = approve_one(app, clients["operator"])
    suspend_one_and_bounce_a_mail_of_each(app)
    data, shown, rules = stored_texts(app), set(), dialog_rules(app)
    assert 'data-toast="success"' in page_after
    assert_english(page_after, data, "after the approval")
    for client, rule, account_id in itertools.product(
        clients.values(), sorted(rules), one_account_of_each_kind(app)
    ):
        address = rule.replace("<row_id:account_id>", str(account_id))
        answer = client.get(address, query_string={"email": BOUNCED})
        assert '<html lang="en">' in answer.text, address
        assert_english(answer.text, data, address)
        if answer.status_code == 200:
            shown.add(rule)
    assert shown == rules


@pytest.mark.parametrize("action", ["refill", "delivery_notice"])
def test_bulk_dialogs_are_english(app: Flask, screens: Screens, action: str) -> None:
    screens.client.set_cookie(LANGUAGE_COOKIE, "en")
    answer = screens.post("action/", action=action, select_all="1", list_args="")
    assert answer.status_code == 200
    assert chosen(answer.text)
    assert_english(answer.text, stored_texts(app), action)


def test_one_row_is_not_rows(app: Flask, screens: Screens) -> None:
    screens.client.set_cookie(LANGUAGE_COOKIE, "en")
    name = screens.account(screens.plain_id()).company_name
    one = screens.get("", query_string={"search": name}).text
    assert re.search(r"<strong>1</strong>\s*row\b", one)
    assert re.search(r"<strong>\d\d</strong>\s*rows\b", screens.get("").text)


@pytest.mark.parametrize("address", REFUSED_FORMS)
def test_refusals_are_english(app: Flask, screens: Screens, address: str) -> None:
    screens.client.set_cookie(LANGUAGE_COOKIE, "en")
    place = address.format(id=screens.plain_id())
    fields = {**hidden_fields(screens.get(place).text), **REFUSED_FORMS[address]}
    fields.pop("csrf_token", None)
    answer = send(screens.client, f"/msp/customers/{place}", **fields)
    assert answer.status_code == 422
    assert "field-error" in answer.text
    assert_english(answer.text, stored_texts(app), place)
