"""What is imported is required, and all that is installed for it is pinned and has its reason."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_architecture import MAY_IMPORT, PRODUCT, imported

ROOT = Path(__file__).resolve().parent.parent


def lines(name: str) -> list[Requirement]:
    """Return the requirements of a file, without those of a file that it includes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [Requirement(line) for line in text.splitlines() if line and line[0] not in "#-"]


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def installed(requirements: list[Requirement]) -> dict[str, str]:
    """Return name and version of these requirements and of all that they need here, as installed."""
    found: dict[str, str] = {}
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        distribution = metadata.distribution(name)
        if name not in found or requirement.extras:
            waiting += needed(distribution, requirement.extras)
        found[name] = distribution.version
    return found


def needed(distribution: metadata.Distribution, extras: set[str]) -> Iterator[Requirement]:
    """Yield what a distribution needs, with these extras, on this Python."""
    for text in distribution.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        # The marker has been answered, with its extra; the walk would ask it again without.
        requirement.marker = None
        yield requirement


def test_each_installed_version_is_pinned() -> None:
    direct = [*lines("requirements.txt"), *lines("requirements-dev.txt")]
    pinned: dict[str, str] = {
        canonicalize_name(one.name): str(one.specifier) for one in [*direct, *lines("constraints.txt")]
    }
    found = installed(direct)
    assert {name: f"=={version}" for name, version in found.items()} == {
        name: pinned.get(name, "not pinned") for name in found
    }


def test_what_is_required_is_not_constrained_as_well() -> None:
    required = names(lines("requirements.txt")) | names(lines("requirements-dev.txt"))
    assert required & names(lines("constraints.txt")) == set()


def test_each_requirement_has_its_reason() -> None:
    reasons = (ROOT / "docs" / "decisions" / "0006-dependencies.md").read_text(encoding="utf-8").lower()
    required = names(lines("requirements.txt")) | names(lines("requirements-dev.txt"))
    assert [name for name in sorted(required) if not re.search(rf"\b{re.escape(name)}\b", reasons)] == []


def test_the_portal_imports_what_it_requires_by_name() -> None:
    distributions = metadata.packages_distributions()
    required = names(lines("requirements.txt"))
    ours = set(MAY_IMPORT) | {"benchmarks", "tests"}
    libraries = {
        name.split(".")[0]
        for path in PRODUCT
        if path.relative_to(ROOT).parts[0].removesuffix(".py") in MAY_IMPORT
        for name in imported(path)
    }
    libraries -= ours | set(sys.stdlib_module_names)
    without = {
        library
        for library in libraries
        if not {canonicalize_name(name) for name in distributions.get(library, ())} & required
    }
    assert (without, len(libraries) > 10) == (set(), True)
