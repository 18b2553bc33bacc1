"""From 登録 to 納品通知: an application is approved, provisioned, given points and announced."""

from sqlalchemy import select

from domain.lifecycle import AccountStatus
from domain.permissions import AdminLevel
from models import OutgoingMail, db
from services import administrators, applications, delivery_notices, points, provisioning
from services.transaction import transaction
from tests.builders import BRAND, PROFILE, START, World, account, balance, request_id


def test_a_customer_comes_into_being(world: World) -> None:
    with transaction():
        customer = applications.register(
            viewer=world.msp_a, profile=PROFILE, contract_user_count=20, parent_id=None, now=START
        ).id
    with transaction():
        applications.approve(viewer=world.operator, account_id=customer, brand=BRAND, now=START)
    with transaction():
        applications.request_provisioning(viewer=world.operator, account_id=customer, now=START)
    provisioning.provision_requested(now=START)
    number = account(customer).account_number or ""
    with transaction():
        administrators.create(
            account_number=number,
            user_name="first-admin",
            email="first@customer.example.jp",
            full_name="最初 の人",
            level=AdminLevel.SYSTEM,
            now=START,
        )
    with transaction():
        points.add(
            viewer=world.msp_a,
            account_id=customer,
            points=20 * 12,
            remark="1年分",
            request_id=request_id(),
            now=START,
        )
    with transaction():
        result = delivery_notices.send_delivery_notices(
            viewer=world.msp_a, account_ids=[customer], request_id=request_id(), brand=BRAND, now=START
        )
    assert (result.notified_count, result.mail_count) == (1, 2)
    assert account(customer).status is AccountStatus.ACTIVE
    assert balance(customer) == 240
    notices = db.session.execute(
        select(OutgoingMail).where(OutgoingMail.kind == "delivery_notice").order_by(OutgoingMail.id)
    ).scalars()
    for notice in notices:
        assert number in notice.body_text
        assert "first-admin" in notice.body_text
        assert notice.recipient_email in ("taro@customer.example.jp", "hanako@reseller.example.jp")
