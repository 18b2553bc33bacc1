"""The words for what the second factor and the fresh sign-in refuse."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from domain import fresh_sign_in
from domain.errors import DomainError
from services import second_factor_requirement, second_factors

SIGN_IN_MESSAGES: dict[type[DomainError], Any] = {
    fresh_sign_in.FreshSignInNeeded: _l(
        "前回の本人確認から10分以上経過しました。続けるには、パスワードを入力してください。"
    ),
    second_factor_requirement.OwnSecondFactorFirst: _l(
        "必須にするには、先にご自身の2段階認証を設定してください。"
    ),
    second_factors.OneTimeCodeWrong: _l(
        "コードが正しくありません。認証アプリに今表示されている6桁のコードを入力してください。"
    ),
    second_factors.SecondFactorChanged: _l(
        "設定を始めた後に、2段階認証が変更されました。2段階認証の画面を開き直してください。"
    ),
    second_factors.SecondFactorNotOn: _l("2段階認証は設定されていません。"),
    second_factors.SecondFactorRequired: _l("このアカウントでは2段階認証が必須のため、無効にできません。"),
    second_factors.SetUpExpired: _l(
        "設定を始めてから時間が経ったため、有効にできませんでした。もう一度、QRコードの読み取りから行ってください。"
    ),
}
