"""The pages of docs/permissions.toml with who opens them in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

from tests.security.matrix import ANONYMOUS, Entry, read_matrix
from tests.security.principals import OWN, Trees
from tests.security.walk import filled, routes_of
from tests.support.databases import build_app
from tests.support.portal_stack import PortalStack

#: Label of the matrix → name of the demo, those with the fewest rights first: a page is opened by the first who may.
SIGN_INS = {
    "customer": "customer-a",
    "support": "support",
    "msp-system": "system-a",
    "msp-contract": "contract-a",
    "msp": "msp-a",
    "distributor": "distributor",
    "operator": "operator",
}
#: Opened by every role that may, the other pages by the one with the fewest rights.
FOR_EVERYBODY = {
    "customers.index_view",
    "points.index_view",
    "portal.index",
    "portal_administrators.index_view",
}
#: What a dialog says that finds nothing to do in the demo's rows.
NOTHING_TO_DO = {404, 409}


def pages() -> list[Entry]:
    """Return the pages: what can be opened, and is no file, no figure and no way out."""
    entries = read_matrix().entries.values()
    return [
        entry
        for entry in entries
        if entry.method == "GET" and 303 not in entry.answers and not _is_file(entry.endpoint)
    ]


def _is_file(endpoint: str) -> bool:
    screen, _, name = endpoint.partition(".")
    return (
        "csv" in name
        or "xlsx" in name
        or screen in ("static", "probes", "metrics", "security_txt")
        or name == "progress"
    )


def pages_by_role(portal: PortalStack, *, by_everybody: bool = False) -> Iterator[tuple[str, str]]:
    """Yield (label, address): each page once, and a few of them, or all, for everybody who has them."""
    app = build_app(f"sqlite:///{portal.database_path}")
    trees, patterns = Trees(app), routes_of(app)
    for entry in pages():
        labels = [label for label in SIGN_INS if label in entry.may and ANONYMOUS not in entry.may]
        for label in labels if by_everybody or entry.endpoint in FOR_EVERYBODY else labels[:1]:
            relation, name = next(trees.rows(entry.rows, trees.person(label)))
            if relation == OWN:
                yield label, filled(patterns[entry.key], str(name))
