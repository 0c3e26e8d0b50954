"""The parts of a sheet as blocks: the sentences of the sheet stand here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from lifecycle_fsm.document.blocks import (
    Alternatives,
    Block,
    BulletList,
    DataTable,
    Group,
    Inline,
    KeyValue,
    KeyValues,
    ListItem,
    Paragraph,
    Section,
    Signatures,
    TableRow,
)
from lifecycle_fsm.sheet.contents import (
    Contents,
    Due,
    FastTrack,
    Owner,
    RequestLine,
    Score,
    StageLine,
    WayIn,
    Word,
)
from lifecycle_fsm.sheet.numbers import Numbers, StageNumbers
from lifecycle_fsm.sheet.readiness import SHOWN, Candidate, Readiness
from lifecycle_fsm.wording import (
    counted,
    duration,
    format_date,
    format_instant,
    joined,
    percent,
    sentence,
)

_PASSED = "marked as skipped, never filled in as if the person had been there."
_NO_CREDIT = "no conversion rate counts them, because nobody had the chance to work there."


def strong(text: str) -> Inline:
    """What stands out."""
    return Inline(text, "strong")


def aside(text: str, *, detail: bool = False) -> Inline:
    """What steps back; a detail is left out in print."""
    return Inline(text, "aside", detail=detail)


def soft(text: str) -> Inline:
    """What steps back where there is colour."""
    return Inline(text, "soft")


def _if_any(section: Section, parts: object) -> tuple[Section, ...]:
    """The section, if there is anything for it to tell."""
    return (section,) if parts else ()


# -- stages ----------------------------------------------------------------------------------


def stages(contents: Contents) -> tuple[Section, ...]:
    """What each stage means, how a person gets there, and what we do then."""
    table = DataTable(
        head=("Stage", "It means", "A person gets here when", "What we do"),
        rows=map(_stage, contents.stages),
        label="What each stage means, how a person gets there, and what we do then",
        style="stack",
        row_heads=True,
    )
    return (Section(title="The stages", id="stages", blocks=(table,)),)


def _stage(stage: StageLine) -> TableRow:
    place = "off the path" if stage.off_path else stage.group
    code = (Inline(stage.code, "badge", stage.color), " ") if stage.code else ()
    between = " · " if stage.owner and place else ""
    name = [
        Paragraph((*code, strong(stage.title))),
        Paragraph((Inline(stage.owner, "own", stage.color), between, place)),
    ]
    means = (strong(stage.label), ". " if stage.label and stage.meaning else "", stage.meaning)
    if stage.ways:
        ways: list[Block] = [BulletList(map(_way, stage.ways), style="ways")]
    else:
        ways = [Paragraph("Everybody starts here.")]
    if stage.then:
        ways.append(Paragraph(f"Whoever is moved here: {joined(stage.then)}.", note=True))
    notes = " ".join(f"{note}." for note in (*stage.due, stage.mail) if note)
    does = [Paragraph(stage.playbook), Paragraph(notes, note=True)]
    return TableRow((_filled(name), means, ways, _filled(does)), shaded=stage.off_path)


def _filled(paragraphs: Iterable[Paragraph]) -> list[Paragraph]:
    return [paragraph for paragraph in paragraphs if paragraph.text]


def _way(way: WayIn) -> ListItem:
    origins = (["new people"] if way.new else []) + list(way.origins)
    return ListItem(
        (
            strong(sentence(way.label)),
            f": {way.condition}" if way.condition else "",
            *((" ", Inline(f"by hand: “{way.by_hand}”", "tag")) if way.by_hand else ()),
            " ",
            aside(f"from {joined(origins)}"),
            *((" ", soft(f"Then {joined(way.then)}.")) if way.then else ()),
        )
    )


# -- what was agreed ---------------------------------------------------------------------------


def tokens(contents: Contents) -> tuple[Section, ...]:
    """The numbers and lists that were agreed; on a page those of reasons have a section."""
    by_kind = sorted(contents.tokens, key=lambda token: token.kind != "number")
    rows = (
        (sentence(token.name), strong(token.value), ", ".join(token.decides)) for token in by_kind
    )
    table = DataTable(head=("Name", "Value", "It decides"), rows=rows)
    page = tuple(
        Section(title=title, id=f"{kind}-tokens", blocks=(KeyValues(pairs, style),))
        for kind, title, style in (
            ("number", "Numbers", "figures"),
            ("list", "Lists and names", ""),
        )
        if (
            pairs := tuple(
                KeyValue(
                    sentence(token.name),
                    (strong(token.value), " ", aside(", ".join(token.decides), detail=True)),
                )
                for token in contents.tokens
                if token.kind == kind
            )
        )
    )
    blocks = (Alternatives(page=page, text=(table,)),)
    return _if_any(Section(title="What we agreed", id="tokens", blocks=blocks), contents.tokens)


def owners(contents: Contents) -> tuple[Section, ...]:
    """Which system owns which stages."""

    def pair(owner: Owner) -> KeyValue:
        return KeyValue(Inline(owner.name, "own", owner.color), ", ".join(owner.stages))

    blocks = (KeyValues(map(pair, contents.owners)),)
    return _if_any(Section(title="Who owns what", id="owners", blocks=blocks), contents.owners)


def starts(contents: Contents) -> tuple[Section, ...]:
    """The sort of new people."""
    items = ((f"{sentence(start.label)} → ", strong(start.target)) for start in contents.starts)
    section = Section(
        title="Where new people start",
        id="starts",
        note="The first that holds counts.",
        blocks=(BulletList(items, ordered=True, style="tight"),),
    )
    return _if_any(section, contents.starts)


def reasons(contents: Contents) -> tuple[Section, ...]:
    """The reasons for which sales gives a lead back, and where each leads."""
    rows = (
        (
            (
                *((soft(f"{sentence(reason.name)}:"), " ") if reason.name else ()),
                strong(", ".join(reason.reasons)),
            ),
            (strong(reason.target), " ", aside(f"from {joined(reason.origins, 'or')}")),
        )
        for reason in contents.reasons
    )
    table = DataTable(
        head=("Reason", "The lead goes to"),
        rows=rows,
        caption="The reason decides where the lead goes.",
        style="plain",
    )
    section = Section(title="Why sales gives a lead back", id="reasons", blocks=(table,))
    return _if_any(section, contents.reasons)


def vocabulary(contents: Contents) -> tuple[Section, ...]:
    """What the words of the rules mean; only what a rule of the model says of them is printed."""

    def pair(word: Word) -> KeyValue:
        meaning = sentence(word.meaning) + (". " if word.meaning and word.rule else "")
        value = (Inline(meaning, detail=True), sentence(word.rule))
        return KeyValue(sentence(word.word), value, detail=not word.rule)

    section = Section(
        title="What the words mean",
        id="words",
        blocks=(KeyValues(map(pair, contents.vocabulary)),),
        detail=not any(word.rule for word in contents.vocabulary),
    )
    return _if_any(section, contents.vocabulary)


def fast_tracks(contents: Contents) -> tuple[Section, ...]:
    """The moves past stages, and what becomes of these."""
    tracks = contents.fast_tracks
    table = DataTable(head=("When", "From", "To", "Stages between"), rows=map(_track, tracks))
    items = (
        (
            strong(sentence(track.label)),
            f": {_from(track)} → {track.target} ",
            soft(_between(track)),
        )
        for track in tracks
    )
    legend = [
        (strong(word), f": {meaning}")
        for word, meaning, credit in (
            ("Passed over", _PASSED, True),
            ("Without credit", _NO_CREDIT, False),
        )
        if credit in {track.credit for track in tracks}
    ]
    note = [part for parts in legend for part in (*parts, " ")]
    layouts = Alternatives(
        page=(BulletList(items, style="run"), Paragraph(note[:-1], note=True)),
        text=(table, BulletList(legend)),
    )
    section = Section(
        title="Fast tracks",
        id="fast-tracks",
        note="Moves past stages, and what becomes of these.",
        blocks=(layouts,),
    )
    return _if_any(section, tracks)


def _track(track: FastTrack) -> TableRow:
    return TableRow((strong(sentence(track.label)), _from(track), track.target, _between(track)))


def _from(track: FastTrack) -> str:
    return joined(track.origins or ("new people",))


def _between(track: FastTrack) -> str:
    return f"{joined(track.passed)} {'passed over' if track.credit else 'without credit'}"


# -- the rules ---------------------------------------------------------------------------------


def dues(contents: Contents) -> tuple[Section, ...]:
    """The deadlines, each with its escalations below it, and how it was kept."""
    items: list[ListItem] = []
    for due in contents.dues:
        if due.after and items:
            last = items[-1]
            items[-1] = ListItem(last.text, (*last.below, ListItem(_escalation(due))))
        else:
            items.append(ListItem(_due(contents, due)))
    blocks: list[Block] = [BulletList(items, style="run")]
    if contents.hours:
        named = len(contents.hours) > 1
        hours = (
            f"“{hour.word}”: {hour.meaning}" if named else hour.meaning for hour in contents.hours
        )
        blocks.append(Paragraph(f"Working time: {'; '.join(hours)}.", note=True))
    section = Section(
        title="Deadlines",
        id="deadlines",
        note="A miss moves nobody; somebody is told.",
        blocks=blocks,
    )
    return _if_any(section, contents.dues)


def _escalation(due: Due) -> tuple[str | Inline, ...]:
    return f"{sentence(due.within)} later, ", strong(due.what), f": {_missed(due)}."


def _due(contents: Contents, due: Due) -> Iterator[str | Inline]:
    yield strong(f"{due.stage}, {due.what}")
    condition = f", if {due.condition}" if due.condition else ""
    yield f": within {due.within}{condition}. If not: {_missed(due)}."
    kept = contents.numbers.kept.get(due.name) if contents.numbers else None
    if kept is not None:
        yield from (" Kept: ", strong(percent(kept.share)), f" of {kept.whole:,}.")


def _missed(due: Due) -> str:
    return due.missed or "it is recorded"


def assignment(contents: Contents) -> tuple[Section, ...]:
    """Who works on whom."""
    section = Section(
        title="Who works on whom",
        id="assignment",
        note=(
            "The first line that holds names somebody. Only what sales does then accepts the lead."
        ),
        blocks=(_requests(contents.assignment),),
    )
    return _if_any(section, contents.assignment)


def alerts(contents: Contents) -> tuple[Section, ...]:
    """What is asked for by itself, and of whom."""
    section = Section(
        title="Alerts and tasks",
        id="alerts",
        note="What is asked for by itself, and of whom.",
        blocks=(_requests(contents.alerts),),
    )
    return _if_any(section, contents.alerts)


def _requests(rows: Sequence[RequestLine]) -> BulletList:
    """Runs of rows of one occasion: the order of an assignment counts."""
    items = (
        ListItem(strong(occasion), tuple(map(_request, run)))
        for occasion, run in groupby(rows, key=_occasion)
    )
    return BulletList(items, style="occasions")


def _occasion(row: RequestLine) -> str:
    return f"On entering {joined(row.entering, 'or')}" if row.entering else f"On “{row.activity}”"


def _request(row: RequestLine) -> ListItem:
    text = f"If {row.condition}: {row.what}" if row.condition else sentence(row.what)
    text += f", due in {row.due}" if row.due else ""
    text += ", once the CRM has the record" if row.waits else ""
    words = (" ", aside(f"“{row.text}”", detail=True)) if row.text else ()
    return ListItem((f"{text}.", *words))


def lists(contents: Contents) -> tuple[Section, ...]:
    """What puts people onto lists, and takes them off."""
    items = []
    for people in contents.lists:
        on = f"onto it {', and '.join(people.on)}" if people.on else ""
        off = f"off it {', and '.join(people.off)}" if people.off else ""
        ways = "; ".join(filter(None, (on, off)))
        items.append(ListItem((strong(sentence(people.name)), f": {ways}.")))
    blocks = (BulletList(items, style="run"),)
    return _if_any(Section(title="Lists", id="lists", blocks=blocks), items)


def scores(contents: Contents) -> tuple[Section, ...]:
    """What gives points."""
    return tuple(map(_score, contents.scores))


def _score(score: Score) -> Section:
    bounds = f", {score.bounds}" if score.bounds else ""
    rows = (
        ((rule.what, *((" ", aside(rule.limit)) if rule.limit else ())), rule.points)
        for rule in score.points
    )
    table = DataTable(
        head=("For", "Points"),
        rows=rows,
        align="number",
        caption=f"They make the {score.meaning}{bounds}.",
        style="points",
    )
    fades = (Paragraph(f"{fade}.", note=True) for fade in score.fades)
    return Section(title=f"Points: {score.name.lower()}", blocks=(table, *fades))


def limits(contents: Contents) -> tuple[Section, ...]:
    """The other fields with bounds, or that fade."""
    items = (
        (strong(limit.name), f": {'. '.join(map(sentence, filter(None, parts)))}.")
        for limit in contents.limits
        for parts in [(limit.bounds, *limit.fades)]
    )
    blocks = (BulletList(items, style="run"),)
    section = Section(title="Bounds, and what fades", id="limits", blocks=blocks)
    return _if_any(section, contents.limits)


# -- what happened -----------------------------------------------------------------------------


def numbers(contents: Contents) -> tuple[Section, ...]:
    """How many people there are, how many go on, and how long that takes."""
    measured = contents.numbers
    if measured is None:
        return ()
    start = f"From {format_date(measured.first, contents.zone)} to " if measured.first else ""
    section = Section(
        title="What happened",
        id="numbers",
        note=(
            f"{start}{format_instant(measured.as_of, contents.zone)}: {measured.people:,} people, "
            f"{measured.journeys:,} journeys."
        ),
        blocks=(Alternatives(page=(_by_measure(measured),), text=(_by_stage(measured),)),),
    )
    return (section,)


def _by_stage(measured: Numbers) -> DataTable:
    """A row for each stage."""
    return DataTable(
        head=(
            "Stage",
            "People now",
            "Came in",
            "Enter the next stage",
            "Enter it or pass it over",
            "Half have left after",
            "A quarter after",
            "Three quarters after",
        ),
        rows=(
            (
                strong(stage.title),
                *_counts(stage),
                _median(stage),
                duration(stage.first_quartile),
                duration(stage.third_quartile),
            )
            for stage in measured.stages
        ),
        align="number",
    )


def _by_measure(measured: Numbers) -> DataTable:
    """A column for each stage, as they stand below a picture of the path."""
    heads = (
        ("People now", ""),
        ("Came in", ""),
        ("Enter the next stage", " of journeys that entered this one"),
        ("Enter it or pass it over", ""),
        ("Half have left after", " (a quarter, three quarters)"),
    )
    columns = [(*_counts(stage), _median_and_quartiles(stage)) for stage in measured.stages]
    return DataTable(
        head=("", *(stage.title for stage in measured.stages)),
        rows=(
            TableRow(((name, soft(note)), *cells), detail=name == "Came in")
            for (name, note), cells in zip(heads, zip(*columns, strict=True), strict=True)
        ),
        align="number",
        label="What happened, by stage",
        style="wide",
        row_heads=True,
    )


def _counts(stage: StageNumbers) -> tuple[str, ...]:
    shares = (ratio.share if ratio else None for ratio in (stage.through, stage.over))
    return (
        f"{stage.people:,}",
        f"{stage.entered:,}",
        *(percent(share) for share in shares),
    )


def _median(stage: StageNumbers) -> str:
    return duration(stage.median, "not yet" if stage.first_quartile else "–")


def _median_and_quartiles(stage: StageNumbers) -> tuple[str | Inline, ...]:
    if not stage.first_quartile:
        return (_median(stage),)
    quartiles = (duration(time) for time in (stage.first_quartile, stage.third_quartile))
    return _median(stage), " ", soft(f"({', '.join(quartiles)})")


def readiness(contents: Contents) -> tuple[Section, ...]:
    """Who would qualify, and who nearly does."""
    ready = contents.litmus
    if ready is None:
        return ()
    blocks: list[Block] = [
        Group(
            style="pair",
            blocks=(
                _people(contents, f"Would qualify for {ready.stage}", qualifying(ready),
                        ready.qualify, "Why"),
                _people(contents, f"Just below {ready.stage}", nearly(ready),
                        ready.nearest, "What is missing"),
            ),
        )
    ]  # fmt: skip
    if ready.unasked:
        text = f"Not asked here, because a program decides it: {joined(ready.unasked)}."
        blocks.append(Paragraph(text, note=True))
    verb = "is" if ready.inside == 1 else "are"
    section = Section(
        title=f"Who would qualify for {ready.stage}, and who nearly does",
        id="litmus",
        note=(
            f"A snapshot of {format_instant(ready.now, contents.zone)}: who would qualify by these "
            f"rules as people stood then. {counted(ready.inside, 'person', 'people')} in "
            f"{ready.stage} already {verb} left out."
        ),
        blocks=blocks,
    )
    return (section,)


def _people(
    contents: Contents, title: str, note: str, people: Sequence[Candidate], why: str
) -> DataTable:
    return DataTable(
        head=("Who", "Where", why),
        rows=(_person(contents, person) for person in people[:SHOWN]),
        title=title,
        caption=f"{note}.",
        empty="Nobody.",
        style="stack litmus",
        row_heads=True,
    )


def _person(contents: Contents, person: Candidate) -> TableRow:
    known = identity(person)
    since = f"since {format_date(person.since, contents.zone)}" if person.since else ""
    acting = acting_on(person)
    return TableRow(
        (
            (strong(person.name), " " if known else "", soft(known)),
            (person.stage, " " if since else "", soft(since), ", " if acting else "", soft(acting)),
            sentence("; ".join(person.reasons)),
        )
    )


def identity(person: Candidate) -> str:
    """What tells somebody apart beside the name: the id and the address."""
    return ", ".join(filter(None, (person.id if person.id != person.name else "", person.email)))


def acting_on(person: Candidate) -> str:
    """Who has to do with somebody: the owner, and who is assigned."""
    assigned = person.assigned_to if person.assigned_to != person.owner else ""
    parts = (
        f"owner {person.owner}" if person.owner else "",
        f"assigned to {assigned}" if assigned else "",
    )
    return ", ".join(filter(None, parts))


def qualifying(ready: Readiness) -> str:
    """What the list of those who would qualify shows, and of how many."""
    return _shown(len(ready.qualify), ready)


def nearly(ready: Readiness) -> str:
    """What the list of those who are just below shows, and of how many."""
    return f"The nearest of {_shown(len(ready.nearest), ready)}"


def _shown(count: int, ready: Readiness) -> str:
    text = f"{counted(count, 'person', 'people')} in {joined(ready.origins)}"
    return text + ("; sheet --list FILE saves all" if count > SHOWN else "")


# -- what is signed ----------------------------------------------------------------------------


def signed(contents: Contents) -> tuple[Section, ...]:
    """Lines to sign on, and what the version means."""
    version = Paragraph(
        (
            strong(f"Version {contents.version}"),
            f" of the model “{contents.model}” names what these rules mean. It changes as soon as "
            "a rule, a number or a list on this sheet changes, and stays the same when only names, "
            "texts or explanations do. A system that shows this version runs what was signed here.",
        ),
        note=True,
    )
    blocks = (Group(style="signatures", blocks=(Signatures(("Marketing", "Sales")), version)),)
    return (Section(title="Signed", id="signed", blocks=blocks),)


# -- what stands together ----------------------------------------------------------------------


def beside_picture(contents: Contents) -> tuple[Section, ...]:
    """What was agreed, in a few words."""
    parts = (tokens, owners, starts, reasons, vocabulary)
    return tuple(section for part in parts for section in part(contents))


def points(contents: Contents) -> tuple[Section, ...]:
    """What raises and lowers numbers by itself."""
    return (*scores(contents), *limits(contents))


def rules(contents: Contents) -> tuple[Section, ...]:
    """What is asked of whom."""
    parts = (dues, assignment, alerts, lists)
    return tuple(section for part in parts for section in part(contents))
