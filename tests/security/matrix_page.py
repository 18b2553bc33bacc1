"""docs/permissions.md: the matrix as a page for people, made from docs/permissions.toml by `make matrix`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from config import ROOT
from tests.security.matrix import ANONYMOUS, Entry, Matrix

PATH = ROOT / "docs" / "permissions.md"
#: Columns of the MSP portal's tables, and of those of the customer portal: heading → label of the matrix.
MSP_COLUMNS = {
    "SingleID 全体": "operator",
    "特権MSP 全体": "distributor",
    "特権MSP 契約": "distributor-contract",
    "特権MSP システム": "distributor-system",
    "MSP 全体": "msp",
    "MSP 契約": "msp-contract",
    "MSP システム": "msp-system",
    "サポート 全体": "support",
    "サポート システム": "support-system",
    "顧客 システム": "customer",
}
PORTAL_COLUMNS = {
    "own account: 全体, システム": "customer",
    "契約": "msp-contract",
    "SingleID, at a customer": "operator@customer",
    "SingleID, at a 特権MSP": "operator@distributor",
    "特権MSP, at a customer": "distributor@customer",
    "MSP, at a customer": "msp@customer",
    "サポート, at an assigned customer": "support@customer",
}
WHOSE = {
    "customer": "a customer below oneself (for サポート: assigned)",
    "msp": "an account below oneself",
    "application": "an application below oneself",
    "portal": "a customer below oneself (for サポート: assigned)",
    "payer": "one's own account or one right below",
    "approval": "a request about the points of one's own account or of one below",
    "user": "a user of this portal's account",
    "administrator": "an administrator of this portal's account, not above one's own level",
    "preset": "a preset of one's own account",
    "run": "a 25th, with one's own accounts counted",
    "next run": "a 25th, with one's own accounts counted",
    "mail": "any kept mail",
    "kind of mail": "a kind of mail that concerns one",
    "link": "the link that one was sent",
}
#: Titles of what stands in no menu.
BESIDE_THE_MENUS = {
    "fresh_sign_in": "本人確認",
    "msp": "管理画面",
    "own_password": "パスワードの変更",
    "pages": "The first page",
    "portal": "顧客切り替え",
    "second_factor": "2段階認証",
    "sessions": "ログイン中の端末",
}
HEAD = """\
# Who may do what

Made from [permissions.toml](permissions.toml) by `make matrix`; tests hold it against the running application, cell
by cell. ✓: answered. –: refused (403), or led to the sign-in page when nobody is signed in. What is another's is
answered exactly as what is not there (404), by whatever way it is named. 全体, 契約 and システム are the three
levels of 権限設定. The disabled, the deleted and those of a canceled account have no session; the locked get none.
"""
_PORTAL = "portal"


def page_of(matrix: Matrix, screens: Mapping[str, str]) -> str:
    """Return the page; `screens` maps the first part of endpoints to the words on the screen."""
    titles = {**BESIDE_THE_MENUS, **screens}
    parts = [HEAD]
    entries = list(matrix.entries.values())
    # Everybody may open what needs no sign-in: there is nothing to tell apart.
    parts += ["\n## Without a sign-in\n\n", *_table([e for e in entries if ANONYMOUS in e.may], {})]
    for title, columns, is_of_it in (
        ("管理画面 (MSP portal)", MSP_COLUMNS, False),
        ("顧客画面 (customer portal)", PORTAL_COLUMNS, True),
    ):
        found = [e for e in entries if ANONYMOUS not in e.may and e.endpoint.startswith(_PORTAL) is is_of_it]
        parts.append(f"\n## {title}\n")
        for screen in dict.fromkeys(_screen(entry) for entry in found):
            parts.append(f"\n### {titles[screen]}\n\n")
            parts += _table([entry for entry in found if _screen(entry) == screen], columns)
    return "".join(parts)


def _screen(entry: Entry) -> str:
    return entry.endpoint.partition(".")[0]


def _table(entries: Sequence[Entry], columns: Mapping[str, str]) -> Iterator[str]:
    yield "| " + " | ".join(["may", "about", *columns]) + " |\n"
    yield "|---|---|" + ":-:|" * len(columns) + "\n"
    for words, entry in _lines(entries):
        cells = ["✓" if label in entry.may else "–" for label in columns.values()]
        yield "| " + " | ".join([words, WHOSE.get(entry.rows, ""), *cells]) + " |\n"


def _lines(entries: Sequence[Entry]) -> Iterator[tuple[str, Entry]]:
    """Yield what is done, once where opening a dialog and sending it are open to the same people."""
    carried_out = {
        entry.does.removeprefix("carry out "): entry
        for entry in entries
        if entry.does.startswith("carry out ")
    }
    for entry in entries:
        what = entry.does.removeprefix("open ")
        if entry.method == "GET" and what in carried_out and carried_out[what].may == entry.may:
            continue
        yield entry.does.removeprefix("carry out "), entry
