"""What pages of the documentation state in tables and sentences, without showing it."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import lifecycle_fsm
from lifecycle_fsm import Lifecycle, Model, ModelError, load, loads, parse_guard
from lifecycle_fsm.store.database import PATIENCE
from tests.pages.guards import holds, written

DOCS = Path(__file__).parents[2] / "docs"
MODEL = (DOCS / "understand/model.md").read_text("utf-8")
GUARDS = (DOCS / "understand/guards.md").read_text("utf-8")
KEEP_RUNNING = (DOCS / "embed/keep-running.md").read_text("utf-8")


def table(page: str, heading: str) -> list[tuple[str, str]]:
    """The rows of two cells below a heading, the first of which is code."""
    section = page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `(.+?)` \| (.+) \|$", section, re.MULTILINE)


# ------------------------------------------------------------------ guards


@pytest.mark.parametrize(("text", "python"), table(GUARDS, "The same in Python"))
def test_a_guard_is_the_same_in_python(text: str, python: str) -> None:
    names = {name: getattr(lifecycle_fsm, name) for name in lifecycle_fsm.__all__}
    code = python.strip("`").replace("\\|", "|")
    assert parse_guard(text) == eval(code, names | {"date": date})


@pytest.mark.parametrize(("guard", "message"), table(GUARDS, "What is refused"))
def test_a_guard_is_refused_in_these_words(guard: str, message: str) -> None:
    with pytest.raises(ModelError) as refused:
        holds(guard)
    for part in message.split(" … "):
        assert part in str(refused.value)


def test_both_tables_are_read() -> None:
    assert len(table(GUARDS, "The same in Python")) == 17
    assert len(table(GUARDS, "What is refused")) == 16


def test_how_tight_operators_bind() -> None:
    sentence = " ".join(GUARDS.split()).split("these two are one guard: ")[1].split(". ")[0]
    loose, tight = re.findall(r"`(.+?)`", sentence)
    assert parse_guard(loose) == parse_guard(tight)


def test_arithmetic_of_whole_numbers_is_exact_and_stays_within_64_bits() -> None:
    assert holds("behavior_score * 0.29 == 29", behavior_score=100)
    assert holds("behavior_score * 9223372036854775807 == 9223372036854775807", behavior_score=2)


@pytest.mark.parametrize(
    ("effect", "value"),
    [
        ("behavior_score * 0.5", 37),
        ("behavior_score * $half", 37),
        ("min(behavior_score, $mql_threshold - 1)", 64),
        ("max(behavior_score, 80)", 80),
    ],
)
def test_what_an_effect_writes_into_a_score_of_75(effect: str, value: int) -> None:
    assert written(f'behavior_score = "{effect}"', "behavior_score", behavior_score=75) == value


def test_what_an_effect_writes_into_other_fields() -> None:
    assert written('hand_raised_at = "now"', "hand_raised_at").day == 11
    assert written("lead_status = \"'open'\"", "lead_status") == "open"
    assert written('hand_raised = "interested"', "hand_raised", behavior_score=70) is True


# ------------------------------------------------------------------ the model file

SMALLEST, *PARTS = re.findall(r"^```toml\n(.*?)^```$", MODEL, re.DOTALL | re.MULTILINE)
#: The model of the page, without the step that a program has to bring.
ACME = "\n".join(part for part in PARTS if "ask_the_registry" not in part)


@pytest.fixture
def acme() -> Lifecycle:
    return Lifecycle(loads(ACME))


def test_the_smallest_file_is_a_model() -> None:
    assert [stage.name for stage in loads(SMALLEST).path] == ["new", "contact", "customer"]


def test_the_page_lists_the_fields_that_everybody_has() -> None:
    section = MODEL.split("Everybody has these fields")[1].split("Guards may")[0]
    listed = {
        name: kind.replace("\\|", "|")
        for kind, names in re.findall(r"^\| `(.+?)` \| (`.+) \|$", section, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert listed == {name: str(kind) for name, kind in load("two_step").field_types.items()}


def test_fields_of_ones_own_have_bounds_and_defaults(acme: Lifecycle) -> None:
    ann: Any = acme.admit("ann", at="2024-05-01T09:00Z", plan="pro", seats=900, country="AT")
    assert (ann.plan, ann.seats, ann.partner, ann.budget) == ("pro", 500, False, None)
    assert (ann.history[-1].value("country"), ann.history[-1].value("owner")) == ("AT", None)


def test_a_label_is_not_part_of_the_version() -> None:
    relabelled = ACME.replace("Marketing Qualified", "Sales-ready")
    assert relabelled != ACME
    assert loads(relabelled).version == loads(ACME).version


def test_the_kind_of_a_move_follows_from_its_stages(acme: Lifecycle) -> None:
    kinds = {edge.name: edge.kind for edge in acme.model.edges}
    assert (kinds["became_interested"], kinds["bought_at_once"]) == ("step", "fast_track")
    assert (kinds["gave_up"], kinds["rested"]) == ("detour", "return")


def test_points_for_what_is_known_and_for_what_somebody_does(acme: Lifecycle) -> None:
    dee: Any = acme.admit("dee", at="2024-05-01T09:00Z", employees=80, job_title="Student")
    assert dee.demographic_score == -5
    acme.apply("dee", "form_filled", at="2024-05-02T09:00Z", form="Newsletter")
    assert dee.behavior_score == 20
    acme.apply("dee", "web_visit", at="2024-05-03T09:00Z", page="/careers/sales")
    acme.apply("dee", "web_visit", at="2024-05-04T09:00Z", page="/careers")
    assert dee.behavior_score == 0  # and not -10: the field says min = 0
    acme.apply("dee", "changed", at="2024-05-05T09:00Z", job_title="Buyer")
    assert dee.demographic_score == 15


def test_caps_and_decay(acme: Lifecycle) -> None:
    hal: Any = acme.admit("hal", at="2024-05-01T09:00Z")
    for minute in range(10, 16):
        acme.apply("hal", "web_visit", at=f"2024-05-02T09:{minute}Z", page="/pricing")
    assert hal.behavior_score == 20
    acme.apply("hal", "web_visit", at="2024-05-03T09:00Z", page="/pricing")
    for until, score in (
        ("2024-06-02T08:59Z", 30),
        ("2024-06-02T09:00Z", 15),
        ("2024-07-02T09:00Z", 7),
    ):
        acme.tick(until)
        assert hal.behavior_score == score


def test_the_sort_takes_the_first_rule_that_holds(acme: Lifecycle) -> None:
    def rule(name: str, **fields: Any) -> str:
        return acme.admit(name, at="2024-08-01T09:00Z", **fields).history[1].rule

    assert rule("dan", hand_raised=True, won_opportunities=1) == "bought_already"
    assert rule("eve", hand_raised=True) == "asked_at_once"
    assert rule("fay") == "everybody_else"


def test_the_first_rule_of_assignment_that_holds_decides(acme: Lifecycle) -> None:
    def assigned(name: str, **fields: str) -> Any:
        person: Any = acme.admit(name, at="2024-06-03T08:00Z", hand_raised=True, **fields)
        return person.assigned_to

    assert assigned("kim", owner="rep.ben", country="AT") == "rep.ben"
    assert assigned("lou", country="AT") == "rep.vienna"
    assert {assigned("may"), assigned("ned")} <= {"rep.ada", "rep.ben"}


def test_how_fields_of_two_records_are_merged(acme: Lifecycle) -> None:
    pia: Any = acme.admit(
        "pia", at="2024-06-03T08:00Z", behavior_score=10, owner="rep.ada", plan="pro"
    )
    acme.admit("pia2", at="2024-06-01T08:00Z", behavior_score=15, owner="rep.ben", plan="basic")
    acme.apply("pia", "merged", at="2024-06-04T08:00Z", loser="pia2")
    assert pia.stage_entered_at.day == 1  # the older visit goes on
    assert (pia.behavior_score, pia.owner, pia.plan) == (25, "rep.ada", "basic")
    assert pia.created_at.day == 1
    assert acme.person("pia2") is pia


# ------------------------------------------------------------------ make it yours


def mine(name: str, **changes: str) -> Model:
    """A shipped model with other values for what the page of it says to change."""
    text = lifecycle_fsm.dumps(load(name))
    for key, value in changes.items():
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert count, f"{name} has no {key}"
    return loads(text)


def test_waterfall_can_be_made_yours() -> None:
    model = mine(
        "waterfall", mql_threshold="50", hand_raise_prefix='"Sales: "', zone='"Europe/Lisbon"'
    )
    assert model.version != load("waterfall").version
    lifecycle = Lifecycle(model)
    lifecycle.admit("ann", at="2024-06-03T08:00Z")
    lifecycle.apply("ann", "form_filled", at="2024-06-03T09:00Z", form="Sales: call me")
    assert lifecycle.person("ann").stage == "mql"


def test_engagement_can_be_made_yours() -> None:
    lifecycle = Lifecycle(
        mine("engagement", mql_threshold="80", retry_days="365", zone='"Asia/Singapore"')
    )
    lifecycle.admit("cy", at="2024-06-03T13:00Z")
    lifecycle.apply("cy", "form_filled", at="2024-06-03T14:00Z", form="Hand-Raise: Demo")
    assert lifecycle.person("cy").stage == "mql"  # the boost went along with the threshold


def test_sales_led_can_be_made_yours() -> None:
    text = lifecycle_fsm.dumps(mine("sales_led", call_again_days="60"))
    lifecycle = Lifecycle(loads(text.replace("meeting_held", "demo_given")))
    lifecycle.admit("dee", at="2024-06-03T08:00Z", created_by="sales", created_through="crm")
    assert lifecycle.apply("dee", "demo_given", at="2024-06-04T08:00Z").moved


# ------------------------------------------------------------------ a store


def test_a_store_says_what_the_page_on_failures_lists() -> None:
    store = Path(lifecycle_fsm.__file__).parent / "store"
    code = "".join(
        (store / name).read_text("utf-8") for name in ("database_faults.py", "schema.py")
    )
    listed = [message for message, _ in table(KEEP_RUNNING, "When something fails")]
    assert len(listed) == 10
    assert [message for message in listed if message not in code] == []
    assert f"for {PATIENCE} seconds" in KEEP_RUNNING
