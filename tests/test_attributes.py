"""Many attributes, read or written at once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lifecycle_fsm.attributes import collector, differences, reader, writer


@pytest.mark.parametrize("count", [0, 1, 2, 30, 31, 60, 61])
def test_what_is_written_is_read_in_its_order(count: int) -> None:
    names = [f"name_{place}" for place in range(count)]
    values = [f"value {place}" for place in range(count)]
    thing = SimpleNamespace(other=1)
    writer(names)(thing, values)
    assert vars(thing) == {"other": 1, **dict(zip(names, values, strict=True))}
    assert reader(names)(thing) == tuple(values)
    assert reader(reversed(names))(thing) == tuple(reversed(values))


def test_as_many_values_are_written_as_there_are_names() -> None:
    with pytest.raises(ValueError, match="too many"):
        writer(["first"])(SimpleNamespace(), [1, 2])


def test_only_what_differs_from_the_start_is_told() -> None:
    read = differences({"text": None, "number": 0, "word": "few", "flag": False})
    start = {"text": None, "number": 0, "word": "few", "flag": False}
    assert read(SimpleNamespace(**start)) == {}
    changed = {"text": "", "number": 7, "word": None, "flag": True}
    assert read(SimpleNamespace(**changed)) == changed
    assert read(SimpleNamespace(**{**start, "word": "".join(["f", "ew"])})) == {}


def test_what_differs_is_converted_where_it_is_named_for_it() -> None:
    read = differences({"text": None, "word": "few", "number": 3}, str.upper, {"text", "word"})
    changed = SimpleNamespace(text="a", word="many", number=4)
    assert read(changed) == {"text": "A", "word": "MANY", "number": 4}
    assert read(SimpleNamespace(text=None, word=None, number=3)) == {"word": None}


def test_each_value_is_collected_in_its_column() -> None:
    columns: list[list[object]] = [[], []]
    collect = collector(["word", lambda thing: thing.number + 1], columns)
    for number, word in enumerate(["a", "b"]):
        collect(SimpleNamespace(word=word, number=number))
    assert columns == [["a", "b"], [1, 2]]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "1st", "a; import os"])
def test_no_text_but_a_name_becomes_code(name: str) -> None:
    makers = (
        reader,
        writer,
        lambda names: differences(dict.fromkeys(names)),
        lambda names: collector(names, ([], [])),
    )
    for make in makers:
        with pytest.raises(ValueError, match="cannot be the name of an attribute"):
            make(["good", name])
