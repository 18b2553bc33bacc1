"""The screens of the customer portal in the order of its menu."""

from __future__ import annotations

from flask_admin import Admin
from flask_admin.base import BaseView
from flask_babel import LazyString, lazy_pgettext
from flask_babel import lazy_gettext as _l

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


def _outside(
    name: LazyString, path: str, *, menu_key: str = "", category: LazyString | None = None
) -> BaseView:
    """Return the plain page of a function that belongs to the identity service itself."""
    endpoint = "portal_" + path.replace("/", "_")
    return OutsideView(
        menu_key=menu_key, name=name, category=category, endpoint=endpoint, url=f"/portal/{path}"
    )


def _log_views() -> list[BaseView]:
    return [
        _outside(_l("RADIUS認証ログ"), "log/radius", menu_key="log.radius", category=LOG),
        _outside(_l("SSO認証ログ"), "log/sso", menu_key="log.sso", category=LOG),
        PortalLogView(
            AuditEvent, name=_l("操作ログ"), category=LOG, endpoint="portal_log", url="/portal/log/operations"
        ),
    ]


def _people_views() -> list[BaseView]:
    return [
        UsersView(
            ServiceUser, name=_l("ユーザ一覧"), category=None, endpoint="portal_users", url="/portal/users"
        ),
        _outside(_l("グループ一覧"), "groups"),
    ]


def _authentication_views() -> list[BaseView]:
    return [
        _outside(_l("LDAP"), "auth/ldap", menu_key="auth.ldap", category=AUTHENTICATION),
        _outside(_l("RADIUS"), "auth/radius", menu_key="auth.radius", category=AUTHENTICATION),
        _outside(_l("証明書"), "auth/certificates", menu_key="auth.certificates", category=AUTHENTICATION),
    ]


def _service_views() -> list[BaseView]:
    return [
        _outside(_l("アプリ連携"), "apps", menu_key="apps"),
        _outside(_l("セキュリティ診断"), "diagnosis", menu_key="diagnosis"),
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
        _outside(_l("ネットワーク"), "manage/network", menu_key="manage.network", category=MANAGEMENT),
        _outside(_l("詳細設定"), "manage/settings", menu_key="manage.settings", category=MANAGEMENT),
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
