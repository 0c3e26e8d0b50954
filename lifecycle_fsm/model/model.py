"""The lifecycle model: stages, moves, sort and silo sections as one immutable, checked value.

Here every move is resolved to its edges: step, fast track, detour or return [S6].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

import attrs

from lifecycle_fsm.errors import LifecycleError, ModelError, suggest
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.guard import Const, Guard, Vocabulary, negate
from lifecycle_fsm.guard.vocabulary import TokenValue
from lifecycle_fsm.history import MoveKind
from lifecycle_fsm.model import builtin_activities as built_in_kinds
from lifecycle_fsm.model import processing_steps as built_in_steps
from lifecycle_fsm.model import validation, version
from lifecycle_fsm.model.conversions import Set, names, read_guard
from lifecycle_fsm.model.currency import Money
from lifecycle_fsm.model.definition import ActivityKind, Claim, DataRule, ScoreRule, StepDef, Ties
from lifecycle_fsm.model.moves import Edge, Move, Stage
from lifecycle_fsm.model.name_resolution import (
    AMOUNTS,
    Frozen,
    fields_read,
    read_fields,
    resolved,
    stored_token,
)
from lifecycle_fsm.model.rules import (
    AlertRule,
    AssignmentRule,
    Calendar,
    Deadline,
    Decay,
    MergeRule,
    Rule,
    rules_of,
)
from lifecycle_fsm.model.sort import SortRule
from lifecycle_fsm.model.theme import Theme
from lifecycle_fsm.person import BASE_FIELDS, READ_ONLY, Person


def _merging(value: Mapping[str, MergeRule]) -> Mapping[str, MergeRule]:
    return Frozen(value)


def _mapping(value: Mapping[str, str]) -> Mapping[str, str]:
    return Frozen(value)


def _tokens(value: Mapping[str, Any]) -> Mapping[str, TokenValue]:
    return Frozen({name: stored_token(token) for name, token in value.items()})


def _guards(value: Mapping[str, Any]) -> Mapping[str, Guard]:
    return Frozen({name: read_guard(guard) for name, guard in value.items()})


def _by_name(
    parts: Iterable[FieldDef] | Iterable[ActivityKind] | Iterable[Calendar],
) -> Mapping[str, Any]:
    """The parts by name, to compare them where their order does not matter."""
    return {part.name: part for part in parts}


def _typed(tokens: Mapping[str, TokenValue]) -> Mapping[str, Const]:
    return {name: Const(value) for name, value in tokens.items()}


@attrs.frozen(kw_only=True, slots=False)
class Model:
    """A lifecycle: its stages, what moves a person, and under which guard.

    Args:
        name: a short name, for files and classes.
        stages: path stages in the order of the success path, and detours. Original processing
            happens in the first path stage.
        moves: the declared edges [S6].
        sort: the decision list for new people [S15].
        tokens: named numbers, texts and lists, each defined once.
        guards: named guards. Those whose definition is in a move are added automatically.
        fields: fields in addition to those of every person: ``FieldDef`` objects, a mapping of name
            to type, or an attrs subclass of :class:`Person`. A field of every person may be
            redeclared with the same type, to give it clamps, choices or a default.
        kinds, data: kinds of activity that the model adds, and rules of the data silo [S18].
        scoring: the score rules; behavior and demographic scores are separate [S18].
        decay: how scores fade over time [S20].
        deadlines: agreements on how long a stage may last, in the hours of ``calendars`` [S21].
        assignment, alerts: who should work on a person, and what is requested of whom [S18][S24].
        claims: statements that must be true of every person who enters a stage; checks prove them.
        merging: the value of each field when two people are merged [S23]; for fields that are not
            listed see :mod:`lifecycle_fsm.orchestrator.field_merging`.
        winning_detours: detours that win a merge against every path stage, such as that of people
            who must not be contacted; all others lose against the path [S23].
        money: the currency of reports and the rates of others. With it, every person has
            ``open_amount`` and ``won_amount``, the sums of their opportunities [S22].
        dimensions: fields whose values history keeps at each move, for reports [S25].
        segments: named conditions on what history keeps, for the filters of reports (R49); display
            only. ``segment_labels`` are their words.
        processing: the steps of original processing [S13].
        settle: how long after creation the chain ends, for a log that does not say so [S14].
        ties: ``as_written`` if the order of the file is meant to decide between moves of equal
            priority; the checks then only note how many such ties there are [S8].
        title, description: display only.
        systems: the owners of stages and moves, by name, each with a label.
        token_labels, guard_labels: the words for tokens and named guards, by name, wherever people
            read them; display only.
        theme: the colours and the font of pictures and sheets; display only.
        person: the class of the people, unless ``fields`` is that class.
        folder: the folder that the paths in the options of steps are relative to. They may not
            lead out of it.
        tables_from: further files and folders that these paths may lead to.

    Raises:
        ModelError: the model cannot be built; it has every problem, with its place [S5].
    """

    name: str
    stages: tuple[Stage, ...] = attrs.field(converter=tuple[Stage, ...])
    moves: tuple[Move, ...] = attrs.field(default=(), converter=tuple[Move, ...])
    sort: tuple[SortRule, ...] = attrs.field(default=(), converter=tuple[SortRule, ...])
    tokens: Mapping[str, TokenValue] = attrs.field(factory=dict, converter=_tokens, eq=_typed)
    guards: Mapping[str, Guard] = attrs.field(factory=dict, converter=_guards)
    fields: tuple[FieldDef, ...] = attrs.field(default=(), converter=read_fields, eq=_by_name)
    kinds: tuple[ActivityKind, ...] = attrs.field(
        default=(), converter=tuple[ActivityKind, ...], eq=_by_name
    )
    data: tuple[DataRule, ...] = attrs.field(default=(), converter=tuple[DataRule, ...])
    scoring: tuple[ScoreRule, ...] = attrs.field(default=(), converter=tuple[ScoreRule, ...])
    decay: tuple[Decay, ...] = attrs.field(default=(), converter=tuple[Decay, ...])
    deadlines: tuple[Deadline, ...] = attrs.field(default=(), converter=tuple[Deadline, ...])
    assignment: tuple[AssignmentRule, ...] = attrs.field(
        default=(), converter=tuple[AssignmentRule, ...]
    )
    alerts: tuple[AlertRule, ...] = attrs.field(default=(), converter=tuple[AlertRule, ...])
    claims: tuple[Claim, ...] = attrs.field(default=(), converter=tuple[Claim, ...])
    calendars: tuple[Calendar, ...] = attrs.field(
        default=(), converter=tuple[Calendar, ...], eq=_by_name
    )
    merging: Mapping[str, MergeRule] = attrs.field(factory=dict, converter=_merging)
    winning_detours: tuple[str, ...] = attrs.field(default=(), converter=names)
    money: Money | None = None
    dimensions: tuple[str, ...] = attrs.field(default=(), converter=names)
    segments: Mapping[str, Guard] = attrs.field(factory=dict, converter=_guards)
    processing: tuple[StepDef, ...] = attrs.field(default=(), converter=tuple[StepDef, ...])
    settle: timedelta = timedelta(0)
    ties: Ties | None = None
    title: str = ""
    description: str = ""
    systems: Mapping[str, str] = attrs.field(factory=dict, converter=_mapping)
    token_labels: Mapping[str, str] = attrs.field(factory=dict, converter=_mapping)
    guard_labels: Mapping[str, str] = attrs.field(factory=dict, converter=_mapping)
    segment_labels: Mapping[str, str] = attrs.field(factory=dict, converter=_mapping)
    theme: Theme | None = None
    person: type[Person] = attrs.field(default=Person, eq=False, repr=False)
    folder: str = attrs.field(default="", eq=False, repr=False)
    tables_from: tuple[str, ...] = attrs.field(default=(), eq=False, repr=False, converter=names)

    def __attrs_post_init__(self) -> None:
        for name, value in resolved(self).items():
            object.__setattr__(self, name, value)
        vars(self).pop("vocabulary", None)  # computed for ``resolved``, before names were resolved
        problems = validation.problems(self)
        if problems:
            raise ModelError(problems, self.name)

    @cached_property
    def path(self) -> tuple[Stage, ...]:
        """The success path, by rank."""
        return tuple(stage for stage in self.stages if not stage.off_path)

    @cached_property
    def detours(self) -> tuple[Stage, ...]:
        """The stages off the path, as declared."""
        return tuple(stage for stage in self.stages if stage.off_path)

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """The rank of each path stage; detours have none."""
        return {stage.name: rank for rank, stage in enumerate(self.path)}

    @cached_property
    def by_name(self) -> Mapping[str, Stage]:
        """All stages by name."""
        return {stage.name: stage for stage in self.stages}

    @property
    def initial(self) -> Stage:
        """The stage of original processing, where every person starts [S13]."""
        return self.path[0]

    def stage(self, name: str) -> Stage:
        """The stage with that name.

        Raises:
            LifecycleError: no stage has that name; the message suggests the nearest.
        """
        try:
            return self.by_name[name]
        except KeyError:
            raise LifecycleError(
                f"the model {self.name!r} has no stage named {name!r}{suggest(name, self.by_name)}"
            ) from None

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Every move out of every stage, in the order in which a stage tries them [S8]."""
        ordered = sorted(self.moves, key=lambda move: move.priority)
        return tuple(
            self.edge(move, source)
            for stage in self.stages
            for move in ordered
            for source in move.sources
            if source == stage.name
        )

    @cached_property
    def sort_edges(self) -> tuple[Edge, ...]:
        """The sort as edges out of processing, first match wins [S15]."""
        return tuple(self.edge(rule, self.initial.name) for rule in self.sort)

    @cached_property
    def groups(self) -> tuple[tuple[Edge, ...], ...]:
        """The edges that are tried together, each group in the order of trying: the sort, then for
        each stage those of the system and those of each trigger [S7][S8]."""
        reasons = ((stage.name, on) for stage in self.stages for on in (None, *self.triggers))
        groups = (
            tuple(edge for edge in self.edges if (edge.source, edge.on) == reason)
            for reason in reasons
        )
        return (self.sort_edges, *filter(None, groups))

    def tried_before(self, edge: Edge) -> tuple[Edge, ...]:
        """The edges of the same group that come before this one."""
        group = next(group for group in self.groups if edge in group)
        return group[: group.index(edge)]

    def earlier_closed(self, edge: Edge) -> tuple[Guard, ...]:
        """The negated guards of all edges that are tried before this one."""
        return tuple(negate(earlier.when) for earlier in self.tried_before(edge))

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, named guard and kind of activity that the model declares."""
        return tuple(rules_of(self))

    @cached_property
    def effects(self) -> tuple[Set, ...]:
        """Every effect: of kinds of activity, including the built-in ones, and of rules."""
        kinds = (effect for kind in self.activity_kinds.values() for effect in kind.sets)
        rules = (rule for rule in self.rules if rule.section != "kinds")
        return (*kinds, *(effect for rule in rules for effect in rule.then))

    def edge(self, rule: Move | SortRule, source: str) -> Edge:
        """A rule out of one stage, with its kind [S6]."""
        start, end = self.ranks.get(source), self.ranks.get(rule.target)
        passed: tuple[str, ...] = ()
        kind: MoveKind
        if end is None:
            kind = "detour"
        elif start is None:
            kind = "return"
        elif end == start + 1:
            kind = "step"
        else:
            kind = "fast_track"
            passed = tuple(stage.name for stage in self.path[start + 1 : end])
        return Edge(rule, source, rule.target, kind, passed)

    @cached_property
    def triggers(self) -> tuple[str, ...]:
        """The process triggers of the moves, in order of first use."""
        return tuple(dict.fromkeys(move.on for move in self.moves if move.on))

    @cached_property
    def field_types(self) -> Mapping[str, FieldType]:
        """The type of every field that may be written, by name."""
        types = {field.name: field.type for field in BASE_FIELDS.values()}
        return types | {field.name: field.type for field in self.fields}

    @property
    def amounts(self) -> tuple[str, ...]:
        """The fields that follow from the amounts of opportunities; none without ``money``."""
        return () if self.money is None else tuple(field.name for field in AMOUNTS)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The names that a guard of this model may use."""
        read_only = dict(READ_ONLY) | {
            "stage": FieldType("str", choices=tuple(stage.name for stage in self.stages))
        }
        return Vocabulary(
            fields={**self.field_types, **read_only}, tokens=self.tokens, guards=self.guards
        )

    def vocabulary_for(self, kind: str | None) -> Vocabulary:
        """The names that a rule of the data or scoring silo may use, with the activity's values."""
        if kind is None:
            return attrs.evolve(self.vocabulary, in_effect=True)
        if kind in built_in_kinds.OPEN_KINDS:
            payload = {
                name: attrs.evolve(kind, nullable=True) for name, kind in self.field_types.items()
            }
        else:
            declared = self.activity_kinds[kind].payload if kind in self.activity_kinds else ()
            payload = {field.name: field.type for field in declared}
        return attrs.evolve(self.vocabulary, payload=payload, in_effect=True)

    @cached_property
    def activity_kinds(self) -> Mapping[str, ActivityKind]:
        """Every kind of activity that the model accepts: the built-in ones, its own, and one for
        each trigger that no other kind raises. A kind with the name of a trigger raises it."""
        known = dict(built_in_kinds.BUILT_IN) | {kind.name: kind for kind in self.kinds}
        raised = {kind.trigger for kind in known.values()}
        for trigger in self.triggers:
            if trigger in raised:
                continue
            kind = known.get(trigger)
            if kind is None:
                known[trigger] = built_in_kinds.asking(trigger)
            elif kind.trigger is None and trigger not in built_in_kinds.SILENT:
                known[trigger] = attrs.evolve(kind, trigger=trigger)
        return known

    @cached_property
    def chain(self) -> tuple[StepDef, ...]:
        """The steps of original processing by number, with all fields they read and write [S13]."""
        fit = [
            node for rule in self.scoring if rule.on is None for node in (rule.when, rule.points)
        ]
        demographic = fields_read(self, fit)
        return tuple(
            built_in_steps.declared(step, demographic)
            for step in sorted(self.processing, key=lambda step: step.number)
        )

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits that identify the meaning of the model. Labels, titles, codes,
        descriptions and the order of named guards and tokens do not count [S28]."""
        return version.version(self)
