"""Models made at random: written and read again they are equal, of one version, and run [S28]."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.guard import Guard, Scalar, activity, named, now, p, t
from lifecycle_fsm.guard.proxy import days_in_stage, greatest, least
from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.model import (
    ActivityKind,
    DataRule,
    Model,
    Move,
    ScoreRule,
    SortRule,
    Stage,
    StepDef,
    dumps,
    from_plain,
    loads,
    to_plain,
)
from lifecycle_fsm.silos.data import DataSilo
from lifecycle_fsm.silos.scoring import Scoring

WORDS = st.sampled_from(
    ["", "two words", 'a "quoted" \\ one', "line\nbreak\r\n", "\x00é’"]
) | st.text(st.characters(codec="utf-8"), max_size=5)
FIELD_NAMES = ("tier", "label", "size", "code", "share", "warm", "until")
TOKENS: dict[str, Scalar | tuple[Scalar, ...]] = {
    "limit": 20, "half": 0.5, "label": "a", "tiers": ("a", "b"), "yes": True, "one": ("x",)
}  # fmt: skip
FITS = named("fits", p.demographic_score >= t.limit)
WARM = named("warm_one", (p.warm & FITS) | p.hand_raised)


@st.composite
def fields(draw: st.DrawFn) -> list[FieldDef]:
    nullable = st.booleans()
    low, high = sorted(draw(st.tuples(st.integers(-9, 9), st.integers(-9, 9))))
    types = {
        "tier": FieldType("str", True, ("a", "b", 'c "quoted"')),
        "label": FieldType("str", True),
        "size": FieldType("int", False, minimum=low, maximum=high),
        "code": FieldType("int", draw(nullable)),
        "share": FieldType("float", draw(nullable), minimum=draw(st.none() | st.just(low / 2))),
        "warm": FieldType("bool", draw(nullable)),
        "until": FieldType("datetime", True),
    }
    defaults = {
        "tier": st.sampled_from([None, "a"]),
        "label": st.none() | WORDS,
        "size": st.integers(low, high),
        "code": st.none() | st.integers(-3, 3),
        "share": st.none() | st.sampled_from([5.0, 5, 7.25]),
        "warm": st.none() | st.booleans(),
        "until": st.none(),
    }
    found = [
        FieldDef(name, types[name], draw(defaults[name]), draw(WORDS), draw(WORDS))
        for name in FIELD_NAMES
    ]
    return draw(st.permutations(found))


GUARDS: st.SearchStrategy[Guard] = st.recursive(
    st.sampled_from(
        [
            p.demographic_score >= t.limit,
            p.size.between(1, 3),
            p.tier.is_in(t.tiers),
            p.tier == "b",
            p.label == 'a "word"',
            p.employees.is_missing(),
            p.created_at.days_since() > 3,
            days_in_stage >= t.limit,
            p.code * 2 + 1 < p.size,
            p.hand_raised == True,  # noqa: E712 -- writes a tree
            p.email.starts_with("x"),
            p.until > p.created_at,
            p.stage == "mal",
            FITS,
            WARM,
        ]
    ),
    lambda inner: (
        st.builds(lambda a, b: a & b, inner, inner)
        | st.builds(lambda a, b: a | b, inner, inner)
        | st.builds(lambda a: ~a, inner)
    ),
    max_leaves=4,
)
STAGELESS = st.sampled_from(
    [p.size >= 2, p.tier.is_in("a", "b"), FITS, ~WARM, p.until.days_since() >= 1]
)
VALUES: dict[str, list[Any]] = {
    "behavior_score": [0, least(p.behavior_score * 0.5, t.limit - 1), p.size * t.half, "size + 1"],
    "share": [0.25, p.size, greatest(p.demographic_score * 0.5, 1)],
    "label": ["'text'", p.email, t.label, "tier"],
    "warm": [True, False, p.hand_raised, FITS, ~(p.size > 3), "size > 3 or fits"],
    "until": ["now", p.created_at, "2024-05-01"],
    "tier": ["'a'", t.label],
}


def any_of(values: list[Any]) -> st.SearchStrategy[Any]:
    """One of the values, which Hypothesis must not look into: an expression has no truth."""
    return st.integers(0, len(values) - 1).map(values.__getitem__)


EFFECTS = st.fixed_dictionaries(
    {}, optional={name: any_of(values) for name, values in VALUES.items()}
)


@st.composite
def models(draw: st.DrawFn) -> Model:
    path = ["new", "mal", "mql", "sal", "customer"][: draw(st.integers(2, 5))]
    off = ["recycled", "gone"][: draw(st.integers(0, 2))]
    stages = [
        Stage(
            name, draw(WORDS), draw(WORDS), draw(WORDS), name in off,
            draw(st.sampled_from([None, "nurture", "paused"])), draw(st.sampled_from(["", "crm"])),
            draw(WORDS), draw(WORDS),
        )
        for name in [*path, *off]
    ]  # fmt: skip

    # Nothing leads to the first stage behind the sort but a return.
    targets = [*path[1 if off else 2 :], *off]

    def move(index: int) -> Move:
        target = draw(st.sampled_from(targets))
        rank = path.index(target) if target in path else len(path)
        # From detour to detour in one direction only: the system must not go round [S6].
        before = [*path[1:rank], *(name for name in off if target not in off or name < target)]
        sources = draw(st.lists(st.sampled_from(before), min_size=1, unique=True))
        skipping = any(name in path and path.index(name) + 1 < rank < len(path) for name in sources)
        return Move(
            sources=sources,
            target=target,
            name=f"move_{index}",
            when=draw(GUARDS),
            on=draw(st.sampled_from([None, None, "asked", "web_visit", "owner_changed"])),
            priority=draw(st.integers(-2, 2)),
            skips="passed_over" if skipping else None,
            then=draw(EFFECTS),
            label=draw(WORDS),
        )

    return Model(
        name="made",
        title=draw(WORDS),
        description=draw(WORDS),
        settle=timedelta(seconds=draw(st.sampled_from([0, 1, 60, 90, 86400, 604800, 691200]))),
        systems={"crm": draw(WORDS)},
        tokens=TOKENS,
        fields=draw(fields()),
        guards={"fits": "demographic_score >= $limit", "warm_one": "warm and fits or hand_raised"},
        stages=stages,
        processing=[
            StepDef(
                number=number,
                name=f"own_{number}",
                reads=draw(st.lists(st.sampled_from(FIELD_NAMES), unique=True, max_size=2)),
                on_failure=draw(st.sampled_from([None, "park", "skip"])),
                options=draw(
                    st.dictionaries(WORDS, st.integers(0, 9) | st.lists(WORDS), max_size=2)
                ),
                timeout=draw(st.sampled_from([None, 5, 2.5])),
                attempts=draw(st.integers(1, 3)),
            )
            for number in draw(st.lists(st.integers(1, 88), unique=True, max_size=2))
        ]
        + [StepDef(number=89, use="demographic_score")],
        kinds=[
            ActivityKind(
                name="called",
                payload=(
                    FieldDef("minutes", FieldType("int", draw(st.booleans()), minimum=0)),
                    FieldDef("label", FieldType("str"), label=draw(WORDS)),
                ),
                sets={"label": activity.label, "warm": activity.minutes > 3, "until": now},
                trigger=draw(st.none() | st.just("asked")),
                description=draw(WORDS),
            )
        ][: draw(st.integers(0, 1))],
        data=[
            DataRule(
                on=draw(st.sampled_from(["form_filled", "changed"])),
                name=draw(st.sampled_from(["", "rule"])),
                when=draw(STAGELESS),
                then={"hand_raised": draw(st.sampled_from([True, "size > 3", FITS]))},
            )
        ][: draw(st.integers(0, 1))],
        scoring=[
            ScoreRule(name="page", on="web_visit", points=draw(any_of([1, t.limit, "7"]))),
            ScoreRule(name="fit", when=p.employees >= 3, points=2),
        ][: draw(st.integers(0, 2))],
        sort=[
            SortRule(name="first", when=draw(GUARDS), target=path[1]),
            SortRule(name="rest", when="otherwise", target=draw(st.sampled_from([path[1], *off]))),
        ],
        moves=[move(index) for index in range(draw(st.integers(0, 4)) if targets else 0)],
    )


@given(models())
@settings(max_examples=120, deadline=None)
def test_s28_a_model_that_is_written_and_read_again_is_equal(model: Model) -> None:
    again = loads(dumps(model))
    for one in attrs.fields(Model):
        assert getattr(again, one.name) == getattr(model, one.name), one.name
    assert again == model
    assert again.version == model.version
    assert [one.name for one in again.fields] == [one.name for one in model.fields]
    assert dumps(again) == dumps(model)
    assert from_plain(to_plain(model)) == model


@given(models())
@settings(max_examples=25, deadline=None)
def test_a_model_that_builds_runs(model: Model) -> None:
    machine = LifecycleMachine(model)
    person: Any = machine.person("ann")
    for field in model.fields:
        assert getattr(person, field.name) == field.start()
    DataSilo(model)
    Scoring(model)
