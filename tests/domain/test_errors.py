"""Refusals carry data, never words."""

from __future__ import annotations

import pytest

from domain.errors import DomainError


def test_a_refusal_carries_its_data_by_name_and_reads_in_one_order() -> None:
    refusal = DomainError(limit=3, account="a")
    assert refusal.data == {"limit": 3, "account": "a"}
    assert (vars(refusal)["limit"], vars(refusal)["account"]) == (3, "a")
    assert str(refusal) == "account='a', limit=3"
    assert (refusal.http_status, refusal.field) == (422, None)


def test_a_refusal_without_data_reads_as_nothing() -> None:
    with pytest.raises(DomainError, match=r"^$"):
        raise DomainError
