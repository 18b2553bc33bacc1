"""画面プリセット: kept, changed, removed after a question, loaded in the edit dialog, applied to chosen rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from domain.portal_menus import HIDEABLE_KEYS
from models import MenuPreset, db
from tests.web.browser_session import csrf_token_of, send
from tests.web.customer_screens import Screens, chosen, hidden_fields, text_of

PRESETS = "/msp/presets/"
WITHOUT_LOG = [key for key in HIDEABLE_KEYS if key != "log"]


def presets(app: Flask) -> list[tuple[int, str, list[str]]]:
    with app.app_context():
        found = db.session.scalars(select(MenuPreset).order_by(MenuPreset.id))
        return [(preset.id, preset.name, preset.hidden_menu_keys) for preset in found]


def keep(screens: Screens, name: str, keys: Sequence[str] = WITHOUT_LOG) -> int:
    answer = send(screens.client, f"{PRESETS}new/", name=name, visible_menu_keys=["", *keys])
    assert answer.status_code == 303
    return next(key for key, found, _hidden in presets(screens.app) if found == name.strip())


def test_a_preset_is_registered_changed_and_deleted(screens: Screens) -> None:
    assert "プリセットはまだありません" in screens.client.get(PRESETS).text
    page = screens.client.get(f"{PRESETS}new/").text
    assert page.count('name="visible_menu_keys" value="') == 15
    assert page.count("checked") == 14
    preset_id = keep(screens, " 標準　メニュー ")
    assert presets(screens.app) == [(preset_id, "標準　メニュー", ["log"])]
    words = text_of(screens.client.get(PRESETS).text)
    assert "プリセット「標準 メニュー」を登録しました" in words
    address = f"{PRESETS}{preset_id}/edit/"
    opened = hidden_fields(screens.client.get(address).text)
    answer = send(screens.client, address, **{**opened, "name": "別名", "visible_menu_keys": ""})
    assert answer.status_code == 303
    assert presets(screens.app) == [(preset_id, "別名", list(HIDEABLE_KEYS))]
    # The older form is told what has become of it, and is kept.
    late = send(screens.client, address, **{**opened, "name": "古い", "visible_menu_keys": ["", "log"]})
    assert late.status_code == 409
    assert "ほかの人がこのプリセットを変更しました" in late.text
    assert 'value="古い"' in late.text
    assert "別名" in text_of(late.text)
    again = send(
        screens.client,
        address,
        **{**hidden_fields(late.text), "name": "古い", "visible_menu_keys": ["", "log"]},
    )
    assert again.status_code == 303
    question = screens.client.get(f"{PRESETS}{preset_id}/delete/").text
    assert "削除しますか" in question
    assert len(presets(screens.app)) == 1
    assert send(screens.client, f"{PRESETS}{preset_id}/delete/").status_code == 303
    assert presets(screens.app) == []
    assert send(screens.client, f"{PRESETS}{preset_id}/delete/").status_code == 404


def test_what_is_typed_wrong_is_told_at_the_field(screens: Screens) -> None:
    keep(screens, "標準")
    for name, words in (
        ("", "必須項目です"),
        ("\u3000 ", "必須項目です"),
        ("標準", "すでにあります"),
        ("あ" * 61, "60文字以内"),
        ("a\0b", "使用できない文字"),
    ):
        answer = send(screens.client, f"{PRESETS}new/", name=name, visible_menu_keys=["", "log"])
        assert answer.status_code == 422, name
        assert words in answer.text
    odd = send(screens.client, f"{PRESETS}new/", name="別", visible_menu_keys=["", "users"], account_id="1")
    assert odd.status_code == 422
    assert len(presets(screens.app)) == 1


def test_another_accounts_preset_is_not_there(
    app: Flask, screens: Screens, sign_in: Callable[..., object]
) -> None:
    preset_id = keep(screens, "標準")
    for name, status in (("msp-b", 404), ("distributor", 404), ("support", 403), ("system-a", 403)):
        visitor = app.test_client()
        sign_in(visitor, name)
        for dialog in ("edit", "delete"):
            assert visitor.get(f"{PRESETS}{preset_id}/{dialog}/").status_code == status
            assert send(visitor, f"{PRESETS}{preset_id}/{dialog}/", name="x").status_code == status
        assert "標準" not in visitor.get(PRESETS).text
        form = {"rowid": str(screens.plain_id()), "preset_id": str(preset_id), "check": "1"}
        assert send(visitor, "/msp/customers/bulk/presets/", **form).status_code in (403, 404, 422)


def test_the_edit_dialog_offers_the_presets_to_scripts(screens: Screens) -> None:
    address = f"{screens.plain_id()}/edit/"
    assert "data-preset-boxes" not in screens.get(address).text
    keep(screens, "標準", [key for key in HIDEABLE_KEYS if key not in ("log", "auth.ldap")])
    page = screens.get(address).text
    assert "プリセットを読み込む" in page
    assert 'data-hidden-keys="log auth.ldap"' in page
    # Without scripts there is nothing to press, and it is never sent.
    assert re.search(r"data-preset-row hidden", page)
    assert re.search(r'<select class="input" id="load-preset" data-preset-boxes="visible_menu_keys">', page)


def preview(screens: Screens, ids: Sequence[int], **fields: Any) -> TestResponse:
    return screens.post("bulk/presets/", {"rowid": [str(key) for key in ids], "check": "1", **fields})


def test_a_preset_is_applied_to_chosen_rows(screens: Screens) -> None:
    ids = screens.ids()[:2]
    opened = screens.post("action/", {"action": "apply_preset", "rowid": [str(key) for key in ids]})
    assert "プリセットがまだありません" in opened.text
    preset_id, other_id = keep(screens, "標準"), keep(screens, "全部")
    opened = screens.post("action/", {"action": "apply_preset", "rowid": [str(key) for key in ids]})
    assert "プリセットを選ぶと" in opened.text
    assert '">適用</button>' not in opened.text
    page = preview(screens, [*ids, screens.canceled_id()], preset_id=str(preset_id))
    words = text_of(page.text)
    assert page.status_code == 200
    assert "2件が変わり、1件は変わりません" in words
    assert "利用中ではないため適用されません" in words
    form = {**hidden_fields(page.text), "rowid": chosen(page.text)}
    # Another preset than the one that was shown is shown first.
    other = screens.post("bulk/presets/", {**form, "preset_id": str(other_id)})
    assert other.status_code == 409
    assert screens.account(ids[0]).hidden_menu_keys == []
    assert screens.post("bulk/presets/", {**form, "preset_id": str(preset_id)}).status_code == 303
    assert [screens.account(key).hidden_menu_keys for key in ids] == [["log"], ["log"]]
    assert "「標準」を2件の顧客アカウントに適用しました（1件は変わりません）" in screens.get("").text
    again = preview(screens, ids, preset_id=str(preset_id))
    assert "変わりません（すでに同じ設定です）" in again.text
    assert '">適用</button>' not in again.text


def test_odd_choices_are_refused(screens: Screens) -> None:
    preset_id = keep(screens, "標準")
    own = screens.plain_id()
    assert preview(screens, [own], preset_id="").status_code == 422
    for odd in ("abc", "0", "-1", "9" * 30, "１", str(preset_id + 1)):
        assert preview(screens, [own], preset_id=odd).status_code == 422
    for ids in ([own, screens.foreign_id()], [own, 2**62]):
        assert preview(screens, ids, preset_id=str(preset_id)).status_code == 404
    assert preview(screens, [], preset_id=str(preset_id)).status_code == 422
    assert screens.post("action/", {"action": "apply_preset"}).status_code == 422
    assert screens.post("action/", {"action": "nothing", "rowid": [str(own)]}).status_code == 400
    assert screens.account(own).hidden_menu_keys == []


def test_who_may_not_change_has_no_such_action(
    app: Flask, client: FlaskClient, sign_in: Callable[..., object]
) -> None:
    sign_in(client, "support")
    assert "画面のカスタマイズの適用" not in client.get("/msp/customers/").text
    data = {"csrf_token": csrf_token_of(client), "action": "apply_preset", "rowid": "1"}
    assert client.post("/msp/customers/action/", data=data).status_code == 403
