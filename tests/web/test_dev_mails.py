"""/dev/mails/: every mail of the demo, and no such address in production."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from config import Settings
from models import db
from models.mails import MailKind
from services.mail_transports import KeepingTransport
from services.outgoing_mails import queue_mail, send_waiting
from services.transaction import transaction
from tests.support.mail_accounts import BRAND, NOW, plant_tree

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(portal_settings(tmp_path, "demo"))
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(demo: Flask) -> FlaskClient:
    return demo.test_client()


def portal_settings(folder: Path, environment: str) -> Settings:
    return Settings(
        database_url=f"sqlite:///{folder / 'portal.db'}",
        secret_key=SECRET,
        environment=environment,
        portal_url=BRAND.portal_url,
    )


def keep_mail(company_name: str, *, event_key: str = "event-1") -> int:
    with transaction():
        mail = queue_mail(
            kind=MailKind.REJECTION,
            account_id=1,
            recipient_name="山田 <太郎>",
            recipient_email="taro@example.jp",
            event_key=event_key,
            language="ja",
            brand=BRAND,
            context={
                "recipient_name": "山田 <太郎>",
                "recipient_company": None,
                "company_name": company_name,
                "contract_user_count": 12,
                "applied_on": dt.date(2026, 11, 18),
                "rejection_reason": "<script>alert(1)</script>",
            },
            now=NOW,
        )
        assert mail is not None
        mail_id = mail.id
    send_waiting(now=NOW, transport=KeepingTransport())
    return mail_id


def test_mails_are_listed_newest_first_and_each_can_be_read(demo: Flask, client: FlaskClient) -> None:
    plant_tree()
    first_id, second_id = keep_mail("青空商事"), keep_mail("海風商店", event_key="event-2")
    page = client.get("/dev/mails/")
    assert page.status_code == 200
    assert page.text.index("海風商店") < page.text.index("青空商事")
    assert f"/dev/mails/{first_id}/" in page.text
    mail = client.get(f"/dev/mails/{second_id}/").text
    assert "山田 &lt;太郎&gt;" in mail
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in mail
    assert "<script>alert" not in mail
    assert '<a href="https://portal.example.jp"' in mail
    assert "■ 却下の理由<br>" in mail


@pytest.mark.parametrize("page", ["0", "-1", "abc", "1'", "１", "9" * 30, "2"])
def test_a_bad_page_number_falls_back_quietly(demo: Flask, client: FlaskClient, page: str) -> None:
    assert client.get("/dev/mails/", query_string={"page": page}).status_code == 200


@pytest.mark.parametrize("mail_id", ["1", "0", "-1", "abc", "9" * 30])
def test_a_mail_that_is_not_there_is_missing(demo: Flask, client: FlaskClient, mail_id: str) -> None:
    assert client.get(f"/dev/mails/{mail_id}/").status_code == 404


def test_production_has_no_such_address(tmp_path: Path) -> None:
    app = create_app(portal_settings(tmp_path, "production"))
    with app.app_context():
        db.create_all()
        assert app.test_client().get("/dev/mails/").status_code == 404
        assert app.test_client().get("/dev/mails/1/").status_code == 404
        db.session.remove()
        db.engine.dispose()
