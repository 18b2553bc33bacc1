"""稼働状況: is everything all right, and if not, what to do."""

from __future__ import annotations

from typing import Any

from flask_admin import expose
from flask_babel import lazy_gettext as _l

from admin_views.msp_page import MspPageView
from admin_views.request_context import now, settings
from domain.permissions import Permission
from services import health, health_facts
from services.health_states import State

#: What each check is about, by its name.
MEANINGS: dict[str, Any] = {
    "tick": _l("毎分、期限の来た処理を探して行います。"),
    "run": _l("毎月25日の0時を基準に、月額利用料のポイントを引きます。"),
    "verification": _l("ポイントの台帳が正しいことを、すべての行について確かめます。"),
    "due": _l("解約予定日の来た解約と、承認されたアカウントのプロビジョニングです。"),
    "mails": _l("送信を待っているか、再送を待っているメールです。"),
    "workers": _l("処理を行うプロセスです。"),
    "queue": _l("ワーカーへの合図です。止まっても失われるものはありません。"),
    "seals": _l("操作ログが後から書き換えられていないことの証拠です。"),
    "database": _l("すべての記録の置き場所です。"),
}


class HealthView(MspPageView):
    """稼働状況, for those who run the portal."""

    permission = Permission.HEALTH_VIEW

    @expose("/")
    def index(self) -> Any:
        """Show the one sentence that matters, then what was looked at. Nothing is changed by looking."""
        checks = health.judge(health_facts.collect(now=now(), settings=settings()))
        return self.render(
            "health/index.html",
            title=self.name,
            checks=checks,
            worst=health.worst(checks),
            State=State,
            meanings=MEANINGS,
            looked_at=now(),
        )
