"""Who tries to sign in, or asks for a link, learns nothing of who there is: the same answer at the same cost.

The cost is counted in hashes, each of which takes as long as everything else together, not in seconds.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from flask import Flask
from sqlalchemy import select, update

from domain.lifecycle import AccountStatus
from models import Account, Administrator, OneTimeLink, db
from services import one_time_links, passwords
from services.transaction import transaction
from tests.web.browser_session import csrf_token_of, send

pytestmark = pytest.mark.one_engine

PASSWORD = "correct horse battery"
#: Names of the same length: an answer shows what was typed.
NAMES = ("locked", "banned", "gone-1", "no-pwd", "closed", "right1")
UNKNOWN = "nobody"


@dataclass(frozen=True)
class Seen:
    """What of an answer somebody outside sees, and what it cost."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...]
    #: Name, length and attributes of each cookie that is set.
    cookies: tuple[tuple[str, int, str], ...]
    hashes: tuple[str, ...]


@pytest.fixture
def people(app: Flask) -> None:
    """Somebody in each state in which nobody gets in, with the same password as somebody who may."""
    with app.app_context(), transaction() as session:
        now = app.extensions["clock"].now()
        msp = session.execute(select(Administrator).where(Administrator.user_name == "msp-a")).scalar_one()
        canceled = (
            select(Account).where(Account.status == AccountStatus.CANCELED).order_by(Account.id).limit(1)
        )
        closed = session.execute(canceled).scalar_one()
        hashed = passwords.hash_password(PASSWORD)
        states: dict[str, dict[str, Any]] = {
            "locked": {"locked_until": now + dt.timedelta(minutes=15)},
            "banned": {"is_disabled": True},
            "gone-1": {"is_disabled": True, "deleted_at": now},
            "no-pwd": {"password_hash": None},
            "closed": {"account_id": closed.id},
        }
        for name in NAMES:
            values = {"account_id": msp.account_id, "password_hash": hashed} | states.get(name, {})
            session.add(
                Administrator(
                    user_name=name,
                    email=f"{name}@answers.example.jp",
                    full_name=name,
                    level=msp.level,
                    created_at=now,
                    **values,
                )
            )


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each hash that is computed, with the cost that it says."""
    found: list[str] = []
    verify, hash_anew = PasswordHasher.verify, PasswordHasher.hash

    def noted_verify(self: PasswordHasher, stored: Any, password: Any) -> Any:
        cost = extract_parameters(stored)
        found.append(
            f"{cost.type.name} {cost.memory_cost} {cost.time_cost} {cost.parallelism} {cost.hash_len}"
        )
        return verify(self, stored, password)

    def noted_hash(self: PasswordHasher, *arguments: Any, **options: Any) -> Any:
        found.append("a new one")
        return hash_anew(self, *arguments, **options)

    monkeypatch.setattr(PasswordHasher, "verify", noted_verify)
    monkeypatch.setattr(PasswordHasher, "hash", noted_hash)
    return found


def look(app: Flask, address: str, hashes: list[str], name: str, **fields: str) -> Seen:
    """Send a form from a browser of its own, without what differs from one browser to the next."""
    client = app.test_client()
    token = csrf_token_of(client)
    hashes.clear()
    answer = send(client, address, username=name, **fields)
    body = answer.text.replace(name, "NAME").replace(token, "TOKEN")
    cookies = [re.match(r"([^=]+)=([^;]*);?(.*)", found) for found in answer.headers.getlist("Set-Cookie")]
    return Seen(
        status=answer.status_code,
        body=body,
        headers=tuple(sorted((key, value) for key, value in answer.headers if key != "Set-Cookie")),
        cookies=tuple(sorted((found[1], len(found[2]), found[3]) for found in cookies if found)),
        hashes=tuple(hashes),
    )


def test_unknown_wrong_locked_disabled_and_deleted_look_and_cost_the_same(
    app: Flask, people: None, hashes: list[str]
) -> None:
    refused = {
        look(app, "/login", hashes, name, password=password)
        for name, password in [
            (UNKNOWN, PASSWORD),
            ("right1", "wrong"),
            ("locked", PASSWORD),
            ("locked", "wrong"),
            ("banned", PASSWORD),
            ("gone-1", PASSWORD),
            ("no-pwd", PASSWORD),
            ("closed", PASSWORD),
        ]
    }
    assert len(refused) == 1
    (usual,) = refused
    assert "ユーザ名またはパスワードが正しくありません。" in usual.body
    assert (usual.status, len(usual.hashes)) == (422, 1)
    assert look(app, "/login", hashes, "right1", password=PASSWORD).status == 303


def test_who_asks_for_a_link_learns_nothing(app: Flask, people: None, hashes: list[str]) -> None:
    names = (UNKNOWN, "right1", "locked", "banned", "gone-1", "no-pwd", "closed", "right1")
    seen = {look(app, "/forgot-password", hashes, name) for name in names}
    assert len(seen) == 1
    (usual,) = seen
    assert (usual.status, usual.hashes) == (303, ())
    with app.app_context():
        told = select(Administrator.user_name).join(OneTimeLink).order_by(OneTimeLink.id)
        assert list(db.session.execute(told).scalars())[-3:] == ["right1", "locked", "no-pwd"]


def test_a_link_that_is_altered_used_or_of_somebody_disabled_is_as_one_that_never_was(
    app: Flask, people: None, hashes: list[str]
) -> None:
    with app.app_context(), transaction() as session:
        ids = {
            row.user_name: row.id
            for row in session.execute(select(Administrator.user_name, Administrator.id))
        }
        now = app.extensions["clock"].now()
        token, used, disabled = (
            one_time_links.create_one_time_link(administrator_id=ids[name], now=now)
            for name in ("right1", "no-pwd", "banned")
        )
        one_time_links.use_one_time_link(token=used, password_hash="x", now=now)
        session.execute(update(Administrator).values(failed_sign_in_count=0))
    altered = token[:-1] + ("A" if token[-1] != "A" else "B")
    other_case = token.swapcase()
    fields = {"password": "a new password", "repeated": "a new password"}
    for link in (altered, other_case, token[:-1], f"{token}x", used, disabled, "x", "0" * 5_000):
        client = app.test_client()
        opened = client.get(f"/set-password/{link}")
        sent = send(client, f"/set-password/{link}", **fields)
        assert (opened.status_code, sent.status_code, hashes) == (404, 404, [])
        assert "このリンクは使用済みか、有効期限が切れています。" in sent.text
        assert 'href="/forgot-password"' in opened.text
    client = app.test_client()
    assert send(client, f"/set-password/{token}", **fields).location == "/login"
    assert send(client, f"/set-password/{token}", **fields).status_code == 404
    assert hashes == ["a new one"]
