"""Customer portals (顧客画面): which ones a viewer may enter, and what is open there. Source: 顧客切り替え."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, select

from domain.errors import DomainError
from domain.lifecycle import RUNNING, AccountStatus
from domain.permissions import AccountType, Viewer
from domain.portal_menus import HIDEABLE_MENUS
from domain.portal_permissions import PORTAL_LEVELS, PortalPermission, portal_permissions
from models import Account, db
from services import access, audit, ledger
from services.access import AccountNotVisible, PermissionRefused
from services.account_search import account_contains

ENTERABLE = frozenset({*RUNNING, AccountStatus.CANCELED})
MENU_OF_ADMINISTRATORS = "manage.administrators"
_PARENT_KEYS = {menu.key: menu.parent_key for menu in HIDEABLE_MENUS}
#: Whose people may always reach 管理者 of a customer: they register its first one. Source: docs/rules.md R18.
_REGISTERING_TYPES = frozenset({AccountType.PRIVILEGED_MSP, AccountType.MSP, AccountType.OPERATOR})


#: What is typed into 顧客切り替え beyond this matches nothing: leaving words out would widen the result.
LONGEST_SEARCH = 200


class Limit(StrEnum):
    """Why a viewer may not change everything in a portal, the first reason that holds."""

    SUSPENDED = "suspended"
    CANCELED = "canceled"
    #: Operators read, except that they register the administrators of a 特権MSP.
    OPERATOR = "operator"
    OPERATOR_BEGINS = "operator_begins"
    #: Support people change ユーザ一覧 and 基本情報 only.
    SUPPORT = "support"


class PortalReadOnly(DomainError):
    """The account whose portal it is does not take changes: it is suspended or canceled; carries status."""

    http_status = 409


class OtherPortal(DomainError):
    """A form was opened in the portal of another account than the one that the session is in now."""

    http_status = 409


@dataclass(frozen=True)
class Visit:
    """Whose customer portal a viewer is in, and what is open to it there."""

    viewer: Viewer
    account_id: int
    account_type: AccountType
    status: AccountStatus
    company_name: str
    account_number: str | None
    hidden_keys: frozenset[str]

    @property
    def is_own(self) -> bool:
        """Whether it is the portal of the viewer's own account."""
        return self.account_id == self.viewer.account_id

    @property
    def is_running(self) -> bool:
        """Whether the account takes changes at all: suspended and canceled ones are only read."""
        return self.status is AccountStatus.ACTIVE

    def can(self, permission: PortalPermission) -> bool:
        """Tell whether the viewer may change something here now."""
        return self.is_running and permission in portal_permissions(
            viewer=self.viewer, account_id=self.account_id, account_type=self.account_type
        )

    def require(self, permission: PortalPermission) -> None:
        """Refuse what the viewer may not change here now.

        :raises PermissionRefused: whatever the account's state.
        :raises PortalReadOnly: the account is suspended or canceled.
        """
        check_open(self.viewer, self.account_id, self.account_type, self.status, permission)

    @property
    def limit(self) -> Limit | None:
        """Why not everything can be changed here; None: it can."""
        if not self.is_running:
            is_suspended = self.status is AccountStatus.SUSPENDED
            return Limit.SUSPENDED if is_suspended else Limit.CANCELED
        if self.is_own:
            return None
        if self.viewer.account_type is AccountType.OPERATOR:
            begins = self.can(PortalPermission.ADMINISTRATORS_CHANGE)
            return Limit.OPERATOR_BEGINS if begins else Limit.OPERATOR
        return Limit.SUPPORT if self.viewer.account_type is AccountType.SUPPORT else None

    def is_hidden(self, menu_key: str) -> bool:
        """Tell whether a menu, or the one above it, is not shown to the viewer, and closed by address."""
        if self.is_open_though_hidden(menu_key):
            return False
        return self.is_marked_hidden(menu_key)

    def is_open_though_hidden(self, menu_key: str) -> bool:
        """Tell whether a menu is hidden from the customer, but open to the people who set the customer up."""
        is_registering = not self.is_own and self.viewer.account_type in _REGISTERING_TYPES
        return menu_key == MENU_OF_ADMINISTRATORS and is_registering and self.is_marked_hidden(menu_key)

    def is_marked_hidden(self, menu_key: str) -> bool:
        """Tell whether 画面のカスタマイズ hides a menu or the one above it."""
        return menu_key in self.hidden_keys or _PARENT_KEYS.get(menu_key) in self.hidden_keys


def check_open(
    viewer: Viewer,
    account_id: int,
    account_type: AccountType,
    status: AccountStatus,
    permission: PortalPermission,
) -> None:
    """Refuse a change that a viewer may not make in the portal of an account in a state.

    :raises PermissionRefused: whatever the state.
    :raises PortalReadOnly: the account is suspended or canceled.
    """
    granted = portal_permissions(viewer=viewer, account_id=account_id, account_type=account_type)
    if permission not in granted:
        raise PermissionRefused(permission=permission)
    if status is not AccountStatus.ACTIVE:
        raise PortalReadOnly(status=status)


@dataclass(frozen=True)
class Choices:
    """What 顧客切り替え offers for a typed word: rows of enterable_accounts, and whether there are more."""

    rows: Sequence[Any]
    has_more: bool


def enterable_scope(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition on Account for the portals that a viewer may enter, its own among them."""
    own = Account.id == viewer.account_id
    if viewer.level not in PORTAL_LEVELS:
        return and_(own, Account.id.is_(None))
    if viewer.account_type is AccountType.CUSTOMER:
        return own
    return and_(own | access.scope(viewer), Account.status.in_(ENTERABLE))


def find_visit(*, viewer: Viewer, account_id: int) -> Visit:
    """Return the visit of a viewer to an account's portal.

    :raises AccountNotVisible: when it is not there, or not open to the viewer (any more).
    """
    account = find_enterable(viewer=viewer, account_id=account_id)
    return Visit(
        viewer=viewer,
        account_id=account.id,
        account_type=account.account_type,
        status=account.status,
        company_name=account.company_name,
        account_number=account.account_number,
        hidden_keys=account.hidden_keys if account.account_type is AccountType.CUSTOMER else frozenset(),
    )


def enterable_accounts(*, viewer: Viewer, search: str = "", limit: int = 20) -> list[Any]:
    """Return rows (id, account_number, company_name, account_type, status) for 顧客切り替え, own account first."""
    if len(search) > LONGEST_SEARCH:
        return []
    statement = (
        select(
            Account.id,
            Account.account_number,
            Account.company_name,
            Account.account_type,
            Account.status,
        )
        .where(enterable_scope(viewer))
        .order_by((Account.id == viewer.account_id).desc(), Account.company_name, Account.id)
        .limit(limit)
    )
    if search.strip():
        statement = statement.where(account_contains(search))
    return list(db.session.execute(statement))


def choices(*, viewer: Viewer, search: str, limit: int = 20) -> Choices:
    """Return what 顧客切り替え offers for what was typed: at most `limit` accounts, own account first."""
    found = enterable_accounts(viewer=viewer, search=search, limit=limit + 1)
    return Choices(rows=found[:limit], has_more=len(found) > limit)


def has_other_portals(viewer: Viewer) -> bool:
    """Tell whether there is anything to switch to: an account to enter beside the viewer's own."""
    if viewer.account_type is AccountType.CUSTOMER:
        return False
    found = select(exists().where(enterable_scope(viewer), Account.id != viewer.account_id))
    return bool(db.session.execute(found).scalar_one())


def enter(*, viewer: Viewer, account_id: int, now: dt.datetime) -> Visit:
    """Enter a portal: written to the operation logs of the account and of the viewer's own.

    :raises AccountNotVisible: as find_visit.
    """
    visit = find_visit(viewer=viewer, account_id=account_id)
    if not visit.is_own:
        own = db.session.get_one(Account, viewer.account_id)
        audit.record(
            action="portal.entered",
            viewer=viewer,
            account_id=account_id,
            now=now,
            from_company_name=own.company_name,
        )
        audit.record(
            action="portal.entered_other",
            viewer=viewer,
            account_id=viewer.account_id,
            now=now,
            company_name=visit.company_name,
            account_number=visit.account_number,
        )
    return visit


def account_to_change(
    *, viewer: Viewer, account_id: int, permission: PortalPermission, now: dt.datetime
) -> Account:
    """Return the account of a portal, locked, for a change that was asked for in it.

    :raises AccountNotVisible: not enterable (any more).
    :raises PermissionRefused: the viewer may not change this there.
    :raises PortalReadOnly: the account is suspended or canceled.
    :raises CancellationUnderWay: its 解約予定日 has come.
    """
    account = find_enterable(viewer=viewer, account_id=account_id, for_update=True)
    check_open(viewer, account.id, account.account_type, account.status, permission)
    ledger.check_running(account, now)
    return account


def find_enterable(*, viewer: Viewer, account_id: int, for_update: bool = False) -> Account:
    """Return an account whose portal a viewer may enter.

    :raises AccountNotVisible: when it is not there, or not open to the viewer (any more).
    """
    statement = select(Account).where(Account.id == account_id, enterable_scope(viewer))
    if for_update:
        statement = statement.with_for_update(key_share=True, of=Account).execution_options(
            populate_existing=True
        )
    account = db.session.execute(statement).scalar_one_or_none()
    if account is None:
        raise AccountNotVisible(account_id=account_id)
    return account
