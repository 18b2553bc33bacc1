"""The words for what people typed and could not be taken."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from domain.errors import DomainError
from domain.inputs.contact import PhoneNumberRefused, PostalCodeRefused, WebAddressRefused
from domain.inputs.dates import DateRefused
from domain.inputs.emails import EmailAddressRefused
from domain.inputs.request_ids import RequestIdRefused
from domain.inputs.whole_number import WholeNumberRefused
from services import list_arguments

REQUIRED = _l("必須項目です。")
NOT_IN_LIST = _l("一覧にある値から選んでください。")
CONSENT_MISSING = _l("「同意する」にチェックを入れてください。")

#: By class of refusal; %(name)s stands for the refusal's data.
INPUT_MESSAGES: dict[type[DomainError], Any] = {
    WholeNumberRefused: _l("%(minimum)sから%(maximum)sまでの整数を数字だけで入力してください。"),
    DateRefused: _l("実在する日付を2026/11/25の形で入力してください（%(earliest)sから%(latest)sまで）。"),
    EmailAddressRefused: _l("メールアドレスを1つだけ、name@example.jpの形で入力してください。"),
    PhoneNumberRefused: _l("電話番号を数字とハイフンで入力してください（例: 03-1234-5678）。"),
    PostalCodeRefused: _l("郵便番号を7桁の数字で入力してください（例: 100-0001）。"),
    WebAddressRefused: _l("http://またはhttps://で始まるアドレスを入力してください。"),
    RequestIdRefused: _l("この画面を開き直してから、もう一度実行してください。"),
}

#: By code, for the errors of a list's search and filters.
LIST_ERROR_MESSAGES: dict[str, Any] = {
    list_arguments.BAD_CHOICE: NOT_IN_LIST,
    list_arguments.BAD_NUMBER: _l("整数を数字だけで入力してください。"),
    list_arguments.BAD_DATE: _l("実在する日付を2026/11/25の形で入力してください。"),
    list_arguments.BAD_TEXT: _l("使えない文字が含まれています。"),
    list_arguments.REVERSED_RANGE: _l("範囲の始まりが終わりより後になっています。"),
    list_arguments.TOO_LONG: _l("200文字以内で入力してください。"),
    list_arguments.TOO_MANY_WORDS: _l("検索語は5つまでです。"),
}
