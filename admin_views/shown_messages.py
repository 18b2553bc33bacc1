"""The words for what somebody else has changed since a dialog showed it; `shown` and `current` by name."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from domain.errors import DomainError
from services import shown_values

SHOWN_MESSAGES: dict[type[DomainError], Any] = {
    shown_values.CancellationDateChanged: _l(
        "表示した後に、解約予定日が%(shown)sから%(current)sに変わりました。"
        "内容を確認して、もう一度お試しください。"
    ),
    shown_values.ContractDateChanged: _l(
        "表示した後に、契約日が%(shown)sから%(current)sに変わりました。"
        "内容を確認して、もう一度お試しください。"
    ),
    shown_values.ContractUsersChanged: _l(
        "表示した後に、契約ユーザ数が%(shown)sから%(current)sに変わりました。"
        "内容を確認して、もう一度お試しください。"
    ),
}
