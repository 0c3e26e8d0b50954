"""What was agreed: the stages of a model, the ways into them, its numbers and its terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lifecycle_fsm.diagram.look import Palette
from lifecycle_fsm.document import blocks as doc
from lifecycle_fsm.guard import Guard, Term, inline, reads
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Edge, Move, Stage
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.sheet.sheet_formatter import SheetFormatter, effects_of
from lifecycle_fsm.wording import (
    Phrase,
    as_number,
    clean,
    joined,
    outline,
    plain,
    rule_words,
    sentence,
)

_MAIL = {
    "nurture": "Marketing mail: nurture",
    "paused": "Marketing mail is paused",
    "suspended": "No marketing mail",
}
_REASON = tree.Field("rejection_reason")
_PASSED = "marked as skipped, never filled in as if the person had been there."
_NO_CREDIT = "no conversion rate counts them, because nobody had the chance to work there."

# -- stages ----------------------------------------------------------------------------------


def stages(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """What each stage means, how a person gets there, and what its owner does then."""
    palette = Palette(formatter.model)
    table = doc.DataTable(
        head=("Stage", "It means", "A person gets here when", "What we do"),
        rows=(_stage(formatter, palette, stage) for stage in formatter.model.stages),
        label="What each stage means, how a person gets there, and what we do then",
        style="stack",
        row_heads=True,
    )
    yield doc.Section(title="The stages", id="stages", blocks=(table,))


def _stage(formatter: SheetFormatter, palette: Palette, stage: Stage) -> doc.TableRow:
    owner, color = clean(palette.owner(stage.name)), palette.system(stage.system).line
    place = "off the path" if stage.off_path else clean(stage.group)
    code = (doc.Inline(clean(stage.code), "badge", color), " ") if clean(stage.code) else ()
    name = (
        doc.Paragraph((*code, doc.strong(clean(stage.display)))),
        doc.Paragraph((doc.Inline(owner, "own", color), " · " if owner and place else "", place)),
    )
    label, meaning = clean(stage.label), clean(stage.description)
    notes = [
        f"{sentence(formatter.deadline(deadline))}: within {formatter.within(deadline)}."
        for deadline in formatter.model.deadlines
        if deadline.stage == stage.name and not deadline.escalates
    ]
    mail = f"{_MAIL[stage.mail]}." if stage.mail else ""
    # On paper, the deadlines stand in their own section only.
    due = doc.Inline(" ".join([*notes, ""] if mail else notes), detail=True)
    does = (doc.Paragraph(clean(stage.playbook)), doc.Paragraph((due, mail), note=True))
    return doc.TableRow(
        (
            _filled(name),
            (doc.strong(label), ". " if label and meaning else "", meaning),
            _ways(formatter, stage.name),
            _filled(does),
        ),
        shaded=stage.off_path,
    )


def _filled(paragraphs: Iterable[doc.Paragraph]) -> list[doc.Paragraph]:
    return [paragraph for paragraph in paragraphs if paragraph.text]


def _ways(formatter: SheetFormatter, stage: str) -> list[doc.Block]:
    """The ways into a stage, with moves of the same guard combined, and the effects they share."""
    groups: dict[tuple[str, str], list[Edge]] = {}
    # The label of a step is the best text for a guard that several moves share.
    for edge in sorted(formatter.edges, key=lambda edge: edge.kind != "step"):
        if edge.target == stage:
            key = formatter.condition(edge.when), edge.on or ""
            if isinstance(edge.when, tree.Always) and edge.on is None:
                key = rule_words(edge.rule), ""
            groups.setdefault(key, []).append(edge)
    if not groups:
        return [doc.Paragraph("Everybody starts here.")]
    # The sort has no effects, so effects that all moves share do not apply to new people.
    effects = {
        edge.rule.then for edges in groups.values() for edge in edges if isinstance(edge.rule, Move)
    }
    shared = formatter.effects(next(iter(effects))) if len(effects) == 1 else ()
    items = (_way(formatter, edges, tell_effects=not shared) for edges in groups.values())
    blocks: list[doc.Block] = [doc.BulletList(items, style="ways")]
    if shared:
        blocks.append(doc.Paragraph(f"Whoever is moved here: {joined(shared)}.", note=True))
    return blocks


def _way(formatter: SheetFormatter, edges: list[Edge], *, tell_effects: bool) -> doc.ListItem:
    first, new = edges[0], formatter.model.initial.name
    phrase, trigger = outline(formatter, first.when) or Phrase(""), plain(first.on or "")
    origins = ["new people"] if any(edge.source == new for edge in edges) else []
    effects = dict.fromkeys(
        text for edge in edges for text in formatter.effects(effects_of(edge)) if tell_effects
    )
    return doc.ListItem(
        (
            doc.strong(sentence(rule_words(first.rule))),
            f": {phrase.text}" if phrase.text and not phrase.parts else "",
            *((" ", doc.Inline(f"by hand: “{trigger}”", "tag")) if trigger else ()),
            " ",
            doc.aside(f"from {joined([*origins, *formatter.origins(edges)])}"),
            *((" ", doc.soft(f"Then {joined(effects)}.")) if effects else ()),
            f" when {phrase.text}" if phrase.parts else "",
        ),
        tuple(map(_part, phrase.parts)),
    )


def _part(phrase: Phrase) -> doc.ListItem:
    return doc.ListItem(phrase.text, tuple(map(_part, phrase.parts)))


def owners(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """Which system owns which stages."""
    palette = Palette(formatter.model)
    owned: dict[str, list[str]] = {}
    for stage in formatter.model.stages:
        owned.setdefault(stage.system, []).append(stage.name)
    pairs = [
        doc.KeyValue(
            doc.Inline(clean(palette.labels[name]), "own", paint.line),
            ", ".join(formatter.stages(owned[name])),
        )
        for name, paint in palette.systems.items()
        if name in owned
    ]
    if pairs:
        yield doc.Section(title="Who owns what", id="owners", blocks=(doc.KeyValues(pairs),))


def starts(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """The sort of new people [S15]."""
    items = [
        (f"{sentence(rule_words(rule))} → ", doc.strong(formatter.stage(rule.target)))
        for rule in formatter.model.sort
    ]
    if items:
        yield doc.Section(
            title="Where new people start",
            id="starts",
            note="The first that holds counts.",
            blocks=(doc.BulletList(items, ordered=True, style="tight"),),
        )


def fast_tracks(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """The moves that skip stages, and what happens to those stages [S6]. Moves with the same name
    and target are combined, the sort's first."""
    groups: dict[tuple[str, str, bool], list[Edge]] = {}
    for edge in sorted(formatter.edges, key=lambda edge: formatter.order[edge.target]):
        if edge.kind == "fast_track":
            groups.setdefault((edge.name, edge.target, edge.credit), []).append(edge)
    tracks = []
    for (_, target, credit), edges in groups.items():
        passed = joined(formatter.stages({name for edge in edges for name in edge.passed}))
        tracks.append(
            (
                doc.strong(sentence(rule_words(edges[0].rule))),
                joined(formatter.origins(edges) or ("new people",)),
                formatter.stage(target),
                f"{passed} {'passed over' if credit else 'without credit'}",
            )
        )
    items = (
        (label, f": {origins} → {target} ", doc.soft(between))
        for label, origins, target, between in tracks
    )
    legend = [
        (doc.strong(word), f": {meaning}")
        for word, meaning, credit in (
            ("Passed over", _PASSED, True),
            ("Without credit", _NO_CREDIT, False),
        )
        if credit in {credit for _, _, credit in groups}
    ]
    note = [part for parts in legend for part in (*parts, " ")]
    table = doc.DataTable(head=("When", "From", "To", "Stages between"), rows=tracks)
    layouts = doc.Alternatives(
        page=(doc.BulletList(items, style="run"), doc.Paragraph(note[:-1], note=True)),
        text=(table, doc.BulletList(legend)),
    )
    if tracks:
        yield doc.Section(
            title="Fast tracks",
            id="fast-tracks",
            note="Moves past stages, and what becomes of these.",
            blocks=(layouts,),
        )


# -- numbers, lists and words ------------------------------------------------------------------


def tokens(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """The numbers and lists that were agreed; on a page, reasons have their own section."""
    model = formatter.model
    uses = _uses(formatter)
    reason_lists = {name for move in model.moves for name, _ in _reasons_of(formatter, move)}
    rows = []
    for name, value in model.tokens.items():
        kind = "list" if as_number(value) is None else "number"
        kind = "reasons" if name in reason_lists else kind
        decides = ", ".join(uses.get(name, ()))
        rows.append(
            (kind, sentence(formatter.token_name(name)), doc.strong(formatter.token(name)), decides)
        )
    page = tuple(
        doc.Section(title=title, id=f"{kind}-tokens", blocks=(doc.KeyValues(pairs, style),))
        for kind, title, style in (
            ("number", "Numbers", "figures"),
            ("list", "Lists and names", ""),
        )
        if (
            pairs := [
                doc.KeyValue(name, (value, " ", doc.aside(decides, detail=True)))
                for own_kind, name, value, decides in rows
                if own_kind == kind
            ]
        )
    )
    table = doc.DataTable(
        head=("Name", "Value", "It decides"),
        rows=(row[1:] for row in sorted(rows, key=lambda row: row[0] != "number")),
    )
    if rows:
        blocks = (doc.Alternatives(page=page, text=(table,)),)
        yield doc.Section(title="What we agreed", id="tokens", blocks=blocks)


def _uses(formatter: SheetFormatter) -> dict[str, dict[str, None]]:
    """For each token, the parts that read it, by their names on the sheet."""
    model = formatter.model
    uses: dict[str, dict[str, None]] = {}

    def note(part: str, *nodes: object) -> None:
        for node in nodes:
            whole = inline(node, model.vocabulary) if isinstance(node, Guard) else node
            for inner in tree.walk(whole) if isinstance(whole, Guard | Term) else ():
                if isinstance(inner, tree.Token):
                    uses.setdefault(inner.name, {})[part] = None

    for edge in sorted(formatter.edges, key=lambda edge: formatter.order[edge.target]):
        effects = (effect.value for effect in effects_of(edge))
        note(formatter.stage(edge.target), edge.when, *effects)
    for rule in model.data:
        note(", ".join(formatter.field(effect.field) for effect in rule.then[:1]), rule.when)
    for score in model.scoring:
        note("points", score.points, score.when)
    for decay in model.decay:
        note("points", decay.when, *(effect.value for effect in decay.then))
    for deadline in model.deadlines:
        note("deadlines", deadline.when, *deadline.to)
    for assignment in model.assignment:
        note("who works on it", assignment.when, *assignment.to)
    for alert in model.alerts:
        note("alerts", alert.when, *alert.to)
    return uses


def reasons(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """The reasons for which sales returns a lead, and where each leads (R38)."""
    rows = [
        (
            (
                *((doc.soft(f"{sentence(plain(name))}:"), " ") if name else ()),
                doc.strong(", ".join(values)),
            ),
            (
                doc.strong(formatter.stage(move.target)),
                " ",
                doc.aside(f"from {joined(formatter.stages(move.sources), 'or')}"),
            ),
        )
        for move in formatter.model.moves
        for name, values in _reasons_of(formatter, move)
    ]
    table = doc.DataTable(
        head=("Reason", "The lead goes to"),
        rows=rows,
        caption="The reason decides where the lead goes.",
        style="plain",
    )
    if rows:
        yield doc.Section(title="Why sales gives a lead back", id="reasons", blocks=(table,))


def _reasons_of(formatter: SheetFormatter, move: Move) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The lists of rejection reasons that open a move, each with its name, if it has one."""

    def search(guard: Guard) -> Iterator[tuple[str, tuple[str, ...]]]:
        match guard:
            case tree.And(guards) | tree.Or(guards):
                for part in guards:
                    yield from search(part)
            case tree.In(term, (tree.Const() | tree.Token()) as options) if term == _REASON:
                values = formatter.constant(options)
                assert isinstance(values, tuple)
                name = options.name if isinstance(options, tree.Token) else ""
                yield name, tuple(map(formatter.value, values))
            case tree.Compare("==", term, (tree.Const() | tree.Token()) as value) if (
                term == _REASON
            ):
                yield "", (formatter.term(value),)

    return search(inline(move.when, formatter.model.vocabulary))


def vocabulary(formatter: SheetFormatter) -> Iterator[doc.Section]:
    """What the words of the conditions stand for: rules of data, and descriptions of fields. Only
    what a rule of the model says of them is printed."""
    model = formatter.model
    guards = (inline(edge.when, model.vocabulary) for edge in formatter.edges)
    used = {name for guard in guards for name in reads(guard)} - set(READ_ONLY)
    pairs = []
    for name in sorted(sorted(used), key=formatter.field):
        rules = "; ".join(
            f"set on “{plain(rule.on)}”{f' if {condition}' if condition else ''}"
            for rule in model.data
            if any(effect.field == name for effect in rule.then)
            for condition in [formatter.condition(rule.when)]
        )
        meaning = sentence(formatter.meaning(name))
        if meaning or rules:
            value = doc.Inline(meaning + (". " if meaning and rules else ""), detail=True)
            word = sentence(formatter.field(name))
            pairs.append(doc.KeyValue(word, (value, sentence(rules)), detail=not rules))
    labelled, _ = formatter.names_used(edge.when for edge in formatter.edges)
    for name in labelled:
        definition = formatter.condition(model.guards[name])
        pairs.append(doc.KeyValue(sentence(clean(model.guard_labels[name])), (definition,)))
    if pairs:
        yield doc.Section(
            title="What the words mean",
            id="words",
            blocks=(doc.KeyValues(pairs),),
            detail=all(pair.detail for pair in pairs),
        )
