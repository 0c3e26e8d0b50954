"""What an installation can do, and what it says of the parts that it does not have.

The Python of a fresh environment runs this file, with the extras that were installed::

    python -I tests/release/smoke.py [EXTRA ...]

It works in the folder where it is started, which has in ``out`` what the command ``run`` wrote
elsewhere, unless this installation can write it itself. Every feature below must work where its
extras are here. Where one is missing it must end in one sentence that names the package and the
extra that brings it, and in nothing else.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lifecycle_fsm import (
    Activity,
    Engine,
    Lifecycle,
    MissingExtra,
    check,
    dumps,
    load,
    loads,
    parse_guard,
)
from lifecycle_fsm.model import shipped_text

DISTRIBUTION = "lifecycle-fsm"
SENTENCE = re.compile(
    r"(?:error: )?\S.* needs [\w-]+, which is not installed: "
    r"pip install 'lifecycle-fsm\[(\w+)\]'\n?"
)
MONDAY = "2024-06-03T09:00:00Z"

#: A working calendar with public holidays, for the smallest model.
CALENDAR = """
[calendars.office]
zone = "Europe/Vienna"
holidays = "AT"

[[deadlines]]
name = "called"
stage = "contact"
after = "2 days"
calendar = "office"
"""

#: A promise about the waterfall that no trying of values decides.
CLAIM = """
[[claims]]
name = "cooled"
entering = "recycled"
by = "moves"
always = "behavior_score < $mql_threshold"
given = "$mql_threshold >= 1"
"""

SUITE = """
import pytest
from hypothesis import given

from lifecycle_fsm.testing import people


@pytest.mark.lifecycle_model("two_step")
def test_thirty_points_are_enough(person_in, assert_moves, assert_stays):
    assert_stays(person_in("contact", behavior_score=29))
    assert_moves(person_in("contact", behavior_score=30), to="lead", by="interested")


@given(person=people("two_step"))
def test_everybody_is_in_a_stage(person):
    assert person.stage
"""


@dataclass(frozen=True)
class Feature:
    """Something that an installation can do, with the extras that it takes."""

    name: str
    needs: frozenset[str]
    use: Callable[[], str]
    """Uses it, and gives nothing, or the sentence by which it was refused."""


# --- The package ------------------------------------------------------------------------------


def run_a_lifecycle() -> None:
    """The machine, guards, stories, proofs and the TOML of a model."""
    lifecycle = Lifecycle("two_step")
    assert lifecycle.admit("ann", at=MONDAY).stage == "contact"
    lifecycle.apply("ann", "score_given", at="2024-06-04T09:00Z", points=29)
    assert lifecycle.person("ann").stage == "contact"
    lifecycle.apply("ann", "score_given", at="2024-06-05T09:00Z", points=1)
    assert [row.rule for row in lifecycle.person("ann").history][-1] == "interested"
    (bought,) = (move for move in lifecycle.explain("ann") if move.move == "bought")
    assert [str(condition) for condition in bought.unmet] == ["✗ won opportunities ≥ 1 (it is 0)"]
    assert "Customer" in lifecycle.draw().dot
    assert not check(lifecycle.model)
    assert loads(dumps(lifecycle.model)) == lifecycle.model
    assert str(parse_guard("behavior_score >= 30 and not hand_raised"))


def draw_a_picture() -> None:
    drawing = Lifecycle("two_step").draw()
    assert "Has bought" in drawing.svg()
    assert drawing.png().startswith(b"\x89PNG")
    assert drawing.pdf().startswith(b"%PDF")


def make_a_slide() -> None:
    assert Lifecycle("two_step").draw().pptx().startswith(b"PK")


def write_a_workbook() -> None:
    from lifecycle_fsm.funnel import count, measure
    from lifecycle_fsm.report import ReportChapter, make_report
    from lifecycle_fsm.report.workbook import write_workbook

    model = load("two_step")
    chapter = ReportChapter(
        measured=measure([], model, measures=["flows"]), counts=count([], model)
    )
    assert write_workbook(make_report(model, [chapter])).startswith(b"PK")


def clean_a_record() -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at=MONDAY, email=" Ann@ACME.Example ", job_title="VP Sales")
    assert (ann.email, ann.stage) == ("Ann@acme.example", "mal")


def keep_a_holiday() -> None:
    due = []
    for calendar in (CALENDAR, CALENDAR.replace('holidays = "AT"', "")):
        lifecycle = Lifecycle(loads(shipped_text("two_step") + calendar))
        lifecycle.admit("ann", at="2024-05-01T00:00Z")  # Labour Day
        due.append(lifecycle.next_due("ann"))
    with_holidays, without = due
    assert with_holidays is not None
    assert without is not None
    assert with_holidays > without


def measure_times() -> None:
    from lifecycle_fsm.funnel import observe, stays

    lifecycle = Lifecycle("two_step")
    lifecycle.admit("ann", at=MONDAY)
    lifecycle.apply("ann", "score_given", at="2024-06-04T09:00Z", points=30)
    rows = stays(observe(lifecycle.history, lifecycle.model))
    assert {row.stage for row in rows} >= {"contact", "lead"}


def read_parquet() -> None:
    from lifecycle_fsm.tables import read_history

    rows = list(read_history("out/history.csv"))
    assert rows
    assert list(read_history("out/history.parquet")) == rows


def keep_people_in_a_database() -> None:
    from lifecycle_fsm.store import Store

    engine = Engine(load("two_step"))
    Store(engine, "sqlite:///people.db").apply(Activity("c-1", "ann", "created", MONDAY))
    lifecycle = Store(engine, "sqlite:///people.db").lifecycle("ann")
    assert lifecycle.person("ann").stage == "new"


def write_a_sheet() -> None:
    from lifecycle_fsm.sheet import make_sheet

    assert "Two steps to a customer" in make_sheet(load("two_step")).html()


def ask_the_solver() -> None:
    assert not check(load("two_step"), prover="z3")


def make_people_up() -> None:
    from lifecycle_fsm.testing import people

    assert people("two_step") is not None


def run_a_suite() -> None:
    """The pytest plugin, as another project's suite finds it."""
    make_people_up()
    Path("test_guards.py").write_text(SUITE, "utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-m", "pytest", "-q", "test_guards.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def find_spark() -> None:
    """Where Spark is; it is run elsewhere."""
    import lifecycle_fsm.spark  # noqa: F401


def in_this_process(function: Callable[[], None], *needs: str) -> Feature:
    """A feature of the package; a missing extra is an exception."""

    def use() -> str:
        try:
            function()
        except MissingExtra as error:
            return str(error)
        return ""

    return Feature(function.__name__, frozenset(needs), use)


# --- The command line -------------------------------------------------------------------------


def command(line: str, *needs: str, status: int = 0) -> Feature:
    """A feature of the command line; a missing extra is a line on the standard error."""

    def use() -> str:
        program = Path(sys.executable).with_name(DISTRIBUTION)
        done = subprocess.run(
            [str(program), *shlex.split(line)], capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        if done.returncode == 2:
            assert not done.stdout, done.stdout
            return done.stderr
        assert done.returncode == status, f"ended with {done.returncode}: {done.stderr}"
        assert done.stdout or "--out" in line
        return ""

    return Feature(f"{DISTRIBUTION} {line}", frozenset({"cli", *needs}), use)


TWO = "two/lifecycle.toml"
TWO_FILES = "--people two/people.csv --activities two/activities.csv"
FOUR_FILES = "--people four/people.csv --activities four/activities.csv"

COMMANDS = (
    command("--version"),
    command("models"),
    command("models waterfall"),
    command("init two --model two_step"),
    command("init four"),
    command(f"types {TWO}"),
    command(f"check {TWO}"),
    command("check claim.toml --prove", "clean", "prove"),
    command("diff two_step engagement", status=1),
    command(f"cases {TWO} --out cases.csv"),
    command(f"explain {TWO} nora {TWO_FILES}"),
    command(f"draw {TWO} --out two.mmd"),
    command(f"draw {TWO} --out two.svg", "draw"),
    command(f"run {TWO} {TWO_FILES}", "tables"),
    command(f"run {TWO} {TWO_FILES} --out plain --no-pictures", "tables"),
    command(f"run {TWO} {TWO_FILES} --out out", "draw", "tables"),
    command(f"run four/lifecycle.toml {FOUR_FILES}", "clean", "tables"),
    command(f"funnel out/history.csv --model {TWO}", "measures"),
    command(f"funnel out/history.parquet --model {TWO}", "measures", "tables"),
    command(f"sheet {TWO} --out two.md", "draw"),
    command(f"sheet {TWO} --out two.html", "draw", "sheet"),
    command(f"sheet {TWO} --history out/history.csv --out two.html", "draw", "measures", "sheet"),
    command(f"ingest {TWO} {TWO_FILES} --store two.db", "sql"),
    command(f"tick {TWO} --store two.db", "sql"),
    command(f"explain {TWO} nora --store two.db", "sql"),
    command("status --store two.db", "sql"),
    command("outbox --store two.db", "sql"),
    command(f"migrate {TWO} --store two.db", "sql"),
    command("export kept --store two.db", "sql"),
    command("import kept --store kept.db", "sql"),
    command("demo --people 20 --out demo", "clean", "draw", "tables"),
)

PACKAGE = (
    in_this_process(run_a_lifecycle),
    in_this_process(draw_a_picture, "draw"),
    in_this_process(make_a_slide, "pptx"),
    in_this_process(write_a_workbook, "draw", "xlsx"),
    in_this_process(clean_a_record, "clean"),
    in_this_process(keep_a_holiday, "calendar"),
    in_this_process(measure_times, "measures"),
    in_this_process(read_parquet, "tables"),
    in_this_process(keep_people_in_a_database, "sql"),
    in_this_process(write_a_sheet, "draw", "sheet"),
    in_this_process(ask_the_solver, "prove"),
    in_this_process(run_a_suite, "testing"),
    in_this_process(find_spark, "spark"),
)


# --- What is here -----------------------------------------------------------------------------


def extras_here() -> set[str]:
    """The extras all of whose packages are installed, whoever asked for them."""
    packages: dict[str, set[str]] = {}
    for text in metadata.requires(DISTRIBUTION) or ():
        found = re.match(r"([\w.-]+).*\bextra == ['\"](\w+)['\"]", text)
        if found:
            packages.setdefault(found[2], set()).add(found[1])
    assert set(packages) == set(metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or ())
    installed = {
        distribution.metadata["Name"].lower().replace("_", "-")
        for distribution in metadata.distributions()
    }
    return {extra for extra, names in packages.items() if names <= installed}


def fault(feature: Feature, here: set[str]) -> str:
    """What is wrong with a feature, or nothing."""
    missing = feature.needs - here
    try:
        refusal = feature.use()
    except Exception:
        return traceback.format_exc()
    if not missing:
        return refusal and f"refused, although all is here: {refusal}"
    if not refusal:
        return f"works without {', '.join(sorted(missing))}"
    sentence = SENTENCE.fullmatch(refusal)
    if sentence is None or sentence[1] not in missing:
        return f"does not name one of {', '.join(sorted(missing))} in a sentence: {refusal}"
    return ""


def main(*asked: str) -> int:
    """Use every feature; return 1 if one is not as it must be."""
    here = extras_here()
    absent = set(asked) - here
    assert not absent, f"not installed: {', '.join(sorted(absent))}"
    assert asked or not here, f"a bare installation has {', '.join(sorted(here))}"
    Path("claim.toml").write_text(shipped_text("waterfall") + CLAIM, "utf-8")
    features = [*(COMMANDS if "cli" in here else COMMANDS[:1]), *PACKAGE]
    faults = {feature.name: fault(feature, here) for feature in features}
    used = [feature for feature in features if feature.needs <= here]
    for extra in set(asked) - {"all"}:
        if not any(extra in feature.needs for feature in used):
            faults[f"the extra {extra}"] = "nothing works by it alone"
    for name, text in faults.items():
        if text:
            print(f"FAULT: {name}: {text}")
    told = f"{len(used)} features work, {len(features) - len(used)} say what they need"
    print(f"with {', '.join(sorted(here)) or 'no extra'}: {told}")
    return int(any(faults.values()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
