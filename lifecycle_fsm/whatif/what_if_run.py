"""Asks a log what a changed model would have made of it, over files or in memory (R51)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import LifecycleError, suggest
from lifecycle_fsm.fields import to_utc
from lifecycle_fsm.garbage import without_cycles
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.parts.file_run import Progress, SpooledParts, settled, spooled_parts
from lifecycle_fsm.parts.spool import LogPart
from lifecycle_fsm.tables import Format, InputMapping, Reject, Targets
from lifecycle_fsm.whatif.part_comparison import PartAnswer, PartComparison, WhatIfQuestion
from lifecycle_fsm.whatif.what_if_results import WhatIf, no_answer, what_if_of
from lifecycle_fsm.zones import find_zone


def _no_progress(what: str, done: float | None) -> None:
    pass


@attrs.frozen(kw_only=True)
class LogSource:
    """Where the activities come from: from files, or from a program.

    Args:
        activities: the activities, in any order; or else
        files: role and path of each file, as ``run_files`` takes them.
        mapping, format, workers, memory: how files are read, and what that may take; see there.
        until: what happened later is left out, and time passes up to then; by default until the
            last new person is sorted.
        reject: called with each row that cannot be used.
        progress: called with what is done.
    """

    activities: Iterable[Activity] | None = None
    files: Sequence[tuple[str, str]] = ()
    mapping: InputMapping | None = None
    format: Format | None = None
    workers: int | None = None
    memory: int | None = None
    until: datetime | None = attrs.field(default=None, converter=attrs.converters.optional(to_utc))
    reject: Callable[[Reject], None] | None = None
    progress: Progress = _no_progress


def what_if(
    old: Model | str | PathLike[str],
    new: Model | str | PathLike[str] | None = None,
    *,
    tokens: Mapping[str, Any] | None = None,
    activities: Iterable[Activity] | None = None,
    files: Sequence[tuple[str, str]] = (),
    stages: Sequence[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    zone: str = "UTC",
    where: object = None,
    map_stages: Mapping[str, str] | None = None,
    names: bool = True,
    capacity: float | None = None,
    capacities: Mapping[str, float] | None = None,
    **source: Any,
) -> WhatIf:
    """What a changed model would have made of a log, as far as the log can tell.

    Both models go over the same activities. The old one is taken for what really happened.

    Args:
        old: the model that the company worked by: a model, the path of one or a shipped one.
        new: the changed model; by default the old one with other ``tokens``.
        tokens: tokens that are changed, by name.
        activities: the log; or else ``files``, as role and path, such as
            ``[("people", "people.csv"), ("activities", "activities.csv")]``.
        files: likewise.
        stages: the stages that are asked about; by default those whose entries change.
        start: only entries from then on.
        end: only entries before then.
        zone: the zone in which weeks begin.
        where: only journeys for which this guard holds; see :func:`.observe`.
        map_stages: the removed stages, each with its replacement, for the first day.
        names: whether every change is listed, with the guard that decides it.
        capacity: how many entries of a stage all assignees together can take on in a week.
        capacities: how many one of them can, by name; see ``StageWhatIf.loads``.
        source: the other arguments of :class:`.LogSource`, such as ``workers`` and ``until``.

    Raises:
        LifecycleError: the models mean the same, or there is no log, no such token or no such
            stage, or the log has no answer for a stage that was asked about.
        FileProblem: a file cannot be read.
    """
    before, after = changed_models(old, new, tokens)
    for name in stages or ():
        if name not in after.by_name:
            before.stage(name)
    question = WhatIfQuestion(
        old=before, changed=(after,), start=_utc(start), end=_utc(end), zone=zone, where=where,
        stages=map_stages or {}, names=names,
    )  # fmt: skip
    (answer,) = ask(question, LogSource(activities=activities, files=files, **source), stages)
    for name in stages or ():
        if name in answer.others:
            raise LifecycleError(no_answer(name, answer))
    return attrs.evolve(answer, capacity=capacity, capacities=dict(capacities or {}))


def plan_change(
    old: Model | str | PathLike[str],
    new: Model | str | PathLike[str] | None = None,
    *,
    tokens: Mapping[str, Any] | None = None,
    map_stages: Mapping[str, str] | None = None,
    **source: Any,
) -> WhatIf:
    """Whose stage would change at once if the model changed at the end of a log.

    The arguments and errors are those of :func:`lifecycle_fsm.what_if`. The result has only
    ``first_day`` and ``problems``: nothing of the past is compared.
    """
    before, after = changed_models(old, new, tokens)
    question = WhatIfQuestion(
        old=before, changed=(after,), stages=map_stages or {}, compare=False, names=False
    )
    (answer,) = ask(question, LogSource(**source))
    return answer


def changed_models(
    old: Model | str | PathLike[str],
    new: Model | str | PathLike[str] | None,
    tokens: Mapping[str, Any] | None,
) -> tuple[Model, Model]:
    """Both models, the changed one with its tokens.

    Raises:
        LifecycleError: the models mean the same, or there is no such token.
    """
    before = old if isinstance(old, Model) else load(old)
    after = before if new is None else new if isinstance(new, Model) else load(new)
    after = with_tokens(after, tokens or {})
    if before.version == after.version:
        raise LifecycleError(
            f"both models mean the same (version {before.version}): change a token, or name a "
            "changed model"
        )
    return before, after


def with_tokens(model: Model, tokens: Mapping[str, Any]) -> Model:
    """The model with other values of some tokens.

    Raises:
        LifecycleError: there is no such token, or the model does not build with the value.
    """
    for name in tokens:
        if name not in model.tokens:
            raise LifecycleError(
                f"the model {model.name!r} has no token {name!r}{suggest(name, model.tokens)}"
            )
    return attrs.evolve(model, tokens={**model.tokens, **tokens}) if tokens else model


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else to_utc(at)


@without_cycles()
def ask(
    question: WhatIfQuestion, source: LogSource, stages: Sequence[str] | None = None
) -> list[WhatIf]:
    """The answer for each changed model; the log is read once.

    Args:
        question: what is asked.
        source: the log.
        stages: the stages to answer for; by default those that change.

    Raises:
        LifecycleError: there is no log, or its last instant is unknown.
    """
    find_zone(question.zone)
    rejects: list[Reject] = []
    reject = source.reject or rejects.append
    if source.activities is not None:
        log = list(source.activities)
        others = {activity.version for activity in log} - {None, question.old.version}
        if others:
            raise LifecycleError(
                f"version {min(map(str, others))} of the model applied this log, which is not the "
                f"old model ({question.old.version}): compare with the model that people worked by"
            )
        end = source.until or _end((activity.at for activity in log), question)
        comparison = PartComparison(question, [log] * (len(question.changed) + 1), end)
        totals = comparison.answers(_engines(question))
        rejected = 0
    elif source.files:
        totals, end, rejected = _of_files(question, source, reject)
    else:
        raise LifecycleError("there is no log: give activities, or files")
    return [
        what_if_of(question, model, answer, end, rejected, stages)
        for model, answer in zip(question.changed, totals, strict=True)
    ]


def _end(times: Iterable[datetime], question: WhatIfQuestion) -> datetime:
    last = max(times, default=None)
    if last is None:
        raise LifecycleError("the log has no activities: there is nothing to compare")
    return max(settled(last, model) for model in (question.old, *question.changed))


def _of_files(
    question: WhatIfQuestion, source: LogSource, reject: Callable[[Reject], None]
) -> tuple[list[PartAnswer], datetime, int]:
    """The answers, the end of the log, and how many rows could not be used.

    Models whose fields or activities differ read the same files each in their own way.
    """
    models = (question.old, *question.changed)
    readers: dict[int, int] = {}  # the place of each model, by the first one that reads alike
    targets = [Targets.of(model) for model in models]
    for place, target in enumerate(targets):
        readers[place] = targets.index(target)
    with ExitStack() as exits:
        spooled: dict[int, SpooledParts] = {}
        for place in sorted(set(readers.values())):
            folder = TemporaryDirectory(prefix="lifecycle-fsm-", ignore_cleanup_errors=True)
            spooled[place] = exits.enter_context(
                spooled_parts(
                    models[place], source.files, Path(exits.enter_context(folder)),
                    mapping=source.mapping, format=source.format, workers=source.workers,
                    memory=source.memory, weight=2, progress=source.progress,
                    reject=reject if place == 0 else _ignore,
                    parts=len(spooled[0].parts) if spooled else None,
                )
            )  # fmt: skip
            if sorted(spooled[place].pairs) != sorted(spooled[0].pairs):
                raise LifecycleError(
                    "the models read different merges in these files: compare models whose "
                    "activities have the same kinds"
                )
        ends = [files.end for files in spooled.values() if files.end is not None]
        end = source.until or _end(ends, question)
        first = spooled[0]
        work = [
            _PartWork(
                question, tuple(spooled[readers[place]].parts[part] for place in readers), end
            )
            for part in range(len(first.parts))
        ]
        totals = [PartAnswer() for _ in question.changed]
        for done, answers in enumerate(first.map(_answer, work), 1):
            for place, answer in enumerate(answers):
                totals[place] += answer
            source.progress("comparing", done / len(work))
        return totals, end, sum(report.rejected for report in first.reports)


def _ignore(reject: Reject) -> None:
    """It was told when the old model read the row, or only the changed one cannot use it."""


@attrs.frozen
class _PartWork:
    """A part of a log, as each model reads it, and what is asked of it."""

    question: WhatIfQuestion
    parts: tuple[LogPart, ...]
    end: datetime


_compiled: dict[tuple[str, ...], list[Engine]] = {}


@without_cycles()
def _answer(work: _PartWork) -> list[PartAnswer]:
    """The answers of a part, in this process."""
    read = {part: [activity for activity, _ in part.read()] for part in set(work.parts)}
    logs = [read[part] for part in work.parts]
    return PartComparison(work.question, logs, work.end).answers(_engines(work.question))


def _engines(question: WhatIfQuestion) -> list[Engine]:
    """The compiled models; those of the last question are kept for its other parts."""
    models = (question.old, *question.changed)
    key = tuple(model.version for model in models)
    if key not in _compiled:
        _compiled.clear()
        _compiled[key] = [Engine(model) for model in models]
    return _compiled[key]
