"""The screens of the MSP portal in the order of its menu."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from admin_views.accounts import AccountsView
from admin_views.approvals import ApprovalsView
from admin_views.customers import CustomersView
from admin_views.four_eyes import FourEyesView
from admin_views.health import HealthView
from admin_views.mail_previews import MailPreviewsView
from admin_views.menu_presets import MenuPresetsView
from admin_views.operation_log import OperationLogView
from admin_views.pending import PendingView
from admin_views.points import PointsView
from admin_views.prices import PricesView
from admin_views.run_comparisons import RunComparisonsView
from admin_views.run_rehearsals import RunRehearsalsView
from admin_views.run_reports import RunReportsView
from admin_views.runs import RunsView
from models import Account, ApprovalRequest, AuditEvent, BillingRun, MenuPreset, PointLine, PriceVersionRow

ACCOUNTS = _l("管理アカウント")
POINTS = _l("ポイント管理")
LOG = _l("ログ")
SETTINGS = lazy_pgettext("menu", "設定")
OPERATION = _l("運用")


def register_views(admin: Admin, app: Flask) -> None:
    """Add every list to the MSP portal; the order here is the order of the menu."""
    admin.add_views(
        CustomersView(
            Account,
            name=_l("顧客アカウント一覧"),
            category=ACCOUNTS,
            endpoint="customers",
            url="/msp/customers",
        ),
        AccountsView(
            Account, name=_l("MSPアカウント一覧"), category=ACCOUNTS, endpoint="accounts", url="/msp/accounts"
        ),
        PendingView(
            Account,
            name=_l("承認待ちアカウント一覧"),
            category=ACCOUNTS,
            endpoint="pending",
            url="/msp/pending",
        ),
        PointsView(PointLine, name=_l("ポイント履歴"), category=POINTS, endpoint="points", url="/msp/points"),
        ApprovalsView(
            ApprovalRequest,
            name=_l("承認依頼"),
            category=POINTS,
            endpoint="approvals",
            url="/msp/approvals",
        ),
        RunsView(BillingRun, name=_l("月額利用料の実行"), category=POINTS, endpoint="runs", url="/msp/runs"),
        PricesView(PriceVersionRow, name=_l("料金"), category=POINTS, endpoint="prices", url="/msp/prices"),
        OperationLogView(AuditEvent, name=_l("操作ログ"), category=LOG, endpoint="log", url="/msp/log"),
    )
    _register_settings(admin)
    _register_screens_of_a_run(admin)


def _register_settings(admin: Admin) -> None:
    """Add what is set, and what those who run the portal look at."""
    admin.add_views(
        MenuPresetsView(
            MenuPreset, name=_l("画面プリセット"), category=SETTINGS, endpoint="presets", url="/msp/presets"
        ),
        FourEyesView(
            Account, name=_l("二人承認"), category=SETTINGS, endpoint="four_eyes", url="/msp/four-eyes"
        ),
        MailPreviewsView(
            name=_l("メールの文面"), category=SETTINGS, endpoint="mail_previews", url="/msp/mails"
        ),
        HealthView(name=_l("稼働状況"), category=OPERATION, endpoint="health", url="/msp/health"),
    )


def _register_screens_of_a_run(admin: Admin) -> None:
    """Add what is opened from the page of a run, and has no entry in the menu."""
    of_one = "/msp/runs/<billing_date:billing_date>"
    admin.add_views(
        RunRehearsalsView(
            Account,
            name=_l("リハーサル"),
            category=None,
            endpoint="run_rehearsals",
            url=f"{of_one}/rehearsal",
        ),
        RunComparisonsView(
            Account,
            name=_l("リハーサルとの比較"),
            category=None,
            endpoint="run_comparisons",
            url=f"{of_one}/comparison",
        ),
        RunReportsView(name=_l("締め処理レポート"), endpoint="run_reports", url=f"{of_one}/report"),
    )
