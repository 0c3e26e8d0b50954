"""The rows of a table of cases: what is given, the outcome, and why it was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby

import attrs

from lifecycle_fsm.errors import LifecycleError, RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value, utc_text

#: Parts besides the sections of a model: what a move writes, two rules that are open at once, a
#: trigger in a stage, an entire path, a Python function.
EFFECT, ORDER, TRIGGER, TOUR, EXAMPLE = "effect", "order", "trigger", "tour", "example"
#: The prefix of ``why`` in a row that a person has added.
OWN = "own:"
#: The outcomes of rows that cannot be run.
REDUNDANT, EVERYBODY, NOBODY, UNDECIDED, OPAQUE, NO_WAY = (
    "never decides",
    "holds for everybody",
    "holds for nobody",
    "not decided",
    "cannot be looked into",
    "fired by nobody",
)
#: Why a condition that never decides may still be useful.
FOR_CLARITY = "said for clarity: without a value it comes out so anyway"
NOT_RUN = frozenset({REDUNDANT, EVERYBODY, NOBODY, UNDECIDED, OPAQUE, NO_WAY})


@attrs.frozen
class CaseRow:
    """One case.

    Args:
        part: the part of the model that it tests: ``sort``, ``move``, ``guard``, ``data``,
            ``scoring``, ``decay``, ``deadline``, ``assignment``, ``alert``; ``effect`` for what a
            move writes; ``order`` for two rules that are open at once; ``trigger`` for what a stage
            does with a trigger; ``tour`` for a step of a path; ``example`` for the expected answer
            of a Python guard.
        rule: the name of the rule, trigger, path or Python guard.
        stage: the stage of the person before.
        given: the person's fields, or what happens.
        outcome: the result.
        why: which boundary or step this is; not compared when a case is run. The prefix ``own:``
            marks a row that a person has added.
    """

    part: str
    rule: str
    stage: str
    given: str
    outcome: str
    why: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What identifies a case across tables; for a tour, this includes the step."""
        case = (self.part, self.rule, self.stage, self.given)
        return (*case, self.why) if self.part == TOUR else case

    @property
    def own(self) -> bool:
        """Whether a person has written it, so that it is kept when the others are regenerated."""
        return self.part == EXAMPLE or self.why.startswith(OWN)

    @property
    def place(self) -> str:
        """A description of the case."""
        where = f" in {self.stage}" if self.stage and self.part != TOUR else ""
        given = f", {self.given}" if self.given else ""
        return f"{self.part} {self.rule}{where}{given}"


@attrs.frozen
class Case:
    """Rows that are run together: one row, or all the steps of one path."""

    rows: tuple[CaseRow, ...]

    @property
    def name(self) -> str:
        """A name for a test: part, rule, stage and what is given."""
        first = self.rows[0]
        if first.part == TOUR:
            return f"{first.part}: {first.rule}"
        where = f" @ {first.stage}" if first.stage else ""
        return f"{first.part}: {first.rule}{where}" + (f": {first.given}" if first.given else "")


@attrs.frozen
class CaseTable:
    """All cases of a model, in order."""

    model: str
    rows: tuple[CaseRow, ...] = attrs.field(converter=tuple[CaseRow, ...])

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[CaseRow]:
        return iter(self.rows)

    @property
    def cases(self) -> tuple[Case, ...]:
        """The rows in the units in which they are run: the steps of one path together."""
        groups = groupby(
            enumerate(self.rows),
            lambda pair: (pair[1].rule, pair[1].own) if pair[1].part == TOUR else (pair[0],),
        )
        return tuple(Case(tuple(row for _, row in group)) for _, group in groups)

    def keeping(self, before: CaseTable) -> CaseTable:
        """This table, with the rows that a person has added to the previous one.

        They stay as they were written, even if the model now gives a different outcome.
        """
        kept = tuple(row for row in before if row.own)
        cases = {row.key for row in kept}
        return attrs.evolve(self, rows=(*(row for row in self if row.key not in cases), *kept))

    def checked(self) -> CaseTable:
        """The table itself, if each case occurs only once.

        Raises:
            LifecycleError: a case occurs twice.
        """
        seen: set[tuple[str, ...]] = set()
        for row in self.rows:
            if row.key in seen:
                raise LifecycleError(f"{row.place}: this case stands there twice; leave one out")
            seen.add(row.key)
        return self


def merged(rows: Iterable[CaseRow]) -> Iterator[CaseRow]:
    """The rows, with those of the same case combined into one that has all their reasons."""
    by_key: dict[tuple[str, ...], CaseRow] = {}
    for row in rows:
        before = by_key.get(row.key)
        if before is None or row.why == before.why:
            by_key[row.key] = row
        else:
            by_key[row.key] = attrs.evolve(before, why=f"{before.why}; {row.why}")
    yield from by_key.values()


# ------------------------------------------------------------------ wording
#
# People as an operations person reads them: ``behavior_score = 64, last_lost_at = 30 days ago``.
#
# Times are written relative to *now*, which is the same instant for every person of a table; an
# instant that the model itself names is written as a date. The text can be parsed without loss.


MISSING, NOW_WORD = "missing", "now"
_DAY = timedelta(days=1)
_PLAIN = re.compile(r"[\w.@:/&+-]+(?: [\w.@:/&+-]+)*")
_PART = re.compile(r'\s*([\w.()]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^,"]*?)\s*(?:,|$)')
_AGE = re.compile(
    r"(?:(?P<days>\d+) days?)? ?"
    r"(?:(?P<hours>\d\d):(?P<minutes>\d\d):(?P<seconds>\d\d)(?:\.(?P<microseconds>\d{6}))?)?"
)


def format_values(values: Mapping[str, Value], now: datetime) -> str:
    """The values by name, as one line."""
    return ", ".join(f"{name} = {format_value(value, now)}" for name, value in values.items())


def format_value(value: Value, now: datetime) -> str:
    """One value; a text is quoted if it could be mistaken for something else."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return _format_time(value, now)
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value not in (MISSING, NOW_WORD)
        return value if plain else json.dumps(value, ensure_ascii=False)
    return repr(value)


def _format_time(value: datetime, now: datetime) -> str:
    if value == now:
        return NOW_WORD
    # The people live at noon. A time next to midnight comes from a date in the model.
    midnight = value.replace(hour=0, minute=0, second=0, microsecond=0)
    if min(value - midnight, midnight + _DAY - value) <= timedelta(seconds=1):
        return utc_text(value).removesuffix("T00:00:00Z")
    age = format_length(abs(now - value))
    return f"{age} ago" if value < now else f"in {age}"


def format_length(length: timedelta) -> str:
    """A non-negative length of time, such as ``89 days 23:59:59``."""
    rest = length - length.days * _DAY
    parts = []
    if length.days or not rest:
        parts.append(f"{length.days} day{'' if length.days == 1 else 's'}")
    if rest:
        seconds, micro = rest.seconds, rest.microseconds
        clock = f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
        parts.append(clock + (f".{micro:06}" if micro else ""))
    return " ".join(parts)


def parse_length(text: str) -> timedelta:
    """The length of time that a text names.

    Raises:
        RecordError: it names none.
    """
    age = _AGE.fullmatch(text.strip())
    if not text.strip() or age is None or not any(age.groups()):
        raise RecordError(f"{text!r} is no length of time: write 30 days, or 29 days 23:59:59")
    return timedelta(**{unit: int(count or 0) for unit, count in age.groupdict().items()})


def parse_values(text: str, types: Mapping[str, FieldType], now: datetime) -> dict[str, Value]:
    """The values in a line, by name.

    Raises:
        RecordError: the line cannot be parsed, a field does not exist, or it rejects the value.
    """
    values: dict[str, Value] = {}
    place = 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None:
            raise RecordError(f"{text[place:]!r} is not understood: write field = value, …")
        name, words = part.groups()
        if name not in types:
            raise RecordError(f"no field named {name!r}{suggest(name, types)}")
        try:
            values[name] = parse_value(words, types[name], now)
        except RecordError as error:
            raise RecordError(f"{name}: {error}") from None
        place = part.end()
    return values


def parse_value(words: str, kind: FieldType, now: datetime) -> Value:
    """The value that a text stands for in a field of this type.

    Raises:
        RecordError: the field rejects it.
    """
    if words == MISSING:
        return None
    if words.startswith('"'):
        try:
            text = json.loads(words)
        except ValueError:
            raise RecordError(f"{words} is no text in quotes") from None
        # An empty text cannot be given, but a field that was never set may hold one [S4].
        return text if text == kind.empty else kind.accept(text)
    if kind.kind == "datetime":
        return _parse_time(words, kind, now)
    return kind.accept(words)


def _parse_time(words: str, kind: FieldType, now: datetime) -> Value:
    if words == NOW_WORD:
        return now
    try:
        if words.endswith(" ago"):
            return (now - parse_length(words.removesuffix(" ago"))).astimezone(UTC)
        if words.startswith("in "):
            return (now + parse_length(words.removeprefix("in "))).astimezone(UTC)
    except OverflowError:
        raise RecordError(f"{words!r} is further away than there are years") from None
    return kind.accept(words)
