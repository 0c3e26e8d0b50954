"""All measures of one history together: what the command prints and what a page shows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, TypeAlias, get_args

import attrs

from lifecycle_fsm.errors import LifecycleError, suggest
from lifecycle_fsm.fields import utc_text
from lifecycle_fsm.funnel.cohorts import Cohort, cohorts
from lifecycle_fsm.funnel.compare import Comparison, compare_at, compare_versions, known_versions
from lifecycle_fsm.funnel.conversion import FEW, Pair, PairConversion, conversions
from lifecycle_fsm.funnel.flows import Flow, flows
from lifecycle_fsm.funnel.leaks import GivenBack, Leak, given_back, leaks
from lifecycle_fsm.funnel.merged_records import Duplicates, duplicates
from lifecycle_fsm.funnel.mix import Mix, mixes
from lifecycle_fsm.funnel.money import MoneyReport, money
from lifecycle_fsm.funnel.parts import ImpossibleMeasure, Measuring, measured, together
from lifecycle_fsm.funnel.people import (
    Limit,
    PeopleNow,
    Waiting,
    limits,
    people_now,
    ready_for_sales,
    ready_stage,
    stuck,
)
from lifecycle_fsm.funnel.periods import Every
from lifecycle_fsm.funnel.reps import Rep, reps
from lifecycle_fsm.funnel.scope import (
    READINGS,
    Journeys,
    Reading,
    Scope,
    Window,
    observe,
    sales_stage,
)
from lifecycle_fsm.funnel.share import MarketingShare, marketing_share
from lifecycle_fsm.funnel.sla import FirstTouch, Kept, Overdue, agreements, first_touches, overdue
from lifecycle_fsm.funnel.time_in_stage import Stay, stays
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables.opportunity_table import OpportunityRow
from lifecycle_fsm.wording import clean, counted, lasting

Measure: TypeAlias = Literal[
    "people", "ready", "flows", "conversion", "cohorts", "leaks", "stay", "reps", "share", "sla",
    "touch", "overdue", "stuck", "reasons", "duplicates", "money", "compare", "mix",
]  # fmt: skip
MEASURES: tuple[Measure, ...] = get_args(Measure)

#: Those that need something to compare with.
COMPARING: tuple[Measure, ...] = ("compare", "mix")

#: What each number means, in one sentence; docs/understand/formulas.md has the formulas.
FORMULAS: Mapping[Measure, str] = {
    "people": "visits that are open at the end of the window",
    "ready": "people in the stage right before the first stage of sales",
    "flows": "opening + in - out = closing, for each stage and period",
    "conversion": (
        "of the journeys that first entered the one stage in the window, those that later entered "
        "the other in the same journey"
    ),
    "cohorts": (
        "the same by the period of that entry, and by the time that each journey took from it"
    ),
    "leaks": (
        "journeys that entered the one stage, times ten points, times the share of those in the "
        "other that reach the last"
    ),
    "stay": "the time after which a quarter, half, three quarters have left (Kaplan-Meier)",
    "reps": (
        "of the journeys that first entered the first stage of sales in the window, by their "
        "owner then, those that later entered the last stage"
    ),
    "share": "entries of the stage in the window that are marketing's, of all entries",
    "sla": "deadlines that were kept, of those that were kept or missed, as recorded",
    "touch": "the time from the entry of a stage until its deadline was kept (Kaplan-Meier)",
    "overdue": "visits that are open at the end of the window, and whose deadline was missed",
    "stuck": "open visits longer than nine in ten visits of the stage",
    "reasons": (
        "visits that ended in a detour in the window, by rule and by the reason of the rejection, "
        "of all that ended"
    ),
    "duplicates": (
        "records that were created in the window and of which a merge ended the visit, of all that "
        "were created in it"
    ),
    "money": (
        "open opportunities x win rate x average won amount / days from the opening to the win, "
        "beside what was really won on a day of the window"
    ),
    "compare": "the same measures before and after, and their differences",
    "mix": "the change of a conversion, by the conversions of groups and by their sizes (Kitagawa)",
}


#: The tables of a report whose names differ from those of their measures.
_TABLES = {
    "conversion": "conversions", "stay": "stays", "share": "shares", "sla": "agreements",
    "touch": "touches", "mix": "mixes",
}  # fmt: skip

#: What a report has from its scope.
_OF_THE_SCOPE = ("window", "until", "as_of", "zone", "journeys", "by")


@attrs.frozen(kw_only=True)
class FunnelReport:
    """The measures of one history. A table that was not asked for is empty.

    Args:
        model: the name of the model; ``version`` is its version, ``versions`` those that wrote the
            history, in the order in which they began.
        window: from (included) and to (excluded); ``None`` is open.
        until: the end of the known history.
        as_of: the end of the window or of the known history, whichever comes first: the report's
            "now".
        zone: the zone of days, weeks and months.
        journeys: which journeys are counted.
        by: the field that defines the groups.
        where: which journeys are measured, as a guard; ``None`` for all.
        every: the periods of the flows; without it the window is the only period.
        reading: the reading for the reps. Conversion has both.
        horizon: how long each journey had to convert.
        first_of_sales: where the work of sales begins; ``ready_stage`` is the stage before it.
        measures: the measures that were asked for.
        people, ready, flows, conversions, cohorts, leaks, stays, reps, shares, agreements, touches,
            overdue, limits, stuck, reasons, duplicates, money, comparison, mixes: the tables.
        notes: what a reader must know to read the tables.
    """

    model: str
    version: str
    versions: tuple[str, ...]
    window: Window
    until: datetime | None
    as_of: datetime | None
    zone: str
    journeys: Journeys
    by: str | None
    where: str | None
    every: Every | None
    reading: Reading
    horizon: timedelta | None
    first_of_sales: str
    ready_stage: str | None
    measures: tuple[Measure, ...]
    people: tuple[PeopleNow, ...] = ()
    ready: tuple[Waiting, ...] = ()
    flows: tuple[Flow, ...] = ()
    conversions: tuple[PairConversion, ...] = ()
    cohorts: tuple[Cohort, ...] = ()
    leaks: tuple[Leak, ...] = ()
    stays: tuple[Stay, ...] = ()
    reps: tuple[Rep, ...] = ()
    shares: tuple[MarketingShare, ...] = ()
    agreements: tuple[Kept, ...] = ()
    touches: tuple[FirstTouch, ...] = ()
    overdue: tuple[Overdue, ...] = ()
    limits: tuple[Limit, ...] = ()
    stuck: tuple[Waiting, ...] = ()
    reasons: tuple[GivenBack, ...] = ()
    duplicates: tuple[Duplicates, ...] = ()
    money: MoneyReport | None = None
    comparison: Comparison | None = None
    mixes: tuple[Mix, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report for programs: plain values, times in ISO 8601, durations in days."""
        window = {"from": as_plain(self.window[0]), "to": as_plain(self.window[1])}
        return {
            "model": {"name": self.model, "version": self.version},
            "versions": list(self.versions),
            "window": window,
            "until": as_plain(self.until),
            "as_of": as_plain(self.as_of),
            "zone": self.zone,
            "journeys": self.journeys,
            "by": self.by,
            "where": self.where,
            "every": self.every,
            "reading": self.reading,
            "horizon_days": as_plain(self.horizon),
            "first_of_sales": self.first_of_sales,
            "ready_stage": self.ready_stage,
            "measures": {
                name: {
                    "formula": FORMULAS[name],
                    "reading": self._reading(name),
                    "window": window,
                    "as_of": as_plain(self.as_of),
                    "zone": self.zone,
                    "journeys": self.journeys,
                    "by": self.by,
                    "where": self.where,
                    **{key: as_plain(value) for key, value in self._parts(name).items()},
                }
                for name in self.measures
            },
            "notes": list(self.notes),
        }

    def _reading(self, name: Measure) -> str | None:
        if name == "reps":
            return self.reading
        return "both" if name in ("conversion", "compare") else None

    def _parts(self, name: Measure) -> dict[str, Any]:
        if name == "compare":
            return {"comparison": self.comparison}
        if name == "money" and self.money is not None:
            parts = attrs.asdict(self.money, recurse=False)
            return {"deal_age_days": parts.pop("deal_age"), **parts}
        limits = {"limits": self.limits} if name == "stuck" else {}
        return {**limits, "rows": getattr(self, _TABLES.get(name, name))}


def measure(
    rows: Iterable[HistoryRow],
    model: Model,
    *,
    window: Window | None = None,
    until: datetime | None = None,
    zone: str = "UTC",
    journeys: Journeys = "all",
    by: str | None = None,
    where: object = None,
    every: Every | None = None,
    reading: Reading = "through",
    pairs: Iterable[Pair] | None = None,
    horizon: timedelta | None = None,
    from_stage: str | None = None,
    target: float | Mapping[str, float] | None = None,
    stuck_after: timedelta | None = None,
    compare: datetime | Literal["versions"] | None = None,
    measures: Iterable[Measure] | None = None,
    needed: bool = True,
    deadlines: Iterable[DeadlineFact] | None = None,
    people: Iterable[Any] | None = None,
    opportunities: Iterable[OpportunityRow] | None = None,
    deal_age: timedelta | None = None,
) -> FunnelReport:
    """Measure a history.

    Args:
        rows: the history of all persons, in any order.
        model: the model that wrote it.
        window: from (included) and to (excluded); see :func:`.observe`.
        until: up to when people were watched; see :func:`.observe`.
        zone: where days, weeks and months begin.
        journeys: ``all``, ``first`` or ``repeat``.
        by: the field that defines the groups.
        where: only journeys for which this guard holds.
        every: the periods of the flows: ``day``, ``week``, ``month``, ``quarter`` or ``year``.
        reading: for the close rate of reps; conversion comes in both readings.
        pairs: the pairs of stages to measure conversion for; see :func:`.conversions`.
        horizon: how long each journey has to convert.
        from_stage: where the work of sales begins; see :func:`.sales_stage`.
        target: marketing's agreed share, for all stages or by stage, from 0 to 1.
        stuck_after: the time after which people count as stuck, instead of the usual time.
        compare: an instant, to compare before and after; or ``versions``, for the last two.
        measures: the measures to compute; by default all that this history allows.
        needed: whether one that the history does not allow is an error; else a note says so.
        deadlines: the outcomes of deadlines, for ``sla`` and ``overdue``.
        people: the persons, for lists of people.
        opportunities: the table of opportunities, for ``money``.
        deal_age: the age above which open opportunities are counted apart.

    Raises:
        LifecycleError: a measure that was asked for is not possible; the message says why.
        MissingExtra: scipy is not installed, and a table needs it.
    """
    chosen = _chosen(measures, reading, compare is not None, opportunities is not None, needed)
    scope = observe(
        rows, model, window=window, until=until, zone=zone, journeys=journeys, by=by,
        where=where, deadlines=deadlines, people=people,
    )  # fmt: skip
    strict = chosen if measures is not None and needed else ("share",) * (target is not None)
    makers = _tables(
        scope, chosen, None if pairs is None else tuple(pairs), from_stage=from_stage, every=every,
        reading=reading, target=target, horizon=horizon, stuck_after=stuck_after, compare=compare,
        opportunities=opportunities, deal_age=deal_age,
    )  # fmt: skip
    versions, late, tables, impossible = _results(scope, makers, strict)
    notes = (
        *_notes(scope, given=until is not None, empty=not versions),
        *dict.fromkeys(impossible.values()), *late, *_remarks(scope, tables),
    )  # fmt: skip
    return FunnelReport(
        model=model.name, version=model.version, versions=versions,
        **{name: getattr(scope, name) for name in _OF_THE_SCOPE},
        where=scope.filter_text, every=every, reading=reading, horizon=horizon,
        first_of_sales=sales_stage(model, from_stage).name,
        ready_stage=ready_stage(scope, from_stage),
        measures=tuple(name for name in chosen if name not in impossible),
        **tables, notes=notes,
    )  # fmt: skip


def _results(
    scope: Scope, makers: Mapping[str, tuple[Measure, Measuring[Any]]], needed: Container[str]
) -> tuple[tuple[str, ...], list[str], dict[str, Any], dict[Measure, str]]:
    """The versions and the notes on lateness, the tables, and why others are not possible."""
    versions, late, *results = measured(
        scope,
        [known_versions.measuring(scope), _late(scope)]
        + [_possible(make, needed=name in needed) for name, make in makers.values()],
    )
    tables = dict(zip(makers, results, strict=True))
    impossible = {
        makers[table][0]: str(tables.pop(table))
        for table, result in zip(makers, results, strict=True)
        if isinstance(result, ImpossibleMeasure)
    }
    return versions, late, tables, impossible


def _tables(
    scope: Scope,
    measures: Container[Measure],
    pairs: tuple[Pair, ...] | None,
    *,
    from_stage: str | None,
    every: Every | None,
    reading: Reading,
    target: float | Mapping[str, float] | None,
    horizon: timedelta | None,
    stuck_after: timedelta | None,
    compare: datetime | Literal["versions"] | None,
    opportunities: Iterable[OpportunityRow] | None,
    deal_age: timedelta | None,
) -> dict[str, tuple[Measure, Measuring[Any]]]:
    """The measures that were asked for, by the name of their table in the report."""
    makers: dict[str, tuple[Measure, Measuring[Any]]] = {
        "people": ("people", people_now.measuring(scope)),
        "ready": ("ready", ready_for_sales.measuring(scope, from_stage)),
        "flows": ("flows", flows.measuring(scope, every)),
        "conversions": ("conversion", _conversions(scope, pairs, horizon)),
        "cohorts": ("cohorts", cohorts.measuring(scope, pairs, every=_cohort_every(every))),
        "leaks": ("leaks", leaks.measuring(scope)),
        "stays": ("stay", stays.measuring(scope)),
        "reps": ("reps", reps.measuring(scope, from_stage=from_stage, reading=reading)),
        "shares": ("share", marketing_share.measuring(scope, target=target)),
        "agreements": ("sla", agreements.measuring(scope)),
        "touches": ("touch", first_touches.measuring(scope)),
        "overdue": ("overdue", overdue.measuring(scope)),
        "limits": ("stuck", limits.measuring(scope, stuck_after)),
        "stuck": ("stuck", stuck.measuring(scope, stuck_after)),
        "reasons": ("reasons", given_back.measuring(scope)),
        "duplicates": ("duplicates", duplicates.measuring(scope, from_stage)),
        "money": ("money", money.measuring(scope, opportunities, deal_age)),
        "comparison": ("compare", _compared(scope, compare, pairs, horizon)),
        "mixes": ("mix", _mixed(scope, compare, pairs, horizon)),
    }
    return {table: maker for table, maker in makers.items() if maker[0] in measures}


def _possible(measure: Measuring[Any], *, needed: bool) -> Measuring[Any]:
    """The result of a measure, or why this history does not allow it.

    Raises:
        LifecycleError: it does not, and the measure is needed.
    """
    try:
        return (yield from measure)
    except ImpossibleMeasure as error:
        if needed:
            raise
        return error


def _conversions(
    scope: Scope, pairs: tuple[Pair, ...] | None, horizon: timedelta | None
) -> Measuring[tuple[PairConversion, ...]]:
    tables = yield from together(
        conversions.measuring(scope, pairs, reading=reading, horizon=horizon)
        for reading in READINGS
    )
    return tuple(row for table in tables for row in table)


def _chosen(
    measures: Iterable[Measure] | None,
    reading: Reading,
    compares: bool,
    has_money: bool,
    needed: bool,
) -> tuple[Measure, ...]:
    """The measures that were asked for, in their order; by default, all.

    Raises:
        LifecycleError: there is no such measure, or no such reading.
    """
    if reading not in READINGS:
        raise LifecycleError(f"no reading named {reading!r}: use 'through' or 'over'")
    names = set(MEASURES if measures is None else measures)
    unknown = min(names.difference(MEASURES), default=None)
    if unknown is not None:
        raise LifecycleError(
            f"no measure named {unknown!r}: there are {', '.join(MEASURES)}"
            f"{suggest(unknown, MEASURES)}"
        )
    if not compares:
        names.difference_update(COMPARING)
    if not has_money and (measures is None or not needed):
        names.discard("money")
    return tuple(name for name in MEASURES if name in names)


def _compared(
    scope: Scope,
    compare: datetime | Literal["versions"] | None,
    pairs: Iterable[Pair] | None,
    horizon: timedelta | None,
) -> Measuring[Comparison]:
    if isinstance(compare, datetime):
        return compare_at.measuring(scope, compare, pairs=pairs, horizon=horizon)
    return compare_versions.measuring(scope, pairs=pairs, horizon=horizon)


def _mixed(
    scope: Scope,
    compare: datetime | Literal["versions"] | None,
    pairs: tuple[Pair, ...] | None,
    horizon: timedelta | None,
) -> Measuring[tuple[Mix, ...]]:
    if isinstance(compare, datetime):
        return (yield from mixes.measuring(scope, compare, pairs=pairs, horizon=horizon))
    raise ImpossibleMeasure("rate and mix are told apart before and after an instant only")


def _cohort_every(every: Every | None) -> Every:
    """The periods of cohorts: days are too few to say anything."""
    return "month" if every in (None, "day") else every


def _notes(scope: Scope, *, given: bool, empty: bool) -> Iterator[str]:
    """The notes on the report as a whole."""
    until = scope.until
    if until is None:
        yield "the history is empty"
        return
    if not given:
        yield (
            "what is known ends with the last row of the history: if people were watched on and "
            "nobody moved, say until when"
        )
    if scope.end is not None and scope.end > until:
        yield "the window goes on behind what is known: its end is that of the history"
    if scope.by is not None and scope.by not in ("journey", "rule", "version"):
        yield f"groups are by {scope.by!r} as it was when the stage was entered"
    if scope.where is not None:
        yield (
            f"{'there are no' if empty else 'only'} journeys where {scope.filter_words}, as "
            "it was when they entered their first stage behind original processing"
        )


def _late(scope: Scope) -> Measuring[list[str]]:
    """The times that lateness changed: a late row has the person's clock as its ``now`` [S19]."""
    late, most = 0, timedelta(0)
    while (walks := (yield)) is not None:
        for visit in scope.cohort(walks):
            row = visit.entry
            if row.at < row.now:
                late, most = late + 1, max(most, row.now - row.at)
    if not late:
        return []
    return [
        f"{counted(late, 'entry', 'entries')} came late, by up to {lasting(most)}, and "
        f"{'counts' if late == 1 else 'count'} from the person's clock then: times from "
        "there on are shorter than they were, and those up to there longer"
    ]


def _remarks(scope: Scope, tables: Mapping[str, Any]) -> Iterator[str]:
    """The notes on single numbers in the tables."""
    if "money" in tables:
        yield from tables["money"].notes(scope)
    conversion: tuple[PairConversion, ...] = tables.get("conversions", ())
    if any(row.ratio.few for row in conversion if row.journeys):
        yield (
            f"a share of fewer than {FEW} says little: one more or less moves it by over three "
            "points"
        )
    if any((row.flow_ratio or 0) > 1 for row in conversion):
        yield (
            "a flow ratio over 100 % is no error: it sets all entries of one stage in the window "
            "against all of another, and those are not the same journeys"
        )
    young = max((row.young for row in conversion), default=0)
    if young:
        were = "was" if young == 1 else "were"
        yield (
            f"up to {counted(young, 'journey')} {were} not watched for the whole horizon, and "
            f"{'is' if young == 1 else 'are'} left out"
        )
    merged = max((row.merged for row in conversion), default=0)
    if merged:
        yield (
            f"a merge ended up to {counted(merged, 'journey')} before they came further: they are "
            "left out of the conversion to there"
        )
    limits = (row for row in tables.get("limits", ()) if row.time is None)
    unknown = [clean(scope.model.stage(row.stage).display) for row in limits]
    if unknown:
        yield (
            f"nobody is called stuck in {', '.join(unknown)}: most stay there, or too few have "
            "left to say what is usual; you can say a time"
        )


def as_plain(value: Any) -> Any:
    """A record as plain values. The name of every duration ends in ``_days``."""
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, timedelta):
        return value / timedelta(days=1)
    if isinstance(value, tuple | list):
        return [as_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if attrs.has(type(value)):
        return {key: as_plain(item) for key, item in _members(value)}
    return value


def _members(record: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a record and its computed properties."""
    kind: Any = type(record)
    return ((key, getattr(record, name)) for name, key in _keys(kind))


@lru_cache
def _keys(kind: Any) -> tuple[tuple[str, str], ...]:
    """The members of a kind of record, each with its name in plain form."""
    types = {attribute.name: str(attribute.type) for attribute in attrs.fields(kind)} | {
        name: str(member.fget.__annotations__.get("return", ""))
        for name, member in vars(kind).items()
        if isinstance(member, property) and member.fget is not None
    }
    return tuple(
        (name, f"{name}_days" if "timedelta" in written and name != "days" else name)
        for name, written in types.items()
    )
