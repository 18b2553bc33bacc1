"""Lists: the same rows in the same order, however they are asked for, on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

import pytest
from werkzeug.datastructures import MultiDict

from domain.inputs.row_ids import TooManyRows
from services.lists import (
    ListArguments,
    ListFilter,
    Page,
    fetch_page,
    iterate_rows,
    matching_ids,
    parse_arguments,
    query_pairs,
)
from tests.support.postgres_server import PostgresServer, running_postgres
from tests.support.sample_list import add_company, companies_source, sample_app


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"], autouse=True)
def _companies(request: pytest.FixtureRequest) -> Iterator[None]:
    url = "sqlite://"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").url("postgres", role="postgres")
    with sample_app(url):
        yield


def page_of(parameters: Mapping[str, str]) -> Page:
    source = companies_source()
    return fetch_page(source, parse_arguments(source, MultiDict(parameters)))


def names(parameters: Mapping[str, str]) -> list[str]:
    return [row.company_name for row in page_of(parameters).rows]


def errors(parameters: Mapping[str, str]) -> dict[str, str]:
    return dict(parse_arguments(companies_source(), MultiDict(parameters)).errors)


def test_a_page_has_its_rows_the_total_and_the_extra_columns() -> None:
    for index in range(45):
        add_company(f"会社{index:02}")
    page = page_of({"page": "3"})
    assert [row.company_name for row in page.rows] == ["会社40", "会社41", "会社42", "会社43", "会社44"]
    assert (page.total, page.page, page.page_size, page.page_count) == (45, 3, 20, 3)
    assert page.rows[0].state == "active"
    assert page.rows[0].id == page.rows[0].no


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("-1", 1),
        ("0", 1),
        ("abc", 1),
        ("１", 1),
        ("²", 1),
        ("1.5", 1),
        ("2", 2),
        ("99", 3),
        ("1" + "0" * 20, 3),
    ],
)
def test_a_page_that_does_not_exist_falls_back(text: str, number: int) -> None:
    for index in range(45):
        add_company(f"会社{index:02}")
    page = page_of({"page": text})
    assert page.page == number
    assert page.rows


@pytest.mark.parametrize(("text", "size"), [("50", 50), ("100", 100), ("0", 20), ("-1", 20), ("1000000", 20)])
def test_only_offered_page_sizes_are_used(text: str, size: int) -> None:
    assert page_of({"page_size": text}).page_size == size


@pytest.mark.parametrize("text", ["abc", "999", "id", "state", "no;drop table", "\0"])
def test_an_unknown_order_falls_back(text: str) -> None:
    add_company("B")
    add_company("A")
    assert names({"sort": text, "desc": "1"}) == ["B", "A"]


def test_an_empty_list_has_one_empty_page() -> None:
    page = page_of({"page": "7"})
    assert (list(page.rows), page.total, page.page, page.page_count) == ([], 0, 1, 1)


def test_blanks_come_last_in_both_directions_and_ties_go_by_key() -> None:
    for name, points in (("blank1", None), ("five1", 5), ("minus", -3), ("five2", 5), ("blank2", None)):
        add_company(name, points=points)
    assert names({"sort": "point_balance"}) == ["minus", "five1", "five2", "blank1", "blank2"]
    assert names({"sort": "point_balance", "desc": "1"}) == ["five2", "five1", "minus", "blank2", "blank1"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("山田", ["㈱山田商店", "ﾔﾏﾀﾞ 山田 100%"]),
        ("株", ["㈱山田商店"]),
        ("(株)山田", ["㈱山田商店"]),
        ("ヤマダ", ["ﾔﾏﾀﾞ 山田 100%"]),
        ("か\u3099く", ["がくぶち_A"]),
        ("高", ["髙橋\\製作所"]),
        ("abc", ["ＡＢＣ 🍣"]),
        ("🍣", ["ＡＢＣ 🍣"]),
        ("%", ["ﾔﾏﾀﾞ 山田 100%"]),
        ("_", ["がくぶち_A"]),
        ("\\", ["髙橋\\製作所"]),
        ("!", ["びっくり!"]),
        ("山田\u3000商店", ["㈱山田商店"]),
        ("商店 山田", ["㈱山田商店"]),
        ("山田 高橋", []),
        ("'", []),
        ("' OR 1=1 --", []),
    ],
)
def test_search_finds_every_way_of_writing_and_takes_signs_literally(search: str, found: list[str]) -> None:
    for name in ("㈱山田商店", "ﾔﾏﾀﾞ 山田 100%", "がくぶち_A", "髙橋\\製作所", "ＡＢＣ 🍣", "びっくり!"):
        add_company(name)
    assert names({"search": search}) == found
    assert names({"company": search}) == found


@pytest.mark.parametrize(
    ("search", "code"),
    [("\0", "bad_text"), ("A\0B", "bad_text"), ("あ" * 5000, "too_long"), ("a b c d e f", "too_many_words")],
)
def test_a_search_that_cannot_be_done_as_typed_shows_no_rows(search: str, code: str) -> None:
    add_company("A")
    assert errors({"search": search}) == {"search": code}
    assert errors({"company": search}) == {"company": code}
    assert names({"search": search}) == []


def test_a_search_of_blanks_is_none() -> None:
    add_company("A")
    assert names({"search": " \u3000\u200b", "company": "\u3000"}) == ["A"]


def test_filters_combine() -> None:
    add_company("few", users=5, points=-1)
    add_company("many", users=50, points=-1)
    add_company("rich", users=50, points=100)
    add_company("gone", users=50, points=-1, state="canceled")
    assert names({"users_min": "１０", "short": "1", "state": "active"}) == ["many"]
    assert names({"users_max": "5"}) == ["few"]
    assert names({"points_min": "-1", "points_max": "-1", "users_min": "50"}) == ["many", "gone"]
    assert names({"users_min": "", "short": "0", "unknown": "1"}) == ["few", "many", "rich", "gone"]
    assert names({"points_max": "2147483647"}) == ["few", "many", "rich", "gone"]


def test_date_filters_include_both_days_and_instants_go_by_tokyo_days() -> None:
    midnight = dt.datetime(2026, 11, 25, tzinfo=dt.timezone(dt.timedelta(hours=9)))
    add_company("before", contract_date=dt.date(2026, 11, 24), changed_at=midnight - dt.timedelta(seconds=1))
    add_company("on", contract_date=dt.date(2026, 11, 25), changed_at=midnight)
    add_company("end", contract_date=dt.date(2026, 11, 26), changed_at=midnight + dt.timedelta(hours=24))
    for name in ("contract_date", "changed"):
        assert names({f"{name}_from": "2026-11-25", f"{name}_to": "2026-11-25"}) == ["on"]
        assert names({f"{name}_to": "2026/11/24"}) == ["before"]
        assert names({f"{name}_from": "2026-11-25"}) == ["on", "end"]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"users_min": "1" + "0" * 20}, {"users": "bad_number"}),
        ({"users_min": "2147483648"}, {"users": "bad_number"}),
        ({"points_max": "1e3"}, {"points": "bad_number"}),
        ({"users_min": "5", "users_max": "4"}, {"users": "reversed_range"}),
        ({"contract_date_from": "2026-02-29"}, {"contract_date": "bad_date"}),
        (
            {"contract_date_from": "2026-11-26", "contract_date_to": "2026-11-25"},
            {"contract_date": "reversed_range"},
        ),
        ({"changed_to": "0001-01-01"}, {"changed": "bad_date"}),
        ({"state": "deleted"}, {"state": "bad_choice"}),
        ({"state": "active'"}, {"state": "bad_choice"}),
        ({"short": "x"}, {"short": "bad_choice"}),
        ({"short": "\0", "users_min": "\0"}, {"short": "bad_choice", "users": "bad_number"}),
    ],
)
def test_a_bad_filter_is_named_and_nothing_is_shown_exported_or_chosen(
    parameters: dict[str, str], found: dict[str, str]
) -> None:
    add_company("A")
    source = companies_source()
    arguments = parse_arguments(source, MultiDict(parameters))
    assert dict(arguments.errors) == found
    assert dict(arguments.typed) == parameters
    assert page_of(parameters).total == 0
    assert list(iterate_rows(source, arguments)) == []
    assert matching_ids(source, arguments, 10) == []


def test_the_latest_day_can_be_filtered_for() -> None:
    assert names({"changed_to": "2100-12-31"}) == []


def test_all_rows_and_all_ids_come_in_the_order_of_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.lists.BATCH_SIZE", 7)
    ids = [add_company(f"会社{index % 7}", users=index % 5) for index in range(45)]
    source = companies_source()
    parameters = {"sort": "contract_user_count", "desc": "1", "search": "会社", "users_min": "1"}
    paged = [row.id for page in "12" for row in page_of({**parameters, "page": page}).rows]
    arguments = parse_arguments(source, {**parameters, "page": "2"})
    assert len(paged) == 36
    assert set(paged) <= set(ids)
    assert [row.id for row in iterate_rows(source, arguments)] == paged
    assert matching_ids(source, arguments, 36) == paged
    with pytest.raises(TooManyRows):
        matching_ids(source, arguments, 35)


def test_links_keep_what_was_typed_and_change_what_is_asked() -> None:
    source = companies_source()
    arguments = parse_arguments(source, {"page": "3", "search": "A", "users_min": "x", "foreign": "1"})
    assert query_pairs(source, arguments, page="4") == [("search", "A"), ("users_min", "x"), ("page", "4")]
    assert query_pairs(source, arguments, sort="company_name", search=None) == [
        ("users_min", "x"),
        ("sort", "company_name"),
    ]


def test_a_filter_without_effect_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no filter"):
        ListFilter(name="state", label="状態", kind="choice")


def test_default_arguments_show_the_first_page() -> None:
    add_company("A")
    assert fetch_page(companies_source(), ListArguments()).total == 1
