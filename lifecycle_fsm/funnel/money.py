"""Money: what is open, what was won, how fast, and by whom, from the table of opportunities (R48).

An opportunity counts once, however many people share it: for the contact who was put on it first.
Owner, source and dimensions are those of that contact at the end of the run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.conversion import Ratio
from lifecycle_fsm.funnel.journey_filter import filter_test
from lifecycle_fsm.funnel.parts import ImpossibleMeasure, InParts, Measuring
from lifecycle_fsm.funnel.scope import EVERYBODY, Scope, named
from lifecycle_fsm.funnel.time_in_stage import Spans
from lifecycle_fsm.guard import reads
from lifecycle_fsm.model.currency import total
from lifecycle_fsm.silos.data import merged_opportunity
from lifecycle_fsm.tables.opportunity_table import OpportunityRow
from lifecycle_fsm.wording import counted, format_amount, joined

_LAST = datetime.max.replace(tzinfo=UTC)
_DAY = timedelta(days=1)
#: What is kept of each contact besides the dimensions.
_OWN = ("owner", "assigned_to", "source")


@attrs.frozen(kw_only=True)
class Amounts:
    """Some opportunities.

    Args:
        opportunities: how many there are.
        amount: the sum of those whose amount is known in the reporting currency.
        other_currency: how many are in a currency without a rate; ``no_amount`` how many have no
            amount. They are in no sum and in no average.
    """

    opportunities: int = 0
    amount: float = 0.0
    other_currency: int = 0
    no_amount: int = 0

    @classmethod
    def of(cls, deals: Iterable[OpportunityRow]) -> Amounts:
        """The amounts of opportunities, each given once."""
        kept = tuple(deals)
        return cls(
            opportunities=len(kept),
            amount=total(deal.reported_amount for deal in kept if deal.reported_amount is not None),
            other_currency=sum(map(_in_other_currency, kept)),
            no_amount=sum(deal.amount is None for deal in kept),
        )

    @property
    def average(self) -> float | None:
        """The mean of the amounts in the sum."""
        number = self.opportunities - self.other_currency - self.no_amount
        return self.amount / number if number else None


@attrs.frozen(kw_only=True)
class Revenue:
    """The opportunities of a group.

    Args:
        group: the group.
        days: the length of the window in days.
        open: those that are open at the end of the run, with an amount and a close date, and no
            older than the stated age.
        old: those that are older.
        incomplete: how many are open without an amount or a close date.
        won, lost: those that were closed in the window.
        cycle: the mean time from the opening to the win, of the ``cycles`` won ones that an
            activity opened; ``median_cycle`` the median.
    """

    group: str
    days: float
    open: Amounts
    old: Amounts
    incomplete: int
    won: Amounts
    lost: Amounts
    cycles: int
    cycle: timedelta | None
    median_cycle: timedelta | None

    @property
    def win_rate(self) -> Ratio:
        """Won ones, of those that were closed."""
        return Ratio(self.won.opportunities, self.won.opportunities + self.lost.opportunities)

    @property
    def velocity(self) -> float | None:
        """What the formula promises for a day: open ones x win rate x average won / cycle."""
        rate, average, cycle = self.win_rate.share, self.won.average, self.cycle
        if rate is None or average is None or not cycle:
            return None
        return self.open.opportunities * rate * average / (cycle / _DAY)

    @property
    def won_per_day(self) -> float | None:
        """What was really won on a day of the window."""
        return self.won.amount / self.days if self.days else None


@attrs.frozen(kw_only=True)
class Pipeline:
    """The open opportunities of a group whose contact is in a stage, as in :class:`Revenue`."""

    group: str
    stage: str
    open: Amounts
    old: Amounts


@attrs.frozen(kw_only=True)
class OldDeal:
    """An open opportunity that is older than the stated age; ``age`` is the time since it was
    opened, and the others are as in the table of opportunities."""

    group: str
    id: str
    person: str
    stage: str
    owner: str | None
    amount: float | None
    currency: str | None
    closes_at: datetime | None
    age: timedelta


@attrs.frozen(kw_only=True)
class OtherCurrency:
    """A currency without a rate: how many of the counted opportunities are in it, and their sum."""

    currency: str
    opportunities: int
    amount: float


@attrs.frozen(kw_only=True)
class MoneyReport:
    """The opportunities of a history.

    Args:
        currency: the reporting currency; ``None`` if the model has none.
        deal_age: the age above which open ones are apart; ``None`` if none was stated.
        shared: how many have several contacts.
        groups: the numbers of each group.
        pipeline: what is open, by group and stage.
        old: what is open and older than that age, the oldest first.
        others: the currencies without a rate.
    """

    currency: str | None
    deal_age: timedelta | None
    shared: int
    groups: tuple[Revenue, ...]
    pipeline: tuple[Pipeline, ...]
    old: tuple[OldDeal, ...]
    others: tuple[OtherCurrency, ...]

    def notes(self, scope: Scope) -> Iterator[str]:
        """What a reader must know."""
        if self.others:
            names = joined(
                [f"{format_amount(row.amount, row.currency)} in {row.opportunities:,}"
                 for row in self.others]
            )  # fmt: skip
            where = "have no rate in [money]" if self.currency else "there is no [money] for"
            yield (
                f"currencies that {where}: {names} of the opportunities; they are counted, and "
                "in no sum"
            )
        if self.shared:
            yield (
                f"{counted(self.shared, 'opportunity', 'opportunities')} with several contacts "
                f"count{'s' if self.shared == 1 else ''} once, for the contact who was put on it "
                "first"
            )
        no_amount = sum(row.won.no_amount for row in self.groups)
        if no_amount:
            yield (
                f"{counted(no_amount, 'won opportunity', 'won opportunities')} without an amount: "
                "they count in the win rate, and in no sum"
            )
        if scope.by is not None or scope.where is not None:
            yield (
                "opportunities are split and filtered by what their contact has at the end of the "
                "run"
            )
        if not scope.current:
            yield (
                "what is open is so at the end of the run, whatever the window: the table of "
                "opportunities has no past"
            )


_Deals: TypeAlias = list[OpportunityRow]


@InParts
def money(
    scope: Scope,
    opportunities: Iterable[OpportunityRow] | None,
    deal_age: timedelta | None = None,
) -> Measuring[MoneyReport]:
    """What is open and what was won and lost in the window.

    Args:
        scope: the window, the groups and the filter; a filter is asked of the contact at the end
            of the run.
        opportunities: the table of opportunities, in any order.
        deal_age: open ones that were opened longer ago are counted apart.

    Raises:
        LifecycleError: there is no table, or it cannot be split or filtered so.
    """
    if opportunities is None:
        raise ImpossibleMeasure(
            "amounts are read from the table `opportunities`, which `run` writes"
        )
    if scope.journeys != "all":
        raise ImpossibleMeasure("opportunities belong to no journey: measure all journeys")
    if deal_age is not None and deal_age < timedelta(0):
        raise LifecycleError("an opportunity is old after a time of at least nothing")
    deals, shared = _once(opportunities)
    _check(scope, deals)
    wanted = list(filter(_filter(scope), deals))
    days = _days(scope, deals)
    groups: defaultdict[str, _Deals] = defaultdict(list)
    group = _group(scope)
    for deal in wanted:
        groups[group(deal)].append(deal)
    names = scope.groups((name,) for name in groups)
    seen = [_Seen(scope, name, groups[name], deal_age) for name in names]
    return MoneyReport(
        currency=None if scope.model.money is None else scope.model.money.currency,
        deal_age=deal_age,
        shared=sum(deal.id in shared for deal in wanted),
        groups=tuple(each.revenue(days) for each in seen),
        pipeline=tuple(row for each in seen for row in each.pipeline()),
        old=tuple(
            sorted(
                (row for each in seen for row in each.old_deals()),
                key=lambda row: (-row.age, row.id),
            )
        ),
        others=_others(deal for each in seen for deal in each.counted()),
    )
    yield  # it asks for no part of the history


def won_amounts(
    scope: Scope, opportunities: Iterable[OpportunityRow]
) -> list[tuple[datetime, float]]:
    """When each opportunity was won, and its amount in the reporting currency, by the filter of the
    scope and up to its end; those without such an amount are left out."""
    deals, _ = _once(opportunities)
    _check(scope, deals)
    return [
        (deal.closed_at, deal.reported_amount)
        for deal in filter(_filter(scope), deals)
        if deal.status == "won" and deal.closed_at is not None and deal.reported_amount is not None
        and (scope.until is None or deal.closed_at <= scope.until)
    ]  # fmt: skip


def _once(rows: Iterable[OpportunityRow]) -> tuple[_Deals, frozenset[str]]:
    """Each opportunity once, sorted by id, and the ids of those with several contacts."""
    contacts: defaultdict[str, _Deals] = defaultdict(list)
    for row in rows:
        contacts[row.id].append(row)
    several = frozenset(name for name, those in contacts.items() if len(those) > 1)
    return [_united(contacts[name]) for name in sorted(contacts)], several


def _united(contacts: _Deals) -> OpportunityRow:
    """The opportunity of several contacts: the row of the one who was put on it first, with what
    the others know; its status is the latest, as in a merge [S22]."""
    if len(contacts) == 1:
        return contacts[0]
    first, *others = sorted(contacts, key=lambda row: (row.opened_at or _LAST, row.person))
    deal = reduce(merged_opportunity, (row.deal for row in others), first.deal)
    priced = next((row for row in (first, *others) if row.amount is not None), first)
    return attrs.evolve(
        first,
        status=deal.status,
        amount=priced.amount,
        currency=priced.currency,
        reported_amount=priced.reported_amount,
        opened_at=deal.opened_at,
        closes_at=deal.closes_at,
        closed_at=deal.closed_at,
    )


def _filter(scope: Scope) -> Callable[[OpportunityRow], bool]:
    until = scope.until
    if scope.where is None or until is None:
        return lambda row: True
    test = filter_test(scope.where, scope.model)
    return lambda row: test(row, until)


def _group(scope: Scope) -> Callable[[OpportunityRow], str]:
    by = scope.by
    return lambda row: EVERYBODY if by is None else named(row.value(by))


def _check(scope: Scope, deals: _Deals) -> None:
    """Check that the table has what the groups and the filter read."""
    read = set() if scope.where is None else set(reads(scope.where))
    for name in sorted(read | ({scope.by} if scope.by is not None else set())):
        if deals and name not in _OWN and name not in deals[0].kept:
            raise ImpossibleMeasure(
                f"the table of opportunities keeps no {name!r}, so amounts cannot be split or "
                "filtered by it; a run keeps the dimensions of its model"
            )


def _days(scope: Scope, deals: _Deals) -> float:
    """The length of the window; without a start it begins with the first opportunity."""
    times = [at for deal in deals for at in (deal.opened_at, deal.closed_at) if at is not None]
    start, end = scope.start or min(times, default=None), scope.as_of
    return 0.0 if start is None or end is None or end < start else (end - start) / _DAY


class _Seen:
    """The opportunities of a group, by what they count as."""

    def __init__(self, scope: Scope, group: str, deals: _Deals, deal_age: timedelta | None) -> None:
        self._scope, self._group = scope, group
        open_ones = [deal for deal in deals if deal.status == "open"]
        whole = [deal for deal in open_ones if deal.deal.counts_as_open]
        self._incomplete = len(open_ones) - len(whole)
        self._old = [deal for deal in whole if deal_age is not None and self._age(deal) > deal_age]
        apart = {deal.id for deal in self._old}
        self._open = [deal for deal in whole if deal.id not in apart]
        closed = [deal for deal in deals if self._inside(deal.closed_at)]
        self._won = [deal for deal in closed if deal.status == "won"]
        self._lost = [deal for deal in closed if deal.status == "lost"]

    def _age(self, deal: OpportunityRow) -> timedelta:
        until = self._scope.until
        known = deal.opened_at is not None and until is not None
        return until - deal.opened_at if known else timedelta(0)  # type: ignore[operator]

    def _inside(self, at: datetime | None) -> bool:
        until = self._scope.until
        return at is not None and self._scope.inside(at) and (until is None or at <= until)

    def counted(self) -> Iterator[OpportunityRow]:
        """All that a sum could have."""
        for deals in (self._open, self._old, self._won, self._lost):
            yield from deals

    def revenue(self, days: float) -> Revenue:
        """The numbers of the group."""
        times, spans = timedelta(0), Spans()
        for deal in self._won:
            if deal.opened_at is not None and deal.closed_at is not None:
                times += deal.closed_at - deal.opened_at
                spans.append(deal.closed_at - deal.opened_at)
        return Revenue(
            group=self._group,
            days=days,
            open=Amounts.of(self._open),
            old=Amounts.of(self._old),
            incomplete=self._incomplete,
            won=Amounts.of(self._won),
            lost=Amounts.of(self._lost),
            cycles=len(spans),
            cycle=times / len(spans) if len(spans) else None,
            median_cycle=spans.median,
        )

    def pipeline(self) -> Iterator[Pipeline]:
        """What is open in each stage in which there is something."""
        for stage in self._scope.model.stages:
            both = [
                [deal for deal in deals if deal.stage == stage.name]
                for deals in (self._open, self._old)
            ]
            if any(both):
                yield Pipeline(
                    group=self._group,
                    stage=stage.name,
                    open=Amounts.of(both[0]),
                    old=Amounts.of(both[1]),
                )

    def old_deals(self) -> Iterator[OldDeal]:
        """The old ones."""
        for deal in self._old:
            yield OldDeal(
                group=self._group, id=deal.id, person=deal.person, stage=deal.stage,
                owner=deal.owner, amount=deal.amount, currency=deal.currency,
                closes_at=deal.closes_at, age=self._age(deal),
            )  # fmt: skip


def _in_other_currency(deal: OpportunityRow) -> bool:
    return deal.amount is not None and deal.reported_amount is None


def _others(deals: Iterable[OpportunityRow]) -> tuple[OtherCurrency, ...]:
    amounts: defaultdict[str, list[float]] = defaultdict(list)
    for deal in deals:
        if deal.amount is not None and deal.reported_amount is None:
            amounts[deal.currency or ""].append(deal.amount)
    kept: Mapping[str, list[Any]] = dict(sorted(amounts.items()))
    return tuple(
        OtherCurrency(currency=currency, opportunities=len(each), amount=total(each))
        for currency, each in kept.items()
    )
