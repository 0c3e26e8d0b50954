"""Money in the data silo: currencies, times and sums of opportunities [S22]; ``[money]`` [S28]."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Activity, Lifecycle, Model, ModelError, dumps, load, loads
from lifecycle_fsm.checks import check
from lifecycle_fsm.model import stub
from lifecycle_fsm.model.currency import Money, total
from lifecycle_fsm.person import Opportunity
from lifecycle_fsm.silos.data import merged_opportunity
from lifecycle_fsm.testing import Bench
from lifecycle_fsm.testing.cases import cases_of

T = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SHOP = """
name = "shop"
settle = "1 day"
stages = [{ name = "new" }, { name = "lead" }, { name = "deal" }, { name = "customer" }]
sort = [{ name = "all", when = "otherwise", to = "lead" }]
moves = [
    { name = "large", from = "lead", to = "deal", when = "open_amount >= 50000" },
    { name = "bought", from = "deal", to = "customer", when = "won_amount > 100.5" },
]
"""
MONEY = """
[money]
currency = "EUR"
rates = { USD = 0.92, GBP = 1.17 }
"""
QUIET = SHOP.replace("open_amount >= 50000", "open_opportunities >= 1").replace(
    "won_amount > 100.5", "won_opportunities >= 1"
)
RATES = {None: 1, "EUR": 1, "USD": 0.92, "GBP": 1.17}


def shop(text: str = SHOP + MONEY) -> Lifecycle:
    lifecycle = Lifecycle(loads(text, "shop.toml"))
    lifecycle.admit("ann", at=T)
    lifecycle.tick(T + DAY)
    return lifecycle


def known(lifecycle: Lifecycle, id: str) -> Any:
    return lifecycle.person(id)


def deal(lifecycle: Lifecycle, kind: str, days: float = 2, id: str = "o", **more: Any) -> Any:
    return lifecycle.apply("ann", f"opportunity_{kind}", at=T + days * DAY, opportunity=id, **more)


# ------------------------------------------------------------------ currency and times


def test_s22_an_opportunity_keeps_its_currency_and_its_times() -> None:
    lifecycle = shop()
    person = known(lifecycle, "ann")
    deal(lifecycle, "opened", 2, amount=5, currency=" usd", closes_at=T + 90 * DAY)
    opened = Opportunity("open", 5.0, T + 90 * DAY, "USD", T + 2 * DAY)
    assert person.opportunities["o"] == opened
    deal(lifecycle, "changed", 3, amount=7)
    deal(lifecycle, "opened", 4)
    assert person.opportunities["o"] == opened._replace(amount=7.0)
    deal(lifecycle, "lost", 5)
    deal(lifecycle, "lost", 6)
    lost = opened._replace(amount=7.0, status="lost", closed_at=T + 5 * DAY)
    assert person.opportunities["o"] == lost
    deal(lifecycle, "opened", 7)
    assert person.opportunities["o"] == opened._replace(amount=7.0)
    deal(lifecycle, "won", 8, currency="gbp")
    won = opened._replace(amount=7.0, status="won", currency="GBP", closed_at=T + 8 * DAY)
    assert person.opportunities["o"] == won


@pytest.mark.parametrize("kind", ["changed", "won", "lost"])
def test_an_opportunity_that_nothing_opened_has_no_time_of_opening(kind: str) -> None:
    lifecycle = shop()
    deal(lifecycle, kind, 2)
    assert known(lifecycle, "ann").opportunities["o"].opened_at is None


# ------------------------------------------------------------------ sums


KINDS = ("opened", "opened", "changed", "won", "lost")


def happening(random: Random, number: int) -> Activity:
    """Something about one of three deals, in one of five currencies, of one of two people."""
    brings: dict[str, Any] = {"opportunity": random.choice("xyz")}
    if random.random() < 0.7:
        brings["amount"] = random.choice([0.1, 0.2, 0.3, 1e16, -1e16, 100.0])
    if random.random() < 0.5:
        brings["currency"] = random.choice(["EUR", "USD", "GBP", "JPY"])
    if random.random() < 0.7:
        brings["closes_at"] = T + 90 * DAY
    kind = f"opportunity_{random.choice(KINDS)}"
    return Activity(str(number), random.choice("pq"), kind, T + (2 + number) * DAY, brings)


def sums(opportunities: dict[str, Opportunity]) -> tuple[float, float]:
    """The sums by a plain loop over exact numbers."""
    both = {"open": Fraction(0), "won": Fraction(0)}
    for one in opportunities.values():
        if one.status not in both or one.amount is None or one.currency not in RATES:
            continue
        if one.status == "open" and one.closes_at is None:
            continue
        both[one.status] += Fraction(one.amount * RATES[one.currency])
    return float(both["open"]), float(both["won"])


def people(text: str) -> Lifecycle:
    lifecycle = Lifecycle(loads(text, "shop.toml"))
    for name in "pq":
        lifecycle.admit(name, at=T)
    lifecycle.tick(T + DAY)
    return lifecycle


@pytest.mark.parametrize("seed", range(40))
def test_amounts_are_the_sums_of_what_counts_also_after_a_merge(seed: int) -> None:
    random = Random(seed)
    log = [happening(random, number) for number in range(12)]
    merged = {}
    for survivor, loser in ("pq", "qp"):
        lifecycle = people(QUIET + MONEY)
        for activity in log:
            lifecycle.apply(activity)
            person = known(lifecycle, activity.person)
            assert (person.open_amount, person.won_amount) == sums(dict(person.opportunities))
        lifecycle.apply(survivor, "merged", at=T + 30 * DAY, loser=loser)
        person = known(lifecycle, survivor)
        assert (person.open_amount, person.won_amount) == sums(dict(person.opportunities))
        merged[survivor] = person
        again = Lifecycle(lifecycle.model)
        again.restore(json.loads(json.dumps(lifecycle.dump(survivor))))
        restored = known(again, survivor)
        assert restored.opportunities == person.opportunities
        assert (restored.open_amount, restored.won_amount) == (
            person.open_amount,
            person.won_amount,
        )
    assert dict(merged["p"].opportunities) == dict(merged["q"].opportunities)
    assert merged["p"].open_amount == merged["q"].open_amount
    assert merged["p"].won_amount == merged["q"].won_amount


MERGES = {
    "an amount keeps its currency": (
        Opportunity("open", None, None, "EUR"),
        Opportunity("open", 5.0, None, "USD"),
        Opportunity("open", 5.0, None, "USD"),
    ),
    "a currency that only the other knows": (
        Opportunity("open", 5.0),
        Opportunity("open", 7.0, None, "USD"),
        Opportunity("open", 5.0, None, "USD"),
    ),
    "opened when the first says so": (
        Opportunity("open", opened_at=T + DAY),
        Opportunity("open", opened_at=T),
        Opportunity("open", opened_at=T),
    ),
    "closed as the status that counts": (
        Opportunity("won", closed_at=T + DAY),
        Opportunity("lost", closed_at=T),
        Opportunity("won", closed_at=T + DAY),
    ),
    "closed when the first says so": (
        Opportunity("won", closed_at=T + DAY),
        Opportunity("won", closed_at=T),
        Opportunity("won", closed_at=T),
    ),
    "closed for one of them": (
        Opportunity("open", opened_at=T),
        Opportunity("lost", closed_at=T + DAY),
        Opportunity("lost", opened_at=T, closed_at=T + DAY),
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "both"), MERGES.values(), ids=MERGES.keys())
def test_s23_one_opportunity_of_two_records(
    ours: Opportunity, theirs: Opportunity, both: Opportunity
) -> None:
    assert merged_opportunity(ours, theirs) == both


def test_a_sum_does_not_depend_on_the_order_and_stays_a_number() -> None:
    assert total([1e308, 1e308, -1e308]) == total([1e308, -1e308, 1e308]) == 1e308
    assert total([1e308, 1e308]) == -total([-1e308, -1e308]) == 1.7976931348623157e308
    assert total([0.1] * 10) == 1.0
    assert Money(currency="EUR", rates={"BTC": 1e9}).reported(1e308, "BTC") == total([1e308] * 2)


def test_told_amounts_without_ids_keep_the_greater_in_a_merge() -> None:
    lifecycle = people(QUIET + MONEY)
    lifecycle.apply("p", "changed", at=T + 2 * DAY, won_amount=5)
    lifecycle.apply("q", "changed", at=T + 2 * DAY, won_amount=9.5)
    lifecycle.apply("p", "merged", at=T + 3 * DAY, loser="q")
    assert known(lifecycle, "p").won_amount == 9.5


# ------------------------------------------------------------------ the model


def test_a_model_keeps_its_money_in_its_file() -> None:
    model = loads(SHOP + MONEY, "shop.toml")
    assert model.money == Money(currency="EUR", rates={"GBP": 1.17, "USD": 0.92})
    again = loads(dumps(model), "again.toml")
    assert (again, again.version) == (model, model.version)
    assert "amount" not in dumps(loads(QUIET + MONEY, "quiet.toml"))


@pytest.mark.parametrize(
    ("money", "fault"),
    [
        ('currency = "Euro"', "'Euro' is no ISO 4217 code"),
        ("rates = { USD = 1 }", "'currency' is missing"),
        ('currency = "EUR"\nrates = { usd = 1 }', "'usd' is no ISO 4217 code"),
        ('currency = "EUR"\nrates = { EUR = 1 }', "the reporting currency itself"),
        ('currency = "EUR"\nrates = { USD = 0 }', "the EUR for 1 USD, not 0.0"),
        ('currency = "EUR"\nrates = { USD = inf }', "the EUR for 1 USD, not inf"),
        ('currency = "EUR"\nrates = { USD = "1" }', "the EUR for 1 USD, not '1'"),
        ('currency = "EUR"\nrates = { USD = true }', "the EUR for 1 USD, not True"),
        ('currency = "EUR"\nrates = 1', "a table of currency and rate, not 1"),
        ('currency = "EUR"\nrate = 1', "did you mean 'rates'"),
        ('currency = "EUR"\n[fields]\nopen_amount = "float"', "the opportunities give this field"),
        ('currency = "EUR"\n[merging]\nwon_amount = "sum"', "follows from the opportunities"),
    ],
)
def test_s5_money_that_cannot_be_is_refused(money: str, fault: str) -> None:
    with pytest.raises(ModelError) as caught:
        loads(f"{QUIET}\n[money]\n{money}\n", "shop.toml")
    assert fault in str(caught.value)


def test_s28_money_is_meaning_only_where_a_rule_reads_an_amount() -> None:
    other = MONEY.replace("0.92", "0.95")

    def version(text: str) -> str:
        return loads(text, "shop.toml").version

    assert version(QUIET) == version(QUIET + MONEY) == version(QUIET + other)
    assert version(SHOP + MONEY) != version(SHOP + other)
    renamed = MONEY.replace("USD = 0.92, GBP = 1.17", "GBP = 1.17, USD = 0.92")
    assert version(SHOP + MONEY) == version(SHOP + renamed)


def test_without_money_a_model_may_have_fields_of_these_names() -> None:
    fields = '[fields]\nopen_amount = "int"\n'
    lifecycle = shop(QUIET + fields)
    deal(lifecycle, "opened", amount=5, closes_at=T + DAY)
    assert known(lifecycle, "ann").open_amount == 0
    assert not hasattr(load("waterfall"), "open_amount")
    with pytest.raises(ModelError, match="no field named 'open_amount'"):
        loads(SHOP, "shop.toml")


def test_a_model_that_loses_its_money_loses_the_fields() -> None:
    model = loads(QUIET + MONEY, "shop.toml")
    assert set(model.field_types) - set(attrs.evolve(model, money=None).field_types) == {
        "open_amount",
        "won_amount",
    }


# ------------------------------------------------------------------ guards


def test_r48_guards_read_amounts_in_every_reading() -> None:
    lifecycle = shop()
    (refusal,) = lifecycle.explain("ann", at=T + DAY)
    assert str(refusal) == "large -> deal: ✗ open amount ≥ 50000 (it is 0.0)"
    moved = deal(lifecycle, "opened", amount=60_000, currency="USD", closes_at=T + DAY)
    assert [row.rule for row in moved.rows] == ["large"]
    assert [row.rule for row in deal(lifecycle, "won", 3).rows] == ["bought"]
    assert known(lifecycle, "ann").won_amount == 55_200


def test_a_story_tells_amounts_with_their_currency() -> None:
    log: list[Activity] = []
    lifecycle = Lifecycle(loads(SHOP + MONEY, "shop.toml"), log=log.append)
    lifecycle.admit("ann", at=T)
    deal(lifecycle, "opened", amount=60_000, currency="USD", closes_at=T + DAY)
    deal(lifecycle, "changed", 3, currency="GBP")
    deal(lifecycle, "won", 4, id="u", amount=5)
    text = str(lifecycle.story("ann", log))
    assert "Opportunity o opened: 60,000 USD, to close on" in text
    assert "Opportunity o changed: amount 60,000 GBP, was 60,000 USD" in text
    assert "Opportunity u won: 5 EUR" in text


def test_an_unknown_currency_counts_as_a_deal_and_not_as_an_amount() -> None:
    lifecycle = shop()
    deal(lifecycle, "opened", amount=60_000, currency="JPY", closes_at=T + DAY)
    person = known(lifecycle, "ann")
    assert (person.stage, person.open_opportunities, person.open_amount) == ("lead", 1, 0.0)
    deal(lifecycle, "changed", 3, currency="EUR")
    assert (person.stage, person.open_amount) == ("deal", 60_000.0)


def test_checks_cases_and_types_know_amounts() -> None:
    model = loads(SHOP + MONEY, "shop.toml")
    assert not [finding for finding in check(model) if finding.severity != "note"]
    table = cases_of(model)
    given = [row.given for row in table.rows if row.rule == "large"]
    assert any("50000" in str(values) for values in given)
    tour = [row for row in table.rows if row.part == "tour"]
    assert any("opportunity_opened" in str(row) and "50000" in str(row) for row in tour)
    assert "    open_amount: float\n" in stub(model)


def test_somebody_in_a_stage_has_deals_that_make_up_the_amount() -> None:
    bench = Bench(loads(SHOP + MONEY, "shop.toml"))
    person: Any = bench.person_in(
        "deal", open_opportunities=2, open_amount=600.0, won_opportunities=1
    )
    assert [one.amount for one in person.opportunities.values()] == [600.0, 0.0, 0.0]
    assert (person.open_amount, person.won_amount) == (600.0, 0.0)


# ------------------------------------------------------------------ saved states


def saved(text: str, **changes: Any) -> dict[str, Any]:
    lifecycle = shop(text)
    deal(lifecycle, "opened", amount=100, currency="USD", closes_at=T + DAY)
    return {**json.loads(json.dumps(lifecycle.dump("ann"))), **changes}


def restored(text: str, state: dict[str, Any]) -> Any:
    lifecycle = Lifecycle(loads(text, "shop.toml"))
    lifecycle.restore(state)
    return known(lifecycle, "ann")


def test_an_older_state_ends_with_the_close_date() -> None:
    old = saved(QUIET)
    old["opportunities"] = {"o": ["open", 100.0, "2025-01-02T00:00:00+00:00"]}
    person = restored(QUIET + MONEY, old)
    assert person.opportunities["o"] == Opportunity("open", 100.0, T + DAY)
    assert person.open_amount == 100.0


def test_a_state_gets_its_amounts_anew_where_the_rates_are_others() -> None:
    state = saved(QUIET + MONEY)
    assert state["fields"]["open_amount"] == 92.0
    assert restored(QUIET + MONEY, state).open_amount == 92.0
    assert restored(QUIET + MONEY.replace("0.92", "0.5"), state).open_amount == 50.0
    assert restored(QUIET + MONEY.replace("USD", "CHF"), state).open_amount == 0.0
    assert not hasattr(restored(QUIET, state), "open_amount")
    assert restored(QUIET + MONEY, saved(QUIET)).open_amount == 92.0


def test_an_amount_that_was_told_stays_as_long_as_the_rates_do() -> None:
    lifecycle = shop(QUIET + MONEY)
    lifecycle.apply("ann", "changed", at=T + 2 * DAY, open_amount=7)
    state = json.loads(json.dumps(lifecycle.dump("ann")))
    assert restored(QUIET + MONEY, state).open_amount == 7.0
    assert not hasattr(restored(QUIET, state), "open_amount")


def test_s28_people_move_to_new_rates_that_guards_read_by_a_migration() -> None:
    model: Model = loads(SHOP + MONEY.replace("0.92", "600"), "shop.toml")
    later = Lifecycle(model)
    state = saved(SHOP + MONEY)
    later.migrate(state, at=T + 3 * DAY)
    person = known(later, "ann")
    assert (person.open_amount, person.stage) == (60_000.0, "deal")
