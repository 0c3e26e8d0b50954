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
    problems,
    resolve,
    to_text,
    unmet,
)
from lifecycle_fsm.machine import Refusal
from lifecycle_fsm.model.conversions import read_guard

#: Conditions in the language of guards: one, several, or each with the value that it saw.
Because: TypeAlias = str | Guard | Iterable[str | Guard] | Mapping[str, object]


@attrs.frozen
class Reason:
    """A condition that a test says is unmet, and the value that it saw; ``...`` for any value."""

    text: str
    guard: Guard
    seen: Any


def checked_guard(written: str | Guard, vocabulary: Vocabulary, context: str = "") -> Guard:
    """A guard with its names resolved, from text or a tree; ``context`` begins the message of a
    :class:`GuardError`.

    Raises:
        GuardSyntaxError: the text is no guard.
        GuardError: it speaks of what the model does not have; the message suggests the nearest.
    """
    guard = resolve(read_guard(written), vocabulary)
    faults = problems(guard, vocabulary)
    if faults:
        raise GuardError(context + "; ".join(map(str, faults)))
    return guard


def _reasons(because: Because, vocabulary: Vocabulary) -> Iterator[Reason]:
    if isinstance(because, str | Guard):
        because = (because,)
    pairs = because.items() if isinstance(because, Mapping) else ((each, ...) for each in because)
    for written, seen in pairs:
        text = written if isinstance(written, str) else to_text(resolve(written, vocabulary))
        yield Reason(text, checked_guard(written, vocabulary, f"because {text!r}: "), seen)


def differences(
    refusals: Iterable[Refusal], because: Because, vocabulary: Vocabulary
) -> tuple[str, ...]:
    """The expected reasons and all that is unmet side by side, in lines; empty where they agree.

    Each unmet condition has a line, with the move that wants it and the value that it saw; and so
    has each reason that is none. The last line explains the signs.

    Raises:
        GuardSyntaxError, GuardError: a reason is no guard of the model.
        RecordError: one value is expected of a condition that reads several.
    """
    refusals = tuple(refusals)
    reasons = tuple(_reasons(because, vocabulary))
    unused = {id(reason): reason for reason in reasons}
    covered: dict[Guard, Reason] = {}
    for reason in reasons:
        for node in (node for refusal in refusals for node in _nodes(refusal.outcome)):
            if node.guard == reason.guard:
                covered |= {part.guard: reason for part in unmet(node)}
        for refusal in refusals:
            covered |= {part.guard: reason for part in refusal.unmet if part.guard == reason.guard}
    lines: list[str] = []
    agree = True
    for refusal in refusals:
        note = f": {refusal.note}" if refusal.note else ""
        lines.append(f"  {refusal.move} -> {refusal.target}{note}")
        for part in refusal.unmet:
            expected = covered.get(part.guard)
            sign, note = "+", ""
            if expected is not None:
                unused.pop(id(expected), None)
                right = _is_seen(expected, part)
                sign, note = ("=", "") if right else ("-", f"  <- said: {expected.seen!r}")
            agree = agree and sign == "="
            lines.append(f"    {sign} {part.line}{note}")
    if agree and not unused:
        return ()
    lines += [f"    - {_not_unmet(reason, refusals)}" for reason in unused.values()]
    return (*lines, "  (= as said, + unmet and not said, - said and not so)")


def _nodes(outcome: Outcome) -> Iterator[Outcome]:
    yield outcome
    for child in outcome.children:
        yield from _nodes(child)


def _is_seen(reason: Reason, part: Outcome) -> bool:
    """Whether the value is the expected one: of one name by itself, of several by name."""
    if reason.seen is ...:
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


def _same(expected: object, seen: object) -> bool:
    if isinstance(seen, datetime) and isinstance(expected, datetime | str):
        return instant(expected) == seen
    return type(expected) is type(seen) and expected == seen


def _not_unmet(reason: Reason, refusals: tuple[Refusal, ...]) -> str:
    for refusal in refusals:
        for node in _nodes(refusal.outcome):
            if node.guard == reason.guard:
                return f"{node.line}  <- it holds" if node.holds else node.line
    return f"{reason.text}  <- no move that was asked reads this"
