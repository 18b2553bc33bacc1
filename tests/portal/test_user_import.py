"""CSVインポート: file, preview, import; nothing is written but what was shown."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from admin_views.request_context import LANGUAGE_COOKIE
from tests.portal.user_screens import LIST, UserScreens, screens_of_customer, set_contract
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import hidden_fields, text_of

SignIn = Callable[[FlaskClient, str], None]
HEADER = "ユーザ名,名前,Eメール,部署,状態,v1\r\n"


@pytest.fixture
def screens(app: Flask, client: FlaskClient, sign_in: SignIn) -> UserScreens:
    sign_in(client, "customer-a")
    return screens_of_customer(app, client)


def upload(
    screens: UserScreens, data: bytes | str, *, name: str = "users.csv", **fields: str
) -> TestResponse:
    """Send a file as the first step does."""
    body: dict[str, Any] = {
        "csrf_token": csrf_token_of(screens.client),
        "portal_account": str(screens.account_id),
        "file": (io.BytesIO(data.encode() if isinstance(data, str) else data), name),
        **fields,
    }
    return screens.client.post(f"{LIST}import/", data=body, content_type="multipart/form-data")


def run(screens: UserScreens, page: str, **fields: str) -> TestResponse:
    """Press 取り込む on a preview, as a browser sends it."""
    found = re.search(r'<textarea name="csv_text"[^>]*>\n(.*?)</textarea>', page, re.S)
    assert found is not None
    data = {**hidden_fields(page), "csv_text": html.unescape(found[1]), **fields}
    return screens.client.post(f"{LIST}import/run/", data=data, content_type="multipart/form-data")


def test_a_file_is_shown_row_by_row_and_written_only_when_asked(screens: UserScreens) -> None:
    assert "既存ユーザの上書き" in screens.words("import/")
    rows = (
        "sato.kenichi,佐藤 新,,,無効,\r\n"
        'new1,"新人, ""一""",new@example.jp,営業部,,\r\n'
        "'-2,<b>太字</b>,,,,\r\n"
    )
    page = upload(screens, (HEADER + rows).encode("utf-8-sig"), name="x/u.csv")
    assert page.status_code == 200
    words = text_of(page.text)
    assert "登録済みのため対象外" in words
    assert "登録済みの1人は取り込みません" in words
    assert "u.csv" in words
    assert "&lt;b&gt;" in page.text
    assert len(screens.users()) == 8
    answer = run(screens, page.text)
    assert (answer.status_code, answer.location) == (303, LIST)
    users = screens.users()
    assert len(users) == 10
    assert (users["new1"].full_name, users["new1"].email) == ('新人, "一"', "new@example.jp")
    assert users["-2"].full_name == "<b>太字</b>"
    assert users["sato.kenichi"].full_name == "佐藤 健一"
    assert "新規登録 2人、上書き 0人" in screens.words()
    # Pressed once more, the new preview says that nothing is left.
    again = run(screens, page.text)
    assert again.status_code == 409
    assert "取り込む内容はありません" in text_of(again.text)
    assert screens.events("service_user.imported")[0][2]["file_name"] == "u.csv"


def test_registered_users_are_overwritten_only_when_that_is_ticked(screens: UserScreens) -> None:
    page = upload(screens, HEADER + "sato.kenichi,佐藤 新,,,無効,\r\n", overwrite="y")
    assert "名前: 佐藤 健一 → 佐藤 新" in text_of(page.text)
    assert "状態: 有効 → 無効" in text_of(page.text)
    assert run(screens, page.text, overwrite="0").status_code == 409
    assert run(screens, page.text, csv_text=HEADER + "sato.kenichi,別人,,,,\r\n").status_code == 409
    assert run(screens, page.text, digest="").status_code == 409
    assert screens.users()["sato.kenichi"].full_name == "佐藤 健一"
    assert run(screens, page.text).status_code == 303
    user = screens.users()["sato.kenichi"]
    assert (user.full_name, user.email, user.is_disabled, user.version) == ("佐藤 新", None, True, 2)


def test_what_changed_since_the_preview_is_shown_anew(screens: UserScreens) -> None:
    page = upload(screens, HEADER + "new1,新人,,,,\r\n")
    assert screens.post("new/", user_name="new1", full_name="先客").status_code == 303
    refused = run(screens, page.text)
    assert refused.status_code == 409
    assert "表示した後に登録されているユーザが変わりました" in text_of(refused.text)
    assert screens.users()["new1"].full_name == "先客"


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("encoding", ["", "?encoding=cp932"])
def test_an_exported_file_reads_back_unchanged(screens: UserScreens, language: str, encoding: str) -> None:
    assert screens.post("new/", user_name="+1@x", full_name="=1+1", department="-営業").status_code == 303
    screens.client.set_cookie(LANGUAGE_COOKIE, language)
    with screens.get(f"export/csv{encoding}") as file:
        data = file.data
    page = upload(screens, data, overwrite="y")
    assert page.status_code == 200
    found = re.findall(r"<tr[^>]*><td class=\"number\">\d+</td>.*?</tr>", page.text, re.S)
    assert len(found) == 9
    assert sum("left-out" in row for row in found) == 9


def test_errors_name_their_line_and_nothing_is_taken(screens: UserScreens) -> None:
    rows = "ok,名,,,,\r\n\r\nOK,名,,,,\r\n太郎,,a;b,,?,\r\nx\r\n,名,,,,\r\n"
    page = upload(screens, HEADER + rows)
    assert page.status_code == 422
    words = text_of(page.text)
    assert "4行にエラーがあるため、取り込めません" in words
    for said in (
        "2行目と同じユーザ名です",
        "半角の英数字と",
        "名前: 必須項目です",
        "ユーザ名: 必須項目です",
        "「有効」または「無効」",
        "セルの数が見出しと",
    ):
        assert said in words
    assert "ユーザ名: ユーザ名は" not in words
    assert "取り込む</button>" not in page.text
    assert run(screens, page.text).status_code == 422
    assert len(screens.users()) == 8


def test_more_than_contracted_is_refused(screens: UserScreens) -> None:
    set_contract(screens, 9)
    page = upload(screens, HEADER + "a,名,,,,\r\nb,名,,,,\r\n")
    assert page.status_code == 422
    assert "契約ユーザ数 9 を1人超えるため" in text_of(page.text)
    assert run(screens, page.text).status_code == 422
    assert len(screens.users()) == 8
    assert run(screens, upload(screens, HEADER + "a,名,,,,\r\n").text).status_code == 303


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ユーザの行がありません"),
        (HEADER.encode(), "ユーザの行がありません"),
        (b"PK\x03\x04\0\0", "CSVファイルとして読み取れません"),
        (HEADER.encode() + b"a\0,b,,,,\r\n", "CSVファイルとして読み取れません"),
        ("社員番号,名前\r\n1,名\r\n".encode("cp932"), "見出しの「社員番号」は読み取れません"),
        ("ユーザ名,名前,v2\r\na,名,\r\n".encode(), "見出しの「v2」は読み取れません"),
        ("名前\r\n名\r\n".encode(), "見出しの行に「ユーザ名」と「名前」がありません"),
        ("名前,名前,ユーザ名\r\n名,名,a\r\n".encode(), "見出しの「名前」が2つあります"),
        (HEADER.encode() + b'a,"b,,,,\r\n', "引用符"),
        (HEADER.encode() + b"a,b,,,,\r\n" * 10_001, "10,000行まで"),
        (HEADER.encode() + "あ".encode() * 140_000, "400KBまで"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_its_field(
    screens: UserScreens, data: bytes, words: str
) -> None:
    answer = upload(screens, data)
    assert answer.status_code == 422
    assert words in text_of(answer.text)
    assert 'id="file-error1"' in answer.text
    assert len(screens.users()) == 8


def test_requests_that_no_page_makes(screens: UserScreens) -> None:
    assert upload(screens, "x", name="").status_code == 422
    assert screens.post("import/").status_code == 422
    assert screens.post("import/", file="text").status_code == 422
    for text in ("", "\0", "a,b\r\n", "\ud800".encode("utf-16", "surrogatepass").decode("latin-1")):
        assert screens.post("import/run/", csv_text=text, digest="x", overwrite="2").status_code == 422
    assert screens.post("import/run/").status_code == 422
    assert screens.get("import/run/").status_code == 405
    body, kind = b"a" * 600_000, "multipart/form-data; boundary=x"
    assert screens.client.post(f"{LIST}import/", data=body, content_type=kind).status_code == 413


def test_the_largest_file_survives_the_second_step(screens: UserScreens) -> None:
    set_contract(screens, 5_000)
    rows = [f"user{number},{'名' * 20},,{'部' * 10},,\n" for number in range(3_860)]
    data = HEADER.encode() + "".join(rows).encode()
    assert 390 * 1024 < len(data) + 3_860 < 400 * 1024
    assert run(screens, upload(screens, data).text).status_code == 303
    assert len(screens.users()) == 3_868
