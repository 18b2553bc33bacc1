"""Fields: what is typed becomes a value, or stays to be seen with the reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_babel import Babel
from werkzeug.datastructures import MultiDict

from admin_views.choice_labels import INDUSTRY_LABELS, PREFECTURE_LABELS
from admin_views.fields import (
    ChoiceField,
    ConsentField,
    EmailField,
    IsoDateField,
    LineField,
    NoteField,
    PhoneField,
    PortalForm,
    PostalCodeField,
    RadioChoiceField,
    RequestIdField,
    VersionField,
    WebAddressField,
    WholeNumberField,
)
from admin_views.input_messages import INPUT_MESSAGES, LIST_ERROR_MESSAGES
from domain.errors import DomainError
from domain.inputs.contact import INDUSTRIES, PREFECTURES
from services.list_arguments import ERROR_CODES


class SampleForm(PortalForm):
    count = WholeNumberField("契約ユーザ数", minimum=1, maximum=1_000_000, required=True)
    name = LineField("会社名", maximum=10, required=True)
    remark = NoteField("備考", maximum=20)
    email = EmailField("担当者Eメール")
    phone = PhoneField("電話番号")
    postal_code = PostalCodeField("郵便番号")
    site = WebAddressField("ウェブサイト")
    day = IsoDateField("解約予定日")
    prefecture = ChoiceField("都道府県", choices=PREFECTURE_LABELS.items())
    support = ChoiceField("サポート", choices=lambda: [(7, "A"), (8, "B")])


class PointsForm(PortalForm):
    direction = RadioChoiceField("種別", choices=[("add", "追加"), ("take_back", "削除")], required=True)
    consent = ConsentField("同意する")
    request_id = RequestIdField()
    version = VersionField()


@pytest.fixture(autouse=True)
def _request() -> Iterator[None]:
    app = Flask("sample")
    app.config["BABEL_DEFAULT_LOCALE"] = "ja"
    Babel(app)
    with app.test_request_context():
        yield


def submitted(**typed: str) -> SampleForm:
    form = SampleForm(MultiDict({"count": "5", "name": "A", **typed}))
    form.validate()
    return form


def test_values_are_parsed_and_shown_back_normalized() -> None:
    form = submitted(
        count="\u3000１２ ",
        name=" ㈱A ",
        remark="a\r\nb",
        email="ａ@b.jp",
        phone="０３１２３４５６７８",
        postal_code="1000001",
        site="https://a.jp",
        day="2026/11/26",
        prefecture="東京都",
        support="8",
    )
    assert form.errors == {}
    assert form.data == {
        "count": 12,
        "name": "㈱A",
        "remark": "a\nb",
        "email": "a@b.jp",
        "phone": "03-1234-5678",
        "postal_code": "100-0001",
        "site": "https://a.jp",
        "day": dt.date(2026, 11, 26),
        "prefecture": "東京都",
        "support": 8,
    }
    assert 'value="12"' in form.count()
    assert 'value="2026-11-26"' in form.day()
    assert 'type="date"' in form.day()
    assert '<option selected value="8">B</option>' in form.support()


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("count", "1,000"),
        ("count", "-1"),
        ("name", "あ" * 11),
        ("name", "A\0B"),
        ("email", "a@b.jp, c@d.jp"),
        ("phone", "内線"),
        ("postal_code", "abc"),
        ("site", "javascript:alert(1)"),
        ("day", "2026-02-29"),
        ("remark", "x" * 21),
    ],
)
def test_what_is_refused_stays_as_typed_with_one_reason(name: str, typed: str) -> None:
    form = submitted(**{name: typed})
    field = form[name]
    assert list(form.errors) == [name]
    assert len(field.errors) == 1
    assert "%(" not in str(field.errors[0])
    assert field.data is None
    assert typed in field()
    assert 'aria-invalid="true"' in field()


def test_a_refused_day_is_shown_in_a_text_input() -> None:
    assert 'type="text"' in submitted(day="2026-02-29").day()


@pytest.mark.parametrize("typed", ["", " ", "\u3000", "\u200b"])
def test_blank_is_missing_where_something_is_required_and_none_elsewhere(typed: str) -> None:
    form = submitted(count=typed, name=typed, email=typed, day=typed, remark=typed, prefecture="")
    assert {name: [str(error) for error in errors] for name, errors in form.errors.items()} == {
        "count": ["必須項目です。"],
        "name": ["必須項目です。"],
    }
    assert form.email.data is None
    assert form.prefecture.data is None


def test_a_required_field_that_is_not_sent_is_missing_and_an_optional_one_keeps_its_value() -> None:
    form = SampleForm(MultiDict({"name": "A", "status": "canceled"}), data={"count": 5, "email": "a@b.jp"})
    assert not form.validate()
    assert list(form.errors) == ["count"]
    assert form.email.data == "a@b.jp"
    assert not hasattr(form, "status")


@pytest.mark.parametrize(
    ("name", "typed"), [("prefecture", "東京"), ("prefecture", "__None"), ("support", "9")]
)
def test_a_value_that_is_not_in_the_list_is_refused(name: str, typed: str) -> None:
    form = submitted(**{name: typed})
    assert [str(error) for error in form[name].errors] == ["一覧にある値から選んでください。"]


@pytest.mark.parametrize("typed", ["false", "0", "", "off", "False", "no"])
def test_consent_is_only_a_ticked_box(typed: str) -> None:
    known = {"direction": "add", "request_id": "0b8f7a52-7c1e-4a55-9d0c-2f8f0f3f6b11", "version": "3"}
    assert PointsForm(MultiDict({**known, "consent": "y"})).validate()
    assert list(_errors({**known, "consent": typed})) == ["consent"]
    assert list(_errors(known)) == ["consent"]


def test_radio_buttons_have_no_blank_one_and_one_must_be_chosen() -> None:
    assert [str(option.label.text) for option in PointsForm().direction] == ["追加", "削除"]
    assert "direction" in _errors({"direction": ""})
    assert "direction" in _errors({"direction": "both"})


@pytest.mark.parametrize("typed", ["", "1", "' OR 1=1"])
def test_a_form_without_its_request_id_is_refused(typed: str) -> None:
    assert "request_id" in _errors({"request_id": typed})


def test_inputs_say_that_they_are_required_and_leave_checking_to_the_portal() -> None:
    rendered = SampleForm().count()
    assert 'aria-required="true"' in rendered
    assert " required" not in rendered
    assert SampleForm().count.flags.required


def test_the_refusal_of_a_use_case_goes_to_its_field_or_to_the_form() -> None:
    form = submitted()
    refusal = next(iter(INPUT_MESSAGES))
    form.add_refusal(refusal(field="day", minimum=1, maximum=2))
    form.add_refusal(refusal(minimum=1, maximum=2))
    assert len(form.day.errors) == len(form.form_errors) == 1


def test_every_error_has_words() -> None:
    assert set(LIST_ERROR_MESSAGES) == set(ERROR_CODES)
    assert all(issubclass(kind, DomainError) for kind in INPUT_MESSAGES)
    assert set(PREFECTURE_LABELS) == set(PREFECTURES)
    assert set(INDUSTRY_LABELS) == set(INDUSTRIES)


def _errors(typed: dict[str, str]) -> dict[str, list[str]]:
    form = PointsForm(MultiDict(typed))
    form.validate()
    errors: dict[str, list[str]] = form.errors
    return errors
