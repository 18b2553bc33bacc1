"""One-time codes of an authenticator app (RFC 6238: six digits, 30 seconds each), and recovery codes beside them."""

from __future__ import annotations

import datetime as dt
import hmac

import pyotp

from domain.inputs.text import fold_width

STEP_SECONDS = 30
DIGITS = 6
#: A phone's clock may be one step ahead of ours, or behind it.
TOLERATED_STEPS = 1
RECOVERY_CODE_COUNT = 10
#: 79 bits: nobody guesses one, not even from its hash.
RECOVERY_CODE_LENGTH = 16
RECOVERY_GROUP_LENGTH = 4
#: Without what is mistaken for something else on paper: 0 and o, 1, i and l.
RECOVERY_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
#: Beyond that nothing is a code, whatever stands in it.
_LONGEST_TYPED = 100
_SEPARATORS = str.maketrans("", "", " -\t\u3000\u2010\u2011\u2012\u2013\u2212")


def read_code(typed: str) -> str | None:
    """Return what was typed as a code's plain characters: full width, case, blanks and hyphens do not matter.

    None: it can be neither a one-time code nor a recovery code.
    """
    if len(typed) > _LONGEST_TYPED:
        return None
    code = fold_width(typed).lower().translate(_SEPARATORS)
    return code if is_one_time_code(code) or is_recovery_code(code) else None


def is_one_time_code(code: str) -> bool:
    """Tell whether plain characters have the shape of a one-time code."""
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def is_recovery_code(code: str) -> bool:
    """Tell whether plain characters have the shape of a recovery code."""
    return len(code) == RECOVERY_CODE_LENGTH and all(character in RECOVERY_ALPHABET for character in code)


def shown_recovery_code(code: str) -> str:
    """Return a recovery code as it is shown: groups of four."""
    starts = range(0, len(code), RECOVERY_GROUP_LENGTH)
    return "-".join(code[start : start + RECOVERY_GROUP_LENGTH] for start in starts)


def step_at(instant: dt.datetime) -> int:
    """Return the number of the time step that an instant lies in."""
    return int(instant.timestamp()) // STEP_SECONDS


def one_time_code(secret: str, step: int) -> str:
    """Return the code of a time step."""
    return pyotp.HOTP(secret, digits=DIGITS).at(step)


def matching_step(*, secret: str, code: str, now: dt.datetime, last_used_step: int) -> int | None:
    """Return the step whose code it is; None: it is no code of now, or one that was good already.

    A step counts once, and with it all before it.
    """
    current = step_at(now)
    matching = [
        step
        for step in range(current - TOLERATED_STEPS, current + TOLERATED_STEPS + 1)
        if hmac.compare_digest(one_time_code(secret, step).encode(), code.encode()) and step > last_used_step
    ]
    return max(matching, default=None)


def app_address(*, secret: str, user_name: str, brand_name: str) -> str:
    """Return the otpauth:// address that an authenticator app reads from the picture."""
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS).provisioning_uri(
        name=user_name, issuer_name=brand_name
    )
