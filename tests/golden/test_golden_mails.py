"""Every mail in both languages, word for word. `make golden` writes them anew."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from models.mails import MailKind
from services.mail_examples import example_context, example_mail
from services.mail_html import html_of
from services.mail_texts import LANGUAGES, MailBrand, render_mail

FOLDER = Path(__file__).parent / "mails"
BRAND = MailBrand(brand_name="SingleID", portal_url="https://portal.example.jp")


def context_of(kind: MailKind, language: str = "ja", **changes: Any) -> dict[str, Any]:
    return {**example_context(kind, language=language, brand=BRAND), **changes}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(MailKind))
def test_mail_says_what_it_said(kind: MailKind, language: str) -> None:
    mail = render_mail(kind=kind, language=language, brand=BRAND, context=context_of(kind, language))
    assert mail == example_mail(kind, language=language, brand=BRAND)
    said = {"txt": f"Subject: {mail.subject}\n\n{mail.body_text}", "html": mail.body_html}
    for form, text in said.items():
        kept = FOLDER / f"{kind.value}.{language}.{form}"
        if os.environ.get("UPDATE_GOLDEN"):
            kept.write_text(text, encoding="utf-8")
        assert text == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(MailKind))
def test_both_parts_say_the_same(kind: MailKind, language: str) -> None:
    mail = example_mail(kind, language=language, brand=BRAND)
    body = mail.body_html.partition("<hr>")[2]
    words = html.unescape(re.sub(r"<[^>]+>", " ", body)).split()
    assert words == re.sub(r"-{8,}", " ", mail.body_text).split()
    # Nothing is fetched by reading it, nothing runs, and it leads nowhere but to the portal.
    assert not re.search(r"<(img|script|style|link|iframe)|\s(src|style|on\w+)=", mail.body_html)
    assert set(re.findall(r'href="([^"]*)"', mail.body_html)) <= {
        "https://portal.example.jp",
        "https://portal.example.jp/set-password/EXAMPLE",
        "https://portal.example.jp/msp/health/",
        "https://portal.example.jp/msp/approvals/",
    }
    assert f'<html lang="{language}">' in mail.body_html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>&\"'", "<p>&lt;b&gt;&amp;&quot;&#x27;</p>"),
        ("a\n  ・b", "<p>a<br>\n\u00a0\u00a0・b</p>"),
        ("a\n\n\nb\n----------\nc\n", "<p>a</p>\n<p>b</p>\n<hr>\n<p>c</p>"),
        ("https://p.jp", '<p><a href="https://p.jp">https://p.jp</a></p>'),
        ("見る: https://p.jp/a?b=1&c=2。", '<p>見る: <a href="https://p.jp/a?b=1&amp;c=2">https://p.jp/a?b=1&amp;c=2</a>。</p>'),
        ("see https://p.jp/a.", '<p>see <a href="https://p.jp/a">https://p.jp/a</a>.</p>'),
        ("https://p.jp.evil.example https://p.jp@evil.example xhttps://p.jp https://other.example",
         "<p>https://p.jp.evil.example https://p.jp@evil.example xhttps://p.jp https://other.example</p>"),
    ],
)  # fmt: skip
def test_html_escapes_keeps_lines_and_links_to_the_portal_alone(text: str, expected: str) -> None:
    assert html_of(text, portal_url="https://p.jp/") == expected


def test_delivery_notice_without_administrators_and_optional_facts_says_so() -> None:
    context = context_of(
        MailKind.DELIVERY_NOTICE,
        administrator_user_names=(),
        website_url=None,
        address_line=None,
        contact_name=None,
    )
    mail = render_mail(kind=MailKind.DELIVERY_NOTICE, language="ja", brand=BRAND, context=context)
    assert "管理者は、まだ登録されていません" in mail.body_text
    assert "None" not in mail.body_text
    assert "ウェブサイト" not in mail.body_text


def test_line_breaks_in_a_name_stay_out_of_the_subject() -> None:
    context = context_of(MailKind.APPROVAL, company_name="青空\r\nBcc: evil@example.jp")
    mail = render_mail(kind=MailKind.APPROVAL, language="ja", brand=BRAND, context=context)
    assert "青空 Bcc: evil@example.jp" in mail.subject


def test_words_of_a_customer_are_no_template() -> None:
    context = context_of(MailKind.APPROVAL, company_name="{{7*7}} <b>%s")
    mail = render_mail(kind=MailKind.APPROVAL, language="ja", brand=BRAND, context=context)
    assert "{{7*7}} <b>%s" in mail.body_text
    assert "{{7*7}} &lt;b&gt;%s" in mail.body_html
    assert "<b>" not in mail.body_html


def test_an_unknown_language_gets_japanese() -> None:
    mails = [
        render_mail(
            kind=MailKind.APPROVAL,
            language=language,
            brand=BRAND,
            context=context_of(MailKind.APPROVAL),
        )
        for language in ("ja", "fr")
    ]
    assert mails[0] == mails[1]


def test_a_missing_value_is_an_error_instead_of_a_gap() -> None:
    context = context_of(MailKind.APPROVAL)
    del context["applied_on"]
    with pytest.raises(UndefinedError):
        render_mail(kind=MailKind.APPROVAL, language="ja", brand=BRAND, context=context)
