"""What stands around the pages of the customer portal: whose it is, what is not open there and why."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from domain.lifecycle import AccountStatus
from services.portal_visits import MENU_OF_ADMINISTRATORS, Limit, Visit
from services.words import STATUS_WORDS

ADMINISTRATORS_PATH = "/portal/manage/administrators/"
#: Key of domain.portal_menus → (words, address) of the header's buttons.
HEADER_BUTTONS = (
    ("support", _l("サポート"), "/portal/support/"),
    ("consultation", _l("導入のご相談"), "/portal/consultation/"),
)
_LIMIT_WORDS = {
    Limit.SUSPENDED: _l("このアカウントは一時停止中です。閲覧のみできます。変更はできません。"),
    Limit.CANCELED: _l("このアカウントは解約済です。閲覧のみできます。変更はできません。"),
    Limit.OPERATOR: _l("SingleIDの管理者は閲覧のみできます。変更はできません。"),
    Limit.OPERATOR_BEGINS: _l("SingleIDの管理者は、管理者の登録と変更のほかは閲覧のみできます。"),
    Limit.SUPPORT: _l("サポートアカウントの管理者は、ユーザ一覧と基本情報のほかは閲覧のみできます。"),
}


@dataclass(frozen=True)
class HeaderButton:
    """A button of the header with its words and address."""

    label: str
    url: str
    is_here: bool


def header_buttons(visit: Visit) -> list[HeaderButton]:
    """Return the header's buttons that 画面のカスタマイズ leaves."""
    return [
        HeaderButton(str(label), url, request.path.startswith(url))
        for key, label, url in HEADER_BUTTONS
        if not visit.is_hidden(key)
    ]


def notes(visit: Visit) -> list[str]:
    """Return what a visitor must know on the present page: why something is not open, or open only to him."""
    found = [str(_LIMIT_WORDS[visit.limit])] if visit.limit else []
    is_at_administrators = request.path.startswith(ADMINISTRATORS_PATH)
    if is_at_administrators and visit.is_open_though_hidden(MENU_OF_ADMINISTRATORS):
        found.append(_("この画面は、画面のカスタマイズにより顧客には表示されていません。"))
    return found


def state_word(status: AccountStatus) -> str:
    """Return the word for a state that is out of the ordinary; nothing for 利用中."""
    return "" if status is AccountStatus.ACTIVE else str(STATUS_WORDS[status])
