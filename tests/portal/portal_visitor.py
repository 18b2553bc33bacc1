"""What the tests of the customer portal share: entering a portal, its forms, its log."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AdminLevel
from models import Account, Administrator, AuditEvent, db
from services.transaction import transaction
from tests.web.account_rows import account_of, customers_of
from tests.web.browser_session import send


def customer_of(app: Flask, user_name: str = "msp-a") -> int:
    """Return a running customer right below an administrator's account, not the one of customer-a."""
    own = account_of(app, "customer-a")
    return next(found for found in customers_of(app, user_name, AccountStatus.ACTIVE) if found != own)


def enter(client: FlaskClient, account_id: int) -> None:
    """Go to the portal of an account."""
    answer = send(client, "/portal/enter/", account_id=str(account_id))
    assert (answer.status_code, answer.location) == (303, "/portal/")


def change(client: FlaskClient, address: str, account_id: int, **fields: Any) -> Any:
    """Post a form of the portal of an account."""
    return send(client, address, portal_account=str(account_id), **fields)


def set_account(app: Flask, account_id: int, **values: Any) -> None:
    """Write columns of an account as another use case would have left them."""
    with app.app_context(), transaction():
        db.session.execute(update(Account).where(Account.id == account_id).values(**values))


def hide(app: Flask, account_id: int, keys: Sequence[str]) -> None:
    """Hide menus as 画面のカスタマイズ does."""
    set_account(app, account_id, hidden_menu_keys=list(keys))


def suspend(app: Flask, account_id: int) -> None:
    """Suspend an account as its MSP does."""
    reason = SuspensionReason.MANUAL
    set_account(app, account_id, status=AccountStatus.SUSPENDED, suspension_reason=reason)


def events(app: Flask, action: str) -> list[tuple[int | None, str, dict[str, Any]]]:
    """Return (account, who, details) of the events of an action, oldest first."""
    statement = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)
    with app.app_context():
        return [
            (event.account_id, event.actor_name, event.details)
            for event in db.session.execute(statement).scalars()
        ]


def person(app: Flask, account_id: int, user_name: str, level: AdminLevel = AdminLevel.SYSTEM) -> None:
    """Write an administrator of an account."""
    with app.app_context(), transaction():
        db.session.add(
            Administrator(
                account_id=account_id,
                user_name=user_name,
                email=f"{user_name}@example.jp",
                full_name=user_name,
                level=level,
                created_at=app.extensions["clock"].now(),
            )
        )


def menu(page: str) -> list[str]:
    """Return the words of the side bar's links, from the top."""
    side = page.partition('id="side"')[2].partition("</nav>")[0]
    return [html.unescape(text) for text in re.findall(r"<li><a [^>]*>([^<]+)</a>", side)]


def header(page: str) -> str:
    """Return the header of a page."""
    return page.partition('<header class="top">')[2].partition("</header>")[0]


def banner(page: str) -> str:
    """Return the words of the banner that says whose portal it is; nothing when there is none."""
    part = page.partition('<aside class="visit')[2].partition("</aside>")[0]
    return html.unescape(re.sub(r"<[^>]+>", " ", part.partition(">")[2]))
