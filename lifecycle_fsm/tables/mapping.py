"""The mapping: a TOML file that says how somebody's own export becomes people and activities.

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

Here the file becomes records, and everything that is wrong with it is said at once. What the model
and the columns of a file have to say to it comes later, in :mod:`lifecycle_fsm.tables.intake`.
"""

from __future__ import annotations

import codecs
import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.errors import FileProblem, Problem, RecordError, suggest
from lifecycle_fsm.files import near_files
from lifecycle_fsm.zones import find_zone

PEOPLE, ACTIVITIES = "people", "activities"
EPOCHS: Mapping[str, int] = {"epoch": 1_000_000, "epoch_ms": 1_000}

_BRACES = re.compile(r"\{([^{}]*)\}")
_SAMPLE = datetime(2024, 11, 23, 13, 45, tzinfo=UTC)
_ROLE = re.compile(r"[a-z][a-z0-9_]*")


def _own(value: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(value or {})


@attrs.frozen
class TimeNotation:
    """How times and numbers are written: the zone of naive times, a format, the decimal sign."""

    zone: str | None = None
    format: str | None = None
    decimal: str | None = None

    @property
    def names_zones(self) -> bool:
        """Does each time itself say in which zone it is?"""
        form = self.format or ""
        return form in EPOCHS or any(one in form for one in ("%z", "%Z"))

    def over(self, other: TimeNotation) -> TimeNotation:
        """These, and where nothing is said the others."""
        return TimeNotation(
            self.zone or other.zone, self.format or other.format, self.decimal or other.decimal
        )


@attrs.frozen
class ValueSource:
    """Where one value comes from: a column, a constant, or a text put together from columns.

    ``values`` translates what stands in the column; what it does not name becomes ``otherwise``,
    or stays as it is. ``if_empty`` stands in where the column is empty.
    """

    where: str
    column: str | None = None
    const: Any = None
    text: str | None = None
    values: Mapping[str, Any] = attrs.field(factory=dict, converter=_own)
    otherwise: Any = None
    if_empty: Any = None
    times: TimeNotation = TimeNotation()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        if self.column is not None:
            return (self.column,)
        return tuple(_BRACES.findall(self.text)) if self.text is not None else ()


@attrs.frozen
class RowCondition:
    """What must hold of one column for a row to give an activity."""

    where: str
    column: str
    present: bool = True
    among: tuple[str, ...] | None = None


@attrs.frozen
class Gives:
    """One activity that each row of a file gives."""

    where: str
    kind: ValueSource
    at: ValueSource
    id: ValueSource | None = None
    only_if: tuple[RowCondition, ...] = ()
    payload: Mapping[str, ValueSource] = attrs.field(factory=dict, converter=_own)
    payload_column: str | None = None
    sequence: ValueSource | None = None

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Each column that it reads, with the place in the mapping that names it."""
        own = [one for one in (self.kind, self.at, self.id, self.sequence) if one is not None]
        sources = [*own, *self.payload.values()]
        found = [(one.where, column) for one in sources for column in one.columns]
        found += [(one.where, one.column) for one in self.only_if]
        if self.payload_column is not None:
            found.append((f"{self.where}.payload_column", self.payload_column))
        return tuple(found)


@attrs.frozen
class FileMapping:
    """How the rows of one file become activities of a person."""

    role: str
    person: ValueSource
    gives: tuple[Gives, ...]
    encoding: str = "utf-8"
    delimiter: str | None = None
    empty: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Each column that is read, with the place in the mapping that names it."""
        own = [(self.person.where, column) for column in self.person.columns]
        return (*own, *(one for gives in self.gives for one in gives.columns))


@attrs.frozen
class InputMapping:
    """A whole mapping: one :class:`FileMapping` for each role, ``people`` and any others."""

    name: str
    files: Mapping[str, FileMapping]
    times: TimeNotation = TimeNotation()


def load_mapping(path: str | Path) -> InputMapping:
    """Read a mapping from a TOML file.

    Raises:
        FileProblem: the file cannot be read, or something in it is wrong: all of it at once.
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
    """Read a mapping from its text; ``name`` is what errors call it.

    Raises:
        FileProblem: something in it is wrong: all of it at once.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileProblem(f"the mapping {name} is no TOML: {error}") from error
    reader = _MappingReader()
    files = reader.whole(content)
    complain(f"the mapping {name}", reader.problems)
    return InputMapping(name, files, _quiet_settings(content))


def complain(subject: str, problems: Iterable[Problem]) -> None:
    """Raise one error for all problems of ``subject``, if there are any.

    Raises:
        FileProblem: there are.
    """
    found = list(dict.fromkeys(problems))
    if found:
        head = f"{subject}: {len(found)} problem{'s' if len(found) != 1 else ''}"
        raise FileProblem("\n".join([head, *(f"  {one}" for one in found)]))


_COMMON = ("zone", "format", "decimal", "empty", "encoding", "delimiter")
_SOURCE = (
    "column", "const", "text", "values", "otherwise", "if_empty", "zone", "format", "decimal",
)  # fmt: skip
_TRANSLATING = ("values", "otherwise", "if_empty")
_GIVES = ("kind", "at", "id", "sequence", "only_if", "payload", "payload_column")


class _MappingReader:
    """Reads tables of TOML into records, and collects what is wrong on the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))

    def known(self, where: str, table: Mapping[str, Any], keys: Iterable[str]) -> None:
        keys = tuple(keys)
        for key in table:
            if key not in keys:
                place = f"{where}.{key}" if where else key
                self.wrong(
                    place, f"there is no such setting; known: {', '.join(keys)}{suggest(key, keys)}"
                )

    def table(self, where: str, value: object) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        if value is not None:
            self.wrong(where, f"it should be a table, not {value!r}")
        return {}

    def string(self, where: str, value: object) -> str | None:
        if isinstance(value, str) and value:
            return value
        if value is not None:
            self.wrong(where, f"it should be a text, not {value!r}")
        return None

    def whole(self, content: Mapping[str, Any]) -> dict[str, FileMapping]:
        files: dict[str, FileMapping] = {}
        roles = {name: one for name, one in content.items() if name not in _COMMON}
        if not roles:
            self.wrong("", "it maps no file: write a table [people] or [activities]")
        common = {name: one for name, one in content.items() if name in _COMMON}
        self.settings("", common, TimeNotation())
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
        if decimal not in (None, ".", ","):
            self.wrong(f"{prefix}decimal", f'it should be "." or ",", not {decimal!r}')
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
        times = self.settings(role, table, _quiet_settings(common))
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
        for place, one in enumerate(more):
            gives.append(self.gives(f"{role}.gives[{place}]", one, times))
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
            found = codecs.lookup(name)
            "a".encode(name)
        except (LookupError, ValueError, TypeError):
            self.wrong(
                f"{role}.encoding", f"there is no text encoding {name!r}: try utf-8 or cp1252"
            )
            return "utf-8"
        if found.name.startswith(("utf-16", "utf-32")):
            self.wrong(f"{role}.encoding", f"{name} is not read: save the file as UTF-8")
        return name

    def delimiter(self, role: str, value: object) -> str | None:
        if value is None or (isinstance(value, str) and len(value) == 1 and value not in '"\r\n'):
            return value
        self.wrong(f"{role}.delimiter", f"it should be one character, not {value!r}")
        return None

    def texts(self, where: str, value: object) -> frozenset[str]:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return frozenset(one.strip() for one in value)
        self.wrong(where, f'it should be a list of texts, such as ["n/a", "-"], not {value!r}')
        return frozenset()

    def gives(self, where: str, value: object, times: TimeNotation) -> Gives:
        table = self.table(where, value)
        self.known(where, table, _GIVES)
        kind = table.get("kind")
        if isinstance(kind, str) and kind:
            kind = {"const": kind}  # the name of a kind, and not of a column
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
            name: self.source(f"{where}.{name}", one, times)
            for name, one in self.table(where, value).items()
        }

    def source(
        self, where: str, value: object, times: TimeNotation, *, needed: bool = False
    ) -> ValueSource:
        if value is None and needed:
            self.wrong(where, "it is missing: name the column")
            return ValueSource(where, const="")
        if isinstance(value, str):
            value = {"text": value} if _BRACES.search(value) else {"column": value}
        if not isinstance(value, dict):
            self.wrong(where, f"name a column, or write {{ const = {_toml(value)} }}")
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
        if text is not None and not _BRACES.search(text):
            self.wrong(f"{where}.text", f"{text!r} names no column in braces: write const instead")
        if text is not None and re.search(r"[{}]", _BRACES.sub("", text)):
            self.wrong(f"{where}.text", f"{text!r} has a brace without its other half")
        return ValueSource(
            where,
            self.string(f"{where}.column", value.get("column")),
            value.get("const"),
            text,
            {
                str(key): one
                for key, one in self.table(f"{where}.values", value.get("values")).items()
            },
            value.get("otherwise"),
            value.get("if_empty"),
            self.settings(where, value, times),
        )

    def conditions(self, where: str, value: object) -> tuple[RowCondition, ...]:
        if value is None:
            return ()
        if isinstance(value, list):
            return tuple(
                one
                for place, part in enumerate(value)
                for one in self.conditions(f"{where}[{place}]", part)
            )
        table = self.table(where, value)
        self.known(where, table, ("column", "present", "equals", "in"))
        column = self.string(f"{where}.column", table.get("column"))
        tests = [name for name in ("present", "equals", "in") if name in table]
        if column is None or len(tests) != 1:
            self.wrong(where, "it needs a column, and one of present, equals or in")
            return ()
        test = table[tests[0]]
        if tests[0] == "present":
            if not isinstance(test, bool):
                self.wrong(f"{where}.present", f"it should be true or false, not {test!r}")
            return (RowCondition(where, column, present=test is True),)
        many = test if tests[0] == "in" else [test]
        if not isinstance(many, list) or any(isinstance(one, list | dict) for one in many):
            self.wrong(f"{where}.{tests[0]}", f"it should be a {_LISTED[tests[0]]}, not {test!r}")
            return ()
        return (RowCondition(where, column, among=tuple(as_text(one) for one in many)),)


_EXACT = 2.0**53  # floats beyond this do not tell neighbouring whole numbers apart
_LISTED = {"in": "list of texts", "equals": "text"}


def _quiet_settings(common: Mapping[str, Any]) -> TimeNotation:
    """The settings of the whole mapping, whose problems have been said already."""
    return _MappingReader().settings("", common, TimeNotation())


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def as_text(value: object) -> str:
    """A value of a file as the text that a mapping compares: ``true``, ``65``, ``2024-05-01``.

    A whole number is the same text whether or not its column could hold fractions: a column of
    numbers becomes one of floats as soon as one of its cells is empty.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value).strip()
