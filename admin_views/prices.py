"""料金: what the 25th takes, by アカウントタイプ; added for days ahead, never changed."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, true
from werkzeug.wrappers import Response

from admin_views.base import ScopedModelView
from admin_views.dialogs import refuse, render_dialog, success
from admin_views.fields import ChoiceField, IsoDateField, PortalForm, WholeNumberField
from admin_views.formatting import date_text
from admin_views.request_context import now, viewer
from admin_views.submission import posted, submit
from domain.errors import DomainError
from domain.permissions import Permission
from domain.points import LARGEST_LINE_POINTS, LARGEST_USER_COUNT
from services import price_changes
from services.lists import ListSource, Page
from services.price_changes import PRICED_TYPES, PriceDraft, PriceEffect
from services.price_list import PriceState, prices_source
from services.transaction import transaction
from services.words import TYPE_WORDS

#: Name of the button that asks for the effect of the price.
CHECK = "check"
LONGEST_DIGEST = 64


class PriceForm(PortalForm):
    """料金の追加. The digest seals the shown effect."""

    account_type = ChoiceField(
        _l("アカウントタイプ"),
        choices=[(kind, TYPE_WORDS[kind]) for kind in PRICED_TYPES],
        required=True,
        blank_label=_l("選択してください"),
    )
    valid_from = IsoDateField(_l("適用開始日"), required=True)
    base_points = WholeNumberField(
        _l("ベースポイント"), minimum=0, maximum=LARGEST_LINE_POINTS, required=True
    )
    included_user_count = WholeNumberField(
        _l("含まれるユーザ数"), minimum=0, maximum=LARGEST_USER_COUNT, required=True
    )
    points_per_additional_user = WholeNumberField(
        _l("超過1ユーザあたりのポイント"), minimum=0, maximum=LARGEST_LINE_POINTS, required=True
    )

    @property
    def draft(self) -> PriceDraft:
        """The price that was typed; every field must hold a value."""
        return PriceDraft(
            account_type=self.account_type.data,
            valid_on=self.valid_from.data,
            base_points=self.base_points.data,
            included_user_count=self.included_user_count.data,
            points_per_additional_user=self.points_per_additional_user.data,
        )

    @property
    def digest(self) -> str:
        """The fingerprint of the effect that was shown."""
        return request.form.get("digest", "")[:LONGEST_DIGEST]


class PricesView(ScopedModelView):
    """料金: the price versions of every account type."""

    permission = Permission.PRICES_CHANGE
    list_template = "prices/list.html"
    primary_column = "account_type"
    key_columns = ("base_points", "included_user_count", "points_per_additional_user")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for all prices: they are everybody's, and only the operator comes here."""
        return true()

    def list_source(self) -> ListSource:
        """Return all price versions."""
        return prices_source(viewer=viewer(), now=now())

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return the states of a price."""
        return {"State": PriceState}

    @expose("/new/", methods=("GET", "POST"))
    def add(self) -> Response:
        """料金の追加: the effect on the run is shown first, then it is added."""
        self.require(Permission.PRICES_CHANGE)
        form = PriceForm(posted())
        if CHECK in request.form:
            status = 200 if form.validate() else 422
        else:
            answer = submit(form, lambda: self._add(form))
            if isinstance(answer, Response):
                return answer
            status = answer
        effect, status = _effect(form, status)
        return render_dialog(
            title=_("料金の追加"),
            form=form,
            submit_label=_("追加") if effect else "",
            back_url=self.get_url(".index_view"),
            template="prices/new.html",
            wide=True,
            status=status,
            effect=effect,
            earliest=price_changes.earliest_date(now()),
        )

    def _add(self, form: PriceForm) -> Response:
        with transaction():
            effect = price_changes.add_price(viewer=viewer(), draft=form.draft, digest=form.digest, now=now())
        message = _(
            "%(type)sの料金を追加しました（%(date)sから適用）。",
            type=TYPE_WORDS[effect.draft.account_type],
            date=date_text(effect.draft.valid_on),
        )
        return success(to=self.get_url(".index_view"), message=message)


def _effect(form: PriceForm, status: int) -> tuple[PriceEffect | None, int]:
    """Return the effect of the price in the form, None while it cannot be told; and the status with a refusal."""
    if request.method != "POST" or any(field.errors for field in form):
        return None, status
    try:
        return price_changes.preview_price(viewer=viewer(), draft=form.draft, now=now()), status
    except DomainError as error:
        # A refusal of the use case itself is in the form already.
        return None, status if status not in (200, 409) else refuse(form, error)
