"""The house: who may import whom, how large things may get, and the one door for each kind of change."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("domain", "models", "services", "admin_views", "jobs", "commands", "launcher")

#: Layer → the layers of ours that it may import beside itself and domain. Nothing imports jobs.
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "models": set(),
    "services": {"models", "config"},
    "admin_views": {"services", "models", "config"},
    "jobs": {"services", "models", "config", "app"},
    "commands": {"services", "models", "config"},
    "launcher": set(),
    "app": {"admin_views", "commands", "services", "models", "config"},
    "config": set(),
}
#: Layer → libraries that it must not know.
MUST_NOT_KNOW: dict[str, set[str]] = {
    "domain": {"flask", "sqlalchemy", "flask_admin", "flask_babel", "wtforms", "rq", "redis", "openpyxl"},
    "models": {"flask", "flask_admin", "wtforms", "rq", "redis", "openpyxl", "flask_babel"},
    "services": {"flask_admin", "wtforms", "flask_login", "werkzeug"},
    "admin_views": {"rq", "redis", "openpyxl", "smtplib"},
    "commands": {"rq", "redis", "openpyxl", "flask_admin", "wtforms"},
    "jobs": {"flask_admin", "wtforms", "openpyxl"},
    "launcher": {"flask", "sqlalchemy", "rq", "redis"},
}
#: Library → the only modules of services/ that may import it.
ONLY_IN: dict[str, set[str]] = {
    "openpyxl": {"exports", "export_cells"},
    "jinja2": {"mail_texts"},
    "smtplib": {"mail_transports"},
    "rq": {"doorbell", "health_queue"},
    "redis": {"doorbell", "readiness", "health_queue", "rate_limits"},
    "limits": {"rate_limits"},
    "flask": {"doorbell", "readiness"},
}
LONGEST_FUNCTION = 40
LONGEST_MODULE = 300


def modules() -> list[Path]:
    """Return every Python file of the product that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).exists()]


MODULES = modules()
PRODUCT = [path for path in MODULES if path.relative_to(ROOT).parts[0] not in ("tests", "migrations")]
LAYERED = [path for path in PRODUCT if path.relative_to(ROOT).parts[0].removesuffix(".py") in MAY_IMPORT]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted name of every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_the_layers_were_found() -> None:
    present = {path.relative_to(ROOT).parts[0] for path in LAYERED}
    assert set(LAYERS) <= present
    assert len(LAYERED) > 60


@pytest.mark.parametrize("path", LAYERED, ids=name_of)
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0].removesuffix(".py")
    ours = {name.split(".")[0] for name in imported(path)} & (set(MAY_IMPORT) | {"tests"})
    allowed = MAY_IMPORT[layer] | {layer}
    if layer not in ("launcher", "config"):
        allowed |= {"domain"}
    assert ours <= allowed


@pytest.mark.parametrize("path", LAYERED, ids=name_of)
def test_a_layer_does_not_know_the_libraries_of_another(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0].removesuffix(".py")
    libraries = {name.split(".")[0] for name in imported(path)}
    assert not libraries & MUST_NOT_KNOW.get(layer, set())
    if layer == "services":
        for library, places in ONLY_IN.items():
            assert library not in libraries or path.stem in places


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_nothing_is_called_utils() -> None:
    banned = re.compile(r"(utils?|helpers?|manager|common|misc)\.py$")
    assert [name_of(path) for path in PRODUCT if banned.search(path.name)] == []


def uses(path: Path, attribute: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == attribute
    ]


def test_only_transaction_commits() -> None:
    places = {name_of(path) for path in LAYERED if uses(path, "commit")}
    assert places == {"services/transaction.py"}


def test_only_the_ledger_the_refill_and_the_run_write_lines_and_balances() -> None:
    writing = re.compile(r"(insert|update)\((PointLine|PointBalance|_lines|_balances)\b")
    places = {name_of(path) for path in LAYERED if writing.search(path.read_text(encoding="utf-8"))}
    assert places == {
        "services/ledger.py",
        "services/bulk_transfers.py",
        "services/fee_posting.py",
        "services/demo_ledger.py",
    }


def test_a_status_changes_only_by_its_transitions() -> None:
    for path in PRODUCT:
        for match in re.finditer(r"(?m)^\s+\w+\.status = (.+)", path.read_text(encoding="utf-8")):
            assert match.group(1).startswith("next_status("), f"{name_of(path)}: {match.group(0)}"


def test_services_never_read_the_clock() -> None:
    allowed = {"services/clock.py"}
    reading = re.compile(r"datetime\.now\(|date\.today\(|time\.time\(|utcnow\(")
    places = {
        name_of(path)
        for path in LAYERED
        if path.relative_to(ROOT).parts[0]
        in ("domain", "models", "services", "admin_views", "commands", "jobs")
        and reading.search(path.read_text(encoding="utf-8"))
    }
    assert places <= allowed | {"commands/beginning.py"}


def test_no_template_has_inline_script_style_or_unescaped_text() -> None:
    banned = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|\|\s*safe\b|javascript:", re.I)
    found = [
        f"{name_of(path)}: {match.group(0)}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for match in banned.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_color_is_a_token() -> None:
    literal = re.compile(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(", re.I)
    found = [
        f"{path.name}: {match.group(0)}"
        for path in sorted((ROOT / "static" / "css").glob("*.css"))
        if path.name != "tokens.css"
        for match in literal.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_word_for_a_user_is_written_as_the_guide_writes_it() -> None:
    sources = [*PRODUCT, *(ROOT / "templates").rglob("*.*")]
    assert [name_of(path) for path in sources if "ユーザー" in path.read_text(encoding="utf-8")] == []
