"""The companies that people work for, and what a data provider knows of them."""

from __future__ import annotations

import attrs

from lifecycle_fsm.demo.company import words
from lifecycle_fsm.demo.company.chance import Chance, Odds, Spread

_NEW_ONE = 0.4  # of the people bring a company that nobody has come from before
_KNOWN = 0.9  # of the companies are known to the data provider
_EMPLOYEES: Spread = (3, 9, 22, 48, 85, 150, 320, 900, 7_000)
_COUNTRY: Odds[str] = Odds(
    {"DE": 30, "AT": 5, "CH": 6, "FR": 10, "NL": 8, "GB": 8, "US": 6, "SE": 5, "DK": 4, "NO": 3,
     "FI": 2, "IT": 6, "ES": 5, "PT": 2}
)  # fmt: skip
_ALL = len(words.COMPANY) * len(words.TRADE)
_STEP = 611  # has no factor in common with the number of names, so that each comes once


@attrs.frozen
class Account:
    """A company that may buy."""

    name: str
    domain: str
    country: str
    industry: str
    employees: int
    known: bool  # to the data provider

    @property
    def large(self) -> bool:
        """Whether it is worth selling to, as the model sees it."""
        return self.employees >= 50


class Accounts:
    """Companies as their people come: most who come bring a new one, or are colleagues of somebody
    before them, so that large accounts grow larger."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._first = Chance(seed, "accounts").whole(0, _ALL - 1)
        self.all: list[Account] = []
        self._of: list[int] = []
        self._people: list[int] = []

    def of(self, chance: Chance) -> Account:
        """The company of the next person."""
        number = len(self.all)
        if self._of and not chance.share(_NEW_ONE):
            colleague = chance.pick(self._of)
            # Nobody meets everybody of a company.
            if self._people[colleague] * 4 < self.all[colleague].employees:
                number = colleague
        if number == len(self.all):
            self.all.append(self._found(number))
            self._people.append(0)
        self._of.append(number)
        self._people[number] += 1
        return self.all[number]

    def _found(self, number: int) -> Account:
        chance = Chance(self._seed, "account", number)
        again, place = divmod(number, _ALL)
        word, trade = divmod((self._first + place * _STEP) % _ALL, len(words.TRADE))
        name = f"{words.COMPANY[word]} {words.TRADE[trade]}"
        if again:
            more, where = divmod(again - 1, len(words.PLACES))
            name += f" {words.PLACES[where]}" + (f" {more + 1}" if more else "")
        return Account(
            name=name,
            domain=f"{name.lower().translate(words.PLAIN)}.example",
            country=chance.one_of(_COUNTRY),
            industry=words.INDUSTRY.get(words.TRADE[trade], "manufacturing"),
            employees=chance.of(_EMPLOYEES),
            known=chance.share(_KNOWN),
        )
