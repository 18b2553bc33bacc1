"""The documents tell the truth about the code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from services.invariant_queries import CHECKS
from services.profiles import DESCRIPTIVE_FIELDS, PROFILE_FIELDS

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("domain", "models", "services", "admin_views")
    for path in sorted((ROOT / folder).rglob("*.py"))
)


def glossary_names() -> list[str]:
    rows = [line for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [name for row in rows[1:] for name in re.findall(r"`([\w.]+)`", row)]


@pytest.mark.parametrize("name", glossary_names())
def test_a_word_of_the_glossary_is_a_name_in_the_code(name: str) -> None:
    owner, _dot, last = name.rpartition(".")
    assert re.search(rf"\b{last}\b", SOURCES)
    if owner[:1].isupper():
        assert re.search(rf"class {owner}\b.*?^    {last} = ", SOURCES, re.DOTALL | re.MULTILINE)
    elif owner:
        path = ROOT / "services" / f"{owner}.py"
        assert re.search(rf"^def {last}\(", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("document", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"], ids=str)
def test_what_a_document_links_to_is_there(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def python_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).exists()]


def test_what_the_code_says_of_rules_laws_and_decisions_can_be_looked_up() -> None:
    rules = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    known = {*re.findall(r"^\* \*\*(R\d+)\*\*", rules, re.M), *re.findall(r"^\| ([A-Z]\d+) \|", rules, re.M)}
    decisions = {path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")}
    numbers = r"(?:[A-Z]\d+)(?:(?:, | and )[A-Z]\d+)*"
    missing, seen = [], 0
    for path in python_files():
        text = path.read_text(encoding="utf-8")
        named = re.findall(rf"Source: docs/rules\.md ({numbers})|({numbers}) of docs/rules\.md", text)
        rule_names = [name for pair in named for name in re.findall(r"[A-Z]\d+", "".join(pair))]
        decision_names = re.findall(r"[Dd]ecisions? (\d+)", text)
        seen += len(rule_names) + len(decision_names)
        missing += [(path.name, name) for name in rule_names if name not in known]
        missing += [(path.name, name) for name in decision_names if name not in decisions]
        missing += [(path.name, source) for source in re.findall(r"Source: (?:rule|law|invariant)\b.*", text)]
    assert (missing, seen > 25) == ([], True)


def test_the_laws_with_a_query_are_those_of_the_check() -> None:
    rules = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| ([A-Z]\d+) \|.*\| query\b[^|]*\|$", rules, re.M)
    assert sorted(told) == sorted({law for name in CHECKS for law in re.findall(r"\b[A-Z]\d+\b", name)})


@pytest.mark.parametrize("document", sorted((ROOT / "docs").rglob("*.md")), ids=str)
def test_the_tests_that_a_document_names_are_there(document: Path) -> None:
    named = re.findall(r"\btests/[\w/]+(?:\.py)?", document.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("admin_views/account_forms.py", DESCRIPTIVE_FIELDS),
        ("templates/customers/account_tabs.html", DESCRIPTIVE_FIELDS),
        ("templates/portal/profile_edit.html", PROFILE_FIELDS),
        ("templates/accounts/profile_parts.html", DESCRIPTIVE_FIELDS),
        # What MSPs note about a customer is not for the customer's eyes.
        ("admin_views/portal/profile.py", [name for name in DESCRIPTIVE_FIELDS if name != "reseller_remark"]),
    ],
)
def test_every_descriptive_field_stands_where_the_document_says(place: str, fields: list[str]) -> None:
    assert f"`{place}`" in (ROOT / "docs" / "adding-a-field.md").read_text(encoding="utf-8")
    text = (ROOT / place).read_text(encoding="utf-8")
    assert [name for name in fields if not re.search(rf"\b{name}\b", text)] == []


def test_every_picture_of_a_screen_stands_in_the_index_and_is_taken() -> None:
    folder = ROOT / "docs" / "screens"
    pictures = sorted(path.stem for path in folder.glob("*.png"))
    named = re.findall(
        r"^\| \[([\w-]+)\]\(\1\.png\) \|", (folder / "README.md").read_text(encoding="utf-8"), re.M
    )
    taken = (ROOT / "tests" / "support" / "screenshots.py").read_text(encoding="utf-8")
    assert sorted(named) == pictures
    assert [name for name in pictures if f'"{name}"' not in taken] == []


def targets_named_in_the_documents() -> list[str]:
    """Return what stands behind `make` in a code span or on a line of a code block."""
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    text = "\n".join(path.read_text(encoding="utf-8") for path in documents)
    named = re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z]+)\b|^(?:[A-Z_]+=\S+ )*make ([a-z]+)\b", text, re.M)
    chained = re.findall(r"&& (?:[A-Z_]+=\S+ )*make ([a-z]+)\b", text)
    return sorted({name for pair in named for name in pair if name} | set(chained))


def test_the_documents_name_targets() -> None:
    assert {"run", "test", "reset", "production"} <= set(targets_named_in_the_documents())


@pytest.mark.parametrize("target", targets_named_in_the_documents())
def test_the_makefile_has_what_the_documents_name(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_no_text_of_the_project_names_a_machine_s_path() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    pattern = re.compile(r"(?:^|[^\w.}:-])/(?:home|root|Users|tmp|mnt|media|opt)/\w")
    found = []
    for name in listed.stdout.split():
        path = ROOT / name
        if (
            path.suffix in (".py", ".md", ".html", ".js", ".css", ".toml", ".txt", ".po", "")
            and path.is_file()
        ):
            found += [name for line in path.read_text(encoding="utf-8").splitlines() if pattern.search(line)]
    assert found == []


def test_words_are_spelled_the_american_way() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    british = re.compile(
        r"defence|colour|catalogue|licence|behaviour|favour|honour|neighbour|cancelled"
        r"|\bgrey|(?:organi|recogni|reali|normali|customi)s(?:e|ed|es|ing|ation)\b",
        re.IGNORECASE,
    )
    found = []
    for name in listed.stdout.split():
        path = ROOT / name
        # Passwords are as people choose them; greylisting is a name.
        if (
            path.suffix in (".py", ".md", ".html", ".js", ".css", ".toml")
            and path != Path(__file__).resolve()
        ):
            text = path.read_text(encoding="utf-8").replace("greylisting", "")
            found += [(name, word) for word in british.findall(text)]
    assert found == []
