"""All commands. Each is imported only when it is called."""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import lifecycle_fsm
from lifecycle_fsm.cli.exit_status import safely

#: The commands, in the order of the help, each with the first line of its docstring. The function
#: and its module have the name of the command (:func:`python_name`).
COMMANDS = {
    "run": "Run people and their activities through a model.",
    "draw": "Draw a model, its funnel, original processing, one person's path, or what changes.",
    "funnel": "Measure the funnel: people, flows, conversion, times, salespeople, SLA, money.",
    "forecast": "Forecast the entries of each stage, with intervals, and test that on the past.",
    "report": "Write the workbook, the page and the slides that a file of settings names, "
    "and check limits.",
    "explain": "Tell one person's story: what happened, what it changed, what was refused, "
    "what comes next.",
    "sheet": "Write the page that marketing and sales sign: the picture, every rule in words, "
    "the numbers.",
    "cases": "Generate test cases for a model, for a person to review and approve.",
    "check": "Prove that a model does what it says: nobody is forgotten, no rule is dead, "
    "nobody goes back and forth.",
    "diff": "Show what a changed model does differently, by meaning and not by text.",
    "whatif": "Compare what a changed model would have made of the past, with names.",
    "plan": "List everybody whose stage changes at once with a changed model, before it goes live.",
    "init": "Start a project of your own: a model, a dozen people, what they did, and tests.",
    "models": "List the shipped models, or print one, to copy and edit.",
    "types": "Print a stub with the stages, triggers and fields of a model.",
    "demo": "Make up a company and run two years of it through the model `waterfall`.",
    "ingest": "Load people and their activities from files into a store.",
    "tick": "Let time pass for everybody in a store.",
    "process": "Take the new people in a store through original processing.",
    "retry": "Retry what an error has parked in a store.",
    "deliver": "Send what waits in the outbox of a store: tasks, mails, webhooks.",
    "outbox": "Show the outbox of a store, retry dead requests, release held ones.",
    "status": "Show the state of a store: people, what is due, what has stopped.",
    "migrate": "Migrate the people of a store to a changed model.",
    "undo-merge": "Undo the merge of two records of a store.",
    "rebuild": "Compare the people of a store with its log, and repair differences.",
    "forget": "Erase people from a store, and keep the numbers.",
    "export": "Write everything in a store to files.",
    "import": "Read an exported store into an empty one.",
}
#: The commands that work on a store.
KEEP_RUNNING = frozenset(
    {"ingest", "tick", "process", "retry", "deliver", "outbox", "status", "migrate"}
    | {"undo-merge", "rebuild", "forget", "export", "import"}
)
_STYLE: dict[str, Any] = {"rich_markup_mode": "markdown", "pretty_exceptions_enable": False}


def python_name(command: str) -> str:
    """The name of a command's module and function, such as ``undo_merge`` or ``import_``."""
    name = command.replace("-", "_")
    return f"{name}_" if iskeyword(name) else name


class _Command(TyperCommand):
    """A command of which only the name and help line are known until it is called."""

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        """Import the command and parse its arguments."""
        assert self.name is not None
        name = python_name(self.name)
        work = getattr(import_module(f"lifecycle_fsm.cli.{name}"), name)
        alone = typer.Typer(add_completion=False, **_STYLE)
        alone.command(self.name)(safely(work))
        return typer.main.get_command(alone).make_context(*arguments, **settings)


class _Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **settings: Any) -> None:
        style = settings["rich_markup_mode"]
        settings["commands"] = {
            name: _Command(
                name,
                help=line,
                rich_markup_mode=style,
                rich_help_panel="Keep it running" if name in KEEP_RUNNING else None,
            )
            for name, line in COMMANDS.items()
        }
        super().__init__(**settings)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, in the order of the help."""
        return list(COMMANDS)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    **_STYLE,
)


def _version(show: bool) -> None:
    if show:
        print(f"lifecycle-fsm {lifecycle_fsm.__version__}")
        raise typer.Exit


@app.callback()
def lifecycle_fsm_(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """The B2B lead lifecycle as a finite-state machine: run it, explain it, draw it.

    MODEL is the name of a shipped model, such as `waterfall`, or a TOML file of your own.
    A first look, with a small made-up company:

    ```sh
    lifecycle-fsm demo
    lifecycle-fsm draw waterfall --out lifecycle.svg
    lifecycle-fsm funnel lifecycle-demo/history.parquet
    lifecycle-fsm init my-lifecycle
    ```

    Exit status: 0 done, 1 rows were rejected or faults were found, or a
    limit is broken, 2 wrong use, model or file,
    70 a bug in this program, 74 the disk, memory or a stream failed, 129 the terminal was closed,
    130 stopped with Ctrl-C, 141 the output was closed, 143 ended by another program.
    """
