from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.tables import load_mapping, parse_mapping
from lifecycle_fsm.tables.mapping import RowCondition, TimeNotation, ValueSource

WHOLE = """
zone = "America/Sao_Paulo"
empty = ["n/a", " - "]

[people]
id = "Lead ID"
created_at = { column = "Created", format = "%d/%m/%Y" }
decimal = ","

[people.fields]
source = { column = "Channel", values = { "Paid Search" = "paid_search" }, otherwise = "other" }
created_through = { const = "import" }
employees = { column = "Staff", if_empty = 0 }

[[people.gives]]
kind = "sales_touched"
at = "First call"
only_if = [{ column = "First call", present = true }, { column = "n", in = ["a", 2, true] }]

[activities]
person = "{Country}-{Lead}"
zone = "Europe/Berlin"
encoding = "cp1252"
delimiter = "|"
empty = []

[[activities.gives]]
kind = { column = "Type", values = { Form = "form_filled" } }
at = { column = "Closed", zone = "UTC", format = "epoch" }
id = "won:{Deal ID}"
payload_column = "Data"
payload.by = "Owner"
only_if = { column = "Type", equals = "Form" }
"""


def test_a_mapping_says_where_everything_comes_from() -> None:
    mapping = parse_mapping(WHOLE)
    assert list(mapping.files) == ["people", "activities"]
    local = TimeNotation("America/Sao_Paulo", None, ",")
    people = mapping.files["people"]
    assert people.person == ValueSource("people.id", "Lead ID", times=local)
    assert people.empty == {"n/a", "-"}
    created, touched = people.gives
    assert created.kind.const == "created"
    assert created.at == ValueSource(
        "people.created_at", "Created", times=TimeNotation("America/Sao_Paulo", "%d/%m/%Y", ",")
    )
    assert created.payload["source"].values == {"Paid Search": "paid_search"}
    assert created.payload["source"].otherwise == "other"
    assert created.payload["created_through"].const == "import"
    assert created.payload["employees"].if_empty == 0
    assert touched.id is None
    assert touched.only_if == (
        RowCondition("people.gives[0].only_if[0]", "First call", present=True),
        RowCondition("people.gives[0].only_if[1]", "n", among=("a", "2", "true")),
    )

    deals = mapping.files["activities"]
    assert deals.person.text == "{Country}-{Lead}"
    assert deals.person.columns == ("Country", "Lead")
    assert (deals.encoding, deals.delimiter, deals.empty) == ("cp1252", "|", frozenset())
    (given,) = deals.gives
    assert given.kind.column == "Type"
    assert given.at.times == TimeNotation("UTC", "epoch", None)
    assert given.payload["by"].times == TimeNotation("Europe/Berlin", None, None)
    assert given.id is not None
    assert given.id.text == "won:{Deal ID}"
    assert given.payload_column == "Data"
    assert given.only_if[0].among == ("Form",)
    assert [column for _, column in deals.columns] == [
        "Country", "Lead", "Type", "Closed", "Deal ID", "Owner", "Type", "Data",
    ]  # fmt: skip


def test_all_that_is_wrong_is_said_at_once_with_its_place() -> None:
    with pytest.raises(FileProblem) as caught:
        parse_mapping(
            """
            zone = "America/Sao_Paolo"
            decimal = "."
            zoen = "UTC"
            empty = "n/a"
            [people]
            id = 7
            created_at = { column = "Created", format = "%d/%m" }
            feilds = {}
            fields.source = { colunm = "Channel" }
            fields.company = { column = "A", const = "B" }
            fields.domain = { text = "x" }
            fields.country = "{a}}"
            [[people.gives]]
            kind = "sales_touched"
            only_if = { column = "a" }
            [[people.gives]]
            kind = "sales_touched"
            at = { column = "a", format = "%Q", decimal = ";" }
            only_if = { column = "a", in = "b" }
            [activities]
            encoding = "utf-99"
            delimiter = "::"
            [deals]
            person = "p"
            gives = "x"
            [Bad-Role]
            """,
            "m.toml",
        )
    head, *lines = str(caught.value).split("\n")
    assert head == f"the mapping m.toml: {len(lines)} problems"
    said = [line.strip() for line in lines]
    expected = [
        "zone: there is no time zone 'America/Sao_Paolo': write it as ",
        "zoen: there is no such setting; known",
        "people.feilds: there is no such setting; known",
        "people.id: name a column, or write { const = 7 }",
        "people.created_at.format: '%d/%m' does not give day, month and year",
        "people.fields.source.colunm: there is no such setting; known",
        "people.fields.source: it needs one of column, const or text, and one only",
        "people.fields.company: it needs one of column, const or text, and one only",
        "people.fields.domain.text: 'x' names no column in braces",
        "people.fields.country.text: '{a}}' has a brace without its other half",
        "people.gives[0].at: it is missing: name the column",
        "people.gives[0].only_if: it needs a column, and one of present, equals or in",
        "people.gives[1].at.format: '%Q'",
        'people.gives[1].at.decimal: it should be "." or ",", not \';\'',
        "people.gives[1].only_if.in: it should be a list of texts, not 'b'",
        "people.empty: it should be a list of texts",
        "activities.person: it is missing: name the column",
        "activities: its rows give nothing: write [[activities.gives]] with kind and at",
        "activities.encoding: there is no text encoding 'utf-99'",
        "activities.delimiter: it should be one character, not '::'",
        "deals.gives: write it as [[deals.gives]], once for each activity",
        "Bad-Role: the name of a file's role is a small word",
    ]
    for one in expected:
        assert any(line.startswith(one) for line in said), one
    for name in ("America/Sao_Paulo", "zone", "fields", "column"):
        assert any(line.endswith(f"; did you mean {name!r}?") for line in said), name
    # empty = "n/a" is told for each of the three files that it holds for, nothing else comes twice.
    assert len(said) == len(expected) + 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it maps no file: write a table [people] or [activities]"),
        ("[people", "the mapping m.toml is no TOML"),
        ("people = 3", "people: there is no such setting"),
        ('[people]\nid = "a"\ncreated_at = "b"\nencoding = "utf-16"', "save the file as UTF-8"),
        ('[people]\nid = "a"\ncreated_at = "b"\nencoding = "base64"', "no text encoding"),
        ('[people]\nid = "a"\ncreated_at = "b"\nzone = "../etc/passwd"', "no time zone"),
        ('[people]\nid = ""\ncreated_at = "b"', "people.id.column: it should be a text"),
        (
            '[people]\nid = "a"\ncreated_at = "b"\nfields = []',
            "people.fields: it should be a table",
        ),
        ("[people]\nid.const = 1\ncreated_at.column = 5", "people.created_at.column: it should be"),
    ],
)
def test_a_wrong_mapping_says_why(text: str, complaint: str) -> None:
    with pytest.raises(FileProblem) as caught:
        parse_mapping(text, "m.toml")
    assert complaint in str(caught.value)


def test_a_mapping_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(WHOLE, encoding="utf-8-sig")
    mapping = load_mapping(path)
    assert mapping == parse_mapping(WHOLE, str(path))
    with pytest.raises(FileProblem, match=r"the mapping .*none\.toml does not exist"):
        load_mapping(tmp_path / "none.toml")
    path.write_bytes(b'zone = "\xe9"')
    with pytest.raises(FileProblem, match="cannot be read"):
        load_mapping(path)


keys = st.sampled_from(
    ["id", "created_at", "fields", "gives", "kind", "at", "zone", "format", "values", "column",
     "const", "text", "only_if", "in", "equals", "present", "people", "payload", "person", "empty"]
)  # fmt: skip
plain = st.one_of(
    st.text(max_size=6), st.sampled_from(["UTC", "{a}", "%Y-%m-%d", "epoch"]), st.integers(),
    st.booleans(), st.dates(), st.floats(),
)  # fmt: skip
tree = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
)


@given(st.dictionaries(keys, tree, max_size=5))
def test_whatever_a_mapping_says_it_is_read_or_a_problem_of_the_file(content: object) -> None:
    tomli_w = pytest.importorskip("tomli_w")
    text = tomli_w.dumps(content)
    try:
        mapping = parse_mapping(text)
    except FileProblem:
        return
    assert mapping.files
