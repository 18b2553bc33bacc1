"""リハーサル, リハーサルとの比較 and 締め処理レポート: the screens, their files, and who may see what in them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import func, select

from models import Account, BillingRehearsal, BillingRehearsalItem, db
from services import clockwork
from tests.builders import SETTINGS, tokyo
from tests.support.databases import MovableClock
from tests.web.account_rows import account_of, csv_rows, xlsx_rows
from tests.web.browser_session import send
from tests.web.customer_screens import Screens, text_of

SignIn = Callable[[FlaskClient, str], Any]
RUN = "/msp/runs/2026-11-25/"
REHEARSAL, COMPARISON, REPORT = f"{RUN}rehearsal/", f"{RUN}comparison/", f"{RUN}report/"
AFTER = tokyo("2026-11-25T09:00:00")


def figures(page: str) -> list[int]:
    """Return the numbers at the top of a page."""
    return [int(text_of(found).replace(",", "")) for found in re.findall(r'<dd class="big">(.*?)</dd>', page)]


def saved_count(app: Flask) -> tuple[int, int]:
    with app.app_context():
        return tuple(  # type: ignore[return-value]
            db.session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (BillingRehearsal, BillingRehearsalItem)
        )


def run_the_25th(app: Flask, clock: MovableClock) -> None:
    clock.instant = AFTER
    with app.app_context():
        clockwork.run_due_work(now=AFTER, settings=SETTINGS)


def test_a_rehearsal_is_shown_saved_and_held_against_its_run(
    app: Flask, client: FlaskClient, clock: MovableClock, sign_in: SignIn
) -> None:
    sign_in(client, "msp-a")
    page = client.get(f"{REHEARSAL}?page_size=100").text
    accounts, points, short, missing = figures(page)
    assert page.count('id="row-') == accounts > 10
    rows = csv_rows(client, f"{REHEARSAL}export/csv")
    assert len(rows) == accounts + 1
    fee, after, mark = (rows[0].index(name) for name in ("月額利用料", "実行後のポイント", "不足"))
    assert sum(int(row[fee]) for row in rows[1:]) == points
    negative = [int(row[after]) for row in rows[1:] if row[mark] == "不足"]
    assert (len(negative), -sum(negative)) == (short, missing)
    only = client.get(f"{REHEARSAL}?short=1&sort=balance_after").text
    assert only.count('id="row-') == short
    assert xlsx_rows(client, f"{REHEARSAL}export/xlsx?short=1")[1][after] == min(negative)
    # 今月25日の推定残ポイント数 and the rehearsal are one number.
    customers = csv_rows(client, "/msp/customers/export/csv")
    estimates = {row[0]: row[4] for row in customers[1:]}
    rehearsed = {row[0]: row[after] for row in rows[1:]}
    assert {
        number: left for number, left in rehearsed.items() if number in estimates
    }.items() <= estimates.items()

    assert "まだありません" in page
    answer = send(client, f"{REHEARSAL}save/")
    assert answer.status_code == 303
    assert f"（{accounts}件、{points:,}ポイント）を保存しました" in client.get(REHEARSAL).text
    assert saved_count(app) == (1, accounts)
    # Before the run there is nothing to compare: the rehearsal is shown instead.
    for address in (COMPARISON, REPORT):
        early = client.get(address, follow_redirects=True)
        assert early.request.path == REHEARSAL
        assert "まだ計上が始まっていません" in early.text

    run_the_25th(app, clock)
    sign_in(client, "msp-a")
    late = client.get(REHEARSAL, follow_redirects=True)
    assert late.request.path == COMPARISON
    assert "計上が終わっているため" in late.text
    assert send(client, f"{REHEARSAL}save/").status_code == 409
    same, different, unknown = figures(late.text)
    assert (same + different >= accounts, unknown) == (True, 0)
    assert "一致しています" in late.text
    assert "不一致" not in late.text
    assert client.get(f"{COMPARISON}?same=1&page_size=100").text.count('id="row-') == same + different
    rows = csv_rows(client, f"{COMPARISON}export/csv?same=1")
    assert len(rows) == same + different + 1
    assert len(xlsx_rows(client, f"{COMPARISON}export/xlsx")) == different + 1
    real = rows[0].index("利用料（実績）")
    assert sum(int(row[real] or 0) for row in rows[1:]) == report_points(client)
    for bad in ("?rehearsal=999", "?rehearsal=x", "?rehearsal=0"):
        assert client.get(COMPARISON + bad).status_code == 404


def report_points(client: FlaskClient) -> int:
    """Check that page and workbook of the report are of one mind, and tied; return the points charged."""
    page = client.get(REPORT)
    assert page.status_code == 200
    with client.get(f"{REPORT}export/xlsx") as answer:
        assert answer.status_code == 200
        book = load_workbook(io.BytesIO(answer.data))
    assert book.sheetnames == ["合計", "MSP別", "保留", "料金", "元帳との突合"]
    sums = {row[0]: row[2] if row[2] is not None else row[1] for row in book["合計"].values}
    assert sums["元帳との突合"] == "一致"
    words = text_of(page.text)
    for name in ("アカウント数", "月額利用料の合計", "計上後に不足したアカウント数", "不足ポイントの合計"):
        assert f"{name} {sums[name]:,} " in words
    msps = list(book["MSP別"].values)
    for column, name in enumerate(msps[0]):
        if name in sums:
            assert sum(row[column] for row in msps[1:-1]) == msps[-1][column] == sums[name]
    assert {row[2] for row in list(book["元帳との突合"].values)[1:-1]} == {sums["月額利用料の合計"]}
    assert sum(row[5] for row in list(book["料金"].values)[1:]) == sums["アカウント数"]
    return int(sums["月額利用料の合計"])


def test_each_has_its_own_share_and_the_operator_all(
    app: Flask, client: FlaskClient, clock: MovableClock, sign_in: SignIn
) -> None:
    numbers: dict[str, set[str]] = {}
    everybody = ("operator", "distributor", "msp-a", "msp-b")
    for user_name in everybody:
        sign_in(client, user_name)
        numbers[user_name] = {row[0] for row in csv_rows(client, f"{REHEARSAL}export/csv")[1:]}
        assert send(client, f"{REHEARSAL}save/").status_code == 303
    assert numbers["msp-a"]
    assert numbers["msp-b"]
    assert not numbers["msp-a"] & numbers["msp-b"]
    assert numbers["msp-a"] | numbers["msp-b"] < numbers["distributor"] <= numbers["operator"]
    run_the_25th(app, clock)
    points = {}
    for user_name in everybody:
        sign_in(client, user_name)
        points[user_name] = report_points(client)
        whole = {row[0] for row in csv_rows(client, f"{COMPARISON}export/csv?same=1")[1:]}
        assert numbers[user_name] <= whole
        listed = client.get(COMPARISON).text.split("保存したリハーサル</h2>")[1]
        seen = {"operator": 4, "distributor": 3, "msp-a": 1, "msp-b": 1}[user_name]
        assert len(re.findall(r"<tr>\s*<td", listed)) == seen
    assert points["msp-a"] + points["msp-b"] < points["distributor"] == points["operator"]
    with app.app_context():
        of_b = select(BillingRehearsal.id).where(
            BillingRehearsal.scope_account_id == account_of(app, "msp-b")
        )
        foreign = db.session.execute(of_b).scalar_one()
    sign_in(client, "msp-a")
    for address in (COMPARISON, f"{COMPARISON}export/csv", f"{COMPARISON}export/xlsx"):
        assert client.get(f"{address}?rehearsal={foreign}").status_code == 404
    for user_name in ("support", "system-a", "customer-a"):
        sign_in(client, user_name)
        for address in (REHEARSAL, f"{REHEARSAL}export/csv", COMPARISON, REPORT, f"{REPORT}export/xlsx"):
            assert client.get(address).status_code == 403
        assert send(client, f"{REHEARSAL}save/").status_code == 403


def test_chosen_accounts_are_rehearsed_alone(app: Flask, screens: Screens) -> None:
    client = screens.client
    wanted = screens.ids()[:3]
    with app.app_context():
        rows = db.session.execute(select(Account.id, Account.account_number))
        number_of = {row.id: row.account_number for row in rows}
    numbers = [str(number_of[account_id]) for account_id in wanted]
    answer = screens.post("action/", action="rehearsal", rowid=wanted)
    assert answer.status_code == 303
    chosen = client.get(answer.location)
    assert figures(chosen.text)[0] <= 3
    shown = set(re.findall(r'id="row-(\d+)"', chosen.text))
    assert shown
    assert shown <= {str(account_id) for account_id in wanted}
    # Every address of the page keeps the choice.
    kept = "accounts=" + "+".join(numbers)
    assert f"{REHEARSAL}export/csv?{kept}" in chosen.text
    assert len(csv_rows(client, f"{REHEARSAL}export/csv?{kept}")) == len(shown) + 1
    typed = f"{numbers[0]},\n{numbers[1]}、 {numbers[2].translate({48 + n: 0xFF10 + n for n in range(10)})}"
    assert client.get(REHEARSAL, query_string={"accounts": typed}).text.count('id="row-') == len(shown)
    saved = send(client, f"{REHEARSAL}save/", accounts=" ".join(numbers))
    assert saved.status_code == 303
    assert kept in saved.location
    assert saved_count(app) == (1, len(shown))
    canceled, foreign = number_of[screens.canceled_id()], number_of[screens.foreign_id()]
    left_out = client.get(REHEARSAL, query_string={"accounts": f"{numbers[0]} {canceled}"}).text
    assert "指定した2件のうち" in left_out
    for bad in (foreign, "99999999", "x", "1234567", "'; --", "\0", "<b>"):
        refused = client.get(REHEARSAL, query_string={"accounts": f"{numbers[0]} {bad}"})
        assert refused.status_code == 422
        assert 'id="accounts-error1"' in refused.text
        assert 'id="row-' not in refused.text
        assert send(client, f"{REHEARSAL}save/", accounts=str(bad)).status_code == 400
    assert (
        "200件まで" in client.get(REHEARSAL, query_string={"accounts": " ".join(map(str, range(201)))}).text
    )
    assert saved_count(app) == (1, len(shown))


def test_only_25ths_that_can_be_rehearsed_are(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    ahead = client.get("/msp/runs/2027-01-25/rehearsal/")
    assert ahead.status_code == 200
    assert "2026/11/25、2026/12/25）の月額利用料も差し引いた" in ahead.text
    assert "それまでの25日の利用料" in ahead.text
    assert client.get("/msp/runs/2027-10-25/rehearsal/").status_code == 200
    for day in ("2027-11-25", "2020-01-25", "2026-11-24", "2026-13-25", "x", "9999-12-25"):
        for screen in ("rehearsal", "comparison", "report"):
            assert client.get(f"/msp/runs/{day}/{screen}/").status_code == 404
    assert send(client, "/msp/runs/2027-11-25/rehearsal/save/").status_code == 404
    for _time in range(20):
        assert send(client, f"{REHEARSAL}save/").status_code == 303
    assert send(client, f"{REHEARSAL}save/").status_code == 409
    assert saved_count(app)[0] == 20


def test_a_run_without_a_saved_rehearsal_says_so(
    app: Flask, client: FlaskClient, clock: MovableClock, sign_in: SignIn
) -> None:
    run_the_25th(app, clock)
    sign_in(client, "msp-a")
    assert "保存したリハーサルがありません" in client.get(COMPARISON).text
    assert client.get(f"{COMPARISON}export/csv").status_code == 404
