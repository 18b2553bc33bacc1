"""承認依頼: the list of what waits for a second person, and what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext
from sqlalchemy import ColumnElement, case, func, literal, or_, select
from sqlalchemy.orm import aliased

from domain.four_eyes import ApprovalKind, ApprovalState
from domain.permissions import Permission, Viewer
from models import Account, ApprovalRequest, db
from services import approval_access, four_eyes
from services.actor_names import Actors
from services.lists import ListColumn, ListFilter, ListSource, contains, on_days
from services.words import ACTOR_WORDS, APPROVAL_KIND_WORDS, APPROVAL_STATE_WORDS


def approvals_source(*, viewer: Viewer, now: dt.datetime) -> ListSource:
    """Return the list of a viewer's approval requests, the newest first."""
    payer, subject = aliased(Account), aliased(Account)
    asked, decided = (
        Actors(viewer, ApprovalRequest.requester_id),
        Actors(viewer, ApprovalRequest.decided_by_id),
    )
    statement = (
        select(ApprovalRequest.id, ApprovalRequest.account_id, ApprovalRequest.requester_id)
        .select_from(ApprovalRequest)
        .join(payer, payer.id == ApprovalRequest.account_id)
        .outerjoin(subject, subject.id == ApprovalRequest.subject_account_id)
        .where(approval_access.seen(viewer, payer))
    )
    state = _state(now)
    return ListSource(
        name="approvals",
        statement=decided.joined(asked.joined(statement)),
        columns=_columns(viewer, payer, subject, asked, decided, state),
        filters=_filters(viewer, subject, state, now),
        search_expressions=[func.coalesce(subject.search_text, payer.search_text)],
        tie_breaker=ApprovalRequest.id,
        default_sort="requested_at",
        default_descending=True,
    )


def waiting_count(*, viewer: Viewer, now: dt.datetime) -> int:
    """Return how many requests wait for a viewer: those that he may approve and did not make himself."""
    if not viewer.can(Permission.APPROVALS_VIEW):
        return 0
    return db.session.execute(
        select(func.count(ApprovalRequest.id))
        .join(Account, Account.id == ApprovalRequest.account_id)
        .where(_waits_for(viewer, now), four_eyes.is_near(viewer))
    ).scalar_one()


def open_requests_about(*, viewer: Viewer, account_ids: Collection[int], now: dt.datetime) -> dict[int, int]:
    """Return the id of the newest open request about each of some accounts, a refill of several included.

    Accounts without one, and all for a viewer who may see no requests, are left out.
    """
    if not account_ids or not viewer.can(Permission.APPROVALS_VIEW):
        return {}
    payer, subject = aliased(Account), aliased(Account)
    is_about = ApprovalRequest.subject_account_id.in_(account_ids)
    # The rows of a refill are read only of those who could pay for one of these accounts.
    payer_ids = select(subject.parent_id).where(subject.id.in_(account_ids))
    is_refill = ApprovalRequest.subject_account_id.is_(None) & ApprovalRequest.account_id.in_(payer_ids)
    statement = (
        select(ApprovalRequest.id, ApprovalRequest.subject_account_id, ApprovalRequest.account_ids)
        .join(payer, payer.id == ApprovalRequest.account_id)
        .where(four_eyes.is_open(now), or_(is_about, is_refill), approval_access.seen(viewer, payer))
        .order_by(ApprovalRequest.id)
    )
    wanted = set(account_ids)
    return {
        account_id: row.id
        for row in db.session.execute(statement)
        for account_id in wanted.intersection([row.subject_account_id, *row.account_ids])
    }


def _waits_for(viewer: Viewer, now: dt.datetime) -> ColumnElement[bool]:
    return four_eyes.is_open(now) & (ApprovalRequest.requester_id != viewer.administrator_id)


def _state(now: dt.datetime) -> ColumnElement[str]:
    return case(
        (four_eyes.is_expired(now), literal(ApprovalState.EXPIRED.value)),
        else_=ApprovalRequest.state,
    )


def _columns(
    viewer: Viewer,
    payer: type[Account],
    subject: type[Account],
    asked: Actors,
    decided: Actors,
    state: ColumnElement[str],
) -> list[ListColumn]:
    count = func.json_array_length(ApprovalRequest.account_ids)
    of_payer = ListColumn("payer_name", _("支払元"), "text", payer.company_name)
    has_several_payers = viewer.can(Permission.ACCOUNTS_VIEW)
    return [
        ListColumn("number", _("No."), "number", ApprovalRequest.id),
        ListColumn("kind", _("依頼内容"), "text", ApprovalRequest.kind, words=APPROVAL_KIND_WORDS),
        ListColumn("company_name", _("会社名"), "text", subject.company_name),
        ListColumn("account_count", _("件数"), "number", case((count > 0, count))),
        *([of_payer] if has_several_payers else []),
        ListColumn("asked_points", _("ポイント"), "points", ApprovalRequest.asked_points),
        ListColumn("requester", _("依頼者"), "text", asked.name(), words=ACTOR_WORDS),
        ListColumn("requested_at", _("依頼日時"), "instant", ApprovalRequest.requested_at),
        ListColumn("expires_at", lazy_pgettext("approval", "期限"), "instant", ApprovalRequest.expires_at),
        ListColumn("state", _("状態"), "text", state, words=APPROVAL_STATE_WORDS),
        ListColumn("decider", _("回答者"), "text", _decider(decided), words=ACTOR_WORDS),
        ListColumn("decided_at", _("回答日時"), "instant", ApprovalRequest.decided_at),
    ]


def _decider(decided: Actors) -> ColumnElement[str]:
    return case((ApprovalRequest.decided_at.is_not(None), decided.name()))


def _filters(
    viewer: Viewer, subject: type[Account], state: ColumnElement[str], now: dt.datetime
) -> list[ListFilter]:
    payer = aliased(Account)
    mine = ApprovalRequest.account_id.in_(select(payer.id).where(four_eyes.is_near(viewer, payer)))
    return [
        ListFilter(
            "waiting",
            _("自分の回答待ち"),
            "flag",
            clause=lambda _value: mine & _waits_for(viewer, now),
        ),
        ListFilter(
            "state",
            _("状態"),
            "choice",
            choices=[(found.value, words) for found, words in APPROVAL_STATE_WORDS.items()],
            clause=lambda value: state == value,
        ),
        ListFilter(
            "kind",
            _("依頼内容"),
            "choice",
            choices=[(kind.value, words) for kind, words in APPROVAL_KIND_WORDS.items()],
            clause=lambda value: ApprovalRequest.kind == ApprovalKind(value),
        ),
        ListFilter("company", _("会社名"), "text", clause=lambda value: contains(subject.search_text, value)),
        ListFilter(
            "period",
            _("依頼日"),
            "date",
            clause=lambda value: on_days(ApprovalRequest.requested_at, value),
        ),
    ]
