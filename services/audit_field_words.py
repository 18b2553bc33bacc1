"""操作ログ in words: the names of what events carry, and their values as people read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from domain.billing_calendar import TOKYO
from domain.lifecycle import SuspensionReason
from domain.portal_menus import HIDEABLE_MENUS
from models.mails import MailKind
from services.words import APPROVAL_KIND_WORDS, LEVEL_WORDS, STATUS_WORDS, TYPE_WORDS

#: Prefix of 販売店情報 among the columns of an account.
RESELLER_PREFIX = "reseller_"
FIELD_WORDS: dict[str, Any] = {
    "company_name": _("会社名"),
    "website_url": _("ウェブサイト"),
    "phone_number": _("電話番号"),
    "postal_code": _("郵便番号"),
    "prefecture": _("都道府県"),
    "city": _("市区町村"),
    "address_line": _("番地/ビル等"),
    "contact_name": _("担当者名"),
    "contact_email": _("担当者Eメール"),
    "industry": _("業種"),
    "remark": _("備考"),
    "account_number": _("アカウント番号"),
    "account_type": _("アカウントタイプ"),
    "contract_user_count": _("契約ユーザ数"),
    "contract_date": _("契約日"),
    "cancellation_date": _("解約予定日"),
    "scheduled_on": _("解約予定日"),
    "support_account_id": _("サポートアカウント"),
    "parent_id": _("上位アカウント"),
    "hidden_menu_keys": _("非表示のメニュー"),
    "language": _("言語"),
    "status": _("状態"),
    "reason": _("理由"),
    "attempts": _("試行回数"),
    "points": _("ポイント"),
    "balance_after": _("残ポイント"),
    "point_balance": _("現在のポイント"),
    "top_up_points": _("解約時補充"),
    "write_off_points": _("解約時の消費"),
    "refilled_count": _("補充した件数"),
    "total_points": _("合計ポイント"),
    "charged_points": _("消費ポイント"),
    "due_points": _("対象のポイント"),
    "last_due_points": _("前回の対象のポイント"),
    "account_count": _("アカウント数"),
    "parked_count": _("保留の件数"),
    "fee_points": _("月額利用料"),
    "negative_count": _("不足の件数"),
    "billing_date": _("課金日"),
    "user_name": _("ユーザ名"),
    "full_name": _("名前"),
    "email": _("Eメール"),
    "level": _("権限設定"),
    "from_company_name": _("入室元"),
    "mail_count": _("メールの通数"),
    "mail_kind": _("メールの種類"),
    "alarm": _("警告の種類"),
    "laws": _("崩れていた条件"),
    "notified_count": _("通知した件数"),
    "refused_count": _("通知しなかった件数"),
    "user_names": _("ユーザ名"),
    "user_count": _("ユーザ数"),
    "department": _("部署"),
    "file_name": _("ファイル名"),
    "registered_count": _("登録した件数"),
    "updated_count": _("更新した件数"),
    "skipped_count": _("変更しなかった件数"),
    "withheld_count": _("送信しなかった通数"),
    "bounced_at": _("不達になった日時"),
    "locked_until": _("ロックの期限"),
    "from_address": _("接続元"),
    "session_count": _("終了した端末の数"),
    "account_numbers": _("アカウント番号"),
    "unassigned_count": _("割当を外した件数"),
    "remaining_fee_points": _("契約の残り期間の月額利用料"),
    "name": _("名前"),
    "preset_name": _("プリセット"),
    "valid_from": _("適用開始"),
    "base_points": _("ベースポイント"),
    "included_user_count": _("ベースポイントに含むユーザ数"),
    "points_per_additional_user": _("追加1ユーザのポイント"),
    "list_name": _("一覧"),
    "file_format": _("形式"),
    "row_count": _("件数"),
    "filters": _("絞り込み"),
    "threshold_points": _("承認が必要なポイント数"),
    "approval_number": _("承認依頼 No."),
    "approval_kind": _("依頼内容"),
    "approval_points": _("依頼したポイント"),
    "moved_points": _("実行されたポイント"),
    "rejection_reason": _("却下の理由"),
    "requester_account_id": _("依頼元"),
}
#: What an event carries for the machine, or names by other words already.
HIDDEN_FIELDS = frozenset({"digest", "request_id", "account_ids", "requester_id"})

LIST_WORDS: dict[str, Any] = {
    "customers": _("顧客アカウント一覧"),
    "accounts": _("MSPアカウント一覧"),
    "pending": _("承認待ちアカウント一覧"),
    "points": _("ポイント履歴"),
    "log": _("操作ログ"),
    "users": _("ユーザ一覧"),
    "administrators": _("管理者"),
    "prices": _("料金"),
    "rehearsal": _("リハーサル"),
    "run_comparison": _("リハーサルとの比較"),
    "run_report": _("締め処理レポート"),
    "presets": _("画面プリセット"),
    "runs": _("月額利用料の実行"),
    "parked_fees": _("保留のアカウント"),
    "approvals": _("承認依頼"),
    "four_eyes": _("二人承認"),
}
MAIL_KIND_WORDS: dict[MailKind, Any] = {
    MailKind.DELIVERY_NOTICE: _("納品通知"),
    MailKind.APPROVAL: _("承認の通知"),
    MailKind.REJECTION: _("却下の通知"),
    MailKind.CANCELLATION_REMINDER: _("契約期限前の警告通知"),
    MailKind.SUSPENSION_WARNING: _("一時停止の予告"),
    MailKind.ADMINISTRATOR_REGISTERED: _("管理者の登録通知"),
    MailKind.PASSWORD_LINK: _("パスワード設定の案内"),
    MailKind.SECOND_FACTOR_CHANGED: _("2段階認証の変更の通知"),
    MailKind.OPERATOR_ALARM: _("運用の警告"),
    MailKind.AUDIT_HEAD: _("操作ログの封印の控え"),
    MailKind.APPROVAL_REQUEST: _("承認のお願い"),
    MailKind.APPROVAL_DECISION: _("承認依頼の結果"),
}
ALARM_WORDS: dict[str, Any] = {
    "late_run": _("月額利用料の計算の遅れ"),
    "run_in_review": _("月額利用料の計算の確認待ち"),
    "broken_laws": _("検査の異常"),
}
SUSPENSION_WORDS: dict[SuspensionReason, Any] = {
    SuspensionReason.SHORTAGE: _("ポイント不足"),
    SuspensionReason.MANUAL: _("手動"),
}
_LANGUAGE_WORDS = {"ja": "日本語", "en": "English"}
_FORMAT_WORDS = {"csv": "CSV", "xlsx": "Excel"}
_MENU_WORDS = {menu.key: menu.label for menu in HIDEABLE_MENUS}
#: Fields whose values are codes of an enumeration, with their words.
_CODES: dict[str, dict[Any, Any]] = {
    "account_type": {kind.value: words for kind, words in TYPE_WORDS.items()},
    "status": {status.value: words for status, words in STATUS_WORDS.items()},
    "level": {level.value: words for level, words in LEVEL_WORDS.items()},
    "mail_kind": {kind.value: words for kind, words in MAIL_KIND_WORDS.items()},
    "reason": {reason.value: words for reason, words in SUSPENSION_WORDS.items()},
    "list_name": LIST_WORDS,
    "alarm": ALARM_WORDS,
    "language": _LANGUAGE_WORDS,
    "file_format": _FORMAT_WORDS,
    "approval_kind": {kind.value: words for kind, words in APPROVAL_KIND_WORDS.items()},
}
#: Fields whose stored Japanese words have a translation.
_TRANSLATED = frozenset({"prefecture", "industry"})


def value_text(name: str, value: Any) -> str:
    """Return a value of a field: the words of codes, numbers with separators, Tokyo days; "(空欄)" for none."""
    if value in (None, "", []):
        return gettext("すべて表示") if name == "hidden_menu_keys" else gettext("(空欄)")
    if isinstance(value, list):
        return gettext("、").join(value_text(f"{name}[]", item) for item in value)
    if name == "hidden_menu_keys[]":
        return gettext(_MENU_WORDS.get(value, value))
    if name in _CODES and value in _CODES[name]:
        return str(_CODES[name][value])
    if name in _TRANSLATED:
        return gettext(value)
    return _plain_text(name, value)


def _plain_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return gettext("はい") if value else gettext("いいえ")
    if isinstance(value, int):
        signed = f"{value:,}".replace("-", "−")
        return f"+{signed}" if name == "points" and value > 0 else signed
    if isinstance(value, dict):
        return gettext("、").join(f"{key}: {found}" for key, found in value.items())
    text = str(value)
    return _as_day(text) if name.endswith(("_date", "_on", "_at", "_until", "valid_from")) else text


def _as_day(text: str) -> str:
    """Return an ISO day or instant as the screens write it; anything else as it is."""
    for reader, shown in _DAY_READERS:
        try:
            return shown(reader(text))
        except ValueError:
            continue
    return text


_DAY_READERS: tuple[tuple[Callable[[str], Any], Callable[[Any], str]], ...] = (
    (dt.date.fromisoformat, lambda day: f"{day:%Y/%m/%d}"),
    (dt.datetime.fromisoformat, lambda instant: f"{instant.astimezone(TOKYO):%Y/%m/%d %H:%M}"),
)
