"""More about each stage than its card has room for: what it means, how people get there."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.diagram.drawn_model import DrawnModel
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Edge, Model, Stage
from lifecycle_fsm.wording import (
    Formatter,
    clean,
    counted,
    duration,
    format_number,
    joined,
    plain,
    rule_words,
    sentence,
)


def stage_details(model: Model, counts: Counts | None = None) -> dict[str, tuple[str, ...]]:
    """For each stage, in the order of the path, paragraphs that begin with its name.

    They say what the stage means, with counts how many people are in it and for how long, and by
    which rules a person gets there.
    """
    words = Formatter(model)
    return {
        stage.name: tuple(filter(None, _paragraphs(words, stage, counts)))
        for stage in (*model.path, *model.detours)
    }


def _paragraphs(words: Formatter, stage: Stage, counts: Counts | None) -> Iterator[str]:
    label, name = clean(stage.label), clean(f"{stage.code} {stage.display}")
    yield f"{name}: {label}" if label else name
    yield clean(stage.description)
    if counts is not None:
        text = f"{counted(counts.people.get(stage.name, 0), 'person', 'people')} here"
        stay = counts.median_stay.get(stage.name)
        yield text + (f"; half of the visits ended within {duration(stay)}" if stay else "")
    rules: dict[tuple[str, str, str | None], list[Edge]] = {}
    for edge in (*words.model.sort_edges, *words.model.edges):
        if edge.target == stage.name:
            key = (rule_words(edge.rule), words.condition(edge.when), edge.on)
            rules.setdefault(key, []).append(edge)
    for edges in rules.values():
        yield _way(words, edges, counts)


def _way(words: Formatter, edges: list[Edge], counts: Counts | None) -> str:
    """A rule by which people get here: from where, on what condition, and how many; before it, in a
    diagram of two models, what became of it."""
    first = edges[0]
    origins = joined(words.stages({edge.source for edge in edges}), "or")
    changes = words.model.changes if isinstance(words.model, DrawnModel) else None
    mark = (changes or {}).get((first.name, first.source, first.target), "")
    text = f"{mark} " if mark else ""
    text += f"{sentence(clean(rule_words(first.rule)))}, from {origins}"
    if first.on is not None:
        text += f", asked for by “{plain(first.on)}”"
    if condition := words.condition(first.when):
        text += f": {condition}"
    if counts is not None:
        moved = sum(counts.moves.get((edge.name, edge.source, edge.target), 0) for edge in edges)
        text += f" ({format_number(moved)})"
    return text
