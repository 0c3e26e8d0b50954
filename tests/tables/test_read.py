from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import FileProblem, MissingExtra
from lifecycle_fsm.rows import parquet_rows, text_rows
from lifecycle_fsm.rows.row import listed
from lifecycle_fsm.rows.row_file import Format, RowFile
from lifecycle_fsm.tables import FileRow, Reject, open_table


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def parts(path: Path | str, **how: Any) -> tuple[list[FileRow], list[Reject]]:
    with open_table(path, **how) as table:
        found = list(table)
    return [one for one in found if isinstance(one, FileRow)], [
        one for one in found if isinstance(one, Reject)
    ]


def plain(path: Path, **how: Any) -> list[Any]:
    """Rows as (line, values), rejects as (line, reason)."""
    with open_table(path, **how) as table:
        return [
            (one.line, list(one.values.values()))
            if isinstance(one, FileRow)
            else (one.line, one.reason)
            for one in table
        ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n1,2\n", [(2, ["1", "2"])]),
        ("a;b\n1;2,5\n", [(2, ["1", "2,5"])]),
        ("a\tb\n1\t2\n", [(2, ["1", "2"])]),
        ("\ufeffa,b\r\n1,2\r\n", [(2, ["1", "2"])]),
        ("a,b\r1,2\r3,4", [(2, ["1", "2"]), (3, ["3", "4"])]),
        ('a,b\n1,"x\ny"\n2,z\n', [(2, ["1", "x\ny"]), (4, ["2", "z"])]),
        ('a,b\n1,"x\r\n\r\ny"\n2,z\n', [(2, ["1", "x\r\n\r\ny"]), (5, ["2", "z"])]),
        ('"a";"b, c"\n1;2\n', [(2, ["1", "2"])]),
        ('"a\nb",c\n1,2\n', [(3, ["1", "2"])]),
        ("sep=;\na;b\n1;2\n", [(3, ["1", "2"])]),
        ("\n\na,b\n\n1,2\n\n", [(5, ["1", "2"])]),
        ('a,b\n"say ""hi""",5" pipe\n', [(2, ['say "hi"', '5" pipe'])]),
        ("only\nx\n", [(2, ["x"])]),
        ("a,b\n", []),
        ("a,b", []),
        ("a,b\n,\n1,\n , \n", [(3, ["1", ""])]),
        ("a,b\nñ,日本\n", [(2, ["ñ", "日本"])]),
    ],
)
def test_csv_rows_and_the_lines_where_they_start(
    tmp_path: Path, content: str, expected: list[Any]
) -> None:
    assert plain(write(tmp_path, "t.csv", content)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b"a,b\n1\n2,3\n4,5,6\n",
            [
                (2, "it has 1 columns, and the header has 2"),
                (3, ["2", "3"]),
                (4, "it has 3 columns, and the header has 2"),
            ],
        ),
        (
            b"a,b\n1,caf\xe9\n2,x\n",
            [
                (
                    2,
                    "byte 0xE9 at character 6 is no text in utf-8: save the file as UTF-8, "
                    "or say its encoding in the mapping",
                ),
                (3, ["2", "x"]),
            ],
        ),
        # A quote that is never closed is the fault of its own line, not of those below.
        (
            b'a,b\n1,"x\n2,y\n3,z\n',
            [(2, "a quote is opened and never closed"), (3, ["2", "y"]), (4, ["3", "z"])],
        ),
        (
            b'a,b\n1,"x\n2,y\n3,"z"\n4,w\n',
            [
                (2, 'a quote ends before its value does: write "" for a quote inside a value'),
                (3, ["2", "y"]),
                (4, ["3", "z"]),
                (5, ["4", "w"]),
            ],
        ),
        # A record over several lines is one record, also where it is wrong.
        (
            b'a,b\n1,"x\ny",9\n2,z\n',
            [(2, "it has 3 columns, and the header has 2"), (4, ["2", "z"])],
        ),
    ],
)
def test_a_bad_csv_line_is_rejected_and_reading_goes_on(
    tmp_path: Path, content: bytes, expected: list[Any]
) -> None:
    assert plain(write(tmp_path, "t.csv", content)) == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "a,b\n1,2\n"),
        ("t.tsv", "a\tb\n1\t2\n"),
        ("t.jsonl", '{"a": "1", "b": "2"}\n'),
        ("t.json", '[{"a": "1", "b": "2"}]'),
    ],
)
def test_the_mark_that_windows_writes_first_is_no_part_of_a_name(
    tmp_path: Path, name: str, content: str
) -> None:
    rows, rejects = parts(write(tmp_path, name, content.encode("utf-8-sig")))
    assert [row.values for row in rows] == [{"a": "1", "b": "2"}]
    assert rejects == []


def test_a_header_names_what_has_no_name_and_loses_the_space_around_names(tmp_path: Path) -> None:
    with open_table(write(tmp_path, "t.csv", ", a ,\n0,1,2\n")) as table:
        assert table.columns == ("column_1", "a", "column_3")


def test_a_reject_says_where_and_shows_the_text_even_of_bytes_that_are_none(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", b'a,b\n1,"caf\xe9\nx"\n')
    _, [reject] = parts(path)
    assert (reject.file, reject.line, reject.column) == (str(path), 2, None)
    assert reject.raw == '1,"caf\\xe9\nx"'


def test_the_encoding_and_the_delimiter_can_be_said(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "a|b,c\nñ|2\n".encode("cp1252"))
    assert plain(path, encoding="cp1252", delimiter="|") == [(2, ["ñ", "2"])]


def test_a_line_too_long_to_be_a_row_is_rejected_without_keeping_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_rows, "MAX_LINE", 40)
    long = "x" * 100
    content = f'a,b\n1,{long}\n2,y\n3,"z\n{long}"\n4,w\n'
    rows, rejects = parts(write(tmp_path, "t.csv", content))
    assert [(row.line, row.values["a"]) for row in rows] == [(3, "2"), (6, "4")]
    assert [one.line for one in rejects] == [2, 4, 5]
    assert all("longer than" in one.reason for one in rejects if one.line != 4)
    assert rejects[1].reason == "a quote is opened and never closed"


cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from('",\n\r; \t'),
    max_size=12,
)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8)
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";", "\t"]),
)
def test_whatever_csv_writes_is_read_again_with_its_lines(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], end: str, mark: str
) -> None:
    width = len(rows[0]) if rows else 2
    head = [f"c{n}" for n in range(width)]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=mark, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(head)
    lines = []
    for row in rows:
        done = text.getvalue().replace("\r\n", "\n").replace("\r", "\n")
        lines.append(done.count("\n") + 1)
        writer.writerow(row)
    path = write(tmp_path_factory.mktemp("csv"), "t.csv", text.getvalue())
    found, rejects = parts(path, delimiter=mark)
    assert rejects == []
    full = [place for place, row in enumerate(rows) if any(map(str.strip, row))]
    assert [list(one.values.values()) for one in found] == [rows[place] for place in full]
    assert [one.line for one in found] == [lines[place] for place in full]


soup = st.lists(
    st.sampled_from(
        [b"a", b"1", b",", b'"', b"\n", b"\r\n", b"\r", b";", b" ", b"\xe9", b"\xff", b"\0"]
    ),
    max_size=60,
).map(b"".join)


@given(soup)
def test_whatever_bytes_a_csv_has_each_line_ends_as_a_row_or_a_reject(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = write(tmp_path_factory.mktemp("soup"), "t.csv", b"a,b\n" + content)
    with open_table(path) as table:
        found = list(table)
        empty = table.empty
    # Together the raw texts are the file: nothing is lost but delimiters, nothing comes twice.
    kept = "".join(one.raw for one in found)
    whole = content.decode("utf-8", "backslashreplace")
    clean = str.maketrans("", "", '\r\n,;" ' if empty else "\r\n")
    assert kept.translate(clean) == whole.translate(clean)
    assert [one.line for one in found] == sorted({one.line for one in found})
    for one in found:
        if isinstance(one, FileRow):
            assert set(one.values) == {"a", "b"}
            values = next(csv.reader(io.StringIO(one.raw, newline=""), strict=True))
            assert list(one.values.values()) == values


cells = st.sampled_from(["", "", "a", " ", "'=1", '"a,"', '","', '"'])
rows_of_cells = st.lists(st.lists(cells, min_size=2, max_size=4).map(",".join), max_size=8)


@given(soup | rows_of_cells.map("\n".join).map(str.encode))
def test_sparse_rows_are_the_same_without_their_empty_values(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = write(tmp_path_factory.mktemp("soup"), "t.csv", b"a,b,c\n" + content)
    with open_table(path, guarded=True) as full, open_table(path, guarded=True) as table:
        assert table.lines is not None
        table.lines.sparse = True
        for row, other in zip(full, table, strict=True):
            if isinstance(row, FileRow):
                values = {name: value for name, value in row.values.items() if value}
                assert other == FileRow(row.line, values, row.raw)
            else:
                assert other == row
        assert table.empty == full.empty


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    content = '{"a": 1, "b": {"c": null}}\r\n\n{"a": "x"}\n'
    rows, rejects = parts(write(tmp_path, name, content))
    assert [(row.line, row.values) for row in rows] == [
        (1, {"a": 1, "b": {"c": None}}),
        (3, {"a": "x"}),
    ]
    assert rejects == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "it is no JSON: expecting property name enclosed in double quotes at character 2"),
        (b"[1]", 'it is no object: write {"column": value}'),
        (b'{"a": 1} x', "it is no JSON: extra data at character 10"),
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice in one object"),
        (b'{"a": "\\ud800"}', "it has half a character: a surrogate without its other half"),
        (b"[" * 200_000, "it is nested too deeply"),
        (
            b'{"a": "\xe9"}',
            "byte 0xE9 at character 8 is no text in utf-8: save the file as UTF-8, or say its "
            "encoding in the mapping",
        ),
    ],
)
def test_a_bad_json_line_is_rejected_and_reading_goes_on(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = write(tmp_path, "t.jsonl", line + b'\n{"a": 2}\n')
    assert plain(path) == [(1, reason), (2, [2])]


def test_a_json_number_with_more_digits_than_python_reads_is_rejected(tmp_path: Path) -> None:
    path = write(tmp_path, "t.jsonl", '{"a": ' + "9" * 5000 + '}\n{"a": 2}\n')
    _, [reject] = parts(path)
    assert "4300" in reject.reason
    assert len(reject.raw) < 6000


def test_a_json_array_gives_each_element_with_its_line(tmp_path: Path) -> None:
    content = '\ufeff[\n {"a": 1}, {"a":\n 2},\n\n 3,\n {"a": 4}\n]\n'
    rows, rejects = parts(write(tmp_path, "t.json", content))
    assert [(row.line, row.values["a"]) for row in rows] == [(2, 1), (2, 2), (6, 4)]
    assert [(one.line, one.raw) for one in rejects] == [(5, "3")]


@pytest.mark.parametrize(
    ("content", "line", "raw"),
    [
        ('[{"a": 1},\n{"a": }, {"a": 2}]', 2, '{"a": }, {"a": 2}]'),
        ('[{"a": 1}\n', 2, ""),
        ('[{"a": 1},\n]', 2, "]"),
        ('[{"a": 1}]\nmore', 1, "more"),
    ],
)
def test_a_broken_json_array_keeps_what_was_read_and_says_where_it_ends(
    tmp_path: Path, content: str, line: int, raw: str
) -> None:
    rows, [reject] = parts(write(tmp_path, "t.json", content))
    assert [row.values for row in rows] == [{"a": 1}]
    assert (reject.line, reject.raw) == (line, raw)


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers(), max_size=3), max_size=6))
def test_json_arrays_and_json_lines_hold_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("json")
    lines = "".join(json.dumps(one) + "\n" for one in records)
    one, no = parts(write(folder, "t.jsonl", lines))
    two, none = parts(write(folder, "t.json", json.dumps(records, indent=1)))
    assert [row.values for row in one] == [row.values for row in two] == records
    assert no == none == []


def test_parquet_comes_in_batches_with_python_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "BATCH", 3)
    pl.DataFrame({"n": range(8), "s": ["x", None] * 4}).write_parquet(tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        assert table.columns == ("n", "s")
        found = list(table)
        assert table.done == 1.0
    assert [one.line for one in found] == list(range(1, 9))
    assert [one.values for one in found if isinstance(one, FileRow)][7] == {"n": 7, "s": None}


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_the_same_rows_come_from_a_packed_file(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"a": ["1", "2"], "b": ["x", "y"]})
    path = tmp_path / name
    if name == "t.csv":
        frame.write_csv(path)
    elif name == "t.jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_parquet(path)
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert plain(packed) == plain(path) != []


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet"])
def test_the_standard_input_is_read_by_its_format(
    monkeypatch: pytest.MonkeyPatch, kind: Format
) -> None:
    frame = pl.DataFrame({"a": ["1", "2"]})
    out = io.BytesIO()
    if kind == "csv":
        frame.write_csv(out)
    elif kind == "jsonl":
        frame.write_ndjson(out)
    elif kind == "json":
        frame.write_json(out)
    else:
        frame.write_parquet(out)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(out.getvalue())))
    rows, rejects = parts("-", format=kind)
    assert [row.values for row in rows] == [{"a": "1"}, {"a": "2"}]
    assert rejects == []


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("t.csv", b"", "is empty: it needs a header"),
        ("t.csv", b"\n\n", "is empty: it needs a header"),
        ("t.csv", b"a,\xe9\n1,2\n", "line 1: byte 0xE9 at character 3 is no text"),
        ("t.csv", b'a,"b\n1,2\n', "the header cannot be read: a quote is opened"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), "is written in UTF-16"),
        ("t.csvv", b"a,b\n", "let it end in .csv, .tsv, .jsonl, .ndjson, .json, .parquet; did you"),
        ("t.xlsx", b"PK\x03\x04", "is a workbook, which is not read: save it as CSV"),
        ("t.csv", b"PK\x03\x04", "is a workbook or an archive, and no text: save it as CSV"),
        ("t", b"a,b\n", "the name does not tell the format"),
        ("t.parquet", b"a,b\n", "is no Parquet file that can be read"),
        ("t.csv.gz", b"a,b\n", "cannot be read: Not a gzipped file"),
    ],
)
def test_what_is_wrong_with_a_whole_file_is_said_when_it_is_opened(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(FileProblem) as caught:
        open_table(path)
    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)


def test_columns_of_one_name_are_told_to_who_asks_for_them(tmp_path: Path) -> None:
    with open_table(write(tmp_path, "t.csv", "a,b,a,c,a\n1,2,3,4,5\n")) as table:
        assert (
            table.lacks("a")
            == "has the column 'a' twice (columns 1 and 3 and 5): rename one of them"
        )
        assert table.lacks("b") == ""
        assert table.lacks("A") == "has no column 'A', only a, b, a, c, a; did you mean 'a'?"
        assert [row.values["b"] for row in table if isinstance(row, FileRow)] == ["2"]


def test_a_header_of_very_many_columns_is_read_in_one_go(tmp_path: Path) -> None:
    class Name(str):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Name.compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    names = [Name(f"c{n}") for n in range(5_000)]
    file = RowFile("t.csv", (*names, Name("c7")), iter(()), lambda: None, lambda: None)
    assert file.twice == {"c7": [8, 5_001]}
    assert Name.compared < 20_000
    head = ",".join(names)
    with open_table(write(tmp_path, "t.csv", f"{head}\n")) as table:
        assert len(table.columns or ()) == 5_000
        assert table.lacks("x1").count(", ") == 30
        assert "c29 and 4,970 more" in table.lacks("x1")


def test_a_missing_file_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, "leads.csv", "a\n")
    with pytest.raises(FileProblem, match=r"leds\.csv does not exist; did you mean 'leads\.csv'"):
        open_table(tmp_path / "leds.csv")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="is a folder"):
        open_table(tmp_path)


def test_the_standard_input_needs_a_format() -> None:
    with pytest.raises(FileProblem, match="say --format, one of csv, jsonl, json, parquet"):
        open_table("-")


def test_a_packed_file_that_ends_too_early_is_a_problem_of_the_file(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 100_000)
    path = write(tmp_path, "t.csv.gz", packed[: len(packed) // 2])
    with pytest.raises(FileProblem, match="cannot be read to its end"), open_table(path) as table:
        list(table)


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "a,b\n" + "1,2\n" * 50_000)
    with open_table(path) as table:
        before = table.done
        assert before is not None
        assert before < 0.5
        list(table)
        assert table.done == 1.0


def test_a_large_file_is_read_as_a_stream(tmp_path: Path) -> None:
    import tracemalloc

    path = write(tmp_path, "t.csv", "a,b\n" + f"{'x' * 200},{'y' * 200}\n" * 50_000)
    with open_table(path) as table:
        tracemalloc.start()
        count = sum(1 for _ in table)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == 50_000
    assert peak < path.stat().st_size / 10


def test_without_polars_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "t.parquet", b"PAR1")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(
        MissingExtra, match=r"reading Parquet needs polars.*lifecycle-fsm\[tables\]"
    ):
        open_table(path)
    rows, _ = parts(write(tmp_path, "t.csv", "a\n1\n"))
    assert rows[0].values == {"a": "1"}


def test_rows_of_nothing_but_delimiters_are_counted_and_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", b"a;b\n1;2\n;\n;;;\n")
    with open_table(path) as table:
        assert [one.line for one in table] == [2]
        assert table.empty == 2


def test_of_very_many_names_the_first_are_listed() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"
