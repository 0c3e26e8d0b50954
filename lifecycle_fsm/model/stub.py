"""A model as Python types, which tell an editor its fields, triggers and stages.

mypy cannot read a TOML file. The stub declares what the machine makes of it::

    if TYPE_CHECKING:
        from waterfall_types import WaterfallLifecycle
    lifecycle = cast("WaterfallLifecycle", Lifecycle("waterfall.toml"))
    lifecycle.person("ann").sales_rejected(at=now)      # known to the editor
"""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.model.model import Model
from lifecycle_fsm.person import class_name, stage_tests

# The name is written with repr() in a comment: whatever it is, it cannot become code.
_HEAD = """\
# Types of the model {name!r}, version {version}. Made by `lifecycle-fsm types`; do not edit.

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, TypeAlias

from lifecycle_fsm import Decision, Lifecycle, Person, Refusal

Stage: TypeAlias = Literal[{stages}]
Trigger: TypeAlias = {triggers}

class {person}(Person):
"""

_PERSON = """\
    @property
    def stage(self) -> Stage: ...
"""

# Only the triggers of this model, where Person accepts any text: deliberately narrower than a
# subclass may be.
_ASKING = """\
    def fire(  # type: ignore[override]
        self,
        trigger: Trigger,
        *,
        at: datetime | str,
        activity: str | None = None,
        **payload: object,
    ) -> Decision: ...
    def may(  # type: ignore[override]
        self, trigger: Trigger, *, at: datetime | str
    ) -> bool: ...
    def explain(  # type: ignore[override]
        self, trigger: Trigger | None = None, *, at: datetime | str
    ) -> tuple[Refusal, ...]: ...
"""

_TRIGGER = """\
    def {name}(
        self, *, at: datetime | str, activity: str | None = None, **payload: object
    ) -> Decision: ...
    def may_{name}(self, *, at: datetime | str) -> bool: ...
"""

_LIFECYCLE = """
class {lifecycle}(Lifecycle):
    def person(self, id: str) -> {person}: ...
    def __iter__(self) -> Iterator[{person}]: ...
    def admit(  # type: ignore[override]
        self,
        id: str,
        *,
        at: datetime | str,
{parameters}
    ) -> {person}: ...
"""


def stub(model: Model) -> str:
    """The text of a ``.pyi`` module with the model's person and lifecycle classes."""
    person = class_name(model.name)
    triggers = ", ".join(f'"{trigger}"' for trigger in model.triggers)
    text = _HEAD.format(
        name=model.name,
        version=model.version,
        stages=", ".join(f'"{stage.name}"' for stage in model.stages),
        triggers=f"Literal[{triggers}]" if triggers else "str",
        person=person,
    )
    # Without triggers, the class keeps the methods of every person.
    text += _PERSON + (_ASKING if triggers else "")
    text += "".join(f"    {field.name}: {_annotation(field.type)}\n" for field in model.fields)
    names = (stage.name for stage in model.stages)
    tests = stage_tests(names, {*model.field_types, *model.triggers})
    text += "".join(f"    def {name}(self) -> bool: ...\n" for name in tests)
    text += "".join(_TRIGGER.format(name=name) for name in model.triggers)
    return text + _LIFECYCLE.format(
        lifecycle=f"{person.removesuffix('Person')}Lifecycle",
        person=person,
        parameters="\n".join(_parameters(model)),
    )


def _parameters(model: Model) -> Iterator[str]:
    for name, kind in model.field_types.items():
        # A time may be given as text; it is stored as a datetime.
        given = _annotation(kind).replace("datetime", "datetime | str")
        yield f"        {name}: {given} = ...,"


def _annotation(kind: FieldType) -> str:
    choices = ", ".join(f"{choice!r}" for choice in kind.choices)
    name = f"Literal[{choices}]" if choices else kind.kind
    return f"{name} | None" if kind.nullable else name
