"""Whatever is given for a model gives a model or a located error, never another exception [S5]."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import FileProblem, ModelError
from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.model import (
    Model,
    dumps,
    from_plain,
    load,
    loads,
    shipped,
    shipped_text,
    to_plain,
)
from lifecycle_fsm.silos.data import DataSilo
from lifecycle_fsm.silos.scoring import Scoring

PLAIN = {name: to_plain(load(name)) for name in shipped()}
TEXT = {name: shipped_text(name) for name in shipped()}
WORDS = sorted({word for text in TEXT.values() for word in text.split()})

JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([*WORDS, "behaviour_score >= 3", "min(1, 2)", "\ud800", "9" * 30 + " days"])
    | st.sampled_from([date(2024, 5, 1), time(1), datetime(1, 1, 1), datetime.max, b"", {1}])  # noqa: DTZ001, DTZ901 -- a naive time is what this is about
    | st.just(datetime(2024, 5, 1, tzinfo=UTC)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*WORDS, "type", "min", "choices"])
            | st.text(max_size=4)
            | st.integers(),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield from places(value[key], (*path, key))


PLACES = {name: list(places(plain)) for name, plain in PLAIN.items()}


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(PLAIN)))
    plain = copy.deepcopy(PLAIN[name])
    for path in draw(st.lists(st.sampled_from(PLACES[name]), min_size=1, max_size=4)):
        holder: Any = plain
        try:
            for key in path[:-1]:
                holder = holder[key]
            old = holder[path[-1]]
            deed = draw(st.sampled_from(["delete", "replace", "add", "swap", "double"]))
            if deed == "delete":
                del holder[path[-1]]
            elif deed == "replace":
                holder[path[-1]] = draw(JUNK)
            elif deed == "swap":
                other = draw(st.sampled_from(PLACES[name]))
                found: Any = PLAIN[name]
                for key in other:
                    found = found[key]
                holder[path[-1]] = copy.deepcopy(found)
            elif deed == "double" and isinstance(holder, list):
                holder.append(copy.deepcopy(old))
            elif isinstance(old, dict):
                old[draw(st.sampled_from(WORDS) | st.text(max_size=4) | st.integers())] = draw(JUNK)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier mutation took this place away
    return plain


def model_or_problems(plain: Any) -> Model | None:
    try:
        model = from_plain(plain)
    except ModelError as error:
        problems = error.problems
        str(error).encode("utf-8", "replace")
    else:
        return model
    assert problems
    assert all(one.message and one.message.strip() == one.message for one in problems)
    assert len(set(problems)) == len(problems)
    return None


@given(mutants())
@settings(max_examples=300, deadline=None)
def test_a_mutated_model_is_a_model_or_problems(plain: dict[str, Any]) -> None:
    model = model_or_problems(plain)
    if model is not None:
        again = loads(dumps(model))
        assert again == model
        assert again.version == model.version
        # What builds also runs: nothing is found out with the first person.
        LifecycleMachine(model)
        DataSilo(model)
        Scoring(model)


@given(JUNK)
@settings(max_examples=150, deadline=None)
def test_any_value_at_all_is_a_model_or_problems(value: Any) -> None:
    model_or_problems(value)


@st.composite
def mutated_texts(draw: st.DrawFn) -> str:
    lines = TEXT[draw(st.sampled_from(sorted(TEXT)))].split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        cut = draw(st.integers(0, len(line)))
        deed = draw(st.sampled_from(["delete", "cut", "insert", "double"]))
        if deed == "delete":
            lines[at : at + 1] = []
        elif deed == "cut":
            lines[at] = line[:cut]
        elif deed == "insert":
            lines[at] = line[:cut] + draw(st.sampled_from(WORDS) | st.text(max_size=3)) + line[cut:]
        else:
            lines.insert(at, draw(st.sampled_from(lines)))
        lines = lines or [""]
    return "\n".join(lines)


@given(mutated_texts())
@settings(max_examples=150, deadline=None)
def test_a_mutated_text_is_a_model_or_a_located_error(text: str) -> None:
    places: list[str] = []
    try:
        loads(text, "my.toml")
    except ModelError as error:
        places = [one.where for one in error.problems]
    except FileProblem as error:
        places = [str(error)] if str(error).startswith("my.toml: this is not TOML: ") else [""]
    assert all(one.startswith("my.toml") for one in places)
