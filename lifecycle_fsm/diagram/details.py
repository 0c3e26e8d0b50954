"""More about each stage and move than a picture has room for, in the order of the path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lifecycle_fsm.diagram.chart_data import ChartData, DrawnFlow, moved
from lifecycle_fsm.model import Edge, Stage
from lifecycle_fsm.wording import Formatter, clean, joined, plain, rule_words, sentence


def chart_details(data: ChartData) -> Mapping[str | tuple[str, str], Sequence[str]]:
    """Paragraphs for each stage, and for the moves into the next one before that, each of which
    begins with a name.

    They say what a stage means, how many people are in it and for how long, and by which rules they
    get there; and of a move how often it was made, and by which rules, who asks and when they hold.
    """
    writer = _Writer(data)
    stages = (*data.model.path, *data.model.detours)
    details: dict[str | tuple[str, str], Sequence[str]] = {}
    for stage, following in zip(stages, (*stages[1:], stages[0]), strict=True):
        details[stage.name] = list(filter(None, writer.stage(stage)))
        flows = [flow for flow in data.flows if flow.target == following.name]
        for flow in sorted(flows, key=lambda flow: flow.kind != "step"):
            details[flow.ends] = list(filter(None, writer.move(flow)))
    return details


class _Writer:
    def __init__(self, data: ChartData) -> None:
        self.data, self.words = data, Formatter(data.model)
        self.edges = (*data.model.sort_edges, *data.model.edges)

    def stage(self, stage: Stage) -> Iterator[str]:
        label, name = clean(stage.label), clean(f"{stage.code} {stage.display}")
        yield f"{name}: {label}" if label else name
        yield clean(stage.description)
        if people := self.data.people(stage.name):
            stay = self.data.stay(stage.name)
            noun = "person" if people == "1" else "people"
            yield f"{people} {noun} here" + (
                f"; half of the visits ended within {stay}" if stay else ""
            )
        yield from self._rules(edge for edge in self.edges if edge.target == stage.name)

    def move(self, flow: DrawnFlow) -> Iterator[str]:
        source, target = map(self.words.stage, flow.ends)
        yield f"{source} → {target}, {flow.kind.replace('_', ' ')}"
        if times := moved(flow.rules):
            noun = "time" if times == "1" else "times"
            share = f"; {flow.share} of journeys went on" if flow.share else ""
            yield f"Made {times} {noun}{share}"
        yield from self._rules(
            (edge for edge in self.edges if (edge.source, edge.target) == flow.ends), whole=True
        )

    def _rules(self, edges: Iterable[Edge], *, whole: bool = False) -> Iterator[str]:
        """Rules, with the stages that they lead from or, as a whole, who asks and when they hold;
        with how often each moved somebody, or what became of it."""
        ways: dict[tuple[str, str, str | None], list[Edge]] = {}
        for edge in edges:
            key = (rule_words(edge.rule), self.words.condition(edge.when), edge.on)
            ways.setdefault(key, []).append(edge)
        for (name, condition, on), parallel in ways.items():
            rules = list(map(self.data.rule, parallel))
            text = f"{rules[0].mark} {sentence(name)}".strip()
            if not whole:
                origins = self.words.stages({edge.source for edge in parallel})
                text += f", from {joined(origins, 'or')}"
            elif on is not None:
                text += f", asked for by “{plain(on)}”"
            if whole and condition:
                text += f": {condition}"
            times = moved(rules)
            yield f"{text} ({times})" if times and (len(ways) > 1 or not whole) else text
