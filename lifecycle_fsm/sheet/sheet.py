"""The entire sheet: made from a model, with or without a history, and saved as a page."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.diagram import Drawing, draw_funnel, draw_model
from lifecycle_fsm.diagram.chart import SHEET, draw_chart
from lifecycle_fsm.diagram.look import NEUTRAL, RULE, SOFT, recolored
from lifecycle_fsm.document import blocks as doc
from lifecycle_fsm.document import render_html, render_markdown
from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.files import whole_file, write_file
from lifecycle_fsm.funnel import Counts, observe
from lifecycle_fsm.history import (
    DeadlineFact,
    HistoryInMemory,
    HistoryRow,
    StoredHistory,
    StoredTable,
)
from lifecycle_fsm.model import Model
from lifecycle_fsm.sheet import model_sections, rule_sections
from lifecycle_fsm.sheet.numbers import Numbers, numbers, numbers_section
from lifecycle_fsm.sheet.page_fit import WIDE, WIDTHS, fits_paper, letter_size, paper_pieces
from lifecycle_fsm.sheet.readiness import Candidate, Readiness, readiness, readiness_section
from lifecycle_fsm.sheet.sheet_formatter import SheetFormatter
from lifecycle_fsm.tables import Column, TableWriter
from lifecycle_fsm.tables.output_tables import save_frames
from lifecycle_fsm.wording import clean, format_instant, plain, sentence
from lifecycle_fsm.zones import find_zone

_STYLE = Path(__file__).with_name("sheet.css")


@attrs.frozen(kw_only=True, slots=False)
class Sheet:
    """What marketing and sales agreed, on one page; made by :func:`make_sheet`.

    Args:
        model: what they agreed on.
        zone: the zone in which the sheet shows times.
        as_of: the instant of the numbers and the list; ``None`` without these.
        numbers: what happened, if a history was given.
        readiness: the litmus list, if people were given and there is a stage to qualify for.
        picture: the diagram of the model, or of its funnel.
        phone: the same for a narrow screen.
    """

    model: Model = attrs.field(repr=False)
    zone: str
    as_of: datetime | None
    numbers: Numbers | None = attrs.field(repr=False)
    readiness: Readiness | None = attrs.field(repr=False)
    picture: Drawing = attrs.field(repr=False)
    phone: Drawing = attrs.field(repr=False)

    @property
    def title(self) -> str:
        """The title of the model, or its name as words."""
        return _title(self.model)

    @cached_property
    def parts(self) -> Mapping[str, tuple[doc.Section, ...]]:
        """The parts as blocks, by name, in the order of running text; empty without content."""
        formatter = SheetFormatter(self.model)
        numbers, ready = self.numbers, self.readiness
        parts: dict[str, Iterable[doc.Section]] = {
            "stages": model_sections.stages(formatter),
            "tokens": model_sections.tokens(formatter),
            "owners": model_sections.owners(formatter),
            "starts": model_sections.starts(formatter),
            "fast_tracks": model_sections.fast_tracks(formatter),
            "reasons": model_sections.reasons(formatter),
            "rules": (
                *rule_sections.deadlines(formatter, numbers.kept if numbers else {}),
                *rule_sections.assignment(formatter),
                *rule_sections.alerts(formatter),
                *rule_sections.lists(formatter),
            ),
            "points": (*rule_sections.scores(formatter), *rule_sections.limits(formatter)),
            "vocabulary": model_sections.vocabulary(formatter),
            "numbers": (numbers_section(numbers, self.model, self.zone),) if numbers else (),
            "readiness": (readiness_section(ready, self.zone),) if ready else (),
            "signed": (_signed(self.model),),
        }
        return {name: tuple(sections) for name, sections in parts.items()}

    def html(self) -> str:
        """The sheet as one self-contained HTML file.

        Raises:
            MissingExtra: Jinja, Graphviz or its font is not installed.
        """
        blocks, letters = _page(self.parts, self.picture, self.phone)
        return render_html(
            self._document(blocks),
            title=f"{self.title}: what marketing and sales agreed",
            style=_STYLE.read_text("utf-8"),
            sizes=_colors(self.model) | {"letters": f"{letters:.2f}pt"},
        )

    def markdown(self, picture: str | None = None) -> str:
        """The sheet as Markdown.

        Args:
            picture: a link to the picture as a file; without it, a Mermaid block draws it.
        """
        drawing = doc.Picture(
            title=self.picture.title, mermaid=self.picture.mermaid or "", link=picture or ""
        )
        return render_markdown(self._document((drawing, *chain.from_iterable(self.parts.values()))))

    def _document(self, blocks: Iterable[doc.Block]) -> doc.Document:
        facts = [
            doc.KeyValue("Model", doc.strong(self.model.name)),
            doc.KeyValue("Version", doc.Inline(self.model.version, "code")),
        ]
        if self.as_of is not None:
            facts.append(doc.KeyValue("As of", format_instant(self.as_of, self.zone)))
        links = (
            ("way", "The way of a lead", True),
            ("numbers", "What happened", self.numbers),
            ("stages", "The stages", True),
            ("rules", "The rules", True),
            ("litmus", "Who qualifies", self.readiness),
            ("signed", "Signed", True),
        )
        return doc.Document(
            title=self.title,
            lead=clean(self.model.description),
            facts=tuple(facts),
            links=tuple((part, name) for part, name, there in links if there),
            blocks=blocks,
        )

    def save(self, path: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Write the format that the suffix names: ``.html`` or ``.md``.

        Markdown cannot contain the picture, so it is saved as an SVG next to it.

        Returns:
            the files that were written.

        Raises:
            FileProblem: the suffix is neither of these, or a file cannot be written.
        """
        target = Path(path)
        match target.suffix.lower():
            case ".html" | ".htm":
                write_file(target, self.html())
                return (target,)
            case ".md":
                beside = target.with_name(f"{target.stem}-picture.svg")
                with whole_file(target) as page, whole_file(beside) as picture:
                    page.write(self.markdown(beside.name).encode())
                    picture.write(self.picture.svg().encode())
                return target, beside
        what = f"the suffix {target.suffix!r}" if target.suffix else "a name without suffix"
        raise FileProblem(f"{target}: {what} names no form of a sheet; use .html or .md")

    def save_people(self, path: str | os.PathLike[str]) -> Path:
        """Write the complete lists of people as a table, CSV or Parquet by its name: who would
        qualify, and who is just below, the nearest first.

        Raises:
            LifecycleError: the sheet has no such lists.
            FileProblem: the name has neither suffix, or the file cannot be written.
        """
        ready = self.readiness
        if ready is None:
            raise LifecycleError("the sheet lists nobody: it was made without people")
        table = TableWriter((*_LISTED, *_NEARNESS), ready.everybody).take()
        names = [column.name for column in _NEARNESS]
        target = Path(path)
        rows = table.sort(*names, "id", maintain_order=True).drop(names)
        save_frames([target], [rows], _LISTED)
        return target


_LISTED: tuple[Column[Candidate], ...] = (
    Column("list", "str", lambda person: "just below" if person.unmet else "would qualify"),
    *(
        Column(name, "str", attrgetter(name))
        for name in ("id", "name", "email", "owner", "assigned_to", "stage")
    ),
    Column("since", "datetime", attrgetter("since")),
    Column("move", "str", attrgetter("label")),
    Column("reasons", "texts", attrgetter("reasons")),
)
#: The order of those below; who would qualify lacks nothing, and comes first.
_NEARNESS: tuple[Column[Candidate], ...] = (
    Column("unmet", "int", attrgetter("unmet")),
    Column("distance", "float", attrgetter("distance")),
)


def make_sheet(
    model: Model,
    *,
    history: Iterable[HistoryRow] | None = None,
    people: Iterable[Any] | None = None,
    deadlines: Iterable[DeadlineFact] | None = None,
    now: datetime | str | None = None,
    zone: str = "UTC",
    ready: str | None = None,
    where: object = None,
) -> Sheet:
    """Make the sheet that marketing and sales sign.

    Args:
        model: what they agree on.
        history: what happened, for the numbers: the history rows of a run of the model.
        people: persons, for the litmus list: who qualifies now, who is nearest, and why. Those of a
            :class:`.StoredTable`, such as ``PeopleTable``, are read when they are needed, and the
            list holds only the first of them.
        deadlines: the outcomes of deadlines, for how often they were kept.
        now: the instant of the numbers and the list; by default, the last instant of the history.
            What happened later is left out of the numbers.
        zone: the zone in which times are shown.
        ready: the stage for the litmus list; by default, the stage of people who are ready for
            sales.
        where: only journeys for which this guard holds; see :func:`.observe`. Of the people, those
            who are on such a journey.

    Raises:
        LifecycleError: the zone or stage does not exist, there is no way to know what time it is,
            or the filter cannot be used.
        MissingExtra: the numbers need scipy.
    """
    find_zone(zone)
    rows = None
    if history is not None:
        rows = history if isinstance(history, StoredHistory) else HistoryInMemory(history)
    persons: Iterable[Any] | None
    persons = people if people is None or isinstance(people, StoredTable) else list(people)
    as_of = _now(now, rows, persons)
    measured = candidates = None
    if where is not None and rows is None:
        raise LifecycleError("a filter (where) needs a history: it says which journeys are meant")
    if rows is not None and rows.last is not None and as_of is not None:
        scope = observe(rows, model, until=as_of, zone=zone, where=where, deadlines=deadlines)
        measured = numbers(scope, as_of)
        if persons is not None and where is not None:
            persons = _chosen(persons, {visit.person for visit in scope.present()})
    if persons is not None and as_of is not None:
        candidates = readiness(model, persons, as_of, ready)
    picture, phone = _draw(model, measured.counts if measured else None)
    return Sheet(
        model=model,
        zone=zone,
        as_of=as_of,
        numbers=measured,
        readiness=candidates,
        picture=picture,
        phone=phone,
    )


def _colors(model: Model) -> dict[str, str]:
    """The variables of the style sheet that a theme sets."""
    theme = model.theme
    if theme is None:
        return {}
    colors = recolored(theme)
    inks = {"ink": theme.ink, "paper": theme.paper, "accent": theme.accent}
    inks |= {"soft": colors[SOFT], "rule": colors[RULE], "tint": colors[NEUTRAL.tint]}
    return inks | ({"font": f"'{theme.font}'"} if theme.font else {})


def _title(model: Model) -> str:
    return clean(model.title) or sentence(plain(model.name))


def _chosen(people: Iterable[Any], ids: Collection[str]) -> Iterable[Any]:
    """The people with these ids."""
    chosen = _Chosen(people, ids)
    return chosen if isinstance(people, StoredTable) else list(chosen)


@attrs.frozen
class _Chosen(StoredTable[Any]):
    people: Iterable[Any]
    ids: Collection[str]

    def __iter__(self) -> Iterator[Any]:
        return (person for person in self.people if person.id in self.ids)

    def about(self, records: Collection[str]) -> Iterable[Any]:
        return (person for person in self if person.id in records)


def _now(
    now: datetime | str | None, rows: StoredHistory | None, people: Iterable[Any] | None
) -> datetime | None:
    """The instant of a sheet, which never comes from the clock of the machine."""
    if now is not None:
        return instant(now)
    if rows is not None and rows.last is not None:
        return rows.last
    last: datetime | None = None
    empty = True
    for person in people or ():
        empty, at = False, person.stage_entered_at
        if at is not None and (last is None or at > last):
            last = at
    if not empty and last is None:
        raise LifecycleError(
            "the litmus list needs an instant, and nothing says when anybody came into a "
            "stage: give now"
        )
    return last


# -- pictures and layout -----------------------------------------------------------------------


def _draw(model: Model, counts: Counts | None) -> tuple[Drawing, Drawing]:
    """The diagram of the model or of its funnel, for paper and for a phone, without a heading: the
    page has one."""
    title = _title(model)
    if counts is None:
        whole = draw_model(model, title=title, rules=False)
    else:
        whole = draw_funnel(model, counts, title=title)
    for wide in WIDTHS:
        canvas = draw_chart(model, counts, title="", subtitle="", parts=SHEET, wide=wide)
        if fits_paper(canvas):
            break
    phone = draw_chart(model, counts, title="", subtitle="", portrait=True)
    return attrs.evolve(whole, canvas=canvas), attrs.evolve(whole, canvas=phone)


def _signed(model: Model) -> doc.Section:
    """Lines to sign on, and what the version means."""
    version = doc.Paragraph(
        (
            doc.strong(f"Version {model.version}"),
            f" of the model “{model.name}” names what these rules mean. It changes as soon as "
            "a rule, a number or a list on this sheet changes, and stays the same when only names, "
            "texts or explanations do. A system that shows this version runs what was signed here.",
        ),
        note=True,
    )
    blocks = (
        doc.Group(style="signatures", blocks=(doc.Signatures(("Marketing", "Sales")), version)),
    )
    return doc.Section(title="Signed", id="signed", blocks=blocks)


_BESIDE = ("tokens", "owners", "starts", "reasons", "vocabulary")


def _page(
    parts: Mapping[str, tuple[doc.Section, ...]], drawing: Drawing, phone: Drawing
) -> tuple[tuple[doc.Block, ...], float]:
    """All parts, as a page arranges them, and the size of letters on paper in points."""
    strip, rules = parts["fast_tracks"], parts["rules"]
    if parts["numbers"]:
        rules = (*parts["points"], *rules)
    else:
        strip = (*strip, *parts["points"])
    picture = doc.Picture(
        title="Picture of the lifecycle",
        svg=drawing.svg(page=True),
        narrow=phone.svg(page=True),
        pieces=paper_pieces(drawing.canvas),
    )
    flow: tuple[doc.Block, ...] = (
        doc.Group(style="side", blocks=chain.from_iterable(parts[name] for name in _BESIDE)),
        doc.Group(style="strip wide-strip" if parts["numbers"] else "strip", blocks=strip),
        *parts["stages"],
        doc.Group(style="columns", id="rules", blocks=rules),
    )
    blocks: tuple[doc.Block, ...] = (
        doc.Section(title="The way of a lead", id="way", blocks=(picture,)),
        *parts["numbers"],
        doc.Group(style="flow", blocks=flow),
        *parts["readiness"],
        *parts["signed"],
    )
    wide = [name for name in WIDE if parts[name]]
    return blocks, letter_size(picture.pieces, flow, wide)
