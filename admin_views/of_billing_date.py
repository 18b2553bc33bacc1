"""What the screens of one 25th share: its date stands in their address, and they have no entry in the menu."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from flask import Blueprint, g, url_for
from flask_babel import gettext as _

from admin_views.formatting import date_text
from admin_views.request_context import now
from domain.billing_calendar import next_billing_date

_NAME = "billing_date"


class OfBillingDate:
    """A part of a view whose address holds `<billing_date:billing_date>`: takes it out of every request.

    Addresses of the same view are made with the date of the request unless another one is given.
    """

    def create_blueprint(self, admin: Any) -> Blueprint:
        """Return the view's routes, none of whose functions need to take the date."""
        blueprint: Blueprint = super().create_blueprint(admin)  # type: ignore[misc]

        @blueprint.url_value_preprocessor
        def take(_endpoint: str | None, values: dict[str, Any] | None) -> None:
            g.billing_date = (values or {}).pop(_NAME, None)

        @blueprint.url_defaults
        def give(_endpoint: str, values: dict[str, Any]) -> None:
            values.setdefault(_NAME, g.get(_NAME))

        return blueprint

    def is_visible(self) -> bool:
        """Keep the view out of the menu: it is opened from a run's page."""
        return False

    @property
    def billing_date(self) -> dt.date:
        """The 25th that the request is about."""
        return cast(dt.date, g.billing_date)

    @property
    def run_crumbs(self) -> list[tuple[str, str]]:
        """The way to the screen: the runs, then this one, where it has a page."""
        runs = [(_("月額利用料の実行"), url_for("runs.index_view"))]
        if self.billing_date > next_billing_date(now()):
            return runs
        return [*runs, (date_text(self.billing_date), url_for("runs.page", billing_date=self.billing_date))]
