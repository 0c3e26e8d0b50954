"""Money: the currency that a model reports in, and what others are worth in it.

A model with ``[money]`` gives every person two more fields, which follow from the opportunities:
``open_amount`` and ``won_amount``. Amounts of a currency without a rate are in neither.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import attrs

from lifecycle_fsm.errors import Problem
from lifecycle_fsm.model.name_resolution import Frozen
from lifecycle_fsm.person import Opportunity

_CODE = re.compile(r"[A-Z]{3}")
_MOST = sys.float_info.max


def _rates(value: Mapping[str, Any]) -> Mapping[str, float]:
    """The rates as decimals; what is no number is kept, for the model to refuse."""
    return Frozen(
        {
            code: float(rate) if type(rate) is int and abs(rate) < 2**53 else rate
            for code, rate in sorted(value.items())
        }
    )


@attrs.frozen(kw_only=True)
class Money:
    """The reporting currency of a model, and the rates of others.

    Args:
        currency: an ISO 4217 code, such as ``EUR``. Amounts without a currency are in it.
        rates: how many units of it 1 unit of another currency is worth, by code.
    """

    currency: str
    rates: Mapping[str, float] = attrs.field(factory=dict, converter=_rates)

    def faults(self) -> Iterator[Problem]:
        """Codes and rates that cannot be."""
        if not _CODE.fullmatch(str(self.currency)):
            yield Problem("money, currency", _no_code(self.currency))
        for code, rate in self.rates.items():
            where = f"money, rates {code}"
            if not _CODE.fullmatch(code):
                yield Problem(where, _no_code(code))
            elif code == self.currency:
                yield Problem(where, "this is the reporting currency itself: leave it out")
            if type(rate) is not float or not 0 < rate < math.inf:
                yield Problem(
                    where,
                    f"a rate is a number above 0, the {self.currency} for 1 {code}, not {rate!r}",
                )

    @property
    def terms(self) -> list[Any]:
        """All that amounts in the reporting currency depend on, as plain values."""
        return [self.currency, dict(self.rates)]

    def reported(self, amount: float | None, currency: str | None) -> float | None:
        """An amount in the reporting currency; ``None`` without an amount or a rate."""
        if amount is None or currency is None or currency == self.currency:
            return amount
        rate = self.rates.get(currency)
        return None if rate is None else max(-_MOST, min(amount * rate, _MOST))

    def sums(self, opportunities: Iterable[Opportunity]) -> tuple[float, float]:
        """The amounts of open opportunities that count and of won ones, in the reporting currency,
        without those that have no rate."""
        open_ones, won = [], []
        for deal in opportunities:
            amount = self.reported(deal.amount, deal.currency)
            if amount is not None and deal.counts_as_open:
                open_ones.append(amount)
            elif amount is not None and deal.status == "won":
                won.append(amount)
        return total(open_ones), total(won)


def reported(amount: float | None, currency: str | None, money: Money | None) -> float | None:
    """An amount in the reporting currency of a model; without ``money``, only amounts without a
    currency can be added."""
    if money is None:
        return amount if currency is None else None
    return money.reported(amount, currency)


def total(amounts: Iterable[float]) -> float:
    """The sum, rounded once, so that the order of the amounts does not matter; at most the largest
    decimal number."""
    kept = tuple(amounts)
    try:
        return math.fsum(kept)
    except OverflowError:
        whole = sum(map(Fraction, kept), Fraction(0))
        return float(max(-Fraction(_MOST), min(whole, Fraction(_MOST))))


def _no_code(text: object) -> str:
    return f"{text!r} is no ISO 4217 code: write three capital letters, such as 'EUR'"
