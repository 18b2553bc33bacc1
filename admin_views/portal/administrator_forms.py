"""The forms of 管理＞管理者."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import PasswordField

from admin_views.field_rules import accessible
from admin_views.fields import (
    ChoiceField,
    EmailField,
    LineField,
    ParsedField,
    PortalForm,
    RadioChoiceField,
    VersionField,
)
from admin_views.input_messages import REQUIRED
from admin_views.request_context import settings
from admin_views.request_id_field import FreshRequestIdField
from domain import password_rules
from domain.inputs.text import fold_width
from domain.permissions import AdminLevel
from services import administrators
from services.portal_administrators import PersonValues
from services.words import LEVEL_WORDS

BY_LINK, TYPED = "link", "typed"


class AdministratorNameField(ParsedField):
    """ユーザ名 of an administrator; it is given once and never changes."""

    def __call__(self, **attributes: Any) -> Any:
        """Render without the keyboard's corrections."""
        return super().__call__(
            **{"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", **attributes}
        )

    def parse(self, typed: str) -> str:
        """Return the name; full-width letters and outer blanks are normalized."""
        name = fold_width(typed).strip()
        administrators.check_user_name(name)
        return name


class NewPasswordField(PasswordField):
    """A new password; what was typed is never sent back."""

    def __call__(self, **attributes: Any) -> Any:
        """Render so that the browser does not fill in the password of who is signed in."""
        return super().__call__(**accessible(self, {"autocomplete": "new-password", **attributes}))


class PersonForm(PortalForm):
    """What is kept of an administrator beside the user name; the levels are those that the viewer may give."""

    full_name = LineField(_l("名前"), maximum=administrators.LONGEST_FULL_NAME, required=True)
    email = EmailField(_l("Eメール"), required=True)
    level = ChoiceField(_l("権限設定"), choices=(), required=True)

    def __init__(self, *arguments: Any, levels: Sequence[AdminLevel], **options: Any) -> None:
        self._levels = levels
        super().__init__(*arguments, **options)

    def process(self, *arguments: Any, **options: Any) -> None:
        """Give the pull-down its levels before what was sent is read; a single one needs no choosing."""
        self.level.choices = [(level, LEVEL_WORDS[level]) for level in self._levels]
        self.level.blank_label = None if len(self._levels) == 1 else ""
        super().process(*arguments, **options)

    @property
    def values(self) -> PersonValues:
        """The values of a form that was found right."""
        return PersonValues(full_name=self.full_name.data, email=self.email.data, level=self.level.data)


class RegisterAdministratorForm(PersonForm):
    """管理者登録."""

    request_id = FreshRequestIdField()
    user_name = AdministratorNameField(_l("ユーザ名"), required=True)
    password_way = RadioChoiceField(
        _l("パスワード設定"),
        choices=[(BY_LINK, _l("設定URLメール送信")), (TYPED, _l("パスワードを入力"))],
        default=BY_LINK,
        required=True,
    )
    password = NewPasswordField(_l("パスワード"))
    repeated = NewPasswordField(_l("パスワード(確認)"))

    @property
    def is_typed(self) -> bool:
        """Whether the password is given here and now."""
        return self.password_way.data == TYPED

    def words_about(self, *, company_name: str) -> list[str]:
        """Return what the password of a form that was found right must not consist of."""
        return password_rules.words_about(
            user_name=self.user_name.data,
            email=self.email.data,
            full_name=self.full_name.data,
            company_name=company_name,
            brand_name=settings().brand_name,
        )

    def validate(self, *arguments: Any, **options: Any) -> bool:
        """Ask for the password when it is to be typed."""
        is_valid = bool(super().validate(*arguments, **options))
        for field in (self.password, self.repeated) if self.is_typed else ():
            if not field.data:
                field.errors = [*field.errors, REQUIRED]
                is_valid = False
        return is_valid


class EditAdministratorForm(PersonForm):
    """管理者更新: all but the user name, which never changes."""

    version = VersionField()


class LinkForm(PortalForm):
    """パスワード再設定: asked once, sent once."""

    request_id = FreshRequestIdField()
