"""The check of 稼働状況 that matters most: the run of the 25th."""

from __future__ import annotations

from flask_babel import gettext

from models.billing import RunState
from services.alarms import RUN_GRACE
from services.health_facts import HealthFacts
from services.health_states import OVERDUE, Check, State, dates


def check(facts: HealthFacts) -> Check:
    """Return the state of the newest run: late and standing ones are 異常, what waits for a person is 注意."""
    title = gettext("月額利用料の実行")
    if facts.late_dates:
        return Check(
            "run",
            title,
            State.BROKEN,
            gettext(
                "%(dates)s の計算が、%(minutes)s分たっても始まっていません。",
                dates=dates(facts.late_dates),
                minutes=int(RUN_GRACE.total_seconds() // 60),
            ),
            gettext("ワーカーを起動すると自動で始まります。遅れても金額は変わりません。"),
        )
    run = facts.run
    if run is None:
        finding = gettext("まだ行われていません。次回は %(date)s です。", date=dates([facts.next_date]))
        return Check("run", title, State.OK, finding)
    if run.state is RunState.REVIEW:
        finding = gettext(
            "%(date)s の計算は、合計が前回と大きく異なるため確認を待っています。",
            date=dates([run.billing_date]),
        )
        return Check(
            "run", title, State.WARNING, finding, gettext("内容を確認し、正しければ停止を解除してください。")
        )
    if run.state is RunState.RUNNING:
        return _running_check(facts, title)
    if facts.parked_count:
        finding = gettext("保留のアカウントが %(count)s 件あります。", count=f"{facts.parked_count:,}")
        advice = gettext("保留の理由を解消してから、保留分を再実行してください。")
        return Check("run", title, State.WARNING, finding, advice)
    finding = gettext(
        "%(date)s の計算は完了しています（%(count)s 件）。次回は %(next)s です。",
        date=dates([run.billing_date]),
        count=f"{run.done_count:,}",
        next=dates([facts.next_date]),
    )
    return Check("run", title, State.OK, finding)


def _running_check(facts: HealthFacts, title: str) -> Check:
    run = facts.run
    assert run is not None  # the caller has looked
    finding = gettext(
        "%(date)s の計算中です（%(total)s 件中 %(done)s 件）。",
        date=dates([run.billing_date]),
        total=f"{run.account_count:,}",
        done=f"{run.done_count:,}",
    )
    if facts.now - run.moved_at <= OVERDUE:
        return Check("run", title, State.OK, finding)
    stands = gettext("%(minutes)s分以上、進んでいません。", minutes=int(OVERDUE.total_seconds() // 60))
    return Check(
        "run",
        title,
        State.BROKEN,
        f"{finding} {stands}",
        gettext("ワーカーを起動すると、残りから再開します。二重に引かれることはありません。"),
    )
