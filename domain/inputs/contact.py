"""Telephone numbers, postal codes, web addresses, and the lists of 基本情報."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from domain.errors import DomainError
from domain.inputs.text import fold_width, is_forbidden

WEB_ADDRESS_MAXIMUM = 255
PHONE_NUMBER_MAXIMUM = 20

PREFECTURES: tuple[str, ...] = (
    "北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県",
    "栃木県", "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "富山県",
    "石川県", "福井県", "山梨県", "長野県", "岐阜県", "静岡県", "愛知県", "三重県",
    "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県",
    "岡山県", "広島県", "山口県", "徳島県", "香川県", "愛媛県", "高知県", "福岡県",
    "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県",
)  # fmt: skip

INDUSTRIES: tuple[str, ...] = (
    "農業・林業・漁業",
    "鉱業・採石業",
    "建設業",
    "製造業",
    "電気・ガス・水道業",
    "情報通信業",
    "運輸業・郵便業",
    "卸売業・小売業",
    "金融業・保険業",
    "不動産業・物品賃貸業",
    "学術研究・専門サービス業",
    "宿泊業・飲食サービス業",
    "生活関連サービス業・娯楽業",
    "教育・学習支援業",
    "医療・福祉",
    "その他サービス業",
    "公務",
    "その他",
)

_HYPHENS = re.compile("[‐‑‒–—―−ー－ｰ﹣-]")
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?")
# Digits before the first and the second hyphen, by how a number of the national plan begins.
_GROUPS: tuple[tuple[re.Pattern[str], int, int], ...] = (
    (re.compile(r"0120[0-9]{6}|0570[0-9]{6}|0990[0-9]{6}"), 4, 7),
    (re.compile(r"0800[0-9]{7}"), 4, 7),
    (re.compile(r"0[1-9]0[0-9]{8}"), 3, 7),
    (re.compile(r"0[36][0-9]{8}"), 2, 6),
    (re.compile(r"0[1-9][0-9]{8}"), 3, 6),
)


class PhoneNumberRefused(DomainError):
    """Say that a text is no telephone number."""


class PostalCodeRefused(DomainError):
    """Say that a text is no postal code of seven digits."""


class WebAddressRefused(DomainError):
    """Say that a text is no web address of http or https."""


def parse_phone_number(text: str) -> str:
    """Read a number of the Japanese plan (0…, 10 or 11 digits) or an international one (+…, 8 to 15 digits).

    Full-width characters, blanks and brackets are normalized. Typed hyphens stay where they are; where there
    are none they are put in (there is no table of area codes: those of four digits come out as three).

    :raises PhoneNumberRefused: letters in it, too few or too many digits, or more than 20 characters.
    """
    plain = _HYPHENS.sub("-", fold_width(text).strip())
    plain = re.sub(r"[\s()]+", "-", plain).strip("-")
    if len(plain) > PHONE_NUMBER_MAXIMUM or not re.fullmatch(r"\+?[0-9]+(?:-[0-9]+)*", plain):
        raise PhoneNumberRefused()
    digits = plain.lstrip("+").replace("-", "")
    if plain.startswith("+"):
        if not 8 <= len(digits) <= 15 or digits.startswith("0"):
            raise PhoneNumberRefused()
        return plain
    for pattern, first, second in _GROUPS:
        if pattern.fullmatch(digits):
            return plain if "-" in plain else f"{digits[:first]}-{digits[first:second]}-{digits[second:]}"
    raise PhoneNumberRefused()


def parse_postal_code(text: str) -> str:
    """Read a Japanese postal code, of any width, with or without 〒 and hyphen; returns it as 123-4567.

    :raises PostalCodeRefused: not seven digits.
    """
    plain = _HYPHENS.sub("-", fold_width(text).strip().removeprefix("〒").strip())
    if not re.fullmatch(r"[0-9]{3}-?[0-9]{4}", plain):
        raise PostalCodeRefused()
    digits = plain.replace("-", "")
    return f"{digits[:3]}-{digits[3:]}"


def parse_web_address(text: str) -> str:
    """Read an http or https address with a host and without a user name in it.

    :raises WebAddressRefused: another scheme, none, no host, blanks in it, or more than 255 characters.
    """
    address = text.strip()
    has_bad_character = re.search(r"[\s\\<>\"]", address) or any(map(is_forbidden, address))
    if has_bad_character or len(address) > WEB_ADDRESS_MAXIMUM:
        raise WebAddressRefused()
    try:
        parts = urlsplit(address)
        host, port_is_readable = parts.hostname or "", parts.port != 0
    except ValueError:
        raise WebAddressRefused() from None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not port_is_readable:
        raise WebAddressRefused()
    if not _HOST.fullmatch(host):
        raise WebAddressRefused()
    return address
