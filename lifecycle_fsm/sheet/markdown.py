"""A sheet as Markdown, as GitHub and most wikis render it: the same parts as the HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from lifecycle_fsm.diagram import Drawing
from lifecycle_fsm.diagram.text_fit import number
from lifecycle_fsm.sheet import show
from lifecycle_fsm.sheet.contents import Asked, Contents, Due, FastTrack, Score, StageLine, Way
from lifecycle_fsm.sheet.litmus import SHOWN, Candidate
from lifecycle_fsm.wording import joined, sentence

BREAK = "<br>"
_MARKUP = re.compile(r"([\\`*_\[\]|~$#])")


def page(contents: Contents, picture: Drawing, link: str | None) -> str:
    """The whole page; ``link`` leads to the picture, which is a Mermaid block without one."""
    parts = [
        _heading(contents),
        _picture(picture, link),
        *(text for part in _PARTS if (text := "\n".join(part(contents)).strip())),
    ]
    return "\n\n".join(parts) + "\n"


def text(words: str) -> str:
    """Words as they are, whatever stands in them."""
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", escaped)


def bold(words: str) -> str:
    """Words that stand out."""
    return f"**{text(words)}**" if words.strip() else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> Iterator[str]:
    """A table whose last columns are numbers; a table without rows is none."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if lines:
        rules = ["---"] * (len(head) - right) + ["--:"] * right
        yield f"| {' | '.join(head)} |"
        yield f"| {' | '.join(rules)} |"
        yield from lines
        yield ""


def _heading(contents: Contents) -> str:
    facts = [f"Model {bold(contents.model)}", f"version `{contents.version}`"]
    if contents.as_of is not None:
        facts.append(f"as of {show.moment(contents.as_of, contents.zone)}")
    lines = [f"# {text(contents.title)}", text(contents.description), " · ".join(facts)]
    return "\n\n".join(line for line in lines if line)


def _picture(picture: Drawing, link: str | None) -> str:
    if link is not None:
        return f"![{text(picture.title)}]({link.replace(' ', '%20')})"
    return f"```mermaid\n{(picture.mermaid or '').strip()}\n```"


def _stages(contents: Contents) -> Iterator[str]:
    yield "## The stages\n"
    rows = map(_stage, contents.stages)
    yield from _table(("Stage", "It means", "A person gets here when", "What we do"), rows)


def _stage(stage: StageLine) -> tuple[str, ...]:
    place = "off the path" if stage.off_path else stage.group
    own = " · ".join(text(part) for part in (stage.owner, place) if part)
    name = " ".join(part for part in (text(stage.code), bold(stage.title)) if part)
    means = [part for part in (bold(stage.label), text(stage.meaning)) if part]
    ways = [_way(one) for one in stage.ways] or ["Everybody starts here."]
    if stage.then:
        ways.append(f"Whoever is moved here: {text(joined(stage.then))}.")
    does = [f"{one}." for one in map(text, (*stage.due, stage.mail)) if one]
    return (
        BREAK.join(part for part in (name, own) if part),
        ". ".join(means) or show.NOTHING,
        BREAK.join(ways),
        BREAK.join(part for part in (text(stage.playbook), " ".join(does)) if part) or show.NOTHING,
    )


def _way(way: Way) -> str:
    said = bold(sentence(way.label)) + (f": {text(way.condition)}" if way.condition else "")
    if way.by_hand:
        said += f" (by hand: “{text(way.by_hand)}”)"
    origins = (["new people"] if way.new else []) + [text(one) for one in way.origins]
    said += f" *from {joined(origins)}*"
    return said + (f" Then {text(joined(way.then))}." if way.then else "")


def _tokens(contents: Contents) -> Iterator[str]:
    if contents.tokens:
        yield "## What we agreed\n"
        rows = (
            (text(sentence(one.name)), bold(one.value), text(", ".join(one.decides)))
            for one in sorted(contents.tokens, key=lambda one: one.kind != "number")
        )
        yield from _table(("Name", "Value", "It decides"), rows)


def _owners(contents: Contents) -> Iterator[str]:
    if contents.owners:
        yield "## Who owns what\n"
        for one in contents.owners:
            yield f"- {bold(one.name)}: {text(', '.join(one.stages))}"


def _starts(contents: Contents) -> Iterator[str]:
    if contents.starts:
        yield "## Where new people start\n\nThe first that holds counts.\n"
        for place, one in enumerate(contents.starts, 1):
            yield f"{place}. {text(sentence(one.label))} → {bold(one.target)}"


def _fast_tracks(contents: Contents) -> Iterator[str]:
    if contents.fast_tracks:
        yield "## Fast tracks\n\nMoves past stages, and what becomes of these.\n"
        yield from _table(
            ("When", "From", "To", "Stages between"), map(_track, contents.fast_tracks)
        )
        kinds = {one.credit for one in contents.fast_tracks}
        if True in kinds:
            yield (
                "- **Passed over**: marked as skipped, never filled in as if the person had been "
                "there."
            )
        if False in kinds:
            yield (
                "- **Without credit**: no conversion rate counts them, because nobody had the "
                "chance to work there."
            )


def _track(one: FastTrack) -> tuple[str, ...]:
    what = "passed over" if one.credit else "without credit"
    return (
        bold(sentence(one.label)),
        text(joined(one.origins or ("new people",))),
        text(one.target),
        f"{text(joined(one.passed))} {what}",
    )


def _reasons(contents: Contents) -> Iterator[str]:
    if contents.reasons:
        yield "## Why sales gives a lead back\n\nThe reason decides where the lead goes.\n"
        rows = (
            (
                (f"{text(sentence(one.name))}: " if one.name else "")
                + bold(", ".join(one.reasons)),
                f"{bold(one.target)} *from {text(joined(one.origins, 'or'))}*",
            )
            for one in contents.reasons
        )
        yield from _table(("Reason", "The lead goes to"), rows)


def _dues(contents: Contents) -> Iterator[str]:
    if contents.dues:
        yield "## Deadlines\n\nA miss moves nobody; somebody is told.\n"
        for one in contents.dues:
            yield _due(contents, one)
        if contents.hours:
            several = len(contents.hours) > 1
            hours = (
                (f"“{text(one.word)}”: " if several else "") + text(one.meaning)
                for one in contents.hours
            )
            yield f"\nWorking time: {'; '.join(hours)}."


def _due(contents: Contents, one: Due) -> str:
    missed = text(one.missed) or "it is recorded"
    if one.after:
        return f"  - {text(sentence(one.within))} later, {bold(one.what)}: {missed}."
    said = f"- {bold(f'{one.stage}, {one.what}')}: within {text(one.within)}"
    said += (f", if {text(one.condition)}" if one.condition else "") + f". If not: {missed}."
    kept = contents.numbers.kept.get(one.name) if contents.numbers else None
    if kept is not None:
        said += f" Kept: {bold(show.percent(kept))} of {number(kept.whole)}."
    return said


def _assignment(contents: Contents) -> Iterator[str]:
    if contents.assignment:
        yield "## Who works on whom\n"
        yield (
            "The first line that holds names somebody. Only what sales does then accepts the "
            "lead.\n"
        )
        yield from _asked(contents.assignment)


def _alerts(contents: Contents) -> Iterator[str]:
    if contents.alerts:
        yield "## Alerts and tasks\n\nWhat is asked for by itself, and of whom.\n"
        yield from _asked(contents.alerts)


def _asked(rows: Sequence[Asked]) -> Iterator[str]:
    for occasion, group in show.by_occasion(rows):
        yield f"- {bold(occasion)}"
        for one in group:
            said = f"If {one.condition}: {one.what}" if one.condition else sentence(one.what)
            said += f", due in {one.due}" if one.due else ""
            said += ", once the CRM has the record" if one.waits else ""
            words = f" *“{text(one.text)}”*" if one.text else ""
            yield f"  - {text(said)}.{words}"


def _lists(contents: Contents) -> Iterator[str]:
    if contents.lists:
        yield "## Lists\n"
        for one in contents.lists:
            on = f"onto it {', and '.join(one.on)}" if one.on else ""
            off = f"off it {', and '.join(one.off)}" if one.off else ""
            yield f"- {bold(sentence(one.name))}: {text('; '.join(filter(None, (on, off))))}."


def _scores(contents: Contents) -> Iterator[str]:
    for score in contents.scores:
        yield from _score(score)


def _score(score: Score) -> Iterator[str]:
    bounds = f", {score.bounds}" if score.bounds else ""
    yield f"## Points: {score.name.lower()}\n\nThey make the {text(score.meaning + bounds)}.\n"
    rows = (
        (text(one.what) + (f" *{text(one.limit)}*" if one.limit else ""), text(one.points))
        for one in score.points
    )
    yield from _table(("For", "Points"), rows, right=1)
    for one in score.fades:
        yield f"{text(one)}.\n"


def _limits(contents: Contents) -> Iterator[str]:
    if contents.limits:
        yield "## Bounds, and what fades\n"
        for limit in contents.limits:
            said = ". ".join(sentence(part) for part in (limit.bounds, *limit.fades) if part)
            yield f"- {bold(limit.name)}: {text(said)}."


def _words(contents: Contents) -> Iterator[str]:
    if contents.vocabulary:
        yield "## What the words mean\n"
        for one in contents.vocabulary:
            said = ". ".join(sentence(part) for part in (one.meaning, one.rule) if part)
            yield f"- {bold(sentence(one.word))}: {text(said)}"


def _numbers(contents: Contents) -> Iterator[str]:
    found = contents.numbers
    if found is None:
        return
    start = f"From {show.date(found.first, contents.zone)} to " if found.first else ""
    yield "## What happened\n"
    yield (
        f"{start}{show.moment(found.as_of, contents.zone)}: {number(found.people)} people, "
        f"{number(found.journeys)} journeys.\n"
    )
    rows = (
        (
            bold(one.title),
            number(one.people),
            number(one.entered),
            show.percent(one.through),
            show.percent(one.over),
            show.span(one.median, "not yet" if one.first_quartile else show.NOTHING),
            show.span(one.first_quartile),
            show.span(one.third_quartile),
        )
        for one in found.stages
    )
    head = (
        "Stage",
        "People now",
        "TriggeringActivity in",
        "Enter the next stage",
        "Enter it or pass it over",
        "Half have left after",
        "A quarter after",
        "Three quarters after",
    )
    yield from _table(head, rows, right=7)


def _litmus(contents: Contents) -> Iterator[str]:
    found = contents.litmus
    if found is None:
        return
    yield f"## Who would qualify for {text(found.stage)}, and who nearly does\n"
    yield f"{text(show.snapshot(found, contents.zone))}.\n"
    lists: tuple[tuple[str, str, tuple[Candidate, ...], str], ...] = (
        (f"Would qualify for {found.stage}", show.qualifying(found), found.qualify, "Why"),
        (f"Just below {found.stage}", show.nearly(found), found.nearest, "What is missing"),
    )
    for title, note, people, why in lists:
        yield f"### {text(title)}\n\n{text(note)}.\n"
        yield from _table(
            ("Who", "Where", why), (_candidate(contents, person) for person in people[:SHOWN])
        )
    if found.unasked:
        asked = text(joined(found.unasked))
        yield f"Not asked here, because a program decides it: {asked}."


def _candidate(contents: Contents, one: Candidate) -> tuple[str, ...]:
    since = f" since {show.date(one.since, contents.zone)}" if one.since else ""
    who = " ".join(filter(None, (bold(one.name), text(show.who(one)))))
    where = ", ".join(filter(None, (f"{text(one.stage)}{since}", text(show.acting(one)))))
    return who, where, text(sentence("; ".join(one.reasons)))


def _signed(contents: Contents) -> Iterator[str]:
    yield "## Signed\n"
    rows = ((f"For {side}", "", "", "") for side in ("marketing", "sales"))
    yield from _table(("", "Name", "Signature", "Date"), rows)
    strong, rest = show.version_note(contents.version, contents.model)
    yield f"{bold(strong)} {text(rest)}"


_PARTS: tuple[Callable[[Contents], Iterator[str]], ...] = (
    _stages,
    _tokens,
    _owners,
    _starts,
    _fast_tracks,
    _reasons,
    _dues,
    _assignment,
    _alerts,
    _lists,
    _scores,
    _limits,
    _words,
    _numbers,
    _litmus,
    _signed,
)
