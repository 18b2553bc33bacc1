"""Addresses of people and companies, and where to go back to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inputs.contact import (
    INDUSTRIES,
    PREFECTURES,
    PhoneNumberRefused,
    PostalCodeRefused,
    WebAddressRefused,
    parse_phone_number,
    parse_postal_code,
    parse_web_address,
)
from domain.inputs.emails import EmailAddressRefused, email_key, parse_email
from domain.inputs.return_path import safe_return_path

#: 254 characters, of which the local part has 64 and no label has more than 63.
LONGEST_ADDRESS = "a" * 64 + "@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 61


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("taro@example.jp", "taro@example.jp"),
        (" taro@example.jp\u3000", "taro@example.jp"),
        ("abc..d.@docomo.ne.jp", "abc..d.@docomo.ne.jp"),
        (".a@ezweb.ne.jp", ".a@ezweb.ne.jp"),
        ("ｔａｒｏ＠example.jp", "taro@example.jp"),
        ("a+b@sub.example.co.jp", "a+b@sub.example.co.jp"),
        ("O'Neil@example.com", "O'Neil@example.com"),
        ("a@xn--wgv71a119e.jp", "a@xn--wgv71a119e.jp"),
        (LONGEST_ADDRESS, LONGEST_ADDRESS),
    ],
)
def test_one_address_is_read(typed: str, address: str) -> None:
    assert parse_email(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "a",
        "a@",
        "@b.jp",
        "a@b",
        "a@b, evil@x",
        "a@b.jp,c@d.jp",
        "a@b.jp;c@d.jp",
        "a;b",
        "a@b.jp\r\nBcc: c@d.jp",
        "a@b.jp\nBcc:c@d.jp",
        "<a@b.jp> <c@d.jp>",
        "<a@b.jp>",
        "A <a@b.jp>",
        "a@b.jp c@d.jp",
        "a@b@c.jp",
        "a@b..jp",
        "a@-b.jp",
        "a@b-.jp",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        '"a b"@c.jp',
        "a@b.jp\0",
        "山田@example.jp",
        "a" * 65 + "@b.jp",
        LONGEST_ADDRESS + "d",
        "a@" + "b" * 300 + ".jp",
        "a" * 60 + "@" + ".".join(["b" * 60] * 4),
        "a@b.jp，c@d.jp",
        "a(c)@b.jp",
        "a\\@b.jp",
    ],
)
def test_what_is_not_exactly_one_address_is_refused(typed: str) -> None:
    with pytest.raises(EmailAddressRefused):
        parse_email(typed)


@given(st.text())
def test_no_text_smuggles_a_second_address_or_a_header(typed: str) -> None:
    try:
        address = parse_email(f"a@example.jp{typed}")
    except EmailAddressRefused:
        return
    assert address.count("@") == 1
    assert not set(address) & set('\r\n\t ,;<>:"()[]\\\0')


def test_addresses_are_compared_without_case() -> None:
    assert email_key(" Taro@Example.JP") == email_key("taro@example.jp") == "taro@example.jp"


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("03-1234-5678", "03-1234-5678"),
        ("0312345678", "03-1234-5678"),
        ("０３－１２３４－５６７８", "03-1234-5678"),
        ("０３１２３４５６７８", "03-1234-5678"),
        ("03ー1234ー5678", "03-1234-5678"),
        ("03(1234)5678", "03-1234-5678"),
        (" 03 1234 5678 ", "03-1234-5678"),
        ("09012345678", "090-1234-5678"),
        ("0120123456", "0120-123-456"),
        ("08001234567", "0800-123-4567"),
        ("0451234567", "045-123-4567"),
        ("0422-12-3456", "0422-12-3456"),
        ("05012345678", "050-1234-5678"),
        ("+81-3-1234-5678", "+81-3-1234-5678"),
        ("+81312345678", "+81312345678"),
        ("(03)1234-5678", "03-1234-5678"),
        ("+12345678", "+12345678"),
        ("+123456789012345", "+123456789012345"),
        ("+8-1-3-1-2-3-4-5-6-7", "+8-1-3-1-2-3-4-5-6-7"),
    ],
)
def test_a_telephone_number_is_normalized(typed: str, number: str) -> None:
    assert parse_phone_number(typed) == number
    assert parse_phone_number(number) == number


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "03-1234-ABCD",
        "電話",
        "12345",
        "1234567890",
        "031234567",
        "031234567890",
        "00-0000-0000",
        "0" * 5000,
        "03-1234-5678 内線1",
        "03-1234-5678\0",
        "+0312345678",
        "+1",
        "٠٣١٢٣٤٥٦٧٨",
        "03/1234/5678",
        "03-1234-5678X",
        "0-9-0-1-2-3-4-5-6-7-8",
        "+81-3-1234-ABCD",
        "+1234567",
        "+1234567890123456",
        "-",
        "+",
    ],
)
def test_what_is_no_telephone_number_is_refused(typed: str) -> None:
    with pytest.raises(PhoneNumberRefused):
        parse_phone_number(typed)


@pytest.mark.parametrize(
    "typed",
    ["100-0001", "1000001", "１００－０００１", "１０００００１", "〒100-0001", "〒 100ー0001", " 100−0001 "],
)
def test_a_postal_code_is_normalized(typed: str) -> None:
    assert parse_postal_code(typed) == "100-0001"


@pytest.mark.parametrize("typed", ["", "100-001", "10000011", "abc-defg", "1-000001", "100 0001", "٣٣٣٣٣٣٣"])
def test_what_is_no_postal_code_is_refused(typed: str) -> None:
    with pytest.raises(PostalCodeRefused):
        parse_postal_code(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "https://example.jp",
        "http://example.jp:8080/a?b=c#d",
        "HTTPS://Example.jp/",
        "https://日本語.jp/パス",
        " https://example.jp ",
        "http://example.jp:1/",
        "https://e.jp/" + "a" * 242,
    ],
)
def test_a_web_address_is_read(typed: str) -> None:
    assert parse_web_address(typed) == typed.strip()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "example.jp",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "ftp://example.jp",
        "http:example.jp",
        "http://",
        "https:///a",
        "//example.jp",
        "http://a b.jp",
        "http://a@b.jp/",
        "http://[::1",
        "http://example.jp:99999/",
        "http://example.jp:x/",
        'http://a.jp/"><script>',
        "http:\\\\example.jp",
        "http://example.jp/\0",
        "http://example.jp/\u202e",
        "http://example.jp:0/",
        "https://e.jp/" + "a" * 243,
        "mailto:a@b.jp",
    ],
)
def test_what_is_no_web_address_is_refused(typed: str) -> None:
    with pytest.raises(WebAddressRefused):
        parse_web_address(typed)


def test_the_lists_are_complete_and_without_doubles() -> None:
    assert len(PREFECTURES) == len(set(PREFECTURES)) == 47
    assert len(INDUSTRIES) == len(set(INDUSTRIES))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/msp/customers/",
        "/msp/customers/?page=2&search=%E3%81%82",
        "/a//b",
        "/!~\u00a1",
        "/" + "a" * 1999,
    ],
)
def test_a_path_of_this_site_is_gone_back_to(path: str) -> None:
    assert safe_return_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "//evil",
        "///evil",
        "/\\evil",
        "\\\\evil",
        "http:evil.example",
        "http://evil.example",
        "javascript:alert(1)",
        "\t//evil",
        "\t/a",
        "/\t/evil",
        " /a",
        "/a\r\nSet-Cookie: x=1",
        "/a\0",
        "a",
        "evil.example",
        "/" + "a" * 2000,
        "/a b",
        "/a\u007f",
        "/a\u00a0",
        "@evil",
        "?a",
        "/a\\..\\b",
    ],
)
def test_no_other_site_is_gone_back_to(text: str | None) -> None:
    assert safe_return_path(text) is None
