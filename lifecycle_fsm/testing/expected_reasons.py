"""Why somebody is refused: the reasons that a test names, beside those that the machine gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.errors import GuardError, RecordError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.guard import (
    Guard,
    Outcome,
    Vocabulary,
    parse_guard,
    problems,
    resolve,
    to_text,
    unmet,
)
from lifecycle_fsm.machine import Refusal

#: Conditions in the language of guards: one, several, or each with the value that it saw.
Because: TypeAlias = str | Guard | Iterable[str | Guard] | Mapping[str, object]
_ANY: Any = ...


@attrs.frozen
class Reason:
    """A condition that a test says is unmet, and the value that it saw, where it says so."""

    text: str
    guard: Guard
    seen: Any = _ANY


def reading(because: Because, words: Vocabulary) -> tuple[Reason, ...]:
    """The reasons as a test wrote them.

    Raises:
        GuardSyntaxError: a text is no guard.
        GuardError: it speaks of what the model does not have; the message suggests the nearest.
    """
    if isinstance(because, Mapping):
        return tuple(_reason(one, words, seen) for one, seen in because.items())
    if isinstance(because, str | Guard):
        return (_reason(because, words),)
    return tuple(_reason(one, words) for one in because)


def _reason(written: str | Guard, words: Vocabulary, seen: object = _ANY) -> Reason:
    guard = resolve(parse_guard(written) if isinstance(written, str) else written, words)
    text = written if isinstance(written, str) else to_text(guard)
    wrong = problems(guard, words)
    if wrong:
        raise GuardError(f"because {text!r}: " + "; ".join(map(str, wrong)))
    return Reason(text, guard, seen)


@attrs.frozen
class ReasonComparison:
    """Both sides, line by line."""

    lines: tuple[str, ...]
    agree: bool

    @property
    def legend(self) -> tuple[str, ...]:
        """What the signs in front of the lines mean."""
        return ("  (= as said, + unmet and not said, - said and not so)",)


def compare(refusals: Iterable[Refusal], reasons: tuple[Reason, ...]) -> ReasonComparison:
    """Hold the reasons that were said against all that is unmet.

    Each unmet condition has a line, with the move that wants it and the value that it saw; and so
    has each reason that is none.
    """
    refusals = tuple(refusals)
    said = {id(one): one for one in reasons}
    covered: dict[Guard, Reason] = {}
    for reason in reasons:
        for node in (node for refusal in refusals for node in _nodes(refusal.outcome)):
            if node.guard == reason.guard:
                covered |= {part.guard: reason for part in unmet(node)}
        for one in refusals:
            covered |= {part.guard: reason for part in one.unmet if part.guard == reason.guard}
    lines: list[str] = []
    agree = True
    for one in refusals:
        lines.append(f"  {one.move} -> {one.target}{f': {one.note}' if one.note else ''}")
        for part in one.unmet:
            reason_of = covered.get(part.guard)
            sign, note = "+", ""
            if reason_of is not None:
                said.pop(id(reason_of), None)
                right = _saw(reason_of, part)
                sign, note = ("=", "") if right else ("-", f"  <- said: {reason_of.seen!r}")
            agree = agree and sign == "="
            lines.append(f"    {sign} {part.line}{note}")
    lines += [f"    - {_now(reason, refusals)}" for reason in said.values()]
    return ReasonComparison(tuple(lines), agree and not said)


def _nodes(outcome: Outcome) -> Iterator[Outcome]:
    yield outcome
    for child in outcome.children:
        yield from _nodes(child)


def _saw(reason: Reason, part: Outcome) -> bool:
    """Whether the value is the one that was said: of one name by itself, of several by name."""
    if reason.seen is _ANY:
        return True
    seen = {name: value for name, value in part.seen if not name.startswith("$")}
    if isinstance(reason.seen, Mapping):
        return all(name in seen and _same(value, seen[name]) for name, value in reason.seen.items())
    if len(seen) != 1:
        names = ", ".join(seen) or "nothing"
        raise RecordError(
            f"because {reason.text!r}: it reads {names}: say the value of each by its name, as a "
            "mapping"
        )
    return _same(reason.seen, next(iter(seen.values())))


def _same(said: object, seen: object) -> bool:
    if isinstance(seen, datetime) and isinstance(said, datetime | str):
        return instant(said) == seen
    return type(said) is type(seen) and said == seen


def _now(reason: Reason, refusals: tuple[Refusal, ...]) -> str:
    for one in refusals:
        for node in _nodes(one.outcome):
            if node.guard == reason.guard:
                return f"{node.line}  <- it holds" if node.holds else node.line
    return f"{reason.text}  <- no move that was asked reads this"
