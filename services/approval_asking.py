"""承認依頼: what would wait for a second person is written down instead of done, once. Source: docs/rules.md R19.

Each way checks everything that doing it would check, under the same locks, so that only the second person is
missing. What waits holds nothing: points, users and rows may change meanwhile, and are looked at again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from domain.errors import DomainError
from domain.four_eyes import ApprovalKind, ApprovalState, expires_at, total_points
from domain.permissions import Viewer
from models import ApprovalRequest, db
from services import audit, cancellations, cut_gate, four_eyes, points, refills, requests
from services.approval_events import request_facts
from services.approval_mails import tell_approvers
from services.ledger import AccountNotRunning
from services.mail_texts import MailBrand


class AlreadyAsked(DomainError):
    """The same is asked for already and waits; carries number and asked_points of that request."""

    http_status = 409


@dataclass(frozen=True)
class RefillAsked:
    """What became of a refill: done for the payers whose points do not wait, asked for those whose do."""

    done: refills.RefillResult
    asked_points: int


def ask_for_movement(
    *, movement: points.Movement, viewer: Viewer, request_id: str, brand: MailBrand, now: dt.datetime
) -> ApprovalRequest:
    """Ask for an addition or a return; the same `request_id` again gives the same request.

    :raises AlreadyAsked: when the like of it waits for the row.
    :raises DomainError: as points.add and points.take_back.
    """
    points.check_points(movement.points)
    first = requests.begin_request(request_id=request_id, viewer=viewer, body=movement.body, now=now)
    if first is not None:
        return _first_asked(first)
    kind = ApprovalKind.ADDITION if movement.is_addition else ApprovalKind.RETURN
    prepared = points.prepare(movement, viewer=viewer, now=now)
    if prepared.payer_id is None:
        # Issued points are nobody's yet: there is no payer whose second person could be asked.
        raise AccountNotRunning(account_id=movement.account_id)
    amounts = [movement.points, *([] if movement.is_addition else [prepared.consumed_points])]
    request = open_request(
        viewer=viewer,
        brand=brand,
        now=now,
        account_id=prepared.payer_id,
        kind=kind,
        subject_account_id=movement.account_id,
        asked_amounts=amounts,
        remark=movement.remark,
    )
    _finish(request_id, [request])
    return request


def ask_for_cancellation(
    *,
    viewer: Viewer,
    account_id: int,
    scheduled_on: dt.date | None,
    consent: bool,
    shown: tuple[int, int],
    brand: MailBrand,
    now: dt.datetime,
) -> ApprovalRequest:
    """Ask for a cancellation, at once or on a date; asking the same again gives the same request.

    :raises AlreadyAsked: when another cancellation of the account waits.
    :raises DomainError: as cancellations.cancel and cancellations.schedule.
    """
    now = cut_gate.pass_gate(now)
    account, settled = cancellations.agree(viewer, account_id, scheduled_on, consent, shown, now)
    kind = ApprovalKind.CANCELLATION if scheduled_on is None else ApprovalKind.SCHEDULED_CANCELLATION
    amounts = [settled.top_up_points, settled.write_off_points]
    waiting = open_one(account.parent_id or 0, subject_key(kind, account_id), now)
    if waiting is not None and _is_same(waiting, viewer, kind, amounts, scheduled_on):
        return waiting
    return open_request(
        viewer=viewer,
        brand=brand,
        now=now,
        account_id=account.parent_id or 0,
        kind=kind,
        subject_account_id=account_id,
        asked_amounts=amounts,
        scheduled_on=scheduled_on,
    )


def ask_for_refill(
    *,
    viewer: Viewer,
    account_ids: Sequence[int],
    digest: str,
    as_far_as_possible: bool,
    request_id: str,
    brand: MailBrand,
    now: dt.datetime,
) -> RefillAsked:
    """Refill for the payers whose points do not wait, and ask for those whose do: one request each.

    :raises AlreadyAsked: when the same rows of a payer are asked for already.
    :raises DomainError: as refills.refill.
    """
    body = refills.request_body(account_ids, digest, as_far_as_possible)
    first = requests.begin_request(request_id=request_id, viewer=viewer, body=body, now=now)
    if first is not None:
        done = refills.RefillResult(first["refilled_count"], first["total_points"])
        return RefillAsked(done, first.get("approval_points", 0))
    plan = refills.prepare(
        viewer=viewer, account_ids=account_ids, now=now, as_far_as_possible=as_far_as_possible, digest=digest
    )
    waiting = four_eyes.waiting_payers({payer.account_id: payer.paid_points for payer in plan.payers})
    free = plan.of_payers({payer.account_id for payer in plan.payers} - waiting)
    done = refills.RefillResult(0, 0)
    if free.refilled_count:
        done = refills.carry_out(free, viewer=viewer, request_id=request_id, now=now)
    asked = [_ask_payer(plan, payer_id, viewer, brand, now) for payer_id in sorted(waiting)]
    kept = {"refilled_count": done.refilled_count, "total_points": done.total_points}
    _finish(request_id, asked, **kept)
    return RefillAsked(done, sum(request.asked_points for request in asked))


def _ask_payer(
    plan: refills.RefillPlan, payer_id: int, viewer: Viewer, brand: MailBrand, now: dt.datetime
) -> ApprovalRequest:
    rows = [row for row in plan.of_payers({payer_id}).rows if row.refill_points]
    return open_request(
        viewer=viewer,
        brand=brand,
        now=now,
        account_id=payer_id,
        kind=ApprovalKind.REFILL,
        account_ids=[row.account_id for row in rows],
        asked_amounts=[row.refill_points for row in rows],
        as_far_as_possible=plan.as_far_as_possible,
    )


def subject_key(kind: ApprovalKind, subject_id: int | None, account_ids: Sequence[int] = ()) -> str:
    """Return what there may be only one open request of: a kind and its row or rows; one cancellation of a row."""
    if kind is ApprovalKind.REFILL:
        return f"refill:{hashlib.sha256(str(sorted(account_ids)).encode()).hexdigest()[:40]}"
    if kind is ApprovalKind.SCHEDULED_CANCELLATION:
        kind = ApprovalKind.CANCELLATION
    return f"{kind.value}:{subject_id or ''}"


def open_one(account_id: int, key: str, now: dt.datetime) -> ApprovalRequest | None:
    """Return the request of a payer and a key that can still be approved, if there is one."""
    statement = select(ApprovalRequest).where(
        ApprovalRequest.account_id == account_id,
        ApprovalRequest.subject_key == key,
        ApprovalRequest.state == ApprovalState.OPEN,
        ApprovalRequest.expires_at > now,
    )
    return db.session.execute(statement).scalar_one_or_none()


def open_request(
    *,
    viewer: Viewer,
    brand: MailBrand,
    now: dt.datetime,
    account_id: int,
    kind: ApprovalKind,
    asked_amounts: list[int],
    **values: Any,
) -> ApprovalRequest:
    """Write a request, its event and the mails to those who may approve it; what it is about must be locked.

    :raises AlreadyAsked: when there is an open one of the same.
    """
    key = subject_key(kind, values.get("subject_account_id"), values.get("account_ids", ()))
    waiting = open_one(account_id, key, now)
    if waiting is not None:
        raise AlreadyAsked(number=waiting.id, asked_points=waiting.asked_points)
    request = ApprovalRequest(
        account_id=account_id,
        kind=kind,
        state=ApprovalState.OPEN,
        subject_key=key,
        asked_amounts=asked_amounts,
        asked_points=total_points(kind, asked_amounts),
        request_id=str(uuid.uuid4()),
        requester_id=viewer.administrator_id,
        requested_at=now,
        expires_at=expires_at(now, values.get("scheduled_on")),
        **values,
    )
    db.session.add(request)
    db.session.flush()
    audit.record(
        action="approval.requested", viewer=viewer, account_id=account_id, now=now, **request_facts(request)
    )
    tell_approvers(request=request, brand=brand, now=now)
    return request


def _is_same(
    waiting: ApprovalRequest,
    viewer: Viewer,
    kind: ApprovalKind,
    amounts: list[int],
    scheduled_on: dt.date | None,
) -> bool:
    asked = (waiting.requester_id, waiting.kind, waiting.asked_amounts, waiting.scheduled_on)
    return asked == (viewer.administrator_id, kind, amounts, scheduled_on)


def _first_asked(first: dict[str, int]) -> ApprovalRequest:
    if "approval_id" not in first:
        # It was carried out then, because nothing waited yet.
        raise requests.RequestIdReused
    return db.session.get_one(ApprovalRequest, first["approval_id"])


def _finish(request_id: str, asked: Sequence[ApprovalRequest], **kept: int) -> None:
    if asked:
        kept |= {"approval_count": len(asked), "approval_points": sum(one.asked_points for one in asked)}
        kept["approval_id"] = asked[0].id
    requests.finish_request(request_id=request_id, result=kept)
