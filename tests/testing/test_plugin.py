"""The pytest plugin: fixtures and tables in a suite of somebody else, and nothing where unused."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from lifecycle_fsm.testing import bench, guard_tables

#: Imported beforehand, because pytester forgets what is imported within a run, and the next one
#: would have every class a second time.
IMPORTED = (bench, guard_tables)
pytest_plugins = ["pytester"]

WATERFALL = "[pytest]\nlifecycle_model = waterfall\n"
GOOD = """
def test_fixtures(person_in, assert_moves, assert_stays, assert_refused, lifecycle_clock):
    ann = person_in("recycled", days_in_stage=89)
    assert_stays(ann)
    lifecycle_clock.forward(days=1)
    assert_moves(ann, to="mal", by="rested")
    assert_refused(person_in("mql"), "sales_rejected")

def test_a_bench_for_each_test(lifecycle_bench, lifecycle_model, lifecycle_clock):
    assert lifecycle_bench.clock is lifecycle_clock
    assert lifecycle_clock.now.isoformat() == "2024-06-03T12:00:00+00:00"
    assert lifecycle_bench.model is lifecycle_model
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    # Without the plugins that this run does not need: the most of its time is theirs.
    others = [f"-pno:{name}" for name in ("cacheprovider", "xdist", "hypothesispytest")]
    return pytester.runpytest_inprocess(*others, *arguments)


def test_the_model_of_the_ini_option_stands_on_a_bench(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest=WATERFALL)
    pytester.makepyfile(GOOD)
    run(pytester).assert_outcomes(passed=2)


def test_a_file_is_looked_for_beside_the_ini_file_and_by_a_marker_beside_the_test(
    pytester: pytest.Pytester,
) -> None:
    from lifecycle_fsm.model import shipped_text

    pytester.makefile(".ini", pytest="[pytest]\nlifecycle_model = models/mine.toml\n")
    pytester.mkdir("models")
    (pytester.path / "models/mine.toml").write_text(shipped_text("two_step"), "utf-8")
    folder = pytester.mkdir("deep")
    (folder / "their.toml").write_text(shipped_text("waterfall"), "utf-8")
    (folder / "test_deep.py").write_text(
        "import pytest\n"
        "from lifecycle_fsm import load\n"
        "def test_ini(lifecycle_model): assert lifecycle_model.name == 'two_step'\n"
        "@pytest.mark.lifecycle_model('their.toml')\n"
        "def test_marker(lifecycle_model): assert lifecycle_model.name == 'waterfall'\n"
        "@pytest.mark.lifecycle_model('sales_led')\n"
        "def test_name(lifecycle_model): assert lifecycle_model.name == 'sales_led'\n"
        "@pytest.mark.lifecycle_model(load('engagement'))\n"
        "def test_model(lifecycle_model): assert lifecycle_model.name == 'engagement'\n"
    )
    run(pytester, "deep").assert_outcomes(passed=4)


def test_the_fixture_can_be_overridden(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n"
        "from lifecycle_fsm import load\n"
        "@pytest.fixture\n"
        "def lifecycle_model(): return load('two_step')\n"
        "def test_it(person_in, assert_moves):\n"
        "    assert_moves(person_in('contact', behavior_score=30), to='lead')\n"
    )
    run(pytester).assert_outcomes(passed=1)


def test_without_a_model_it_says_how_to_give_one(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(person_in): pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no model to test: set the ini option 'lifecycle_model'*"])


def test_a_failure_shows_the_line_of_the_test_and_all_that_is_unmet(
    pytester: pytest.Pytester,
) -> None:
    pytester.makefile(".ini", pytest=WATERFALL)
    pytester.makepyfile(
        "def test_it(person_in, assert_moves):\n"
        "    ann = person_in('mal', demographic_score=20, behavior_score=64)\n"
        "    assert_moves(ann, to='mql')\n"
    )
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_a_failure*py:3: AssertionError"])
    text = str(result.stdout)
    assert "✗ behavior score ≥ 65 (it is 64)" in text
    assert "asserting.py" not in text


TABLE = """\
stage,demographic score,behavior score,moves to,note
mal,20,64,stays,one point is missing
mal,20,65,stays,wrong
mal,20,66,mql,"enough, and more"
"""


def test_each_row_of_a_guard_table_is_a_test(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest=WATERFALL)
    (pytester.path / "guards.csv").write_text(TABLE, "utf-8")
    pytester.makepyfile(
        "import pytest\n"
        "@pytest.mark.guard_table('guards.csv')\n"
        "def test_agreed(guard_row, lifecycle_bench): lifecycle_bench.check(guard_row)\n"
        "@pytest.mark.guard_table([{'stage': 'mal', 'moves to': 'stays'}])\n"
        "def test_python(guard_row, lifecycle_bench): lifecycle_bench.check(guard_row)\n"
    )
    result = run(pytester, "-v")
    result.assert_outcomes(passed=3, failed=1)
    found = re.findall(r"::(test_\w+\[.+\]) (\w+)", str(result.stdout))
    assert found[:4] == [
        ("test_agreed[2 one point is missing]", "PASSED"),
        ("test_agreed[3 wrong]", "FAILED"),
        ("test_agreed[4 enough, and more]", "PASSED"),
        ("test_python[0 mal stays]", "PASSED"),
    ]
    assert "guards.csv:3: wrong" in str(result.stdout)


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("def test_it(guard_row): pass", "takes guard_row: say of which table"),
        ("@mark.guard_table('t.csv')\ndef test_it(): pass", "does not take guard_row"),
        ("@mark.guard_table('t.csv')\ndef test_it(guard_row): pass", "t.csv does not exist"),
        ("@mark.guard_table()\ndef test_it(guard_row): pass", "guard_table takes the table, and"),
        ("@mark.guard_table([{'stage': 'a'}])\ndef test_it(guard_row): pass", "it expects nothi"),
    ],
    ids=["no marker", "no argument", "no file", "no table", "no expectation"],
)
def test_a_table_that_cannot_be_had_stops_the_collection(
    pytester: pytest.Pytester, code: str, complaint: str
) -> None:
    pytester.makepyfile(f"from pytest import mark\n{code}\n")
    result = run(pytester)
    assert result.ret != 0
    assert complaint in str(result.stdout) + str(result.stderr)


def test_a_suite_that_does_not_use_it_imports_nothing_of_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import sys\n"
        "def pytest_sessionfinish():\n"
        "    ours = [one for one in sys.modules if one.startswith('lifecycle_fsm')]\n"
        "    theirs = {'attrs', 'transitions', 'hypothesis'} & sys.modules.keys()\n"
        "    print('LOADED', *sorted(ours), *theirs)\n"
    )
    pytester.makepyfile("def test_it(): pass")
    # In a process of its own, because this one has imported everything.
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*LOADED lifecycle_fsm lifecycle_fsm.testing lifecycle_fsm.testing.plugin"]
    )


def test_all_that_is_exported_is_there_and_needs_no_pytest() -> None:
    program = (
        "import sys; sys.modules['pytest'] = None\n"
        "import lifecycle_fsm.testing as testing\n"
        "assert testing.__all__ == sorted(testing.__all__) == sorted(testing._HOME)\n"
        "assert set(testing.__all__) <= set(dir(testing))\n"
        "assert not [one for one in sys.modules if one.startswith('lifecycle_fsm.guard')]\n"
        "assert all(getattr(testing, name) is not None for name in testing.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_hypothesis_all_but_the_strategies_works_and_these_say_what_to_install() -> None:
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from lifecycle_fsm import MissingExtra\n"
        "from lifecycle_fsm.testing import Bench\n"
        "bench = Bench('two_step')\n"
        "bench.assert_stays(bench.person_in('contact'))\n"
        "for name in ('people', 'state_machine'):\n"
        "    try: getattr(__import__('lifecycle_fsm.testing').testing, name)\n"
        "    except MissingExtra as error: assert 'lifecycle-fsm[testing]' in str(error)\n"
        "    else: raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    import lifecycle_fsm.testing

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lifecycle_fsm.testing.nothing
