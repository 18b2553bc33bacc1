"""Everybody who may knock: people of each account type and level, in their own portal or in one they entered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, AdminLevel
from models import Account, Administrator, ApprovalRequest, MenuPreset, OutgoingMail, ServiceUser, db
from tests.support.tenant_trees import OTHER
from tests.web.browser_session import send

#: A number that no row has.
MISSING = 987_654_321
#: Label of docs/permissions.toml → end of the user name, and whose portal was entered.
PRINCIPALS: Mapping[str, tuple[str, str]] = {
    "operator": ("operator", ""),
    "distributor": ("distributor", ""),
    "distributor-contract": ("distributor-contract", ""),
    "distributor-system": ("distributor-system", ""),
    "msp": ("msp-a", ""),
    "msp-contract": ("contract-a", ""),
    "msp-system": ("system-a", ""),
    "support": ("support", ""),
    "support-system": ("support-system", ""),
    "customer": ("customer-a", ""),
    "operator@customer": ("operator", "customer"),
    "operator@distributor": ("operator", "distributor"),
    "distributor@customer": ("distributor", "customer"),
    "distributor-system@customer": ("distributor-system", "customer"),
    "msp@customer": ("msp-a", "customer"),
    "msp-system@customer": ("system-a", "customer"),
    "support@customer": ("support", "customer"),
    "support-system@customer": ("support-system", "customer"),
}
#: People whose session opens nothing, whatever they were: label → end of the user name.
DEAD: Mapping[str, str] = {
    "disabled": "msp-disabled",
    "deleted": "msp-deleted",
    "of a canceled account": "customer-canceled",
}
Relation = str
OWN, FOREIGN, TWIN, ABSENT = "own", "another's of this tree", "of the other tree", "missing"


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, with whose customer portal he is in."""

    label: str
    administrator_id: int
    account_id: int
    account_type: AccountType
    level: AdminLevel
    portal_account_id: int


class Trees:
    """What the two trees hold, read once from the database of an application."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            session = db.session
            self.accounts = session.execute(
                select(
                    Account.id,
                    Account.parent_id,
                    Account.privileged_msp_id,
                    Account.support_account_id,
                    Account.account_type,
                    Account.status,
                    Account.account_number,
                ).order_by(Account.id)
            ).all()
            self.people = session.execute(
                select(
                    Administrator.id, Administrator.user_name, Administrator.account_id, Administrator.level,
                    Administrator.deleted_at,
                ).order_by(Administrator.id)
            ).all()  # fmt: skip
            self.users = session.execute(
                select(ServiceUser.id, ServiceUser.account_id).order_by(ServiceUser.id)
            ).all()
            self.presets = session.execute(
                select(MenuPreset.id, MenuPreset.account_id).order_by(MenuPreset.id)
            ).all()
            self.approvals = session.execute(
                select(ApprovalRequest.id, ApprovalRequest.account_id).order_by(ApprovalRequest.id)
            ).all()
            self.mails = session.execute(select(OutgoingMail.id, OutgoingMail.account_id)).all()
        self.account = {row.id: row for row in self.accounts}

    def person(self, label: str, *, other: bool = False) -> Person:
        """Return who a label means, in the first tree or in the other one."""
        ending, place = PRINCIPALS.get(label) or (DEAD.get(label, label), "")
        found = next(
            row
            for row in self.people
            if row.user_name == ending
            or row.user_name.endswith(f"who-{ending}")
            and (row.id > OTHER) is (other and ending != "operator")
        )
        account = self.account[found.account_id]
        portal = found.account_id
        if place == "customer":
            portal = next(
                row.id for row in self._running(AccountType.CUSTOMER) if self.is_below(account, row) and
                self._has_people(row.id)
            )  # fmt: skip
        elif place:
            portal = next(row.id for row in self._running(AccountType.PRIVILEGED_MSP))
        return Person(label, found.id, account.id, account.account_type, found.level, portal)

    def user_name(self, label: str, *, other: bool = False) -> str:
        """Return the name by which somebody signs in."""
        wanted = self.person(label, other=other).administrator_id
        return next(str(row.user_name) for row in self.people if row.id == wanted)

    def is_below(self, viewer: Any, account: Any) -> bool:
        """Tell whether an account is one of a viewer's rows; written anew, not asked of the product."""
        if viewer.account_type is AccountType.OPERATOR:
            return account.account_type is not AccountType.OPERATOR
        if viewer.account_type is AccountType.PRIVILEGED_MSP:
            return bool(account.privileged_msp_id == viewer.id)
        if viewer.account_type is AccountType.MSP:
            return bool(account.parent_id == viewer.id)
        if viewer.account_type is AccountType.SUPPORT:
            return bool(account.support_account_id == viewer.id)
        return False

    def rows(self, kind: str, person: Person) -> Iterator[tuple[Relation, int | str]]:
        """Yield (relation, name) of things of a kind: somebody's own, others', one that is not there."""
        if kind == "":
            yield OWN, ""
        elif kind == "run":
            yield from ((OWN, "2026-10-25"), (ABSENT, "2019-01-25"))
        elif kind == "next run":
            yield OWN, "2026-11-25"
        elif kind == "link":
            yield from ((OWN, "one_time_links-token_hash-3"), (ABSENT, "x" * 43))
        elif kind == "mail":
            yield from [*((OWN, mail.id) for mail in self.mails[:1]), (ABSENT, MISSING)]
        elif kind == "kind of mail":
            yield from ((OWN, "delivery_notice"), (ABSENT, "no_such_kind"))
        elif kind == "approval":
            viewer = self.account[person.account_id]
            yield from _told_apart(
                [(row.id, self._is_own_or_below(viewer, row.account_id)) for row in self.approvals]
            )
        elif kind == "payer":
            kinds = (AccountType.MSP, AccountType.PRIVILEGED_MSP)
            near = (person.account_id,)
            yield from _told_apart(
                [
                    (row.id, row.id in near or row.parent_id in near)
                    for row in self.accounts
                    if row.account_type in kinds and _is_active(row)
                ]
            )
        elif kind in _ACCOUNT_KINDS:
            yield from self._account_rows(kind, person)
        else:
            yield from self._portal_rows(kind, person)

    def _is_own_or_below(self, viewer: Any, account_id: int) -> bool:
        return account_id == viewer.id or self.is_below(viewer, self.account[account_id])

    def _account_rows(self, kind: str, person: Person) -> Iterator[tuple[Relation, int]]:
        viewer = self.account[person.account_id]
        fits = _ACCOUNT_KINDS[kind]
        rows = [row for row in self.accounts if fits(row)]
        if kind == "portal":
            rows = [row for row in rows if row.id != person.account_id]
        yield from _told_apart([(row.id, self.is_below(viewer, row)) for row in rows])

    def _portal_rows(self, kind: str, person: Person) -> Iterator[tuple[Relation, int]]:
        account = person.account_id if kind == "preset" else person.portal_account_id
        rows = {"user": self.users, "preset": self.presets, "administrator": self._changeable_people()}[kind]
        is_self = person.administrator_id if kind == "administrator" else 0
        yield from _told_apart([(row.id, row.account_id == account) for row in rows if row.id != is_self])

    def _changeable_people(self) -> list[Any]:
        """Return people whom everybody of their portal may change: not above システム管理者, where there is one."""
        rows = [row for row in self.people if row.deleted_at is None]
        return sorted(rows, key=lambda row: row.level is not AdminLevel.SYSTEM)

    def _running(self, account_type: AccountType) -> Iterator[Any]:
        return (row for row in self.accounts if row.account_type is account_type and _is_active(row))

    def _has_people(self, account_id: int) -> bool:
        return any(row.account_id == account_id for row in self.people)


def _told_apart(rows: list[tuple[int, bool]]) -> Iterator[tuple[Relation, int]]:
    """Yield the first of (number, whether it is one's own) of each relation: one's own, others', a missing one."""
    found: dict[Relation, int] = {}
    for number, is_own in rows:
        found.setdefault(OWN if is_own else FOREIGN if number < OTHER else TWIN, number)
    yield from sorted(found.items(), key=lambda item: item[0] != OWN)
    yield ABSENT, MISSING


def _is_active(row: Any) -> bool:
    return bool(row.status is AccountStatus.ACTIVE)


_ACCOUNT_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "customer": lambda row: row.account_type is AccountType.CUSTOMER and _is_active(row),
    "msp": lambda row: row.account_type in (AccountType.MSP, AccountType.SUPPORT) and _is_active(row),
    "application": lambda row: row.status is AccountStatus.PENDING_APPROVAL,
    "portal": lambda row: row.account_type is AccountType.CUSTOMER and _is_active(row),
}


def enter_portal(client: FlaskClient, person: Person) -> None:
    """Go to the customer portal that somebody of that label is in."""
    if person.portal_account_id != person.account_id:
        answer = send(client, "/portal/enter/", account_id=str(person.portal_account_id))
        assert answer.status_code == 303, person
