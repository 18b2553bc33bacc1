"""操作ログ in words: what an event is called, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from domain.permissions import AccountType, Viewer
from services.audit_field_words import (
    FIELD_WORDS,
    HIDDEN_FIELDS,
    RESELLER_PREFIX,
    value_text,
)

ACTION_WORDS: dict[str, Any] = {
    # Signing in, and the portals that one enters
    "administrator.signed_in": _("ログイン"),
    "administrator.signed_out": _("ログアウト"),
    "portal.entered": _("顧客画面への入室"),
    "portal.entered_other": _("他の顧客画面への入室"),
    # Administrators
    "administrator.created": _("管理者の登録"),
    "administrator.password_changed": _("パスワードの変更"),
    "administrator.password_set": _("パスワードの設定"),
    "administrator.password_reset": _("パスワード再設定リンクの発行"),
    "administrator.password_link_sent": _("パスワード設定の案内の送信"),
    "administrator.password_link_requested": _("パスワード再設定の申込み"),
    "administrator.updated": _("管理者の更新"),
    "administrator.disabled": _("管理者の無効化"),
    "administrator.enabled": _("管理者の有効化"),
    "administrator.locked": _("管理者のロック"),
    "administrator.unlocked": _("管理者のロックの解除"),
    "administrator.sessions_ended": _("ログイン中の端末の終了"),
    "administrator.deleted": _("管理者の削除"),
    "administrator.language_chosen": _("表示言語の変更"),
    "administrator.confirmed": _("本人確認"),
    "second_factor.switched_on": _("2段階認証の有効化"),
    "second_factor.replaced": _("2段階認証の認証アプリの変更"),
    "second_factor.switched_off": _("2段階認証の無効化"),
    "second_factor.codes_renewed": _("リカバリーコードの再発行"),
    "second_factor.taken_away": _("2段階認証の解除"),
    "second_factor.recovery_code_used": _("リカバリーコードの使用"),
    "second_factor.required": _("2段階認証の必須化"),
    "second_factor.not_required": _("2段階認証の必須の解除"),
    # Applications
    "application.registered": _("登録申請"),
    "application.changed": _("申請内容の変更"),
    "application.withdrawn": _("申請の削除"),
    "application.approved": _("申請の承認"),
    "application.rejected": _("申請の却下"),
    "provisioning.requested": _("プロビジョニングの指示"),
    "provisioning.done": _("プロビジョニング"),
    "provisioning.failed": _("プロビジョニング失敗"),
    # Users of the identity service
    "service_user.registered": _("ユーザの登録"),
    "service_user.updated": _("ユーザの更新"),
    "service_user.disabled": _("ユーザの無効化"),
    "service_user.enabled": _("ユーザの有効化"),
    "service_user.deleted": _("ユーザの削除"),
    "service_user.imported": _("ユーザのインポート"),
    # Accounts
    "account.updated": _("基本情報更新"),
    "profile.updated": _("基本情報の変更（顧客画面）"),
    "customer.moved": _("MSPの変更"),
    "customers.moved_in": _("顧客アカウントの受入"),
    "customers.moved_out": _("顧客アカウントの移管"),
    "account.suspended": _("一時停止"),
    "account.resumed": _("一時停止の解除"),
    "contract_users.changed": _("契約ユーザ数の変更"),
    "contract_date.changed": _("契約日の変更"),
    "cancellation.scheduled": _("解約予定日の設定"),
    "cancellation.lifted": _("解約予定日の解除"),
    "cancellation.executed": _("解約の実行"),
    "cancellation.blocked": _("解約の保留"),
    "menu_preset.created": _("画面プリセットの登録"),
    "menu_preset.updated": _("画面プリセットの更新"),
    "menu_preset.deleted": _("画面プリセットの削除"),
    "menu_preset.applied": _("画面プリセットの適用"),
    # Points
    "points.added": _("ポイント追加"),
    "points.returned": _("ポイント返却"),
    "points.issued": _("ポイント発行"),
    "points.refilled": _("必要ポイントの補充"),
    "points.handed_down": _("ポイント追加（払出）"),
    "points.taken_back": _("ポイント返却（受入）"),
    "points.refilled_below": _("必要ポイントの補充（払出）"),
    "cancellation.topped_up": _("解約時補充（払出）"),
    "price.added": _("料金の登録"),
    "billing_run.listed": _("月額利用料の計算開始"),
    "billing_run.held": _("月額利用料の要確認による停止"),
    "billing_run.released": _("月額利用料の停止の解除"),
    "billing_run.retried": _("月額利用料の保留分の再実行"),
    "billing_run.finished": _("月額利用料の計算完了"),
    "billing_rehearsal.saved": _("リハーサルの保存"),
    # A second person
    "four_eyes.changed": _("二人承認の設定変更"),
    "approval.requested": _("承認の依頼"),
    "approval.approved": _("承認依頼の承認"),
    "approval.rejected": _("承認依頼の却下"),
    "approval.withdrawn": _("承認依頼の取り下げ"),
    "approval.expired": _("承認依頼の期限切れ"),
    # Mails and files
    "delivery_notice.sent": _("納品通知"),
    "delivery_notices.sent": _("納品通知（一括）"),
    "warning_mail.queued": _("警告通知の送信"),
    "bounce.lifted": _("不達の解除"),
    "list.exported": _("一覧のダウンロード"),
    "portal.begun": _("サービスの開始"),
    "alarm.raised": _("運用の警告の送信"),
}
#: Why a system did not take an account is the operator's matter.
_OPERATOR_ONLY = frozenset({("provisioning.failed", "reason")})
#: Finds the number and 会社名 of accounts that an event names by id.
NameOf = Callable[[int], str]


def action_text(action: str) -> str:
    """Return what an event is called; one that has no words keeps its code, so that nothing is hidden."""
    return str(ACTION_WORDS.get(action, action))


def detail_lines(
    *, action: str, details: Mapping[str, Any] | None, viewer: Viewer, name_of: NameOf
) -> list[str]:
    """Return what an event was about, a line a fact: "契約ユーザ数: 30 → 50" or "備考: …"."""
    facts = {
        name: value
        for name, value in (details or {}).items()
        if name not in HIDDEN_FIELDS
        and ((action, name) not in _OPERATOR_ONLY or viewer.account_type is AccountType.OPERATOR)
    }
    return list(_lines(facts, name_of))


def _lines(facts: Mapping[str, Any], name_of: NameOf) -> Iterator[str]:
    for name, value in facts.items():
        if name == "changes":
            for changed, (old, new) in value.items():
                if changed not in HIDDEN_FIELDS:
                    yield _change(changed, old, new, name_of)
        elif name.startswith("old_"):
            field = name.removeprefix("old_")
            if f"new_{field}" in facts:
                yield _change(field, value, facts[f"new_{field}"], name_of)
            elif value is not None:
                yield gettext(
                    "%(field)s: %(old)s から", field=_label(field), old=_value(field, value, name_of)
                )
        elif name.startswith("new_"):
            field = name.removeprefix("new_")
            if f"old_{field}" not in facts:
                yield f"{_label(field)}: {_value(field, value, name_of)}"
        elif not _says_nothing(name, value):
            yield f"{_label(name)}: {_value(name, value, name_of)}"


def _says_nothing(name: str, value: Any) -> bool:
    """Tell whether a fact is blank, or counts what did not happen; that a file had no rows says something."""
    is_idle_count = value == 0 and name.endswith("_count") and name != "row_count"
    return value in (None, "", [], {}) or is_idle_count


def _change(name: str, old: Any, new: Any, name_of: NameOf) -> str:
    return f"{_label(name)}: {_value(name, old, name_of)} → {_value(name, new, name_of)}"


def _label(name: str) -> str:
    if ": " in name:
        # One of several things that changed at once: which, and what of it.
        which, _colon, field = name.rpartition(": ")
        return f"{which} {_label(field)}"
    if name.startswith(RESELLER_PREFIX):
        return f"{gettext('販売店情報')} {_label(name.removeprefix(RESELLER_PREFIX))}"
    return str(FIELD_WORDS.get(name, name))


def _value(name: str, value: Any, name_of: NameOf) -> str:
    if name.endswith("account_id") or name == "parent_id":
        return name_of(value) if isinstance(value, int) else gettext("(空欄)")
    return value_text(name.rpartition(": ")[2].removeprefix(RESELLER_PREFIX), value)
