"""What the terminal shows when the portal is ready."""

from __future__ import annotations

import unicodedata

SIGN_INS = (
    ("operator", "SingleID", "operator, overall administrator"),
    ("distributor", "特権MSP 全体管理者", "privileged MSP, overall administrator"),
    ("msp-a", "MSP A 全体管理者", "MSP A, overall administrator"),
    ("msp-b", "MSP B 全体管理者", "MSP B, overall administrator"),
    ("contract-a", "MSP A 契約管理者", "MSP A, contract administrator"),
    ("system-a", "MSP A システム管理者", "MSP A, system administrator"),
    ("support", "サポート 全体管理者", "support account, overall administrator"),
    ("customer-a", "顧客 システム管理者", "customer of MSP A, system administrator"),
)
RULE_WIDTH = 78


def demo_greeting(address: str, password: str, seconds: float) -> str:
    """Return the address and the demo sign-ins as a table."""
    rule = "─" * RULE_WIDTH
    rows = [("ユーザ名 / user name", "立場", "role"), *SIGN_INS]
    table = "\n".join(f"  {_pad(name, 22)}{_pad(japanese, 24)}{english}" for name, japanese, english in rows)
    return (
        f"\n{rule}\n  {address}    準備ができました / ready ({seconds:.1f} s)\n{rule}\n{table}\n{rule}\n"
        f"  パスワード / password: {password}\n  終了 / stop: Ctrl-C\n{rule}\n"
    )


def plain_greeting(address: str, seconds: float) -> str:
    """Return the address alone: outside demo there are no known sign-ins."""
    return f"\n  {address}    ready ({seconds:.1f} s). Stop: Ctrl-C\n"


def _pad(text: str, width: int) -> str:
    # A Japanese character takes two columns of a terminal.
    taken = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
    return text + " " * max(1, width - taken)
