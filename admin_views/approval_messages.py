"""The words for what 二人承認 refuses; %(name)s stands for the refusal's data."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from domain.errors import DomainError
from services import (
    approval_access,
    approval_asking,
    approval_plans,
    approvals,
    four_eyes,
    four_eyes_rules,
)

APPROVAL_MESSAGES: dict[type[DomainError], Any] = {
    approval_access.ApprovalDecided: _l(
        "この依頼は、すでに承認、却下または取り下げられています。画面を更新してご確認ください。"
    ),
    approval_access.ApprovalExpired: _l(
        "期限を過ぎたため、この依頼には回答できません。必要な場合は、もう一度依頼してください。"
    ),
    approval_access.ApprovalNotVisible: _l("承認依頼が見つかりません。"),
    approval_access.NotTheRequester: _l("取り下げられるのは、依頼した本人だけです。却下してください。"),
    approval_access.OwnRequest: _l("自分の依頼は承認も却下もできません。ほかの管理者が回答します。"),
    approval_access.RequesterMayNot: _l(
        "依頼した管理者に、いまはこの操作の権限がないため、承認できません。却下してください。"
    ),
    approval_asking.AlreadyAsked: _l(
        "同じ操作の承認をすでに依頼しています（承認依頼 No. %(number)s、%(asked_points)sポイント）。"
        "回答を待つか、その依頼を取り下げてください。"
    ),
    approval_plans.ApprovalOutdated: _l(
        "依頼された後に支払元または設定が変わったため、この依頼は承認できません。却下してください。"
    ),
    approval_plans.RequestWithoutRemark: _l(
        "依頼後にポイントが減り、変更後のポイントがマイナスになります。備考のない依頼のため、承認できません。"
        "却下して、備考に理由を入力した依頼を出し直してもらってください。"
    ),
    approvals.ApprovalGrew: _l(
        "表示した後に対象のポイントが増えたため、実行しませんでした。"
        "新しい内容を確認して、もう一度「承認」を押してください。"
    ),
    approvals.RejectionReasonMissing: _l("却下の理由を入力してください。"),
    four_eyes.ApprovalRequired: _l(
        "%(threshold_points)sポイント以上のため、二人目の管理者の承認が必要です。"
    ),
    four_eyes_rules.RuleChangedMeanwhile: _l(
        "画面を開いた後に、ほかの人が二人承認の設定を変更しました。最新の内容を確認して、もう一度入力してください。"
    ),
    four_eyes_rules.TooFewApprovers: _l(
        "承認できる管理者が%(approver_count)s名のため、使えません。%(minimum)s名以上必要です。"
    ),
}
