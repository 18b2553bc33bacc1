"""The second factor: switched on by a code, each code good once, taken away, required."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from domain.errors import DomainError
from domain.fresh_sign_in import Authentication, FreshSignInNeeded
from domain.one_time_codes import one_time_code, read_code, step_at
from domain.permissions import AdminLevel, Viewer
from models import Account, Administrator, AuditEvent, OutgoingMail, RecoveryCode, SecondFactor, SignIn, db
from models.mails import MailKind
from services import (
    administrators,
    portal_administrators,
    second_factor_requirement,
    second_factors,
    second_sign_in_step,
    sign_in_attempts,
    sign_ins,
)
from services.access import PermissionRefused
from services.administrator_access import AdministratorNotVisible
from services.secret_box import Purpose, SecretBox
from services.sign_in_attempts import Attempt, FirstStep
from services.transaction import transaction
from tests.builders import BRAND, START, World
from tests.support.authenticator import BOX, STEP, switch_on

HASHED = "stands for the hash of a password"
WRONG = "000000"
#: What the database decides among many at once is tested over both engines: tests/faults.
pytestmark = pytest.mark.one_engine


@pytest.fixture
def owner(world: World) -> Viewer:
    """msp-a, with a password."""
    with transaction() as session:
        session.execute(update(Administrator).values(password_hash=HASHED))
    return world.msp_a


def row(owner: Viewer) -> Administrator:
    return db.session.get_one(Administrator, owner.administrator_id, populate_existing=True)


def first_step(owner: Viewer, now: dt.datetime, **changes: Any) -> Any:
    """Give the right password, as the sign-in page does."""
    with transaction():
        return sign_in_attempts.conclude(
            attempt=Attempt(administrator_id=owner.administrator_id, matched_hash=HASHED, **changes),
            browser=None,
            now=now,
            remote_address=None,
            user_agent="",
        )


def step_two(
    owner: Viewer, code: str, now: dt.datetime, *, step: FirstStep | None = None, box: SecretBox = BOX
) -> str | None:
    """Give a code after the password; return the token of the session that it began."""
    stamp = sign_in_attempts.password_stamp(HASHED)
    with transaction():
        return second_sign_in_step.conclude(
            step=step or FirstStep(owner.administrator_id, stamp),
            code=code,
            box=box,
            browser=None,
            now=now,
            remote_address=None,
            user_agent="",
        )


def take(owner: Viewer, code: str, now: dt.datetime) -> bool:
    with transaction():
        person = sign_ins.lock_administrator(owner.administrator_id)
        assert person is not None
        return second_factors.take_code(person=person, code=read_code(code), box=BOX, now=now)


def stale(viewer: Viewer) -> Viewer:
    """Return a viewer who gave the password too long ago."""
    long_ago = START - dt.timedelta(hours=1)
    return dataclasses.replace(viewer, authentication=Authentication(long_ago, 10_000))


def actions(prefix: str = "second_factor.") -> list[str]:
    found = select(AuditEvent.action).where(AuditEvent.action.startswith(prefix)).order_by(AuditEvent.id)
    return list(db.session.execute(found).scalars())


def test_a_set_up_counts_from_its_first_code_on(app: Flask, owner: Viewer) -> None:
    begun = second_factors.begin_set_up(viewer=owner, box=BOX, now=START)
    assert isinstance(first_step(owner, START), str)
    with pytest.raises(second_factors.OneTimeCodeWrong), transaction():
        confirm(owner, begun.token, WRONG, START)
    assert second_factors.find(owner.administrator_id) is None
    with transaction():
        codes = confirm(owner, begun.token, one_time_code(begun.secret, step_at(START)), START)
    assert len(set(codes)) == 10
    kept = db.session.execute(select(SecondFactor)).scalar_one()
    assert begun.secret not in kept.sealed_secret
    stored = list(db.session.execute(select(RecoveryCode.code_hash)).scalars())
    assert not set(stored) & {read_code(code) for code in codes}
    assert isinstance(first_step(owner, START), FirstStep)
    assert actions() == ["second_factor.switched_on"]
    mail = db.session.execute(select(OutgoingMail)).scalar_one()
    assert (mail.kind, mail.recipient_email) == (MailKind.SECOND_FACTOR_CHANGED, "msp-a@example.jp")


def confirm(owner: Viewer, token: str, code: str, now: dt.datetime, kept: str | None = None) -> list[str]:
    return second_factors.confirm_set_up(
        viewer=owner,
        token=token,
        code=read_code(code),
        kept_session=kept,
        box=BOX,
        brand=BRAND,
        now=now,
    )


def test_a_set_up_is_its_owner_s_and_ends(app: Flask, world: World, owner: Viewer) -> None:
    begun = second_factors.begin_set_up(viewer=owner, box=BOX, now=START)
    late = START + second_factors.SET_UP_LIFETIME + dt.timedelta(seconds=1)
    for viewer, now in ((world.msp_b, START), (owner, late)):
        with pytest.raises(second_factors.SetUpExpired), transaction():
            confirm(viewer, begun.token, one_time_code(begun.secret, step_at(now)), now)
    for token in ("", "x", BOX.seal(Purpose.SECOND_FACTOR, {"secret": begun.secret})):
        with pytest.raises(second_factors.SetUpExpired):
            second_factors.open_set_up(viewer=owner, token=token, box=BOX, now=START)
    switch_on(owner, START)
    with pytest.raises(second_factors.SecondFactorChanged), transaction():
        confirm(owner, begun.token, one_time_code(begun.secret, step_at(START)), START)


def test_a_new_telephone_takes_the_place_of_the_old_one_once(app: Flask, owner: Viewer) -> None:
    old, later = switch_on(owner, START), START + STEP
    begun = second_factors.begin_set_up(viewer=owner, box=BOX, now=later)
    code = one_time_code(begun.secret, step_at(later))
    with pytest.raises(second_factors.OneTimeCodeWrong), transaction():
        confirm(owner, begun.token, old.code(later), later)
    with transaction():
        codes = confirm(owner, begun.token, code, later)
    with pytest.raises(second_factors.SecondFactorChanged), transaction():
        confirm(owner, begun.token, code, later)
    moment = later + STEP
    assert not take(owner, old.code(moment), moment)
    assert not take(owner, old.recovery_codes[0], moment)
    assert not take(owner, code, moment)
    assert take(owner, codes[0], moment)
    assert take(owner, one_time_code(begun.secret, step_at(moment)), moment)
    assert actions()[:2] == ["second_factor.switched_on", "second_factor.replaced"]


def test_switching_on_ends_the_other_sessions(app: Flask, owner: Viewer) -> None:
    tokens = [first_step(owner, START) for _session in range(3)]
    begun = second_factors.begin_set_up(viewer=owner, box=BOX, now=START)
    with transaction():
        confirm(owner, begun.token, one_time_code(begun.secret, step_at(START)), START, kept=tokens[1])
    alive = [token for token in tokens if sign_ins.find_signed_in(token=token, now=START, large_points=1)]
    assert alive == [tokens[1]]


def test_a_code_is_good_once_and_none_before_it(app: Flask, owner: Viewer) -> None:
    app_of = switch_on(owner, START)
    assert not take(owner, app_of.code(START), START)
    later = START + STEP
    assert not take(owner, app_of.code(START), later)
    ahead = app_of.code(later + STEP)
    assert take(owner, ahead, later)
    assert not take(owner, ahead, later)
    assert not take(owner, app_of.code(later), later)
    assert take(owner, app_of.code(later + 2 * STEP), later + 2 * STEP)


def test_a_recovery_code_is_good_once(app: Flask, world: World, owner: Viewer) -> None:
    app_of = switch_on(owner, START)
    other = switch_on(world.msp_b, START)
    assert not take(owner, other.recovery_codes[0], START)
    assert take(owner, app_of.recovery_codes[3].upper(), START)
    assert not take(owner, app_of.recovery_codes[3], START)
    assert second_factors.state_of(owner).unused_code_count == 9
    with transaction():
        fresh = second_factors.renew_codes(viewer=owner, brand=BRAND, now=START)
    assert second_factors.state_of(owner).unused_code_count == 10
    assert not take(owner, app_of.recovery_codes[0], START)
    assert take(owner, fresh[0], START)
    assert second_factors.state_of(world.msp_b).unused_code_count == 10
    assert actions()[2:] == [
        "second_factor.recovery_code_used",
        "second_factor.codes_renewed",
        "second_factor.recovery_code_used",
    ]


@pytest.mark.parametrize("code", ["", WRONG, "12345", "abcdefghjkmnpqrs", "\0", "x" * 5000, "'--"])
def test_nothing_else_is_good(app: Flask, owner: Viewer, code: str) -> None:
    assert not take(owner, code, START)
    switch_on(owner, START)
    assert not take(owner, code, START + STEP)


def test_the_password_alone_begins_nothing_and_forgives_nothing(app: Flask, owner: Viewer) -> None:
    app_of = switch_on(owner, START)
    for _turn in range(9):
        assert isinstance(first_step(owner, START), FirstStep)
        assert step_two(owner, WRONG, START) is None
    assert row(owner).failed_sign_in_count == 9
    assert isinstance(first_step(owner, START), FirstStep)
    assert step_two(owner, WRONG, START) is None
    assert row(owner).locked_until is not None
    # Locked: neither the right password nor the right code tells anything or opens anything.
    assert first_step(owner, START + STEP) is None
    assert step_two(owner, app_of.code(START + STEP), START + STEP) is None
    after = START + dt.timedelta(minutes=16)
    assert step_two(owner, app_of.code(after), after) is not None
    assert row(owner).failed_sign_in_count == 0
    assert db.session.execute(select(SignIn.id)).all() != []


def test_a_first_step_ends_with_its_password_its_factor_and_its_person(app: Flask, owner: Viewer) -> None:
    app_of = switch_on(owner, START)
    later = START + STEP
    code = app_of.code(later)
    other_password = FirstStep(owner.administrator_id, sign_in_attempts.password_stamp("another"))
    assert step_two(owner, code, later, step=other_password) is None
    assert step_two(owner, code, later, step=FirstStep(9_999_999, other_password.password_stamp)) is None
    with transaction() as session:
        session.execute(update(Administrator).values(is_disabled=True))
    assert step_two(owner, code, later) is None
    with transaction() as session:
        session.execute(update(Administrator).values(is_disabled=False))
        second_factors.forget(owner.administrator_id)
    assert step_two(owner, code, later) is None
    assert first_step(owner, later) is not None


def test_a_sealed_first_step_lasts_five_minutes(app: Flask, owner: Viewer) -> None:
    step = FirstStep(owner.administrator_id, "stamp")
    sealed = second_sign_in_step.seal_first_step(step, box=BOX, now=START)
    last = START + dt.timedelta(minutes=5)
    assert second_sign_in_step.open_first_step(sealed, box=BOX, now=last) == step
    after = last + dt.timedelta(seconds=1)
    assert second_sign_in_step.open_first_step(sealed, box=BOX, now=after) is None


def test_with_another_secret_key_only_recovery_codes_are_good(app: Flask, owner: Viewer) -> None:
    app_of, later = switch_on(owner, START), START + STEP
    other = SecretBox("another-secret-0123456789-abcdefgh")
    assert step_two(owner, app_of.code(later), later, box=other) is None
    assert step_two(owner, app_of.recovery_codes[0], later, box=other) is not None


def test_a_factor_is_switched_off_by_its_owner(app: Flask, owner: Viewer) -> None:
    switch_on(owner, START)
    with transaction():
        second_factors.switch_off(viewer=owner, brand=BRAND, now=START)
    assert db.session.execute(select(RecoveryCode.id)).all() == []
    assert isinstance(first_step(owner, START), str)
    for change in (second_factors.switch_off, second_factors.renew_codes):
        with pytest.raises(second_factors.SecondFactorNotOn), transaction():
            change(viewer=owner, brand=BRAND, now=START)


def test_changes_of_the_second_factor_want_a_fresh_sign_in(app: Flask, world: World, owner: Viewer) -> None:
    viewer = stale(owner)
    with pytest.raises(FreshSignInNeeded):
        second_factors.begin_set_up(viewer=viewer, box=BOX, now=START)
    switch_on(owner, START)
    switch_on(world.distributor, START)
    for change in (second_factors.switch_off, second_factors.renew_codes):
        with pytest.raises(FreshSignInNeeded), transaction():
            change(viewer=viewer, brand=BRAND, now=START)
    with pytest.raises(FreshSignInNeeded), transaction():
        second_factor_requirement.set_required(viewer=viewer, is_required=True, now=START)
    with pytest.raises(FreshSignInNeeded), transaction():
        take_away(stale(world.distributor), owner)


def take_away(viewer: Viewer, person: Viewer) -> None:
    portal_administrators.take_second_factor(
        viewer=viewer,
        account_id=person.account_id,
        administrator_id=person.administrator_id,
        brand=BRAND,
        now=START,
    )


def test_another_administrator_takes_a_factor_away_and_ends_the_sessions(
    app: Flask, world: World, owner: Viewer
) -> None:
    token = first_step(owner, START)
    switch_on(owner, START)
    session = first_step_session(owner, START)
    assert sign_ins.find_signed_in(token=token, now=START, large_points=1) is None
    with transaction():
        take_away(world.distributor, owner)
    assert sign_ins.find_signed_in(token=session, now=START, large_points=1) is None
    assert second_factors.find(owner.administrator_id) is None
    assert isinstance(first_step(owner, START), str)
    event = db.session.execute(
        select(AuditEvent).where(AuditEvent.action == "second_factor.taken_away")
    ).scalar_one()
    assert (event.account_id, event.actor_name, event.details) == (
        owner.account_id,
        "distributor",
        {"user_name": "msp-a"},
    )
    with pytest.raises(second_factors.SecondFactorNotOn), transaction():
        take_away(world.distributor, owner)


def first_step_session(owner: Viewer, now: dt.datetime) -> str:
    with transaction():
        return sign_ins.sign_in(
            administrator_id=owner.administrator_id, now=now, remote_address=None, user_agent=""
        )


def test_nobody_takes_his_own_or_one_above_or_beside_him(app: Flask, world: World, owner: Viewer) -> None:
    for viewer in (owner, world.distributor, world.msp_b):
        switch_on(viewer, START)
    system = dataclasses.replace(owner, administrator_id=10**6, level=AdminLevel.SYSTEM)
    refused: list[tuple[Viewer, Viewer, type[DomainError]]] = [
        (owner, owner, PermissionRefused),
        (system, owner, PermissionRefused),
        (world.support, owner, DomainError),
        (owner, world.distributor, DomainError),
        (owner, world.msp_b, DomainError),
    ]
    for viewer, person, error in refused:
        with pytest.raises(error), transaction():
            take_away(viewer, person)
    with pytest.raises(AdministratorNotVisible), transaction():
        portal_administrators.take_second_factor(
            viewer=owner,
            account_id=owner.account_id,
            administrator_id=world.msp_b.administrator_id,
            brand=BRAND,
            now=START,
        )
    assert actions() == ["second_factor.switched_on"] * 3


def test_the_command_line_takes_a_factor_away(app: Flask, owner: Viewer) -> None:
    switch_on(owner, START)
    with transaction():
        administrators.reset_second_factor(user_name="msp-a", brand=BRAND, now=START)
    assert second_factors.find(owner.administrator_id) is None
    with pytest.raises(second_factors.SecondFactorNotOn), transaction():
        administrators.reset_second_factor(user_name="msp-a", brand=BRAND, now=START)
    with pytest.raises(administrators.AdministratorUnknown), transaction():
        administrators.reset_second_factor(user_name="nobody", brand=BRAND, now=START)


def test_a_deleted_administrator_leaves_no_secret(app: Flask, world: World, owner: Viewer) -> None:
    customer = world.customer()
    with transaction() as session:
        person = Administrator(
            account_id=customer,
            user_name="new-1",
            email="new-1@example.jp",
            full_name="new-1",
            level=AdminLevel.SYSTEM,
            created_at=START,
        )
        session.add(person)
        session.flush()
        viewer = sign_ins.viewer_of(person)
        session.add(
            Administrator(
                account_id=customer,
                user_name="new-2",
                email="new-2@example.jp",
                full_name="new-2",
                level=AdminLevel.SYSTEM,
                created_at=START,
            )
        )
    switch_on(viewer, START)
    with transaction():
        portal_administrators.delete(
            viewer=owner, account_id=customer, administrator_id=viewer.administrator_id, now=START
        )
    assert db.session.execute(select(SecondFactor.id)).all() == []
    assert db.session.execute(select(RecoveryCode.id)).all() == []


def require(viewer: Viewer, is_required: bool = True) -> None:
    with transaction():
        second_factor_requirement.set_required(viewer=viewer, is_required=is_required, now=START)


def test_an_account_requires_it_of_everybody(app: Flask, world: World, owner: Viewer) -> None:
    token = first_step(owner, START)
    with pytest.raises(second_factor_requirement.OwnSecondFactorFirst):
        require(owner)
    switch_on(owner, START)
    version = db.session.get_one(Account, owner.account_id).version
    require(owner)
    require(owner)
    account = db.session.get_one(Account, owner.account_id, populate_existing=True)
    assert (account.requires_second_factor, account.version) == (True, version)
    found = second_factor_requirement.requirement_of(owner)
    assert (found.is_required, found.administrator_count, found.with_second_factor_count) == (True, 1, 1)
    with pytest.raises(second_factors.SecondFactorRequired), transaction():
        second_factors.switch_off(viewer=owner, brand=BRAND, now=START)
    with transaction():
        second_factors.forget(owner.administrator_id)
    token = first_step(owner, START)
    signed_in = sign_ins.find_signed_in(token=token, now=START, large_points=1)
    assert signed_in is not None
    assert (signed_in.is_second_factor_due, signed_in.has_second_factor) == (True, False)
    require(owner, False)
    signed_in = sign_ins.find_signed_in(token=token, now=START, large_points=1)
    assert signed_in is not None
    assert not signed_in.is_second_factor_due
    assert actions()[1:] == ["second_factor.required", "second_factor.not_required"]


def test_system_administrators_of_an_msp_do_not_decide_it(app: Flask, owner: Viewer) -> None:
    switch_on(owner, START)
    with pytest.raises(PermissionRefused):
        require(dataclasses.replace(owner, level=AdminLevel.SYSTEM))


def fresh(owner: Viewer, token: str, now: dt.datetime, *, code: str = "", is_right: bool = True) -> bool:
    with transaction():
        return second_sign_in_step.confirm(
            token=token,
            attempt=Attempt(owner.administrator_id, HASHED if is_right else None),
            code=code,
            box=BOX,
            now=now,
            remote_address=None,
        )


def authenticated_at(token: str, now: dt.datetime) -> dt.datetime:
    found = sign_ins.find_signed_in(token=token, now=now, large_points=1)
    assert found is not None
    assert found.viewer.authentication is not None
    return found.viewer.authentication.authenticated_at


def test_a_session_is_fresh_again_by_password_and_code(app: Flask, world: World, owner: Viewer) -> None:
    token = first_step(owner, START)
    later = START + dt.timedelta(minutes=20)
    assert authenticated_at(token, later) == START
    assert not fresh(owner, token, later, is_right=False)
    assert authenticated_at(token, later) == START
    assert fresh(owner, token, later)
    assert authenticated_at(token, later) == later
    app_of = switch_on(owner, later)
    again = first_step_session(owner, later)
    moment = later + STEP
    assert not fresh(owner, again, moment)
    assert not fresh(owner, again, moment, code=WRONG)
    assert not fresh(owner, again, moment, code=app_of.code(moment), is_right=False)
    assert fresh(owner, again, moment, code=app_of.code(moment))
    assert not fresh(owner, again, moment, code=app_of.code(moment))
    # Another's password refreshes nothing of this session.
    assert not fresh(world.msp_b, again, moment)


def test_wrong_ones_within_a_session_lock_like_any_other(app: Flask, owner: Viewer) -> None:
    token = first_step(owner, START)
    for _turn in range(10):
        assert not fresh(owner, token, START, is_right=False)
    assert row(owner).locked_until is not None
    assert not fresh(owner, token, START)
    elsewhere = first_step_session(owner, START)
    assert fresh(owner, elsewhere, START)


def test_a_session_from_before_counts_as_of_its_beginning(app: Flask, owner: Viewer) -> None:
    token = first_step(owner, START)
    with transaction() as session:
        session.execute(update(SignIn).values(authenticated_at=None))
    assert authenticated_at(token, START) == START
