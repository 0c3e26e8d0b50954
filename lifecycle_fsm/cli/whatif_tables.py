"""The answer of ``whatif`` for a terminal: what is known, and what nobody knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.funnel.conversion import Ratio
from lifecycle_fsm.funnel.entry_changes import ChangeKind
from lifecycle_fsm.model import Model
from lifecycle_fsm.whatif import StageWhatIf, WhatIf
from lifecycle_fsm.whatif.token_range import WhatIfRange
from lifecycle_fsm.whatif.what_if_results import KINDS
from lifecycle_fsm.wording import counted, duration, format_date, format_instant

#: How many names and weeks are shown.
_NAMES, _WEEKS = 5, 6
_MEANS: dict[ChangeKind, str] = {
    "added": "in the changed history only",
    "earlier": "in both, sooner in the changed one",
    "later": "in both, later in the changed one",
    "same": "in both at the same instant",
    "lost": "in the old history only",
}
_PEOPLE = ("person", "people")


def as_text(what: WhatIf) -> str:
    """The answer for one changed model."""
    lines = [*_head(what)]
    if not what.stages:
        lines += ["", "nobody's entries differ: the change makes no difference to this log"]
    for row in what.stages:
        lines += ["", *_stage(what, row)]
    if what.others:
        names = ", ".join(what.stage_of(name).display for name in what.others)
        lines += [
            "",
            f"not shown: {names}. Their entries differ only after somebody's first difference,",
            "where people acted on what the old model told them. The same holds for conversion,",
            "deadlines and times of the changed model: a log cannot know them.",
        ]
    lines += ["", *_first_day(what)]
    return "\n".join(lines)


def _head(what: WhatIf) -> Iterator[str]:
    old, new = what.old, what.new
    for name, (before, after) in what.tokens.items():
        yield f"what if ${name} were {after} and not {before}"
    yield f"model {old.name} {old.version} -> {new.name} {new.version}"
    start, end = (
        None if at is None else format_date(at, what.zone) for at in (what.start, what.end)
    )
    window = "all history" if start is end is None else f"{start or '…'} to {end or '…'}"
    where = "" if what.where is None else f", where {what.where}"
    yield f"{window}, known until {format_instant(what.until, what.zone)}{where}"
    yield "the old model is taken for what really happened"


def _stage(what: WhatIf, row: StageWhatIf) -> Iterator[str]:
    model = what.old
    stage = what.stage_of(row.stage)
    yield f"{stage.display}  {stage.label}"
    yield lined_up(
        [
            ("", "entries", "per week", ""),
            ("old model", f"{row.old:,}", f"{row.old_per_week:.1f}", ""),
            ("changed model", f"{row.new:,}", f"{row.new_per_week:.1f}", ""),
            *(
                (
                    f"  {kind}",
                    f"{row.entries[kind]:,}",
                    "",
                    means + (f", {_days(row, kind)} at the median" if kind in row.shift else ""),
                )
                for kind, means in _MEANS.items()
            ),
        ],
        right=(1, 2),
    )
    unknown = sum(row.unknown.values())
    if unknown:
        yield (
            f"  {unknown:,} of these come after an earlier difference of the same person: they are "
            "counted, not told"
        )
    yield from _really(row, model)
    yield from _nobody_knows(what, row)
    if what.capacity is not None:
        yield from _busiest(row, what.capacity)
    yield from _loads(what, row)
    yield from _names(what, row)


def _days(row: StageWhatIf, kind: ChangeKind) -> str:
    return duration(timedelta(days=row.shift[kind]))


def _really(row: StageWhatIf, model: Model) -> Iterator[str]:
    """What really became of those who change."""
    for kind, means in (
        ("lost", "would not have entered"),
        ("later", "would have entered later"),
        ("added", "would have entered, and really did not"),
        ("earlier", "would have entered earlier"),
    ):
        people = row.known(kind)  # type: ignore[arg-type]
        if not people:
            continue
        reached = row.reached(kind, model)  # type: ignore[arg-type]
        parts = []
        for name, count in reached.items():
            ratio = Ratio(count, people)
            low, high = ratio.range or (0.0, 0.0)
            mark = "*" if ratio.few else ""
            parts.append(
                f"{model.stage(name).display} {count:,} ({count / people * 100:.0f} %{mark}, "
                f"{low * 100:.0f}-{high * 100:.0f})"
            )
        for name, count in row.became[kind].items():  # type: ignore[index]
            if name and name not in model.ranks:
                parts.append(f"{model.stage(name).display} {count:,}")
        if parts:
            yield f"  {counted(people, *_PEOPLE)} {means}; what really became of them:"
            yield f"    {', '.join(parts)}"
    if row.known("lost") or row.known("later"):
        yield "  that these would not have entered then is known; whether later or never rests on"
        yield "  what they did after they had entered, and is not"


def _nobody_knows(what: WhatIf, row: StageWhatIf) -> Iterator[str]:
    added, earlier = row.known("added"), row.known("earlier")
    if not (added or earlier) or what.tested != row.stage:
        return
    both = [
        f"{count:,} {kind}" for kind, count in (("added", added), ("earlier", earlier)) if count
    ]
    yield (
        f"  nobody knows what would have become of the {' and '.join(both)}: no human act in this "
        "log"
    )
    yield "  answers an entry that did not happen, or not then"
    ratio = row.converted
    if row.tests and row.next_stage is not None and ratio.share is not None:
        after = what.old.stage(row.next_stage).display
        low, high = ratio.range or (0.0, 0.0)
        yield (
            f"  a test by cohort would tell. Really, {ratio.part:,} of {ratio.whole:,} "
            f"({ratio.share * 100:.0f} %, {low * 100:.0f}-{high * 100:.0f}) went on to {after};"
        )
        for test in row.tests:
            weeks = "" if test.weeks is None else f", {test.weeks:,.0f} weeks at this rate"
            yield (
                f"    to tell {test.difference * 100:.0f} points: {test.people:,} people per arm"
                f"{weeks}"
            )


def _busiest(row: StageWhatIf, capacity: float) -> Iterator[str]:
    old, new = row.over(capacity)
    yield (
        f"  weeks with more than {capacity:g}: {old} of {len(row.by_week)} with the old model, "
        f"{new} with the changed one; the busiest:"
    )
    busiest = sorted(row.by_week, key=lambda week: (-week.new, week.name))[:_WEEKS]
    yield lined_up(
        [
            ("week of", "old", "changed", "over"),
            *(
                (
                    week.name,
                    f"{week.old:,}",
                    f"{week.new:,}",
                    f"{week.new - capacity:+g}" if week.new > capacity else "",
                )
                for week in busiest
            ),
        ],
        right=(1, 2, 3),
        indent=4,
    )


def _loads(what: WhatIf, row: StageWhatIf) -> Iterator[str]:
    """What each assignee has to take on, against what they can."""
    loads = what.loads(row)
    if not loads:
        return
    shares = [load.capacity for load in loads if load.name not in what.capacities]
    rest = "the rest" if what.capacities else "the capacity"
    share = f"; an equal share of {rest} is {shares[0]:.1f}" if shares and shares[0] else ""
    yield f"  by assignee, per week{share}"
    rows = [("assignee", "old", "changed", "capacity", "")]
    for load in loads:
        own = what.capacities.get(load.name)
        marks = ["over"] if load.capacity is not None and load.new > load.capacity else []
        if own is not None and any(load.weeks_over):
            marks.append("weeks over: {} old, {} changed".format(*load.weeks_over))
        limit = "" if own is None else f"{own:g}"
        rows.append((load.name, f"{load.old:.1f}", f"{load.new:.1f}", limit, ", ".join(marks)))
    yield lined_up(rows, right=(1, 2, 3), indent=4)


def _names(what: WhatIf, row: StageWhatIf) -> Iterator[str]:
    rows = []
    for kind in ("lost", "added", "later", "earlier"):
        changes = [
            change for change in what.changes if change.stage == row.stage and change.kind == kind
        ]
        for change in changes[:_NAMES]:
            days = [
                "–" if at is None else format_date(at, what.zone)
                for at in (change.old_at, change.new_at)
            ]
            rows.append(
                (
                    kind,
                    change.person,
                    change.name or "",
                    change.company or "",
                    change.owner or change.assigned_to or "",
                    *days,
                    change.why,
                )
            )
    if rows:
        total = sum(row.known(kind) for kind in KINDS if kind != "same")
        shown = f"{len(rows)} of {total:,}; --out FILE.csv writes all" if len(rows) < total else ""
        yield f"  who{f' ({shown})' if shown else ''}"
        head = (
            "",
            "person",
            "name",
            "company",
            "owner or assignee",
            "old",
            "changed",
            "what decides",
        )
        yield lined_up([head, *rows], indent=4)


def _first_day(what: WhatIf) -> Iterator[str]:
    capacity = what.capacity
    at = format_instant(what.until, what.zone)
    if not what.first_day:
        yield f"on the first day: if the model changed at {at}, nobody would move at once"
    else:
        many = f"{len(what.first_day):,}"
        yield f"on the first day: if the model changed at {at}, {many} would move at once"
        yield "  (as people are then, not part of the entries above; `plan` lists them)"
        yield moves_text(what, indent=4)
        if capacity:
            yield f"  {len(what.first_day) / capacity:.1f} weeks of {capacity:g} a week"
    if what.problems:
        person, problem = next(iter(what.problems.items()))
        many = counted(len(what.problems), *_PEOPLE)
        yield f"  {many} cannot be moved, such as {person!r}: {problem}"


def moves_text(what: WhatIf, indent: int = 2) -> str:
    """How many people would move at once, by stage; the most first."""
    counts = Counter((move.from_stage, move.to_stage) for move in what.first_day)
    lines = (
        (what.stage_of(old).display, "->", what.stage_of(new).display, f"{count:,}")
        for (old, new), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    return lined_up(lines, right=(3,), indent=indent)


def range_text(answer: WhatIfRange, capacity: float | None) -> str:
    """The answer for a range of values."""
    model, stage = answer.old, answer.old.stage(answer.stage)
    now = model.tokens[answer.token]
    later = list(answer.rows[0].answer.reached("lost", model))
    head = [f"${answer.token}", "per week", *(["weeks over"] if capacity else []), "added", "lost"]
    head += [f"lost: {model.stage(name).display}" for name in later]
    rows = []
    for row in answer.rows:
        known = row.answer
        over = [f"{known.over(capacity)[1]}"] if capacity else []
        reached = known.reached("lost", model)
        rows.append(
            [
                f"{row.value}{' (now)' if row.value == now else ''}",
                f"{known.new_per_week:.1f}",
                *over,
                f"{known.known('added'):,}",
                f"{known.known('lost'):,}",
                *(f"{reached[name]:,}" for name in later),
            ]
        )
    lines = [
        f"what if ${answer.token} were another value: entries of {stage.display}",
        f"model {model.name} {model.version}, known until "
        f"{format_instant(answer.until, answer.zone)}",
        "",
        lined_up([head, *rows], right=range(1, len(head))),
        "",
        "added, lost: people whose first difference this is. What really became of the lost is in",
        "the last columns. What would have become of the added nobody knows: see a single value.",
    ]
    goal = answer.goal
    if goal is not None:
        lines += ["", *_goal(answer)]
    return "\n".join(lines)


def _goal(answer: WhatIfRange) -> Iterator[str]:
    goal = answer.goal
    assert goal is not None, "there is a goal"
    name = answer.old.stage(goal.stage).display
    wanted = f"{goal.per_week:g} {name} per week"
    rates = {row.value: row.answer.new_per_week for row in answer.rows}
    if goal.between is None:
        yield (
            f"{wanted}: no value of the range brings that; the nearest is {goal.nearest} with "
            f"{rates[goal.nearest]:.1f}. What would:"
        )
        yield from (f"  {sentence}" for sentence in goal.advice)
        return
    low, high = goal.between
    if low == high:
        yield f"{wanted}: ${answer.token} = {low} brings that"
        return
    yield (
        f"{wanted}: between {low} ({rates[low]:.1f}) and {high} ({rates[high]:.1f}); nearest is "
        f"{goal.nearest}"
    )
