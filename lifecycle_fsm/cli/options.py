"""The arguments and options of the commands, each declared once."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import typer

Order: TypeAlias = Literal["event", "arrival"]
#: Headings in the help of ``funnel``.
NUMBERS, SALES, COMPARED = "The numbers", "Sales", "Before and after"
#: The variable of the environment that names the store.
STORE_VARIABLE = "LIFECYCLE_STORE"


def option(metavar: str, help: str, *names: str, panel: str | None = None) -> Any:
    """An option with a value, which the help calls ``metavar``.

    Without ``names`` it is called as its parameter is. ``panel`` is its heading in the help.
    """
    return typer.Option(*names, metavar=metavar, help=help, rich_help_panel=panel)


def flag(help: str, *names: str, panel: str | None = None) -> Any:
    """An option whose value, if it has one, the help names by its type."""
    return typer.Option(*names, help=help, rich_help_panel=panel)


# ------------------------------------------------------------------ of several commands

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A shipped model, such as `waterfall`, or a TOML file."),
]
ThemeFile = Annotated[
    str | None,
    option("FILE", "Colours and font, as in the table [theme] of a model: TOML.", "--theme"),
]
Json = Annotated[bool, flag("Print JSON, for a program to read.", "--json")]
Force = Annotated[bool, flag("Write into a folder that has files of others.", "--force")]
Pictures = Annotated[bool, flag("Draw the funnel as SVG and PNG.", "--pictures/--no-pictures")]
Prove = Annotated[
    bool, flag("Ask the solver z3 where trying values does not decide (extra `prove`).", "--prove")
]
Budget = Annotated[
    int,
    typer.Option(
        min=1,
        help="How many cases all questions together may look at; the rest is not decided.",
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Stop after so many seconds as well; what is decided then depends on the machine.",
    ),
]
Deadlines = Annotated[
    str | None,
    option(
        "FILE",
        "What became of deadlines, as `run` wrote it. [default: deadlines beside the history]",
    ),
]
Opportunities = Annotated[
    str | None,
    option(
        "FILE",
        "Opportunities, as `run` wrote them. [default: opportunities beside the history]",
    ),
]
_WATCHED = (
    "Up to when people were watched, or `now`. [default: as in the run, up to the last tick of a "
    "store, or the last row]"
)
Watched = Annotated[str | None, option("TIME", _WATCHED)]
_WHERE = (
    "Count only journeys for which this guard holds, such as `source == 'web'`. It reads owner, "
    "assigned_to, source and the dimensions of the model, as they were behind original processing."
)
Where = Annotated[str | None, option("GUARD", _WHERE)]

# ------------------------------------------------------------------ of those that have a store

Store = Annotated[
    str,
    typer.Option(
        "--store",
        envvar=STORE_VARIABLE,
        metavar="ADDRESS",
        help="The store: a SQLite file, such as `lifecycle.db`, or an address, such as "
        "`postgresql://user:password@host/name`.",
    ),
]
StoreInstead = Annotated[
    str | None,
    option(
        "ADDRESS",
        "Read this store instead of files: a SQLite file, or the address of a database.",
        "--store",
    ),
]
At = Annotated[str, option("TIME", "Act as of this time.")]
KeepDecisions = Annotated[
    str | None,
    option("DURATION", "Keep every decision for so long, such as 90d; `tick` deletes older ones."),
]
Persons = Annotated[
    list[str] | None,
    typer.Argument(metavar="PERSON", help="Ids of records or contacts."),
]
Yes = Annotated[bool, flag("Do it. Without this, only show what would be done.", "--yes")]

# ------------------------------------------------------------------ of run, ingest and explain

People = Annotated[
    list[str] | None,
    option("FILE", "People, one row each; can be repeated. CSV, JSON, Parquet; `-` is stdin."),
]
Activities = Annotated[
    list[str] | None,
    option(
        "[ROLE=]FILE",
        "Their activities; can be repeated. ROLE is the name of a table of the mapping, by "
        "default `activities`.",
    ),
]
Mapping = Annotated[str | None, option("FILE.toml", "How to read the columns of these files.")]
AllowRejected = Annotated[bool, flag("Exit with 0 even if rows were rejected.", "--allow-rejected")]
AllowHeld = Annotated[
    bool, flag("Exit with 0 even if most of a file matches nobody.", "--allow-held")
]
InOrder = Annotated[Order, flag("Apply activities by event time, or in the order of the files.")]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="How many processes share the work. [default: one for each core]"
    ),
]
Memory = Annotated[
    str | None,
    option(
        "SIZE",
        "How much memory all processes together may take, such as 700MB. "
        "[default: half of what is free]",
    ),
]
Csv = Annotated[
    bool | None,
    flag(
        "Write tables as CSV beside Parquet. [default: those of at most 2,000,000 rows]",
        "--csv/--no-csv",
    ),
]
Tables = Annotated[
    list[str] | None,
    option(
        "PATH",
        "Let steps of the model read tables from here too, not only from its own folder; can be "
        "repeated.",
    ),
]

# ------------------------------------------------------------------ of funnel

Writer = Annotated[
    str | None,
    option(
        "MODEL",
        "The model that wrote it: a shipped one or a TOML file. "
        "[default: the shipped one that it is of]",
    ),
]
Contacts = Annotated[
    str | None,
    option(
        "FILE",
        "People that `run` wrote: who they are, and who has to do with them. "
        "[default: people beside the history]",
    ),
]
By = Annotated[
    str | None,
    option(
        "FIELD",
        "Split by owner, assigned_to, source, journey, rule, version, or a dimension of "
        "the model, as it was when the stage was entered.",
        panel=NUMBERS,
    ),
]
WhereNumbers = Annotated[str | None, option("GUARD", _WHERE, "--where", panel=NUMBERS)]
From = Annotated[str | None, option("TIME", "From then on.", "--from", panel=NUMBERS)]
To = Annotated[str | None, option("TIME", "Before then.", "--to", panel=NUMBERS)]
Until = Annotated[str | None, option("TIME", _WATCHED, panel=NUMBERS)]
Zone = Annotated[
    str, flag("Days and months begin in this zone, and times are of it.", panel=NUMBERS)
]
Pair = Annotated[
    list[str] | None,
    option(
        "FROM:TO",
        "Conversion between these stages, such as `mql:customer`; can be repeated.",
        panel=NUMBERS,
    ),
]
FromStage = Annotated[
    str | None,
    option("STAGE", "Where the work of sales begins. [default: behind `mql`]", panel=SALES),
]
Target = Annotated[
    list[str] | None,
    option(
        "[STAGE=]SHARE",
        "Marketing's share that was agreed, such as 0.6 or `sql=40%`; can be repeated.",
        panel=SALES,
    ),
]
Stuck = Annotated[
    str | None,
    option(
        "TIME",
        "Who is longer in a stage is stuck, such as `30d`. [default: longer than nine in ten]",
        panel=SALES,
    ),
]
DealAge = Annotated[
    str | None,
    option(
        "TIME",
        "Count open opportunities that are older apart, such as `90d`.",
        panel=SALES,
    ),
]
Compare = Annotated[str | None, option("TIME", "Compare before and from then on.", panel=COMPARED)]
Versions = Annotated[
    bool,
    flag("Compare the last two versions of the model.", "--compare-versions", panel=COMPARED),
]
Horizon = Annotated[
    str | None,
    option(
        "TIME",
        "Give each journey as long to convert, such as `60d`, and leave out those that "
        "were not watched for so long.",
        panel=COMPARED,
    ),
]
