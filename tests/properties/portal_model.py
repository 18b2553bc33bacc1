"""The portal's rules once more, in plain Python: dictionaries, dates and whole numbers.

Written from the guide and the decisions, not from the product, of which nothing is imported: what both say
is hardly a common mistake. Every request is a method that returns the names of the refusals that apply, and
changes something only when there is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")
MOMENT = dt.timedelta(microseconds=1)
SUSPENDED_AFTER = dt.timedelta(days=30)
WARNED_AHEAD = dt.timedelta(days=7)
LARGEST_LINE = 10**9
RUNNING = ("active", "suspended")
WAITING = ("pending_approval", "approved")
DEPTH = {"operator": 0, "privileged_msp": 1, "msp": 2, "support": 2, "customer": 3}
CHARGED = ("customer", "msp", "support")
#: What each type of account's 全体管理者 may do to which accounts below.
SELLING = {"users", "points", "refill", "suspend", "apply", "cancel"}
MAY = {
    "operator": SELLING | {"msps", "issue", "move", "decide", "price", "release"},
    "privileged_msp": SELLING | {"msps", "move"},
    "msp": SELLING,
    "support": set[str](),
}

Reasons = set[str]


def day_of(instant: dt.datetime) -> dt.date:
    """Return the Tokyo day of an instant."""
    return instant.astimezone(TOKYO).date()


def midnight(day: dt.date) -> dt.datetime:
    """Return the first instant of a Tokyo day."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=TOKYO)


def following(day: dt.date) -> dt.date:
    """Return the 25th of the month after a day's."""
    year, month = divmod(day.year * 12 + day.month, 12)
    return dt.date(year, month + 1, 25)


def twenty_fifths(first: dt.date) -> Iterator[dt.date]:
    """Yield the 25ths from a day on, the day itself included, without an end."""
    day = first.replace(day=25)
    if day < first:
        day = following(day)
    while True:
        yield day
        day = following(day)


def next_cut_day(now: dt.datetime) -> dt.date:
    """Return the first 25th that has not begun at an instant."""
    return next(day for day in twenty_fifths(day_of(now)) if midnight(day) > now)


@dataclass(frozen=True)
class Person:
    """Who asks: the type and the id of the account whose 全体管理者 it is."""

    kind: str
    account_id: int


@dataclass(frozen=True)
class Price:
    """What accounts of a type pay from an instant on."""

    kind: str
    since: dt.datetime
    base: int
    included: int
    extra: int

    def of(self, users: int) -> int:
        """Return the fee of so many users, counted one by one beyond the included ones."""
        return self.base + self.extra * len(range(self.included, users))


@dataclass
class Row:
    """An account: its state, its points with every movement of them, and its users over time."""

    kind: str
    parent: int | None
    top: int | None
    status: str
    users: int
    reason: str | None = None
    balance: int | None = None
    negative_since: dt.datetime | None = None
    warned: dt.datetime | None = None
    provisioned: dt.datetime | None = None
    contract: dt.date | None = None
    leaves: dt.date | None = None
    canceled: dt.datetime | None = None
    ordered: bool = False
    history: list[tuple[dt.datetime, int]] = field(default_factory=list)
    fees: dict[dt.date, int] = field(default_factory=dict)
    lines: list[tuple[str, int]] = field(default_factory=list)

    @property
    def held(self) -> int:
        """Return the points of an account in service."""
        assert self.balance is not None
        return self.balance

    def post(self, kind: str, points: int, now: dt.datetime) -> None:
        """Write a line; nothing for 0."""
        if points:
            self.balance = self.held + points
            self.lines.append((kind, points))
            self.negative_since = (self.negative_since or now) if self.balance < 0 else None


@dataclass(frozen=True)
class PlannedRefill:
    """A row of the plan: what it is estimated to hold, what it gets, and why."""

    account_id: int
    estimate: int | None
    points: int
    outcome: str


@dataclass
class PortalModel:
    """Everything that a portal knows, and what may be done to it."""

    operator: int
    rows: dict[int, Row] = field(default_factory=dict)
    prices: list[Price] = field(default_factory=list)
    #: The newest 25th whose run is listed, the one of them that is not done, whether it waits in 要確認.
    newest_run: dt.date | None = None
    unfinished: dt.date | None = None
    is_held: bool = False
    #: What the newest run's list asks for, and the instant at which the first account of all began.
    newest_total: int | None = None
    began: dt.datetime | None = None

    # What is known of an account.

    def fee_at(self, row: Row, instant: dt.datetime, users: int) -> int:
        """Return the fee of so many users at the price that holds at an instant."""
        held = [price for price in self.prices if price.kind == row.kind and price.since <= instant]
        return max(held, key=lambda price: price.since).of(users) if row.kind in CHARGED else 0

    def owes(self, row: Row, day: dt.date) -> int | None:
        """Return the fee of a 25th whose cut has come, as of the cut; None: none arises."""
        cut = midnight(day)
        if row.kind not in CHARGED or row.provisioned is None or row.provisioned > cut:
            return None
        if (row.canceled is not None and row.canceled <= cut) or (
            row.leaves is not None and row.leaves <= day
        ):
            return None
        users = [count for since, count in row.history if since <= cut][-1]
        return self.fee_at(row, cut, users)

    def open_days(self, now: dt.datetime) -> list[dt.date]:
        """Return the 25ths whose cut has come and whose run is not done."""
        if self.unfinished is not None:
            first = self.unfinished
        elif self.newest_run is not None:
            first = following(self.newest_run)
        elif self.began is not None:
            first = next(day for day in twenty_fifths(day_of(self.began)) if midnight(day) >= self.began)
        else:
            return []
        days: list[dt.date] = []
        for day in twenty_fifths(first):
            if midnight(day) > now:
                return days
            days.append(day)
        return days

    def unposted(self, row: Row, now: dt.datetime) -> int:
        """Return the fees whose cut has come and that are not in the ledger yet."""
        return sum(self.owes(row, day) or 0 for day in self.open_days(now) if day not in row.fees)

    def estimate(self, row: Row, now: dt.datetime) -> int | None:
        """Return 今月25日の推定残ポイント数; None: not in service."""
        if row.status not in RUNNING:
            return None
        left = row.held - self.unposted(row, now)
        day = day_of(now).replace(day=25)
        is_listed = self.newest_run is not None and day <= self.newest_run
        if now < midnight(day) and not is_listed and not (row.leaves is not None and row.leaves <= day):
            left -= self.fee_at(row, midnight(day), row.users)
        return left

    def gate(self, now: dt.datetime) -> dt.datetime:
        """Return from when a change counts: after the cut of what is listed already."""
        return now if self.newest_run is None else max(now, midnight(self.newest_run) + MOMENT)

    def sees(self, who: Person, account_id: int) -> bool:
        """Tell whether an account lies below a person's; its own does not."""
        row = self.rows.get(account_id)
        if row is None:
            return False
        if who.kind == "operator":
            return True
        return who.account_id == (row.top if who.kind == "privileged_msp" else row.parent)

    def obstacles(
        self, who: Person, what: str, account_id: int, now: dt.datetime, kinds: Sequence[str] = CHARGED
    ) -> Reasons:
        """Return why a person may not do something to an account that must run."""
        reasons = set() if what in MAY[who.kind] else {"PermissionRefused"}
        if not self.sees(who, account_id) or self.rows[account_id].kind not in kinds:
            return reasons | {"AccountNotVisible"}
        row = self.rows[account_id]
        if row.status not in RUNNING:
            reasons.add("AccountNotRunning")
        elif row.leaves is not None and row.leaves <= day_of(now):
            reasons.add("CancellationUnderWay")
        return reasons

    # Points.

    def _moving(self, who: Person, account_id: int, points: int, now: dt.datetime) -> Reasons:
        kind = self.rows[account_id].kind if account_id in self.rows else "customer"
        what = {"customer": "points", "privileged_msp": "issue"}.get(kind, "msps")
        reasons = self.obstacles(who, what, account_id, now, tuple(DEPTH))
        return reasons if 1 <= points <= LARGEST_LINE else reasons | {"PointsOutOfRange"}

    def _too_few(self, payer: Row, points: int) -> Reasons:
        if payer.held >= points:
            return set()
        return {"DistributorStockTooSmall" if payer.kind == "privileged_msp" else "InsufficientStock"}

    def _leaving(self, payer: Row, now: dt.datetime) -> Reasons:
        return {"PayerLeaving"} if payer.leaves is not None and payer.leaves <= day_of(now) else set()

    def add(self, who: Person, account_id: int, points: int, now: dt.datetime) -> Reasons:
        """ポイント追加, from the parent; to a 特権MSP they are issued."""
        reasons = self._moving(who, account_id, points, now)
        if reasons:
            return reasons
        row = self.rows[account_id]
        if row.kind == "privileged_msp":
            row.post("issue", points, now)
            return set()
        payer = self.rows[row.parent or 0]
        reasons = self._leaving(payer, now) or self._too_few(payer, points)
        if not reasons:
            row.post("addition", points, now)
            payer.post("addition", -points, now)
        return reasons

    def take_back(
        self, who: Person, account_id: int, points: int, remark: str | None, now: dt.datetime
    ) -> Reasons:
        """ポイント返却: the parent gets what was held, the rest is consumed."""
        reasons = self._moving(who, account_id, points, now)
        if reasons:
            return reasons
        row = self.rows[account_id]
        if row.kind == "privileged_msp":
            reasons = self._too_few(row, points)
            if not reasons:
                row.post("issue", -points, now)
            return reasons
        if self._leaving(self.rows[row.parent or 0], now):
            return {"PayerLeaving"}
        if row.held < points and not remark:
            return {"RemarkRequired"}
        credited = min(points, max(0, row.held))
        row.post("return", -credited, now)
        self.rows[row.parent or 0].post("return", credited, now)
        row.post("return", credited - points, now)
        return set()

    def plan(
        self, who: Person, ids: Sequence[int], far: bool, now: dt.datetime
    ) -> tuple[Reasons, list[PlannedRefill], dict[int, tuple[int, int]]]:
        """Return what 必要ポイントの補充 would do: rows, and per payer what is asked and what is paid."""
        reasons = set() if "refill" in MAY[who.kind] else {"PermissionRefused"}
        wanted = list(dict.fromkeys(ids))
        if any(not self.sees(who, one) or self.rows[one].kind != "customer" for one in wanted):
            reasons.add("AccountNotVisible")
        if reasons:
            return reasons, [], {}
        planned, money = [], dict[int, tuple[int, int]]()
        for one in wanted:
            row = self.rows[one]
            estimate, payer = self.estimate(row, now), row.parent or 0
            points, outcome = max(0, -(estimate or 0)), "refilled"
            if estimate is None:
                outcome = "not_running"
            elif row.leaves is not None and row.leaves <= day_of(now):
                points, outcome = 0, "cancellation_under_way"
            elif not points:
                outcome = "not_short"
            elif self._leaving(self.rows[payer], now):
                points, outcome = 0, "payer_leaving"
            asked, paid = money.get(payer, (0, 0))
            asked += points
            if far and points and paid + points > self.rows[payer].held:
                points, outcome = 0, "stock_used_up"
            money[payer] = (asked, paid + points)
            planned.append(PlannedRefill(one, estimate, points, outcome))
        return set(), planned, money

    def refill(self, who: Person, ids: Sequence[int], far: bool, now: dt.datetime) -> Reasons:
        """必要ポイントの補充 of the plan as it is now: all of it or nothing."""
        reasons, planned, money = self.plan(who, ids, far, now)
        if reasons:
            return reasons
        if any(paid > max(0, self.rows[payer].held) for payer, (_asked, paid) in money.items()):
            return {"StockTooSmall"}
        if not any(found.points for found in planned):
            return {"NothingToRefill"}
        for found in planned:
            row = self.rows[found.account_id]
            row.post("addition", found.points, now)
            self.rows[row.parent or 0].post("addition", -found.points, now)
        return set()

    # Users and prices.

    def change_users(self, who: Person, account_id: int, users: int, now: dt.datetime) -> Reasons:
        """契約ユーザ数の変更, from now on."""
        reasons = self.obstacles(who, "users", account_id, now, ("customer",))
        if not 1 <= users <= 1_000_000:
            reasons.add("UserCountOutOfRange")
        if not reasons and self.rows[account_id].users != users:
            self.rows[account_id].users = users
            self.rows[account_id].history.append((self.gate(now), users))
        return reasons

    def add_price(self, who: Person, kind: str, day: dt.date, price: Price, now: dt.datetime) -> Reasons:
        """A price from the first instant of a day on, which lies ahead."""
        reasons = set() if "price" in MAY[who.kind] else {"PermissionRefused"}
        if kind not in CHARGED:
            reasons.add("PriceTypeUnknown")
        if day <= day_of(now):
            reasons.add("PriceDateInvalid")
        if any(found.kind == kind and found.since == midnight(day) for found in self.prices):
            reasons.add("PriceDateTaken")
        if not reasons:
            self.prices.append(price)
        return reasons

    # The way into service.

    def register(self, who: Person, kind: str, parent: int, users: int, now: dt.datetime) -> Reasons:
        """登録申請 below an account; `enter` writes the row once its id is known."""
        reasons = (
            set() if ("apply" if kind == "customer" else "msps") in MAY[who.kind] else {"PermissionRefused"}
        )
        if not 1 <= users <= 1_000_000:
            reasons.add("UserCountOutOfRange")
        if kind == "privileged_msp":
            return reasons if who.kind == "operator" else reasons | {"AccountTypeNotOffered"}
        above = self.rows.get(parent)
        fits = above is not None and above.kind in (
            ("msp", "privileged_msp") if kind == "customer" else ("privileged_msp",)
        )
        if not fits or not (self.sees(who, parent) or who.account_id == parent):
            return reasons | {"ParentUnknown" if kind == "customer" else "DistributorUnknown"}
        assert above is not None
        if above.status not in RUNNING:
            reasons.add("ParentUnknown" if kind == "customer" else "DistributorUnknown")
        elif above.leaves is not None and above.leaves <= day_of(now):
            reasons.add("CancellationUnderWay")
        return reasons

    def enter(self, account_id: int, kind: str, parent: int, users: int) -> Row:
        """Write the row of an application."""
        above = self.rows.get(parent)
        top = None if above is None else (above.top or parent)
        self.rows[account_id] = Row(kind, parent, top, "pending_approval", users)
        return self.rows[account_id]

    def decide(self, who: Person, what: str, account_id: int, now: dt.datetime) -> Reasons:
        """Approve, reject, withdraw, apply again, or order the provisioning of an application."""
        needed = "decide" if what in ("approve", "reject", "order") else "apply"
        reasons = set() if needed in MAY[who.kind] else {"PermissionRefused"}
        if not self.sees(who, account_id):
            return reasons | {"AccountNotVisible"}
        row = self.rows[account_id]
        begins, leads_to = {
            "approve": (("pending_approval",), "approved"),
            "reject": (("pending_approval",), "rejected"),
            "withdraw": (("pending_approval", "rejected"), "withdrawn"),
            "reapply": (("pending_approval", "rejected"), "pending_approval"),
            "order": (("approved",), "approved"),
        }[what]
        if row.status not in begins:
            return reasons | {"TransitionRefused"}
        if what == "reapply" and row.status == "rejected" and row.parent in self.rows:
            above = self.rows[row.parent]
            if above.status not in RUNNING:
                reasons.add("AccountNotRunning")
            elif above.leaves is not None and above.leaves <= day_of(now):
                reasons.add("CancellationUnderWay")
        if not reasons:
            row.status = leads_to
            row.ordered = row.ordered or what == "order"
        return reasons

    def provision(self, now: dt.datetime) -> int:
        """Put what is ordered into service; return how many."""
        ordered = [row for row in self.rows.values() if row.ordered and row.status == "approved"]
        for row in ordered:
            self.begin_service(row, now)
        return len(ordered)

    def begin_service(self, row: Row, now: dt.datetime) -> None:
        """プロビジョニング: the contract begins."""
        row.status, row.balance, row.contract = "active", 0, day_of(now)
        row.provisioned = self.gate(now)
        row.history = [(row.provisioned, row.users)]
        self.began = min(self.began or row.provisioned, row.provisioned)

    # 一時停止, moves.

    def suspend(self, who: Person, account_id: int, now: dt.datetime) -> Reasons:
        """一時停止 by hand."""
        reasons = self.obstacles(who, "suspend", account_id, now, ("customer",))
        if not reasons and self.rows[account_id].status != "active":
            reasons.add("NotActive")
        if not reasons:
            self.rows[account_id].status, self.rows[account_id].reason = "suspended", "manual"
        return reasons

    def resume(self, who: Person, account_id: int, now: dt.datetime) -> Reasons:
        """再開 of what was suspended by hand."""
        reasons = self.obstacles(who, "suspend", account_id, now, ("customer",))
        if not reasons and self.rows[account_id].reason != "manual":
            reasons.add("NotManuallySuspended")
        if not reasons:
            self.rows[account_id].status, self.rows[account_id].reason = "active", None
        return reasons

    def move(self, who: Person, ids: Sequence[int], target: int, now: dt.datetime) -> Reasons:
        """別のMSPへ移動, all or none."""
        reasons = set() if "move" in MAY[who.kind] else {"PermissionRefused"}
        wanted = list(dict.fromkeys(ids))
        if any(not self.sees(who, one) or self.rows[one].kind != "customer" for one in wanted):
            reasons.add("AccountNotVisible")
        if reasons:
            return reasons
        tops = {self.rows[one].top for one in wanted}
        goal = self.rows.get(target)
        if (
            goal is None
            or goal.kind not in ("msp", "privileged_msp")
            or goal.status not in RUNNING
            or goal.leaves is not None
            or not (self.sees(who, target) or who.account_id == target)
            or not {goal.top, target} & tops
        ):
            return {"TargetUnknown"}
        for one in wanted:
            row = self.rows[one]
            stays = row.status not in RUNNING or (row.leaves is not None and row.leaves <= day_of(now))
            if stays or row.held < 0 or self.unposted(row, now) or row.parent == target:
                return {"MoveObstructed"}
            if row.top not in (target, goal.top):
                return {"MoveObstructed"}
        for one in wanted:
            self.rows[one].parent = target
        return set()

    # 解約.

    def owed_for_the_year(self, row: Row, leaving: dt.date | None, now: dt.datetime) -> int:
        """Return the fees that an MSP or support account still owes of its contract's year."""
        if row.kind not in ("msp", "support"):
            return 0
        assert row.contract is not None
        try:
            end = row.contract.replace(year=row.contract.year + 1)
        except ValueError:
            end = row.contract.replace(year=row.contract.year + 1, day=28)
        total = 0
        for day in twenty_fifths(leaving or next_cut_day(now)):
            if day >= end:
                break
            total += self.fee_at(row, midnight(day), row.users)
        return total

    def amounts(self, row: Row, leaving: dt.date | None, now: dt.datetime) -> tuple[int, int]:
        """Return (補充, 消費) as the dialog must show it."""
        left = row.held - self.unposted(row, now)
        if leaving is not None and row.kind in CHARGED:
            for day in twenty_fifths(next_cut_day(now)):
                if day >= leaving:
                    break
                left -= self.fee_at(row, midnight(day), row.users)
        return self._settlement(left, self.owed_for_the_year(row, leaving, now))

    @staticmethod
    def _settlement(left: int, owed: int) -> tuple[int, int]:
        top_up = owed - left if left < owed else 0
        return top_up, left + top_up

    def below(self, account_id: int, leaving: dt.date | None) -> bool:
        """Tell whether something that runs or waits right below keeps an account from leaving."""
        return any(
            row.parent == account_id
            and row.status in RUNNING + WAITING
            and (leaving is None or row.leaves is None or row.leaves > leaving)
            for row in self.rows.values()
        )

    def leave(
        self,
        who: Person,
        account_id: int,
        leaving: dt.date | None,
        shown: tuple[int, int],
        consent: bool,
        now: dt.datetime,
    ) -> Reasons:
        """解約 at once, or on a date."""
        kind = self.rows[account_id].kind if account_id in self.rows else "customer"
        what = "cancel" if kind == "customer" else "msps"
        now = self.gate(now)
        reasons = self.obstacles(who, what, account_id, now, tuple(DEPTH))
        if leaving is not None and not self.earliest(now) <= leaving <= self.latest(now):
            reasons.add("CancellationDateInvalid")
        if not consent:
            reasons.add("ConsentMissing")
        if "AccountNotVisible" in reasons:
            return reasons
        row = self.rows[account_id]
        if self.below(account_id, leaving):
            reasons.add("AccountsBelow")
        if row.status in RUNNING and shown != self.amounts(row, leaving, now):
            reasons.add("CancellationChanged")
        if leaving is None and self.waits_for_release(row):
            reasons.add("RunUnderReview")
        if reasons:
            return reasons
        row.leaves = leaving
        if leaving is None:
            self._settle(row, None, now)
        return set()

    def waits_for_release(self, row: Row) -> bool:
        """Tell whether a fee of an account is on the list of the run that waits in 要確認."""
        day = self.unfinished
        return self.is_held and day is not None and day not in row.fees and self.owes(row, day) is not None

    @staticmethod
    def earliest(now: dt.datetime) -> dt.date:
        """Return the first 解約予定日 that may be set."""
        return day_of(now) + dt.timedelta(days=1)

    @staticmethod
    def latest(now: dt.datetime) -> dt.date:
        """Return the last 解約予定日 that may be set."""
        today = day_of(now)
        is_leap = (today.month, today.day) == (2, 29)
        return today.replace(year=today.year + 10, day=28 if is_leap else today.day)

    def lift(self, who: Person, account_id: int, now: dt.datetime) -> Reasons:
        """Take 解約予定日 away, before it comes."""
        kind = self.rows[account_id].kind if account_id in self.rows else "customer"
        what = "cancel" if kind == "customer" else "msps"
        reasons = self.obstacles(who, what, account_id, now, tuple(DEPTH))
        if "AccountNotVisible" not in reasons and self.rows[account_id].leaves is None:
            reasons.add("NoCancellationScheduled")
        if not reasons:
            self.rows[account_id].leaves = None
        return reasons

    def _settle(self, row: Row, leaving: dt.date | None, now: dt.datetime) -> None:
        for day in self.open_days(now):
            self._charge(row, day, now)
        top_up, write_off = self._settlement(row.held, self.owed_for_the_year(row, leaving, now))
        if row.kind == "privileged_msp":
            row.post("issue", top_up, now)
        else:
            row.post("cancellation_top_up", top_up, now)
            self.rows[row.parent or 0].post("cancellation_top_up", -top_up, now)
        row.post("cancellation_write_off", -write_off, now)
        row.status, row.reason, row.canceled = "canceled", None, now

    def _charge(self, row: Row, day: dt.date, now: dt.datetime) -> None:
        fee = self.owes(row, day)
        if fee is not None and day not in row.fees:
            row.fees[day] = fee
            row.post("monthly_fee", -fee, now)

    # The clock.

    def tick(self, now: dt.datetime) -> list[dt.date]:
        """Do all that is due, in the order of its dates; return the 25ths that were carried through."""
        put_off: set[int] = set()
        runs = []
        while True:
            leaving = [
                row.leaves
                for one, row in self.rows.items()
                if one not in put_off and row.status in RUNNING and row.leaves is not None
            ]
            leaving_day = min((day for day in leaving if day <= day_of(now)), default=None)
            run_day = next(iter(self.open_days(now)), None)
            if leaving_day is not None and (run_day is None or leaving_day <= run_day):
                put_off |= self._let_leave(leaving_day, put_off, now)
            elif run_day is not None and not self.is_held:
                self._run(run_day, now)
                runs += [] if self.is_held else [run_day]
            else:
                break
        self._suspend_and_resume(now)
        return runs

    def _run(self, day: dt.date, now: dt.datetime) -> None:
        if self.unfinished is None:
            total = sum(row.fees.get(day, self.owes(row, day) or 0) for row in self.rows.values())
            last, self.newest_total = self.newest_total, total
            self.newest_run = self.unfinished = day
            # Twice the last run is what nobody looks at; below 1,000 points it does not matter.
            self.is_held = last is not None and total >= 1_000 and total > 2 * last
        if not self.is_held:
            for row in self.rows.values():
                self._charge(row, day, now)
            self.unfinished = None

    def release(self, who: Person) -> Reasons:
        """Let the run go on that waits in 要確認; it is run at the next tick."""
        reasons = set() if "release" in MAY[who.kind] else {"PermissionRefused"}
        if not self.is_held:
            reasons.add("RunNotInReview")
        if not reasons:
            self.is_held = False
        return reasons

    def _let_leave(self, day: dt.date, put_off: set[int], now: dt.datetime) -> set[int]:
        """Carry out the cancellations of a day, the deepest first; return those that could not be."""
        today = [
            (-DEPTH[row.kind], one)
            for one, row in self.rows.items()
            if row.leaves == day and row.status in RUNNING and one not in put_off
        ]
        stuck = set()
        for _depth, one in sorted(today):
            # No fee is posted, nor therefore a balance settled, past a run that waits with one of its own.
            if self.below(one, None) or self.waits_for_release(self.rows[one]):
                stuck.add(one)
            else:
                self._settle(self.rows[one], day, now)
        return stuck

    def _suspend_and_resume(self, now: dt.datetime) -> None:
        for row in self.rows.values():
            since = row.negative_since
            if row.kind in ("customer", "support") and row.status == "active":
                is_warned = since is not None and row.warned is not None and row.warned >= since
                if since is None or now - since < SUSPENDED_AFTER - WARNED_AHEAD:
                    continue
                if not is_warned:
                    row.warned = now
                elif now - since > SUSPENDED_AFTER and row.warned and now - row.warned >= WARNED_AHEAD:
                    row.status, row.reason = "suspended", "shortage"
            elif row.reason == "shortage" and since is None:
                row.status, row.reason = "active", None
