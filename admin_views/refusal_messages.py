"""The words for what a use case refuses; %(name)s stands for the refusal's data."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from domain import lifecycle, points
from domain import service_users as user_files
from domain.errors import DomainError
from domain.inputs import row_ids, text
from services import (
    access,
    account_as_of,
    account_registrations,
    accounts,
    administrator_access,
    administrators,
    applications,
    beginning,
    billing_retries,
    billing_runs,
    bounces,
    cancellation_blockers,
    cancellation_previews,
    cancellations,
    delivery_notices,
    due_fees,
    ledger,
    manual_suspensions,
    menu_presets,
    moves,
    one_time_links,
    passwords,
    portal_administrators,
    portal_visits,
    preset_application,
    price_changes,
    profiles,
    refills,
    rehearsal_choice,
    rehearsals,
    requests,
    row_guard,
    run_comparison,
    run_progress,
    saved_rehearsals,
    service_user_import,
    service_users,
    session_list,
    transaction,
)
from services import points as point_movements

REFUSAL_MESSAGES: dict[type[DomainError], Any] = {
    access.AccountNotVisible: _l("アカウントが見つかりません。"),
    row_guard.RowOutOfScope: _l("アカウントが見つかりません。"),
    access.PermissionRefused: _l("この操作を行う権限がありません。"),
    account_as_of.DayOutOfRange: _l("%(earliest)sから%(latest)sまでの日付で入力してください。"),
    accounts.ContractDateInvalid: _l("契約日は%(earliest)sから%(latest)sまでの日付で入力してください。"),
    accounts.SupportAccountUnknown: _l(
        "選択できるサポートアカウントではありません。一覧から選び直してください。"
    ),
    accounts.UserCountBelowRegistered: _l(
        "ユーザ一覧に%(registered)s人のユーザが登録されているため、契約ユーザ数を%(registered)sより少なくできません。"
        "先にお客様の画面でユーザを削除してください。"
    ),
    accounts.UserCountOutOfRange: _l("%(minimum)sから%(maximum)sまでの整数を数字だけで入力してください。"),
    administrator_access.AdministratorNotVisible: _l("管理者が見つかりません。"),
    administrator_access.LastAdministrator: _l(
        "このアカウントの管理者を登録・変更できる最後の管理者のため、実行できません。"
        "先に、同じ権限の別の管理者を登録してください。"
    ),
    administrators.AccountNumberUnknown: _l("アカウント番号 %(account_number)s のアカウントはありません。"),
    administrators.AdministratorUnknown: _l("ユーザ名 %(user_name)s の管理者はいません。"),
    administrators.EmailTaken: _l("このEメールはすでに使われています。"),
    administrators.LevelNotOffered: _l("このアカウントタイプでは選べない権限です。"),
    administrators.NameRequired: _l("名前を入力してください。"),
    administrators.UserNameRefused: _l(
        "ユーザ名は半角の英数字で始まる60文字以内の英数字、ピリオド、ハイフン、下線で入力してください。"
    ),
    administrators.UserNameTaken: _l(
        "このユーザ名は使用されています。削除した管理者のユーザ名も使えません。"
    ),
    beginning.PriceOutOfRange: _l("料金が大きすぎます。最大の契約ユーザ数の利用料は%(maximum)sまでです。"),
    beginning.AlreadyBegun: _l("このポータルはすでに利用を開始しています。"),
    account_registrations.AccountTypeNotOffered: _l("登録できるアカウントタイプではありません。"),
    applications.DistributorUnknown: _l("登録先の特権MSPアカウントを選択してください。"),
    applications.ParentUnknown: _l("登録先のMSPアカウントを選び直してください。"),
    applications.ReasonRequired: _l("却下の理由を入力してください。"),
    bounces.BounceUnknown: _l(
        "この宛先の不達の記録はありません。すでに解除されたか、別のメールが届いています。"
    ),
    cancellation_blockers.AccountsBelow: _l(
        "配下に利用中または申請中のアカウントが%(account_count)s件あるため、解約できません。"
        "先に解約、移動または申請の削除をしてください。"
    ),
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
    ledger.PayerLeaving: _l("%(payer_name)s が解約処理中のため、ポイントを変更できません。"),
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
    manual_suspensions.NotActive: _l("利用中のアカウントではないため、一時停止できません。"),
    manual_suspensions.NotManuallySuspended: _l(
        "手動で一時停止されたアカウントではありません。"
        "ポイント不足による一時停止は、ポイントを追加して0以上になると自動で解除されます。"
    ),
    manual_suspensions.SuspensionReasonRequired: _l("一時停止の理由を入力してください。"),
    menu_presets.PresetChangedMeanwhile: _l(
        "画面を開いた後に、ほかの人がこのプリセットを変更しました。"
        "最新の内容を確認して、もう一度入力してください。"
    ),
    menu_presets.PresetNameMissing: _l("名前を入力してください。"),
    menu_presets.PresetNameTaken: _l("「%(name)s」という名前のプリセットはすでにあります。"),
    menu_presets.PresetUnknown: _l("プリセットが見つかりません。削除された可能性があります。"),
    menu_presets.TooManyPresets: _l("プリセットは%(maximum)s件まで登録できます。"),
    moves.MoveObstructed: _l(
        "移動できないアカウントが%(account_count)s件あるため、移動しませんでした。理由を確認してください。"
    ),
    moves.MovePlanChanged: _l(
        "表示した後に移動先または移動するアカウントの内容が変わりました。"
        "新しい内容を確認して、もう一度「移動」を押してください。"
    ),
    moves.NothingToMove: _l("アカウントが選択されていません。行を選択してから実行してください。"),
    moves.TargetUnknown: _l("移動先のMSPアカウントを選択してください。"),
    moves.TooManyToMove: _l("一度に選択できるのは%(maximum)s件までです。"),
    point_movements.RemarkRequired: _l(
        "変更後のポイントがマイナスになるため、備考に理由を入力してください。"
    ),
    points.PriceMissing: _l("料金が登録されていないため、計算できません。SingleIDの担当者にご連絡ください。"),
    portal_visits.OtherPortal: _l(
        "別の画面で顧客を切り替えたため、実行しませんでした。画面を開き直してください。"
    ),
    portal_visits.PortalReadOnly: _l("このアカウントは一時停止中か解約済のため、変更できません。"),
    portal_administrators.AdministratorChanged: _l(
        "画面を開いた後に、ほかの人がこの管理者を変更しました。"
        "最新の内容を確認して、もう一度入力してください。"
    ),
    portal_administrators.AdministratorDisabled: _l(
        "無効の管理者にはパスワード設定の案内を送信できません。先に「有効にする」を実行してください。"
    ),
    preset_application.ApplicationChanged: _l(
        "適用する内容が、表示されたものと異なります。下の内容を確認して、もう一度「適用」を押してください。"
    ),
    preset_application.NothingToApply: _l("設定が変わる顧客アカウントは選択されていません。"),
    price_changes.PriceDateInvalid: _l("適用開始日は%(earliest)s以降の日付で入力してください。"),
    price_changes.PriceDateTaken: _l(
        "%(valid_on)sから適用する料金は、このアカウントタイプではすでに追加されています。"
    ),
    billing_runs.RunNotInReview: _l(
        "この実行は要確認ではありません。ほかの方が先に解除した可能性があります。"
    ),
    due_fees.FeeRefused: _l(
        "%(billing_date)s の月額利用料を消費できないため、いまは解約できません。SingleIDの担当者にご連絡ください。"
    ),
    due_fees.RunUnderReview: _l(
        "月額利用料の実行が要確認のまま止まっているため、いまは解約できません。解除されてからやり直してください。"
    ),
    billing_runs.RunUnknown: _l("この実行は見つかりません。"),
    billing_retries.NothingParked: _l("再実行する保留中のアカウントがありません。"),
    price_changes.PriceEffectChanged: _l(
        "追加する前に、次の課金への影響を確認してください。表示した後に変わった場合は、新しい内容を表示しています。"
    ),
    price_changes.PriceTypeUnknown: _l("このアカウントタイプには料金がありません。"),
    profiles.ChangedMeanwhile: _l(
        "画面を開いた後に、ほかの人がこのアカウントを変更しました。"
        "最新の内容を確認して、もう一度入力してください。"
    ),
    refills.NothingToRefill: _l("補充が必要なアカウントは選択されていません。"),
    refills.RefillPlanChanged: _l(
        "表示した後にポイントまたは契約ユーザ数が変わったため、補充しませんでした。新しい内容を確認してください。"
    ),
    refills.SelectionTooLarge: _l("一度に選択できるのは%(maximum)s件までです。"),
    refills.StockTooSmall: _l(
        "%(payer_name)s の保有ポイントが%(missing_points)sポイント不足しています。"
        "ディストリビュータからポイントをご購入ください。"
    ),
    rehearsal_choice.AccountNumbersUnknown: _l(
        "次のアカウント番号は見つかりません: %(numbers)s。8桁の番号を、改行またはコンマで区切って入力してください。"
    ),
    rehearsal_choice.TooManyAccountNumbers: _l("一度に指定できるアカウントは%(maximum)s件までです。"),
    rehearsals.BillingDateUnknown: _l(
        "この課金日はリハーサルできません。これから12回分の課金日と、まだ完了していない課金日が対象です。"
    ),
    rehearsals.RunFinished: _l(
        "%(billing_date)s の月額利用料は計上が終わっているため、リハーサルはできません。"
        "保存したリハーサルとの比較を表示します。"
    ),
    run_comparison.RunNotListed: _l(
        "%(billing_date)s の月額利用料はまだ計上が始まっていません。リハーサルを表示します。"
    ),
    saved_rehearsals.NothingToRehearse: _l("月額利用料がかかるアカウントがないため、保存しませんでした。"),
    saved_rehearsals.RehearsalNotVisible: _l("保存したリハーサルが見つかりません。"),
    saved_rehearsals.TooManyRehearsals: _l("1回の課金日に保存できるリハーサルは%(maximum)s件までです。"),
    requests.RequestIdMissing: _l("この画面を開き直してから、もう一度実行してください。"),
    requests.RequestIdReused: _l(
        "この画面の内容はすでに別の操作で実行されています。画面を開き直してご確認ください。"
    ),
    run_progress.RunNotVisible: _l("この課金日の月額利用料は見つかりません。"),
    row_ids.MalformedRowId: _l(
        "選択された行の指定が正しくありません。画面を更新して、もう一度選択してください。"
    ),
    row_ids.TooManyRows: _l("一度に選択できるのは%(limit)s件までです。"),
    one_time_links.OneTimeLinkInvalid: _l(
        "このリンクは使用済みか、有効期限が切れています。"
        "「パスワードをお忘れですか」から新しいリンクを受け取るか、管理者にご依頼ください。"
    ),
    passwords.PasswordIsCommon: _l(
        "よく使われるパスワード、またはそれに数字や記号を付けたもののため、使用できません。別のパスワードを入力してください。"
    ),
    passwords.PasswordIsPattern: _l(
        "同じ文字や短い語の繰り返し、連続した文字だけのパスワードは使用できません。別のパスワードを入力してください。"
    ),
    passwords.PasswordIsPersonal: _l(
        "ユーザ名、名前、Eメール、会社名、製品名だけで作られたパスワードは使用できません。別のパスワードを入力してください。"
    ),
    passwords.PasswordNotRepeated: _l("確認のために入力したパスワードが一致しません。"),
    passwords.PasswordTooLong: _l("パスワードは%(maximum)s文字以内で入力してください。"),
    passwords.PasswordTooShort: _l("パスワードは%(minimum)s文字以上で入力してください。"),
    session_list.SessionNotVisible: _l("端末が見つかりません。"),
    service_user_import.ImportHasErrors: _l(
        "%(error_count)s行にエラーがあるため、取り込みませんでした。ファイルを直して、もう一度選択してください。"
    ),
    service_user_import.ImportPlanChanged: _l(
        "表示した後に登録されているユーザが変わりました。新しい内容を確認して、もう一度「取り込む」を押してください。"
    ),
    service_user_import.NothingToImport: _l(
        "取り込む内容はありません。すべての行が、登録済みか変更なしです。"
    ),
    service_user_import.UserNameRepeated: _l("%(line)s行目と同じユーザ名です。"),
    service_users.NoUsersChosen: _l("ユーザが選択されていません。行を選択してから実行してください。"),
    service_users.ServiceUserChanged: _l(
        "画面を開いた後に、ほかの人がこのユーザを変更しました。最新の内容を確認して、もう一度入力してください。"
    ),
    service_users.ServiceUserLimitReached: _l(
        "契約ユーザ数 %(contracted)s に対して、%(registered)s人のユーザが登録されているため、"
        "あと%(wanted)s人を登録することはできません。契約ユーザ数の追加は、ご契約のMSPにご依頼ください。"
    ),
    service_users.ServiceUserNameTaken: _l("ユーザ名 %(user_name)s はすでに登録されています。"),
    service_users.ServiceUserNotVisible: _l("ユーザが見つかりません。"),
    text.ForbiddenCharacter: _l("使用できない文字（%(code_point)s）が含まれています。"),
    text.TextTooLong: _l("%(maximum)s文字以内で入力してください（現在%(length)s文字）。"),
    transaction.InUse: _l(
        "他の処理が使用中です。何も変更していません。少し待ってから、もう一度お試しください。"
    ),
    user_files.CellRequired: _l("必須項目です。"),
    user_files.ColumnMissing: _l(
        "見出しの行に「ユーザ名」と「名前」がありません。CSVダウンロードで保存したファイルの形にしてください。"
    ),
    user_files.ColumnRepeated: _l("見出しの「%(name)s」が2つあります。"),
    user_files.ColumnUnknown: _l(
        "見出しの「%(name)s」は読み取れません。使える見出しは、ユーザ名、名前、Eメール、部署、状態です。"
    ),
    user_files.FileEmpty: _l("ファイルにユーザの行がありません。"),
    user_files.FileHasTooManyRows: _l(
        "一度に取り込めるのは%(maximum)s行までです。ファイルを分けてください。"
    ),
    user_files.FileMalformed: _l('%(line)s行目から先を読み取れません。引用符（"）の組を確認してください。'),
    user_files.FileNotText: _l(
        "CSVファイルとして読み取れません。UTF-8またはShift_JISのCSVファイルを選択してください。"
    ),
    user_files.FileTooLarge: _l(
        "ファイルが大きすぎます。一度に取り込めるのは%(maximum)sKBまでです。ファイルを分けてください。"
    ),
    user_files.RowHasOtherCells: _l("セルの数が見出しと合いません（見出し%(expected)s、この行%(found)s）。"),
    user_files.ServiceUserNameRefused: _l(
        "ユーザ名は半角の英数字と . _ - @ + で、1文字から100文字までで入力してください。"
    ),
    user_files.StateRefused: _l("状態には「有効」または「無効」を入力してください。"),
}
