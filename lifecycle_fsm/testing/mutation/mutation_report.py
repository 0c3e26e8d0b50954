"""The results of the mutants: counts, the score, the missing tests; as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.model import Model, shipped, toml_files
from lifecycle_fsm.model.toml_files import KeyPath, lines_of
from lifecycle_fsm.testing.mutation.runner import Ending
from lifecycle_fsm.testing.mutation.trials import Trial
from lifecycle_fsm.testing.mutation.witness import missing_test
from lifecycle_fsm.wording import decimal_percent

# ------------------------------------------------------------------ origin
#
# The source of a model's text, so that a mutant can be reported with its line.


@attrs.frozen
class Origin:
    """The source of a model; empty if a program made the model.

    Args:
        source: how to load it: the name of a shipped one, or a path.
        name: the name of its file, for people.
        lines: the line of each place in the text.
    """

    source: str = ""
    name: str = ""
    lines: Mapping[KeyPath, int] = attrs.field(factory=dict, repr=False)

    def place(self, path: KeyPath) -> str:
        """File and line of a place, or of the nearest place around it; empty without a text."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines[path]}" if path else ""


class Origins:
    """Remembers every text from which a model is read while it is active.

    Args:
        root: paths are shown relative to this folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._recall = False
        self._models: dict[tuple[str, str, str], Model] = {}
        self._loads: Callable[..., Model] = toml_files.loads

    def start(self, *, recall: bool = False) -> None:
        """Start listening, or, with ``recall``, return the model that was read before from the same
        text: models never change, and reading one takes longer than most tests."""
        self._recall = recall
        toml_files.loads = self._read

    def stop(self) -> None:
        """Read models as usual again."""
        toml_files.loads = self._loads

    def _read(self, text: str, name: str = "", folder: str = "") -> Model:
        known = self._models.get((text, name, folder)) if self._recall else None
        if known is not None:
            return known
        model = self._loads(text, name, folder)
        if not self._recall:
            self._models[text, name, folder] = model
        return model

    def of(self, model: Model) -> Origin:
        """The source of the model."""
        for (text, name, _), known in self._models.items():
            if name and known.version == model.version:
                return self._origin(text, name)
        return Origin()

    def _origin(self, text: str, name: str) -> Origin:
        stem = name.removesuffix(".toml")
        if stem in shipped():
            return Origin(stem, name, lines_of(text))
        path = Path(name)
        if path.is_absolute() and path.is_relative_to(self._root):
            name = path.relative_to(self._root).as_posix()
        return Origin(name, name, lines_of(text))


# ------------------------------------------------------------------ report


#: How many survivors are shown with their missing tests; the JSON has all of them.
SHOWN = 20


@attrs.frozen
class MutationReport:
    """The results of the tests against the mutants of one model.

    Args:
        model: the model.
        origin: the source of its text, for names and lines.
        trials: the result of each mutant.
        names: the names of the tests, by index.
        unfit: tests that do not pass twice in one process, by index, and how they ended.
        seconds: how long it took, without the first run of the tests.
        failing: how many tests failed with the model itself and were left out.
    """

    model: Model
    origin: Origin
    trials: tuple[Trial, ...]
    names: tuple[str, ...]
    unfit: Mapping[int, Ending]
    seconds: float
    failing: int

    @property
    def counts(self) -> Counter[str]:
        """How many mutants had each fate."""
        return Counter(trial.fate for trial in self.trials)

    @property
    def score(self) -> float | None:
        """The percentage killed, of the mutants that were run or that no test touches; None if
        there were none. Mutants proved equivalent do not count, undecided ones do."""
        return score([self])

    @property
    def alive(self) -> tuple[Trial, ...]:
        """The mutants that no test noticed, beginning with those that tests do evaluate."""
        alive = [trial for trial in self.trials if trial.fate in ("survived", "untouched")]
        return tuple(sorted(alive, key=lambda trial: trial.fate))

    def line(self, trial: Trial) -> str:
        """Where the change would be made: file and line, if the model has a text."""
        return self.origin.place(trial.mutant.change.path)

    def test_for(self, trial: Trial) -> str:
        """The missing test as code, if there is one."""
        return missing_test(self.model, trial.mutant, trial.verdict, self.origin.source)

    # ------------------------------------------------------------------ as text

    def text(self) -> Iterator[str]:
        """The lines of the summary in a terminal."""
        yield self.summary()
        for place, ending in sorted(self.unfit.items()):
            how = {"timeout": "runs for ever", "died": "ends the process"}.get(ending, "fails")
            yield (
                f"left out, because it {how} when it is run a second time in one process: "
                f"{self.names[place]}"
            )
        if self.failing:
            yield f"left out, because they fail with the model itself: {self.failing} tests"
        for trial in self.alive[:SHOWN]:
            yield ""
            yield from self._of(trial)
        if len(self.alive) > SHOWN:
            yield ""
            yield (
                f"and {len(self.alive) - SHOWN} more: --lifecycle-mutate-report json:FILE has all"
            )

    def summary(self) -> str:
        """The counts and the score in one line."""
        counts = self.counts
        late = sum(trial.ending == "timeout" for trial in self.trials)
        undecided = sum(trial.undecided for trial in self.alive)
        parts = [f"{counts['killed']} killed" + (f" ({late} ran for too long)" if late else "")]
        if counts["survived"]:
            parts.append(f"{counts['survived']} survived")
        if counts["untouched"]:
            parts.append(f"{counts['untouched']} that no test touches")
        if undecided:
            parts.append(f"{undecided} of these not decided, perhaps equivalent")
        if counts["equivalent"]:
            parts.append(f"{counts['equivalent']} equivalent (proved)")
        if counts["not_run"]:
            parts.append(f"{counts['not_run']} not run: interrupted")
        share = "" if self.score is None else f"; score {percent(self.score)}"
        return (
            f"{self.model.name} {self.model.version}: {len(self.trials)} mutants in "
            f"{self.seconds:.1f} s: {', '.join(parts)}{share}"
        )

    def _of(self, trial: Trial) -> Iterator[str]:
        change = trial.mutant.change
        where = f"{line}: " if (line := self.line(trial)) else ""
        yield f"{where}{change.where}: {change.kind}"
        yield f"  - {change.before}"
        yield f"  + {change.after}"
        if trial.fate == "untouched":
            asked = "No test asks it."
        elif trial.touching == 1:
            asked = "1 test asks it, and does not notice."
        else:
            asked = f"{trial.touching} tests ask it, and none notices."
        if trial.undecided:
            yield f"  {asked} Not decided whether anybody could: {trial.verdict.reason}."
            return
        code = self.test_for(trial)
        if not code:
            who = dict(trial.verdict.answer.person) | dict(trial.verdict.answer.assumed)
            yield f"  {asked} Somebody who would tell them apart: {who}"
            return
        yield f"  {asked} This one would:"
        yield ""
        yield from (f"    {line}".rstrip() for line in code.splitlines())

    # ------------------------------------------------------------------ as JSON

    def to_json(self) -> dict[str, Any]:
        """The report as dicts, lists, texts and numbers."""
        return {
            "model": self.model.name,
            "version": self.model.version,
            "score": self.score,
            "seconds": round(self.seconds, 3),
            "counts": dict(sorted(self.counts.items())),
            "left_out": {self.names[place]: ending for place, ending in self.unfit.items()},
            "failing": self.failing,
            "mutants": [self._trial_json(trial) for trial in self.trials],
        }

    def _trial_json(self, trial: Trial) -> dict[str, Any]:
        change = trial.mutant.change
        alive = trial.fate in ("survived", "untouched")
        values = {
            "id": trial.mutant.id,
            "kind": change.kind,
            "where": change.where,
            "place": self.line(trial),
            "before": change.before,
            "after": change.after,
            "fate": trial.fate,
            "tests": trial.touching,
            "by": None if trial.by is None else self.names[trial.by],
            "ending": trial.ending,
            "not_decided": trial.verdict.reason if trial.undecided else None,
            "missing_test": (self.test_for(trial) or None) if alive else None,
        }
        return {name: value for name, value in values.items() if value not in (None, "")}


def score(reports: list[MutationReport]) -> float | None:
    """The percentage of all mutants that were killed; None if there were none."""
    counts = sum((report.counts for report in reports), Counter[str]())
    tried = counts["killed"] + counts["survived"] + counts["untouched"]
    return 100 * counts["killed"] / tried if tried else None


def percent(share: float) -> str:
    """A percentage for people; never rounded up to 100."""
    return "100 %" if share == 100 else decimal_percent(min(share, 99.9))
