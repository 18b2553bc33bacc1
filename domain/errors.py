"""The root of every anticipated refusal."""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """Say that a request is understood and refused.

    Subclasses live in the module that raises them and are named for the broken rule. They carry data as
    attributes, never text: the words for each class are in admin_views/messages.py.
    """

    http_status: ClassVar[int] = 422
    #: Name of the form field that the refusal belongs to; None when it concerns the whole form.
    field: str | None = None

    def __init__(self, **data: Any) -> None:
        super().__init__(", ".join(f"{name}={value!r}" for name, value in sorted(data.items())))
        self.data = data
        for name, value in data.items():
            setattr(self, name, value)
