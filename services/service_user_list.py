"""ユーザ一覧: the rows, columns, search and filter of an account's users, and the numbers that head it."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from models import Account, ServiceUser, db
from services.lists import ListColumn, ListFilter, ListSource

ENABLED, DISABLED = "enabled", "disabled"
STATE_WORDS = {False: _("有効"), True: _("無効")}


@dataclass(frozen=True)
class UserCounts:
    """How many users an account has registered, disabled ones included, and how many it has contracted."""

    registered: int
    contracted: int

    @property
    def remaining(self) -> int:
        """How many more may be registered (≥ 0)."""
        return max(0, self.contracted - self.registered)


def registered_count(account_id: int) -> int:
    """Return how many users an account has registered; who counts before a change holds the account's lock."""
    statement = select(func.count()).select_from(ServiceUser).where(ServiceUser.account_id == account_id)
    return db.session.execute(statement).scalar_one()


def user_counts(account_id: int) -> UserCounts:
    """Return registered and contracted users of an account."""
    contracted = select(Account.contract_user_count).where(Account.id == account_id)
    return UserCounts(registered_count(account_id), db.session.execute(contracted).scalar_one())


def users_source(*, account_id: int) -> ListSource:
    """Return the list of an account's users, by name."""
    return ListSource(
        name="users",
        statement=select(ServiceUser.id, ServiceUser.is_disabled).where(ServiceUser.account_id == account_id),
        columns=[
            ListColumn("user_name", _("ユーザ名"), "text", ServiceUser.user_name, never_blank=True),
            ListColumn("full_name", _("名前"), "text", ServiceUser.full_name),
            ListColumn("email", _("Eメール"), "text", ServiceUser.email),
            ListColumn("department", _("部署"), "text", ServiceUser.department),
            ListColumn("state", _("状態"), "text", ServiceUser.is_disabled, words=STATE_WORDS),
            ListColumn("created_at", _("登録日時"), "instant", ServiceUser.created_at),
            ListColumn("updated_at", _("更新日時"), "instant", ServiceUser.updated_at),
        ],
        filters=[
            ListFilter(
                "state",
                _("状態"),
                "choice",
                choices=[(ENABLED, STATE_WORDS[False]), (DISABLED, STATE_WORDS[True])],
                clause=lambda value: ServiceUser.is_disabled == (value == DISABLED),
            ),
        ],
        search_expressions=[ServiceUser.search_text],
        tie_breaker=ServiceUser.id,
        default_sort="user_name",
    )
