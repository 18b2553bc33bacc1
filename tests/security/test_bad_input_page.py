"""docs/bad-input.md names tests that exist."""

from __future__ import annotations

import re

from config import ROOT


def test_each_row_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "bad-input.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| input")]
    assert len(rows) > 25
    missing = []
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for path, name in named:
            file = ROOT / path
            if not file.exists() or (name and f"def {name}(" not in file.read_text(encoding="utf-8")):
                missing.append(f"{path}::{name}")
    assert missing == []
