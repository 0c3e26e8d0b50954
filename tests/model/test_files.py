"""Models as files: where a problem stands, and what is no model file at all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from lifecycle_fsm.errors import FileProblem, ModelError
from lifecycle_fsm.model import dumps, load, loads, save, shipped, shipped_text
from lifecycle_fsm.model.toml_files import KeyPath, find, lines_of

STYLES = {
    "tables": """\
name = "acme"      # line 1
[[stages]]
name = "new"

[[stages]]         # line 5
name = "mal"
[[ stages ]]
name = "mql"
mail = "nurtur"

[[sort]]           # line 11
name = "all"
when = "otherwise"
to = "mal"

[[moves]]
from = "mal"
to = "mql"
when = "hand_raise"
[moves.then]       # line 20
behavior_score = "min(1"
""",
    "inline": """\
name = "acme"
stages = [
    { name = "new" },
    { name = "mal" }, # } ] [[stages]]
    { name = 'mql', mail = "nurtur" },
]
sort = [{ name = "all", when = "otherwise", to = "mal" }]
moves = [
    # { from = "x" }
    { from = "mal", to = "mql", when = "hand_raise", then = { behavior_score = "min(1" } },
]
""",
    "dotted and quoted": """\
name = "acme"
moves = [{ from = "mal", to = "mql", when = '''
hand_raise''', then.behavior_score = "min(1" }]
sort = [{ name = "all", when = "otherwise", to = "mal" }]
[[stages]]
"name" = "new"
[['stages']]
name = "mal"
[["stages"]]
name = "mql"
mail = \"""nur\\\"""tur\"""
""",
}
PLACES = {
    "tables": [
        "acme.toml:7: stages[2] mql: mail: 'nurtur' is none of nurture, paused, suspended; did "
        "you mean 'nurture'?",
        "acme.toml:21: moves[0] mal -> mql, then behavior_score: this '(' is not closed (column 4 "
        "of 'min(1')",
    ],
    "inline": [
        "acme.toml:5: stages[2] mql: mail: 'nurtur' is none of nurture, paused, suspended; did "
        "you mean 'nurture'?",
        "acme.toml:10: moves[0] mal -> mql, then behavior_score: this '(' is not closed (column 4 "
        "of 'min(1')",
    ],
    "dotted and quoted": [
        "acme.toml:3: moves[0] mal -> mql, then behavior_score: this '(' is not closed (column 4 "
        "of 'min(1')",
        'acme.toml:9: stages[2] mql: mail: \'nur"""tur\' is none of nurture, paused, suspended; '
        "did you mean 'nurture'?",
    ],
}


def told(text: str, name: str = "acme.toml") -> list[str]:
    with pytest.raises(ModelError) as caught:
        loads(text, name)
    return [str(one) for one in caught.value.problems]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_s5_a_problem_is_told_with_the_line(style: str, ends: str) -> None:
    assert told(STYLES[style].replace("\n", ends)) == PLACES[style]


def test_s5_each_part_has_its_line() -> None:
    text = """\
name = "acme"
settle = "soon"

[systems]
crm = 3

[tokens]   # a comment with [guards]
"the limit" = [1,
    2]

[guards]
warm = "hand_raise"

[fields]
tier = "text"
[fields.size]
type = "int"
max = "big"

[kinds.called]
trigger = "a b"
[kinds.called.payload]
by = "str"
to = "text"

[[stages]]
name = "new"
[[stages]]
name = "mal"
[[sort]]
name = "all"
to = "mal"
when = "otherwise"
[[processing]]
number = 10
step = "normalize"
"""
    places = [": ".join(one.split(": ")[:2]) for one in told(text)]
    assert places == [
        "acme.toml:2: settle",
        "acme.toml:5: systems.crm",
        "acme.toml:8: tokens.the limit",
        "acme.toml:12: guards.warm",
        "acme.toml:15: fields.tier",
        "acme.toml:16: fields.size",
        "acme.toml:24: kinds.called, payload to",
        "acme.toml:34: processing[0] normalize",
    ]


def test_without_a_file_the_line_is_told_and_without_a_line_the_file() -> None:
    assert told("title = 3", "") == [
        "name: it is missing, and every model needs it",
        "stages: it is missing, and every model needs it",
        "line 1: title: this is a text, not 3",
    ]
    assert told("", "acme.toml") == [
        "acme.toml: name: it is missing, and every model needs it",
        "acme.toml: stages: it is missing, and every model needs it",
    ]


def values(plain: Any, path: KeyPath = ()) -> dict[KeyPath, Any]:
    keys = (
        plain if isinstance(plain, dict) else range(len(plain)) if isinstance(plain, list) else ()
    )
    found: dict[KeyPath, Any] = {path: plain}
    for key in keys:
        found |= values(plain[key], (*path, key))
    return found


@pytest.mark.parametrize("text", [*map(shipped_text, shipped()), *STYLES.values()])
def test_every_key_of_a_file_is_found_where_it_stands(text: str) -> None:
    found = lines_of(text)
    rows = text.split("\n")
    parsed = values(tomllib.loads(text))
    assert set(found) == set(parsed) - {()}
    for path, line in found.items():
        row = rows[line - 1]
        name = next(part for part in reversed(path) if isinstance(part, str))
        if isinstance(path[-1], str):
            assert re.search(rf"\b{name}\b", row), (path, row)
        elif isinstance(parsed[path], str):
            assert parsed[path] in row


def test_a_place_that_is_in_no_file_has_the_line_of_what_holds_it() -> None:
    lines = lines_of("[guards]\na = '1'\nab = '2'\n[[moves]]\nfrom = 'x'\n")
    assert find(lines, "guards.ab") == 3
    assert find(lines, "guards.abc") == 3
    assert find(lines, "guards.x") == 1
    assert find(lines, "moves[0] a, b -> c, from") == 5
    assert find(lines, "moves[0] a -> b, to") == 4
    assert find(lines, "moves[7]") == 4
    assert find(lines, "sort") is None
    assert find(lines, "") is None


NO_MODEL = {
    "a key without a value": ("name =", r"acme\.toml: this is not TOML: Invalid value \(at end"),
    "a key twice": ("a = 1\na = 2", r"acme\.toml: this is not TOML: Cannot overwrite a value"),
    "nesting without end": ("a = " + "[" * 10_000, r"acme\.toml: this is not TOML: .*recursion"),
    "a text without quotes": (
        "when = score >= 3",
        r"column 8\): a text stands in straight quotation marks, as in \"score >= 3\"",
    ),
    "a text without quotes in a list": ("from = [ mal, mql ]", r'straight.*as in "mal"'),
    "a text without quotes in a table": ("then = { owner = bob }\n", r'straight.*as in "bob"'),
    "quotes of a word processor": ("name = “acme”", r'straight.*as in "acme"'),
    "yes with a capital": ("off_path = True", r"write 'true' in small letters"),
    "quotes in quotes": (
        'when = "owner == "bob""',
        r"in a text in double quotation marks use single ones",
    ),
    "a number without end": ("a = " + "9" * 5000, r"acme\.toml: this is not TOML: .*digit"),
}


@pytest.mark.parametrize(("text", "message"), NO_MODEL.values(), ids=NO_MODEL.keys())
def test_what_is_not_toml_is_a_problem_of_the_file(text: str, message: str) -> None:
    with pytest.raises(FileProblem, match=message):
        loads(text, "acme.toml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        load(tmp_path / "acme.toml")
    assert str(caught.value) == (
        f"{tmp_path}/acme.toml: cannot read this model: No such file or directory; give a TOML "
        "file or one of engagement, sales_led, two_step, waterfall"
    )
    with pytest.raises(FileProblem, match="cannot read this model: Is a directory"):
        load(tmp_path)
    with pytest.raises(FileProblem, match="cannot read this model: embedded null"):
        load("acme\0.toml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_bytes("name = 'Müller'".encode("latin-1"))
    with pytest.raises(FileProblem, match=r"acme\.toml: it is not UTF-8 text: .*byte 0xfc"):
        load(path)


def test_a_mark_in_front_of_the_text_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_bytes(b"\xef\xbb\xbf" + shipped_text("two_step").encode())
    assert load(path) == load("two_step")


def test_a_model_that_is_not_shipped() -> None:
    with pytest.raises(FileProblem) as caught:
        load("waterfal")
    assert str(caught.value) == (
        "no model named 'waterfal' is shipped; did you mean 'waterfall'?; there are engagement, "
        "sales_led, two_step, waterfall, and a model of your own ends in .toml"
    )
    with pytest.raises(FileProblem, match="no model named '' is shipped; there are"):
        shipped_text("")


def test_a_problem_of_a_loaded_file_names_it(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(shipped_text("two_step").replace(">= $lead_th", ">= $lead_t", 1))
    with pytest.raises(ModelError) as caught:
        load(str(path))
    line = path.read_text().split("\n").index('name = "interested"')  # one above it, counted from 1
    assert [str(one) for one in caught.value.problems] == [
        f"{path}:{line}: moves[0] contact -> lead: no token named 'lead_treshold'; did you mean "
        "'lead_threshold'?"
    ]


def test_save_then_load(tmp_path: Path) -> None:
    model = load("waterfall")
    save(model, tmp_path / "copy.toml")
    again = load(str(tmp_path / "copy.toml"))
    assert again == model
    assert again.version == model.version
    assert again.folder == str(tmp_path)
    assert dumps(again) == (tmp_path / "copy.toml").read_text()
    with pytest.raises(FileProblem, match="cannot be written: No such file or directory"):
        save(model, tmp_path / "none" / "copy.toml")


LABELLED = """
name = "labelled"
[tokens]
markets = ["DE", "FR"]
limit = { value = 5, label = "size limit" }
[guards]
at_home = "country in $markets"
[guards.ready]
when = "employees >= $limit and at_home"
label = "is ready for sales"
[[stages]]
name = "new"
[[stages]]
name = "lead"
[[sort]]
name = "all"
when = "ready"
to = "lead"
[[sort]]
name = "rest"
when = "otherwise"
to = "lead"
"""


def test_tokens_and_named_guards_may_have_labels() -> None:
    model = loads(LABELLED)
    assert model.tokens == {"markets": ("DE", "FR"), "limit": 5}
    assert model.token_labels == {"limit": "size limit"}
    assert model.guard_labels == {"ready": "is ready for sales"}
    assert loads(dumps(model)) == model
    plain = attrs.evolve(model, token_labels={}, guard_labels={})
    assert plain.version == model.version
    assert "label =" not in dumps(plain)


def test_a_label_of_nothing_is_a_fault() -> None:
    with pytest.raises(ModelError, match=r"guards\.redy: there is nothing to label; did you mean"):
        attrs.evolve(loads(LABELLED), guard_labels={"redy": "is ready"})
