"""How production begins: the operator's account, its first administrator, the first prices."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.lifecycle import AccountStatus
from domain.permissions import CHARGED_TYPES, AccountType, AdminLevel
from domain.points import LARGEST_LINE_POINTS, LARGEST_USER_COUNT
from models import Account, Administrator, PriceVersionRow, db
from services import audit
from services.administrators import check_user_name, clean_name
from services.one_time_links import create_one_time_link

LONGEST_OPERATOR_NAME = 120


class AlreadyBegun(DomainError):
    """There is an operator already."""

    http_status = 409


class PriceOutOfRange(DomainError):
    """The fee of the largest account would be more than one line of the ledger carries."""


def begin(
    *, operator_name: str, user_name: str, email: str, price: tuple[int, int, int], now: dt.datetime
) -> str:
    """Write the operator, its administrator and the prices; return the token of the one-time link.

    `price` is (base points, included users, points per additional user), the same for every charged type
    and valid from now on.

    :raises AlreadyBegun: when there is an operator.
    :raises PriceOutOfRange: when a fee could grow larger than a line of the ledger.
    :raises DomainError: UserNameRefused, NameRequired, TextTooLong, ForbiddenCharacter.
    """
    check_user_name(user_name)
    check_price(*price)
    company_name = clean_name(operator_name, maximum=LONGEST_OPERATOR_NAME)
    found = select(Account.id).where(Account.account_type == AccountType.OPERATOR)
    if db.session.execute(found).first() is not None:
        raise AlreadyBegun
    operator = _operator(company_name, now)
    administrator = Administrator(
        account_id=operator.id,
        user_name=user_name,
        email=email,
        full_name=user_name,
        level=AdminLevel.OVERALL,
        created_at=now,
    )
    db.session.add(administrator)
    _add_prices(price, now)
    db.session.flush()
    audit.record(action="portal.begun", viewer=None, account_id=operator.id, now=now, user_name=user_name)
    return create_one_time_link(administrator_id=administrator.id, now=now)


def check_price(base: int, included: int, extra: int) -> None:
    """Refuse a price at which the fee of the largest account would be more than one line carries.

    :raises PriceOutOfRange: with maximum.
    """
    largest_fee = base + max(0, LARGEST_USER_COUNT - included) * extra
    if max(base, included, extra, largest_fee) > LARGEST_LINE_POINTS:
        raise PriceOutOfRange(maximum=LARGEST_LINE_POINTS)


def _operator(operator_name: str, now: dt.datetime) -> Account:
    operator = Account(
        account_type=AccountType.OPERATOR,
        status=AccountStatus.ACTIVE,
        account_number="10000001",
        company_name=operator_name,
        phone_number="",
        postal_code="",
        prefecture="",
        city="",
        contract_user_count=1,
        contract_date=tokyo_date(now),
        hidden_menu_keys=[],
        applied_at=now,
        provisioned_at=now,
    )
    db.session.add(operator)
    db.session.flush()
    return operator


def _add_prices(price: tuple[int, int, int], now: dt.datetime) -> None:
    base, included, extra = price
    for account_type in sorted(CHARGED_TYPES):
        db.session.add(
            PriceVersionRow(
                account_type=account_type,
                valid_from=now,
                base_points=base,
                included_user_count=included,
                points_per_additional_user=extra,
                created_at=now,
            )
        )
