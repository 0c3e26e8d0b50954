"""What a model agrees, read off it part by part: one function for each part of a sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
    Edge,
    Model,
    Move,
    ScoreRule,
    Set,
)
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.sheet.contents import (
    Asked,
    Due,
    FastTrack,
    List,
    Number,
    Owner,
    Points,
    Reasons,
    Score,
    StageLine,
    Start,
    Way,
    Word,
)
from lifecycle_fsm.sheet.words import SheetWords
from lifecycle_fsm.wording import clean, joined, plain, rule_words, sentence

_MAIL = {
    "nurture": "Marketing mail: nurture",
    "paused": "Marketing mail is paused",
    "suspended": "No marketing mail",
}
#: The two scores [S18], the fields that they are kept in, and their names on a sheet.
_SCORES = (("demographic_score", "Fit", False), ("behavior_score", "Interest", True))
_LISTS = ("list_add", "list_remove")
_REASON = Field("rejection_reason")


def _origins(model: Model, edges: Iterable[Edge]) -> tuple[str, ...]:
    left = {edge.source for edge in edges} - {model.initial.name}
    return SheetWords(model).stages(left)


# -- stages ----------------------------------------------------------------------------------


def stages(model: Model) -> tuple[StageLine, ...]:
    """The stages in the order of the model."""
    palette = Palette(model)
    limits = {one.name: one.stage for one in model.deadlines}
    agreed = [one for one in dues(model) if not one.after]
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
                f"{sentence(one.what)}: within {one.within}"
                for one in agreed
                if limits[one.name] == stage.name
            ),
        )
        for stage in model.stages
        for ways, then in [_ways(model, stage.name)]
    )


def _ways(model: Model, stage: str) -> tuple[tuple[Way, ...], tuple[str, ...]]:
    """The ways into a stage, moves of one guard as one; and what all of them do to fields."""
    words = SheetWords(model)
    found: dict[tuple[str, str], list[Edge]] = {}
    for edge in sorted((*model.sort_edges, *model.edges), key=_steps_first):
        if edge.target == stage:
            key = words.condition(edge.when), edge.on or ""
            if isinstance(edge.when, Always) and edge.on is None:
                key = rule_words(edge.rule), ""
            found.setdefault(key, []).append(edge)
    # The sort has no effects: what all moves do says nothing of new people.
    moves = {_effects(edge) for edges in found.values() for edge in edges if _is_move(edge)}
    shared = next(iter(moves)) if len(moves) == 1 else ()
    ways = tuple(
        Way(
            label=rule_words(edges[0].rule),
            condition=words.condition(edges[0].when),
            origins=_origins(model, edges),
            new=any(edge.source == model.initial.name for edge in edges),
            by_hand=plain(trigger),
            then=() if shared else _then(words, edges),
        )
        for (_, trigger), edges in found.items()
    )
    return ways, words.effects(shared)


def _steps_first(edge: Edge) -> bool:
    """The label of a step says best what a guard of several moves means."""
    return edge.kind != "step"


def _is_move(edge: Edge) -> bool:
    return isinstance(edge.rule, Move)


def _effects(edge: Edge) -> tuple[Set, ...]:
    return edge.rule.then if isinstance(edge.rule, Move) else ()


def _then(words: SheetWords, edges: Sequence[Edge]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for one in edges for text in words.effects(_effects(one))))


def starts(model: Model) -> tuple[Start, ...]:
    """The sort of new people, in its order."""
    words = SheetWords(model)
    return tuple(
        Start(
            label=rule_words(rule),
            condition=words.condition(rule.when),
            target=words.stage(rule.target),
        )
        for rule in model.sort
    )


def fast_tracks(model: Model) -> tuple[FastTrack, ...]:
    """The moves past stages, those with one guard and one end as one; the sort's come first."""
    words = SheetWords(model)
    found: dict[tuple[str, str, bool], list[Edge]] = {}
    for edge in (*model.sort_edges, *model.edges):
        if edge.kind == "fast_track":
            key = edge.name, edge.target, edge.credit
            found.setdefault(key, []).append(edge)
    order = {stage.name: rank for rank, stage in enumerate(model.stages)}
    return tuple(
        FastTrack(
            label=rule_words(edges[0].rule),
            condition=words.condition(edges[0].when),
            origins=_origins(model, edges),
            target=words.stage(target),
            passed=words.stages({name for edge in edges for name in edge.passed}),
            credit=credit,
        )
        for (_, target, credit), edges in sorted(found.items(), key=lambda one: order[one[0][1]])
    )


def reasons(model: Model) -> tuple[Reasons, ...]:
    """The lists that guards compare the rejection reason with, and where each leads (R38)."""
    words = SheetWords(model)
    return tuple(
        Reasons(
            name=plain(name),
            reasons=values,
            target=words.stage(move.target),
            origins=words.stages(move.sources),
            label=rule_words(move),
            reported=plain(move.on or ""),
        )
        for move in model.moves
        for name, values in _reasons(words, inline(move.when, model.vocabulary))
    )


def _reasons(words: SheetWords, guard: Guard) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The lists of reasons that open a guard, each with its name, if it has one."""
    match guard:
        case And(guards) | Or(guards):
            for part in guards:
                yield from _reasons(words, part)
        case In(term, (Const() | Token()) as options) if term == _REASON:
            name, values = "", options.value if isinstance(options, Const) else ()
            if isinstance(options, Token):
                name, values = options.name, words.model.tokens[options.name]
            assert isinstance(values, tuple)
            yield name, tuple(map(words.value, values))
        case Compare("==", term, (Const() | Token()) as value) if term == _REASON:
            yield "", (words.term(value),)


# -- what is asked for -------------------------------------------------------------------------


def dues(model: Model) -> tuple[Due, ...]:
    """The deadlines, by the order of their stages, each with its escalations behind it."""
    words = SheetWords(model)
    by_name = {one.name: one for one in model.deadlines}
    behind: dict[str, list[str]] = {}
    for one in model.deadlines:
        behind.setdefault(one.escalates, []).append(one.name)

    def chain(name: str) -> Iterator[str]:
        for one in behind.get(name, ()):
            yield one
            yield from chain(one)

    def what(name: str) -> str:
        one = by_name[name]
        return clean(one.label) or plain(name)

    order = {stage.name: rank for rank, stage in enumerate(model.stages)}
    names = sorted(chain(""), key=lambda name: order[by_name[name].stage])
    return tuple(
        Due(
            name=name,
            stage=words.stage(one.stage),
            what=what(name),
            within=words.within(one),
            condition=words.condition(one.when),
            missed=words.asked(one.send, one) if one.send else "",
            text=words.text(one.text),
            after=what(one.escalates) if one.escalates else "",
        )
        for name in names
        for one in [by_name[name]]
    )


def hours(model: Model) -> tuple[Word, ...]:
    """When the calendars of the deadlines are open."""
    words = SheetWords(model)
    used = {one.calendar for one in model.deadlines}
    return tuple(
        Word(word=plain(one.name), meaning=words.hours(one))
        for one in model.calendars
        if one.name in used
    )


def assignment(model: Model) -> tuple[Asked, ...]:
    """Who works on whom: the first line that holds counts."""
    words = SheetWords(model)
    return tuple(_asked(model, one, f"to {words.receiver(one.to)}") for one in model.assignment)


def alerts(model: Model) -> tuple[Asked, ...]:
    """What is asked of whom when a stage is entered, and then when an activity comes."""
    words = SheetWords(model)
    return tuple(
        _asked(model, one, words.asked(one.send, one))
        for one in _in_order(model)
        if one.send not in _LISTS
    )


def lists(model: Model) -> tuple[List, ...]:
    """The lists that alerts put people onto, or take them off."""
    words = SheetWords(model)
    found: dict[str, dict[str, list[str]]] = {}
    for one in _in_order(model):
        if one.send in _LISTS:
            name = words.receiver(one.to)
            parts = found.setdefault(name, {kind: [] for kind in _LISTS})
            asked = _asked(model, one, "")
            when = f"on “{asked.activity}”"
            if asked.entering:
                when = f"when entering {joined(asked.entering, 'or')}"
            parts[one.send].append(when + (f" if {asked.condition}" if asked.condition else ""))
    return tuple(
        List(name=name, on=tuple(parts["list_add"]), off=tuple(parts["list_remove"]))
        for name, parts in found.items()
    )


def _in_order(model: Model) -> list[AlertRule]:
    order = {stage.name: rank for rank, stage in enumerate(model.stages)}

    def place(one: AlertRule) -> int:
        return min((order[name] for name in one.entering), default=len(order))

    return sorted(model.alerts, key=place)


def _asked(model: Model, one: AlertRule | AssignmentRule, what: str) -> Asked:
    words = SheetWords(model)
    deadline = next((due for due in model.deadlines if due.name == one.deadline), None)
    return Asked(
        entering=words.stages(one.entering),
        activity=plain(one.on or ""),
        condition=words.condition(one.when),
        what=what,
        text=words.text(one.text),
        due=words.within(deadline) if deadline else "",
        waits=one.links_to_crm,
    )


# -- numbers and points --------------------------------------------------------------------------


def tokens(model: Model) -> tuple[Number, ...]:
    """The numbers and lists of the model, each with what it decides."""
    words = SheetWords(model)
    uses = _uses(model)
    lists = {one.name for one in reasons(model)}
    return tuple(
        Number(
            name=plain(name),
            value=words.token(name),
            kind="reasons" if plain(name) in lists else "number" if _is_number(value) else "list",
            decides=tuple(uses.get(name, ())),
        )
        for name, value in model.tokens.items()
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _uses(model: Model) -> dict[str, dict[str, None]]:
    """For each token the parts that read it, by their names on the sheet."""
    words = SheetWords(model)
    found: dict[str, dict[str, None]] = {}

    def note(part: str, *nodes: object) -> None:
        for node in nodes:
            whole = inline(node, model.vocabulary) if isinstance(node, Guard) else node
            if not isinstance(whole, Guard | Term):
                continue
            for one in walk(whole):
                if isinstance(one, Token):
                    found.setdefault(one.name, {})[part] = None

    order = {stage.name: rank for rank, stage in enumerate(model.stages)}
    for edge in sorted((*model.sort_edges, *model.edges), key=lambda one: order[one.target]):
        note(words.stage(edge.target), edge.when, *(one.value for one in _effects(edge)))
    for rule in model.data:
        note(", ".join(words.field(one.field) for one in rule.then[:1]), rule.when)
    for score in model.scoring:
        note("points", score.points, score.when)
    for decay in model.decay:
        note("points", decay.when, *(one.value for one in decay.then))
    for due in model.deadlines:
        note("deadlines", due.when, *due.to)
    for one in model.assignment:
        note("who works on it", one.when, *one.to)
    for alert in model.alerts:
        note("alerts", alert.when, *alert.to)
    return found


def scores(model: Model) -> tuple[Score, ...]:
    """Fit and interest, each with its rules, its bounds and how it fades; one of which there is
    nothing to say is left out."""
    return tuple(
        one
        for field, name, by_activity in _SCORES
        if (one := _score(model, field, name, by_activity=by_activity))
    )


def limits(model: Model) -> tuple[Score, ...]:
    """The other fields that fade, or that the model gives bounds."""
    words = SheetWords(model)
    faded = [one.field for decay in model.decay for one in decay.then]
    known = {field for field, _, _ in _SCORES}
    names = dict.fromkeys((*faded, *(one.name for one in model.fields)))
    return tuple(
        one
        for field in names
        if field not in known and (one := _score(model, field, sentence(words.field(field))))
    )


def _score(model: Model, field: str, name: str, *, by_activity: bool | None = None) -> Score | None:
    words = SheetWords(model)
    rules = [one for one in model.scoring if (one.on is not None) == by_activity]
    found = Score(
        name=name,
        meaning=words.field(field),
        points=tuple(_points(words, rule) for rule in rules),
        bounds=_bounds(model, field),
        fades=tuple(_fading(model, field)),
    )
    return found if found.points or found.bounds or found.fades else None


def _points(words: SheetWords, rule: ScoreRule) -> Points:
    condition = words.condition(rule.when)
    occasion = sentence(plain(rule.on)) if rule.on else ""
    what = ", ".join(part for part in (occasion, condition) if part)
    return Points(
        what=sentence(what or plain(rule.name)),
        points=words.points(rule),
        limit=words.limit(rule),
    )


def _bounds(model: Model, field: str) -> str:
    kind = model.field_types[field]
    low, high = kind.minimum, kind.maximum
    parts = []
    if low is not None:
        parts.append(f"never below {low:,g}".replace("-", "−"))
    if high is not None:
        parts.append(f"never above {high:,g}")
    return " and ".join(parts)


def _fading(model: Model, field: str) -> Iterator[str]:
    words = SheetWords(model)
    for one in model.decay:
        sets = [part for part in one.then if part.field == field]
        if not sets:
            continue
        every = words.length(one.every)
        since = (
            f"without {words.field(one.since)}"
            if one.since == "scored_at"
            else (f"after the {words.field(one.since)}")
        )
        condition = words.condition(one.when)
        text = f"every {every} {since}, {' and '.join(words.effects(sets))}"
        yield sentence(text + (f", if {condition}" if condition else ""))


# -- who and what ----------------------------------------------------------------------------


def owners(model: Model) -> tuple[Owner, ...]:
    """The systems, and the stages that each owns."""
    palette, words = Palette(model), SheetWords(model)
    return tuple(
        Owner(name=clean(palette.labels[name]), color=paint.line, stages=stages)
        for name, paint in palette.systems.items()
        if (stages := words.stages(one.name for one in model.stages if one.system == name))
    )


def vocabulary(model: Model) -> tuple[Word, ...]:
    """What the words of the conditions stand for: rules of data, and descriptions of fields."""
    words = SheetWords(model)
    used: dict[str, None] = {}
    for edge in (*model.sort_edges, *model.edges):
        for name in sorted(reads(inline(edge.when, model.vocabulary))):
            used[name] = None
    found = []
    for name in used:
        if name in READ_ONLY:
            continue
        set_by = [
            _said_by(words, rule.on, rule.when)
            for rule in model.data
            if any(one.field == name for one in rule.then)
        ]
        meaning = words.meaning(name)
        if meaning or set_by:
            found.append(Word(word=words.field(name), meaning=meaning, rule="; ".join(set_by)))
    return tuple(sorted(found, key=lambda one: one.word))


def _said_by(words: SheetWords, kind: str, guard: Guard) -> str:
    condition = words.condition(guard)
    return f"set on “{plain(kind)}”" + (f" if {condition}" if condition else "")


def named(model: Model) -> str:
    """The title of a model, or its name as words."""
    return clean(model.title) or sentence(plain(model.name))
