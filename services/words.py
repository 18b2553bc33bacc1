"""The words that lists, files and dialogs share for states and kinds."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext

from domain.four_eyes import ApprovalKind, ApprovalState
from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, AdminLevel
from domain.points import PointKind

STATUS_WORDS = {
    AccountStatus.PENDING_APPROVAL: _("承認待ち"),
    AccountStatus.APPROVED: _("承認済"),
    AccountStatus.PROVISIONING_FAILED: _("プロビジョニング失敗"),
    AccountStatus.REJECTED: lazy_pgettext("status", "却下"),
    AccountStatus.WITHDRAWN: _("取下げ"),
    AccountStatus.ACTIVE: _("利用中"),
    AccountStatus.SUSPENDED: _("一時停止"),
    AccountStatus.CANCELED: _("解約済"),
}
TYPE_WORDS = {
    AccountType.OPERATOR: _("SingleID"),
    AccountType.PRIVILEGED_MSP: _("特権MSPアカウント"),
    AccountType.MSP: _("MSPアカウント"),
    AccountType.SUPPORT: _("サポートアカウント"),
    AccountType.CUSTOMER: _("顧客アカウント"),
}
LEVEL_WORDS = {
    AdminLevel.OVERALL: _("全体管理者"),
    AdminLevel.CONTRACT: _("契約管理者"),
    AdminLevel.SYSTEM: _("システム管理者"),
}
KIND_WORDS = {
    PointKind.ISSUE: _("ポイント発行"),
    PointKind.ADDITION: _("ポイント追加"),
    PointKind.RETURN: _("ポイント返却"),
    PointKind.MONTHLY_FEE: _("月額利用料"),
    PointKind.CANCELLATION_TOP_UP: _("解約時補充"),
    PointKind.CANCELLATION_WRITE_OFF: lazy_pgettext("kind of point line", "解約"),
}
APPROVAL_KIND_WORDS = {
    ApprovalKind.ADDITION: _("ポイント追加"),
    ApprovalKind.RETURN: _("ポイント返却"),
    ApprovalKind.REFILL: _("必要ポイントの補充"),
    ApprovalKind.CANCELLATION: lazy_pgettext("kind of request", "解約"),
    ApprovalKind.SCHEDULED_CANCELLATION: _("解約予約"),
    ApprovalKind.RULE_CHANGE: _("二人承認の設定変更"),
}
APPROVAL_STATE_WORDS = {
    ApprovalState.OPEN: _("依頼中"),
    ApprovalState.APPROVED: _("承認済"),
    ApprovalState.REJECTED: lazy_pgettext("status", "却下"),
    ApprovalState.WITHDRAWN: _("取下げ"),
    ApprovalState.EXPIRED: _("期限切れ"),
}
#: What stands under 実行者 for the clockwork; no user name can be written so.
CLOCKWORK_ACTOR = "(clockwork)"
ACTOR_WORDS = {CLOCKWORK_ACTOR: _("自動処理")}
