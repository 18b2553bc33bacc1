"""The customer portal's menus that 画面のカスタマイズ may hide. Source: 画面のカスタマイズ."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PortalMenu:
    """A menu with its stored key, its words on the box, and the menu above it if there is one."""

    key: str
    label: str
    parent_key: str | None = None


#: The fourteen boxes of 非表示設定, in their two columns.
LEFT_COLUMN = (
    PortalMenu("log", "ログ"),
    PortalMenu("log.radius", "ログ >>> RADIUS認証ログ", "log"),
    PortalMenu("log.sso", "ログ >>> SSO認証ログ", "log"),
    PortalMenu("auth", "認証"),
    PortalMenu("auth.ldap", "認証 >>> LDAP", "auth"),
    PortalMenu("auth.radius", "認証 >>> RADIUS", "auth"),
    PortalMenu("auth.certificates", "認証 >>> 証明書", "auth"),
)
RIGHT_COLUMN = (
    PortalMenu("apps", "アプリ連携"),
    PortalMenu("diagnosis", "セキュリティ診断"),
    PortalMenu("manage.administrators", "管理 >>> 管理者"),
    PortalMenu("manage.network", "管理 >>> ネットワーク"),
    PortalMenu("manage.settings", "管理 >>> 詳細設定"),
    PortalMenu("support", "サポート"),
    PortalMenu("consultation", "導入のご相談"),
)
HIDEABLE_MENUS = LEFT_COLUMN + RIGHT_COLUMN
HIDEABLE_KEYS = tuple(menu.key for menu in HIDEABLE_MENUS)


def hidden_keys(visible_keys: set[str]) -> list[str]:
    """Return the keys to store as hidden, in the boxes' order, from those that are ticked (ticked = shown)."""
    return [key for key in HIDEABLE_KEYS if key not in visible_keys]
