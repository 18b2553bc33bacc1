"""Whether somebody who asked for work that is done later may still ask for it. Source: decision 0014."""

from __future__ import annotations

from sqlalchemy import select

from domain.permissions import Permission
from models import Account, Administrator, db
from services import access, sign_ins


def may_still(
    *, administrator_id: int, permission: Permission, account_id: int, or_of_own: bool = False
) -> bool:
    """Tell whether an administrator may do something to an account now, as if he asked for it himself.

    No: deleted, disabled, gone with his own account, without the permission, or the account is not below him;
    `or_of_own`: nor his own, where what is done is a matter of who pays.
    Being locked out is no reason: anybody could bring that about by guessing passwords.
    """
    found = db.session.execute(
        select(Administrator, Account)
        .join(Account, Administrator.account_id == Account.id)
        .where(Administrator.id == administrator_id, Administrator.deleted_at.is_(None))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        return False
    administrator, own_account = found
    viewer = sign_ins.viewer_of(administrator)
    if not sign_ins.may_sign_in(administrator, own_account) or not viewer.can(permission):
        return False
    rows = access.history_scope(viewer) if or_of_own else access.scope(viewer)
    below = select(Account.id).where(Account.id == account_id, rows)
    return db.session.execute(below).first() is not None
