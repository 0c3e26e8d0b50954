"""Who is asked to do what, and what happens automatically: deadlines, requests, lists, points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from lifecycle_fsm.document import blocks as doc
from lifecycle_fsm.funnel import Ratio
from lifecycle_fsm.model import AlertRule, AssignmentRule, Deadline, ScoreRule
from lifecycle_fsm.sheet.sheet_formatter import SheetFormatter
from lifecycle_fsm.wording import format_number, percent, plain, sentence

#: The two scores [S18]: their fields, and their names on a sheet.
_SCORES = {"demographic_score": "Fit", "behavior_score": "Interest"}
_LISTS = {"list_add": "onto", "list_remove": "off"}

# -- deadlines ---------------------------------------------------------------------------------


def deadlines(formatter: SheetFormatter, kept: Mapping[str, Ratio]) -> Iterator[doc.Section]:
    """The deadlines in the order of their stages, each with its escalations below it, and how often
    it was kept [S21]."""
    model = formatter.model
    if not model.deadlines:
        return
    first = [deadline for deadline in model.deadlines if not deadline.escalates]
    blocks: list[doc.Block] = [
        doc.BulletList(
            (
                doc.ListItem(
                    _deadline(formatter, deadline, kept.get(deadline.name)),
                    tuple(_escalations(formatter, deadline.name)),
                )
                for deadline in sorted(first, key=lambda row: formatter.order[row.stage])
            ),
            style="run",
        )
    ]
    used = {deadline.calendar for deadline in model.deadlines}
    calendars = [calendar for calendar in model.calendars if calendar.name in used]
    hours = [
        (f"“{plain(calendar.name)}”: " if len(calendars) > 1 else "") + formatter.hours(calendar)
        for calendar in calendars
    ]
    if hours:
        blocks.append(doc.Paragraph(f"Working time: {'; '.join(hours)}.", note=True))
    yield doc.Section(
        title="Deadlines",
        id="deadlines",
        note="A miss moves nobody; somebody is told.",
        blocks=blocks,
    )


def _deadline(
    formatter: SheetFormatter, deadline: Deadline, kept: Ratio | None
) -> Iterator[str | doc.Inline]:
    yield doc.strong(f"{formatter.stage(deadline.stage)}, {formatter.deadline(deadline)}")
    condition = formatter.condition(deadline.when)
    condition = f", if {condition}" if condition else ""
    missed = _missed(formatter, deadline)
    yield f": within {formatter.within(deadline)}{condition}. If not: {missed}."
    if kept is not None:
        yield from (" Kept: ", doc.strong(percent(kept.share)), f" of {kept.whole:,}.")


def _escalations(formatter: SheetFormatter, name: str) -> Iterator[doc.ListItem]:
    """The escalations of a deadline, each followed by its own."""
    for deadline in formatter.model.deadlines:
        if deadline.escalates == name:
            later = f"{sentence(formatter.within(deadline))} later, "
            what = doc.strong(formatter.deadline(deadline))
            yield doc.ListItem((later, what, f": {_missed(formatter, deadline)}."))
            yield from _escalations(formatter, deadline.name)


def _missed(formatter: SheetFormatter, deadline: Deadline) -> str:
    return formatter.asked(deadline.send, deadline) if deadline.send else "it is recorded"


# -- requests ----------------------------------------------------------------------------------


def assignment(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """Who works on which people: the first line that holds counts."""
    rules = formatter.model.assignment
    if rules:
        yield doc.Section(
            title="Who works on whom",
            id="assignment",
            note=(
                "The first line that holds names somebody. Only what sales does then accepts the "
                "lead."
            ),
            blocks=(_requests(formatter, rules),),
        )


def alerts(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """Who is asked to do what when a stage is entered, and when an activity arrives."""
    rules = [rule for rule in _in_order(formatter) if rule.send not in _LISTS]
    if rules:
        yield doc.Section(
            title="Alerts and tasks",
            id="alerts",
            note="What is asked for by itself, and of whom.",
            blocks=(_requests(formatter, rules),),
        )


def _requests(
    formatter: SheetFormatter, rules: Sequence[AlertRule | AssignmentRule]
) -> doc.BulletList:
    """The rules in order (it matters for assignment), grouped by runs of one occasion."""
    items = (
        doc.ListItem(doc.strong(f"On {occasion}"), tuple(_request(formatter, rule) for rule in run))
        for occasion, run in groupby(rules, key=formatter.occasion)
    )
    return doc.BulletList(items, style="occasions")


def _request(formatter: SheetFormatter, rule: AlertRule | AssignmentRule) -> doc.ListItem:
    if isinstance(rule, AlertRule):
        what = formatter.asked(rule.send, rule)
    else:
        what = f"to {formatter.receiver(rule.to)}"
    condition = formatter.condition(rule.when)
    text = f"If {condition}: {what}" if condition else sentence(what)
    due = [row for row in formatter.model.deadlines if row.name == rule.deadline]
    text += "".join(f", due in {formatter.within(deadline)}" for deadline in due)
    text += ", once the CRM has the record" if rule.links_to_crm else ""
    words = formatter.text(rule.text)
    return doc.ListItem(
        (f"{text}.", *((" ", doc.aside(f"“{words}”", detail=True)) if words else ()))
    )


def lists(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """What adds people to lists, and removes them."""
    changes: dict[str, dict[str, list[str]]] = {}
    for rule in _in_order(formatter):
        if rule.send in _LISTS:
            kinds = changes.setdefault(formatter.receiver(rule.to), {kind: [] for kind in _LISTS})
            condition = formatter.condition(rule.when)
            kinds[rule.send].append(
                f"{'when' if rule.entering else 'on'} {formatter.occasion(rule)}"
                + (f" if {condition}" if condition else "")
            )
    items = []
    for name, kinds in changes.items():
        ways = (
            f"{_LISTS[kind]} it {', and '.join(whens)}" for kind, whens in kinds.items() if whens
        )
        items.append((doc.strong(sentence(name)), f": {'; '.join(ways)}."))
    if items:
        yield doc.Section(title="Lists", id="lists", blocks=(doc.BulletList(items, style="run"),))


def _in_order(formatter: SheetFormatter) -> list[AlertRule]:
    def place(rule: AlertRule) -> int:
        return min((formatter.order[name] for name in rule.entering), default=len(formatter.order))

    return sorted(formatter.model.alerts, key=place)


# -- points ------------------------------------------------------------------------------------


def scores(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """Fit and interest, each with the rules that give points, its bounds and its decay; an empty
    one is left out."""
    for field, name in _SCORES.items():
        by_activity = field == "behavior_score"
        rules = [rule for rule in formatter.model.scoring if (rule.on is not None) == by_activity]
        bounds, fades = _bounds(formatter, field), _fades(formatter, field)
        if rules or bounds or fades:
            table = doc.DataTable(
                head=("For", "Points"),
                rows=(_points(formatter, rule) for rule in rules),
                align="number",
                caption=(
                    f"They make the {formatter.field(field)}{f', {bounds}' if bounds else ''}."
                ),
                style="points",
            )
            notes = (doc.Paragraph(f"{fade}.", note=True) for fade in fades)
            yield doc.Section(title=f"Points: {name.lower()}", blocks=(table, *notes))


def _points(formatter: SheetFormatter, rule: ScoreRule) -> tuple[tuple[str | doc.Inline, ...], str]:
    occasion = sentence(plain(rule.on)) if rule.on else ""
    what = ", ".join(filter(None, (occasion, formatter.condition(rule.when))))
    limit = formatter.limit(rule)
    text = sentence(what or plain(rule.name))
    return (text, *((" ", doc.aside(limit)) if limit else ())), formatter.points(rule)


def limits(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """The other fields with decay or bounds."""
    model = formatter.model
    faded = [effect.field for decay in model.decay for effect in decay.then]
    items = []
    for name in dict.fromkeys((*faded, *(field.name for field in model.fields))):
        bounds, fades = _bounds(formatter, name), _fades(formatter, name)
        parts = [sentence(bounds), *fades] if bounds else fades
        if parts and name not in _SCORES:
            items.append((doc.strong(sentence(formatter.field(name))), f": {'. '.join(parts)}."))
    if items:
        blocks = (doc.BulletList(items, style="run"),)
        yield doc.Section(title="Bounds, and what fades", id="limits", blocks=blocks)


def _bounds(formatter: SheetFormatter, field: str) -> str:
    kind = formatter.model.field_types[field]
    bounds = (("below", kind.minimum), ("above", kind.maximum))
    return " and ".join(
        f"never {side} {format_number(bound)}" for side, bound in bounds if bound is not None
    )


def _fades(formatter: SheetFormatter, field: str) -> list[str]:
    """How a field decays, a sentence for each rule."""
    fades = []
    for decay in formatter.model.decay:
        effects = [effect for effect in decay.then if effect.field == field]
        if effects:
            name = formatter.field(decay.since)
            since = f"without {name}" if decay.since == "scored_at" else f"after the {name}"
            what = " and ".join(formatter.effects(effects))
            text = f"every {formatter.length(decay.every)} {since}, {what}"
            condition = formatter.condition(decay.when)
            fades.append(sentence(text + (f", if {condition}" if condition else "")))
    return fades
