"""What a model agrees, read off it part by part: one method for each part of a sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from lifecycle_fsm.diagram.look import Palette
from lifecycle_fsm.guard import (
    Always,
    And,
    Compare,
    Const,
    Field,
    Guard,
    In,
    Or,
    Term,
    Token,
    inline,
    reads,
    walk,
)
from lifecycle_fsm.model import (
    AlertRule,
    AssignmentRule,
    Deadline,
    Edge,
    Model,
    Move,
    ScoreRule,
    Set,
)
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.sheet.contents import (
    Due,
    FastTrack,
    Number,
    Owner,
    PeopleList,
    PointsLine,
    Reasons,
    RequestLine,
    Score,
    StageLine,
    Start,
    WayIn,
    Word,
)
from lifecycle_fsm.wording import (
    Formatter,
    as_number,
    clean,
    format_number,
    joined,
    plain,
    rule_words,
    sentence,
)

_MAIL = {
    "nurture": "Marketing mail: nurture",
    "paused": "Marketing mail is paused",
    "suspended": "No marketing mail",
}
#: The two scores [S18], the fields that they are kept in, and their names on a sheet.
_SCORES = (("demographic_score", "Fit", False), ("behavior_score", "Interest", True))
_LISTS = ("list_add", "list_remove")
_REASON = Field("rejection_reason")


class Extract:
    """The parts of a sheet that follow from a model alone."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.formatter = Formatter(model)
        self.order = {stage.name: place for place, stage in enumerate(model.stages)}
        self.edges = (*model.sort_edges, *model.edges)

    def title(self) -> str:
        """The title of the model, or its name as words."""
        return clean(self.model.title) or sentence(plain(self.model.name))

    # -- stages --------------------------------------------------------------------------------

    def stages(self) -> tuple[StageLine, ...]:
        """The stages in the order of the model."""
        palette = Palette(self.model)
        limits = {deadline.name: deadline.stage for deadline in self.model.deadlines}
        agreed = [due for due in self.dues() if not due.after]
        return tuple(
            StageLine(
                name=stage.name,
                title=clean(stage.display),
                label=clean(stage.label),
                code=clean(stage.code),
                group=clean(stage.group),
                off_path=stage.off_path,
                owner=clean(palette.owner(stage.name)),
                color=palette.system(stage.system).line,
                meaning=clean(stage.description),
                ways=ways,
                then=then,
                playbook=clean(stage.playbook),
                mail=_MAIL.get(stage.mail or "", ""),
                due=tuple(
                    f"{sentence(due.what)}: within {due.within}"
                    for due in agreed
                    if limits[due.name] == stage.name
                ),
            )
            for stage in self.model.stages
            for ways, then in [self._ways(stage.name)]
        )

    def _ways(self, stage: str) -> tuple[tuple[WayIn, ...], tuple[str, ...]]:
        """The ways into a stage, moves of one guard as one; and what all of them do to fields."""
        groups: dict[tuple[str, str], list[Edge]] = {}
        # The label of a step says best what a guard of several moves means.
        for edge in sorted(self.edges, key=lambda edge: edge.kind != "step"):
            if edge.target == stage:
                key = self.formatter.condition(edge.when), edge.on or ""
                if isinstance(edge.when, Always) and edge.on is None:
                    key = rule_words(edge.rule), ""
                groups.setdefault(key, []).append(edge)
        # The sort has no effects: what all moves do says nothing of new people.
        effects = {
            edge.rule.then
            for edges in groups.values()
            for edge in edges
            if isinstance(edge.rule, Move)
        }
        shared = next(iter(effects)) if len(effects) == 1 else ()
        ways = tuple(
            WayIn(
                label=rule_words(edges[0].rule),
                condition=self.formatter.condition(edges[0].when),
                origins=self._origins(edges),
                new=any(edge.source == self.model.initial.name for edge in edges),
                by_hand=plain(trigger),
                then=() if shared else self._then(edges),
            )
            for (_, trigger), edges in groups.items()
        )
        return ways, self.formatter.effects(shared)

    def _origins(self, edges: Iterable[Edge]) -> tuple[str, ...]:
        sources = {edge.source for edge in edges} - {self.model.initial.name}
        return self.formatter.stages(sources)

    def _then(self, edges: Iterable[Edge]) -> tuple[str, ...]:
        texts = (text for edge in edges for text in self.formatter.effects(_effects(edge)))
        return tuple(dict.fromkeys(texts))

    def starts(self) -> tuple[Start, ...]:
        """The sort of new people, in its order."""
        return tuple(
            Start(
                label=rule_words(rule),
                condition=self.formatter.condition(rule.when),
                target=self.formatter.stage(rule.target),
            )
            for rule in self.model.sort
        )

    def fast_tracks(self) -> tuple[FastTrack, ...]:
        """The moves past stages, those with one guard and one end as one; the sort's come first."""
        groups: dict[tuple[str, str, bool], list[Edge]] = {}
        for edge in self.edges:
            if edge.kind == "fast_track":
                groups.setdefault((edge.name, edge.target, edge.credit), []).append(edge)
        return tuple(
            FastTrack(
                label=rule_words(edges[0].rule),
                condition=self.formatter.condition(edges[0].when),
                origins=self._origins(edges),
                target=self.formatter.stage(target),
                passed=self.formatter.stages({name for edge in edges for name in edge.passed}),
                credit=credit,
            )
            for (_, target, credit), edges in sorted(
                groups.items(), key=lambda group: self.order[group[0][1]]
            )
        )

    def reasons(self) -> tuple[Reasons, ...]:
        """The lists that guards compare the rejection reason with, and where each leads (R38)."""
        return tuple(
            Reasons(
                name=plain(name),
                reasons=values,
                target=self.formatter.stage(move.target),
                origins=self.formatter.stages(move.sources),
                label=rule_words(move),
                reported=plain(move.on or ""),
            )
            for move in self.model.moves
            for name, values in self._reasons(inline(move.when, self.model.vocabulary))
        )

    def _reasons(self, guard: Guard) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The lists of reasons that open a guard, each with its name, if it has one."""
        match guard:
            case And(guards) | Or(guards):
                for part in guards:
                    yield from self._reasons(part)
            case In(term, (Const() | Token()) as options) if term == _REASON:
                name, values = "", options.value if isinstance(options, Const) else ()
                if isinstance(options, Token):
                    name, values = options.name, self.model.tokens[options.name]
                assert isinstance(values, tuple)
                yield name, tuple(map(self.formatter.value, values))
            case Compare("==", term, (Const() | Token()) as value) if term == _REASON:
                yield "", (self.formatter.term(value),)

    # -- what is asked for ---------------------------------------------------------------------

    def dues(self) -> tuple[Due, ...]:
        """The deadlines, by the order of their stages, each with its escalations behind it."""
        formatter = self.formatter
        by_name = {deadline.name: deadline for deadline in self.model.deadlines}

        def chain(name: str) -> Iterator[Deadline]:
            for deadline in self.model.deadlines:
                if deadline.escalates == name:
                    yield deadline
                    yield from chain(deadline.name)

        def what(deadline: Deadline) -> str:
            return clean(deadline.label) or plain(deadline.name)

        return tuple(
            Due(
                name=deadline.name,
                stage=formatter.stage(deadline.stage),
                what=what(deadline),
                within=formatter.within(deadline),
                condition=formatter.condition(deadline.when),
                missed=formatter.asked(deadline.send, deadline) if deadline.send else "",
                text=formatter.text(deadline.text),
                after=what(by_name[deadline.escalates]) if deadline.escalates else "",
            )
            for deadline in sorted(chain(""), key=lambda deadline: self.order[deadline.stage])
        )

    def hours(self) -> tuple[Word, ...]:
        """When the calendars of the deadlines are open."""
        used = {deadline.calendar for deadline in self.model.deadlines}
        return tuple(
            Word(word=plain(calendar.name), meaning=self.formatter.hours(calendar))
            for calendar in self.model.calendars
            if calendar.name in used
        )

    def assignment(self) -> tuple[RequestLine, ...]:
        """Who works on whom: the first line that holds counts."""
        return tuple(
            self._request(rule, f"to {self.formatter.receiver(rule.to)}")
            for rule in self.model.assignment
        )

    def alerts(self) -> tuple[RequestLine, ...]:
        """What is asked of whom when a stage is entered, and then when an activity comes."""
        return tuple(
            self._request(rule, self.formatter.asked(rule.send, rule))
            for rule in self._in_order()
            if rule.send not in _LISTS
        )

    def lists(self) -> tuple[PeopleList, ...]:
        """The lists that alerts put people onto, or take them off."""
        lists: dict[str, dict[str, list[str]]] = {}
        for rule in self._in_order():
            if rule.send in _LISTS:
                name = self.formatter.receiver(rule.to)
                changes = lists.setdefault(name, {kind: [] for kind in _LISTS})
                request = self._request(rule, "")
                when = f"on “{request.activity}”"
                if request.entering:
                    when = f"when entering {joined(request.entering, 'or')}"
                changes[rule.send].append(when + _if(request.condition))
        return tuple(
            PeopleList(name=name, on=tuple(changes["list_add"]), off=tuple(changes["list_remove"]))
            for name, changes in lists.items()
        )

    def _in_order(self) -> list[AlertRule]:
        def place(rule: AlertRule) -> int:
            return min((self.order[name] for name in rule.entering), default=len(self.order))

        return sorted(self.model.alerts, key=place)

    def _request(self, rule: AlertRule | AssignmentRule, what: str) -> RequestLine:
        by_name = {deadline.name: deadline for deadline in self.model.deadlines}
        deadline = by_name.get(rule.deadline)
        return RequestLine(
            entering=self.formatter.stages(rule.entering),
            activity=plain(rule.on or ""),
            condition=self.formatter.condition(rule.when),
            what=what,
            text=self.formatter.text(rule.text),
            due=self.formatter.within(deadline) if deadline else "",
            waits=rule.links_to_crm,
        )

    # -- numbers and points --------------------------------------------------------------------

    def tokens(self) -> tuple[Number, ...]:
        """The numbers and lists of the model, each with what it decides."""
        uses = self._uses()
        lists = {reason.name for reason in self.reasons()}

        def kind(name: str, value: object) -> Literal["number", "list", "reasons"]:
            if plain(name) in lists:
                return "reasons"
            return "list" if as_number(value) is None else "number"

        return tuple(
            Number(
                name=plain(name),
                value=self.formatter.token(name),
                kind=kind(name, value),
                decides=tuple(uses.get(name, ())),
            )
            for name, value in self.model.tokens.items()
        )

    def _uses(self) -> dict[str, dict[str, None]]:
        """For each token the parts that read it, by their names on the sheet."""
        model, formatter = self.model, self.formatter
        uses: dict[str, dict[str, None]] = {}

        def note(part: str, *nodes: object) -> None:
            for node in nodes:
                whole = inline(node, model.vocabulary) if isinstance(node, Guard) else node
                for inner in walk(whole) if isinstance(whole, Guard | Term) else ():
                    if isinstance(inner, Token):
                        uses.setdefault(inner.name, {})[part] = None

        for edge in sorted(self.edges, key=lambda edge: self.order[edge.target]):
            effects = (effect.value for effect in _effects(edge))
            note(formatter.stage(edge.target), edge.when, *effects)
        for rule in model.data:
            note(", ".join(formatter.field(effect.field) for effect in rule.then[:1]), rule.when)
        for score in model.scoring:
            note("points", score.points, score.when)
        for decay in model.decay:
            note("points", decay.when, *(effect.value for effect in decay.then))
        for deadline in model.deadlines:
            note("deadlines", deadline.when, *deadline.to)
        for assignment in model.assignment:
            note("who works on it", assignment.when, *assignment.to)
        for alert in model.alerts:
            note("alerts", alert.when, *alert.to)
        return uses

    def scores(self) -> tuple[Score, ...]:
        """Fit and interest, each with its rules, its bounds and how it fades; one of which there is
        nothing to say is left out."""
        scores = (
            self._score(field, name, by_activity=by_activity)
            for field, name, by_activity in _SCORES
        )
        return tuple(filter(None, scores))

    def limits(self) -> tuple[Score, ...]:
        """The other fields that fade, or that the model gives bounds."""
        faded = [effect.field for decay in self.model.decay for effect in decay.then]
        names = dict.fromkeys((*faded, *(field.name for field in self.model.fields)))
        scores = {field for field, _, _ in _SCORES}
        limits = (
            self._score(name, sentence(self.formatter.field(name)))
            for name in names
            if name not in scores
        )
        return tuple(filter(None, limits))

    def _score(self, field: str, name: str, *, by_activity: bool | None = None) -> Score | None:
        rules = [rule for rule in self.model.scoring if (rule.on is not None) == by_activity]
        score = Score(
            name=name,
            meaning=self.formatter.field(field),
            points=tuple(map(self._points, rules)),
            bounds=self._bounds(field),
            fades=tuple(self._fading(field)),
        )
        return score if score.points or score.bounds or score.fades else None

    def _points(self, rule: ScoreRule) -> PointsLine:
        occasion = sentence(plain(rule.on)) if rule.on else ""
        what = ", ".join(filter(None, (occasion, self.formatter.condition(rule.when))))
        return PointsLine(
            what=sentence(what or plain(rule.name)),
            points=self.formatter.points(rule),
            limit=self.formatter.limit(rule),
        )

    def _bounds(self, field: str) -> str:
        kind = self.model.field_types[field]
        bounds = (("below", kind.minimum), ("above", kind.maximum))
        return " and ".join(
            f"never {side} {format_number(bound)}" for side, bound in bounds if bound is not None
        )

    def _fading(self, field: str) -> Iterator[str]:
        for decay in self.model.decay:
            effects = [effect for effect in decay.then if effect.field == field]
            if effects:
                name = self.formatter.field(decay.since)
                since = f"without {name}" if decay.since == "scored_at" else f"after the {name}"
                what = " and ".join(self.formatter.effects(effects))
                text = f"every {self.formatter.length(decay.every)} {since}, {what}"
                condition = self.formatter.condition(decay.when)
                yield sentence(text + (f", if {condition}" if condition else ""))

    # -- who and what --------------------------------------------------------------------------

    def owners(self) -> tuple[Owner, ...]:
        """The systems, and the stages that each owns."""
        palette = Palette(self.model)
        owned: dict[str, list[str]] = {}
        for stage in self.model.stages:
            owned.setdefault(stage.system, []).append(stage.name)
        return tuple(
            Owner(
                name=clean(palette.labels[name]),
                color=paint.line,
                stages=self.formatter.stages(owned[name]),
            )
            for name, paint in palette.systems.items()
            if name in owned
        )

    def vocabulary(self) -> tuple[Word, ...]:
        """What the words of the conditions stand for: rules of data, and descriptions of fields."""
        guards = (inline(edge.when, self.model.vocabulary) for edge in self.edges)
        used = {name for guard in guards for name in reads(guard)} - set(READ_ONLY)
        words = []
        for name in sorted(used):
            set_by = [
                f"set on “{plain(rule.on)}”{_if(self.formatter.condition(rule.when))}"
                for rule in self.model.data
                if any(effect.field == name for effect in rule.then)
            ]
            meaning = self.formatter.meaning(name)
            if meaning or set_by:
                word = self.formatter.field(name)
                words.append(Word(word=word, meaning=meaning, rule="; ".join(set_by)))
        return tuple(sorted(words, key=lambda word: word.word))


def _effects(edge: Edge) -> tuple[Set, ...]:
    return edge.rule.then if isinstance(edge.rule, Move) else ()


def _if(condition: str) -> str:
    return f" if {condition}" if condition else ""
