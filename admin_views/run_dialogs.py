"""What the operator does to a run of the 25th: release one that waits, try parked accounts again."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin_views.dialogs import Subject, render_dialog, success
from admin_views.fields import ConsentField, PortalForm, RadioChoiceField
from admin_views.formatting import date_text, number
from admin_views.request_context import now, settings, viewer
from admin_views.submission import posted, submit
from domain.inputs.row_ids import parse_row_ids
from domain.permissions import Permission
from services import billing_retries, billing_runs, doorbell, parked_fees, run_progress
from services.fee_posting import Posted
from services.lists import ListArguments, fetch_page
from services.run_progress import RunFacts
from services.transaction import transaction

ALL, CHOSEN = "all", "chosen"
#: Parked accounts that the dialog lists for a choice; 再実行 of all takes every one.
SHOWN_ROWS = 100


class ReleaseForm(PortalForm):
    """解除."""

    consent = ConsentField(_l("内容を確認しました。月額利用料の計上を開始します"))


class RetryForm(PortalForm):
    """再実行."""

    target = RadioChoiceField(
        _l("対象"),
        choices=[(ALL, _l("保留中のすべてのアカウント")), (CHOSEN, _l("下の一覧で選んだアカウント"))],
        required=True,
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Refuse a choice of none, and one beside すべて: which of the two was meant is not ours to guess."""
        is_valid: bool = super().validate(extra_validators)
        if is_valid and self.target.data == CHOSEN and not self.account_ids:
            self.target.errors = [_("アカウントを1件以上選んでください。")]
        elif is_valid and self.target.data == ALL and self.account_ids:
            self.target.errors = [
                _(
                    "一覧で選んだアカウントだけを再実行するときは、こちらも「選んだアカウント」にしてください。"
                )
            ]
        return is_valid and not self.target.errors

    @property
    def account_ids(self) -> list[int]:
        """The ticked accounts.

        :raises MalformedRowId: :raises TooManyRows:
        """
        return parse_row_ids(request.form.getlist("rowid"), SHOWN_ROWS)


class RunDialogs:
    """A part of the list's view: 解除 and 再実行."""

    require: Any
    run_url: Any

    @expose("/<billing_date:billing_date>/release/", methods=("GET", "POST"))
    def release(self, billing_date: dt.date) -> Response:
        """解除: show what will be charged, and let the run go on."""
        self.require(Permission.RUNS_CHANGE)
        facts = self._listed_run(billing_date)
        form = ReleaseForm(posted())

        def run() -> Response:
            with transaction():
                billing_runs.release_run(run_id=_id_of(facts), viewer=viewer(), now=now())
            doorbell.ring("tick")
            message = _(
                "%(date)s の月額利用料の停止を解除しました。%(count)s件の計上が始まります。",
                date=date_text(billing_date),
                count=number(facts.account_count),
            )
            return success(to=self.run_url(billing_date), message=message)

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        # What was agreed to has been refused: the box is ticked anew.
        form.consent.data = False
        facts = self._listed_run(billing_date)
        review = run_progress.review_of(
            facts=facts, viewer=viewer(), bound_percent=settings().billing_review_percent
        )
        return render_dialog(
            title=_("停止を解除"),
            form=form,
            submit_label=_("停止を解除") if review else "",
            back_url=self.run_url(billing_date),
            subject=Subject(_("%(date)s の月額利用料", date=date_text(billing_date))),
            template="runs/release.html",
            status=answer,
            requires="consent",
            facts=facts,
            review=review,
        )

    @expose("/<billing_date:billing_date>/retry/", methods=("GET", "POST"))
    def retry(self, billing_date: dt.date) -> Response:
        """再実行: show what is parked and why, and try all or the chosen ones again."""
        self.require(Permission.RUNS_CHANGE)
        facts = self._listed_run(billing_date)
        # Only the page that is opened proposes すべて: a form that lacks it means nothing.
        form = RetryForm(posted(), **({"target": ALL} if request.method == "GET" else {}))

        def run() -> Response:
            chosen = form.account_ids if form.target.data == CHOSEN else None
            with transaction():
                result = billing_retries.retry_parked(
                    run_id=_id_of(facts), account_ids=chosen, viewer=viewer(), now=now()
                )
            is_clean = not result.parked_count
            return success(
                to=self.run_url(billing_date),
                message=_retried_words(result),
                category="success" if is_clean else "warning",
            )

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        source = parked_fees.parked_source(viewer=viewer(), billing_date=billing_date)
        parked = fetch_page(source, ListArguments(page_size=SHOWN_ROWS))
        summary = parked_fees.parked_summary(billing_date=billing_date, viewer=viewer())
        return render_dialog(
            title=_("保留の再実行"),
            form=form,
            submit_label=_("再実行") if parked.total else "",
            back_url=self.run_url(billing_date),
            subject=Subject(_("%(date)s の月額利用料", date=date_text(billing_date))),
            template="runs/retry.html",
            wide=True,
            status=answer,
            parked=parked,
            summary=summary,
            reasons=parked_fees.PARKED_WORDS,
            chosen=set(request.form.getlist("rowid")),
        )

    def _listed_run(self, billing_date: dt.date) -> RunFacts:
        """Return a run whose list is written.

        :raises RunNotVisible: when it is not.
        """
        facts = run_progress.find_run(viewer=viewer(), billing_date=billing_date, now=now())
        if facts.run_id is None:
            raise run_progress.RunNotVisible
        return facts


def _id_of(facts: RunFacts) -> int:
    if facts.run_id is None:
        raise run_progress.RunNotVisible
    return facts.run_id


def _retried_words(result: Posted) -> str:
    words = {
        "count": number(result.charged_count),
        "points": number(result.charged_points),
        "parked": number(result.parked_count),
    }
    if not result.charged_count:
        return _("計上できたアカウントはありません。%(parked)s件は保留のままです。", **words)
    if result.parked_count:
        return _("%(count)s件、%(points)sポイントを計上しました。%(parked)s件は保留のままです。", **words)
    return _("%(count)s件、%(points)sポイントを計上しました。", **words)
