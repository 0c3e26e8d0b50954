"""Before and after: two windows, or two versions of a model, side by side (R30)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import to_utc
from lifecycle_fsm.funnel.conversion import Pair, PairConversion, conversions
from lifecycle_fsm.funnel.parts import InParts, Measuring, together
from lifecycle_fsm.funnel.scope import READINGS, Scope
from lifecycle_fsm.funnel.time_in_stage import Spans, Stay, stays
from lifecycle_fsm.wording import counted, lasting

Row = TypeVar("Row")

_MONTH = timedelta(days=30)


@attrs.frozen(kw_only=True)
class Side:
    """One side of a comparison: its window or version, and how long its people were watched.

    ``days`` is the length of the window, if it is known. ``followed`` is the median time from the
    entry of a stage in the window to the end of the known history.
    """

    name: str
    start: datetime | None
    end: datetime | None
    version: str | None
    days: timedelta | None
    followed: timedelta | None


@attrs.frozen(kw_only=True)
class Volume:
    """How often a stage was entered, in total and per 30 days.

    A version has no rate, because it does not record when it began and ended.
    """

    group: str
    stage: str
    before: int
    after: int
    before_rate: float | None
    after_rate: float | None


@attrs.frozen
class ConversionChange:
    """The conversion of the same two stages, before and after."""

    before: PairConversion
    after: PairConversion

    @property
    def points(self) -> float | None:
        """The share after minus the share before."""
        before, after = self.before.ratio.share, self.after.ratio.share
        return None if before is None or after is None else after - before

    @property
    def apart(self) -> bool:
        """Whether the difference is unlikely to be chance: see :meth:`.Ratio.apart`."""
        return self.before.ratio.apart(self.after.ratio)


@attrs.frozen
class StayChange:
    """The time in the same stage, before and after."""

    before: Stay
    after: Stay

    @property
    def difference(self) -> timedelta | None:
        """The median after minus the median before; ``None`` if either was not reached."""
        if self.before.median is None or self.after.median is None:
            return None
        return self.after.median - self.before.median


@attrs.frozen(kw_only=True)
class Comparison:
    """Two sides, and the cautions to read before comparing them."""

    before: Side
    after: Side
    horizon: timedelta | None
    volumes: tuple[Volume, ...]
    conversions: tuple[ConversionChange, ...]
    stays: tuple[StayChange, ...]
    cautions: tuple[str, ...]


@InParts
def compare_at(
    scope: Scope,
    at: datetime,
    *,
    pairs: Iterable[Pair] | None = None,
    horizon: timedelta | None = None,
) -> Measuring[Comparison]:
    """Compare what happened before an instant with what happened from then on.

    Raises:
        LifecycleError: the instant is not inside the window.
    """
    before, after = two_sides(scope, at)
    return (yield from compare.measuring(before, after, pairs=pairs, horizon=horizon))


def two_sides(scope: Scope, at: datetime) -> tuple[Scope, Scope]:
    """The scopes before an instant and from then on.

    Raises:
        LifecycleError: the instant is not inside the window.
    """
    at = to_utc(at)
    if not scope.inside(at) or at == scope.start or (scope.until is not None and at > scope.until):
        raise LifecycleError(
            f"nothing to compare: {at:%Y-%m-%d %H:%M} UTC lies outside the window or what is known"
        )
    return attrs.evolve(scope, end=at), attrs.evolve(scope, start=at)


@InParts
def compare_versions(
    scope: Scope,
    versions: Pair | None = None,
    *,
    pairs: Iterable[Pair] | None = None,
    horizon: timedelta | None = None,
) -> Measuring[Comparison]:
    """Compare what two versions of a model did.

    Journeys and visits belong to the version that wrote their first row.

    Args:
        scope: what is measured.
        versions: the two versions; by default, the two that began last.
        pairs: the pairs of stages; see :func:`.conversions`.
        horizon: how long each journey has to convert.

    Raises:
        LifecycleError: the history lacks one of these versions, or has only one version.
    """
    known = yield from known_versions.measuring(scope)
    chosen = versions or tuple(known[-2:])
    if len(chosen) < 2:
        raise LifecycleError(
            f"this history was written by one version of a model, {known[0]}: there is nothing to "
            "compare"
            if known
            else "this history is empty: there is nothing to compare"
        )
    for version in chosen:
        if version not in known:
            raise LifecycleError(
                f"this history has no version {version!r}: it has {', '.join(known)}"
            )
    before, after = (attrs.evolve(scope, version=version) for version in chosen)
    return (yield from compare.measuring(before, after, pairs=pairs, horizon=horizon))


@InParts
def known_versions(scope: Scope) -> Measuring[tuple[str, ...]]:
    """The versions of a history, in the order in which they began."""
    first: dict[str, datetime] = {}
    while (walks := (yield)) is not None:
        for walk in walks:
            for visit in walk:
                version, now = visit.entry.version, visit.entered
                if version not in first or now < first[version]:
                    first[version] = now
    return tuple(sorted(first, key=lambda version: (first[version], version)))


@InParts
def compare(
    before: Scope,
    after: Scope,
    *,
    pairs: Iterable[Pair] | None = None,
    horizon: timedelta | None = None,
) -> Measuring[Comparison]:
    """Compare two scopes of one history: two windows, two versions or any other difference.

    Args:
        before: the first scope.
        after: the second scope.
        pairs: the pairs of stages; see :func:`.conversions`.
        horizon: how long each journey has to reach the second stage. Without it, younger journeys
            had less time than older ones, and a caution says so.
    """
    pairs = None if pairs is None else tuple(pairs)
    scopes = before, after
    rates = [
        conversions.measuring(scope, pairs, reading=reading, horizon=horizon)
        for reading in READINGS
        for scope in scopes
    ]
    rest = [measure(scope) for measure in (stays.measuring, _side, _volume) for scope in scopes]
    results = yield from together([*rates, *rest])
    shares = [
        ConversionChange(*both)
        for place in (0, 2)
        for both in _matched(
            results[place],
            results[place + 1],
            key=lambda row: (row.group, row.source, row.target),
        )
    ]
    changes = _matched(results[4], results[5], key=lambda row: (row.group, row.stage))
    sides, volumes = (results[6], results[7]), (results[8], results[9])
    return Comparison(
        before=sides[0],
        after=sides[1],
        horizon=horizon,
        volumes=_volumes(scopes, sides, volumes),
        conversions=tuple(shares),
        stays=tuple(StayChange(*both) for both in changes),
        cautions=_cautions(sides, shares, horizon),
    )


def _matched(
    before: Iterable[Row], after: Iterable[Row], key: Callable[[Row], object]
) -> list[tuple[Row, Row]]:
    """The pairs of matching rows of two tables; groups that only one side has are left out."""
    others = {key(row): row for row in after}
    return [(row, others[key(row)]) for row in before if key(row) in others]


def _side(scope: Scope) -> Measuring[Side]:
    start, until = scope.start, scope.until
    first: datetime | None = None
    watched = Spans()
    while (walks := (yield)) is not None:
        for walk in walks:
            first = walk[0].entered if first is None else min(first, walk[0].entered)
        for visit in scope.cohort(walks):
            if until is not None:
                watched.append(until - visit.entered)
    start = first if start is None else start
    as_of = scope.as_of
    days = None
    if scope.version is None and start is not None and as_of is not None:
        days = max(as_of - start, timedelta(0))
    return Side(
        name=scope.version or "",
        start=scope.start,
        end=scope.end,
        version=scope.version,
        days=days,
        followed=watched.median,
    )


def _volume(scope: Scope) -> Measuring[Counter[tuple[str, str]]]:
    group = scope.group
    entries: Counter[tuple[str, str]] = Counter()
    while (walks := (yield)) is not None:
        entries.update((group(visit), visit.stage) for visit in scope.cohort(walks))
    return entries


def _volumes(
    scopes: tuple[Scope, Scope],
    sides: tuple[Side, Side],
    counts: tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]],
) -> tuple[Volume, ...]:
    before, after = counts
    first, second = sides
    return tuple(
        Volume(
            group=name,
            stage=stage.name,
            before=before[name, stage.name],
            after=after[name, stage.name],
            before_rate=_rate(before[name, stage.name], first.days),
            after_rate=_rate(after[name, stage.name], second.days),
        )
        for name in scopes[0].groups((*before, *after))
        for stage in scopes[0].model.stages
    )


def _rate(count: int, time: timedelta | None) -> float | None:
    return count / (time / _MONTH) if time else None


def _cautions(
    sides: tuple[Side, Side], shares: list[ConversionChange], horizon: timedelta | None
) -> tuple[str, ...]:
    cautions = []
    before, after = (side.followed for side in sides)
    if horizon is None and before is not None and after is not None and before > after:
        cautions.append(
            f"the journeys after were watched for {lasting(after)} at the median, those before "
            f"for {lasting(before)}: they had less time to convert. Give each the same with a "
            "horizon"
        )
    if any(
        ratio.few and ratio.whole
        for share in shares
        for ratio in (share.before.ratio, share.after.ratio)
    ):
        cautions.append(
            "some shares are of fewer than 30 journeys: one more or less moves them by over three "
            "points"
        )
    young = max((share.after.young for share in shares), default=0)
    if horizon is not None and young:
        cautions.append(
            f"up to {counted(young, 'journey')} after {'was' if young == 1 else 'were'} not "
            f"watched for {lasting(horizon)} yet, and {'is' if young == 1 else 'are'} left out"
        )
    return tuple(cautions)
