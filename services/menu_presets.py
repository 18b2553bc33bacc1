"""Named presets of 画面のカスタマイズ: an account's own, kept, listed and changed. Applying: preset_application.

An MSP has its own, a 特権MSP its own, the operator its own; nobody sees another's. Applied by hand, never by itself.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import unicodedata
from collections.abc import Collection, Sequence

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from domain.errors import DomainError
from domain.permissions import Permission, Viewer
from domain.portal_menus import HIDEABLE_KEYS, hidden_keys
from models import Account, MenuPreset, db
from services import access, audit
from services.lists import ListColumn, ListSource

LONGEST_NAME = 60
LARGEST_COUNT = 50


class PresetUnknown(DomainError):
    """A preset is not there, or not the viewer's own account's: the same answer."""

    http_status = 404


class PresetNameMissing(DomainError):
    """A preset has no name."""

    field = "name"


class PresetNameTaken(DomainError):
    """Another preset of the account has that name already; carries name."""

    field = "name"


class TooManyPresets(DomainError):
    """The account has as many presets as it may; carries maximum."""


class PresetChangedMeanwhile(DomainError):
    """Somebody else has changed the preset since the form was opened; carries what its name is now."""

    http_status = 409


def presets_source(*, viewer: Viewer) -> ListSource:
    """Return the list of the presets of a viewer's own account."""
    hidden_count = func.json_array_length(MenuPreset.hidden_menu_keys)
    return ListSource(
        name="presets",
        statement=select(MenuPreset.id).where(MenuPreset.account_id == viewer.account_id),
        columns=[
            ListColumn("name", _("名前"), "text", MenuPreset.name),
            ListColumn("hidden_count", _("非表示のメニュー数"), "number", hidden_count),
            ListColumn("updated_at", _("更新日時"), "instant", MenuPreset.updated_at),
        ],
        filters=[],
        search_expressions=[],
        tie_breaker=MenuPreset.id,
        default_sort="name",
    )


def presets_of(*, viewer: Viewer) -> Sequence[MenuPreset]:
    """Return the presets of a viewer's own account in the order of their names; none without the permission."""
    if not viewer.can(Permission.PRESETS_CHANGE):
        return ()
    statement = select(MenuPreset).where(MenuPreset.account_id == viewer.account_id)
    return db.session.scalars(statement.order_by(MenuPreset.name, MenuPreset.id)).all()


def find_preset(*, viewer: Viewer, preset_id: int) -> MenuPreset:
    """Return a preset of a viewer's own account.

    :raises PermissionRefused: when the viewer may not use presets.
    :raises PresetUnknown: when it is not there or another account's.
    """
    access.check_permission(viewer=viewer, permission=Permission.PRESETS_CHANGE)
    statement = select(MenuPreset).where(
        MenuPreset.id == preset_id, MenuPreset.account_id == viewer.account_id
    )
    found = db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise PresetUnknown(preset_id=preset_id)
    return found


def fingerprint(preset: MenuPreset) -> str:
    """Return what tells a preset from what it was: a form brings it back to be compared."""
    said = json.dumps([preset.name, preset.hidden_menu_keys])
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def create(*, viewer: Viewer, name: str, visible_menu_keys: Collection[str], now: dt.datetime) -> MenuPreset:
    """Keep a preset; `visible_menu_keys` are the ticked boxes.

    :raises DomainError: PermissionRefused, PresetNameMissing, PresetNameTaken, TooManyPresets.
    """
    _lock_own_account(viewer)
    count = select(func.count(MenuPreset.id)).where(MenuPreset.account_id == viewer.account_id)
    if (db.session.scalar(count) or 0) >= LARGEST_COUNT:
        raise TooManyPresets(maximum=LARGEST_COUNT)
    preset = MenuPreset(
        account_id=viewer.account_id,
        name=_free_name(viewer, name, None),
        hidden_menu_keys=_hidden(visible_menu_keys),
        created_at=now,
        updated_at=now,
    )
    db.session.add(preset)
    db.session.flush()
    audit.record(
        action="menu_preset.created",
        viewer=viewer,
        account_id=viewer.account_id,
        now=now,
        name=preset.name,
        hidden_menu_keys=preset.hidden_menu_keys,
    )
    return preset


def update(
    *,
    viewer: Viewer,
    preset_id: int,
    shown: str,
    name: str,
    visible_menu_keys: Collection[str],
    now: dt.datetime,
) -> MenuPreset:
    """Change a preset; customers to whom it was applied keep what they have. `shown`: its fingerprint then.

    :raises DomainError: PermissionRefused, PresetUnknown, PresetChangedMeanwhile, PresetNameMissing,
        PresetNameTaken.
    """
    _lock_own_account(viewer)
    preset = find_preset(viewer=viewer, preset_id=preset_id)
    if shown != fingerprint(preset):
        raise PresetChangedMeanwhile(name=preset.name)
    wanted = {"name": _free_name(viewer, name, preset_id), "hidden_menu_keys": _hidden(visible_menu_keys)}
    changes = {key: [getattr(preset, key), new] for key, new in wanted.items() if getattr(preset, key) != new}
    if changes:
        preset.name, preset.hidden_menu_keys = str(wanted["name"]), list(wanted["hidden_menu_keys"])
        preset.updated_at = now
        audit.record(
            action="menu_preset.updated",
            viewer=viewer,
            account_id=viewer.account_id,
            now=now,
            name=preset.name,
            changes=changes,
        )
        db.session.flush()
    return preset


def delete(*, viewer: Viewer, preset_id: int, now: dt.datetime) -> str:
    """Remove a preset and return its name; customers to whom it was applied keep what they have.

    :raises DomainError: PermissionRefused, PresetUnknown.
    """
    _lock_own_account(viewer)
    preset = find_preset(viewer=viewer, preset_id=preset_id)
    name, hidden = preset.name, list(preset.hidden_menu_keys)
    db.session.delete(preset)
    db.session.flush()
    audit.record(
        action="menu_preset.deleted",
        viewer=viewer,
        account_id=viewer.account_id,
        now=now,
        name=name,
        hidden_menu_keys=hidden,
    )
    return name


def _lock_own_account(viewer: Viewer) -> None:
    """Let the changes of an account's presets follow each other: the number and the names are counted."""
    access.check_permission(viewer=viewer, permission=Permission.PRESETS_CHANGE)
    own = select(Account.id).where(Account.id == viewer.account_id)
    db.session.execute(own.with_for_update(key_share=True)).one()


def _free_name(viewer: Viewer, name: str, preset_id: int | None) -> str:
    """Return a name that no other preset of the account has, in another width or case neither."""
    if not name:
        raise PresetNameMissing
    others = select(MenuPreset.id, MenuPreset.name).where(MenuPreset.account_id == viewer.account_id)
    for other_id, other_name in db.session.execute(others):
        if other_id != preset_id and _key(other_name) == _key(name):
            raise PresetNameTaken(name=other_name)
    return name


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _hidden(visible_menu_keys: Collection[str]) -> list[str]:
    return hidden_keys(set(visible_menu_keys) & set(HIDEABLE_KEYS))
