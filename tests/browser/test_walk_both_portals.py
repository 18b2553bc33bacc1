"""The guide's own way through both portals, each role in its own browser: apply, approve, enter, register, notify."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_walk_registration_to_notice import (
    COMPANY,
    MAIL_LIST,
    USERS,
    approve_and_provision,
    register,
    wait_until_provisioned,
)
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

PASSWORD = "a-long-new-password-1"
FIRST_PERSON = "first-person"
NEW_MSP = "株式会社新規販売店"


def test_the_creation_flow_by_the_guides_own_words(visit: Visit) -> None:
    msp, operator = visit("msp-a"), visit("operator")
    register(msp)
    approve_and_provision(operator)
    enter(msp, COMPANY)
    expect(msp.page.get_by_role("complementary", name="表示中の顧客画面")).to_contain_text("msp-a")
    register_first_administrator(msp)
    person = set_password_by_link(msp, visit())
    expect(person.page.get_by_role("main")).to_contain_text(COMPANY)
    expect(person.page.get_by_label("顧客切り替え")).to_have_count(0)
    hand_down(msp)
    notify(msp)


def test_the_customer_changes_its_own_profile_and_users(visit: Visit) -> None:
    customer = visit("customer-a")
    change_profile(customer)
    register_user(customer)
    import_users(customer)
    customer.go("操作ログ")
    for words in ("基本情報", "ユーザ"):
        expect(customer.page.get_by_role("row").filter(has_text=words).first).to_be_visible()
    with customer.page.expect_download() as started:
        customer.page.get_by_role("link", name="CSVダウンロード").click()
    assert started.value.suggested_filename == "操作ログ_20261120.csv"


def test_instead_of_a_file_that_is_refused_there_is_a_page(visit: Visit) -> None:
    msp = visit("msp-b")
    msp.page.context.clear_cookies()
    msp.page.get_by_role("link", name="CSVダウンロード").click()
    expect(msp.page.get_by_role("button", name="ログイン", exact=True)).to_be_visible()


def test_assigning_a_support_account_opens_the_portal_and_unassigning_closes_it(visit: Visit) -> None:
    msp, support = visit("msp-a"), visit("support")
    company = unassigned_company(msp)
    support.page.goto(f"/portal/switch/?search={company}")
    expect(support.page.get_by_text("一致するアカウントがありません。").first).to_be_visible()
    assign(msp, company, "19999999 サポートデスク株式会社")
    enter(support, company)
    support.go("ユーザ一覧")
    expect(support.page.get_by_role("link", name="登録", exact=True)).to_be_visible()
    support.go("管理者")
    expect(support.page.get_by_role("link", name="登録", exact=True)).to_have_count(0)
    assign(msp, company, "")
    support.page.reload()
    support.told("この顧客の画面は、開けなくなりました。")
    expect(support.page.get_by_role("main")).not_to_contain_text(company)


def test_hidden_menus_are_gone_and_closed_by_address(visit: Visit) -> None:
    msp, customer = visit("msp-a"), visit("customer-a")
    company = portal_company(customer)
    menu = customer.page.get_by_role("navigation", name="メニュー")
    expect(menu.get_by_role("link", name="アプリ連携")).to_be_visible()
    show_menus(msp, company, {"アプリ連携": False, "ログ": False})
    customer.page.reload()
    expect(menu.get_by_role("link", name="アプリ連携")).to_have_count(0)
    expect(menu.get_by_role("link", name="RADIUS認証ログ")).to_have_count(0)
    expect(menu.get_by_role("link", name="操作ログ")).to_be_visible()
    customer.announced_statuses = {403}
    customer.page.goto("/portal/apps/")
    expect(customer.page.get_by_text("403")).to_be_visible()
    customer.announced_statuses = set()
    show_menus(msp, company, {"アプリ連携": True, "ログ": True})
    customer.page.goto("/portal/apps/")
    expect(customer.page.get_by_role("heading", name="アプリ連携", level=1)).to_be_visible()


def test_an_msp_comes_into_being_and_takes_over_a_customer(visit: Visit) -> None:
    distributor, operator = visit("distributor"), visit("operator")
    register_msp(distributor)
    provision(operator, NEW_MSP)
    distributor.go("MSPアカウント一覧")
    dialog = distributor.open_dialog(NEW_MSP, "変更", column="現在のポイント", title="ポイント数更新")
    dialog.get_by_label("追加").check()
    dialog.get_by_label("変更ポイント").fill("50")
    distributor.finish_dialog("変更")
    expect(distributor.cell(NEW_MSP, "現在のポイント")).to_contain_text("50")
    dialog = distributor.open_dialog(NEW_MSP, "解約", column="操作", title="解約")
    expect(dialog).to_contain_text("120")
    dialog.get_by_role("link", name="キャンセル").click()
    distributor.wait_until_closed()
    moved = move_a_customer(distributor)
    look_at_its_page(distributor, moved)
    enter(distributor, NEW_MSP)
    distributor.go("管理者")
    expect(distributor.page.get_by_role("link", name="登録", exact=True).first).to_be_visible()
    add_price(operator)


def test_presets_and_mail_previews(visit: Visit) -> None:
    msp = visit("msp-a")
    msp.go("画面プリセット")
    msp.page.get_by_role("link", name="登録", exact=True).first.click()
    dialog = msp.dialog
    dialog.get_by_role("textbox", name="名前 必須").fill("診断なし")
    dialog.get_by_label("セキュリティ診断").uncheck()
    msp.press("登録", within=dialog)
    expect(msp.page.get_by_role("row").filter(has_text="診断なし")).to_contain_text("1")
    msp.go("顧客アカウント一覧")
    company = msp.page.get_by_role("checkbox", name=" を選択").first.get_attribute("aria-label") or ""
    msp.choose(company.removesuffix(" を選択"))
    msp.run_on_chosen("画面のカスタマイズの適用")
    dialog = msp.dialog
    dialog.get_by_role("combobox").select_option(label="診断なし")
    expect(dialog.get_by_role("row").filter(has_text="セキュリティ診断")).to_be_visible()
    msp.finish_dialog("適用")
    msp.go("メールの文面")
    msp.page.get_by_role("link", name="納品通知").click()
    expect(msp.page.get_by_role("main")).to_contain_text("アカウント番号")


def test_levels_and_language(visit: Visit) -> None:
    system, contract = visit("system-a"), visit("contract-a")
    expect(system.page).to_have_url(re.compile("/portal/$"))
    company = "MSP A株式会社"
    expect(system.page.get_by_role("main")).to_contain_text(company)
    expect(system.page.get_by_label("顧客切り替え")).to_be_visible()
    expect(contract.page.get_by_role("link", name="顧客画面")).to_have_count(0)
    contract.announced_statuses = {403}
    contract.page.goto("/portal/")
    expect(contract.page.get_by_text("403")).to_be_visible()
    customer = visit("customer-a")
    customer.page.get_by_role("banner").get_by_role("button", name="English").last.click()
    expect(customer.page.get_by_role("navigation", name="Menu")).to_be_visible()
    again = visit("customer-a")
    expect(again.page.get_by_role("navigation", name="Menu")).to_be_visible()


def register_msp(distributor: Visitor) -> None:
    """MSPアカウント一覧 > 登録: ten users always, so that nobody is asked for them."""
    distributor.go("MSPアカウント一覧")
    distributor.page.get_by_role("link", name="登録", exact=True).click()
    dialog = distributor.dialog
    dialog.get_by_role("combobox", name="アカウントタイプ 必須").select_option(label="MSPアカウント")
    for label, text in {
        "会社名 必須": NEW_MSP,
        "電話番号 必須": "03-1111-2222",
        "郵便番号 必須": "1000001",
        "市区町村 必須": "千代田区",
    }.items():
        dialog.get_by_role("textbox", name=label, exact=True).fill(text)
    dialog.get_by_role("combobox", name="都道府県 必須").select_option("東京都")
    distributor.finish_dialog("登録")


def provision(operator: Visitor, company: str) -> None:
    """承認, プロビジョニング, and wait for the worker."""
    operator.go("承認待ちアカウント一覧")
    for step, after in (("承認", "承認済"), ("プロビジョニング", "")):
        dialog = operator.open_dialog(company, step, column="操作", title=step)
        expect(dialog).to_contain_text(company)
        operator.finish_dialog(step)
        if after:
            expect(operator.cell(company, "状態")).to_contain_text(after)
    wait_until_provisioned(operator, company)


def move_a_customer(distributor: Visitor) -> str:
    """選択実行 > 別のMSPへ移動: the preview names the points that move along; return who was moved."""
    distributor.page.goto("/msp/customers/?sort=point_balance&desc=1&state=active")
    label = distributor.page.get_by_role("checkbox", name=" を選択").first.get_attribute("aria-label") or ""
    company = label.removesuffix(" を選択")
    points = distributor.cell(company, "現在のポイント").inner_text().split("変更")[0].strip()
    distributor.choose(company)
    distributor.run_on_chosen("別のMSPへ移動")
    dialog = distributor.dialog
    option = dialog.get_by_role("combobox").locator("option", has_text=NEW_MSP).get_attribute("value")
    dialog.get_by_role("combobox").select_option(value=option)
    expect(dialog.get_by_role("row").filter(has_text=company)).to_contain_text(f"{NEW_MSP} へ")
    expect(dialog.get_by_role("row").filter(has_text=company)).to_contain_text(points)
    distributor.finish_dialog("移動")
    return company


def look_at_its_page(distributor: Visitor, company: str) -> None:
    """会社名 leads to the account's page, today and as of a day before the move."""
    distributor.page.goto(f"/msp/customers/?search={company}")
    distributor.page.get_by_role("link", name=company, exact=True).click()
    expect(distributor.page.get_by_role("heading", name=company, level=1)).to_be_visible()
    expect(distributor.page.get_by_role("main")).to_contain_text(NEW_MSP)
    distributor.page.goto(f"{distributor.page.url.split('?')[0]}?as_of=2026-11-19")
    expect(distributor.page.get_by_role("main")).to_contain_text("の終わりの時点の内容です")
    expect(distributor.page.get_by_role("main")).not_to_contain_text(NEW_MSP)


def add_price(operator: Visitor) -> None:
    """料金 > 追加: the effect on the next run is shown before it can be kept."""
    operator.go("料金")
    operator.page.get_by_role("link", name="追加", exact=True).click()
    dialog = operator.dialog
    dialog.get_by_role("combobox", name="アカウントタイプ 必須").select_option(label="顧客アカウント")
    dialog.get_by_role("textbox", name="適用開始日 必須").fill("2026-12-01")
    dialog.get_by_role("textbox", name="ベースポイント 必須").fill("12")
    dialog.get_by_role("textbox", name="含まれるユーザ数 必須").fill("10")
    dialog.get_by_role("textbox", name="超過1ユーザあたりのポイント 必須").fill("1")
    operator.press("次の課金への影響を確認", within=dialog)
    expect(dialog.get_by_text("の課金への影響").last).to_be_visible()
    operator.finish_dialog("追加")
    expect(operator.page.get_by_role("row").filter(has_text="2026/12/01")).to_contain_text("12")


def enter(visitor: Visitor, company: str) -> None:
    """顧客画面, then 顧客切り替え by typing a part of the name and Enter."""
    visitor.wait_for_page()
    if visitor.page.get_by_role("link", name="顧客画面", exact=True).count():
        visitor.page.get_by_role("link", name="顧客画面", exact=True).click()
        visitor.page.wait_for_url(re.compile("/portal/$"))
        visitor.wait_for_page()
    box = visitor.page.get_by_role("combobox", name="顧客切り替え")
    box.fill(company[-6:])
    expect(visitor.page.get_by_role("option").filter(has_text=company)).to_be_visible()
    box.press("Enter")
    banner = visitor.page.get_by_role("complementary", name="表示中の顧客画面")
    expect(banner).to_contain_text(f"{company}の顧客画面")


def register_first_administrator(msp: Visitor) -> None:
    """管理＞管理者＞登録, with 設定URLメール送信."""
    msp.go("管理者")
    msp.page.get_by_role("link", name="登録", exact=True).first.click()
    dialog = msp.dialog
    dialog.get_by_role("textbox", name="ユーザ名 必須").fill(FIRST_PERSON)
    dialog.get_by_role("textbox", name="名前 必須", exact=True).fill("初代 管理")
    dialog.get_by_role("textbox", name="Eメール 必須").fill("first@browser.example.jp")
    expect(dialog.get_by_label("設定URLメール送信")).to_be_checked()
    msp.finish_dialog("登録")
    expect(msp.page.get_by_role("row").filter(has_text=FIRST_PERSON)).to_contain_text("パスワード未設定")


def set_password_by_link(msp: Visitor, person: Visitor) -> Visitor:
    """Open パスワード設定の案内, set a password by its link, sign in with it."""
    mail = msp.page.get_by_role("row").filter(has_text="first@browser.example.jp")
    link = mail.filter(has_text="パスワード設定").filter(has_text="保管")
    msp.look_until(link.count, at=MAIL_LIST, late="the worker did not send")
    assert mail.filter(has_text="登録通知").count() == 1
    mail.filter(has_text="パスワード設定").get_by_role("link").first.click()
    found = re.search(
        r"https?://\S+?(/set-password/\S+)", msp.page.get_by_label("テキスト形式の本文").inner_text()
    )
    assert found
    person.page.goto(found[1])
    person.page.get_by_label(re.compile(r"^新しいパスワード(?!\()")).fill(PASSWORD)
    person.page.get_by_label(re.compile(r"^新しいパスワード\(確認\)")).fill(PASSWORD)
    person.page.get_by_role("button").filter(has_text="設定").click()
    person.page.wait_for_url(lambda address: "/set-password/" not in address)
    person.page.goto("/login")
    person.page.get_by_label("ユーザ名またはEメール").fill(FIRST_PERSON)
    person.page.get_by_label("パスワード", exact=True).fill(PASSWORD)
    person.press("ログイン")
    person.page.wait_for_url(re.compile("/portal/$"))
    return person


def hand_down(msp: Visitor) -> None:
    """管理画面 > 現在のポイント [変更] > 追加: one month."""
    msp.page.goto("/portal/")
    msp.page.get_by_role("link", name="管理画面", exact=True).click()
    msp.page.wait_for_url("**/msp/customers/")
    dialog = msp.open_dialog(COMPANY, "変更", column="現在のポイント", title="ポイント数更新")
    dialog.get_by_label("追加").check()
    dialog.get_by_label("変更ポイント").fill(str(USERS))
    msp.finish_dialog("変更")
    assert msp.number(COMPANY, "今月25日の推定残ポイント数") == 0


def notify(msp: Visitor) -> None:
    """選択実行 > 納品通知: the mail names the administrator."""
    msp.choose(COMPANY)
    msp.run_on_chosen("納品通知")
    msp.finish_dialog("送信")
    mail = msp.page.get_by_role("row").filter(has_text="taro@browser.example.jp").filter(has_text="納品通知")
    msp.look_until(mail.filter(has_text="保管").count, at=MAIL_LIST, late="the worker did not send")
    mail.get_by_role("link").first.click()
    expect(msp.page.get_by_label("テキスト形式の本文")).to_contain_text(FIRST_PERSON)


def change_profile(customer: Visitor) -> None:
    """管理＞基本情報 > 編集."""
    customer.go("基本情報")
    customer.page.get_by_role("main").get_by_role("link", name="編集").click()
    dialog = customer.dialog
    dialog.get_by_role("textbox", name="番地/ビル等").fill("新ビル 9階")
    customer.finish_dialog("更新")
    expect(customer.page.get_by_role("main")).to_contain_text("新ビル 9階")


def register_user(customer: Visitor) -> None:
    """ユーザ一覧 > 登録."""
    customer.go("ユーザ一覧")
    customer.page.get_by_role("link", name="登録", exact=True).click()
    dialog = customer.dialog
    dialog.get_by_role("textbox", name="ユーザ名 必須").fill("new.user")
    dialog.get_by_role("textbox", name="名前 必須", exact=True).fill("新規 太郎")
    customer.finish_dialog("登録")
    expect(customer.page.get_by_role("row").filter(has_text="new.user")).to_contain_text("新規 太郎")


def import_users(customer: Visitor) -> None:
    """CSVインポート: preview, 既存ユーザの上書き, 取り込む."""
    customer.page.get_by_role("link", name="CSVインポート").click()
    rows = "ユーザ名,名前,Eメール,部署,状態\nnew.user,新規 次郎,,営業部,有効\nimported,取込 花子,,,無効\n"
    customer.page.get_by_label("CSVファイル").set_input_files(
        {"name": "users.csv", "mimeType": "text/csv", "buffer": rows.encode("cp932")}
    )
    customer.page.get_by_label("既存ユーザの上書き").check()
    customer.page.get_by_role("main").get_by_role("button").last.click()
    expect(customer.page.get_by_role("row").filter(has_text="new.user")).to_contain_text("上書き")
    expect(customer.page.get_by_role("row").filter(has_text="imported")).to_contain_text("新規")
    customer.press("取り込む")
    expect(customer.page.get_by_role("row").filter(has_text="new.user")).to_contain_text("新規 次郎")
    expect(customer.page.get_by_role("row").filter(has_text="imported")).to_contain_text("無効")


def portal_company(customer: Visitor) -> str:
    """Return the company whose portal it is."""
    return customer.page.get_by_role("main").get_by_role("definition").first.inner_text()


def unassigned_company(msp: Visitor) -> str:
    """Return a running customer that no support account is assigned to."""
    msp.page.goto("/msp/customers/?support_account=none&state=active")
    name = msp.page.get_by_role("row").nth(1).get_by_role("cell").nth(msp.columns().index("会社名"))
    return name.inner_text().strip().split("\n")[0]


def assign(msp: Visitor, company: str, label: str) -> None:
    """[編集] > サポート: choose a support account, or none."""
    msp.page.goto(f"/msp/customers/?search={company}")
    dialog = msp.open_dialog(company, "編集", column="操作", title="基本情報更新")
    dialog.get_by_role("tab", name="サポート").click()
    pulldown = dialog.get_by_role("combobox", name="サポートアカウント")
    pulldown.select_option(label=label) if label else pulldown.select_option(value="")
    msp.press("更新", within=dialog)
    msp.told(f"{company} の基本情報を更新しました。")


def show_menus(msp: Visitor, company: str, boxes: dict[str, bool]) -> None:
    """[編集] > 画面のカスタマイズ: tick = shown."""
    msp.page.goto(f"/msp/customers/?search={company}")
    dialog = msp.open_dialog(company, "編集", column="操作", title="基本情報更新")
    dialog.get_by_role("tab", name="画面のカスタマイズ").click()
    for label, is_shown in boxes.items():
        dialog.get_by_label(label, exact=True).set_checked(is_shown)
    msp.press("更新", within=dialog)
    msp.told(f"{company} の基本情報を更新しました。")
