"""The chain of a model: what the model declares, what the program brings, and both together."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from lifecycle_fsm.errors import FileProblem, ModelError, RecordError
from lifecycle_fsm.fields import FieldDef, FieldType, Value
from lifecycle_fsm.model import Model, SortRule, Stage, StepDef, load, shipped
from lifecycle_fsm.model.processing_steps import BUILT_IN
from lifecycle_fsm.person import Person, person_class
from lifecycle_fsm.processing import Chain, ChainResult, Context, Step, chain_of, step
from lifecycle_fsm.processing.chain import FACTORIES

NOW = Context(datetime(2024, 5, 1, tzinfo=UTC))


def declared_as(number: int, name: str, use: str = "", **more: Any) -> StepDef:
    return StepDef(number=number, name=name, use=use, **more)


def model(*steps: StepDef, folder: str = "", fields: Any = ()) -> Model:
    parts: dict[str, Any] = {
        "stages": [Stage("new"), Stage("known")],
        "sort": [SortRule(name="all", target="known", when="otherwise")],
        "processing": steps,
    }
    return Model(name="acme", folder=folder, fields=fields, **parts)


def fit(person: Any, now: datetime) -> int:
    return 20 if person.seniority == "c_level" else 0


def problems_of(*arguments: Any, **more: Any) -> list[str]:
    with pytest.raises(ModelError) as caught:
        chain_of(*arguments, **more)
    return [str(one) for one in caught.value.problems]


@step(number=25, reads="domain", writes="employees", on_failure="skip")
def company_size(person: Person, context: Context) -> dict[str, int]:
    return {"employees": len(person.domain or "")}


def size(person: Any, context: Context) -> Mapping[str, Value]:
    return {"employees": len(person.domain)}


SIZE = declared_as(25, "company_size", reads=("domain",), writes=("employees",))
ENRICH = declared_as(
    20, "enrich", "enrich", options={"table": "c.csv", "columns": {"employees": "employees"}}
)


def test_every_step_that_a_model_can_use_can_be_made() -> None:
    assert set(FACTORIES) == set(BUILT_IN)


@pytest.mark.parametrize("name", shipped())
def test_the_chain_of_a_shipped_model_builds_and_does_what_the_model_says(name: str) -> None:
    one = load(name)
    chain = chain_of(one, demographic=fit)
    assert [(made.number, made.name, made.on_failure) for made in chain.steps] == [
        (declared.number, declared.name, declared.on_failure) for declared in one.chain
    ]
    for made, declared in zip(chain.steps, one.chain, strict=True):
        assert set(made.writes) == set(declared.writes), made
        assert made.label == declared.label


def test_a_person_passes_the_chain_of_the_waterfall() -> None:
    person = Person("p-1", email=" Ada@ACME.com", job_title="CEO", created_by="sales")
    chain = chain_of(
        load("waterfall"),
        tables={"enrich": {"acme.com": {"employees": 40}}},
        demographic=fit,
    )
    assert chain.run(person, NOW) == ChainResult(
        {
            "email": "Ada@acme.com",
            "domain": "acme.com",
            "seniority": "c_level",
            "employees": 40,
            "source": "unknown",
            "source_latest": "unknown",
            "sourced_by": "sales",
            "demographic_score": 20,
            "cohort": "test",
        }
    )


def test_a_model_without_steps_has_an_empty_chain() -> None:
    assert chain_of(model()).run(Person("p"), NOW) == ChainResult({})


def test_fields_of_the_model_can_be_written() -> None:
    tier = FieldDef("tier", FieldType("int", nullable=True))
    one = model(declared_as(10, "tier", writes=("tier",)), fields=[tier])
    chain = chain_of(one, {"tier": lambda person, context: {"tier": "3"}})
    person = person_class("LeadOfAcme", {"tier": tier})("p")
    assert chain.run(person, NOW).values == {"tier": 3}
    with pytest.raises(RecordError, match="Person has no field 'tier': the chain of 'acme'"):
        chain.run(Person("p"), NOW)


# ------------------------------------------------------------------ the project's own steps


def test_a_function_stands_in_the_place_that_the_model_declares() -> None:
    (made,) = chain_of(model(SIZE), {"company_size": size}).steps
    assert made == Step(25, "company_size", size, ("domain",), ("employees",), "park")


def test_timeout_and_attempts_come_from_the_model_or_from_the_function() -> None:
    (from_model,) = chain_of(
        model(attrs.evolve(SIZE, timeout=5, attempts=3)), {"company_size": size}
    ).steps
    own = attrs.evolve(company_size, timeout=5, attempts=3)
    (from_function,) = chain_of(model(SIZE), [own]).steps
    assert (from_model.timeout, from_model.attempts) == (5, 3)
    assert (from_function.timeout, from_function.attempts) == (5, 3)


def test_a_declared_step_is_added() -> None:
    chain = chain_of(model(declared_as(30, "lead_source", "lead_source")), [company_size])
    assert [str(one) for one in chain.steps] == ["025 company_size", "030 lead_source"]


@pytest.mark.parametrize("given", [[company_size], (company_size,), {"company_size": company_size}])
@pytest.mark.parametrize("declared", [SIZE, declared_as(25, "company_size", label="size")])
def test_a_declared_step_stands_in_the_place_of_its_name(given: Any, declared: StepDef) -> None:
    (made,) = chain_of(model(declared), given).steps
    assert made == attrs.evolve(company_size, label=declared.label)


def test_a_declared_step_can_stand_for_a_built_in_one() -> None:
    @step(number=20, reads="domain", writes="employees", on_failure="skip")
    def enrich(person: Any, context: Context) -> Mapping[str, Value]:
        return {"employees": 3}

    chain = chain_of(model(ENRICH), [enrich])
    assert chain.run(Person("p"), NOW).values == {"employees": 3}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"number": 26}, "number = 26, the function 25"),
        ({"reads": ("email",)}, "reads = {'email'}, the function {'domain'}"),
        ({"writes": ("industry",)}, "writes = {'industry'}, the function {'employees'}"),
        ({"on_failure": "park"}, "on_failure = 'park', the function 'skip'"),
        ({"timeout": 5}, "timeout = 5, the function None"),
        ({"attempts": 3}, "attempts = 3, the function 1"),
    ],
)
def test_model_and_function_must_say_the_same(declared: dict[str, Any], expected: str) -> None:
    (problem,) = problems_of(model(attrs.evolve(SIZE, **declared)), [company_size])
    assert expected in problem
    assert "company_size" in problem


def test_a_step_of_the_project_that_was_not_given_is_asked_for() -> None:
    (problem,) = problems_of(model(SIZE))
    assert problem == (
        "processing 025 company_size: this step is the project's own: give its function, "
        "steps={'company_size': …}"
    )


def test_a_function_for_no_step_is_refused_with_a_suggestion() -> None:
    found = problems_of(model(SIZE), {"company_siez": size})
    assert any("no step 'company_siez'; did you mean 'company_size'?" in one for one in found)


@pytest.mark.parametrize("given", [[size], ["company_size"], {"company_size": 3}])
def test_what_is_no_step_is_refused(given: Any) -> None:
    assert any(
        "is not a step: declare it with @step(…)" in one for one in problems_of(model(), given)
    )


async def awaited(person: Any, context: Context) -> Mapping[str, Value]:
    return {}


@pytest.mark.parametrize(
    ("given", "declared", "place"),
    [
        ([step(number=25, writes="employees")(awaited)], (), "awaited"),  # type: ignore[arg-type]
        ({"company_size": awaited}, [SIZE], "company_size"),
        ({"enrich": functools.partial(awaited)}, [ENRICH], "enrich"),
    ],
)
def test_an_async_function_is_refused_when_it_is_given(
    given: Any, declared: Any, place: str
) -> None:
    assert problems_of(model(*declared), given)[0] == (
        f"processing {place}: awaited is async, and nothing here awaits it: give a plain function"
    )


def test_one_step_twice_is_refused() -> None:
    found = problems_of(model(), [company_size, company_size])
    assert found == ["processing 025 company_size: two steps of this name were given"]


@pytest.mark.parametrize("names", [("company_size", "x"), ("x", "company_size")])
def test_a_function_and_a_declared_step_of_one_name_are_refused(names: tuple[str, str]) -> None:
    given: dict[str, Any] = {
        name: size if name == "company_size" else company_size for name in names
    }
    assert any(
        "two steps of this name were given" in fault for fault in problems_of(model(), given)
    )


def test_a_function_is_not_taken_for_a_built_in_step_but_to_enrich() -> None:
    one = model(declared_as(30, "lead_source", "lead_source"))
    (problem,) = problems_of(one, {"lead_source": size})
    assert "the built-in step 'lead_source' takes none" in problem


def test_an_added_step_must_fit_into_the_chain() -> None:
    @step(number=10, reads="source", writes="employees")
    def early(person: Any, context: Context) -> Mapping[str, Value]:
        return {}

    @step(number=30)
    def crowded(person: Any, context: Context) -> Mapping[str, Value]:
        return {}

    found = problems_of(model(declared_as(30, "lead_source", "lead_source")), [early, crowded])
    assert len(found) == 2
    assert any("reads 'source', which is written only later, by step 030" in one for one in found)
    assert any("number 030 is taken by" in one for one in found)


# ------------------------------------------------------------------ enrich


def test_a_table_lies_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("domain,employees\nacme.com,4\n")
    chain = chain_of(model(ENRICH, folder=str(tmp_path)))
    assert chain.run(Person("p", domain="acme.com"), NOW).values == {"employees": 4}
    assert chain.steps[0].on_failure == "skip"


def test_a_table_that_is_not_there_is_told_before_anyone_passes(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"c\.csv: there is no such file"):
        chain_of(model(ENRICH, folder=str(tmp_path)))


@pytest.mark.parametrize("name", ["c.csv", "enrich"])
def test_rows_are_found_by_the_table_or_by_the_step(name: str) -> None:
    chain = chain_of(model(ENRICH), tables={name: {"acme.com": {"employees": 4}}})
    assert chain.run(Person("p", domain="acme.com"), NOW).values == {"employees": 4}


def test_a_service_takes_the_place_of_the_table_and_says_what_it_reads() -> None:
    chain = chain_of(model(attrs.evolve(ENRICH, reads=("domain", "country"))), {"enrich": size})
    assert chain.run(Person("p", domain="acme"), NOW).values == {"employees": 4}
    assert chain.run(Person("p", domain="acme", employees=9), NOW).values == {}
    assert set(chain.steps[0].reads) == {"domain", "country", "employees"}
    assert chain.run(Person("p"), NOW).skipped[0].step == "enrich"


def test_two_steps_may_use_one_built_in() -> None:
    second = declared_as(21, "people", "enrich", options={"key": "email", "columns": ["industry"]})
    chain = chain_of(
        model(ENRICH, second),
        tables={"c.csv": {"a.com": {"employees": 4}}, "people": {"x@a.com": {"industry": "toys"}}},
    )
    person = Person("p", domain="a.com", email="X@a.com")
    assert chain.run(person, NOW).values == {"employees": 4, "industry": "toys"}


# ------------------------------------------------------------------ score, faults, reads


def test_the_demographic_score_is_asked_with_the_time_of_the_run() -> None:
    asked: list[tuple[Any, datetime]] = []

    def score(person: Any, now: datetime) -> int:
        asked.append((person.seniority, now))
        return 12

    one = model(declared_as(40, "fit", "demographic_score"))
    chain = chain_of(one, demographic=score)
    assert chain.run(Person("p", seniority="vp"), NOW).values == {"demographic_score": 12}
    assert asked == [("vp", NOW.now)]


def test_a_score_that_was_not_given_is_asked_for() -> None:
    (problem,) = problems_of(model(declared_as(40, "fit", "demographic_score")))
    assert problem == "processing 040 fit: the demographic score was not given: pass demographic="


def test_what_the_score_reads_is_the_models() -> None:
    chain = chain_of(load("waterfall"), demographic=fit)
    (found,) = [one for one in chain.steps if one.name == "demographic_score"]
    assert set(found.reads) == {"seniority", "employees", "email", "domain"}


def test_all_faults_of_all_steps_are_told_at_once() -> None:
    found = problems_of(
        model(
            declared_as(10, "clean", "normalise", options={"phone_country": 1.5, "field": []}),
            declared_as(50, "draw", "cohort"),
            SIZE,
        ),
        [Step(95, "late", size)],
    )
    assert [one.split(":")[0] for one in found] == [
        "processing 010 clean, phone_country",
        "processing 010 clean",
        "processing 025 company_size",
        "processing 050 draw, seed",
        "processing 050 draw, groups",
        "processing 095 late",
    ]


def test_a_built_in_step_cannot_be_declared_to_write_less() -> None:
    one = model(declared_as(30, "lead_source", "lead_source", writes=("source",)))
    (problem,) = problems_of(one)
    assert "it also writes 'source_latest', 'sourced_by'" in problem


def test_the_chain_has_the_name_of_its_model() -> None:
    chain = chain_of(model())
    assert isinstance(chain, Chain)
    assert chain.name == "acme"
