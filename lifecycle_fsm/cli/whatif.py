"""``lifecycle-fsm whatif``: what a changed model would have made of the past, with names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.activity_log import FormatOption
from lifecycle_fsm.cli.arguments import (
    folder_for,
    inputs_of,
    keep_inputs,
    load_model,
    read_size,
    read_time,
)
from lifecycle_fsm.cli.console import Bar, complain, print_json, progress
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.left_over import FirstRejects, tell_rejected
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.errors import FileProblem, LifecycleError, suggest
from lifecycle_fsm.files import write_file
from lifecycle_fsm.model import Model
from lifecycle_fsm.report import ENDINGS, is_report, save_report
from lifecycle_fsm.tables import Column, ColumnType, TableWriter, load_mapping
from lifecycle_fsm.whatif import EntryChange, WhatIf, what_if
from lifecycle_fsm.whatif.what_if_run import with_tokens
from lifecycle_fsm.zones import find_zone

SetOption = Annotated[
    list[str] | None,
    option("TOKEN=VALUE", "Change a token, such as `mql_threshold=50`; can be repeated.", "--set"),
]
NewModel = Annotated[
    str | None, typer.Argument(metavar="[NEW]", help="The changed model. [default: OLD with --set]")
]
MapOption = Annotated[
    list[str] | None,
    option("OLD=NEW", "A stage that NEW lacks, and the one that replaces it; can be repeated."),
]
_Stages = Annotated[
    list[str] | None,
    option(
        "STAGE", "Answer for this one; can be repeated. [default: those that change]", "--stage"
    ),
]
_CapacityOption = Annotated[
    list[str] | None,
    option(
        "[NAME=]N/week",
        "How many entries sales can take on, such as `40/week`, or one assignee, such as "
        "`Ann Example=10/week`; can be repeated.",
        "--capacity",
    ),
]
_RangeOption = Annotated[
    str | None, option("TOKEN=A:B[:STEP]", "Ask for several values, such as 40:90:5.", "--range")
]
_GoalOption = Annotated[
    str | None,
    option("GOAL", "With --range: which value brings `mql per week = 40`.", "--goal"),
]
_Start = Annotated[str | None, option("TIME", "Entries from then on.", "--from")]
_End = Annotated[str | None, option("TIME", "Entries before then.", "--to")]
_Until = Annotated[
    str | None,
    option(
        "TIME", "Leave out what happened later. [default: the last row of the files]", "--until"
    ),
]
_Zone = Annotated[str, flag("Weeks begin in this zone, and times are of it.", "--zone")]
_Out = Annotated[
    str | None,
    option(
        "FILE",
        "Write everybody who changes as .csv or .parquet, a range as .svg; both as .xlsx, .html or "
        ".pptx.",
        "--out",
    ),
]
_CAPACITY = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*week")
_RANGE = re.compile(r"(\w+)=(-?[\d.]+):(-?[\d.]+)(?::([\d.]+))?")
_GOAL = re.compile(r"(\w+) per week\s*=\s*(\d+(?:\.\d+)?)")

_TABLES, _PICTURES = (".csv", ".parquet"), (".svg",)


def whatif(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The model that people worked by.")],
    new: NewModel = None,
    set_: SetOption = None,
    people: options.People = None,
    activities: options.Activities = None,
    mapping: options.Mapping = None,
    format: FormatOption = None,
    stage: _Stages = None,
    capacity: _CapacityOption = None,
    range_: _RangeOption = None,
    goal: _GoalOption = None,
    start: _Start = None,
    end: _End = None,
    until: _Until = None,
    zone: _Zone = "UTC",
    where: options.Where = None,
    map: MapOption = None,
    out: _Out = None,
    allow_rejected: options.AllowRejected = False,
    allow_tables: options.Tables = None,
    workers: options.Workers = None,
    memory: options.Memory = None,
    json: options.Json = False,
) -> int:
    r"""Compare what a changed model would have made of the past, with names.

    ```sh
    lifecycle-fsm whatif lifecycle.toml --set mql_threshold=80 --people people.csv \
        --activities activities.csv --capacity 40/week --capacity "sdr.south=10/week"
    lifecycle-fsm whatif old.toml new.toml --people people.csv \
        --activities activities.csv --out changes.csv
    lifecycle-fsm whatif lifecycle.toml --range mql_threshold=40:90:5 \
        --goal "mql per week = 20" --people people.csv \
        --activities activities.csv --out threshold.svg
    ```

    Both models go over the same log, and OLD is taken for what really happened. The answer is who
    enters a stage in one history only, or earlier or later, when, and which part of a guard decides
    it. What people would have done after that is not in a log: there is no conversion of the
    changed model here, but what really became of these people, and the size of a test that would
    tell the rest.
    """
    from lifecycle_fsm.cli.whatif_tables import as_text, range_text

    inputs, local = inputs_of(people, activities), find_zone(zone)
    keep_inputs(out, old, new, mapping, *(path for _, path in inputs))
    check_suffix(out, (*(_TABLES if range_ is None else _PICTURES), *ENDINGS))
    limit, limits = _capacities(capacity, named=range_ is None)
    before = load_model(old, allow_tables)
    changed = load_model(new, allow_tables) if new is not None else None
    tokens = read_tokens(set_)
    window: dict[str, Any] = {
        "start": read_time("--from", start, local), "end": read_time("--to", end, local),
        "until": read_time("--until", until, local), "zone": zone, "where": where,
    }  # fmt: skip
    rejects = FirstRejects()
    with progress() as bar:
        source = window | file_source(inputs, mapping, format, workers, memory, rejects, bar)
        if range_ is not None:
            answer: Any = _range(before, changed, range_, goal, tokens, stage, source)
        elif goal is not None:
            raise LifecycleError("--goal needs --range: which token, from where to where")
        else:
            answer = what_if(
                before, changed, tokens=tokens, stages=stage, map_stages=read_stages(map),
                capacity=limit, capacities=limits, **source,
            )  # fmt: skip
    if json:
        print_json(answer.as_dict())
    else:
        print(as_text(answer) if isinstance(answer, WhatIf) else range_text(answer, limit))
    if out is not None:
        _save(answer, limit, out)
        if not json:
            print(f"\nwritten: {out}")
    if limits:
        _warn_of_unassigned(answer)
    rejected = tell_rejected(answer.rejected, rejects.first, allowed=allow_rejected)
    return REJECTED if rejected else 0


def _warn_of_unassigned(answer: WhatIf) -> None:
    for name in sorted({*answer.capacities} - {*answer.assignees}):
        near = suggest(name, answer.assignees)
        complain(f"warning: --capacity: nobody has the assignee {name!r}{near}")


def file_source(
    inputs: Sequence[tuple[str, str]],
    mapping: str | None,
    format: Any,
    workers: int | None,
    memory: str | None,
    rejects: FirstRejects,
    bar: Bar,
) -> dict[str, Any]:
    """The files of a command line, as :class:`~lifecycle_fsm.whatif.LogSource` takes them."""
    return {
        "files": inputs,
        "mapping": None if mapping is None else load_mapping(mapping),
        "format": format,
        "workers": workers,
        "memory": read_size("--memory", memory),
        "reject": rejects,
        "progress": bar,
    }


def check_suffix(out: str | None, suffixes: Sequence[str]) -> None:
    """Refuse an output file of another kind before anything is run.

    Raises:
        FileProblem: it is of another kind.
    """
    if out is not None and Path(out).suffix.lower() not in suffixes:
        raise FileProblem(f"{out}: this is written as {' or '.join(suffixes)}")


def read_tokens(texts: Sequence[str] | None) -> dict[str, Any]:
    """The tokens of ``--set``; a value is read as in TOML, and any other text as text.

    Raises:
        LifecycleError: a text is not of the form ``TOKEN=VALUE``.
    """
    tokens = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise LifecycleError(f"--set: {text!r} is no token: write mql_threshold=50")
        try:
            tokens[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            tokens[name.strip()] = value.strip()
    return tokens


def read_stages(texts: Sequence[str] | None) -> dict[str, str]:
    """The stages of ``--map``.

    Raises:
        LifecycleError: a text is not of the form ``OLD=NEW``.
    """
    stages = {}
    for text in texts or ():
        old, equals, new = (part.strip() for part in text.partition("="))
        if not (old and equals and new):
            raise LifecycleError(f"--map: {text!r} is not two stages: write lead=prospect")
        stages[old] = new
    return stages


def _capacities(
    texts: Sequence[str] | None, *, named: bool
) -> tuple[float | None, dict[str, float]]:
    """The capacity of all, if it was said, and those of assignees, if they may be ``named``.

    Raises:
        LifecycleError: a text is no capacity, or one is given twice.
    """
    limits: dict[str, float] = {}
    for text in texts or ():
        name, equals, rate = (part.strip() for part in text.rpartition("="))
        match = _CAPACITY.fullmatch(rate)
        if match is None or (equals and not name):
            raise LifecycleError(
                f"--capacity: {text!r} is no capacity: write it as 40/week, or for one assignee as "
                "'Ann Example=10/week'"
            )
        if name in limits:
            whose = f"{name!r}" if name else "all assignees"
            raise LifecycleError(f"--capacity: there are two for {whose}: give one")
        if name and not named:
            raise LifecycleError(f"--capacity: --range asks for all assignees: leave {name!r} out")
        limits[name] = float(match[1])
    return limits.pop("", None), limits


def _range(
    before: Model,
    changed: Model | None,
    text: str,
    goal: str | None,
    tokens: dict[str, Any],
    stages: list[str] | None,
    source: dict[str, Any],
) -> Any:
    """The answer for a range of values."""
    from lifecycle_fsm.whatif.token_range import what_if_range

    if changed is not None:
        raise LifecycleError("--range changes a token of OLD: leave NEW out")
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise LifecycleError(f"--range: {text!r} is no range: write mql_threshold=40:90:5")
    with_tokens(before, {match[1]: before.tokens.get(match[1])})  # there is such a token
    wanted = None if goal is None else _GOAL.fullmatch(goal.strip())
    if goal is not None and wanted is None:
        raise LifecycleError(f"--goal: {goal!r} is no goal: write 'mql per week = 40'")
    stage = wanted[1] if wanted else stages[0] if stages else None
    return what_if_range(
        before, match[1], _values(*match.groups()[1:]), stage=stage, tokens=tokens,
        goal=float(wanted[2]) if wanted else None, **source,
    )  # fmt: skip


def _values(first: str, last: str, step: str | None) -> list[int | float]:
    """The values of a range, both ends included; whole numbers if all three are."""
    numbers = [float(text) for text in (first, last, step or "1")]
    low, high, by = numbers
    if by <= 0 or high < low:
        raise LifecycleError(f"--range: from {first} to {last} in steps of {by:g} is nothing")
    count = int((high - low) / by + 1e-9) + 1
    whole = all(number.is_integer() for number in numbers)
    values = (low + place * by for place in range(min(count, 1_000)))
    return [int(value) if whole else round(value, 10) for value in values]


def _save(answer: Any, capacity: float | None, out: str) -> None:
    from lifecycle_fsm.whatif.what_if_report import range_report, range_svg, what_if_report

    if is_report(out):
        whole = isinstance(answer, WhatIf)
        save_report(what_if_report(answer) if whole else range_report(answer, capacity), out)
        return
    with folder_for(out):
        if isinstance(answer, WhatIf):
            times: dict[str, ColumnType] = {"old_at": "datetime", "new_at": "datetime"}
            columns = [
                Column[EntryChange](name, times.get(name, "str"), name)
                for name in attrs.fields_dict(EntryChange)
            ]
            TableWriter(columns, answer.changes).save(out)
        else:
            write_file(out, range_svg(answer, capacity))
