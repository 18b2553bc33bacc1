"""The forms of ユーザ一覧."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import FileStorage
from wtforms import BooleanField, FileField
from wtforms.validators import StopValidation

from admin_views.field_rules import accessible
from admin_views.fields import EmailField, LineField, ParsedField, PortalForm, VersionField
from admin_views.input_messages import REQUIRED
from admin_views.messages import message_for
from domain.errors import DomainError
from domain.service_users import (
    DEPARTMENT_MAXIMUM,
    FULL_NAME_MAXIMUM,
    UserValues,
    clean_file_name,
    decode_file,
    parse_user_name,
)


class UserNameField(ParsedField):
    """ユーザ名 of a user of the identity service."""

    def __call__(self, **attributes: Any) -> Any:
        """Render without the keyboard's corrections."""
        return super().__call__(**{"autocomplete": "off", "autocapitalize": "none", **attributes})

    def parse(self, typed: str) -> str:
        """Return the name as it is kept."""
        return parse_user_name(typed)


class UserForm(PortalForm):
    """ユーザ登録."""

    user_name = UserNameField(_l("ユーザ名"), required=True)
    full_name = LineField(_l("名前"), maximum=FULL_NAME_MAXIMUM, required=True)
    email = EmailField(_l("Eメール"))
    department = LineField(_l("部署"), maximum=DEPARTMENT_MAXIMUM)

    @property
    def values(self) -> UserValues:
        """What is kept beside the name, of a form that was found right."""
        return UserValues(self.full_name.data, self.email.data or None, self.department.data or None)


class EditUserForm(UserForm):
    """ユーザ更新: all but the name, which never changes."""

    version = VersionField()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        del self.user_name


class CsvFileField(FileField):
    """A file of users; `data` becomes its text, `file_name` its name for the log."""

    file_name: str = ""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, **options)
        self.flags.required = True

    def __call__(self, **attributes: Any) -> Any:
        """Render without the browser's own check."""
        return super().__call__(**accessible(self, {"accept": ".csv,text/csv", **attributes}))

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Read the file that was sent; of several the first counts."""
        self.data = None
        found = valuelist[0] if valuelist else None
        if not isinstance(found, FileStorage) or not found.filename:
            return
        self.file_name = clean_file_name(found.filename)
        try:
            self.data = decode_file(found.stream.read())
        except DomainError as error:
            raise ValueError(message_for(error)) from error

    def pre_validate(self, form: Any) -> None:
        """Refuse a form without a file; of one that was refused that is said alone."""
        if self.process_errors:
            raise StopValidation
        if self.data is None:
            raise StopValidation(REQUIRED)


class UploadForm(PortalForm):
    """CSVインポート, first step: the file."""

    file = CsvFileField(_l("CSVファイル"))
    overwrite = BooleanField(_l("既存ユーザの上書き"))
