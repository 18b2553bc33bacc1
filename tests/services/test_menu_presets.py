"""Presets of 画面のカスタマイズ: an account's own, and their application to chosen customers."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from domain.permissions import AccountType, AdminLevel, Viewer
from domain.portal_menus import HIDEABLE_KEYS
from models import Account, AuditEvent, MenuPreset, db
from services import cancellation_previews, cancellations, menu_presets, preset_application
from services.access import AccountNotVisible, PermissionRefused
from services.lists import ListArguments, fetch_page
from services.menu_presets import (
    LARGEST_COUNT,
    PresetChangedMeanwhile,
    PresetNameMissing,
    PresetNameTaken,
    PresetUnknown,
    TooManyPresets,
)
from services.preset_application import ApplicationChanged, ApplicationOutcome, NothingToApply
from services.transaction import transaction
from tests.builders import World, account
from tests.support.databases import START


def keep(viewer: Viewer, name: str, *hidden: str) -> int:
    with transaction():
        return menu_presets.create(
            viewer=viewer,
            name=name,
            visible_menu_keys=[key for key in HIDEABLE_KEYS if key not in hidden],
            now=START,
        ).id


def events(action: str) -> list[AuditEvent]:
    db.session.rollback()
    statement = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)
    return list(db.session.scalars(statement))


def test_each_account_has_its_own(world: World) -> None:
    own = keep(world.msp_a, "標準", "log", "auth.ldap")
    keep(world.msp_b, "標準")
    keep(world.distributor, "標準", "apps")
    page = fetch_page(menu_presets.presets_source(viewer=world.msp_a), ListArguments())
    assert [(row.id, row.name, row.hidden_count) for row in page.rows] == [(own, "標準", 2)]
    for viewer in (world.msp_b, world.distributor, world.operator):
        with pytest.raises(PresetUnknown):
            menu_presets.find_preset(viewer=viewer, preset_id=own)
        with pytest.raises(PresetUnknown), transaction():
            menu_presets.delete(viewer=viewer, preset_id=own, now=START)
    with pytest.raises(PresetUnknown):
        menu_presets.find_preset(viewer=world.msp_a, preset_id=2**62)
    support = replace(world.msp_a, account_type=AccountType.SUPPORT)
    system = replace(world.msp_a, level=AdminLevel.SYSTEM)
    for refused in (support, system):
        with pytest.raises(PermissionRefused):
            keep(refused, "別")
        assert menu_presets.presets_of(viewer=refused) == ()


def test_names_are_unique_however_typed(world: World) -> None:
    first = keep(world.msp_a, "ＡＢＣ株式会社 向け")
    for name in ("ABC株式会社 向け", "abc株式会社 向け", "ＡＢＣ株式会社　向け"):
        with pytest.raises(PresetNameTaken):
            keep(world.msp_a, name)
    with pytest.raises(PresetNameMissing):
        keep(world.msp_a, "")
    shown = menu_presets.fingerprint(menu_presets.find_preset(viewer=world.msp_a, preset_id=first))
    with transaction():
        menu_presets.update(
            viewer=world.msp_a,
            preset_id=first,
            shown=shown,
            name="abc株式会社 向け",
            visible_menu_keys=HIDEABLE_KEYS[1:],
            now=START,
        )
    assert events("menu_preset.updated")[0].details["changes"] == {
        "name": ["ＡＢＣ株式会社 向け", "abc株式会社 向け"],
        "hidden_menu_keys": [[], ["log"]],
    }
    with pytest.raises(PresetChangedMeanwhile), transaction():
        menu_presets.update(
            viewer=world.msp_a,
            preset_id=first,
            shown=shown,
            name="古い画面",
            visible_menu_keys=(),
            now=START,
        )


def test_there_are_fifty_at_most(world: World) -> None:
    with transaction() as session:
        session.add_all(
            MenuPreset(
                account_id=world.msp_a.account_id,
                name=f"p{number}",
                hidden_menu_keys=[],
                created_at=START,
                updated_at=START,
            )
            for number in range(LARGEST_COUNT)
        )
    with pytest.raises(TooManyPresets):
        keep(world.msp_a, "もう一つ")
    first = menu_presets.presets_of(viewer=world.msp_a)[0].id
    with transaction():
        assert menu_presets.delete(viewer=world.msp_a, preset_id=first, now=START) == "p0"
    keep(world.msp_a, "もう一つ")
    assert [event.action for event in events("menu_preset.deleted")] == ["menu_preset.deleted"]


def test_a_preset_is_applied_to_all_as_shown(world: World) -> None:
    preset = keep(world.msp_a, "標準", "log", "apps")
    first, same = world.customer(), world.customer(points_held=100)
    gone = world.customer(points_held=100)
    with transaction() as session:
        session.get_one(Account, first).hidden_menu_keys = ["support", "log"]
        session.get_one(Account, same).hidden_menu_keys = ["apps", "log"]
    with transaction():
        consent = cancellation_previews.preview(
            viewer=world.msp_a, account_id=gone, scheduled_on=None, now=START
        )
        cancellations.cancel(
            viewer=world.msp_a,
            account_id=gone,
            consent=True,
            shown=(consent.top_up_points, consent.write_off_points),
            now=START,
        )
    chosen: dict[str, Any] = {
        "viewer": world.msp_a,
        "account_ids": [gone, same, first, same],
        "preset_id": preset,
    }
    plan = preset_application.plan_application(**chosen, now=START)
    assert [(row.account.id, row.outcome.value, row.newly_hidden, row.newly_shown) for row in plan.rows] == [
        (gone, ApplicationOutcome.NOT_RUNNING, (), ()),
        (same, ApplicationOutcome.SAME, (), ()),
        (first, ApplicationOutcome.CHANGED, ("apps",), ("support",)),
    ]
    with pytest.raises(ApplicationChanged), transaction():
        preset_application.apply_preset(**chosen, digest="", now=START)
    with transaction():
        done = preset_application.apply_preset(**chosen, digest=plan.digest, now=START)
    assert (done.changed_count, done.left_count) == (1, 2)
    assert account(first).hidden_menu_keys == ["log", "apps"]
    (event,) = events("menu_preset.applied")
    assert (event.account_id, event.details["preset_name"]) == (first, "標準")
    assert event.details["changes"] == {"hidden_menu_keys": [["support", "log"], ["log", "apps"]]}
    # The same press again finds nothing to do.
    with pytest.raises(NothingToApply), transaction():
        preset_application.apply_preset(**chosen, digest=plan.digest, now=START)


def test_one_foreign_row_or_a_change_meanwhile_refuses_all(world: World) -> None:
    preset = keep(world.msp_a, "標準", "log")
    first, second, foreign = world.customer(), world.customer(), world.customer(parent=world.msp_b)
    for ids in ([first, foreign], [first, 2**62], [world.msp_a.account_id]):
        with pytest.raises(AccountNotVisible):
            preset_application.plan_application(
                viewer=world.msp_a, account_ids=ids, preset_id=preset, now=START
            )
        with pytest.raises(AccountNotVisible), transaction():
            preset_application.apply_preset(
                viewer=world.msp_a, account_ids=ids, preset_id=preset, digest="", now=START
            )
    plan = preset_application.plan_application(
        viewer=world.msp_a, account_ids=[first, second], preset_id=preset, now=START
    )
    digest = plan.digest
    with transaction():
        account(second).hidden_menu_keys = ["apps"]
    with pytest.raises(ApplicationChanged), transaction():
        preset_application.apply_preset(
            viewer=world.msp_a,
            account_ids=[first, second],
            preset_id=preset,
            digest=digest,
            now=START + dt.timedelta(minutes=1),
        )
    assert account(first).hidden_menu_keys == []
    assert events("menu_preset.applied") == []
