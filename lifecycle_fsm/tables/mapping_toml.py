"""The mapping: a TOML file that says how an export becomes people and activities.

::

    zone = "America/Sao_Paulo"      # where times without a zone were written down

    [people]                        # one person for each row
    id = "Lead ID"                  # a plain text names a column
    created_at = { column = "Created", format = "%d/%m/%Y %H:%M" }

    [people.fields]                 # field of the person = where it comes from
    source = { column = "Channel", values = { "Paid Search" = "paid_search" }, otherwise = "other" }
    created_through = { const = "import" }

    [[people.gives]]                # one more activity from each row that has this date
    kind = "sales_touched"
    at = "First call"
    only_if = { column = "First call", present = true }

    [activities]
    person = "Lead ID"

    [[activities.gives]]
    kind = "opportunity_won"
    at = { column = "Closed", zone = "UTC" }
    id = "won:{Deal ID}"            # a text with braces is put together from columns
    payload = { opportunity = "Deal ID", amount = { column = "Value", decimal = "," } }

This module turns the file into records and reports all errors at once. Whether it matches the model
and the columns of a file is checked later, in :mod:`lifecycle_fsm.tables.intake`.
"""

from __future__ import annotations

import codecs
import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lifecycle_fsm.errors import FileProblem, Problem, RecordError, suggest
from lifecycle_fsm.files import near_files
from lifecycle_fsm.tables.mapping import (
    BRACES,
    EPOCHS,
    PEOPLE,
    FileMapping,
    Gives,
    InputMapping,
    RowCondition,
    TimeNotation,
    ValueSource,
    as_text,
)
from lifecycle_fsm.zones import find_zone

_SAMPLE = datetime(2024, 11, 23, 13, 45, tzinfo=UTC)
_ROLE = re.compile(r"[a-z][a-z0-9_]*")
_COMMON = ("zone", "format", "decimal", "empty", "encoding", "delimiter")
_SOURCE = (
    "column", "const", "text", "values", "otherwise", "if_empty", "zone", "format", "decimal",
)  # fmt: skip
_TRANSLATING = ("values", "otherwise", "if_empty")
_GIVES = ("kind", "at", "id", "sequence", "only_if", "payload", "payload_column")
_TESTS = {"present": "true or false", "equals": "a text", "in": "a list of texts"}


def load_mapping(path: str | Path) -> InputMapping:
    """Read a mapping from a TOML file.

    Raises:
        FileProblem: the file cannot be read or has errors; it lists all of them.
    """
    name = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileProblem(f"the mapping {name} does not exist{near_files(path)}") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise FileProblem(f"the mapping {name} cannot be read: {error}") from error
    return parse_mapping(text, name)


def parse_mapping(text: str, name: str = "mapping") -> InputMapping:
    """Read a mapping from its text; errors call it ``name``.

    Raises:
        FileProblem: the text has errors; it lists all of them.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileProblem(f"the mapping {name} is no TOML: {error}") from error
    reader = _MappingReader()
    files = reader.whole(content)
    raise_problems(f"the mapping {name}", reader.problems)
    return InputMapping(name, files, reader.times)


def raise_problems(subject: str, problems: Iterable[Problem]) -> None:
    """Raise one error for all problems of ``subject``, if there are any.

    Raises:
        FileProblem: there is a problem.
    """
    different = list(dict.fromkeys(problems))
    if different:
        head = f"{subject}: {len(different)} problem{'s' if len(different) != 1 else ''}"
        raise FileProblem("\n".join([head, *(f"  {problem}" for problem in different)]))


class _MappingReader:
    """Reads TOML tables into records and collects the errors; ``times`` are the settings of the
    whole mapping."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.times = TimeNotation()

    def wrong(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))

    def right(self, where: str, value: object, right: bool, what: str) -> bool:
        """Whether the value is right; if not, record a problem."""
        if not right:
            self.wrong(where, f"it should be {what}, not {value!r}")
        return right

    def known(self, where: str, table: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        for key in table:
            if key not in keys:
                self.wrong(
                    f"{where}.{key}" if where else key,
                    f"there is no such setting; known: {', '.join(keys)}{suggest(key, keys)}",
                )

    def table(self, where: str, value: object) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        self.right(where, value, value is None, "a table")
        return {}

    def string(self, where: str, value: object) -> str | None:
        if isinstance(value, str) and value:
            return value
        self.right(where, value, value is None, "a text")
        return None

    def whole(self, content: Mapping[str, Any]) -> dict[str, FileMapping]:
        files: dict[str, FileMapping] = {}
        common = {name: value for name, value in content.items() if name in _COMMON}
        roles = {name: value for name, value in content.items() if name not in _COMMON}
        if not roles:
            self.wrong("", "it maps no file: write a table [people] or [activities]")
        self.times = self.settings("", common, TimeNotation())
        for role, table in roles.items():
            if not _ROLE.fullmatch(role):
                self.wrong(role, "the name of a file's role is a small word, such as activities")
            elif not isinstance(table, dict):
                self.wrong(
                    role,
                    f"there is no such setting; known here: {', '.join(_COMMON)}, and a table "
                    f"for each file{suggest(role, _COMMON)}",
                )
            else:
                files[role] = self.file(role, table, common)
        return files

    def settings(self, where: str, table: Mapping[str, Any], over: TimeNotation) -> TimeNotation:
        prefix = f"{where}." if where else ""
        zone = self.string(f"{prefix}zone", table.get("zone"))
        if zone is not None:
            try:
                find_zone(zone)
            except RecordError as error:
                self.wrong(f"{prefix}zone", str(error))
                zone = None
        format = self.string(f"{prefix}format", table.get("format"))  # noqa: A001
        if format is not None and not self.is_format(f"{prefix}format", format):
            format = None  # noqa: A001
        decimal = table.get("decimal")
        if not self.right(f"{prefix}decimal", decimal, decimal in (None, ".", ","), '"." or ","'):
            decimal = None
        return TimeNotation(zone, format, decimal).over(over)

    def is_format(self, where: str, format: str) -> bool:
        if format in EPOCHS:
            return True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a format without the year is refused below
                read = datetime.strptime(_SAMPLE.strftime(format), format)  # noqa: DTZ007
            if read.date() == _SAMPLE.date():
                return True
            message = f"{format!r} does not give day, month and year"
        except (ValueError, re.error) as error:
            message = f"{format!r} is no format of a time: {error}"
        self.wrong(
            where, f"{message}: write it as %d/%m/%Y %H:%M, or {' or '.join(EPOCHS)} for numbers"
        )
        return False

    def file(self, role: str, table: Mapping[str, Any], common: Mapping[str, Any]) -> FileMapping:
        people = role == PEOPLE
        own = ("id", "created_at", "fields") if people else ("person",)
        self.known(role, table, (*own, "gives", *_COMMON))
        times = self.settings(role, table, self.times)
        both = {**common, **table}
        key = "id" if people else "person"
        person = self.source(f"{role}.{key}", table.get(key), times, needed=True)
        gives: list[Gives] = []
        if people:
            at = self.source("people.created_at", table.get("created_at"), times, needed=True)
            gives.append(
                Gives(
                    "people",
                    ValueSource("people", const="created"),
                    at,
                    ValueSource("people", const="created"),
                    payload=self.payload("people.fields", table.get("fields"), times),
                )
            )
        more = table.get("gives", [])
        if not isinstance(more, list):
            self.wrong(f"{role}.gives", f"write it as [[{role}.gives]], once for each activity")
            more = []
        elif not more and not people:
            self.wrong(role, f"its rows give nothing: write [[{role}.gives]] with kind and at")
        for place, value in enumerate(more):
            gives.append(self.gives(f"{role}.gives[{place}]", value, times))
        return FileMapping(
            role,
            person,
            tuple(gives),
            self.encoding(role, both.get("encoding", "utf-8")),
            self.delimiter(role, both.get("delimiter")),
            self.texts(f"{role}.empty", both.get("empty", [])),
        )

    def encoding(self, role: str, value: object) -> str:
        name = self.string(f"{role}.encoding", value) or "utf-8"
        try:
            codec = codecs.lookup(name)
            "a".encode(name)
        except (LookupError, ValueError, TypeError):
            self.wrong(
                f"{role}.encoding", f"there is no text encoding {name!r}: try utf-8 or cp1252"
            )
            return "utf-8"
        if codec.name.startswith(("utf-16", "utf-32")):
            self.wrong(f"{role}.encoding", f"{name} is not read: save the file as UTF-8")
        return name

    def delimiter(self, role: str, value: object) -> str | None:
        if value is None or (isinstance(value, str) and len(value) == 1 and value not in '"\r\n'):
            return value
        self.right(f"{role}.delimiter", value, False, "one character")
        return None

    def texts(self, where: str, value: object) -> frozenset[str]:
        if isinstance(value, list) and all(isinstance(text, str) for text in value):
            return frozenset(text.strip() for text in value)
        self.right(where, value, False, 'a list of texts, such as ["n/a", "-"]')
        return frozenset()

    def gives(self, where: str, value: object, times: TimeNotation) -> Gives:
        table = self.table(where, value)
        self.known(where, table, _GIVES)
        kind = table.get("kind")
        if isinstance(kind, str) and kind:
            kind = {"const": kind}  # the name of a kind, not of a column
        event, sequence = (
            self.source(f"{where}.{key}", table[key], times) if key in table else None
            for key in ("id", "sequence")
        )
        return Gives(
            where,
            self.source(f"{where}.kind", kind, times, needed=True),
            self.source(f"{where}.at", table.get("at"), times, needed=True),
            event,
            self.conditions(f"{where}.only_if", table.get("only_if")),
            self.payload(f"{where}.payload", table.get("payload"), times),
            self.string(f"{where}.payload_column", table.get("payload_column")),
            sequence,
        )

    def payload(self, where: str, value: object, times: TimeNotation) -> dict[str, ValueSource]:
        return {
            name: self.source(f"{where}.{name}", source, times)
            for name, source in self.table(where, value).items()
        }

    def source(
        self, where: str, value: object, times: TimeNotation, *, needed: bool = False
    ) -> ValueSource:
        if value is None and needed:
            self.wrong(where, "it is missing: name the column")
            return ValueSource(where, const="")
        if isinstance(value, str):
            value = {"text": value} if BRACES.search(value) else {"column": value}
        if not isinstance(value, dict):
            shown = str(value).lower() if isinstance(value, bool) else repr(value)
            self.wrong(where, f"name a column, or write {{ const = {shown} }}")
            return ValueSource(where, const="")
        self.known(where, value, _SOURCE)
        origins = [name for name in ("column", "const", "text") if name in value]
        if len(origins) != 1:
            self.wrong(where, "it needs one of column, const or text, and one only")
            return ValueSource(where, const="")
        if origins != ["column"]:
            for name in _TRANSLATING:
                if name in value:
                    self.wrong(
                        f"{where}.{name}",
                        f"it translates what stands in a column, and this is a {origins[0]}: "
                        "leave it out, or name a column",
                    )
        text = self.string(f"{where}.text", value.get("text"))
        if text is not None and not BRACES.search(text):
            self.wrong(f"{where}.text", f"{text!r} names no column in braces: write const instead")
        if text is not None and re.search(r"[{}]", BRACES.sub("", text)):
            self.wrong(f"{where}.text", f"{text!r} has a brace without its other half")
        return ValueSource(
            where,
            self.string(f"{where}.column", value.get("column")),
            value.get("const"),
            text,
            self.table(f"{where}.values", value.get("values")),
            value.get("otherwise"),
            value.get("if_empty"),
            self.settings(where, value, times),
        )

    def conditions(self, where: str, value: object) -> tuple[RowCondition, ...]:
        if value is None:
            return ()
        if isinstance(value, list):
            parts = enumerate(value)
            nested = [self.conditions(f"{where}[{place}]", part) for place, part in parts]
            return tuple(condition for part in nested for condition in part)
        table = self.table(where, value)
        self.known(where, table, ("column", *_TESTS))
        column = self.string(f"{where}.column", table.get("column"))
        tests = [name for name in _TESTS if name in table]
        if column is None or len(tests) != 1:
            self.wrong(where, "it needs a column, and one of present, equals or in")
            return ()
        name, test = tests[0], table[tests[0]]
        if name == "present":
            self.right(f"{where}.present", test, isinstance(test, bool), _TESTS[name])
            return (RowCondition(where, column, present=test is True),)
        texts = test if name == "in" else [test]
        right = isinstance(texts, list) and not any(isinstance(text, list | dict) for text in texts)
        if not self.right(f"{where}.{name}", test, right, _TESTS[name]):
            return ()
        return (RowCondition(where, column, among=tuple(map(as_text, texts))),)
