"""Who somebody is: what a record says when it is made."""

from __future__ import annotations

from typing import Any

import attrs

from lifecycle_fsm.demo.company import words
from lifecycle_fsm.demo.company.accounts import Account
from lifecycle_fsm.demo.company.chance import Chance, Odds

_LEVEL: Odds[str] = Odds(
    {"c_level": 7, "vp": 6, "director": 9, "head": 15, "manager": 35, "staff": 28}
)
_POINTS = {"manager": 10, "staff": 0}


@attrs.frozen
class Identity:
    """A person's name, work and addresses."""

    id: str
    first: str
    last: str
    account: Account
    level: str
    title: str
    country: str
    phone: str | None

    @property
    def email(self) -> str:
        """The address at work."""
        return f"{self._plain}@{self.account.domain}"

    @property
    def other_email(self) -> str:
        """An address that no list knows yet."""
        return f"{self._plain}@post.example"

    @property
    def _plain(self) -> str:
        return f"{self.first}.{self.last}".lower().translate(words.PLAIN)

    def fits(self, *, enriched: bool) -> bool:
        """Whether marketing is interested in them, as the model sees it."""
        large = enriched and self.account.known and self.account.large
        return _POINTS.get(self.level, 20) + (15 if large else 0) + 5 >= 20

    def record(self, chance: Chance) -> dict[str, Any]:
        """What a record has when a person or a form makes it: neat, mostly."""
        email = self.email
        if chance.share(0.04):
            email = f" {email.title()}"
        found = {
            "email": email,
            "first_name": self.first,
            "last_name": self.last.upper() if chance.share(0.02) else self.last,
            "company": self.account.name,
            "country": self.country,
            "job_title": self.title,
        }
        if self.phone is not None:
            found["phone"] = self.phone
        return found


def identity(id: str, account: Account, chance: Chance) -> Identity:
    """Somebody who works for a company."""
    level = chance.one_of(_LEVEL)
    begins = words.PHONES.get(account.country)
    return Identity(
        id=id,
        first=chance.pick(words.FIRST),
        last=chance.pick(words.LAST),
        account=account,
        level=level,
        title=chance.pick(words.TITLES[level]),
        country=chance.pick(words.COUNTRIES[account.country]),
        phone=f"{begins}{chance.whole(10, 99)}" if begins and chance.share(0.4) else None,
    )
