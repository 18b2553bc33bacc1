"""The words for what a use case refuses; %(name)s stands for the refusal's data."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from domain import lifecycle, points
from domain.errors import DomainError
from domain.inputs import row_ids, text
from services import (
    access,
    accounts,
    administrators,
    applications,
    beginning,
    cancellation_previews,
    cancellations,
    delivery_notices,
    ledger,
    profiles,
    refills,
    requests,
    sign_ins,
)
from services import points as point_movements

REFUSAL_MESSAGES: dict[type[DomainError], Any] = {
    access.AccountNotVisible: _l("アカウントが見つかりません。"),
    access.PermissionRefused: _l("この操作を行う権限がありません。"),
    accounts.ContractDateInvalid: _l("契約日は%(earliest)sから%(latest)sまでの日付で入力してください。"),
    accounts.SupportAccountUnknown: _l(
        "選択できるサポートアカウントではありません。一覧から選び直してください。"
    ),
    accounts.UserCountOutOfRange: _l("%(minimum)sから%(maximum)sまでの整数を数字だけで入力してください。"),
    administrators.AccountNumberUnknown: _l("アカウント番号 %(account_number)s のアカウントはありません。"),
    administrators.AdministratorTaken: _l("このユーザ名またはEメールはすでに使われています。"),
    administrators.AdministratorUnknown: _l("ユーザ名 %(user_name)s の管理者はいません。"),
    administrators.LevelNotOffered: _l("このアカウントタイプでは選べない権限です。"),
    administrators.NameRequired: _l("名前を入力してください。"),
    administrators.UserNameRefused: _l(
        "ユーザ名は半角の英数字で始まる60文字以内の英数字、ピリオド、ハイフン、下線で入力してください。"
    ),
    beginning.PriceOutOfRange: _l("料金が大きすぎます。最大の契約ユーザ数の利用料は%(maximum)sまでです。"),
    beginning.AlreadyBegun: _l("このポータルはすでに利用を開始しています。"),
    applications.ParentUnknown: _l("登録先のMSPアカウントを選び直してください。"),
    applications.ReasonRequired: _l("却下の理由を入力してください。"),
    cancellation_previews.CancellationDateInvalid: _l(
        "解約予定日は%(earliest)sから%(latest)sまでの日付で入力してください。"
    ),
    cancellations.CancellationChanged: _l(
        "表示した後にポイントが変わりました。新しい内容を確認して、もう一度同意してください。"
    ),
    cancellations.ConsentMissing: _l("「同意する」にチェックを入れてください。"),
    cancellations.NoCancellationScheduled: _l(
        "解約予定日は設定されていません。画面を更新してご確認ください。"
    ),
    delivery_notices.NobodyToNotify: _l(
        "送信できる相手がいません。"
        "アカウントを選択し、担当者名と担当者Eメールが設定されていることを確認してください。"
    ),
    ledger.AccountNotRunning: _l("利用中または一時停止のアカウントではないため、変更できません。"),
    ledger.CancellationUnderWay: _l("解約処理中のため、変更できません。"),
    ledger.InsufficientStock: _l(
        "%(payer_name)s の保有ポイントが%(missing_points)sポイント不足しています（保有 %(held_points)s）。"
        "ディストリビュータからポイントをご購入ください。"
    ),
    ledger.DistributorStockTooSmall: _l(
        "%(payer_name)s の保有ポイントが%(missing_points)sポイント不足しています（保有 %(held_points)s）。"
        "SingleIDにポイントの発行をご依頼ください。"
    ),
    ledger.PointsOutOfRange: _l("ポイントが扱える範囲（%(maximum)sまで）を超えます。"),
    lifecycle.TransitionRefused: _l(
        "アカウントの状態が変わったため、この操作はできません。画面を更新してご確認ください。"
    ),
    point_movements.RemarkRequired: _l(
        "変更後のポイントがマイナスになるため、備考に理由を入力してください。"
    ),
    points.PriceMissing: _l("料金が登録されていないため、計算できません。SingleIDの担当者にご連絡ください。"),
    profiles.ChangedMeanwhile: _l(
        "画面を開いた後に、ほかの人がこのアカウントを変更しました。"
        "最新の内容を確認して、もう一度入力してください。"
    ),
    refills.NothingToRefill: _l("補充が必要なアカウントは選択されていません。"),
    refills.RefillPlanChanged: _l(
        "表示した後にポイントまたは契約ユーザ数が変わりました。"
        "新しい内容を確認して、もう一度「更新」を押してください。"
    ),
    refills.SelectionTooLarge: _l("一度に選択できるのは%(maximum)s件までです。"),
    refills.StockTooSmall: _l(
        "%(payer_name)s の保有ポイントが%(missing_points)sポイント不足しています。"
        "ディストリビュータからポイントをご購入ください。"
    ),
    requests.RequestIdMissing: _l("この画面を開き直してから、もう一度実行してください。"),
    requests.RequestIdReused: _l(
        "この画面の内容はすでに別の操作で実行されています。画面を開き直してご確認ください。"
    ),
    row_ids.MalformedRowId: _l(
        "選択された行の指定が正しくありません。画面を更新して、もう一度選択してください。"
    ),
    row_ids.TooManyRows: _l("一度に選択できるのは%(limit)s件までです。"),
    sign_ins.OneTimeLinkInvalid: _l(
        "このリンクは使用済みか、有効期限が切れています。新しいリンクの発行を管理者にご依頼ください。"
    ),
    sign_ins.PasswordNotRepeated: _l("確認のために入力したパスワードが一致しません。"),
    sign_ins.PasswordTooLong: _l("パスワードは%(maximum)s文字以内で入力してください。"),
    sign_ins.PasswordTooShort: _l("パスワードは%(minimum)s文字以上で入力してください。"),
    text.ForbiddenCharacter: _l("使用できない文字（%(code_point)s）が含まれています。"),
    text.TextTooLong: _l("%(maximum)s文字以内で入力してください（現在%(length)s文字）。"),
}
