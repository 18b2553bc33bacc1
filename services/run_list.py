"""月額利用料の実行: the list of the runs of the 25th, those to come included."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Row, Subquery, select

from domain.permissions import Permission, Viewer
from services import access
from services.list_clauses import in_range
from services.lists import ListColumn, ListFilter, ListSource
from services.run_rows import RUN_STATE_WORDS, RunListState, is_late, run_rows
from services.words import ACTOR_WORDS


def runs_source(*, viewer: Viewer, now: dt.datetime) -> ListSource:
    """Return the list of runs with the numbers that a viewer may see, the next 25th first.

    :raises PermissionRefused: for those who have no part in a run.
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_VIEW)
    rows = run_rows(viewer=viewer, now=now)
    return ListSource(
        name="runs",
        statement=select(rows.c.id),
        columns=_columns(rows, now),
        filters=_filters(rows),
        search_expressions=[],
        tie_breaker=rows.c.id,
        default_sort="billing_date",
        default_descending=True,
    )


def _columns(rows: Subquery, now: dt.datetime) -> list[ListColumn]:
    run = rows.c
    return [
        ListColumn("billing_date", _("課金日"), "date", run.billing_date),
        ListColumn(
            "state",
            _("状態"),
            "text",
            run.state,
            words=RUN_STATE_WORDS,
            row_text=lambda row: state_text(row, now),
        ),
        ListColumn("started_at", _("開始"), "instant", run.started_at),
        ListColumn("finished_at", _("終了"), "instant", run.finished_at),
        ListColumn("account_count", _("アカウント数"), "number", run.account_count),
        ListColumn("handled_count", _("処理済"), "number", run.handled_count),
        ListColumn("listed_points", _("対象ポイント"), "points", run.listed_points),
        ListColumn("charged_points", _("消費ポイント"), "points", run.charged_points),
        ListColumn("parked_count", _("保留"), "number", run.parked_count),
        ListColumn("actor_name", _("開始・解除した人"), "text", run.actor_name, words=ACTOR_WORDS),
    ]


def state_text(row: Row[Any], now: dt.datetime) -> str:
    """Return the words of a run's state, with the mark of a late one."""
    words = str(RUN_STATE_WORDS[row.state])
    if is_late(row.billing_date, row.started_at or now):
        return gettext("%(state)s（遅延）", state=words)
    return words


def _filters(rows: Subquery) -> list[ListFilter]:
    return [
        ListFilter(
            "state",
            _("状態"),
            "choice",
            choices=[(state.value, words) for state, words in RUN_STATE_WORDS.items()],
            clause=lambda value: rows.c.state == RunListState(value).value,
        ),
        ListFilter("date", _("課金日"), "date", clause=lambda value: in_range(rows.c.billing_date, value)),
        ListFilter("parked", _("保留あり"), "flag", clause=lambda _value: rows.c.parked_count > 0),
    ]
