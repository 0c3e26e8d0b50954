"""Money against plain loops: pipeline, revenue, win rate, cycle, velocity (R48)."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Activity, Lifecycle, LifecycleError
from lifecycle_fsm.funnel import MoneyReport, Ratio, measure, money, observe
from lifecycle_fsm.model.currency import Money, reported
from lifecycle_fsm.tables import (
    OpportunityRow,
    TableWriter,
    opportunity_columns,
    opportunity_rows,
    read_opportunities,
)
from tests.funnel.made import MODEL, day, days, walk

EURO = attrs.evolve(MODEL, money=Money(currency="EUR", rates={"USD": 0.9, "GBP": 1.2}))
#: A history that is known up to day 100.
KEPT: dict[str, Any] = {"country": None, "sourced_by": None, "cohort": None}
HISTORY = [
    attrs.evolve(row, kept=tuple(KEPT.items()))
    for row in walk("p", ("processing", 0), ("mal", 1), ("mql", 100))
]
DEAL_AGE = days(30)


def deal(id: str = "o", person: str = "p", **more: Any) -> OpportunityRow:
    given: dict[str, Any] = {
        "status": "open",
        "amount": 100.0,
        "opened_at": day(10),
        "closes_at": day(120),
        "stage": "sql",
        "kept": KEPT,
    } | more
    model_money = given.pop("money", EURO.money)
    amount, currency = given["amount"], given.get("currency")
    given.setdefault("reported_amount", reported(amount, currency, model_money))
    if model_money is not None:
        given["currency"] = currency or model_money.currency
    return OpportunityRow(id=id, person=person, **given)


def won(id: str, opened: float | None, closed: float, **more: Any) -> OpportunityRow:
    at = None if opened is None else day(opened)
    return deal(id, **{"status": "won", "opened_at": at, "closed_at": day(closed), **more})


def report(
    rows: list[OpportunityRow],
    *,
    window: tuple[float | None, float | None] = (None, None),
    deal_age: timedelta | None = None,
    model: Any = EURO,
    **more: Any,
) -> MoneyReport:
    start, end = (None if at is None else day(at) for at in window)
    scope = observe(HISTORY, model, window=(start, end), **more)
    return money(scope, rows, deal_age)


# ------------------------------------------------------------------ by hand


def test_the_formula_beside_what_was_really_won() -> None:
    rows = [
        won("a", 10, 30, amount=1000.0),
        won("b", 20, 60, amount=3000.0),
        deal("c", status="lost", closed_at=day(50)),
        deal("d", status="lost", closed_at=day(50)),
        deal("e"),
        deal("f"),
        deal("g"),
    ]
    (row,) = report(rows, window=(0, 100)).groups
    assert (row.won.amount, row.won.average) == (4000.0, 2000.0)
    assert row.win_rate == Ratio(2, 4)
    assert (row.cycle, row.median_cycle, row.cycles) == (days(30), days(20), 2)
    assert row.velocity == 3 * 0.5 * 2000 / 30
    assert row.won_per_day == 40.0


def test_without_a_window_it_begins_with_the_first_opportunity() -> None:
    (row,) = report([won("a", 20, 30)]).groups
    assert (row.days, row.won_per_day) == (80.0, 100 / 80)


def test_what_lacks_an_amount_or_a_date_is_not_open_yet() -> None:
    rows = [deal("a", amount=None), deal("b", closes_at=None), deal("c")]
    (row,) = report(rows).groups
    assert (row.open.opportunities, row.incomplete) == (1, 2)


def test_old_ones_are_apart_and_not_in_the_velocity() -> None:
    rows = [deal("a", opened_at=day(70)), deal("b", opened_at=day(69)), deal("c", opened_at=None)]
    found = report([*rows, won("d", 10, 20)], deal_age=days(30))
    (row,) = found.groups
    assert (row.open.opportunities, row.old.opportunities) == (2, 1)
    assert [(old.id, old.age) for old in found.old] == [("b", days(31))]
    assert row.velocity == 2 * 1 * 100 / 10
    assert [(one.open.opportunities, one.old.opportunities) for one in found.pipeline] == [(2, 1)]


def test_currencies_without_a_rate_are_counted_apart_and_named() -> None:
    rows = [
        won("a", 10, 20, currency="USD", amount=10.0),
        won("b", 10, 20, currency="JPY", amount=900.0),
        deal("c", currency="JPY", amount=100.0),
        deal("d", currency="CHF", amount=7.0, status="lost", closed_at=day(20)),
        deal("e", currency="SEK", status="lost", closed_at=day(200)),
    ]
    found = report(rows)
    (row,) = found.groups
    assert (row.won.opportunities, row.won.amount, row.won.other_currency) == (2, 9.0, 1)
    assert (row.won.average, row.open.amount, row.open.other_currency) == (9.0, 0.0, 1)
    assert [(one.currency, one.opportunities, one.amount) for one in found.others] == [
        ("CHF", 1, 7.0),
        ("JPY", 2, 1000.0),
    ]
    scope = observe(HISTORY, EURO)
    assert next(found.notes(scope)) == (
        "currencies that have no rate in [money]: 7 CHF in 1 and 1,000 JPY in 2 of the "
        "opportunities; they are counted, and in no sum"
    )


def test_without_money_only_amounts_without_a_currency_are_added() -> None:
    rows = [
        won("a", 10, 20, amount=10.0, money=None),
        won("b", 10, 20, amount=20.0, money=None, currency="EUR"),
    ]
    found = report(rows, model=MODEL)
    assert (found.currency, found.groups[0].won.amount) == (None, 10.0)
    assert [one.currency for one in found.others] == ["EUR"]


def test_an_opportunity_of_several_people_counts_once_for_the_first_of_them() -> None:
    rows = [
        deal("o", "ann", opened_at=day(20), owner="a", stage="mql", amount=None),
        deal("o", "bob", opened_at=day(10), owner="b", stage="sal", amount=5.0),
        deal("o", "cid", opened_at=None, owner="c", stage="customer", amount=7.0),
        deal("o", "dan", opened_at=day(10), owner="d", stage="mal", amount=9.0),
    ]
    for seed in range(10):
        Random(seed).shuffle(rows)
        found = report(rows, by="owner")
        assert found.shared == 1
        assert [(one.group, one.stage, one.open.amount) for one in found.pipeline] == [
            ("b", "sal", 5.0)
        ]


def test_won_for_one_of_its_contacts_is_won() -> None:
    rows = [
        deal("o", "ann", opened_at=day(10)),
        won("o", 20, 40, person="bob"),
        deal("o", "cid", opened_at=day(30), status="lost", closed_at=day(35)),
    ]
    (row,) = report(rows).groups
    assert (row.open.opportunities, row.won.opportunities, row.lost.opportunities) == (0, 1, 0)
    assert row.cycle == days(30)


def test_nothing_to_divide_by_is_no_number() -> None:
    (row,) = report([]).groups
    assert (row.velocity, row.won_per_day, row.cycle, row.win_rate.share) == (None,) * 4
    (row,) = report([won("a", 20, 20)]).groups
    assert row.velocity is None
    (row,) = report([won("a", 20, 30)], window=(0, 0)).groups
    assert (row.days, row.won_per_day) == (0.0, None)


# ------------------------------------------------------------------ at random

OWNERS = ("ann", "bob", None)
COUNTRIES = ("DE", "FR", None)


def made(random: Random) -> list[OpportunityRow]:
    """Opportunities of a few people, many of them shared, in any order."""
    people = {
        f"p{number}": {
            "owner": random.choice(OWNERS),
            "source": random.choice(["web", "fair"]),
            "stage": random.choice(["mql", "sal", "sql", "customer", "recycled"]),
            "kept": KEPT | {"country": random.choice(COUNTRIES)},
        }
        for number in range(8)
    }
    rows = []
    for number in range(random.randint(0, 25)):
        opened = random.choice([None, *range(0, 90, 10)])
        for person in random.sample(sorted(people), random.choice([1, 1, 1, 2, 3])):
            status = random.choice(["open", "open", "won", "lost"])
            closed = (opened or 0) + random.choice([0, 5, 30])
            rows.append(
                deal(
                    f"o{number}",
                    person,
                    status=status,
                    amount=random.choice([None, 0.1, 0.2, 100.0, -3.0, 1e17]),
                    currency=random.choice([None, None, "EUR", "USD", "JPY"]),
                    opened_at=None if opened is None else day(opened + random.choice([0, 0, 1])),
                    closes_at=random.choice([None, day(120), day(120)]),
                    closed_at=None if status == "open" else day(closed),
                    **people[person],
                )
            )
    random.shuffle(rows)
    return rows


def plain(
    rows: list[OpportunityRow],
    start: datetime | None,
    end: datetime | None,
    by: str | None,
    keep: Any = lambda row: True,
) -> dict[str, dict[str, Any]]:
    """The numbers by loops that know nothing of the package's."""
    rank = {"open": 0, "lost": 1, "won": 2}
    groups: dict[str, dict[str, Any]] = {}
    times = []
    for name in sorted({row.id for row in rows}):
        those = [row for row in rows if row.id == name]
        those.sort(key=lambda row: (row.opened_at is None, row.opened_at or day(0), row.person))
        holder = those[0]
        status = max((row.status for row in those), key=rank.__getitem__)
        priced = [row for row in those if row.amount is not None]
        opened = min((row.opened_at for row in those if row.opened_at is not None), default=None)
        closes = next((row.closes_at for row in those if row.closes_at is not None), None)
        closed: Any = min(
            (row.closed_at for row in those if row.status == status and row.closed_at is not None),
            default=None,
        )
        times += [at for at in (opened, closed) if at is not None]
        if not keep(holder):
            continue
        value = "" if by is None else {"owner": holder.owner, **holder.kept}[by] or "(none)"
        sums = groups.setdefault(str(value), defaultdict(list))
        amount = None
        if priced:
            rates = {"EUR": 1.0, "USD": 0.9, "GBP": 1.2}
            rate = rates.get(priced[0].currency or "EUR")
            amount = None if rate is None else (priced[0].amount or 0.0) * rate
        if status == "open":
            if not priced or closes is None:
                sums["incomplete"].append(None)
            elif opened is not None and day(100) - opened > DEAL_AGE:
                sums["old"].append(amount)
            else:
                sums["open"].append(amount)
                sums[f"open in {holder.stage}"].append(amount)
        elif closed <= day(100) and (start or closed) <= closed and (not end or closed < end):
            sums[status].append(amount)
            if status == "won" and opened is not None:
                sums["cycle"].append(closed - opened)
    last = min(end or day(100), day(100))
    first = start or min(times, default=last)
    for sums in groups.values():
        sums["days"] = max((last - first) / days(1), 0.0)
    return groups


def exact(amounts: list[float | None]) -> float:
    return float(sum((Fraction(one) for one in amounts if one is not None), Fraction(0)))


WINDOWS = [(None, None), (20, 60), (None, 50), (30, None), (0, 200)]


@pytest.mark.parametrize("seed", range(60))
def test_r48_money_is_what_plain_loops_give(seed: int) -> None:
    random = Random(seed)
    rows, window = made(random), random.choice(WINDOWS)
    by, country = random.choice([None, "owner", "country"]), random.choice([None, "DE"])
    where = None if country is None else "country == 'DE'"
    found = report(rows, window=window, deal_age=DEAL_AGE, by=by, where=where)
    start, end = (None if at is None else day(at) for at in window)
    keep = (lambda row: True) if country is None else (lambda row: row.kept["country"] == "DE")
    expected = plain(rows, start, end, by, keep)
    if by is None:
        expected = expected or {"": defaultdict(list, days=found.groups[0].days)}
    assert {row.group for row in found.groups} == set(expected)
    for row in found.groups:
        sums = expected[row.group]
        assert row.days == sums["days"]
        assert row.incomplete == len(sums["incomplete"])
        for name in ("open", "old", "won", "lost"):
            amounts = getattr(row, name)
            assert amounts.opportunities == len(sums[name])
            assert amounts.amount == exact(sums[name])
            unknown = sum(one is None for one in sums[name])
            assert amounts.other_currency + amounts.no_amount == unknown
        cycle = sums["cycle"]
        mean = sum(cycle, timedelta(0)) / len(cycle) if cycle else None
        assert (row.cycles, row.cycle) == (len(cycle), mean)
        middle = sorted(cycle)[(len(cycle) - 1) // 2] if cycle else None
        assert row.median_cycle == middle
    for stage in found.pipeline:
        in_stage = expected[stage.group][f"open in {stage.stage}"]
        assert (stage.open.opportunities, stage.open.amount) == (len(in_stage), exact(in_stage))


def counts(found: MoneyReport) -> dict[str, tuple[Any, ...]]:
    """Numbers that add up: how many, and in other currencies; sums in cents that are exact."""
    return {
        name: (
            sum(getattr(row, name).opportunities for row in found.groups),
            sum(getattr(row, name).other_currency for row in found.groups),
            sum(Fraction(getattr(row, name).amount) for row in found.groups),
        )
        for name in ("open", "old", "won", "lost")
    }


@pytest.mark.parametrize("seed", range(30))
def test_groups_and_filters_add_up_to_the_whole(seed: int) -> None:
    random = Random(seed)
    rows = [
        row if row.amount is None else attrs.evolve(row, amount=64.0, reported_amount=64.0)
        for row in made(random)
    ]
    rows = [attrs.evolve(row, currency="EUR") for row in rows]
    whole = report(rows, deal_age=DEAL_AGE)
    for by in ("owner", "country", "source"):
        assert counts(report(rows, deal_age=DEAL_AGE, by=by)) == counts(whole)
    for where in ("country == 'DE'", "owner is known"):
        inside = counts(report(rows, deal_age=DEAL_AGE, where=where))
        outside = counts(report(rows, deal_age=DEAL_AGE, where=f"not ({where})"))
        for name, numbers in counts(whole).items():
            both = zip(inside[name], outside[name], strict=True)
            assert tuple(one + other for one, other in both) == numbers
    sums = {"open": whole.groups[0].open, "old": whole.groups[0].old}
    for name, amounts in sums.items():
        parts = [getattr(row, name) for row in whole.pipeline]
        assert sum(part.opportunities for part in parts) == amounts.opportunities
        assert sum(part.amount for part in parts) == amounts.amount


@pytest.mark.parametrize("seed", range(10))
def test_no_number_depends_on_the_order_of_the_rows(seed: int) -> None:
    random = Random(seed)
    rows = made(random)
    first = report(rows, by="owner", deal_age=DEAL_AGE)
    random.shuffle(rows)
    assert report(rows, by="owner", deal_age=DEAL_AGE) == first


# ------------------------------------------------------------------ the table


def company() -> Lifecycle:
    lifecycle = Lifecycle(EURO)
    for name, country in (("ann", "DE"), ("bob", None)):
        lifecycle.admit(name, at=day(0), country=country, source="web")
    lifecycle.tick(day(1))
    happened: list[tuple[str, str, str, dict[str, Any]]] = [
        ("bob", "opened", "o2", {"amount": 10, "currency": "USD", "closes_at": day(90)}),
        ("bob", "opened", "o1", {"amount": 7.5}),
        ("ann", "won", "o2", {"currency": "JPY", "amount": 3}),
        ("ann", "lost", "=o", {}),
    ]
    for number, (name, kind, deal_id, more) in enumerate(happened):
        lifecycle.apply(
            Activity(
                f"a{number}",
                name,
                f"opportunity_{kind}",
                day(2 + number),
                {"opportunity": deal_id, **more},
            )
        )
    return lifecycle


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_table_is_read_back_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    lifecycle = company()
    rows = list(opportunity_rows(lifecycle, EURO))
    assert [(row.person, row.id, row.status, row.reported_amount) for row in rows] == [
        ("ann", "=o", "lost", None),
        ("ann", "o2", "won", None),
        ("bob", "o1", "open", 7.5),
        ("bob", "o2", "open", 9.0),
    ]
    assert [row.currency for row in rows] == ["EUR", "JPY", "EUR", "USD"]
    kept = {name: EURO.field_types[name] for name in EURO.dimensions}
    path = tmp_path / f"opportunities{suffix}"
    TableWriter(opportunity_columns(kept), rows).save(path)
    assert list(read_opportunities(path, EURO)) == rows


def test_a_dimension_with_the_name_of_a_column_has_its_own() -> None:
    model = attrs.evolve(EURO, fields={"status": "str | None"}, dimensions=("status",))
    lifecycle = Lifecycle(model)
    lifecycle.admit("ann", at=day(0), status="vip")
    lifecycle.apply("ann", "opportunity_opened", at=day(1), opportunity="o")
    rows = list(opportunity_rows(lifecycle, model))
    columns = opportunity_columns({"status": model.field_types["status"]})
    frame = TableWriter(columns, rows).take()
    assert (frame["status"][0], frame["person_status"][0]) == ("open", "vip")
    assert money(observe([], model, by="status"), rows).groups[0].group == "vip"


def test_what_is_no_table_of_opportunities_is_told(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text("id,person\no,p\n")
    with pytest.raises(
        LifecycleError, match="no table of opportunities: it has no column 'status'"
    ):
        list(read_opportunities(path, EURO))
    columns = [column.name for column in opportunity_columns({})]
    path.write_text(",".join(columns) + "\no,p,gone" + "," * (len(columns) - 3) + "\n")
    with pytest.raises(LifecycleError, match="line 2, column status: 'gone' is none of"):
        list(read_opportunities(path, EURO))


# ------------------------------------------------------------------ the report


def measured(**more: Any) -> Any:
    return measure(HISTORY, EURO, opportunities=[deal("a"), won("b", 1, 3)], **more)


def test_the_report_has_money_where_there_are_opportunities() -> None:
    assert "money" in measured().measures
    without = measure(HISTORY, EURO)
    assert ("money" in without.measures, without.money) == (False, None)
    assert not [note for note in without.notes if "opportunities" in note]
    with pytest.raises(LifecycleError, match="amounts are read from the table `opportunities`"):
        measure(HISTORY, EURO, measures=["money"])


def test_programs_get_money_with_its_formula() -> None:
    found = measured(measures=["money"], deal_age=days(7)).as_dict()["measures"]["money"]
    assert "win rate" in found["formula"]
    assert (found["currency"], found["deal_age_days"]) == ("EUR", 7.0)
    (row,) = found["groups"]
    assert row["won"] == {
        "opportunities": 1, "amount": 100.0, "other_currency": 0, "no_amount": 0, "average": 100.0,
    }  # fmt: skip
    assert (row["cycle_days"], row["median_cycle_days"], row["win_rate"]["whole"]) == (2.0, 2.0, 1)
    assert found["old"][0]["age_days"] == 90.0


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"by": "rule"}, "keeps no 'rule'"),
        ({"journeys": "first"}, "belong to no journey"),
    ],
)
def test_what_money_cannot_be_split_by_is_told(how: dict[str, Any], reason: str) -> None:
    with pytest.raises(LifecycleError, match=reason):
        measured(measures=["money"], **how)
    report = measured(**how)
    assert "money" not in report.measures
    assert any(reason in note for note in report.notes)


def test_money_of_an_earlier_window_tells_that_the_table_has_no_past() -> None:
    notes = measured(window=(None, day(50)), by="owner").notes
    assert any("the table of opportunities has no past" in note for note in notes)
    assert any("what their contact has at the end of the run" in note for note in notes)
