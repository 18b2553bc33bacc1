"""CSVインポート: the file, the preview row by row, and the import of what was shown.

The text of the file travels in the form of the second step; the plan is made again from it under the account's
lock, and is carried out only when it is the one that was shown.
"""

from __future__ import annotations

from typing import Any

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.datastructures import CombinedMultiDict
from werkzeug.wrappers import Response

from admin_views.dialogs import render_dialog, success
from admin_views.fields import PortalForm
from admin_views.formatting import number
from admin_views.messages import message_for
from admin_views.portal.user_forms import UploadForm
from admin_views.portal.visit import current_visit
from admin_views.request_context import now, viewer
from admin_views.submission import posted, submit
from domain.portal_permissions import PortalPermission
from domain.service_users import LARGEST_FILE, LARGEST_ROW_COUNT, FileRefused, checked_text
from services import service_user_import
from services.service_user_import import ImportOutcome, ImportPlan
from services.service_user_list import user_counts
from services.transaction import transaction

#: Rows of a plan that the page shows; totals are always those of all.
SHOWN_ROWS = 200
LONGEST_DIGEST = 64


class UserImport:
    """A part of the list's view: CSVインポート."""

    require_here: Any
    get_url: Any

    @expose("/import/", methods=("GET", "POST"))
    def import_file(self) -> Response:
        """Take a file and show what its import would do."""
        self.require_here(PortalPermission.USERS_CHANGE)
        form = UploadForm(None if posted() is None else CombinedMultiDict([request.files, request.form]))

        def run() -> Response:
            return self._preview(
                PortalForm(),
                text=form.file.data or "",
                overwrite=form.overwrite.data,
                file_name=form.file.file_name,
                status=200,
            )

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._upload_page(form, answer)

    @expose("/import/run/", methods=("POST",))
    def import_run(self) -> Response:
        """Carry out the import that was shown; show the new plan when it is another one by now."""
        self.require_here(PortalPermission.USERS_CHANGE)
        form = PortalForm(request.form)
        overwrite, file_name = request.form.get("overwrite") == "1", request.form.get("file_name", "")
        try:
            text = checked_text(request.form.get("csv_text", ""))

            def run() -> Response:
                with transaction():
                    plan = service_user_import.import_users(
                        viewer=viewer(),
                        account_id=current_visit().account_id,
                        text=text,
                        overwrite=overwrite,
                        digest=request.form.get("digest", "")[:LONGEST_DIGEST],
                        file_name=file_name,
                        now=now(),
                    )
                return success(to=self.get_url(".index_view"), message=_done_words(plan))

            answer = submit(form, run)
            if isinstance(answer, Response):
                return answer
            return self._preview(form, text=text, overwrite=overwrite, file_name=file_name, status=answer)
        except FileRefused as error:
            upload = UploadForm()
            upload.add_refusal(error)
            return self._upload_page(upload, error.http_status)

    def _upload_page(self, form: UploadForm, status: int) -> Response:
        return render_dialog(
            title=_("CSVインポート"),
            form=form,
            submit_label=_("内容を確認"),
            back_url=self.get_url(".index_view"),
            action_url=self.get_url(".import_file"),
            template="portal/user_import.html",
            status=status,
            counts=user_counts(current_visit().account_id),
            largest_kb=LARGEST_FILE // 1024,
            largest_rows=LARGEST_ROW_COUNT,
            example_url=self.get_url(".export_csv"),
        )

    def _preview(
        self, form: PortalForm, *, text: str, overwrite: bool, file_name: str, status: int
    ) -> Response:
        plan = service_user_import.plan_import(
            account_id=current_visit().account_id, text=text, overwrite=overwrite
        )
        errors = plan.rows_with(ImportOutcome.ERROR)
        if status == 200 and (errors or plan.is_over_limit):
            status = 422
        return render_dialog(
            title=_("CSVインポートの確認"),
            form=form,
            submit_label=_("取り込む") if plan.is_possible else "",
            back_url=self.get_url(".index_view"),
            action_url=self.get_url(".import_run"),
            template="portal/user_import_preview.html",
            wide=True,
            status=status,
            plan=plan,
            csv_text=text,
            file_name=file_name,
            shown_errors=errors[:SHOWN_ROWS],
            shown_rows=plan.rows[:SHOWN_ROWS],
            Outcome=ImportOutcome,
            message_for=message_for,
            import_url=self.get_url(".import_file"),
        )


def _done_words(plan: ImportPlan) -> str:
    return _(
        "CSVファイルを取り込みました（新規登録 %(new)s人、上書き %(overwritten)s人）。",
        new=number(plan.totals[ImportOutcome.NEW]),
        overwritten=number(plan.totals[ImportOutcome.OVERWRITE]),
    )
