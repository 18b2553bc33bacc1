"""ユーザ一覧 of the demo's customers: the first few hundred have users, one of them as many as contracted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from models.service_users import search_text_of
from services.demo_plan import DemoCustomer

#: Customers behind this position have none, so that a large demo takes no longer.
LAST_POSITION = 300
FIRST_CUSTOMER_USERS = 8
#: The customer whose users are exactly as many as contracted.
FULL_POSITION = 2
_USUAL_MAXIMUM = 10
_FULL_MAXIMUM = 60
_PEOPLE = (
    ("佐藤 健一", "sato.kenichi"),
    ("鈴木 美咲", "suzuki.misaki"),
    ("髙橋 誠", "takahashi.makoto"),
    ("田中 由美子", "tanaka.yumiko"),
    ("伊藤 翔太", "ito.shota"),
    ("渡邊 真理", "watanabe.mari"),
    ("山本 大輔", "yamamoto.daisuke"),
    ("中村 彩", "nakamura.aya"),
    ("小林 亮", "kobayashi.ryo"),
    ("加藤 直子", "kato.naoko"),
)
_DEPARTMENTS = ("営業部", "総務部", "情報システム部", "製造部", None)


def service_user_rows(customer: DemoCustomer, account_id: int) -> Iterator[dict[str, Any]]:
    """Yield the users of a demo customer that is or was in service, each a minute after the one before."""
    for number in range(user_count(customer)):
        full_name, user_name = _PEOPLE[(customer.position + number) % len(_PEOPLE)]
        turn = number // len(_PEOPLE)
        user_name = f"{user_name}{turn + 1}" if turn else user_name
        registered_at = customer.provisioned_at + dt.timedelta(hours=1, minutes=number)
        row = {
            "account_id": account_id,
            "user_name": user_name,
            "full_name": full_name,
            "email": f"{user_name}@customer{customer.position + 1}.example.jp" if number % 4 != 3 else None,
            "department": _DEPARTMENTS[(customer.position + number) % len(_DEPARTMENTS)],
            "is_disabled": number % 6 == 5,
            "created_at": registered_at,
            "updated_at": registered_at,
            "version": 1,
        }
        yield {**row, "search_text": search_text_of(row)}


def user_count(customer: DemoCustomer) -> int:
    """Return how many users a demo customer has registered: never more than contracted."""
    position, contracted = customer.position, customer.contract_user_count
    if position >= LAST_POSITION:
        return 0
    if position == 0:
        return min(FIRST_CUSTOMER_USERS, contracted)
    if position == FULL_POSITION:
        return min(contracted, _FULL_MAXIMUM)
    return min(position * 7 % (_USUAL_MAXIMUM + 1), contracted)
