"""Every anticipated refusal has words."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from flask import Flask

from admin_views.messages import WordsMissing, message_for, unmapped_errors
from domain.errors import DomainError
from domain.inputs.row_ids import TooManyRows


def import_everything() -> None:
    for name in ("domain", "services"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)


def test_no_refusal_lacks_words() -> None:
    import_everything()
    ours = [kind for kind in unmapped_errors() if kind.__module__.split(".")[0] in ("domain", "services")]
    assert ours == []


def test_words_name_the_data(app: Flask) -> None:
    with app.test_request_context():
        assert "10,000件" in str(message_for(TooManyRows(limit=10_000)))


def test_refusal_without_words_is_a_mistake_of_ours() -> None:
    class Unheard(DomainError):
        pass

    with pytest.raises(WordsMissing):
        message_for(Unheard())
    del Unheard
