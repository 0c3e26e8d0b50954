"""The chain: order, scratch, what a step may write, and what becomes of its failures [S13]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from threading import Event
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import ModelError, StepFailed
from lifecycle_fsm.fields import FieldDef, FieldType, Value
from lifecycle_fsm.person import BASE_FIELDS, Person, person_class
from lifecycle_fsm.processing import Chain, ChainResult, Context, Step, StepError, step

TYPES: Mapping[str, FieldType] = {name: one.type for name, one in BASE_FIELDS.items()}
NOW = Context(datetime(2024, 5, 1, tzinfo=UTC), {"bonus": 7})


def gives(
    number: int,
    values: Any,
    *,
    name: str = "",
    reads: tuple[str, ...] = (),
    writes: tuple[str, ...] | None = None,
    on_failure: Any = "park",
) -> Step:
    """A step that gives these values, whatever the person."""
    return Step(
        number,
        name or f"step_{number}",
        lambda person, context: values,
        reads,
        tuple(values) if writes is None else writes,
        on_failure,
    )


def fails(number: int, error: BaseException, *, on_failure: Any = "park") -> Step:
    def run(person: Any, context: Context) -> dict[str, Value]:
        raise error

    return Step(number, f"step_{number}", run, on_failure=on_failure)


def run(*steps: Step, person: Person | None = None) -> ChainResult:
    return Chain(steps, TYPES).run(person or Person("p-1"), NOW)


def snapshot(person: Person) -> dict[str, object]:
    return {one.name: getattr(person, one.name) for one in attrs.fields(type(person))}


# ------------------------------------------------------------------ values and order


def test_steps_run_by_number_however_they_were_listed() -> None:
    seen: list[int] = []

    def noting(number: int) -> Step:
        def note(person: Any, context: Context) -> dict[str, Value]:
            seen.append(number)
            return {}

        return Step(number, f"step_{number}", note)

    run(noting(30), noting(2), noting(10))
    assert seen == [2, 10, 30]


def test_a_later_step_sees_what_an_earlier_one_gave() -> None:
    def add(person: Any, context: Context) -> dict[str, Value]:
        return {"behavior_score": person.demographic_score + context.tokens["bonus"]}

    result = run(
        gives(10, {"demographic_score": 5}),
        Step(20, "add", add, ("demographic_score",), ("behavior_score",)),
    )
    assert result == ChainResult({"demographic_score": 5, "behavior_score": 12})


def test_the_last_writer_of_a_field_counts() -> None:
    assert run(gives(20, {"source": "b"}), gives(10, {"source": "a"})).values == {"source": "b"}


def test_values_are_in_their_stored_form() -> None:
    result = run(gives(10, {"employees": "40", "unsubscribed": "yes", "created_at": "2024-01-01"}))
    assert result.values == {
        "employees": 40,
        "unsubscribed": True,
        "created_at": datetime(2024, 1, 1, tzinfo=UTC),
    }


def test_a_number_past_its_end_is_held_there() -> None:
    assert run(gives(10, {"employees": -3})).values == {"employees": 0}


def test_a_step_may_empty_a_field() -> None:
    assert run(gives(10, {"source": None}), person=Person("p", source="x")).values == {
        "source": None
    }


def test_an_empty_chain_gives_nothing() -> None:
    assert run() == ChainResult({})


# ------------------------------------------------------------------ the scratch copy


def test_the_person_is_not_changed() -> None:
    person = Person("p-1", email="Ada@example.com", demographic_score=3)
    before = snapshot(person)
    result = run(gives(10, {"email": "x@y.com", "demographic_score": 9}), person=person)
    assert result.values == {"email": "x@y.com", "demographic_score": 9}
    assert snapshot(person) == before


def test_a_step_sees_a_person_like_the_real_one() -> None:
    seen: list[Any] = []

    def look(person: Any, context: Context) -> dict[str, Value]:
        seen.append(person)
        return {}

    model_class = person_class("LeadOfAcme", {"tier": FieldDef("tier", FieldType("int", True))})
    person = model_class("p-1", email="a@b.com", tier=2)  # type: ignore[call-arg]
    run(Step(10, "look", look), person=person)
    (scratch,) = seen
    assert scratch is not person
    assert type(scratch).__name__ == "LeadOfAcme"
    assert (scratch.id, scratch.email, scratch.tier, scratch.stage) == ("p-1", "a@b.com", 2, "")
    assert snapshot(scratch) == snapshot(person)
    assert isinstance(scratch, model_class)


def test_a_class_with_a_dictionary_is_copied_too() -> None:
    @attrs.define(slots=False, eq=False)
    class Loose(Person):
        tier: int = attrs.field(default=0, kw_only=True)

    def double(person: Any, context: Context) -> dict[str, Value]:
        return {"tier": person.tier * 2}

    person: Any = Loose("p-1", tier=4)
    chain = Chain(
        [Step(10, "a", double, "tier", "tier"), Step(20, "b", double, "tier", "tier")],
        {**TYPES, "tier": FieldType("int")},
    )
    assert chain.run(person, NOW).values == {"tier": 16}
    assert person.tier == 4


def test_an_assignment_on_the_person_is_refused_with_the_remedy() -> None:
    def assign(person: Any, context: Context) -> dict[str, Value]:
        person.source = "web"
        return {}

    person = Person("p-1")
    result = run(Step(10, "assign", assign, writes=("source",)), person=person)
    assert result.parked is not None
    assert result.parked.step == "assign"
    assert "return {'source': …}" in result.parked.message
    assert person.source is None


def test_a_failed_step_leaves_nothing_for_the_next() -> None:
    def look(person: Any, context: Context) -> dict[str, Value]:
        return {"source_latest": person.source}

    result = run(
        gives(10, {"source": "ads", "employees": "many"}, on_failure="skip"),
        Step(20, "look", look, ("source",), ("source_latest",)),
    )
    assert result.values == {"source_latest": None}
    assert [one.step for one in result.skipped] == ["step_10"]


# ------------------------------------------------------------------ failures


def test_a_failure_that_may_be_skipped_is_recorded_and_the_chain_goes_on() -> None:
    result = run(
        gives(10, {"source": "ads"}),
        fails(20, ConnectionError("no answer"), on_failure="skip"),
        gives(30, {"country": "DE"}),
    )
    assert result == ChainResult(
        {"source": "ads", "country": "DE"},
        skipped=(StepError("step_20", "ConnectionError: no answer"),),
    )


def test_a_failure_that_parks_stops_the_chain_and_gives_no_values() -> None:
    ran: list[str] = []

    def note(person: Any, context: Context) -> dict[str, Value]:
        ran.append("after")
        return {}

    result = run(
        fails(5, OSError("down"), on_failure="skip"),
        gives(10, {"source": "ads"}),
        fails(20, ValueError("bad")),
        Step(30, "after", note),
    )
    assert result == ChainResult(
        {},
        skipped=(StepError("step_5", "OSError: down"),),
        parked=StepError("step_20", "ValueError: bad"),
    )
    assert ran == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
@pytest.mark.parametrize("on_failure", ["park", "skip"])
def test_what_ends_the_program_comes_through(error: BaseException, on_failure: str) -> None:
    with pytest.raises(type(error)):
        run(fails(10, error, on_failure=on_failure))


def test_an_exception_that_cannot_be_printed_is_a_failure_like_any_other() -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    result = run(fails(10, Unprintable()))
    assert result.parked is not None
    assert "Unprintable" in result.parked.message


def test_a_message_is_not_kept_at_any_length() -> None:
    result = run(fails(10, OSError("<html>" * 100_000)))
    assert result.parked is not None
    assert len(result.parked.message) < 600


def test_one_failing_person_in_a_thousand_stops_nobody_else() -> None:
    refused = {"p-500"}

    def credit(person: Any, context: Context) -> dict[str, Value]:
        if person.id in refused:
            raise TimeoutError("no answer")
        return {"employees": int(person.id[2:])}

    chain = Chain([Step(10, "credit", credit, ("id",), ("employees",))], TYPES)
    results = [chain.run(Person(f"p-{number}"), NOW) for number in range(1000)]
    assert [number for number, one in enumerate(results) if one.parked] == [500]
    assert [one.values.get("employees") for one in results[499:502]] == [499, None, 501]
    refused.clear()
    assert chain.run(Person("p-500"), NOW) == ChainResult({"employees": 500})


@pytest.mark.parametrize("on_failure", ["park", "skip"])
def test_a_field_that_was_not_declared_is_a_failure(on_failure: str) -> None:
    result = run(
        gives(10, {"employes": 3}, name="size", writes=("employees",), on_failure=on_failure)
    )
    failure = result.parked or result.skipped[0]
    assert bool(result.parked) == (on_failure == "park")
    assert failure.step == "size"
    assert "010 size wrote 'employes'" in failure.message
    assert "did you mean 'employees'?" in failure.message
    assert result.values == {}


@pytest.mark.parametrize("name", ["stage", "stage_entered_at", "id", "journey"])
def test_no_step_writes_what_only_the_machine_writes(name: str) -> None:
    result = run(gives(10, {name: "mql"}, writes=("source",)))
    assert result.parked is not None
    with pytest.raises(ModelError, match=f"it writes '{name}': only the machine does"):
        Chain([gives(10, {name: "mql"})], TYPES)


def test_a_bad_value_names_step_field_and_value() -> None:
    result = run(gives(10, {"employees": "many"}, name="size"))
    assert result.parked is not None
    for part in ("010 size", "'employees'", "'many'", "not a whole number"):
        assert part in result.parked.message


def test_a_bad_value_of_any_length_is_shown_short() -> None:
    result = run(gives(10, {"employees": "9" * 1_000_000}))
    assert result.parked is not None
    assert len(result.parked.message) < 800


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_a_step_that_returns_no_mapping_is_told_what_to_return(value: object) -> None:
    result = run(gives(10, value, writes=()))
    assert result.parked is not None
    assert "return a mapping of the changed fields" in result.parked.message


def test_a_nan_does_not_come_in() -> None:
    types = {**TYPES, "ratio": FieldType("float", True)}
    result = Chain([gives(10, {"ratio": float("nan")})], types).run(Person("p"), NOW)
    assert result.parked is not None


# ------------------------------------------------------------------ steps with a timeout


def test_a_step_that_does_not_answer_in_time_has_failed() -> None:
    answered = Event()

    @step(number=10, writes="source", timeout=0.02)
    def slow(person: Any, context: Context) -> dict[str, Value]:
        answered.wait()
        return {"source": "late"}

    parked = run(slow)
    skipped = run(attrs.evolve(slow, on_failure="skip"), gives(20, {"employees": 3}))
    answered.set()
    assert str(parked.parked) == "slow: gave no answer within 0.02 s"
    assert parked.parked is not None
    assert isinstance(parked.parked.exception, StepFailed)
    assert (skipped.values, [str(error) for error in skipped.skipped]) == (
        {"employees": 3},
        ["slow: gave no answer within 0.02 s"],
    )


def test_a_step_that_answers_in_time_is_like_any_other() -> None:
    place: ContextVar[str] = ContextVar("place")

    @step(number=20, writes="industry", timeout=60)
    def quick(person: Any, context: Context) -> dict[str, Value]:
        return {"industry": f"{person.source} {place.get()}"}

    place.set("here")
    assert run(gives(10, {"source": "ads"}), quick).values == {
        "source": "ads",
        "industry": "ads here",
    }


@pytest.mark.parametrize("error", [OSError("down"), TimeoutError("the socket gave up")])
def test_an_error_of_a_step_with_a_timeout_is_its_own(error: Exception) -> None:
    parked = run(attrs.evolve(fails(10, error), timeout=60)).parked
    assert parked is not None
    assert parked.exception is error


def test_what_ends_the_program_comes_through_from_a_step_with_a_timeout() -> None:
    with pytest.raises(KeyboardInterrupt):
        run(attrs.evolve(fails(10, KeyboardInterrupt()), timeout=60))


# ------------------------------------------------------------------ step by step


@given(st.lists(st.sampled_from(["gives", "adds", "skips", "parks"]), max_size=8))
def test_step_by_step_gives_what_the_whole_run_gives(kinds: list[str]) -> None:
    def adds(person: Any, context: Context) -> dict[str, Value]:
        return {"behavior_score": person.behavior_score + person.demographic_score + 1}

    made = {
        "gives": lambda number: gives(number, {"demographic_score": number}),
        "adds": lambda number: Step(number, f"step_{number}", adds, (), ("behavior_score",)),
        "skips": lambda number: fails(number, OSError("down"), on_failure="skip"),
        "parks": lambda number: fails(number, OSError("down")),
    }
    chain = Chain([made[kind](place + 1) for place, kind in enumerate(kinds)], TYPES)
    person = Person("p-1")
    before = snapshot(person)
    values: dict[str, Value] = {}
    skipped: list[StepError] = []
    expected = chain.run(person, NOW)
    for each in chain.steps:
        changes = chain.run_step(each, person, NOW, values)
        if isinstance(changes, StepError):
            if each.on_failure == "park":
                assert (changes, tuple(skipped)) == (expected.parked, expected.skipped)
                break
            skipped.append(changes)
        else:
            values.update(changes)
    else:
        assert ChainResult(values, tuple(skipped)) == expected
    assert snapshot(person) == before


# ------------------------------------------------------------------ building


def problems_of(*steps: Step) -> list[str]:
    with pytest.raises(ModelError) as caught:
        Chain(steps, TYPES, "acme")
    assert caught.value.name == "acme"
    return [str(one) for one in caught.value.problems]


READS_EARLY = [gives(10, {}, name="a", reads=("source",)), gives(20, {"source": "x"}, name="b")]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([gives(10, {}, name="a"), gives(10, {}, name="b")], "010 b: number 010 is taken by 'a'"),
        (
            [gives(10, {}, name="a"), gives(20, {}, name="a")],
            "020 a: a step of this name stands at",
        ),
        ([gives(0, {})], "number a step from 1 to 89"),
        ([gives(90, {})], "number a step from 1 to 89"),
        ([Step(10, "", lambda person, context: {})], "a step needs a name"),
        ([gives(10, {}, on_failure="ignore")], "on_failure is 'park' or 'skip', not 'ignore'"),
        ([attrs.evolve(gives(10, {}), timeout=-1)], "timeout: a number of seconds, more than 0"),
        ([attrs.evolve(gives(10, {}), timeout=True)], "more than 0, not True"),
        ([attrs.evolve(gives(10, {}), attempts=0)], "attempts: a whole number, at least 1, not 0"),
        (
            [gives(10, {}, reads=("emial",))],
            "no field named 'emial'; did you mean 'email'",
        ),
        ([gives(10, {}, writes=("emial",))], "no field named 'emial'; did you mean"),
        (
            READS_EARLY,
            "processing 010 a: it reads 'source', which is written only later, by step 020",
        ),
    ],
)
def test_a_chain_that_cannot_run_does_not_build(steps: list[Step], expected: str) -> None:
    (problem,) = problems_of(*steps)
    assert expected in problem


def test_all_faults_of_a_chain_are_told_at_once() -> None:
    assert len(problems_of(gives(10, {}, writes=("a", "b")), gives(10, {}, name="c"))) == 3


def test_a_field_may_be_read_where_an_earlier_or_the_same_step_writes_it() -> None:
    Chain(
        [
            gives(10, {"source": "x"}, reads=("source",)),
            gives(20, {"source": "y"}, reads=("source", "id", "created_at", "stage")),
        ],
        TYPES,
    )


# ------------------------------------------------------------------ a project's own step


@step(number=25, reads="domain", writes=["employees"], on_failure="skip", label="size")
def company_size(person: Person, context: Context) -> dict[str, int]:
    return {"employees": len(person.domain or "")}


def test_a_function_with_a_declaration_is_a_step() -> None:
    assert (company_size.number, company_size.name, company_size.label) == (
        25,
        "company_size",
        "size",
    )
    assert (company_size.reads, company_size.writes) == (("domain",), ("employees",))
    assert company_size.on_failure == "skip"
    assert str(company_size) == "025 company_size"
    result = run(gives(10, {"domain": "acme.com"}), company_size)
    assert result.values == {"domain": "acme.com", "employees": 8}


def test_a_step_can_be_tried_alone() -> None:
    assert company_size(Person("p", domain="acme.com"), NOW) == {"employees": 8}


def test_a_step_may_have_another_name_than_its_function() -> None:
    made: Callable[[Any], Step] = step(number=26, name="size_again")
    assert made(company_size.run).name == "size_again"


def test_a_step_may_fail_on_purpose() -> None:
    @step(number=25)
    def refuse(person: Any, context: Context) -> dict[str, Value]:
        raise StepFailed("the register has no such company")

    result = run(refuse)
    assert result.parked == StepError("refuse", "the register has no such company")
    assert str(result.parked) == "refuse: the register has no such company"
