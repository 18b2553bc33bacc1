"""Every command of the contract: what it does, what it refuses (1), what it cannot read (2), in one line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.cli import FlaskGroup
from sqlalchemy import select, update

from models import Account, Administrator, BillingItem, PortalSetting, db
from services import clockwork, health_beats, portal_settings, sign_ins
from services.transaction import transaction
from tests.support.authenticator import switch_on
from tests.support.databases import PASSWORD, START, MovableClock

REFUSED, USAGE = 1, 2
NOVEMBER, CUT = "2026-11-25", "2026-11-25T00:00:00+09:00"


def run(app: Flask, *words: str) -> Result:
    flask = FlaskGroup(create_app=lambda: app, load_dotenv=False)
    return app.test_cli_runner().invoke(flask, list(words))


def done(app: Flask, *words: str) -> str:
    result = run(app, *words)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def ended(app: Flask, code: int, *words: str) -> str:
    """Run a command that must end with a code; return its one line of stderr."""
    result = run(app, *words)
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def stop_the_clock_at(app: Flask, instant: str) -> None:
    clock: MovableClock = app.extensions["clock"]
    clock.instant = dt.datetime.fromisoformat(instant)


class TestOnAnEmptyDatabase:
    @pytest.fixture
    def content(self) -> str:
        return "empty"

    def test_init_begins_and_its_link_sets_the_password_once(self, app: Flask) -> None:
        shown = done(app, "init", "--operator", "運用株式会社", "--username", "root-1", "--price", "10/10/1")
        path = "/set-password/" + shown.strip().rpartition("/")[2]
        client = app.test_client()
        assert client.get(path).status_code == 200
        with client.session_transaction() as session:
            token = next(value for name, value in session.items() if "csrf" in name)
        secret = "a long new password"
        form = {"password": secret, "repeated": secret, "csrf_token": token}
        assert client.post(path, data=form).status_code == 303
        assert client.post(path, data=form).status_code in (400, 404)
        assert "already begun" in ended(app, REFUSED, "init", "--operator", "Op", "--username", "u")

    @pytest.mark.parametrize(
        "words",
        [
            ("--operator", "", "--username", "root-1"),
            ("--operator", "x" * 121, "--username", "root-1"),
            ("--operator", "Op", "--username", ""),
            ("--operator", "Op", "--username", "a@b"),
            ("--operator", "Op", "--username", "x" * 61),
            ("--operator", "Op", "--username", "root-1", "--email", "none"),
            ("--operator", "Op", "--username", "root-1", "--price", "10/10/2000"),
            ("--operator", "Op", "--username", "root-1", "--price", "99999999999/10/1"),
        ],
    )
    def test_init_refuses_what_could_not_work(self, app: Flask, words: tuple[str, ...]) -> None:
        ended(app, REFUSED, "init", *words)
        with app.app_context():
            assert db.session.execute(select(Account.id)).first() is None

    def test_init_says_how_a_price_is_written(self, app: Flask) -> None:
        ended(app, USAGE, "init", "--operator", "Op", "--username", "u", "--price", "10/10")
        ended(app, USAGE, "init", "--username", "u")

    def test_demo_fills_an_empty_database_once(self, app: Flask) -> None:
        assert PASSWORD in done(app, "demo", "--customers", "12", "--msps", "3", "--seed", "7")
        assert "not empty" in ended(app, REFUSED, "demo")
        ended(app, USAGE, "demo", "--customers", "many")

    def test_prepare_fixes_the_clock_and_fills_once(self, app: Flask) -> None:
        assert "clock says" in done(app, "prepare")
        done(app, "prepare")
        with app.app_context():
            assert db.session.get(PortalSetting, "clock_offset_seconds") is not None

    def test_a_database_without_the_schema_is_named_in_one_line(self, app: Flask) -> None:
        done(app, "db", "downgrade", "base")
        assert "database" in ended(app, REFUSED, "ledger", "verify")
        assert "database" in ended(app, REFUSED, "work")
        done(app, "db", "upgrade")
        assert "invariants hold" in done(app, "ledger", "verify")


def test_the_schema_goes_down_and_up_again_with_data_in_it(app: Flask) -> None:
    done(app, "db", "downgrade", "base")
    done(app, "db", "upgrade")
    assert run(app, "db", "check").exit_code == 0
    done(app, "demo", "--customers", "3")


def test_work_does_what_is_due_and_then_nothing(app: Flask) -> None:
    shown = done(app, "work", "--now", CUT)
    assert f"billing run of {NOVEMBER}: finished" in shown
    assert "scheduled cancellations executed: 4" in shown
    again = done(app, "work", "--now", CUT)
    assert "monthly fees: 0 accounts, 0 points" in again
    assert "mails written: 0, delivered: 0, delayed: 0, bounced: 0" in again


def test_a_run_that_waits_for_its_release_is_not_called_finished(app: Flask) -> None:
    stop_the_clock_at(app, CUT)
    done(app, "billing", "run", "--date", NOVEMBER)
    for name, value in (("billing_review_percent", 1), ("billing_review_from_points", 1)):
        object.__setattr__(app.extensions["settings"], name, value)
    december = "2026-12-25"
    for _turn in range(2):
        shown = done(app, "work", "--now", f"{december}T00:00:00+09:00")
        assert f"billing run of {december}: stopped before its first line" in shown
        assert "finished" not in shown
    stop_the_clock_at(app, f"{december}T00:01:00+09:00")
    assert f"the run of {december} stopped" in ended(app, REFUSED, "billing", "run", "--date", december)
    assert "started 2026/12/25 00:00:00, not finished" in done(app, "billing", "show", december)


def test_work_by_a_timer_is_the_worker_that_the_health_page_looks_for(app: Flask) -> None:
    done(app, "work", "--now", "2026-11-20T12:00:00+09:00")
    with app.app_context():
        seen = health_beats.seen_workers(now=dt.datetime.fromisoformat("2026-11-20T12:01:00+09:00"))
    assert [(worker.name.endswith(": flask work"), worker.is_alive) for worker in seen] == [(True, True)]


def test_work_takes_an_instant_with_a_zone(app: Flask) -> None:
    ended(app, USAGE, "work", "--now", "tomorrow")
    ended(app, USAGE, "work", "--now", "2026-11-25T00:00:00")


def test_production_carries_nothing_out_before_its_time(app: Flask) -> None:
    object.__setattr__(app.extensions["settings"], "environment", "production")
    assert "lies ahead" in ended(app, REFUSED, "work", "--now", CUT)
    done(app, "work", "--now", "2026-11-20T00:00:00+09:00")
    ended(app, REFUSED, "demo")
    ended(app, REFUSED, "prepare")


def test_work_of_the_past_does_not_make_the_last_tick_older(app: Flask) -> None:
    object.__setattr__(app.extensions["settings"], "environment", "production")
    done(app, "work")
    done(app, "work", "--now", "2026-11-20T00:00:00+09:00")
    with app.app_context():
        assert portal_settings.kept(clockwork.LAST_TICK) == START.isoformat()


def test_billing_rehearses_runs_and_shows_a_25th(app: Flask) -> None:
    rehearsed = done(app, "billing", "rehearse", "--date", NOVEMBER)
    one = done(app, "billing", "rehearse", "--date", NOVEMBER, "--account", "30000001")
    assert "total: 1 accounts" in one
    unknown = ended(app, REFUSED, "billing", "rehearse", "--date", NOVEMBER, "--account", "99999999")
    assert unknown == "Error: account numbers unknown: numbers 99999999\n"
    assert "has not come yet" in ended(app, REFUSED, "billing", "run", "--date", NOVEMBER)
    ended(app, REFUSED, "billing", "show", NOVEMBER)
    stop_the_clock_at(app, CUT)
    charged = done(app, "billing", "run", "--date", NOVEMBER)
    assert rehearsed.splitlines()[-1].removeprefix("total: ") == charged.strip().removeprefix(
        "monthly fees: "
    )
    assert f"{NOVEMBER} done" in done(app, "billing", "show", NOVEMBER)
    assert "total: 0 accounts, 0 points" in done(app, "billing", "rehearse", "--date", NOVEMBER)
    with app.app_context():
        assert db.session.execute(select(BillingItem.account_id)).first() is not None


def test_billing_knows_only_25ths_with_a_run(app: Flask) -> None:
    assert "no run" in ended(app, REFUSED, "billing", "run", "--date", "2000-01-25")
    for words in (("rehearse", "--date"), ("run", "--date"), ("show",)):
        ended(app, USAGE, "billing", *words, "2026-11-24")
        ended(app, USAGE, "billing", *words, "soon")
    ended(app, USAGE, "billing", "rehears")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_export_writes_the_rows_of_an_administrator(app: Flask, tmp_path: Path, kind: str) -> None:
    output = tmp_path / f"customers.{kind}"
    words = ("export", "customers", "--format", kind, "--output", str(output), "--as")
    assert " rows in " in done(app, *words, "msp-a")
    assert output.stat().st_size > 100
    assert done(app, *words, "msp-a", "search=A&B").startswith("0 rows")


def test_export_refuses_who_may_not_see_the_list(app: Flask, tmp_path: Path) -> None:
    words = ("export", "customers", "--format", "csv", "--output", str(tmp_path / "x.csv"), "--as")
    for user_name in ("system-a", "customer-a", "nobody"):
        ended(app, REFUSED, *words, user_name)
    assert ended(app, REFUSED, *words, "system-a") == "Error: permission refused: permission customers:view\n"
    assert "users_min=abc (bad_number)" in ended(app, REFUSED, *words, "msp-a", "users_min=abc")
    assert "sort=nothing (unknown_column)" in ended(app, REFUSED, *words, "msp-a", "sort=nothing")
    assert not (tmp_path / "x.csv").exists()
    ended(app, USAGE, *words, "msp-a", "serach=青葉")
    ended(app, USAGE, *words, "msp-a", "search")
    ended(app, USAGE, "export", "customers", "--as", "msp-a", "--output", "x", "--format", "pdf")
    missing = str(tmp_path / "nowhere" / "x.csv")
    ended(app, REFUSED, "export", "customers", "--as", "msp-a", "--output", missing)


def administrator(app: Flask, user_name: str) -> Administrator:
    with app.app_context():
        statement = select(Administrator).where(Administrator.user_name == user_name)
        return db.session.execute(statement).scalar_one()


def change_administrator(app: Flask, user_name: str, **values: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).where(Administrator.user_name == user_name).values(**values))


def lock(app: Flask, user_name: str) -> None:
    until = app.extensions["clock"].now() + dt.timedelta(minutes=15)
    change_administrator(app, user_name, locked_until=until, failed_sign_in_count=3)


def test_administrators_are_created_reset_and_unlocked(app: Flask) -> None:
    words = ("administrators", "create", "--account", "10000002", "--name", "新任 一郎", "--level", "system")
    shown = done(app, *words, "--username", "new-1", "--email", "New-1@Example.jp")
    assert "/set-password/" in shown
    with app.app_context():
        email = select(Administrator.email).where(Administrator.user_name == "new-1")
        assert db.session.execute(email).scalar_one() == "new-1@example.jp"
    assert "email taken" in ended(app, REFUSED, *words, "--username", "new-2", "--email", "new-1@example.jp")
    assert "user name refused" in ended(app, REFUSED, *words, "--username", "a@b", "--email", "a@example.jp")
    ended(app, USAGE, *words, "--username", "new-3")
    assert "/set-password/" in done(app, "administrators", "reset-password", "new-1")
    lock(app, "new-1")
    assert "may sign in" in done(app, "administrators", "unlock", "new-1")
    assert administrator(app, "new-1").locked_until is None
    change_administrator(app, "new-1", is_disabled=True)
    assert "disabled" in done(app, "administrators", "unlock", "new-1")
    assert administrator(app, "new-1").is_disabled
    change_administrator(app, "new-1", deleted_at=app.extensions["clock"].now())
    assert "name taken" in ended(app, REFUSED, *words, "--username", "new-1", "--email", "free@example.jp")
    assert "/set-password/" in done(app, *words, "--username", "new-4", "--email", "new-1@example.jp")
    for verb in ("reset-password", "unlock"):
        ended(app, REFUSED, "administrators", verb, "new-1")
    for verb in ("reset-password", "unlock"):
        ended(app, REFUSED, "administrators", verb, "nobody")
        ended(app, USAGE, "administrators", verb)


def test_a_second_factor_is_taken_away_on_the_command_line(app: Flask) -> None:
    with app.app_context():
        person = sign_ins.find_administrator("msp-a")
        assert person is not None
        switch_on(sign_ins.viewer_of(person), app.extensions["clock"].now())
    words = ("administrators", "reset-second-factor")
    assert "by password alone" in done(app, *words, "msp-a")
    assert "second factor not on" in ended(app, REFUSED, *words, "msp-a")
    assert "administrator unknown" in ended(app, REFUSED, *words, "nobody")
    ended(app, USAGE, *words)


def test_routes_lists_the_addresses(app: Flask) -> None:
    assert "/msp/customers/" in done(app, "routes")


@pytest.mark.parametrize(
    "command",
    [
        "init",
        "demo",
        "work",
        "billing rehearse",
        "billing run",
        "billing show",
        "ledger verify",
        "export customers",
        "administrators create",
        "administrators unlock",
        "administrators reset-password",
        "administrators reset-second-factor",
        "db upgrade",
        "routes",
    ],
)
def test_every_command_explains_itself(app: Flask, command: str) -> None:
    assert "Usage:" in done(app, *command.split(), "--help")
