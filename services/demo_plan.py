"""What each demo customer is like: decided by (seed, position) alone, so that any part can be made again."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.billing_calendar import billing_instant

NAMES = [
    "青葉",
    "朝日",
    "旭",
    "泉",
    "岩手",
    "梅田",
    "永和",
    "大島",
    "沖",
    "小野",
    "鹿島",
    "北",
    "協和",
    "桐生",
    "桜",
    "三栄",
    "敷島",
    "信濃",
    "昭和",
    "大成",
    "高橋",
    "千歳",
    "東邦",
    "常盤",
    "中川",
    "西村",
    "日進",
    "箱根",
    "平和",
    "富士",
    "三河",
    "武蔵",
    "明治",
    "大和",
    "横河",
    "若松",
]
TRADES = [
    "商事",
    "製作所",
    "工業",
    "物流",
    "建設",
    "システム",
    "食品",
    "印刷",
    "電機",
    "薬局",
    "設計",
    "不動産",
    "鋼材",
    "繊維",
    "観光",
    "農園",
]
#: A multiple of 3, so that whether 株式会社 stands in front repeats with the names.
COMPANY_COUNT = len(NAMES) * len(TRADES)
PEOPLE = [
    "佐藤 健",
    "鈴木 恵",
    "高橋 誠",
    "田中 由美",
    "伊藤 翔",
    "渡辺 真理",
    "山本 大輔",
    "中村 彩",
    "小林 亮",
    "加藤 直子",
]
PLACES = (
    ("北海道", "札幌市中央区", "060-0001"),
    ("宮城県", "仙台市青葉区", "980-0811"),
    ("東京都", "千代田区", "100-0001"),
    ("神奈川県", "横浜市西区", "220-0012"),
    ("愛知県", "名古屋市中区", "460-0008"),
    ("大阪府", "大阪市北区", "530-0001"),
    ("広島県", "広島市中区", "730-0011"),
    ("福岡県", "福岡市博多区", "812-0011"),
)


#: 契約ユーザ数 that occur, and how many months of fees a customer has that is well.
USER_COUNTS = (1, 5, 10, 11, 12, 15, 20, 25, 30, 48, 60, 100, 250)
SPARE_MONTHS = (2, 3, 6, 12, 24)


class Situation(StrEnum):
    """How a demo customer stands."""

    SHORT = "short"
    EXACT = "exact"
    RICH = "rich"
    NEGATIVE = "negative"
    SCHEDULED = "scheduled"
    CANCELED = "canceled"
    PENDING = "pending"
    REJECTED = "rejected"
    SUSPENDED = "suspended"


#: The first customers show one of each; the rest repeats a mixture in which most are well.
_FIRST = (
    [Situation.RICH, Situation.SHORT, Situation.EXACT, Situation.NEGATIVE]
    + [Situation.SCHEDULED] * 6
    + [Situation.SUSPENDED, Situation.CANCELED, Situation.PENDING, Situation.PENDING, Situation.REJECTED]
)
MIXTURE = [Situation.RICH] * 12 + [Situation.EXACT] * 2 + [Situation.SHORT] * 3
MIXTURE += [Situation.NEGATIVE, Situation.CANCELED, Situation.SCHEDULED]


@dataclass(frozen=True)
class DemoCustomer:
    """One customer of the demo. `first_points` ≥ 0 were handed to it; points are what its state needs."""

    position: int
    situation: Situation
    company_name: str
    prefecture: str
    city: str
    postal_code: str
    contact_name: str | None
    contact_email: str | None
    reseller_contact: bool
    contract_user_count: int
    provisioned_at: dt.datetime
    contract_date: dt.date
    first_points: int
    days_until_cancellation: int


def plan_customer(
    *, position: int, seed: int, provisioned_at: dt.datetime, billing_dates: Sequence[dt.date]
) -> DemoCustomer:
    """Return the customer at a position (from 0), given the past 25ths (oldest first) of the demo's history."""
    chance = random.Random(seed * 1_000_003 + position)  # noqa: S311 - demo data, wanted deterministic  # nosec B311
    situation = _situation(position)
    users = chance.choice(USER_COUNTS)
    charged = sum(billing_instant(day) >= provisioned_at for day in billing_dates)
    fee = 10 + max(0, users - 10)
    place = chance.choice(PLACES)
    has_contact = position % 5 != 4
    return DemoCustomer(
        position=position,
        situation=situation,
        company_name=company_name(position),
        prefecture=place[0],
        city=place[1],
        postal_code=place[2],
        contact_name=chance.choice(PEOPLE) if has_contact else None,
        contact_email=f"contact{position + 1}@customer.example.jp" if has_contact else None,
        reseller_contact=position % 3 != 2,
        contract_user_count=users,
        provisioned_at=provisioned_at,
        contract_date=provisioned_at.date() - dt.timedelta(days=chance.randrange(0, 900)),
        first_points=_first_points(situation, fee, charged, chance),
        days_until_cancellation=chance.randrange(2, 200),
    )


def is_provisioned(situation: Situation) -> bool:
    """Tell whether a customer in a situation is or was in service."""
    return situation not in (Situation.PENDING, Situation.REJECTED)


def _situation(position: int) -> Situation:
    return _FIRST[position] if position < len(_FIRST) else MIXTURE[position % len(MIXTURE)]


def company_name(position: int) -> str:
    """Return the name of the customer at a position; behind `COMPANY_COUNT` they are branches of the first ones."""
    name = NAMES[position % len(NAMES)]
    trade = TRADES[(position // len(NAMES)) % len(TRADES)]
    turn = position // COMPANY_COUNT
    company = f"株式会社{name}{trade}" if position % 3 else f"{name}{trade}株式会社"
    return f"{company} 第{turn + 1}支社" if turn else company


def _first_points(situation: Situation, fee: int, charged: int, chance: random.Random) -> int:
    paid = fee * charged
    if situation is Situation.SHORT:
        return paid + chance.randrange(0, fee)
    if situation is Situation.EXACT:
        return paid + fee
    if situation is Situation.NEGATIVE:
        return max(0, paid - chance.randrange(1, fee + 1))
    if situation is Situation.SUSPENDED:
        return 0
    return paid + fee * chance.choice(SPARE_MONTHS)
