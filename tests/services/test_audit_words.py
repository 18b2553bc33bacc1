"""Every event that any part of the product appends has words, and so has everything that it carries."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from flask import Flask

from domain.permissions import AccountType, AdminLevel, Viewer
from services import audit_words
from services.audit_field_words import FIELD_WORDS, HIDDEN_FIELDS, LIST_WORDS, RESELLER_PREFIX
from services.audit_words import ACTION_WORDS, detail_lines
from services.profiles import DESCRIPTIVE_FIELDS
from tests.test_architecture import LAYERED, ROOT

#: What `record` takes beside the details.
PARAMETERS = frozenset({"action", "viewer", "account_id", "now", "details"})
#: Names of constants that hold actions.
ACTIONS_SUFFIX = "ACTIONS"


def trees() -> Iterator[ast.Module]:
    """Yield every module of the product that may append an event."""
    for path in LAYERED:
        if path.relative_to(ROOT).parts[0] in ("services", "admin_views", "commands"):
            yield ast.parse(path.read_text(encoding="utf-8"))


def strings(node: ast.AST) -> Iterator[str]:
    for found in ast.walk(node):
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            yield found.value


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield the calls of audit.record and audit.record_many."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_audit = isinstance(node.func.value, ast.Name) and node.func.value.id == "audit"
            if of_audit and node.func.attr in ("record", "record_many"):
                yield node


def takers(tree: ast.Module) -> dict[str, int]:
    """Return the functions of a module that are handed an action, with its place among their arguments."""
    return {
        node.name: [argument.arg for argument in node.args.args].index("action")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "action" in [argument.arg for argument in node.args.args]
    }


def recorded_actions() -> set[str]:
    """Return every action that is written down as such: action="…" of any call, and constants of actions."""
    found: set[str] = set()
    for tree in trees():
        handed_on = takers(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg == "action":
                        found.update(text for text in strings(keyword.value) if "." in text)
                if isinstance(node.func, ast.Name) and node.func.id in handed_on:
                    place = handed_on[node.func.id]
                    for argument in node.args[place : place + 1]:
                        found.update(text for text in strings(argument) if "." in text)
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id.endswith(ACTIONS_SUFFIX) for target in node.targets
            ):
                found.update(text for text in strings(node.value) if "." in text)
    return found


def recorded_fields() -> set[str]:
    """Return the names of everything that events carry, without old_ and new_."""
    found: set[str] = set()
    for tree in trees():
        for call in calls(tree):
            names = {keyword.arg for keyword in call.keywords if keyword.arg}
            for keyword in call.keywords:
                if keyword.arg == "details":
                    inner = (node for node in ast.walk(keyword.value) if isinstance(node, ast.Dict))
                    names |= {
                        key.value
                        for node in inner
                        for key in node.keys
                        if isinstance(key, ast.Constant) and isinstance(key.value, str)
                    }
            found |= {name.removeprefix("old_").removeprefix("new_") for name in names - PARAMETERS}
    return found - {"changes"}


def test_every_action_has_words() -> None:
    actions = recorded_actions()
    assert {"points.added", "points.handed_down", "portal.entered", "list.exported"} <= actions
    assert sorted(actions - set(ACTION_WORDS)) == []


def test_every_field_has_words_or_is_hidden() -> None:
    known = set(FIELD_WORDS) | HIDDEN_FIELDS
    assert sorted(recorded_fields() - known) == []
    columns = {name.removeprefix(RESELLER_PREFIX) for name in DESCRIPTIVE_FIELDS}
    assert sorted(columns - known) == []


def test_every_list_has_words() -> None:
    names = {
        text
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ListSource"
        for keyword in node.keywords
        if keyword.arg == "name"
        for text in strings(keyword.value)
    }
    assert {"customers", "points", "log"} <= names
    assert sorted(names - set(LIST_WORDS)) == []


@pytest.fixture
def viewer() -> Viewer:
    return Viewer(1, "msp-a", 1, AccountType.MSP, AdminLevel.OVERALL)


def test_changes_read_as_old_and_new(app: Flask, viewer: Viewer) -> None:
    changes = {
        "company_name": ["旧社名", "新社名"],
        "reseller_city": [None, "千代田区"],
        "support_account_id": [None, 7],
        "hidden_menu_keys": [[], ["log", "auth.ldap"]],
    }
    details = {
        "old_contract_user_count": 30,
        "new_contract_user_count": 1050,
        "old_cancellation_date": "2026-12-01",
        "new_cancellation_date": None,
        "changes": changes,
        "points": 120,
        "reason": "shortage",
        "digest": "0f",
        "remark": None,
    }
    with app.test_request_context():
        lines = detail_lines(
            action="account.updated", details=details, viewer=viewer, name_of=lambda key: f"会社{key}"
        )
        unknown = audit_words.action_text("thing.done")
    assert lines == [
        "契約ユーザ数: 30 → 1,050",
        "解約予定日: 2026/12/01 → (空欄)",
        "会社名: 旧社名 → 新社名",
        "販売店情報 市区町村: (空欄) → 千代田区",
        "サポートアカウント: (空欄) → 会社7",
        "非表示のメニュー: すべて表示 → ログ、認証 >>> LDAP",
        "ポイント: +120",
        "理由: ポイント不足",
    ]
    assert unknown == "thing.done"


def test_why_a_system_failed_is_the_operators_matter(app: Flask, viewer: Viewer) -> None:
    details = {"reason": "HTTP 500 of host-7", "attempts": 2}
    operator = Viewer(2, "operator", 2, AccountType.OPERATOR, AdminLevel.OVERALL)
    with app.test_request_context():
        shown = [
            detail_lines(action="provisioning.failed", details=details, viewer=who, name_of=str)
            for who in (viewer, operator)
        ]
    assert shown == [["試行回数: 2"], ["理由: HTTP 500 of host-7", "試行回数: 2"]]
