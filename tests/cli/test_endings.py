"""How commands end: with a status of its own for each kind of end, and one sentence."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lifecycle_fsm.cli import exit_status, models
from lifecycle_fsm.cli.app import COMMANDS, python_name
from lifecycle_fsm.errors import FileProblem
from tests.cli.commands import ROOT, Cli, start
from tests.cli.test_run import ACTIVITIES, PEOPLE

POSIX = pytest.mark.skipif(os.name != "posix", reason="of POSIX systems")
TEXT = subprocess.PIPE


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "activities.csv").write_text(ACTIVITIES)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# -- surprises -------------------------------------------------------------------------------


def test_a_fault_of_the_program_is_one_sentence_and_has_its_own_status(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise KeyError("stage")

    monkeypatch.setattr(models, "shipped", broken)
    done = cli("models")
    assert (done.code, done.out) == (70, "")
    assert done.err == (
        "error: this is a fault of lifecycle-fsm itself, please report it: KeyError: 'stage' "
        "(the same command with --debug shows where)\n"
    )
    done = cli("models", "--debug")
    assert done.code == 70
    assert "in broken\n" in done.err
    assert done.err.splitlines()[-1].startswith("error: this is a fault of lifecycle-fsm itself")


def test_a_mistake_of_the_user_shows_its_traceback_only_with_debug(cli: Cli) -> None:
    done = cli("models", "nobody")
    assert (done.code, done.err.count("\n")) == (2, 1)
    done = cli("models", "nobody", "--debug")
    assert done.code == 2
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("error: no model named 'nobody'")


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (MemoryError(), 74, "error: there is not enough memory for this\n"),
        (
            OSError(errno.EIO, "Input/output error"),
            74,
            "error: reading or writing failed: Input/output error\n",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "gone.toml"),
            74,
            "error: gone.toml: No such file or directory\n",
        ),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, ""),
        (KeyboardInterrupt(), 130, "stopped\n"),
    ],
)
def test_what_the_machine_lacks_is_no_fault_of_the_program(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, sentence: str
) -> None:
    def broken() -> None:
        raise error

    monkeypatch.setattr(models, "shipped", broken)
    done = cli("models")
    assert (done.code, done.out, done.err) == (status, "", sentence)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errno.ENOSPC, 74),
        (errno.EFBIG, 74),
        (errno.EACCES, 2),
        (errno.ENOENT, 2),
        (errno.EPIPE, 141),
    ],
)
def test_a_file_that_cannot_be_written_is_wrong_use_unless_the_disk_is_full(
    number: int, status: int
) -> None:
    def command() -> None:
        raise FileProblem("out.csv cannot be written") from OSError(number, os.strerror(number))

    with pytest.raises(Exception, match=f"^{status}$|^$") as ended:
        exit_status.safely(command)(debug=False)
    assert getattr(ended.value, "exit_code", None) == status


@POSIX
@pytest.mark.parametrize("arguments", [["models"], ["models", "waterfall"], ["types", "two_step"]])
def test_an_output_without_room_is_told_with_its_status(
    tmp_path: Path, arguments: list[str]
) -> None:
    with Path("/dev/full").open("w") as full:
        process = start(*arguments, cwd=tmp_path, stdout=full, stderr=TEXT)
        said = process.communicate()[1]
    assert (process.returncode, said) == (
        74,
        "error: reading or writing failed: No space left on device\n",
    )


@POSIX
def test_a_closed_output_is_nobody_who_reads(tmp_path: Path) -> None:
    command = f"{sys.executable} -m lifecycle_fsm.cli models waterfall"
    for shell in (f"{command} >&-", f"{command} 2>&-", f"{command} >&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", shell],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == 0


@POSIX
def test_a_full_disk_leaves_the_approved_table_and_the_output_of_a_run(
    cli: Cli, data: Path
) -> None:
    assert cli("cases", "two_step", "--out", "cases.csv").code == 0
    run = ["run", "two_step", "--people", "people.csv", "--activities", "activities.csv"]
    run += ["--no-pictures", "--out", "out"]
    assert cli(*run).code == 0
    before = contents(data)
    limited = (
        "import resource, sys\n"
        "sys.dont_write_bytecode = True  # Python would keep what it could not write whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))\n"
        "from lifecycle_fsm.cli import main\n"
        "main()\n"
    )
    for arguments in (["cases", "two_step", "--out", "cases.csv"], run):
        done = subprocess.run(
            [sys.executable, "-c", limited, *arguments],
            cwd=data,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 74
        assert re.fullmatch(r"error: \S+ cannot be written: File too large\n", done.stderr)
        assert contents(data) == before


@POSIX
@pytest.mark.parametrize(("number", "status"), [("TERM", 143), ("HUP", 129), ("INT", 130)])
def test_a_signal_has_its_status_and_leaves_what_was_there(
    data: Path, number: str, status: int
) -> None:
    os.mkfifo(data / "pipe.csv")
    arguments = ("run", "two_step", "--people", "pipe.csv", "--out", "new/out")
    process = start(*arguments, cwd=data, stdout=TEXT, stderr=TEXT)
    while not (data / "new").exists():
        time.sleep(0.01)
    process.send_signal(getattr(signal, f"SIG{number}"))
    process.communicate()
    assert process.returncode == status
    assert not (data / "new").exists()


def test_every_status_is_told_in_the_help_and_in_the_documentation(cli: Cli) -> None:
    page = (ROOT / "docs/understand/command-line.md").read_text("utf-8")
    told = {int(one) for one in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    shown = " ".join(cli("--help").out.split())
    known = {
        exit_status.REJECTED, exit_status.WRONG, exit_status.FAULT, exit_status.FAILED,
        exit_status.STOPPED, exit_status.NOBODY_READS,
    }  # fmt: skip
    assert told == {0, *known, 129, 143}
    for status in told:
        assert f" {status} " in shown[shown.index("Exit status") :]


# -- inputs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["cases", "model.toml", "--out", "model.toml"],
        ["types", "model.toml", "--out", "./model.toml"],
        ["draw", "model.svg", "--out", "model.svg"],
        ["sheet", "model.md", "--out", "model.md"],
        ["sheet", "two_step", "--history", "link.md", "--out", "model.md"],
        ["funnel", "history.dot", "--out", "history.dot"],
        ["explain", "two_step", "p1", "--people", "people.md", "--format", "csv", "--out",
         "people.md"],
        ["explain", "model.md", "p1", "--people", "people.csv", "--out", "model.md"],
        ["explain", "two_step", "p1", "--people", "people.csv", "--mapping", "map.md", "--out",
         "map.md"],
    ],
)  # fmt: skip
def test_no_command_writes_over_what_it_reads(cli: Cli, data: Path, arguments: list[str]) -> None:
    text = cli("models", "two_step").out
    for name in ("model.toml", "model.svg", "model.md", "history.dot", "map.md"):
        (data / name).write_text(text)
    (data / "people.md").write_text(PEOPLE)
    (data / "link.md").symlink_to("model.md")
    before = contents(data)
    done = cli(*arguments)
    assert done.code == 2
    assert "is read here, and would be replaced: write to another file" in done.err
    assert contents(data) == before


def test_a_run_does_not_replace_what_it_reads(cli: Cli, data: Path) -> None:
    assert cli("demo", "--people", 20, "--out", "out", "--no-pictures").code == 0
    before = contents(data)
    for arguments in (
        ("two_step", "--people", "out/input/people.csv"),
        ("two_step", "--activities", "out/input/activities.csv"),
        ("out/input/lifecycle.toml", "--people", "people.csv"),
        ("two_step", "--people", "people.csv", "--mapping", "out/summary.txt"),
    ):
        done = cli("run", *arguments, "--out", "out", "--force")
        assert done.code == 2
        assert "is read here, and would be replaced" in done.err
        assert contents(data) == before
    model = (data / "out/input/lifecycle.toml").read_text()
    own = model.replace('table = "companies.csv"', 'table = "out/input/companies.csv"')
    assert own != model
    (data / "own.toml").write_text(own)
    done = cli("run", "own.toml", "--people", "people.csv", "--out", "out")
    assert done.code == 2
    assert "companies.csv is read here, and would be replaced" in done.err


@POSIX
def test_a_run_does_not_replace_what_comes_from_the_standard_input(cli: Cli, data: Path) -> None:
    given = ("--people", "people.csv", "--no-pictures", "--out", "out")
    assert cli("run", "two_step", *given).code == 0
    before = contents(data)
    with (data / "out/people.csv").open() as people:
        process = subprocess.run(
            [sys.executable, "-m", "lifecycle_fsm.cli", "run", "two_step", "--people", "-",
             "--format", "csv", "--out", "out"],
            cwd=data, env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=people, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert process.returncode == 2
    assert "is read here, and would be replaced" in process.stderr
    assert contents(data) == before


# -- imports ---------------------------------------------------------------------------------


def loaded_by(*arguments: str) -> set[str]:
    program = (
        "import sys\n"
        "from lifecycle_fsm.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('loaded', *sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    ["--help", "--version", "models", "check two_step", "types two_step", "tick --help"],
)
def test_a_command_imports_only_what_it_needs(arguments: str) -> None:
    loaded = loaded_by(*arguments.split())
    heavy = {"polars", "scipy", "numpy", "transitions", "pygraphviz", "graphviz", "jinja2", "pptx"}
    heavy |= {"sqlalchemy", "alembic", "psycopg"}
    assert loaded & heavy == set()
    others = set(COMMANDS) - set(arguments.split())
    assert not loaded & {f"lifecycle_fsm.cli.{python_name(name)}" for name in others}
    assert "lifecycle_fsm.lifecycle" not in loaded


def test_the_list_of_commands_says_what_each_says_of_itself(cli: Cli) -> None:
    for name, line in COMMANDS.items():
        module = sys.modules.get(f"lifecycle_fsm.cli.{python_name(name)}")
        if module is None:
            cli(name, "--help")
            module = sys.modules[f"lifecycle_fsm.cli.{python_name(name)}"]
        documented = getattr(module, python_name(name)).__doc__
        assert line == " ".join(documented.split("\n\n")[0].split()), name
    done = cli("--help")
    for name in COMMANDS:
        assert re.search(rf"^\W+{name} ", done.out, re.MULTILINE)
    assert cli("rum").err.count("Did you mean 'run'?") == 1
