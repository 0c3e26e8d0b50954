"""The guard language by the rules [S2]–[S5], on plain tuples: one function writes a tuple as the
text of a model file, one works it out by hand.

A term is ``("field", name)``, ``("token", name)``, ``("const", value)``, ``("time", minutes)``,
``("payload", name)``, ``("now",)``, ``("days since", field)``, ``("days in stage",)``,
``("+" | "-" | "*", left, right)`` or ``("min" | "max", term, …)``. A guard is ``("always",)``,
``("never",)``, ``("==" | "!=" | "<" | "<=" | ">" | ">=", left, right)``,
``("in", term, [values])``,
``("starts with", term, text)``, ``("known", field)``, ``("yes", field)``, ``("named", name)``,
``("not", guard)``, ``("and" | "or", guard, …)``.

Instants are whole minutes since :data:`START`, and days are 1440 of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

START = datetime(2024, 5, 1, tzinfo=UTC)
DAY = 1440
LEAST, GREATEST = -(2**63), 2**63 - 1
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")

Node = tuple[Any, ...]


def as_time(minutes: int) -> datetime:
    """The instant as the package writes it."""
    return START + timedelta(minutes=minutes)


def as_minutes(at: datetime) -> Fraction:
    """The same backwards, exactly."""
    return Fraction((at - START) // timedelta(microseconds=1), 60_000_000)


# ------------------------------------------------------------------ as text


def term_text(term: Node) -> str:
    match term:
        case ("field", name):
            return str(name)
        case ("token", name):
            return f"${name}"
        case ("const", value):
            return _constant(value)
        case ("time", minutes):
            return as_time(minutes).strftime("%Y-%m-%dT%H:%M:%SZ")
        case ("payload", name):
            return f"activity.{name}"
        case ("now",):
            return "now"
        case ("days since", name):
            return f"days since {name}"
        case ("days in stage",):
            return "days in stage"
        case (("+" | "-" | "*") as op, left, right):
            return f"({term_text(left)} {op} {term_text(right)})"
        case (("min" | "max") as which, *terms):
            return f"{which}({', '.join(map(term_text, terms))})"
    raise AssertionError(term)


def guard_text(guard: Node) -> str:
    match guard:
        case ("always",) | ("never",):
            return str(guard[0])
        case ("in", term, values):
            return f"{term_text(term)} in [{', '.join(map(_constant, values))}]"
        case ("starts with", term, text):
            return f"{term_text(term)} starts with {_constant(text)}"
        case ("known", name):
            return f"{name} is known"
        case ("yes" | "named", name):
            return str(name)
        case ("not", inner):
            return f"not ({guard_text(inner)})"
        case (("and" | "or") as word, *parts):
            return f" {word} ".join(f"({guard_text(part)})" for part in parts)
        case (op, left, right) if op in COMPARISONS:
            return f"{term_text(left)} {op} {term_text(right)}"
    raise AssertionError(guard)


def effect_text(value: Node) -> str:
    """What stands right of the ``=`` of an effect: a term, or a guard for a yes/no field."""
    return guard_text(value) if is_guard(value) else term_text(value)


def is_guard(node: Node) -> bool:
    return node[0] in (
        *COMPARISONS, "always", "never", "in", "starts with", "known", "yes", "named", "not", "and",
        "or",
    )  # fmt: skip


def _constant(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


# ------------------------------------------------------------------ worked out


class Scene(NamedTuple):
    """What a guard may see: ``person`` by field, the model's ``tokens`` and named ``guards``, what
    the activity ``brings``, and the clock as ``now``."""

    person: Mapping[str, Any]
    tokens: Mapping[str, Any]
    guards: Mapping[str, Node]
    now: int
    brings: Mapping[str, Any]


def value_of(term: Node, scene: Scene) -> Any:
    """The value of a term, ``None`` where anything in it is missing."""
    match term:
        case ("field", name):
            return scene.person[name]
        case ("token", name):
            return scene.tokens[name]
        case ("const" | "time", value):
            return value
        case ("payload", name):
            return scene.brings.get(name)
        case ("now",):
            return scene.now
        case ("days since", name):
            since = scene.person[name]
            return None if since is None else (scene.now - since) // DAY
        case ("days in stage",):
            return (scene.now - scene.person["stage_entered_at"]) // DAY
        case (("+" | "-" | "*") as op, left, right):
            return _reckon(op, value_of(left, scene), value_of(right, scene))
        case (("min" | "max") as which, *terms):
            values = [value_of(part, scene) for part in terms]
            if None in values:
                return None
            return min(values) if which == "min" else max(values)
    raise AssertionError(term)


def _reckon(op: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    if op == "*":
        # A decimal factor of a whole number is an exact ratio, and the product is floored.
        exact = Fraction(str(left)) * Fraction(str(right))
        result = exact.numerator // exact.denominator
    else:
        result = left + right if op == "+" else left - right
    return max(LEAST, min(GREATEST, result))


def holds(guard: Node, scene: Scene) -> bool:
    """Whether the guard holds: two-valued, a comparison with a missing value is false [S3]."""
    match guard:
        case ("always",):
            return True
        case ("never",):
            return False
        case ("in", term, values):
            return value_of(term, scene) in values
        case ("starts with", term, text):
            value = value_of(term, scene)
            return value is not None and value.startswith(text)
        case ("known", name):
            return scene.person[name] is not None
        case ("yes", name):
            return scene.person[name] is True
        case ("named", name):
            return holds(scene.guards[name], scene)
        case ("not", inner):
            return not holds(inner, scene)
        case ("and", *parts):
            return all(holds(part, scene) for part in parts)
        case ("or", *parts):
            return any(holds(part, scene) for part in parts)
        case ("!=", left, right):
            return not holds(("==", left, right), scene)
        case (op, left, right) if op in COMPARISONS:
            one, other = value_of(left, scene), value_of(right, scene)
            if one is None or other is None:
                return False
            return bool(
                {
                    "==": one == other,
                    "<": one < other if op == "<" else False,
                    "<=": one <= other if op == "<=" else False,
                    ">": one > other if op == ">" else False,
                    ">=": one >= other if op == ">=" else False,
                }[op]
            )
    raise AssertionError(guard)


def effect_value(value: Node, scene: Scene) -> Any:
    """What an effect writes."""
    return holds(value, scene) if is_guard(value) else value_of(value, scene)


def reads(node: Node, guards: Mapping[str, Node]) -> set[str]:
    """The fields that a guard or a term reads, also by named guards."""
    match node:
        case ("field" | "known" | "yes" | "days since", name):
            return {name}
        case ("named", name):
            return reads(guards[name], guards)
    parts = [part for part in node[1:] if isinstance(part, tuple)]
    return set().union(*(reads(part, guards) for part in parts))


def payload_read(node: Node) -> set[str]:
    """The payload values that an effect reads."""
    if node[0] == "payload":
        return {node[1]}
    return set().union(*(payload_read(part) for part in node[1:] if isinstance(part, tuple)))
