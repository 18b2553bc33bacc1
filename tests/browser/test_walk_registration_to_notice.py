"""The guide from 登録 to 納品通知, by the words on the screen; the jobs are done by the real workers."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

COMPANY = "株式会社ブラウザ製作所"
USERS = 25
MAIL_LIST = "/dev/mails/"


def test_from_registration_to_delivery_notice(visit: Visit) -> None:
    msp, operator = visit("msp-a"), visit("operator")
    register(msp)
    approve_and_provision(operator)
    find_in_list(msp)
    hand_down_points(msp)
    change_users_and_contract_date(msp)
    edit_support_and_menus(msp)
    send_notice(msp)


def test_search_filters_and_files(visit: Visit, tmp_path: Path) -> None:
    msp = visit("msp-a")
    page = msp.page
    everything = rows_on_screen(msp)
    page.get_by_role("checkbox", name="25日に不足").check()
    msp.press("絞り込む")
    expect(page.get_by_text("絞り込み中")).to_be_visible()
    short = rows_on_screen(msp)
    assert 0 < len(short) < len(everything)
    assert all(row["今月25日の推定残ポイント数"] < 0 for row in short)
    check_csv(msp, short, tmp_path)
    page.get_by_role("link", name="すべて外す").click()
    expect(page.get_by_text("絞り込み中")).to_have_count(0)
    msp.wait_for_page()
    page.get_by_role("searchbox").fill(everything[0]["会社名"])
    msp.press("絞り込む")
    expect(page.get_by_text("絞り込み中")).to_be_visible()
    assert [row["会社名"] for row in rows_on_screen(msp)] == [everything[0]["会社名"]]
    page.get_by_role("link", name="すべて外す").click()
    expect(page.get_by_text("絞り込み中")).to_have_count(0)
    msp.wait_for_page()
    page.get_by_role("columnheader", name="契約ユーザ数").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="契約ユーザ数")).to_have_attribute("aria-sort", "ascending")
    in_order = rows_on_screen(msp)
    assert [row["契約ユーザ数"] for row in in_order] == sorted(row["契約ユーザ数"] for row in everything)
    check_csv(msp, in_order, tmp_path)
    check_workbook(msp, in_order, tmp_path)


def register(msp: Visitor) -> None:
    """＋登録 → 基本情報登録, both tabs."""
    msp.page.get_by_role("link", name="登録", exact=True).click()
    dialog = msp.dialog
    msp.announced_statuses = {422}
    msp.press("登録", within=dialog)
    expect(dialog.get_by_role("textbox", name="会社名 必須", exact=True)).to_be_focused()
    expect(dialog.get_by_role("textbox", name="会社名 必須", exact=True)).to_have_attribute(
        "aria-invalid", "true"
    )
    msp.announced_statuses = set()
    for label, text in {
        "ウェブサイト": "https://www.example.jp/",
        "会社名 必須": COMPANY,
        "電話番号 必須": "０３－１２３４－５６７８",
        "郵便番号 必須": "1000001",
        "市区町村 必須": "千代田区",
        "番地/ビル等": "千代田1-1",
        "担当者名": "試験 太郎",
        "担当者Eメール": "taro@browser.example.jp",
        "契約ユーザ数 必須": str(USERS),
    }.items():
        dialog.get_by_role("textbox", name=label, exact=True).fill(text)
    dialog.get_by_role("combobox", name="都道府県 必須").select_option("東京都")
    dialog.get_by_label("業種").select_option("製造業")
    dialog.get_by_role("tab", name="販売店情報").click()
    reseller = dialog.get_by_role("tabpanel", name="販売店情報")
    reseller.get_by_label("会社名").fill("株式会社ブラウザ販売")
    reseller.get_by_label("担当者名").fill("販売 花子")
    reseller.get_by_label("担当者Eメール").fill("hanako@reseller.example.jp")
    msp.press("登録", within=dialog)
    msp.told(f"{COMPANY} の登録を申請しました")
    expect(msp.page.get_by_role("row").filter(has_text=COMPANY)).to_have_count(0)
    msp.go("承認待ちアカウント一覧")
    expect(msp.cell(COMPANY, "状態")).to_contain_text("承認待ち")
    assert msp.number(COMPANY, "契約ユーザ数") == USERS


def approve_and_provision(operator: Visitor) -> None:
    """承認, then プロビジョニング, which the worker does."""
    operator.go("承認待ちアカウント一覧")
    dialog = operator.open_dialog(COMPANY, "承認", column="操作", title="承認")
    expect(dialog).to_contain_text("試験 太郎")
    expect(dialog).to_contain_text("販売 花子")
    operator.press("承認", within=dialog)
    expect(operator.cell(COMPANY, "状態")).to_contain_text("承認済")
    assert len(operator.cell(COMPANY, "アカウント番号").inner_text()) == 8
    dialog = operator.open_dialog(COMPANY, "プロビジョニング", column="操作", title="プロビジョニング")
    operator.press("プロビジョニング", within=dialog)
    wait_until_provisioned(operator, COMPANY)


def wait_until_provisioned(operator: Visitor, company: str) -> None:
    """The dialog has gone, and after the worker's visit what could be done with the row has gone, too."""
    operator.wait_until_closed()
    operator.look_until(
        lambda: not operator.row(company).get_by_role("link").count(), late="the worker did not provision"
    )


def find_in_list(msp: Visitor) -> None:
    """The customer is in service, with a number, and nothing else yet."""
    msp.go("顧客アカウント一覧")
    number = msp.cell(COMPANY, "アカウント番号").inner_text()
    assert len(number) == 8
    assert number.isdigit()
    assert msp.number(COMPANY, "現在のポイント") == 0
    assert msp.number(COMPANY, "今月25日の推定残ポイント数") == -USERS
    assert msp.cell(COMPANY, "契約日").inner_text().startswith("2026/11/20")


def hand_down_points(msp: Visitor) -> None:
    """現在のポイント [変更], 追加, a year's worth."""
    points = USERS * 12
    dialog = msp.open_dialog(COMPANY, "変更", column="現在のポイント", title="ポイント数更新")
    dialog.get_by_label("追加").check()
    dialog.get_by_label("変更ポイント").fill(str(points))
    expect(dialog.get_by_role("status").filter(has_text="300").first).to_be_visible()
    dialog.get_by_label("備考").fill("1年分")
    msp.finish_dialog("変更")
    expect(msp.cell(COMPANY, "現在のポイント")).to_contain_text(str(points))
    assert msp.number(COMPANY, "今月25日の推定残ポイント数") == points - USERS


def change_users_and_contract_date(msp: Visitor) -> None:
    """契約ユーザ数 [変更] and 契約日 [変更]."""
    dialog = msp.open_dialog(COMPANY, "変更", column="契約ユーザ数", title="契約ユーザ数更新")
    expect(dialog).to_contain_text("現在")
    dialog.get_by_role("textbox", name="変更後 必須").fill("３０")
    msp.press("変更", within=dialog)
    msp.told(f"{COMPANY} の契約ユーザ数を 25 から 30 に変更しました。")
    assert msp.number(COMPANY, "契約ユーザ数") == 30
    assert msp.number(COMPANY, "今月25日の推定残ポイント数") == USERS * 12 - 30
    dialog = msp.open_dialog(COMPANY, "変更", column="契約日", title="契約日更新")
    dialog.get_by_role("textbox", name="契約日 必須").fill("2026-11-01")
    msp.press("変更", within=dialog)
    msp.told(f"{COMPANY} の契約日を 2026/11/20 から 2026/11/01 に変更しました。")


def edit_support_and_menus(msp: Visitor) -> None:
    """[編集]: サポート and 画面のカスタマイズ are kept."""
    dialog = msp.open_dialog(COMPANY, "編集", column="操作", title="基本情報更新")
    dialog.get_by_role("tab", name="サポート").click()
    support = dialog.get_by_role("combobox", name="サポートアカウント")
    support.select_option(label="19999999 サポートデスク株式会社")
    dialog.get_by_role("tab", name="画面のカスタマイズ").click()
    boxes = dialog.get_by_role("group", name="非表示設定").get_by_role("checkbox")
    expect(boxes).to_have_count(14)
    dialog.get_by_label("セキュリティ診断").uncheck()
    msp.press("更新", within=dialog)
    msp.told(f"{COMPANY} の基本情報を更新しました。")
    dialog = msp.open_dialog(COMPANY, "編集", column="操作", title="基本情報更新")
    dialog.get_by_role("tab", name="サポート").click()
    expect(support.locator("option:checked")).to_have_text("19999999 サポートデスク株式会社")
    dialog.get_by_role("tab", name="画面のカスタマイズ").click()
    expect(dialog.get_by_label("セキュリティ診断")).not_to_be_checked()
    expect(dialog.get_by_label("アプリ連携")).to_be_checked()
    dialog.get_by_role("link", name="キャンセル").click()
    msp.wait_until_closed()


def send_notice(msp: Visitor) -> None:
    """選択実行 > 納品通知; the worker carries the mails to where the demo keeps them."""
    msp.choose(COMPANY)
    msp.run_on_chosen("納品通知")
    expect(msp.dialog).to_contain_text("taro@browser.example.jp")
    expect(msp.dialog).to_contain_text("hanako@reseller.example.jp")
    msp.press("送信", within=msp.dialog)
    msp.told("1件のアカウントに納品通知メールを2通送信します。")
    rows = msp.page.get_by_role("row").filter(has_text="納品通知").filter(has_text="保管")
    notices: list[str] = []

    def both_are_kept() -> bool:
        notices[:] = [text for text in rows.all_inner_texts() if "browser.example" in text or "花子" in text]
        return len(notices) == 2

    msp.look_until(both_are_kept, at=MAIL_LIST, late="the worker did not send")
    assert any("taro@browser.example.jp" in text for text in notices)
    assert any("hanako@reseller.example.jp" in text for text in notices)
    msp.page.get_by_role("row").filter(has_text="taro@").filter(has_text="納品通知").get_by_role(
        "link"
    ).click()
    expect(msp.page.get_by_label("テキスト形式の本文")).to_contain_text(COMPANY)


def rows_on_screen(visitor: Visitor) -> list[dict[str, Any]]:
    """Return the list on the screen: by column, numbers as int (None when blank), dates as text."""
    return [_typed(texts) for texts in visitor.texts()]


def _typed(texts: dict[str, str]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name in ("アカウント番号", "会社名", "契約日", "解約予定日"):
        first = (texts[name].split("\n") or [""])[0].split(" ")[0]
        typed[name] = first if name in ("アカウント番号", "会社名") or first[:1].isdigit() else ""
    for name in ("契約ユーザ数", "現在のポイント", "今月25日の推定残ポイント数"):
        first = texts[name].split("変更")[0].split("(")[0].strip().replace(",", "").replace("−", "-")
        typed[name] = None if first == "–" else int(first)
    return typed


def check_csv(visitor: Visitor, shown: list[dict[str, Any]], folder: Path) -> None:
    """CSVダウンロード has the rows, the order and the numbers of the screen."""
    with visitor.page.expect_download() as started:
        visitor.page.get_by_role("link", name="CSVダウンロード").click()
    assert started.value.suggested_filename == "顧客アカウント一覧_20261120.csv"
    path = folder / "list.csv"
    started.value.save_as(path)
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    read = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [_from_file(row) for row in read] == shown


def check_workbook(visitor: Visitor, shown: list[dict[str, Any]], folder: Path) -> None:
    """EXCELダウンロード has the same, typed."""
    with visitor.page.expect_download() as started:
        visitor.page.get_by_role("link", name="EXCELダウンロード").click()
    assert started.value.suggested_filename == "顧客アカウント一覧_20261120.xlsx"
    path = folder / "list.xlsx"
    started.value.save_as(path)
    sheet = load_workbook(path).active
    assert sheet is not None
    header, *rows = sheet.iter_rows(values_only=True)
    read = [dict(zip(header, row, strict=False)) for row in rows]
    assert all(type(row["現在のポイント"]) is int for row in read)
    assert [_from_file(row) for row in read] == shown


def _from_file(row: dict[Any, Any]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name in ("アカウント番号", "会社名"):
        typed[name] = str(row[name])
    for name in ("契約日", "解約予定日"):
        typed[name] = str(row[name] or "")[:10].replace("-", "/")
    for name in ("契約ユーザ数", "現在のポイント", "今月25日の推定残ポイント数"):
        typed[name] = None if row[name] in ("", None) else int(row[name])
    return typed
