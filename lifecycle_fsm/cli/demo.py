"""``lifecycle-fsm demo``: a made-up company, run through the shipped waterfall."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import groupby, pairwise, zip_longest
from operator import attrgetter
from pathlib import Path
from typing import Annotated

import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model, read_size
from lifecycle_fsm.cli.console import print_json, progress
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.cli.run_outcome import RunOutcome, RunOutput, run_into
from lifecycle_fsm.demo import company
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.files import write_file
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model, shipped_text
from lifecycle_fsm.tables import OutputFolder, open_deadlines, open_history
from lifecycle_fsm.wording import counted, duration

_MODEL = "waterfall"


def demo(
    out: Annotated[str, option("DIR", "The folder that is made.")] = "lifecycle-demo",
    people: Annotated[int, typer.Option(min=1, max=200_000, help="How many people.")] = 5_000,
    seed: Annotated[int, flag("Another number, another company.")] = 1,
    workers: options.Workers = None,
    memory: options.Memory = None,
    csv: options.Csv = None,
    pictures: options.Pictures = True,
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    r"""Make up a company and run two years of it through the model `waterfall`.

    ```sh
    lifecycle-fsm demo
    lifecycle-fsm demo --people 500 --seed 7 --out small-demo
    ```

    The folder has what `run` writes, and in `input` all that it was made from, to run again,
    yourself: people, activities, a table of companies for the step `enrich`, and the model that
    looks into it. Change a number in `lifecycle.toml`, and see what becomes of the funnel:

    ```sh
    cd lifecycle-demo/input
    lifecycle-fsm run lifecycle.toml --people people.csv \
        --activities activities.csv --out ../../what-if
    ```

    At the end it names people with a story, for `explain`.
    """
    limit = read_size("--memory", memory)
    with ExitStack() as exits:
        folder = exits.enter_context(OutputFolder(out, force=force))
        output = RunOutput(folder, pictures=pictures, csv=csv)
        shipped = load_model(_MODEL)
        output.check(shipped)
        bar = exits.enter_context(progress())
        invented = company.invent(people, seed, bar=bar).with_processing(shipped)
        source = folder.file("input")
        company.write(invented, source)
        del invented
        write_file(
            source / company.MODEL, company.with_money(company.with_table(shipped_text(_MODEL)))
        )
        inputs = [(role, str(source / name)) for role, name in company.INPUTS.items()]
        outcome = run_into(
            output, load_model(str(source / company.MODEL)), inputs, reject=output.rejects.add,
            workers=workers, memory=limit, bar=bar, shown=lambda path: f"input/{Path(path).name}",
        )  # fmt: skip
        stories = _stories(folder, outcome.model)
    output.tell_only_parquet()
    if json:
        print_json(outcome.as_dict())
        return
    print(_summary_text(outcome, people))
    print(_what_next(stories, out, pictures=pictures))


# ------------------------------------------------------------------ tour
#
# What the demo says at its end: the funnel in words, who has a story, and what to try next.


def _summary_text(outcome: RunOutcome, people: int) -> str:
    """The funnel as one would tell it."""
    counts, model, result = outcome.counts, outcome.model, outcome.run.result
    first, last = result.first, result.latest[0][0]
    rows = []
    for stage, after in zip_longest(model.path[1:], model.path[2:]):
        share = counts.conversion[stage.name, after.name].share if after is not None else None
        stay = counts.median_stay.get(stage.name) if after is not None else None
        rows.append([
            stage.display,
            stage.label,
            f"{counts.entered.get(stage.name, 0):,}",
            "" if share is None else f"{share * 100:.0f} of 100 become {after.display}",
            "" if stay is None else f"half left after {duration(stay)}",
            f"{counts.people.get(stage.name, 0):,} now",
        ])  # fmt: skip
    beside = (
        f"{counted(counts.entered.get(stage.name, 0), 'time')} {stage.display} "
        f"({counts.people.get(stage.name, 0):,} now)"
        for stage in model.stages
        if stage.off_path
    )
    lines = [
        f"{counted(people, 'person', 'people')} at a made-up company, "
        f"{counted(result.applied, 'activity', 'activities')}, {first:%Y-%m-%d} to {last:%Y-%m-%d}",
        "",
        f"The funnel (model {model.name}; of the journeys that entered a stage, how many then "
        "entered the next)",
        lined_up(rows, right=(2, 5)),
        f"  beside it: {', '.join(beside)}",
    ]
    if outcome.missed:
        lines.append(f"  missed deadlines: {outcome.missed}")
    return "\n".join(lines)


def _stories(folder: OutputFolder, model: Model) -> list[tuple[str, str]]:
    """A person for each kind of story that there is, with what to see there."""
    facts = open_deadlines(folder.file("deadlines.parquet"))
    late = {fact.person for fact in facts if fact.outcome == "missed"}
    best: dict[str, tuple[int, str]] = {}
    history = open_history(folder.file("history.parquet"), dimensions=model.field_types)
    for person, hops in groupby(history, key=attrgetter("person")):
        rows = [*hops]
        for name, rate in _STORIES.items():
            worth = rate(rows) if name != _TOO_LATE or person in late else 0
            # The best one, and of equal ones the first.
            if worth > best.get(name, (0, ""))[0]:
                best[name] = (worth, person)
    stories: dict[str, str] = {}
    for name in _STORIES:
        if name in best:
            stories.setdefault(best[name][1], name)
    return list(stories.items())


def _what_next(stories: Sequence[tuple[str, str]], out: str, *, pictures: bool) -> str:
    """What to open, whom to look at, and which commands to try."""
    files = f"--people {company.PEOPLE} --activities {company.ACTIVITIES}"
    read = f"read {out}/summary.txt"
    lines = ["", f"open {out}/funnel.svg, and {read}" if pictures else read, ""]
    if stories:
        lines += ["People with a story:", lined_up(stories), ""]
    lines += ["Then try:", f"  cd {out}/input"]
    if stories:
        lines.append(f"  lifecycle-fsm explain {company.MODEL} {stories[0][0]} {files}")
    lines += [
        f"  lifecycle-fsm funnel ../history.parquet --model {company.MODEL} --by source",
        f"  lifecycle-fsm sheet {company.MODEL} --history ../history.parquet --out ../sheet.html",
        "",
        f"Change a number in {company.MODEL}, and see what becomes of the funnel:",
        f"  lifecycle-fsm run {company.MODEL} {files} --out ../../what-if",
    ]
    return "\n".join(lines)


# What a story is worth telling of a person with this history; 0 if it is not theirs.


def _rules(rows: Iterable[HistoryRow]) -> set[str]:
    return {row.rule for row in rows}


def _came_back(rows: Sequence[HistoryRow]) -> int:
    """Was lost or given back, and won in a later journey."""
    won = [row.journey for row in rows if row.to_stage == "customer" and row.credit]
    return won[0] if won and won[0] > 1 else 0


def _merged(rows: Sequence[HistoryRow]) -> int:
    merge = [row for row in rows if row.kind == "merge" and row.to_stage]
    return sum(1 + (row.from_stage != row.to_stage) for row in merge)


def _hurried(rows: Sequence[HistoryRow]) -> int:
    rules = _rules(rows)
    return ("sorted_by_hand_raise" in rules) * (1 + ("closed_won" in rules))


def _paid_bills(rows: Sequence[HistoryRow]) -> int:
    return ("became_prospect" in _rules(rows)) * len(rows)


def _waited(rows: Sequence[HistoryRow]) -> int:
    """Minutes until sales accepted, at most two weeks: who was forgotten has no story."""
    waits = [
        int((after.now - row.now).total_seconds() // 60)
        for row, after in pairwise(rows)
        if row.to_stage == "mql" and after.rule == "accepted"
    ]
    return max((wait for wait in waits if wait < 14 * 1440), default=0)


_TOO_LATE = "waited for sales, which missed its deadline"
_STORIES: dict[str, Callable[[Sequence[HistoryRow]], int]] = {
    "was given back, came back, and bought in the end": _came_back,
    _TOO_LATE: _waited,
    "had two records, which were merged into one": _merged,
    "asked for a demo before processing was over": _hurried,
    "paid invoices, and became a prospect": _paid_bills,
}
