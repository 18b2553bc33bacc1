"""The screens of the customer portal in the order of its menu."""

from __future__ import annotations

from flask_admin import Admin
from flask_admin.base import BaseView
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from admin_views.portal.administrators import AdministratorsView
from admin_views.portal.menu_pages import ConsultationView, OutsideView, SupportView
from admin_views.portal.operation_log import PortalLogView
from admin_views.portal.profile import ProfileView
from admin_views.portal.users import UsersView
from models import Administrator, AuditEvent, ServiceUser

LOG = _l("ログ")
AUTHENTICATION = _l("認証")
MANAGEMENT = _l("管理")


def register_views(portal: Admin) -> None:
    """Add every screen to the customer portal; the order here is the order of the menu."""
    portal.add_views(
        *_log_views(),
        *_people_views(),
        *_authentication_views(),
        *_service_views(),
        *_management_views(),
        *_contact_views(),
    )


def _log_views() -> list[BaseView]:
    return [
        OutsideView(
            menu_key="log.radius",
            name=_l("RADIUS認証ログ"),
            category=LOG,
            endpoint="portal_log_radius",
            url="/portal/log/radius",
        ),
        OutsideView(
            menu_key="log.sso",
            name=_l("SSO認証ログ"),
            category=LOG,
            endpoint="portal_log_sso",
            url="/portal/log/sso",
        ),
        PortalLogView(
            AuditEvent, name=_l("操作ログ"), category=LOG, endpoint="portal_log", url="/portal/log/operations"
        ),
    ]


def _people_views() -> list[BaseView]:
    return [
        UsersView(
            ServiceUser, name=_l("ユーザ一覧"), category=None, endpoint="portal_users", url="/portal/users"
        ),
        OutsideView(name=_l("グループ一覧"), category=None, endpoint="portal_groups", url="/portal/groups"),
    ]


def _authentication_views() -> list[BaseView]:
    return [
        OutsideView(
            menu_key="auth.ldap",
            name=_l("LDAP"),
            category=AUTHENTICATION,
            endpoint="portal_auth_ldap",
            url="/portal/auth/ldap",
        ),
        OutsideView(
            menu_key="auth.radius",
            name=_l("RADIUS"),
            category=AUTHENTICATION,
            endpoint="portal_auth_radius",
            url="/portal/auth/radius",
        ),
        OutsideView(
            menu_key="auth.certificates",
            name=_l("証明書"),
            category=AUTHENTICATION,
            endpoint="portal_auth_certificates",
            url="/portal/auth/certificates",
        ),
    ]


def _service_views() -> list[BaseView]:
    return [
        OutsideView(
            menu_key="apps",
            name=_l("アプリ連携"),
            category=None,
            endpoint="portal_apps",
            url="/portal/apps",
        ),
        OutsideView(
            menu_key="diagnosis",
            name=_l("セキュリティ診断"),
            category=None,
            endpoint="portal_diagnosis",
            url="/portal/diagnosis",
        ),
    ]


def _management_views() -> list[BaseView]:
    return [
        ProfileView(
            name=_l("基本情報"),
            category=MANAGEMENT,
            endpoint="portal_profile",
            url="/portal/manage/profile",
        ),
        AdministratorsView(
            Administrator,
            name=lazy_pgettext("menu", "管理者"),
            category=MANAGEMENT,
            endpoint="portal_administrators",
            url="/portal/manage/administrators",
        ),
        OutsideView(
            menu_key="manage.network",
            name=_l("ネットワーク"),
            category=MANAGEMENT,
            endpoint="portal_network",
            url="/portal/manage/network",
        ),
        OutsideView(
            menu_key="manage.settings",
            name=_l("詳細設定"),
            category=MANAGEMENT,
            endpoint="portal_settings",
            url="/portal/manage/settings",
        ),
    ]


def _contact_views() -> list[BaseView]:
    return [
        SupportView(
            menu_key="support",
            name=_l("サポート"),
            category=None,
            endpoint="portal_support",
            url="/portal/support",
        ),
        ConsultationView(
            menu_key="consultation",
            name=_l("導入のご相談"),
            category=None,
            endpoint="portal_consultation",
            url="/portal/consultation",
        ),
    ]
