"""月額利用料の実行: the list and the page of a run, whose numbers are whose, 解除 and 再実行."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from domain.lifecycle import AccountStatus
from models import Account, BillingItem, BillingRun, PointLine, db
from services import billing_runs, clockwork, run_work, sign_ins
from services.access import history_scope
from services.transaction import transaction
from tests.builders import tokyo
from tests.services.test_shared_runs import accept_all_lines, refuse_lines_of
from tests.support.databases import MovableClock
from tests.web.account_rows import account_of, csv_rows, customers_of, xlsx_rows
from tests.web.browser_session import send
from tests.web.customer_screens import text_of

SignIn = Callable[[FlaskClient, str], Any]
DAY = dt.date(2026, 11, 25)
LIST = "/msp/runs/"
PAGE = f"{LIST}{DAY}/"
COLUMNS = [
    "課金日",
    "状態",
    "開始",
    "終了",
    "アカウント数",
    "処理済",
    "対象ポイント",
    "消費ポイント",
    "保留",
    "開始・解除した人",
]
MSP_ADDRESSES = ("", "export/csv", f"{DAY}/", f"{DAY}/progress/", f"{DAY}/parked/export/csv")
OPERATOR_ADDRESSES = (f"{DAY}/release/", f"{DAY}/retry/")
#: Two 25ths without a run, and what is no 25th.
NO_RUNS = (
    "2027-01-25",
    "2019-11-25",
    "2026-11-24",
    "2026-13-25",
    "0000-11-25",
    "x",
    "2026-11-25T00",
    "٢٠٢٦-11-25",
)


def tick(app: Flask, clock: MovableClock, instant: str, **settings: Any) -> None:
    """Let the clockwork do what is due, under the portal's settings with some changed."""
    clock.instant = tokyo(instant)
    app.extensions["settings"] = dataclasses.replace(app.extensions["settings"], **settings)
    with app.app_context():
        clockwork.run_due_work(now=clock.now(), settings=app.extensions["settings"])


def share_of(app: Flask, user_name: str) -> tuple[int, int]:
    """Return how many items of the 25th are somebody's own, and their points together."""
    with app.app_context():
        viewer = sign_ins.viewer_named(user_name)
        assert viewer is not None
        statement = (
            select(func.count(), func.coalesce(func.sum(BillingItem.fee_points), 0))
            .join(Account, Account.id == BillingItem.account_id)
            .where(BillingItem.billing_date == DAY, history_scope(viewer))
        )
        count, points = db.session.execute(statement).one()
        return count, int(points)


def row_of(client: FlaskClient, day: dt.date = DAY) -> dict[str, str]:
    """Return a run's row of the CSV file, by column."""
    rows = csv_rows(client, f"{LIST}export/csv")
    assert rows[0][:-1] == COLUMNS
    return next(dict(zip(COLUMNS, row[:-1], strict=True)) for row in rows if row[0] == day.isoformat())


def fee_lines(app: Flask) -> int:
    """Return how many fees of the 25th the ledger has."""
    with app.app_context():
        return db.session.execute(
            select(func.count()).select_from(PointLine).where(PointLine.billing_date == DAY)
        ).scalar_one()


def test_the_next_25th_stands_above_the_runs_that_were(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    sign_in(client, "operator")
    rows = csv_rows(client, f"{LIST}export/csv")
    assert [row[0] for row in rows[1:]] == sorted((row[0] for row in rows[1:]), reverse=True)
    with app.app_context():
        past = db.session.execute(select(func.count()).select_from(BillingRun)).scalar_one()
    assert len(rows) - 1 == past + 1 > 2
    planned = row_of(client)
    assert (planned["状態"], planned["開始"], planned["消費ポイント"], planned["保留"]) == (
        "予定",
        "",
        "",
        "",
    )
    words = text_of(client.get(LIST).text)
    for word in (*COLUMNS, "月額利用料の実行", "予定", "完了", "自動処理"):
        assert word in words
    assert xlsx_rows(client, f"{LIST}export/xlsx")[1][4:7] == (
        int(planned["アカウント数"]),
        0,
        int(planned["対象ポイント"]),
    )
    assert len(csv_rows(client, f"{LIST}export/csv?state=done")) == past + 1
    assert client.get(f"{LIST}?state=nothing").status_code == 400
    page = text_of(client.get(PAGE).text)
    assert "2026/11/25 0:00の契約ユーザ数と料金で計上します" in page
    assert "マイナスになるアカウント" in page
    # Nobody has begun it: first it is about to begin, then it is late, and the month after is planned as well.
    clock.instant = tokyo("2026-11-25T00:14:00")
    sign_in(client, "operator")
    assert "まもなく始まります" in client.get(PAGE).text
    assert client.get(f"{PAGE}progress/").json == {"state": "planned", "percent": 0, "texts": {}}
    clock.instant = tokyo("2026-11-25T00:16:00")
    assert row_of(client)["状態"] == "予定（遅延）"
    assert row_of(client, dt.date(2026, 12, 25))["状態"] == "予定"
    assert "15分を過ぎても始まっていません" in client.get(PAGE).text
    tick(app, clock, "2026-11-25T00:17:00")
    done = row_of(client)
    assert (done["状態"], done["開始・解除した人"]) == ("完了（遅延）", "自動処理")
    for name in ("アカウント数", "対象ポイント"):
        assert done[name] == planned[name]
    assert (done["処理済"], done["消費ポイント"], done["保留"]) == (
        done["アカウント数"],
        done["対象ポイント"],
        "0",
    )


def test_each_sees_its_own_share(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    expected = {}
    for user_name in ("operator", "distributor", "msp-a", "msp-b"):
        sign_in(client, user_name)
        row = row_of(client)
        expected[user_name] = (int(row["アカウント数"]), int(row["対象ポイント"]))
    tick(app, clock, "2026-11-25T00:01:00")
    shares = {user_name: share_of(app, user_name) for user_name in expected}
    assert shares == expected
    assert shares["operator"] == shares["distributor"]
    total, own = shares["operator"], (shares["msp-a"], shares["msp-b"])
    # What is nobody's of the two: the support account and the distributor's own customers.
    assert all(0 < part[0] < total[0] for part in own)
    assert sum(part[0] for part in own) < total[0]
    for user_name, (count, points) in shares.items():
        sign_in(client, user_name)
        row = row_of(client)
        assert (row["アカウント数"], row["処理済"]) == (str(count), str(count))
        assert (row["対象ポイント"], row["消費ポイント"]) == (str(points), str(points))
        answer = client.get(f"{PAGE}progress/").json
        assert answer is not None
        assert (answer["state"], answer["percent"]) == ("done", 100)
        assert (answer["texts"]["total"], answer["texts"]["points"]) == (f"{count:,}", f"{points:,}")
        page = client.get(PAGE).text
        assert f"{points:,}" in text_of(page)
        assert ("chunks" in answer["texts"]) == ("処理したワーカー" in page) == (user_name == "operator")
        assert ("自社と配下のアカウントの分だけ" in page) == (user_name != "operator")
        if user_name != "operator":
            assert f"{total[1]:,}" not in text_of(page) or points == total[1]


def test_who_may_come_in_and_what_is_no_run(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    assert client.get(LIST).status_code == 303
    tick(app, clock, "2026-11-25T00:01:00")
    for user_name in ("support", "system-a", "customer-a"):
        sign_in(client, user_name)
        for address in (*MSP_ADDRESSES, *OPERATOR_ADDRESSES):
            assert client.get(LIST + address).status_code == 403, address
    for user_name in ("distributor", "msp-a", "contract-a"):
        sign_in(client, user_name)
        for address in MSP_ADDRESSES:
            with client.get(LIST + address) as answer:
                assert answer.status_code == 200, address
        for address in OPERATOR_ADDRESSES:
            assert client.get(LIST + address).status_code == 403, address
            assert send(client, LIST + address, consent="y", target="all").status_code == 403
    sign_in(client, "operator")
    for day in NO_RUNS:
        for part in ("", "progress/", "parked/export/csv", "parked/export/xlsx", "release/", "retry/"):
            assert client.get(f"{LIST}{day}/{part}").status_code == 404, (day, part)
        assert send(client, f"{LIST}{day}/release/", consent="y").status_code == 404
        assert send(client, f"{LIST}{day}/retry/", target="all").status_code == 404
    assert client.get(f"{PAGE}parked/export/csv?encoding=x").status_code == 400
    # A 25th ahead has a page, but nothing to release.
    assert client.get(f"{LIST}2026-12-25/").status_code == 200
    assert client.get(f"{LIST}2026-12-25/release/").status_code == 404
    assert send(client, PAGE + "release/", consent="y").status_code == 409
    assert send(client, PAGE + "retry/", target="all").status_code == 409


def test_a_run_above_the_bound_waits_until_the_operator_releases_it(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    tick(app, clock, "2026-11-25T00:01:00", billing_review_percent=1, billing_review_from_points=1)
    count, points = share_of(app, "operator")
    assert fee_lines(app) == 0
    sign_in(client, "msp-a")
    page = client.get(PAGE).text
    assert "運営者の確認を待っています" in page
    assert "BILLING_REVIEW_PERCENT" not in page
    assert row_of(client)["状態"] == "要確認"
    sign_in(client, "operator")
    page = text_of(client.get(PAGE).text)
    assert "計上の前に止まっています" in page
    assert "1%を超えると" in page
    opened = text_of(client.get(f"{PAGE}release/").text)
    for word in (f"{count:,} 件", f"{points:,}", "前回との比", "取り消せません"):
        assert word in opened
    refused = send(client, f"{PAGE}release/")
    assert (refused.status_code, "consent-error1" in refused.text) == (422, True)
    assert client.post(f"{PAGE}release/", data={"consent": "y"}).status_code == 400
    assert client.get(f"{PAGE}progress/").json["state"] == "review"  # type: ignore[index]
    assert fee_lines(app) == 0
    done = send(client, f"{PAGE}release/", consent="y")
    assert (done.status_code, done.headers["Location"]) == (303, PAGE)
    assert "停止を解除しました" in client.get(PAGE).text
    again = send(client, f"{PAGE}release/", consent="y")
    assert again.status_code == 409
    assert "先に解除した可能性" in again.text
    assert fee_lines(app) == 0
    tick(app, clock, "2026-11-25T00:30:00")
    assert fee_lines(app) == count
    row = row_of(client)
    assert (row["状態"], row["開始・解除した人"]) == ("完了", "operator")
    assert "月額利用料の停止の解除" in client.get("/msp/log/").text
    # Who it was at the operator is not an MSP's matter.
    sign_in(client, "msp-a")
    assert row_of(client)["開始・解除した人"] == "SingleID"


def test_parked_accounts_are_shown_to_their_own_and_tried_again(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    of_a, of_b = (customers_of(app, name, AccountStatus.ACTIVE)[0] for name in ("msp-a", "msp-b"))
    with app.app_context():
        numbers = {
            account.id: account.account_number
            for account in db.session.scalars(select(Account).where(Account.id.in_([of_a, of_b])))
        }
        refuse_lines_of(of_a, of_b)
    tick(app, clock, "2026-11-25T00:01:00")
    for user_name, parked in (("msp-a", [of_a]), ("msp-b", [of_b]), ("operator", [of_a, of_b])):
        sign_in(client, user_name)
        assert (row_of(client)["状態"], row_of(client)["保留"]) == ("一部保留", str(len(parked)))
        rows = csv_rows(client, f"{PAGE}parked/export/csv")
        assert {row[0] for row in rows[1:]} == {numbers[each] for each in parked}
        assert len(xlsx_rows(client, f"{PAGE}parked/export/xlsx")) == len(parked) + 1
        page = client.get(PAGE).text
        assert "データベースが記録を拒否しました" in page
        assert {each for each in numbers if str(numbers[each]) in page} == set(parked)
        assert ("保留の再実行" in page) == (user_name == "operator")
    opened = client.get(f"{PAGE}retry/").text
    assert opened.count('name="rowid"') == 2
    for fields in (
        {},
        {"target": "chosen"},
        {"target": "x"},
        {"target": ""},
        {"target": "all", "rowid": str(of_a)},
    ):
        assert send(client, f"{PAGE}retry/", **fields).status_code == 422
    assert send(client, f"{PAGE}retry/", target="chosen", rowid="x").status_code == 400
    assert client.post(f"{PAGE}retry/", data={"target": "all"}).status_code == 400
    # One that is not parked is none of it.
    assert (
        send(client, f"{PAGE}retry/", target="chosen", rowid=str(account_of(app, "msp-a"))).status_code == 409
    )
    assert send(client, f"{PAGE}retry/", target="all").status_code == 303
    assert "2件は保留のままです" in client.get(PAGE).text
    with app.app_context():
        accept_all_lines()
    assert send(client, f"{PAGE}retry/", target="chosen", rowid=str(of_a)).status_code == 303
    assert re.search(r"1件、[\d,]+ポイントを計上しました。", client.get(PAGE).text)
    assert row_of(client)["保留"] == "1"
    # To whose accounts nothing is parked any more, the run is done.
    sign_in(client, "msp-a")
    assert row_of(client)["状態"] == "完了"
    assert "保留のアカウント" not in client.get(PAGE).text
    sign_in(client, "operator")
    assert send(client, f"{PAGE}retry/", target="all").status_code == 303
    assert row_of(client)["状態"] == "完了"
    assert "保留のアカウントはありません" in client.get(f"{PAGE}retry/").text
    assert "月額利用料の保留分の再実行" in client.get("/msp/log/").text
    assert fee_lines(app) == share_of(app, "operator")[0]


def test_the_bar_is_told_how_far_the_run_is(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    clock.instant = tokyo("2026-11-25T00:00:30")
    with app.app_context():
        with transaction():
            run_id = billing_runs.list_run(billing_date=DAY, now=clock.now(), chunk_size=10).id
        first = run_work.post_next_chunk(run_id=run_id, now=clock.now(), worker_name="host:1")
        assert first is not None
    total = share_of(app, "operator")
    sign_in(client, "operator")
    page = client.get(PAGE).text
    assert f'data-progress="{PAGE}progress/" data-progress-state="running"' in page
    assert "host:1 (1)" in page
    answer = client.get(f"{PAGE}progress/").json
    assert answer is not None
    assert answer["percent"] == 100 * 10 // total[0]
    assert answer["texts"] == {
        "handled": "10",
        "total": f"{total[0]:,}",
        "percent": str(100 * 10 // total[0]),
        "points": f"{first.charged_points:,}",
        "parked": "0",
        "chunks": "1",
        "chunk_total": answer["texts"]["chunk_total"],
        "workers": "1",
    }
    handled = 0
    for user_name in ("msp-a", "msp-b"):
        sign_in(client, user_name)
        answer = client.get(f"{PAGE}progress/").json
        assert answer is not None
        assert answer["texts"]["total"] == f"{share_of(app, user_name)[0]:,}"
        assert "chunks" not in answer["texts"]
        handled += int(answer["texts"]["handled"])
    assert 0 < handled <= 10
    tick(app, clock, "2026-11-25T00:01:00")
    assert fee_lines(app) == total[0]
