"""設定＞二人承認: from how many points on an account that pays wants a second person. Source: docs/rules.md R19.

Switching on, or asking for a second person sooner, counts at once. Switching off, or asking for him later, would be
the way around him: it waits for a second person itself.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from domain.errors import DomainError
from domain.four_eyes import FEWEST_APPROVERS, ApprovalKind, is_weaker
from domain.fresh_sign_in import check_fresh
from domain.lifecycle import RUNNING
from domain.permissions import Permission, Viewer
from models import Account, ApprovalRequest, FourEyesRule, db
from services import access, approval_plans, audit, four_eyes
from services.approval_asking import open_request
from services.lists import ListColumn, ListSource
from services.mail_texts import MailBrand


class TooFewApprovers(DomainError):
    """Fewer than two people could approve; carries minimum and approver_count."""


class RuleChangedMeanwhile(DomainError):
    """The rule is not what was shown any more; carries threshold_points as it is now."""

    http_status = 409


@dataclass(frozen=True)
class RuleFacts:
    """The rule of an account, for its dialog; None: there is none."""

    account: Account
    threshold_points: int | None
    approver_count: int


def rules_source(*, viewer: Viewer) -> ListSource:
    """Return the list of the paying accounts whose rule a viewer may change: his own and those right below it."""
    statement = (
        select(Account.id)
        .select_from(Account)
        .outerjoin(FourEyesRule, FourEyesRule.account_id == Account.id)
        .where(four_eyes.is_near(viewer), Account.status.in_(RUNNING))
    )
    return ListSource(
        name="four_eyes",
        statement=statement,
        columns=[
            ListColumn("account_number", _("アカウント番号"), "text", Account.account_number),
            ListColumn("company_name", _("会社名"), "text", Account.company_name),
            ListColumn(
                "threshold_points", _("承認が必要なポイント数"), "points", FourEyesRule.threshold_points
            ),
            ListColumn("approver_count", _("承認できる人数"), "number", four_eyes.approver_count()),
            ListColumn("changed_at", _("更新日時"), "instant", FourEyesRule.changed_at),
        ],
        filters=[],
        search_expressions=[Account.search_text],
        tie_breaker=Account.id,
        default_sort="account_number",
        looks_beyond=four_eyes.COUNTED_ABOVE,
    )


def find_rule(*, viewer: Viewer, account_id: int) -> RuleFacts:
    """Return the rule of an account for its dialog.

    :raises PermissionRefused: when the viewer may change none.
    :raises AccountNotVisible: when the account is neither the viewer's own nor right below it, or pays for nobody.
    """
    account = _account(viewer, account_id, is_locked=False)
    return RuleFacts(account, four_eyes.threshold_of(account_id), four_eyes.count_approvers(account_id))


def change(
    *,
    viewer: Viewer,
    account_id: int,
    shown: int | None,
    threshold_points: int | None,
    brand: MailBrand,
    now: dt.datetime,
) -> ApprovalRequest | None:
    """Set a rule; None: off. Return the request where the change waits for a second person, else None.

    :raises RuleChangedMeanwhile: when it is not what was `shown`.
    :raises TooFewApprovers: when a rule is set that fewer than two people could live by.
    :raises DomainError: as find_rule; AlreadyAsked.
    """
    account = _account(viewer, account_id, is_locked=True)
    old = four_eyes.threshold_of(account_id)
    if old != shown:
        raise RuleChangedMeanwhile(threshold_points=old)
    if threshold_points == old:
        return None
    if is_weaker(old, threshold_points):
        return open_request(
            viewer=viewer,
            brand=brand,
            now=now,
            account_id=account.id,
            kind=ApprovalKind.RULE_CHANGE,
            asked_amounts=[],
            old_threshold_points=old,
            new_threshold_points=threshold_points,
        )
    count = four_eyes.count_approvers(account_id)
    if count < FEWEST_APPROVERS:
        raise TooFewApprovers(minimum=FEWEST_APPROVERS, approver_count=count)
    _write(account, threshold_points, viewer, now)
    return None


def carry_out_change(*, request: ApprovalRequest, viewer: Viewer, now: dt.datetime) -> None:
    """Write a change that a second person approves.

    :raises ApprovalOutdated: when the rule is another by now.
    :raises FreshSignInNeeded: the viewer gave the password too long ago.
    """
    account = _account(viewer, request.account_id, is_locked=True)
    check_fresh(viewer, now)
    approval_plans.check_rule(request)
    _write(account, request.new_threshold_points, viewer, now)


def _account(viewer: Viewer, account_id: int, *, is_locked: bool) -> Account:
    access.check_permission(viewer=viewer, permission=Permission.FOUR_EYES_CHANGE)
    statement = select(Account).where(
        Account.id == account_id, four_eyes.is_near(viewer), Account.status.in_(RUNNING)
    )
    if is_locked:
        # Two changes of one rule follow each other.
        statement = statement.with_for_update(key_share=True, of=Account)
    found = db.session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()
    if found is None:
        raise access.AccountNotVisible(account_id=account_id)
    return found


def _write(account: Account, threshold_points: int | None, viewer: Viewer, now: dt.datetime) -> None:
    rule = db.session.get(FourEyesRule, account.id, populate_existing=True)
    old = rule.threshold_points if rule else None
    if rule is not None and threshold_points is None:
        db.session.delete(rule)
    elif rule is not None:
        rule.threshold_points = threshold_points or 0
        rule.changed_at, rule.administrator_id = now, viewer.administrator_id
    elif threshold_points is not None:
        db.session.add(
            FourEyesRule(
                account_id=account.id,
                threshold_points=threshold_points,
                changed_at=now,
                administrator_id=viewer.administrator_id,
            )
        )
    db.session.flush()
    audit.record(
        action="four_eyes.changed",
        viewer=viewer,
        account_id=account.id,
        now=now,
        old_threshold_points=old,
        new_threshold_points=threshold_points,
    )
