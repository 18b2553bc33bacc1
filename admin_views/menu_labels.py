"""Labels of the customer portal's menus on the boxes of 非表示設定."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

MENU_LABELS: dict[str, Any] = {
    "log": _l("ログ"),
    "log.radius": _l("ログ >>> RADIUS認証ログ"),
    "log.sso": _l("ログ >>> SSO認証ログ"),
    "auth": _l("認証"),
    "auth.ldap": _l("認証 >>> LDAP"),
    "auth.radius": _l("認証 >>> RADIUS"),
    "auth.certificates": _l("認証 >>> 証明書"),
    "apps": _l("アプリ連携"),
    "diagnosis": _l("セキュリティ診断"),
    "manage.administrators": _l("管理 >>> 管理者"),
    "manage.network": _l("管理 >>> ネットワーク"),
    "manage.settings": _l("管理 >>> 詳細設定"),
    "support": _l("サポート"),
    "consultation": _l("導入のご相談"),
}
