"""A what-if as a report: the entries of both histories, everybody who changes, the first day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import attrs

from lifecycle_fsm.funnel.entry_changes import ChangeKind
from lifecycle_fsm.model import Model
from lifecycle_fsm.report import Report, ReportPart, ReportTable
from lifecycle_fsm.report.assembly import report_of
from lifecycle_fsm.report.chart_svg import chart_picture
from lifecycle_fsm.report.column_makers import ColumnSpec, columns_of, made_column, table_of
from lifecycle_fsm.report.content import WhatIfPanels
from lifecycle_fsm.whatif.token_range import WhatIfRange
from lifecycle_fsm.whatif.what_if_results import KINDS, StageWhatIf, WhatIf
from lifecycle_fsm.wording import clean, counted, format_number, joined, plain, rule_words, sentence

_DEFINITION = (
    "Both models run over the same log. Only the first difference of each person is told, and what "
    "really happened after it: what people would have done under the changed model nobody knows"
)
_DETOUR = "detour"
_WHO = "name company email:E-mail owner"


def what_if_report(answer: WhatIf) -> Report:
    """The answer as a report, with lists of people."""
    models = answer.new, answer.old
    words = {rule.name: rule_words(rule) for model in models for rule in model.sort}
    words |= {move.name: rule_words(move) for model in models for move in model.moves}

    def stages(text: str) -> list[ColumnSpec]:
        return columns_of(
            "text", text, lambda name: name and clean(answer.stage_of(str(name)).display)
        )

    def rule(name: object) -> str:
        return words.get(str(name), sentence(plain(str(name))))

    entries = table_of(
        "what_if", "Entries", answer.stages, *stages("stage"),
        *columns_of("count", "old:Now new:Changed"),
        *(_counts(kind, lambda row: row.entries) for kind in KINDS),
        *columns_of("number", "old_per_week:Now,_per_week new_per_week:Changed,_per_week"),
    )  # fmt: skip
    loads = [(row.stage, load) for row in answer.stages for load in answer.loads(row)]
    assignees = table_of(
        "what_if_assignees", "By assignee, against their capacity", loads,
        made_column("stage", "Stage", "text", lambda row: clean(answer.stage_of(row[0]).display)),
        made_column("assignee", "Assignee", "text", lambda row: row[1].name),
        made_column("old", "Now, per week", "number", lambda row: row[1].old),
        made_column("new", "Changed, per week", "number", lambda row: row[1].new),
        made_column("capacity", "Capacity", "number", lambda row: row[1].capacity),
        made_column("old_over", "Weeks over now", "count", lambda row: row[1].weeks_over[0]),
        made_column("new_over", "Weeks over, changed", "count", lambda row: row[1].weeks_over[1]),
    )  # fmt: skip
    changes = table_of(
        "what_if_people", "Who changes", answer.changes, *columns_of("text", _WHO),
        *columns_of("text", "assigned_to"), *stages("stage"), *columns_of("text", "kind:Change"),
        *columns_of("time", "old_at:Now new_at:Changed"), *columns_of("text", "rule", rule),
        *columns_of("text", "why"), *stages("became:Really_became"),
        *columns_of("text", "person:Id"), people=True,
    )  # fmt: skip
    first_day = table_of(
        "what_if_first_day", "On the first day", answer.first_day, *columns_of("text", _WHO),
        *stages("from_stage:From to_stage:To"), *columns_of("time", "since"),
        made_column("rules", "By", "text", lambda row: ", ".join(map(rule, row.rules))),
        *columns_of("text", "person:Id"), people=True,
    )  # fmt: skip
    asked = [f"${name} were {now} and not {old}" for name, (old, now) in answer.tokens.items()]
    tables = [table for table in (entries, assignees, changes, first_day) if table.rows]
    report = _report(
        answer.old, answer, tables,
        asked=joined(asked) or f"the model were {answer.new.name}, version {answer.new.version}",
    )  # fmt: skip
    return attrs.evolve(report, findings=tuple(_findings(answer)))


def range_svg(answer: WhatIfRange, capacity: float | None = None) -> str:
    """The chart of a range as an SVG file."""
    chart = range_chart(answer, capacity)
    return chart_picture(
        chart, f"What if {chart.setting} were another value: {chart.title} per week"
    )


def range_report(answer: WhatIfRange, capacity: float | None = None) -> Report:
    """The answers for several values as a report, with the chart of both panels."""
    table = table_of(
        "what_if_range", "By value", answer.rows,
        made_column("value", f"${answer.token}", "text", lambda row: _value(row.value)),
        made_column("per_week", "Entries per week", "number", attrgetter("answer.new_per_week")),
        *(
            _counts(kind, lambda row: {kind: row.answer.known(kind) for kind in KINDS})
            for kind in KINDS
            if kind != "same"
        ),
    )  # fmt: skip
    chart = range_chart(answer, capacity)
    limits = f"{chart.values[0]} to {chart.values[-1]}"
    asked = f"${answer.token} were from {limits} and not {chart.current}"
    return _report(answer.old, answer, [table], chart, asked=asked)


def range_chart(answer: WhatIfRange, capacity: float | None = None) -> WhatIfPanels:
    """Entries per week by value, and what really became of those who change.

    Args:
        answer: the range.
        capacity: how many entries per week can be handled.
    """
    stages = [stage.name for stage in answer.old.path]
    later = stages[stages.index(answer.stage) + 1 :] if answer.stage in stages else []

    def ends(row: StageWhatIf, kind: ChangeKind) -> dict[str, int]:
        became = row.became.get(kind, {})
        detours = (end for end in became if end and end not in answer.old.ranks)
        counts = {name: became.get(name, 0) for name in later}
        counts[_DETOUR] = sum(became[end] for end in detours)
        return counts | {"": sum(became.values()) - sum(counts.values())}

    def bars(kind: ChangeKind) -> dict[str, tuple[int, ...]]:
        counts = [ends(row.answer, kind) for row in answer.rows]
        names = {name: clean(answer.old.stage(name).display) for name in later}
        names |= {_DETOUR: "a detour", "": "none of these"}
        return {title: tuple(each[name] for each in counts) for name, title in names.items()}

    return WhatIfPanels(
        title=clean(answer.old.stage(answer.stage).display), setting=f"${answer.token}",
        values=tuple(_value(row.value) for row in answer.rows),
        entries=tuple(row.answer.new_per_week for row in answer.rows),
        current=_value(answer.old.tokens[answer.token]), capacity=capacity,
        added=bars("added"), lost=bars("lost"),
    )  # fmt: skip


def _counts(kind: ChangeKind, counts: Callable[[Any], Mapping[ChangeKind, int]]) -> ColumnSpec:
    return made_column(kind, kind.capitalize(), "count", lambda row: counts(row)[kind])


def _value(value: Any) -> str:
    return format_number(value)


def _findings(answer: WhatIf) -> Iterator[tuple[str, str]]:
    """What changes for each stage, and what to do to know more."""
    for row in answer.stages:
        stage = clean(answer.stage_of(row.stage).display)
        counts = joined([f"{row.entries[kind]:,} {kind}" for kind in KINDS if row.entries[kind]])
        step = "Look at what really became of the lost" if row.entries["lost"] else (
            "Try it with one cohort: nobody knows what the others would do"
        )  # fmt: skip
        yield f"{stage}: {row.new:,} entries instead of {row.old:,}: {counts}", step
    if answer.first_day:
        moves = counted(len(answer.first_day), "person", "people")
        yield f"On the first day, {moves} would move at once", "Tell those who will have to do it"


def _report(
    model: Model, answer: WhatIf | WhatIfRange, tables: Sequence[ReportTable],
    *charts: WhatIfPanels, asked: str,
) -> Report:  # fmt: skip
    part = ReportPart(
        name="what_if", title="What if?", definition=_DEFINITION, tables=tuple(tables),
        charts=charts,
    )  # fmt: skip
    report = report_of(part, model, "what if?", answer.until, answer.zone)
    return attrs.evolve(report, facts=(("What if", f"{asked}?"), *report.facts))
