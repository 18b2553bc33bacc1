"""稼働状況: the facts of the portal's health judged, in words: is everything all right, and if not, what to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from services import health_run
from services.database_roles import Protection
from services.health_facts import DueWork, HealthFacts
from services.health_states import Check, State, ago, by_age

#: A check comes each hour, after the work that is due.
LATE_VERIFICATION = dt.timedelta(hours=2, minutes=30)
#: Events are sealed within a minute.
LATE_SEAL = dt.timedelta(minutes=5)
#: Jobs that wait: more come in than are done.
LONG_QUEUE = 50


def judge(facts: HealthFacts) -> list[Check]:
    """Return the checks in the order of the page."""
    return [
        _tick(facts),
        health_run.check(facts),
        _verification(facts),
        _due_work(facts),
        _mails(facts),
        _workers(facts),
        _queue(facts),
        _seals(facts),
        _database(facts),
    ]


def worst(checks: list[Check]) -> State:
    """Return the state of the whole: that of its worst part."""
    states = {check.state for check in checks}
    return next((state for state in (State.BROKEN, State.WARNING) if state in states), State.OK)


def _tick(facts: HealthFacts) -> Check:
    title = gettext("定期処理")
    advice = gettext("ワーカー、タイムテーブル、Redisが動いているかを確認してください。")
    if facts.last_tick_at is None:
        return Check("tick", title, State.BROKEN, gettext("まだ一度も行われていません。"), advice)
    age = facts.now - facts.last_tick_at
    finding = gettext("前回は%(ago)sです。", ago=ago(age))
    return Check("tick", title, by_age(age), finding, advice)


def _verification(facts: HealthFacts) -> Check:
    title = gettext("台帳の検査")
    found = facts.verification
    if found is None:
        advice = gettext("ワーカーが動き出すと、1時間ごとに行われます。")
        return Check("verification", title, State.WARNING, gettext("まだ一度も行われていません。"), advice)
    age = facts.now - found.verified_at
    seconds = f"{found.duration_ms / 1000:.1f}"
    if found.broken:
        return Check(
            "verification",
            title,
            State.BROKEN,
            gettext(
                "%(total)s 項目のうち %(count)s 項目で異常が見つかりました（%(ago)s）。",
                total=found.check_count,
                count=len(found.broken),
                ago=ago(age),
            ),
            gettext(
                "原因がわかるまで、データを手で変更しないでください。再検査: flask --app app ledger verify"
            ),
            tuple(line for broken in found.broken for line in _law_lines(broken)),
        )
    finding = gettext(
        "%(total)s 項目すべてに異常はありません（%(ago)s、%(seconds)s秒）。",
        total=found.check_count,
        ago=ago(age),
        seconds=seconds,
    )
    state = State.WARNING if age > LATE_VERIFICATION else State.OK
    advice = gettext("1時間ごとに行われるはずです。ワーカーの記録を確認してください。")
    return Check("verification", title, state, finding, advice)


def _law_lines(broken: Mapping[str, Any]) -> list[str]:
    return [broken["law"], *(f"  {row}" for row in broken["rows"])]


def _due_work(facts: HealthFacts) -> Check:
    title = gettext("期限の来た処理")
    advice = gettext("ワーカーが動いているかを確認してください。止まっている間も、処理は失われません。")
    parts = ((gettext("解約"), facts.cancellations), (gettext("プロビジョニング"), facts.provisioning))
    waiting = [_waiting(words, due, facts.now) for words, due in parts if due.count]
    if not waiting and facts.blocked_count:
        finding = gettext(
            "解約予定日が来ても、下位のアカウントがあるため解約できないものが %(count)s 件あります。",
            count=facts.blocked_count,
        )
        advice = gettext("下位のアカウントを解約するか、解約予定日を解除してください。")
        return Check("due", title, State.WARNING, finding, advice)
    finding = " ".join(waiting) or gettext("残っているものはありません。")
    return Check("due", title, _overdue(facts.now, facts.cancellations, facts.provisioning), finding, advice)


def _mails(facts: HealthFacts) -> Check:
    title = gettext("未送信のメール")
    count = f"{facts.unsent_mail_count:,}"
    finding = (
        gettext("%(count)s 通です。", count=count)
        if facts.unsent_mail_count
        else gettext("残っているものはありません。")
    )
    if facts.mails.count:
        overdue = gettext("送信の時刻を過ぎたもの")
        finding = f"{finding} {_waiting(overdue, facts.mails, facts.now)}"
    advice = gettext("ワーカーと、メールサーバへの接続を確認してください。")
    return Check("mails", title, _overdue(facts.now, facts.mails), finding, advice)


def _workers(facts: HealthFacts) -> Check:
    title = gettext("ワーカー")
    advice = gettext("ワーカーを起動してください。期限の来た処理は、起動後にすべて行われます。")
    if not facts.workers:
        return Check("workers", title, State.BROKEN, gettext("1日以上、動いたものがありません。"), advice)
    finding = gettext(
        "最近動いたもの: %(count)s。キューに登録されているもの: %(known)s。",
        count=sum(worker.is_alive for worker in facts.workers),
        known=facts.queue.worker_count,
    )
    rows = tuple(f"{worker.name} ({ago(facts.now - worker.beat_at)})" for worker in facts.workers)
    # A long job of the only worker is no reason to wake anybody.
    return Check("workers", title, by_age(facts.now - facts.workers[0].beat_at), finding, advice, rows)


def _queue(facts: HealthFacts) -> Check:
    title = gettext("キュー")
    if facts.queue.state == "off":
        return Check(
            "queue",
            title,
            State.WARNING,
            gettext("使われていません。"),
            gettext("REDIS_URL を設定してください。それまでは flask --app app work を毎分実行してください。"),
        )
    if facts.queue.state != "ok":
        return Check(
            "queue",
            title,
            State.WARNING,
            gettext("応答がありません。"),
            gettext("Redisを確認してください。失われるものはなく、戻れば自動で再開します。"),
        )
    finding = gettext(
        "待っている処理: %(waiting)s。失敗した処理: %(failed)s。",
        waiting=facts.queue.waiting_count,
        failed=facts.queue.failed_count,
    )
    is_fine = facts.queue.waiting_count < LONG_QUEUE and not facts.queue.failed_count
    advice = gettext("ワーカーの記録を確認してください。失敗した処理は、次の定期処理でもう一度行われます。")
    return Check("queue", title, State.OK if is_fine else State.WARNING, finding, advice)


def _seals(facts: HealthFacts) -> Check:
    title = gettext("操作ログの封印")
    finding = gettext(
        "末尾の番号: %(number)s。控えの送信: %(told)s。",
        number=f"{facts.head.number:,}",
        told=facts.told_on.replace("-", "/") if facts.told_on else "–",
    )
    is_late = facts.oldest_unsealed_at is not None and facts.now - facts.oldest_unsealed_at > LATE_SEAL
    advice = gettext("封印は1分以内に行われるはずです。ワーカーの記録を確認してください。")
    rows = (facts.head.hash,) if facts.head.number else ()
    return Check("seals", title, State.WARNING if is_late else State.OK, finding, advice, rows)


def _database(facts: HealthFacts) -> Check:
    title = gettext("データベース")
    finding = gettext("応答しています。スキーマの版: %(version)s。", version=facts.schema_version)
    if not facts.is_schema_current:
        advice = gettext("flask --app app db upgrade を実行してください。")
        return Check("database", title, State.BROKEN, finding, advice)
    is_open = facts.row_protection in (Protection.BYPASSED, Protection.OWNER)
    if is_open:
        finding += gettext("このロールには、行の保護（RLS）が十分に働いていません。")
    advice = gettext("DATABASE_URL に、何も所有しないロールを指定してください（docs/operations.md）。")
    return Check("database", title, State.WARNING if is_open else State.OK, finding, advice)


def _overdue(now: dt.datetime, *dues: DueWork) -> State:
    oldest = min((due.oldest_at for due in dues if due.oldest_at is not None), default=now)
    return by_age(now - oldest)


def _waiting(words: str, due: DueWork, now: dt.datetime) -> str:
    assert due.oldest_at is not None  # there is one
    return gettext(
        "%(what)s: %(count)s 件（最も古いもの: %(ago)s）。",
        what=words,
        count=f"{due.count:,}",
        ago=ago(now - due.oldest_at),
    )
