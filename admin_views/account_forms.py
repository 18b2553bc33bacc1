"""基本情報 and 販売店情報: the forms that register, change and apply for accounts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import Field

from admin_views.choice_labels import INDUSTRY_LABELS, PREFECTURE_LABELS
from admin_views.fields import (
    ChoiceField,
    EmailField,
    LineField,
    NoteField,
    PhoneField,
    PortalForm,
    PostalCodeField,
    RequestIdField,
    VersionField,
    WebAddressField,
    WholeNumberField,
)
from admin_views.input_messages import NOT_IN_LIST
from admin_views.menu_labels import MENU_LABELS
from admin_views.request_context import viewer
from domain.points import LARGEST_USER_COUNT, SMALLEST_USER_COUNT
from domain.portal_menus import HIDEABLE_KEYS, LEFT_COLUMN, RIGHT_COLUMN
from services import applications
from services.profiles import DESCRIPTIVE_FIELDS, PROFILE_FIELDS, RESELLER_FIELDS


class UserCountField(WholeNumberField):
    """契約ユーザ数."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        limits = {"minimum": SMALLEST_USER_COUNT, "maximum": LARGEST_USER_COUNT}
        super().__init__(label or _l("契約ユーザ数"), **{"required": True, **limits, **options})


class VisibleMenusField(Field):
    """The boxes of 非表示設定: the keys that are ticked, which are shown.

    The page always sends one empty value beside the ticked boxes: a form without any keeps what is stored.
    """

    def process_data(self, value: Any) -> None:
        """Take the keys that are shown; all of them when nothing is stored."""
        self.data = list(HIDEABLE_KEYS) if value is None else list(value)

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Take what is ticked, in the order of the boxes."""
        if not valuelist:
            return
        ticked = {value for value in valuelist if value}
        if not ticked <= set(HIDEABLE_KEYS):
            raise ValueError(NOT_IN_LIST)
        self.data = [key for key in HIDEABLE_KEYS if key in ticked]

    def columns(self) -> Iterator[list[tuple[str, Any, bool]]]:
        """Yield the two columns of (key, label, is ticked)."""
        for menus in (LEFT_COLUMN, RIGHT_COLUMN):
            yield [(menu.key, MENU_LABELS[menu.key], menu.key in self.data) for menu in menus]


class ProfileForm(PortalForm):
    """The tabs 基本情報 and 販売店情報, as every account has them."""

    website_url = WebAddressField(_l("ウェブサイト"))
    company_name = LineField(_l("会社名"), maximum=120, required=True)
    phone_number = PhoneField(_l("電話番号"), required=True)
    postal_code = PostalCodeField(_l("郵便番号"), required=True)
    prefecture = ChoiceField(
        _l("都道府県"), choices=PREFECTURE_LABELS.items(), required=True, blank_label=_l("選択してください")
    )
    city = LineField(_l("市区町村"), maximum=100, required=True)
    address_line = LineField(_l("番地/ビル等"), maximum=200)
    contact_name = LineField(_l("担当者名"), maximum=100)
    contact_email = EmailField(_l("担当者Eメール"))
    industry = ChoiceField(_l("業種"), choices=INDUSTRY_LABELS.items(), blank_label=_l("選択してください"))

    reseller_company_name = LineField(_l("会社名"), maximum=120)
    reseller_phone_number = PhoneField(_l("電話番号"))
    reseller_postal_code = PostalCodeField(_l("郵便番号"))
    reseller_prefecture = ChoiceField(
        _l("都道府県"), choices=PREFECTURE_LABELS.items(), blank_label=_l("選択してください")
    )
    reseller_city = LineField(_l("市区町村"), maximum=100)
    reseller_address_line = LineField(_l("番地/ビル等"), maximum=200)
    reseller_contact_name = LineField(_l("担当者名"), maximum=100)
    reseller_contact_email = EmailField(_l("担当者Eメール"))
    reseller_remark = NoteField(_l("備考"), maximum=1000)

    @property
    def profile(self) -> dict[str, Any]:
        """The values of both tabs, by column name."""
        return {name: self[name].data for name in DESCRIPTIVE_FIELDS}

    def has_errors_in(self, names: Sequence[str]) -> bool:
        """Tell whether one of the named fields was refused."""
        return any(name in self and self[name].errors for name in names)

    @property
    def has_profile_errors(self) -> bool:
        """Whether the tab 基本情報 has an error."""
        return self.has_errors_in((*PROFILE_FIELDS, "contract_user_count", "parent_id"))

    @property
    def has_reseller_errors(self) -> bool:
        """Whether the tab 販売店情報 has an error."""
        return self.has_errors_in(RESELLER_FIELDS)


class RegisterForm(ProfileForm):
    """基本情報登録; `parent_id` is asked only where there is a choice."""

    parent_id = ChoiceField(
        _l("申請元 (MSP)"),
        choices=lambda: parent_choices(),
        required=True,
        blank_label=_l("選択してください"),
    )
    contract_user_count = UserCountField()
    # Made when the form is opened; a form that comes without it is a request of its own.
    request_id = RequestIdField(required=False, default=lambda: str(uuid.uuid4()))


class ApplicationForm(ProfileForm):
    """The change of an application that waits for approval."""

    version = VersionField()
    contract_user_count = UserCountField()


class OwnProfileForm(ProfileForm):
    """管理＞基本情報 of the customer portal: the customer's own part, without 販売店情報."""

    version = VersionField()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in RESELLER_FIELDS:
            del self[name]

    @property
    def profile(self) -> dict[str, Any]:
        """The values of 基本情報, by column name."""
        return {name: self[name].data for name in PROFILE_FIELDS}


class EditForm(ProfileForm):
    """基本情報更新 with its four tabs."""

    version = VersionField()
    support_account_id = ChoiceField(_l("サポートアカウント"), choices=(), blank_label=_l("割り当てない"))
    visible_menu_keys = VisibleMenusField(_l("非表示設定"))

    def __init__(self, *arguments: Any, support_choices: Sequence[tuple[int, str]], **options: Any) -> None:
        self._support_choices = list(support_choices)
        super().__init__(*arguments, **options)

    def process(self, *arguments: Any, **options: Any) -> None:
        """Give the pull-down its look-up before what was sent is read."""
        self.support_account_id.choices = self._support_choices
        super().process(*arguments, **options)


def parent_choices() -> list[tuple[int, str]]:
    """Return (id, 会社名) of the accounts under which the viewer may register customers."""
    return [(parent.id, parent.company_name) for parent in applications.possible_parents(viewer=viewer())]
