"""Two models as one diagram, with what was added, removed and changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import attrs

from lifecycle_fsm.checks.difference import Difference, differences
from lifecycle_fsm.checks.finding import described
from lifecycle_fsm.diagram.drawn_model import Change, ChangeText, DrawnModel, EdgeKey, drawn
from lifecycle_fsm.guard import Always
from lifecycle_fsm.model import Edge, Model, Move, SortRule, Stage
from lifecycle_fsm.proof.substitution import written_out
from lifecycle_fsm.wording import Formatter, clean, plain, rule_words, sentence

#: What a stage shows, and whose change is described.
_SHOWN = {
    "title": "short name",
    "label": "long name",
    "code": "code",
    "system": "owner",
    "off_path": "off the path",
    "mail": "mail",
    "group": "part of the funnel",
}
_RULES = ("sort", "move", "guard of sort", "guard of move")
_SHORT = 60  # characters of two values that stand in one line


def joined_models(old: Model, new: Model) -> DrawnModel:
    """The stages and moves of both models, with what became of each.

    A removed stage stands where it stood in the old model, behind the stage before it. A removed
    move that would lead backwards among the stages of both is described in words only.
    """
    rows = [row for row in differences(old, new) if row.change != "same"]
    stages = {stage.name: (_stage_change(old, new, stage), stage) for stage in _joined(old, new)}
    known = tuple(
        attrs.evolve(stage, code=f"{change} {stage.code}".strip())
        for change, stage in stages.values()
    )
    rule_changes = _rule_changes(old, new, rows)
    both = attrs.evolve(
        drawn(new),
        stages=known,
        fields={field.name: field for field in (*old.fields, *new.fields)}.values(),
        known=known,
        changes=_changes(old, new, rule_changes),
        stage_changes={name: change for name, (change, _) in stages.items()},
        texts=(
            *_stage_texts(old, new, stages),
            *_rule_texts(old, new, rule_changes),
            *_others(rows),
        ),
    )
    return attrs.evolve(both, drawn=tuple(_placed(both, old, new)))


def tally(both: DrawnModel) -> str:
    """How much was added, removed and changed."""
    counts = Counter(text.change for text in both.texts)
    words: Mapping[Change, str] = {"+": "added", "−": "removed", "≠": "changed"}
    parts = [f"{counts[change]} {word}" for change, word in words.items() if counts[change]]
    return ", ".join(parts) or "nothing changes"


# ------------------------------------------------------------------ stages and moves


def _joined(old: Model, new: Model) -> Sequence[Stage]:
    """The stages of the new model, with each removed one behind the stage that it stood behind."""
    joined = list(new.stages)
    before: dict[bool, Stage] = {}
    for stage in old.stages:
        if stage.name not in new.by_name:
            names = [other.name for other in joined]
            last = before.get(stage.off_path)
            joined.insert(0 if last is None else names.index(last.name) + 1, stage)
        before[stage.off_path] = stage
    return joined


def _stage_change(old: Model, new: Model, stage: Stage) -> Change:
    was, now = old.by_name.get(stage.name), new.by_name.get(stage.name)
    if was is None or now is None:
        return "−" if now is None else "+"
    return "≠" if any(getattr(was, name) != getattr(now, name) for name in _SHOWN) else ""


def _changes(
    old: Model, new: Model, rule_changes: Mapping[str, object]
) -> Mapping[EdgeKey, Change]:
    """What became of each move out of one stage."""
    was, now = (dict.fromkeys(map(_key, drawn(model).drawn)) for model in (old, new))
    changes: dict[EdgeKey, Change] = dict.fromkeys(was, "−")
    for key in now:
        changes[key] = "+" if key not in was else "≠" if rule_changes[key[0]] else ""
    return changes


def _key(edge: Edge) -> EdgeKey:
    return edge.name, edge.source, edge.target


def _placed(both: DrawnModel, old: Model, new: Model) -> Iterator[Edge]:
    """The moves of both, with their kinds among the stages of both."""
    edges: dict[EdgeKey, Edge] = {}
    for edge in (*drawn(new).drawn, *drawn(old).drawn):
        edges.setdefault(_key(edge), edge)
    removed = {key for key in edges if (both.changes or {})[key] == "−"}
    for key, edge in edges.items():
        start, end = both.ranks.get(edge.source), both.ranks.get(edge.target)
        if end is None or (end > 0 if start is None else end > start):
            rule = edge.rule
            if key in removed:  # the new model may not have the names that its guard reads
                rule = attrs.evolve(rule, when=written_out(edge.when, old.vocabulary))
            yield both.edge(rule, edge.source)


# ------------------------------------------------------------------ words


def _stage_texts(
    old: Model, new: Model, stages: Mapping[str, tuple[Change, Stage]]
) -> Iterator[ChangeText]:
    for name, (change, stage) in stages.items():
        lines: tuple[str, ...] = ()
        if change == "≠":
            was, now = old.by_name[name], new.by_name[name]
            lines = tuple(
                f"{words}: {_value(getattr(was, part))} → {_value(getattr(now, part))}"
                for part, words in _SHOWN.items()
                if getattr(was, part) != getattr(now, part)
            )
        if change:
            yield ChangeText(change, f"Stage {clean(stage.display)}", lines, name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"“{clean(str(value))}”" if value else "none"


def _rule_texts(
    old: Model, new: Model, rule_changes: Mapping[str, Sequence[str]]
) -> Iterator[ChangeText]:
    """Each rule of the sort and each move that differs, in the order of the models."""
    before, after = _rules(old), _rules(new)
    for name in dict.fromkeys([*after, *before]):
        model, rule = (new, after[name]) if name in after else (old, before[name])
        way, lines = _way(rule, model), list(rule_changes.get(name, ()))
        if name in rule_changes:
            change: Change = "≠"
            if _ends(before[name]) != _ends(rule):
                lines = [f"before: {_way(before[name], old)}", f"now: {way}", *lines]
        else:
            change = "+" if name in after else "−"
            _, *facts = _facts(rule, model)
            lines = [words for value, words in facts if value]
        if lines or change != "≠":
            yield ChangeText(change, f"{way} · {rule_words(rule)}", tuple(lines), name)


def _rule_changes(
    old: Model, new: Model, rows: Sequence[Difference]
) -> Mapping[str, Sequence[str]]:
    """What changed in each rule that both models have, but for where it leads."""
    guards = {row.name: row for row in rows if row.part.startswith("guard")}
    before, after = _rules(old), _rules(new)
    changes: dict[str, list[str]] = {}
    for name in [name for name in before if name in after]:
        lines = changes[name] = []
        facts = zip(_facts(before[name], old), _facts(after[name], new), strict=True)
        for place, ((was, old_words), (now, new_words)) in enumerate(facts):
            # The same guard may be written otherwise, and another one may look the same.
            if name in guards if place == _GUARD else was != now:
                lines.append(f"before: {old_words if was else '–'}")
                lines.append(f"now: {new_words if now else '–'}")
        lines += _shown_by(guards[name]) if name in guards else ()
    return changes


def _rules(model: Model) -> dict[str, Move | SortRule]:
    rules: tuple[Move | SortRule, ...] = (*model.sort, *model.moves)
    return {rule.name: rule for rule in rules}


def _ends(rule: Move | SortRule) -> tuple[frozenset[str], str]:
    return frozenset(rule.sources if isinstance(rule, Move) else ()), rule.target


def _way(rule: Move | SortRule, model: Model) -> str:
    names = (rule.target, *(rule.sources if isinstance(rule, Move) else ()))
    target, *sources = (clean(model.stage(name).display) for name in names)
    return f"{', '.join(sources) or 'New people'} → {target}"


_GUARD = 1  # the place of the guard in the facts


def _facts(rule: Move | SortRule, model: Model) -> tuple[tuple[object, str], ...]:
    """What there is to say of a rule, but for where it leads: each value, and its words."""
    formatter = Formatter(model)
    move = rule if isinstance(rule, Move) else None
    on, priority, then = (move.on, move.priority, move.then) if move else (None, 0, ())
    condition = "everybody else" if move is None else "" if on else "always"
    if not isinstance(rule.when, Always):
        condition = f"when {formatter.condition(rule.when)}"
    return (
        (rule.label, f"called “{rule_words(rule)}”"),
        (condition, condition),
        (on, f"asked for by “{plain(on or '')}”"),
        (rule.skips, f"stages between: {plain(rule.skips or '')}"),
        (priority, f"priority {priority}"),
        (then, "; ".join(formatter.effects(then))),
        (rule.system, f"owned by {clean(model.systems.get(rule.system, rule.system))}"),
    )


def _shown_by(row: Difference) -> Iterator[str]:
    """Whom a changed guard lets through now, and whom no longer."""
    if row.gains is not None:
        yield f"now also, for example: {described(row.gains) or 'everybody'}"
    if row.loses is not None:
        yield f"no longer, for example: {described(row.loses) or 'everybody'}"
    if row.change == "not decided":
        yield "for whom this is different was not decided"


def _others(rows: Sequence[Difference]) -> Iterator[ChangeText]:
    """What no stage or move shows: numbers, the order of the sort, and the other sections."""
    for row in rows:
        if row.part == "stage" or (row.part in _RULES and row.change != "moved"):
            continue
        change: Change = "+" if row.change == "added" else "−" if row.change == "removed" else "≠"
        lines = [f"before: {row.before}" * bool(row.before), f"now: {row.after}" * bool(row.after)]
        if len(row.before) + len(row.after) < _SHORT and change == "≠":
            lines = [f"{row.before} → {row.after}"]
        if row.gains is not None:
            lines.append(f"for example: {described(row.gains) or 'everybody'}")
        head = sentence(f"{row.part} {plain(row.name)}")
        if row.part == "sorted":
            head = "The first stage of new people"
        yield ChangeText(change, clean(head), tuple(clean(line) for line in lines if line))
