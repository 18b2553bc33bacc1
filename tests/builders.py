"""A small tree with everything valid: an operator, a distributor, two MSPs, a support account, customers."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from config import Settings
from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, AdminLevel, Viewer
from models import Account, Administrator, AuditEvent, PointBalance, PointLine, db
from services import beginning, clockwork, points
from services.mail_texts import MailBrand
from services.provisioning import start_service
from services.transaction import transaction
from tests.support.databases import START

BRAND = MailBrand(brand_name="SingleID", portal_url="https://portal.example.jp")
PROFILE: dict[str, Any] = {
    "company_name": "株式会社青葉商事",
    "phone_number": "03-1234-5678",
    "postal_code": "100-0001",
    "prefecture": "東京都",
    "city": "千代田区",
    "contact_name": "山田 太郎",
    "contact_email": "taro@customer.example.jp",
    "reseller_contact_name": "佐藤 花子",
    "reseller_contact_email": "hanako@reseller.example.jp",
}
SETTINGS = Settings(database_url="", secret_key="", environment="demo")
#: Everybody went into service a day before START, so that no 25th has passed yet.
BEGAN = START - dt.timedelta(days=1)


def request_id() -> str:
    """Return a fresh request id."""
    return str(uuid.uuid4())


def tokyo(text: str) -> dt.datetime:
    """Return the instant of a Tokyo wall time such as 2026-11-25T00:00:00."""
    return dt.datetime.fromisoformat(f"{text}+09:00")


@dataclass
class World:
    """The ids of the tree's accounts and the viewers that act for them."""

    operator: Viewer
    distributor: Viewer
    msp_a: Viewer
    msp_b: Viewer
    support: Viewer
    numbers: list[int] = field(default_factory=lambda: [20_000_000])

    def customer(
        self,
        *,
        parent: Viewer | None = None,
        users: int = 10,
        points_held: int = 0,
        now: dt.datetime = BEGAN,
        **values: Any,
    ) -> int:
        """Put a customer into service and hand it points; return its id."""
        owner = parent or self.msp_a
        with transaction():
            account = _account(self, AccountType.CUSTOMER, owner.account_id, now, users=users, **values)
            account_id = account.id
        if points_held:
            self.add(account_id, points_held, now=now)
        return account_id

    def add(
        self, account_id: int, count: int, *, viewer: Viewer | None = None, now: dt.datetime = BEGAN
    ) -> None:
        """Hand points down to an account."""
        with transaction():
            points.add(
                viewer=viewer or self.distributor,
                account_id=account_id,
                points=count,
                remark=None,
                request_id=request_id(),
                now=now,
            )

    def take_back(self, account_id: int, count: int, *, now: dt.datetime = BEGAN) -> None:
        """Take points back from an account."""
        with transaction():
            points.take_back(
                viewer=self.distributor,
                account_id=account_id,
                points=count,
                remark="テスト",
                request_id=request_id(),
                now=now,
            )


def begin_world(*, stock: int = 10_000) -> World:
    """Write the tree; each MSP holds `stock` points, the distributor as many."""
    with transaction():
        beginning.begin(
            operator_name="SingleID",
            user_name="operator",
            email="operator@example.jp",
            price=(10, 10, 1),
            now=BEGAN - dt.timedelta(days=1),
        )
    administrator = db.session.execute(select(Administrator)).scalar_one()
    operator = _viewer(administrator, AccountType.OPERATOR)
    world = World(operator, operator, operator, operator, operator)
    with transaction():
        distributor = _account(world, AccountType.PRIVILEGED_MSP, operator.account_id, BEGAN)
        world.distributor = _person(distributor, "distributor")
        below = ((AccountType.MSP, "msp_a"), (AccountType.MSP, "msp_b"), (AccountType.SUPPORT, "support"))
        for account_type, name in below:
            account = _account(world, account_type, distributor.id, BEGAN, company_name=f"会社 {name}")
            setattr(world, name, _person(account, name.replace("_", "-")))
    if stock:
        world.add(world.distributor.account_id, 4 * stock, viewer=operator)
        for viewer in (world.msp_a, world.msp_b, world.support):
            world.add(viewer.account_id, stock)
    return world


def _account(
    world: World,
    account_type: AccountType,
    parent_id: int,
    now: dt.datetime,
    *,
    users: int = 10,
    **values: Any,
) -> Account:
    parent = db.session.get_one(Account, parent_id)
    world.numbers[0] += 1
    is_top = account_type is AccountType.PRIVILEGED_MSP
    account = Account(
        **(PROFILE | values),
        account_type=account_type,
        status=AccountStatus.APPROVED,
        parent_id=parent_id,
        privileged_msp_id=None if is_top else parent.privileged_msp_id or parent.id,
        account_number=str(world.numbers[0]),
        contract_user_count=users,
        hidden_menu_keys=[],
        applied_at=now,
    )
    db.session.add(account)
    db.session.flush()
    start_service(account=account, now=now)
    db.session.flush()
    return account


def _person(account: Account, user_name: str, *, level: AdminLevel = AdminLevel.OVERALL) -> Viewer:
    administrator = Administrator(
        account_id=account.id,
        user_name=user_name,
        email=f"{user_name}@example.jp",
        full_name=user_name,
        level=level,
        created_at=BEGAN,
    )
    db.session.add(administrator)
    db.session.flush()
    return _viewer(administrator, account.account_type)


def colleague(viewer: Viewer, user_name: str, *, level: AdminLevel = AdminLevel.CONTRACT) -> Viewer:
    """Register another person of a viewer's account who can sign in; the viewer can from now on, too."""
    with transaction():
        found = db.session.get_one(Administrator, viewer.administrator_id)
        found.password_hash = found.password_hash or "a hash"
        person = _person(found.account, user_name, level=level)
        db.session.get_one(Administrator, person.administrator_id).password_hash = "a hash"
    return person


def _viewer(administrator: Administrator, account_type: AccountType) -> Viewer:
    return Viewer(
        administrator_id=administrator.id,
        user_name=administrator.user_name,
        account_id=administrator.account_id,
        account_type=account_type,
        level=administrator.level,
    )


def balance(account_id: int) -> int:
    """Return an account's points as the database has them now."""
    db.session.rollback()
    return db.session.execute(
        select(PointBalance.point_balance).where(PointBalance.account_id == account_id)
    ).scalar_one()


def lines(account_id: int) -> list[tuple[str, int, int]]:
    """Return (kind, points, balance after) of an account's lines in their order."""
    db.session.rollback()
    statement = (
        select(PointLine.kind, PointLine.points, PointLine.balance_after)
        .where(PointLine.account_id == account_id)
        .order_by(PointLine.line_number)
    )
    return [(kind.value, count, after) for kind, count, after in db.session.execute(statement)]


def events(account_id: int, action: str) -> list[dict[str, Any]]:
    """Return the details of an account's events of one action, oldest first."""
    db.session.rollback()
    statement = (
        select(AuditEvent.details)
        .where(AuditEvent.account_id == account_id, AuditEvent.action == action)
        .order_by(AuditEvent.id)
    )
    return list(db.session.execute(statement).scalars())


def account(account_id: int) -> Account:
    """Return an account as the database has it now."""
    db.session.rollback()
    return db.session.get_one(Account, account_id, populate_existing=True)


def tick(instant: dt.datetime) -> clockwork.WorkReport:
    """Let the clockwork do what is due at an instant."""
    return clockwork.run_due_work(now=instant, settings=SETTINGS)
