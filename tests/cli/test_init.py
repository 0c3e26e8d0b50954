"""``lifecycle-fsm init``: a project that works from its first command on."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle_fsm import files
from lifecycle_fsm.cli import init as new_folder
from lifecycle_fsm.cli.init import starter
from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.files import write_file
from lifecycle_fsm.model import shipped, shipped_text
from tests.cli.commands import ROOT, Cli

FILES = ["README.md", "activities.csv", "lifecycle.toml", "people.csv", "test_lifecycle.py"]


def shell(command: str, folder: Path) -> str:
    """What a command prints, in a process of its own, where it is given by its first word only."""
    program, _, rest = command.partition(" ")
    module = {"lifecycle-fsm": "lifecycle_fsm.cli", "pytest": "pytest -p no:cacheprovider"}[program]
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m {module} {rest}"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def commands(readme: str) -> list[str]:
    """The commands that a starter project tells of, in their order."""
    return [
        line
        for block in re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]


def test_every_command_of_its_readme_works(tmp_path: Path) -> None:
    """R47: the model is tried out, and tested, without any live system."""
    said = shell("lifecycle-fsm init begun", tmp_path)
    project = tmp_path / "begun"
    assert sorted(one.name for one in project.iterdir()) == FILES
    assert said.splitlines()[0] == "begun: a project with the model waterfall"
    assert "next:\n  cd begun\n  lifecycle-fsm run lifecycle.toml --people" in said
    told = commands((project / "README.md").read_text())
    check(project, {command: shell(command, project) for command in told})


@pytest.mark.parametrize("model", [one for one in shipped() if one != "waterfall"])
def test_so_does_every_command_of_the_other_models(model: str, cli: Cli, tmp_path: Path) -> None:
    assert cli("init", ".", "--model", model).out.startswith(f".: a project with the model {model}")
    answers = {}
    for command in commands((tmp_path / "README.md").read_text()):
        program, *arguments = command.split()
        if program == "pytest":
            answers[command] = shell(command, tmp_path)
        else:
            done = cli(*arguments)
            assert (done.code, done.err) == (0, "")
            answers[command] = done.out
    check(tmp_path, answers)


def check(project: Path, answers: dict[str, str]) -> None:
    """What the commands of the readme said, and what they made."""
    said = {" ".join(command.split()[:2]): answer for command, answer in answers.items()}
    assert list(said) == [
        "lifecycle-fsm run",
        "lifecycle-fsm explain",
        "lifecycle-fsm draw",
        "lifecycle-fsm funnel",
        "lifecycle-fsm sheet",
        "pytest",
    ]
    assert "12 people, at 2026-07-10" in said["lifecycle-fsm run"]
    assert "merged into others: 1 record" in said["lifecycle-fsm run"]
    assert "ravi: Customer" in said["lifecycle-fsm explain"]
    assert re.search(r"\b\d+ passed in", said["pytest"])
    for made in ("out/funnel.svg", "ravi.svg", "lifecycle.svg", "sheet.html"):
        assert (project / made).stat().st_size > 1000
    assert (project / "out/rejected.csv").read_text().count("\n") == 1


def test_the_help_has_examples(cli: Cli) -> None:
    done = cli("init", "--help")
    assert "lifecycle-fsm init my-lifecycle --model two_step" in done.out
    assert " init " in cli("-h").out


@pytest.mark.parametrize("model", shipped())
def test_the_model_is_a_copy_and_the_people_are_those_of_the_stories(model: str) -> None:
    files = {name: content.decode() for name, content in starter(model).items()}
    assert files["lifecycle.toml"] == shipped_text(model)
    people = {row["id"] for row in csv.DictReader(files["people.csv"].splitlines())}
    told = set(re.findall(r"^\| `([\w-]+)` \|", files["README.md"], re.MULTILINE))
    assert told == people - {"tom-2"}
    active = {row["person"] for row in csv.DictReader(files["activities.csv"].splitlines())}
    assert active | {"vera"} == people
    assert f"`{model}`" in files["README.md"]
    assert not re.search(r"MODEL|STORIES", files["README.md"])


# What the stories of the table say, as they come out: stage, journey, and the rules of the way.
ENDS = {
    "waterfall": {
        "nora": ("customer", 1, "qualified_by_hand_raise closed_won"),
        "omar": ("mal", 2, "qualified_by_score lost rested"),
        "ravi": ("customer", 2, "recycled_by_sales raised_hand_again closed_won"),
        "sara": ("disqualified", 1, "disqualified_by_sales"),
        "tom": ("sql", 1, "merged"),
        "xenia": ("mal", 1, "everybody_else"),
        "petra": ("sql", 1, "made_by_sales"),
        "uma": ("sql", 1, "accepted"),
        "vera": ("off_path", 1, "no_prospect"),
        "zoe": ("disqualified", 1, "competitor"),
        "yusuf": ("customer", 1, "sorted_by_hand_raise"),
        "will": ("recycled", 1, "qualified_by_score recycled_by_sales"),
    },
    "engagement": {
        "nora": ("customer", 1, "became_engaged raised_hand accepted closed_won"),
        "omar": ("lost", 1, "warm_enough opportunity_lost"),
        "ravi": ("customer", 2, "returned rested raised_hand closed_won"),
        "sara": ("disqualified", 1, "returned_for_good"),
        "tom": ("sql", 1, "merged"),
        "xenia": ("engaged", 1, "became_engaged"),
        "petra": ("sql", 1, "made_by_sales"),
        "uma": ("sql", 1, "accepted"),
        "vera": ("disqualified", 1, "no_prospect"),
        "zoe": ("disqualified", 1, "no_prospect"),
        "yusuf": ("customer", 1, "sorted_by_hand_raise closed_won"),
        "will": ("recycled", 1, "warm_enough returned"),
    },
    "sales_led": {
        "nora": ("customer", 1, "asked taken met_them closed_won"),
        "omar": ("later", 1, "warmed_up opportunity_lost"),
        "ravi": ("customer", 2, "not_now asked_again closed_won"),
        "sara": ("disqualified", 1, "no_fit"),
        "tom": ("opportunity", 1, "merged"),
        "xenia": ("inquiry", 1, "everybody_else"),
        "petra": ("opportunity", 1, "made_by_sales"),
        "uma": ("opportunity", 1, "taken"),
        "vera": ("off_path", 1, "no_prospect"),
        "zoe": ("disqualified", 1, "ruled_out"),
        "yusuf": ("customer", 1, "asked_at_once closed_won"),
        "will": ("later", 1, "not_now"),
    },
    "two_step": {
        "nora": ("customer", 1, "interested bought"),
        "omar": ("lost", 1, "gave_up"),
        "ravi": ("customer", 2, "gave_up interested_again bought"),
        "sara": ("lost", 1, "gave_up"),
        "tom": ("lead", 1, "merged"),
        "xenia": ("contact", 1, "everybody_else"),
        "petra": ("contact", 1, "everybody_else"),
        "uma": ("lead", 1, "interested"),
        "vera": ("contact", 1, "everybody_else"),
        "zoe": ("contact", 1, "everybody_else"),
        "yusuf": ("customer", 1, "interested bought"),
        "will": ("lost", 1, "gave_up"),
    },
}  # fmt: skip


@pytest.mark.parametrize("model", shipped())
def test_the_stories_end_as_they_are_told(model: str, cli: Cli, tmp_path: Path) -> None:
    cli("init", ".", "--model", model)
    done = cli("run", "lifecycle.toml", "--people", "people.csv", "--activities", "activities.csv",
               "--out", "out", "--no-pictures")  # fmt: skip
    assert (done.code, done.err) == (0, "")

    def table(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader((tmp_path / f"out/{name}.csv").read_text().splitlines()))

    ways: dict[str, list[str]] = {}
    for row in table("history"):
        ways.setdefault(row["person"], []).append(row["rule"])
    found = {row["id"]: (row["stage"], int(row["journey"])) for row in table("people")}
    assert found == {name: end[:2] for name, end in ENDS[model].items()}
    for name, (_, _, rules) in ENDS[model].items():
        way = iter(ways[name])
        assert all(rule in way for rule in rules.split()), (name, ways[name])
    missed = {row["person"] for row in table("decisions") if row["kind"] == "deadline"}
    assert missed == (set() if model == "two_step" else {"uma"})
    refused = {row["person"] for row in table("decisions") if row["result"] == "refused"}
    assert refused == (set() if model == "two_step" else {"will"})
    if model != "two_step":
        assert [row["person"] for row in table("requests") if row["rule"] == "review"] == ["sara"]


# ------------------------------------------------------------------ the folder


def test_an_empty_folder_may_be_where_one_stands(cli: Cli, tmp_path: Path) -> None:
    done = cli("init", ".")
    assert (done.code, done.err) == (0, "")
    assert sorted(one.name for one in tmp_path.iterdir()) == FILES
    assert "cd " not in done.out
    assert "lifecycle-fsm run lifecycle.toml" in done.out


def test_a_name_with_spaces_can_be_copied_to_a_shell(cli: Cli, tmp_path: Path) -> None:
    done = cli("init", "new/my lifecycle", "--model", "two_step")
    assert "  cd 'new/my lifecycle'\n" in done.out
    assert (tmp_path / "new/my lifecycle/lifecycle.toml").is_file()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["full"], "full has files already (a, b, c and 1 more): name a folder that is new"),
        (["full/a"], "full/a is a file: name a folder that is new or empty"),
        (["full/a/b"], "full/a/b cannot be written: Not a directory"),
        (["new", "--model", "waterfal"], "no model named 'waterfal' is shipped; did you mean"),
        (["new", "--model", "own.toml"], "no model named 'own.toml' is shipped"),
        ([""], "name the folder that is to be made"),
        (["a\0b"], "cannot be written"),
    ],
)
def test_what_cannot_be_made_says_why_and_changes_nothing(
    cli: Cli, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    (tmp_path / "full").mkdir()
    for name in "abcd":
        (tmp_path / "full" / name).write_text(name)
    before = sorted(tmp_path.rglob("*"))
    done = cli("init", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert complaint in done.err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_project_is_never_written_over(cli: Cli, tmp_path: Path) -> None:
    cli("init", "mine")
    (tmp_path / "mine/lifecycle.toml").write_text("mine")
    assert cli("init", "mine").code == 2
    assert (tmp_path / "mine/lifecycle.toml").read_text() == "mine"


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
@pytest.mark.parametrize("stop", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("linking", [False, True])
def test_nothing_half_written_is_left(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    stop: BaseException,
    linking: bool,
) -> None:
    """The third file fails: while it is written, or while it is put in its place."""
    if there:
        (tmp_path / "mine").mkdir()
    calls = []

    def fails(real: object) -> object:
        def third(*arguments: object) -> object:
            calls.append(arguments)
            if len(calls) == 3:
                raise stop
            return real(*arguments)  # type: ignore[operator]

        return third

    if linking:
        monkeypatch.setattr(files, "_move_to_free", fails(files._move_to_free))
    else:
        monkeypatch.setattr(new_folder, "write_file", fails(write_file))
    done = cli("init", "mine")
    assert len(calls) == 3
    assert done.code == (74 if isinstance(stop, OSError) else 130)
    assert ("No space left on device" in done.err) == isinstance(stop, OSError)
    assert sorted(tmp_path.rglob("*")) == ([tmp_path / "mine"] if there else [])


def test_a_file_that_came_meanwhile_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(path: Path, content: bytes) -> None:
        (tmp_path / "mine/b").write_text("theirs")
        write_file(path, content)

    monkeypatch.setattr(new_folder, "write_file", meanwhile)
    for linked in (True, False):
        if not linked:  # as on a file system without links
            monkeypatch.setattr(os, "link", _unsupported)
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine/b").unlink(missing_ok=True)
        with pytest.raises(FileProblem, match="mine cannot be written"):
            new_folder.fill_new_folder(str(tmp_path / "mine"), {"a": b"1", "b": b"2"})
        assert [one.name for one in (tmp_path / "mine").iterdir()] == ["b"]
        assert (tmp_path / "mine/b").read_text() == "theirs"


def _unsupported(*paths: object) -> None:
    raise OSError(95, "Operation not supported")


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _unsupported)
    new_folder.fill_new_folder(str(tmp_path / "mine"), {"a": b"1", "b": b"2"})
    assert {one.name: one.read_bytes() for one in (tmp_path / "mine").iterdir()} == {
        "a": b"1",
        "b": b"2",
    }
