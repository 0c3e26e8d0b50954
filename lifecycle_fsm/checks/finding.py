"""A finding of a check: place, severity, message, and a person who shows the fault."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import Value, utc_text
from lifecycle_fsm.guard.printer import value_words
from lifecycle_fsm.proof import NOW, Answer
from lifecycle_fsm.proof.domain import FREED, PAYLOAD
from lifecycle_fsm.wording.formats import joined

# ------------------------------------------------------------------ code literals
#
# People as code, so that a finding can be pasted into a test.


def person_in_code(stage: str, fields: Mapping[str, Value]) -> str:
    """A person as a line of a test: ``person_in("mql", behavior_score=64)``.

    Times are relative to the instant at which a bench of :mod:`lifecycle_fsm.testing` starts.
    """
    return f"person_in({', '.join(arguments(stage, fields))})"


def arguments(stage: str, fields: Mapping[str, Value]) -> list[str]:
    """The arguments of ``person_in``, as code."""
    named = (f"{name}={literal(value)}" for name, value in fields.items() if name != "stage")
    return [literal(stage), *named]


def literal(value: Any) -> str:
    """A value as code: texts in double quotes, times in ISO 8601."""
    if isinstance(value, datetime):
        return f'"{utc_text(value)}"'
    if isinstance(value, str):
        code = repr(value)
        return f'"{code[1:-1]}"' if '"' not in code and code[0] == "'" else code
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)


# ------------------------------------------------------------------ finding


#: An error makes the model do what no one can have intended; a warning is probably a mistake; a
#: hint is worth a look; a note repeats what the model declares as intended.
Severity: TypeAlias = Literal["error", "warning", "hint", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint", "note")


@attrs.frozen
class Finding:
    """One fault that a check has proved, or a question that it could not decide.

    Args:
        check: the name of the check, filled in by the code that runs the checks.
        severity: how bad it is.
        fault: the kind of fault: gap, dead, shadowed, overlap, ping-pong …
        where: the place in the model, as in problems: ``moves[3] mal -> mql``.
        also: other places with the same cause.
        line: the line of the model's file, if it has one.
        message: what is wrong, and what to do.
        stage: the stage of the person.
        person: the smallest person who shows the fault, by the fields that matter.
        assumed: what Python callables would have to return for it.
        at: the instant at which the fault shows. ``None`` means 3 June 2024 at noon UTC, which
            stands for any instant if no calendar date matters.
    """

    check: str = attrs.field(default="", kw_only=True)
    severity: Severity
    fault: str
    where: str
    also: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    line: int | None = attrs.field(default=None, kw_only=True)
    message: str
    stage: str | None = None
    person: Mapping[str, Value] = attrs.field(factory=dict)
    assumed: Mapping[str, bool] = attrs.field(factory=dict)
    at: datetime | None = None

    def shown_by(self, answer: Answer, stage: str | None) -> Finding:
        """The finding with the person of an answer, in the stage."""
        return attrs.evolve(
            self, stage=stage, person=answer.person, at=answer.at, assumed=answer.assumed
        )

    @property
    def rank(self) -> int:
        """The sort key of the severity; errors come first."""
        return SEVERITIES.index(self.severity)

    @property
    def shows(self) -> str:
        """The person in words; empty if no person shows the fault."""
        if self.stage is None and not self.person:
            return ""
        parts = [described(self.person, self.at or NOW)] if self.person else []
        parts += [f"{name} answers {_value(answer)}" for name, answer in self.assumed.items()]
        who = f"somebody in {self.stage}" if self.stage else "somebody"
        if self.at is not None:
            who += f", looked at on {self.at:%Y-%m-%d}"
        return f"{who}: {', '.join(parts)}" if parts else f"{who}, whoever it is"

    @property
    def code(self) -> str:
        """The person as a line for a test, as in :mod:`lifecycle_fsm.testing`."""
        if (
            self.stage is None
            or self.at is not None
            or any(name.startswith((PAYLOAD, FREED)) for name in self.person)
        ):
            return ""
        fields = {
            name: value for name, value in self.person.items() if name not in ("stage", "journey")
        }
        if any(isinstance(value, datetime) for value in fields.values()):
            # With other times, it matters when the stage and the journey began.
            fields = {"stage_entered_at": NOW, "journey_started_at": NOW, **fields}
        return person_in_code(self.stage, fields)

    def __str__(self) -> str:
        place = f"line {self.line}: {self.where}" if self.line else self.where
        text = f"{self.severity}: {place}: {self.fault}: {self.message}"
        return "\n".join([text, *(f"  {more}" for more in (self.elsewhere, self.shows) if more)])

    @property
    def elsewhere(self) -> str:
        """The other places in words; empty if there are none."""
        return f"also {'; '.join(self.also)}" if self.also else ""

    def as_plain(self) -> dict[str, Any]:
        """The finding as plain values for JSON."""
        return {
            **attrs.asdict(self, recurse=False),
            "also": list(self.also),
            "person": {guard_name(name): value for name, value in self.person.items()},
            "test": self.code,
        }


def undecided(where: str, question: str, reason: str) -> Finding:
    """The finding that a fault can be neither proved nor excluded, with the reason."""
    return Finding("hint", "not decided", where, f"{question}: {reason}")


def described(person: Mapping[str, Value], now: datetime = NOW) -> str:
    """A person in words: the fields that matter, with times as how long ago they are."""
    return ", ".join(
        f"{_field(name, value)} {_value(value, now)}" for name, value in person.items()
    )


def guard_name(field: str) -> str:
    """The name of a field, or of a token or a value of the activity as guards write it."""
    if field.startswith(FREED):
        return f"${field.removeprefix(FREED)}"
    return f"activity.{field.removeprefix(PAYLOAD)}" if field.startswith(PAYLOAD) else field


def _field(name: str, value: Value) -> str:
    """The name of a field in words."""
    name = guard_name(name)
    words = name if name.startswith("$") else name.replace("_", " ")
    return words.removesuffix(" at") if isinstance(value, datetime) else words


def _value(value: Value, now: datetime = NOW) -> str:
    """A value in words; a time as how long before the instant of the witness it is, because the
    date itself means nothing."""
    if not isinstance(value, datetime):
        return value_words(value)
    gap = now - value
    if not gap:
        return "this instant"
    return f"{_length(abs(gap))} {'ago' if gap > timedelta(0) else 'from now'}"


def _length(gap: timedelta) -> str:
    """A length of time in words; less than a second is a moment."""
    minutes, seconds = divmod(gap.seconds, 60)
    counts = {"day": gap.days, "hour": minutes // 60, "minute": minutes % 60, "second": seconds}
    parts = [f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count]
    return joined([*parts, *["a moment"] * bool(gap.microseconds)])
