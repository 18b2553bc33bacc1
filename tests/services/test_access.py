"""Scope: each viewer sees its own rows, everywhere, and another's do not exist."""

import pytest
from sqlalchemy import select

from domain.permissions import Permission, Viewer
from models import Account, db
from services.access import AccountNotVisible, accounts_to_change, find_account, scope, support_accounts_of
from services.customers import customers_source
from services.lists import ListArguments, fetch_page, iterate_rows, matching_ids
from services.point_history import history_source
from services.transaction import transaction
from tests.builders import START, World


def seen(viewer: Viewer) -> set[int]:
    return set(db.session.execute(select(Account.id).where(scope(viewer))).scalars())


def test_each_viewer_sees_exactly_its_rows(world: World) -> None:
    of_a = world.customer(support_account_id=world.support.account_id)
    of_b = world.customer(parent=world.msp_b)
    of_distributor = world.customer(parent=world.distributor)
    msps = {viewer.account_id for viewer in (world.msp_a, world.msp_b, world.support)}
    assert seen(world.msp_a) == {of_a}
    assert seen(world.msp_b) == {of_b}
    assert seen(world.support) == {of_a}
    assert seen(world.distributor) == msps | {of_a, of_b, of_distributor}
    assert seen(world.operator) == seen(world.distributor) | {world.distributor.account_id}


def test_list_page_export_and_selection_agree(world: World) -> None:
    own = [world.customer(company_name=f"青葉{position}") for position in range(3)]
    world.customer(parent=world.msp_b, company_name="青葉の他社")
    source = customers_source(viewer=world.msp_a, now=START)
    arguments = ListArguments(search="青葉")
    assert [row.id for row in fetch_page(source, arguments).rows] == own
    assert [row.id for row in iterate_rows(source, arguments)] == own
    assert matching_ids(source, arguments, 10) == own


def test_history_shows_one_s_own_account_and_those_below(world: World) -> None:
    world.customer(points_held=5)
    world.customer(parent=world.msp_b, points_held=7)
    rows = fetch_page(history_source(viewer=world.msp_a), ListArguments()).rows
    assert {row.points for row in rows} == {10_000, 5, -5}
    assert {row.actor_name for row in rows} == {"株式会社青葉商事"}  # the distributor above: its company only
    assert {row.points for row in fetch_page(history_source(viewer=world.support), ListArguments()).rows} == {
        10_000
    }


def test_one_foreign_row_refuses_the_whole_change(world: World) -> None:
    own, foreign = world.customer(), world.customer(parent=world.msp_b)
    with pytest.raises(AccountNotVisible), transaction():
        accounts_to_change(
            viewer=world.msp_a, permission=Permission.POINTS_CHANGE, account_ids=[own, foreign]
        )
    with pytest.raises(AccountNotVisible):
        find_account(viewer=world.msp_a, account_id=foreign)


def test_support_accounts_are_looked_up_within_one_distributor(world: World) -> None:
    for viewer in (world.msp_a, world.distributor, world.operator):
        found = support_accounts_of(viewer=viewer)
        assert [key for key, _words in found] == [world.support.account_id]
