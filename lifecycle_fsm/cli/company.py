"""A small made-up company: people and what they do, by chance, the same for the same seed.

They fit the shipped model ``waterfall``: its tokens, its sales team, its reasons.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from lifecycle_fsm.activity import Activity

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 366

_FIRST = (
    "Ada Ben Chloé Dov Eva Femi Gül Hugo Ines Jan Kai Lena Mia Noor Olga Piet Rosa Sven".split()
)
_LAST = "Adler Brandt Costa Diaz Evans Falk Garcia Haas Ito Jansen Klein Lopez Moreau Novak".split()
_COMPANY = "Alder Birch Cedar Dogwood Elm Fir Ginkgo Hazel Juniper Larch Maple Oak".split()
_TRADE = "Foods Freight Labs Motors Paper Robotics Textiles Tools".split()
_TITLES = {
    "c_level": "Chief Operating Officer",
    "vp": "VP Sales",
    "director": "Director of Marketing",
    "head": "Head of Procurement",
    "manager": "Project Manager",
    "junior": "Assistant",
}
_SOURCES = ("organic search", "paid search", "webinar", "referral", "trade fair", "partner")
_REPS = ("sdr.north", "sdr.south")
#: What people come as, and how many of a hundred do.
_ROLES = {
    "looks_around": 42,
    "grows_interested": 26,
    "raises_hand": 12,
    "made_by_sales": 10,
    "colleague_of_customer": 3,
    "on_open_deal": 2,
    "pays_invoices": 3,
    "competitor": 2,
}


def activities(people: int, seed: int) -> Iterator[Activity]:
    """Everything that happens to so many people within a year, person by person."""
    chance = Random(seed)  # noqa: S311 - a play, no secret
    for number in range(1, people + 1):
        yield from _Story(f"p{number:05}", chance).told()


class _Story:
    """What happens to one person."""

    def __init__(self, person: str, chance: Random) -> None:
        self.person = person
        self.chance = chance
        self.now = START + timedelta(minutes=chance.randrange(DAYS * 1440 * 9 // 10))
        self.came: list[Activity] = []

    def told(self) -> list[Activity]:
        (role,) = self.chance.choices(list(_ROLES), list(_ROLES.values()))
        self.created(role)
        getattr(self, role)()
        end = START + timedelta(days=DAYS)
        return [one for one in self.came if one.at < end]

    # -- what can happen -----------------------------------------------------------------------

    def happens(self, kind: str, **payload: Any) -> None:
        name = "created" if kind == "created" else f"{self.person}-{len(self.came):02}"
        self.came.append(Activity(name, self.person, kind, self.now, payload))

    def later(self, *, minutes: int = 0, days: float = 0) -> None:
        """Time goes by: up to so much."""
        most = minutes + int(days * 1440)
        self.now += timedelta(minutes=self.chance.randint(min(5, most), most))

    def maybe(self, share: float) -> bool:
        return self.chance.random() < share

    def created(self, role: str) -> None:
        pick = self.chance.choice
        first, last = pick(_FIRST), pick(_LAST)
        company = f"{pick(_COMPANY)} {pick(_TRADE)}"
        domain = company.lower().replace(" ", "-") + ".example"
        seniority = pick(list(_TITLES)[: 5 if role == "grows_interested" else 6])
        by_sales = role in ("made_by_sales", "on_open_deal", "pays_invoices")
        payload: dict[str, Any] = {
            "created_by": "sales" if by_sales else "marketing",
            "created_through": "crm" if by_sales else pick(["form", "form", "list", "import"]),
            "email": f"{first}.{last}@{domain}".lower().replace("é", "e").replace("ü", "u"),
            "first_name": first,
            "last_name": last,
            "company": company,
            "domain": "competitor.example" if role == "competitor" else domain,
            "country": pick(["DE", "FR", "NL", "US", "BR"]),
            "job_title": _TITLES[seniority],
            "seniority": seniority,
            "employees": pick([8, 30, 60, 120, 400, 2500]),
        }
        if not by_sales:
            payload["source"] = pick(_SOURCES)
        if role == "pays_invoices":
            payload["role"] = "accounts_payable"
        self.happens("created", **payload)

    def looks(self, visits: int) -> None:
        for _ in range(visits):
            self.later(days=9)
            if self.maybe(0.3):
                self.happens("email_clicked", campaign=self.chance.choice(["spring", "autumn"]))
            else:
                page = self.chance.choice(["/", "/blog", "/pricing", "/pricing/teams", "/cases"])
                self.happens("web_visit", page=page)

    # -- what people come as -------------------------------------------------------------------

    def looks_around(self) -> None:
        self.looks(self.chance.randint(0, 5))
        if self.maybe(0.05):
            self.later(days=40)
            self.happens("disqualify", reason="student")

    def grows_interested(self) -> None:
        for _ in range(self.chance.randint(2, 5)):
            self.looks(self.chance.randint(1, 4))
            self.later(days=5)
            self.happens("form_filled", form=self.chance.choice(["Whitepaper", "Webinar"]))
        self.sales()

    def raises_hand(self) -> None:
        # Some fill in the form that creates them: it counts in the sort.
        if self.maybe(0.4):
            self.now += timedelta(seconds=20)
        else:
            self.looks(self.chance.randint(0, 3))
            self.later(days=10)
        form = self.chance.choice(["Demo", "Free Trial", "Contact Us"])
        self.happens("form_filled", form=f"Hand-Raise: {form}")
        self.sales()

    def made_by_sales(self) -> None:
        self.later(days=3)
        self.happens("sales_touched", by=self.chance.choice(_REPS))
        self.deal()

    def colleague_of_customer(self) -> None:
        self.now += timedelta(seconds=30)
        self.happens("opportunity_won", opportunity=f"o-{self.person}", amount=12_000.0)

    def on_open_deal(self) -> None:
        self.now += timedelta(seconds=30)
        self.deal(at_once=True)

    def pays_invoices(self) -> None:
        if self.maybe(0.2):
            self.later(days=30)
            self.happens("changed", role="buyer")

    def competitor(self) -> None:
        self.looks(2)

    # -- sales -----------------------------------------------------------------------------------

    def sales(self) -> None:
        """A salesperson looks at the lead, or nobody does."""
        if self.maybe(0.15):
            return
        self.later(days=4)
        if self.maybe(0.1):
            self.happens("sales_rejected", reason=self.chance.choice(["no_answer", "student"]))
            return
        if self.maybe(0.5):
            self.happens("owner_changed", owner=self.chance.choice(_REPS))
        else:
            self.happens("sales_touched", by=self.chance.choice(_REPS))
        self.later(days=12)
        if self.maybe(0.25):
            reason = self.chance.choice(["no_budget", "no_time", "no_answer", "not_ready"])
            self.happens("sales_rejected", reason=reason)
            if self.maybe(0.3):
                self.later(days=120)
                self.happens("form_filled", form="Hand-Raise: Demo")
                self.later(days=3)
                self.happens("sales_touched", by=self.chance.choice(_REPS))
                self.deal()
        elif self.maybe(0.15):
            reason = self.chance.choice(["wrong_person", "competitor", "student"])
            self.happens("sales_rejected", reason=reason)
        else:
            self.deal()

    def deal(self, *, at_once: bool = False) -> None:
        """An opportunity, which is won or lost in the end, or stays open."""
        if not at_once:
            if self.maybe(0.35):
                return
            self.later(days=20)
        deal = f"o-{self.person}-{len(self.came)}"
        amount = float(self.chance.randrange(4, 80) * 1000)
        closes = self.now + timedelta(days=self.chance.randint(30, 90))
        self.happens("opportunity_opened", opportunity=deal, amount=amount, closes_at=closes)
        self.later(days=70)
        if self.maybe(0.4):
            self.happens("opportunity_won", opportunity=deal)
        elif self.maybe(0.6):
            self.happens("opportunity_lost", opportunity=deal, reason="price")


def write(log: Sequence[Activity], folder: Path) -> None:
    """Write people and activities as the files that ``run`` reads without a mapping."""
    folder.mkdir()
    created = [one for one in log if one.kind == "created"]
    others = [one for one in log if one.kind != "created"]
    _write(
        folder / "people.csv",
        [{"id": one.person, "created_at": one.at, **one.payload} for one in created],
    )
    _write(
        folder / "activities.csv",
        [
            {"id": one.id, "person": one.person, "kind": one.kind, "at": one.at, **one.payload}
            for one in others
        ],
    )


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    names = dict.fromkeys(name for row in rows for name in row)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(names), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
