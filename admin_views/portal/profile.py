"""管理＞基本情報 of the customer portal: the profile, and the customer's own change of it."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.account_forms import OwnProfileForm
from admin_views.changed_values import conflicts_of
from admin_views.choice_labels import INDUSTRY_LABELS, PREFECTURE_LABELS
from admin_views.dialogs import Subject, render_dialog, success
from admin_views.formatting import date_text, number
from admin_views.portal.base import PortalPageView
from admin_views.portal.visit import current_visit
from admin_views.request_context import now, viewer
from admin_views.submission import posted, submit
from domain.portal_permissions import PortalPermission
from models import Account
from services import portal_profiles
from services.transaction import transaction
from services.words import STATUS_WORDS, TYPE_WORDS


class ProfileView(PortalPageView):
    """`/portal/manage/profile/`."""

    @expose("/")
    def index(self) -> str:
        """Show 基本情報 and 販売店情報."""
        account = _account()
        return render_template(
            "portal/profile.html",
            title=self.name,
            account=account,
            profile=profile_facts(account),
            reseller=reseller_facts(account),
            can_change=current_visit().can(PortalPermission.PROFILE_CHANGE),
        )

    @expose("/edit/", methods=("GET", "POST"))
    def edit(self) -> Response:
        """基本情報更新."""
        self.require_here(PortalPermission.PROFILE_CHANGE)
        account = _account()
        form = OwnProfileForm(posted(), obj=account)

        def run() -> Response:
            with transaction():
                is_changed = portal_profiles.change_profile(
                    viewer=viewer(),
                    account_id=current_visit().account_id,
                    version=form.version.data,
                    profile=form.profile,
                    now=now(),
                )
            name = form.company_name.data
            if is_changed:
                return success(
                    to=self.get_url(".index"), message=_("%(name)s の基本情報を更新しました。", name=name)
                )
            message = _("%(name)s の基本情報は変更されていません。", name=name)
            return success(to=self.get_url(".index"), message=message, category="info")

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._edit_page(form, answer)

    def _edit_page(self, form: OwnProfileForm, status: int) -> Response:
        account = _account()
        conflicts = conflicts_of(form, OwnProfileForm(obj=account), status=status)
        return render_dialog(
            title=_("基本情報更新"),
            form=form,
            submit_label=_("更新"),
            back_url=self.get_url(".index"),
            subject=Subject(account.company_name, account.account_number),
            template="portal/profile_edit.html",
            status=status,
            account=account,
            account_type=TYPE_WORDS[account.account_type],
            conflicts=conflicts,
        )


def _account() -> Account:
    return portal_profiles.find_profile(viewer=viewer(), account_id=current_visit().account_id)


def profile_facts(account: Account) -> list[tuple[str, Any]]:
    """Return (label, text) of 基本情報, in the order of its form, with what the contract adds."""
    return [
        (_("アカウントタイプ"), TYPE_WORDS[account.account_type]),
        (_("アカウント番号"), account.account_number),
        (_("状態"), STATUS_WORDS[account.status]),
        (_("ウェブサイト"), account.website_url),
        (_("会社名"), account.company_name),
        (_("電話番号"), account.phone_number),
        (_("郵便番号"), account.postal_code),
        (_("都道府県"), _word(PREFECTURE_LABELS, account.prefecture)),
        (_("市区町村"), account.city),
        (_("番地/ビル等"), account.address_line),
        (_("担当者名"), account.contact_name),
        (_("担当者Eメール"), account.contact_email),
        (_("契約ユーザ数"), number(account.contract_user_count)),
        (_("業種"), _word(INDUSTRY_LABELS, account.industry)),
        (_("契約日"), date_text(account.contract_date)),
        (_("解約予定日"), date_text(account.cancellation_date)),
    ]


def reseller_facts(account: Account) -> list[tuple[str, Any]]:
    """Return (label, text) of 販売店情報, in the order of its form."""
    return [
        (_("会社名"), account.reseller_company_name),
        (_("電話番号"), account.reseller_phone_number),
        (_("郵便番号"), account.reseller_postal_code),
        (_("都道府県"), _word(PREFECTURE_LABELS, account.reseller_prefecture)),
        (_("市区町村"), account.reseller_city),
        (_("番地/ビル等"), account.reseller_address_line),
        (_("担当者名"), account.reseller_contact_name),
        (_("担当者Eメール"), account.reseller_contact_email),
    ]


def _word(labels: dict[str, Any], value: str | None) -> Any:
    return labels.get(value, value) if value else None
