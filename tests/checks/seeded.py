"""The base model, and the small files that change one thing in it: what the tests share."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm import LifecycleMachine, Model, Person, loads
from lifecycle_fsm.checks import Finding, check
from lifecycle_fsm.guard import Guard, compile_guard, parse_guard
from lifecycle_fsm.proof import NOW

HERE = Path(__file__).parent
BASE = (HERE / "base.toml").read_text("utf-8")


@attrs.frozen
class Seeded:
    """One file: an edit of the base model, and what the checks find in it.

    Args:
        name: of the file.
        title: what is wrong, or why nothing is.
        text: the model's file after the edit.
        findings: what is found, in order; each with how to see that the person shows it.
        refused: what building says, where the model does not even build.
    """

    name: str
    title: str
    text: str
    findings: tuple[Mapping[str, Any], ...]
    refused: str

    @property
    def model(self) -> Model:
        return loads(self.text, f"{self.name}.toml")


def read(folder: str) -> list[Seeded]:
    """The files of a folder, by name."""
    return [_read(path) for path in sorted((HERE / folder).glob("*.toml"))]


def _read(path: Path) -> Seeded:
    raw = tomllib.loads(path.read_text("utf-8"))
    text = BASE
    for edit in raw.pop("edits", ()):
        assert text.count(edit["old"]) == 1, (path.name, edit["old"], text.count(edit["old"]))
        text = text.replace(edit["old"], edit["new"])
    text += raw.pop("add", "")
    found = Seeded(
        path.stem, raw.pop("title"), text, tuple(raw.pop("findings", ())), raw.pop("refused", "")
    )
    assert not raw, (path.name, raw)
    assert text != BASE, path.name
    return found


@cache
def found_in(text: str, **more: Any) -> tuple[Finding, ...]:
    return check(loads(text), **more)


def somebody(model: Model, finding: Finding, machine: LifecycleMachine | None = None) -> Person:
    """The person whom a finding prints, in the stage that it names."""
    machine = machine or LifecycleMachine(model)
    fields: dict[str, Any] = dict(finding.person)
    entered = fields.pop("stage_entered_at", finding.at or NOW)
    started = fields.pop("journey_started_at", entered)
    journey = fields.pop("journey", 1)
    person = machine.person("ann", **fields)
    machine.begin(person, min(started, entered), None)
    person._stage = finding.stage or model.initial.name
    person._stage_entered_at, person._journey = entered, journey
    return person


def holds(model: Model, guard: Guard | str, person: Person, now: datetime = NOW) -> bool:
    """Whether a guard, or its text, holds for the person, as the machine runs it."""
    tree = parse_guard(guard) if isinstance(guard, str) else guard
    return compile_guard(tree, model.vocabulary)(person, now)


def places(model: Model) -> Mapping[str, Guard]:
    """The guards of the sort and the moves, by the names of the rules."""
    return {one.name: one.when for one in model.sort} | {one.name: one.when for one in model.moves}
