"""Both values of every field that differs, for a form that was opened before someone else's change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from admin_views.account_forms import VisibleMenusField
from admin_views.fields import ChoiceField, PortalForm, VersionField
from services.profiles import ChangedMeanwhile


@dataclass(frozen=True)
class ChangedValue:
    """A field with what was typed and what is stored now, as people read them."""

    label: Any
    typed: str
    stored: str


def conflicts_of(form: Any, stored: Any, *, status: int) -> list[ChangedValue]:
    """Return what differs when somebody else's change was the refusal; nothing for any other answer.

    Both forms have a `version`. The sent one takes over the stored one: pressing the button again then knowingly
    replaces what is shown.
    """
    if status != ChangedMeanwhile.http_status or form.version.data == stored.version.data:
        return []
    found = changed_values(form, stored)
    form.version.data = stored.version.data
    return found


def changed_values(form: PortalForm, stored: PortalForm) -> list[ChangedValue]:
    """Return the fields in which a sent form differs from one that holds the stored values, in its order."""
    return [
        ChangedValue(field.label.text, _shown(field), _shown(stored[field.name]))
        for field in form
        if not isinstance(field, VersionField) and (field.data or None) != (stored[field.name].data or None)
    ]


def _shown(field: Any) -> str:
    if isinstance(field, VisibleMenusField):
        hidden = [
            str(label) for column in field.columns() for _key, label, is_shown in column if not is_shown
        ]
        return _("、").join(hidden) if hidden else _("すべて表示")
    if field.data in (None, ""):
        return _("(空欄)")
    if isinstance(field, ChoiceField):
        return next((str(label) for value, label in field.choices if value == field.data), str(field.data))
    return str(field.data)
