"""The entries of a story: one for each important moment, or for a run of small ones.

Small moments say little one by one: a run of them is summed up in one or two sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.history import HistoryRow, VisitKey
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.requests import Request
from lifecycle_fsm.story.activity_text import ActivityText
from lifecycle_fsm.story.replay import StoryMoment
from lifecycle_fsm.story.story_formatter import StoryFormatter
from lifecycle_fsm.wording import (
    clean,
    counted,
    format_number,
    format_signed,
    joined,
    plain,
    sentence,
)

#: Kinds that get an entry of their own; all others may be part of a run.
_TOLD_ALONE = frozenset(
    """changed converted created form_filled lead_status_changed merged opportunity_changed
    opportunity_lost opportunity_opened opportunity_won owner_changed processed
    unsubscribed""".split()
)
_NOUNS = {
    "crm_synced": ("acknowledgement by the CRM", "acknowledgements by the CRM"),
    "email_clicked": ("mail click", "mail clicks"),
    "sales_touched": ("sales activity", "sales activities"),
    "score_given": ("award of points", "awards of points"),
    "web_visit": ("visit", "visits"),
}
_INTEREST = "behavior_score"
_PAGES = 3


@attrs.frozen(kw_only=True)
class Entry:
    """Something that happened, as a sentence, and its results, a sentence each.

    For a run of small moments, ``until`` is the instant of the last one. ``moments`` are those that
    the entry was made from. Times are in UTC; texts show them in the zone of the story.
    """

    at: datetime
    until: datetime | None = None
    text: str
    details: tuple[str, ...] = ()
    moments: tuple[StoryMoment, ...] = attrs.field(repr=False)

    @property
    def row(self) -> HistoryRow | None:
        """The last of its rows that says where the person is afterwards, if there is one."""
        rows = [row for moment in self.moments for row in moment.rows if row.to_stage]
        return rows[-1] if rows else None


class EntryBuilder:
    """Builds entries from moments."""

    def __init__(self, formatter: StoryFormatter) -> None:
        self.formatter = formatter
        self.activity_text = ActivityText(formatter)
        self.runs = Runs(formatter)
        self._visits: dict[str, VisitKey] = {}

    def entries(self, moments: Iterable[StoryMoment]) -> Iterator[Entry]:
        """All entries of one record, first to last."""
        run: list[StoryMoment] = []
        # An activity that was stopped did not wait for what was due before it, so the order may
        # differ.
        for moment in sorted(moments, key=lambda moment: moment.now):
            if self.runs.small(moment):
                run.append(moment)
                continue
            yield from self._run(run)
            run = []
            yield self.entry(moment)
        yield from self._run(run)

    def _run(self, moments: Sequence[StoryMoment]) -> Iterator[Entry]:
        if len(moments) == 1:
            yield self.entry(moments[0])
        elif moments:
            last = moments[-1].now
            yield Entry(
                at=moments[0].now,
                until=last,
                text=f"{sentence(self.runs.summed(moments))}.",
                moments=tuple(moments),
            )

    # -- one thing -----------------------------------------------------------------------------

    def entry(self, moment: StoryMoment) -> Entry:
        """The entry of a single moment."""
        details = [*self._results(moment), *self._assigned(moment)]
        requests = [request for decision in moment.decisions for request in decision.requests]
        details += self.formatter.requests(
            [request for request in requests if not _passing(request, moment)]
        )
        self._visits |= {row.person: row.visit for row in moment.rows if row.to_stage}
        return Entry(
            at=moment.now, text=self._text(moment), details=tuple(details), moments=(moment,)
        )

    def _text(self, moment: StoryMoment) -> str:
        main = moment.main
        if moment.activity is None:
            return self._time(moment)
        text = self.activity_text.sentence(moment)
        match main.result:
            case "duplicate":
                return f"{text}: it came once more, and counts once."
            case "rejected":
                return f"{text}: not accepted, {clean(main.reason)}."
            case "held":
                return self._held(moment, text)
            case "parked":
                why = clean(main.reason)
                return f"{text}: an error stopped it, and it waits to be tried again: {why}."
        if main.late:
            text += f" (it came late: it happened on {self.formatter.moment(main.at)})"
        if moment.kind == "merged" and not moment.rows and main.reason:
            text += f": {clean(main.reason)}"
        changes = [*self.activity_text.changes(moment), *self.runs.without_points((moment,))]
        return f"{text}. {sentence('; '.join(changes))}." if changes else f"{text}."

    def _held(self, moment: StoryMoment, text: str) -> str:
        """An activity that waits for a person who was never created [S19]."""
        assert moment.activity is not None
        if moment.kind == "merged":
            loser = clean(str(moment.activity.payload.get("loser")))
            return (
                f"The record {loser} of the same person should be merged into this one; it waits, "
                "because nobody has created that record."
            )
        return f"{text}: it waits, because nobody has created {clean(moment.activity.person)}."

    def _time(self, moment: StoryMoment) -> str:
        """The effects of the passing of time: decay, missed deadlines, a move."""
        parts = []
        if moment.main.result == "parked":
            what = "original processing" if moment.main.kind == "processed" else "what was due"
            return (
                f"An error stopped {what}, and it waits to be tried again: "
                f"{clean(moment.main.reason)}."
            )
        for decision in moment.decisions:
            if decision.kind == "decay":
                parts.append(self._faded(moment))
            elif decision.kind == "deadline":
                deadline = self.formatter.deadlines[decision.reason]
                parts.append(
                    f"deadline missed: {self.formatter.deadline(deadline)}, "
                    f"{self.formatter.within_words(deadline)}"
                )
        if not parts:
            parts.append(self._reason(moment.rows[0], moment) if moment.rows else "")
        return sentence("; ".join(dict.fromkeys(filter(None, parts))) or "time passed") + "."

    def _faded(self, moment: StoryMoment) -> str:
        changes = list(self.activity_text.changes(moment))
        interest = self.formatter.field(_INTEREST)
        if len(changes) == 1 and changes[0].startswith(f"{interest} "):
            change = changes[0].removeprefix(interest).strip()
            return f"{interest} faded ({_decayed(moment)}): {change}"
        return f"time without new points ({_decayed(moment)}): {'; '.join(changes)}"

    # -- what came of it -----------------------------------------------------------------------

    def _results(self, moment: StoryMoment) -> Iterator[str]:
        """Moves, refusals and deferrals, a sentence each."""
        if moment.kind == "created":
            return
        for decision in moment.decisions:
            if (
                decision is not moment.main
                and decision.activity != moment.main.activity
                and decision.trigger
            ):
                yield f"Then what had waited: {self._trigger_text(decision)}."
            for row in decision.rows:
                text = self._row(row, moment)
                if text:
                    yield text
            yield from self._unmoved(decision, moment)
        for fact in moment.decided:
            if fact.late and fact.decided_at == moment.now:
                deadline = self.formatter.deadline(self.formatter.deadlines[fact.rule])
                yield f"So the deadline {deadline} was kept after all."

    def _trigger_text(self, decision: Decision) -> str:
        return f"“{plain(decision.kind or decision.trigger or '')}”"

    def _row(self, row: HistoryRow, moment: StoryMoment) -> str:
        formatter = self.formatter
        if row.kind == "merge":
            if not row.to_stage or row.visit == self._visits.get(row.person):
                return ""
            since = formatter.day(row.entered_at)
            return f"→ {formatter.stage(row.to_stage)}, where that record has been since {since}."
        reason, label = self._reason(row, moment), formatter.rule(row.rule)
        # Moves caused by time say it first: "90 days in this stage."
        repeats = moment.activity is None and moment.decisions[0].rows[:1] == (row,)
        repeats = repeats or reason.startswith(label.strip("“”"))
        because = f": {reason}" if reason and not repeats else ""
        if row.from_stage == formatter.model.initial.name:
            text = f"Sorted to {formatter.stage(row.to_stage)} by {label}{because}."
        else:
            text = f"→ {formatter.stage(row.to_stage)} by {label}{because}."
        if row.kind == "return":
            text += f" Journey {row.journey} begins."
        return text + self._passed(row)

    def _reason(self, row: HistoryRow, moment: StoryMoment) -> str:
        outcome = moment.reasons.get(row.sequence)
        return self.formatter.outcomes.met(outcome) if outcome is not None else ""

    def _passed(self, row: HistoryRow) -> str:
        """What happened to the stages that the move skipped."""
        if not row.passed_over:
            return ""
        names = joined(self.formatter.stages(row.passed_over))
        if row.credit:
            verb = "were" if len(row.passed_over) > 1 else "was"
            return f" Fast track: {names} {verb} passed over."
        return f" No credit for {names}, where they never were."

    def _unmoved(self, decision: Decision, moment: StoryMoment) -> Iterator[str]:
        formatter = self.formatter
        for refusal in decision.unmet:
            yield (
                f"Refused: → {formatter.stage(refusal.target)} by {formatter.rule(refusal.move)} "
                f"{formatter.refusal(refusal)}."
            )
        if decision.result == "deferred":
            yield "It waits for the end of original processing."
        elif decision.result == "no_such_move":
            stage = formatter.stage(decision.stage)
            yield f"Refused: from {stage} nobody is moved by {self._trigger_text(decision)}."
        elif (
            decision.kind == "processed"
            and decision.reason
            and decision is moment.main
            and decision.result not in ("parked", "rejected")
        ):
            yield f"Went on without a step that failed: {clean(decision.reason)}."

    def _assigned(self, moment: StoryMoment) -> Iterator[str]:
        if moment.kind == "created":
            return
        for change in moment.changes:
            if change.field == "assigned_to" and change.after:
                before = f" (before: {clean(str(change.before))})" if change.before else ""
                yield f"Assigned to {clean(str(change.after))}{before}."


def _passing(request: Request, moment: StoryMoment) -> bool:
    """Whether the next hop superseded a request at once, so that it was never open."""
    return request.state == "superseded" and request.stage in {row.to_stage for row in moment.rows}


# -- runs --------------------------------------------------------------------------------------


class Runs:
    """Sums up runs of moments that say little one by one."""

    def __init__(self, formatter: StoryFormatter) -> None:
        self.formatter = formatter

    def small(self, moment: StoryMoment) -> bool:
        """Whether a moment says little by itself: a visit, a click, a call, decay of interest."""
        main = moment.main
        if any(
            decision.requests or decision.hops or decision.unmet for decision in moment.decisions
        ):
            return False
        if moment.activity is None:
            fading = all(decision.kind == "decay" for decision in moment.decisions)
            return fading and [change.field for change in moment.changes] == [_INTEREST]
        if main.result == "duplicate":
            return True
        if main.result != "unchanged" or main.late or moment.kind in _TOLD_ALONE:
            return False
        if moment.kind == "crm_synced":
            return moment.before["crm_synced_at"] is not None
        return all(
            change.field == _INTEREST
            or isinstance(change.after, datetime)
            or change.field == "source_latest"
            for change in moment.changes
        )

    def summed(self, moments: Sequence[StoryMoment]) -> str:
        """A summary of the moments, without the full stop."""
        counts: Counter[str] = Counter()
        again = 0
        for moment in moments:
            if moment.main.result == "duplicate":
                again += 1
            elif moment.activity is not None:
                counts[moment.kind] += 1
        faded = [moment for moment in moments if moment.activity is None]
        parts = [joined(self._number(kind, count, moments) for kind, count in counts.items())]
        if faded and not counts:
            label = sentence(self.formatter.field(_INTEREST))
            change = self._interest(moments).removeprefix(f"{self.formatter.field(_INTEREST)} ")
            parts = [f"{label} faded {_times(len(faded))} ({_decayed(*faded)}): {change}"]
        if again:
            verb = "counts" if again == 1 else "count"
            parts.append(f"{counted(again, 'thing')} came again, and {verb} once")
        first = sentence("; ".join(filter(None, parts)))
        if not counts:
            return first
        more = [
            parts for parts in (self._interest(moments), *self.without_points(moments)) if parts
        ]
        return f"{first}. {sentence('; '.join(more))}" if more else first

    def _number(self, kind: str, count: int, moments: Sequence[StoryMoment]) -> str:
        noun, nouns = _NOUNS.get(kind, (plain(kind), ""))
        text = f"{count} {noun if count == 1 else nouns}" if nouns else f"{count} × {noun}"
        own = [
            moment.activity.payload
            for moment in moments
            if moment.activity is not None
            and moment.kind == kind
            and moment.main.result != "duplicate"
        ]
        if kind == "web_visit":
            pages = Counter(clean(str(payload["page"])) for payload in own if payload.get("page"))
            return f"{text} ({_several(pages.items(), _PAGES)})" if pages else text
        names = sorted({clean(str(payload["by"])) for payload in own if payload.get("by")})
        return f"{text} ({', '.join(names)})" if names else text

    def _interest(self, moments: Sequence[StoryMoment]) -> str:
        """How the interest changed in a run, and how much of that was decay."""
        before, after = _interest(moments[0].before), _interest(moments[-1].after)
        faded = [moment for moment in moments if moment.activity is None]
        lost = sum(_interest(moment.after) - _interest(moment.before) for moment in faded)
        text = f"{self.formatter.field(_INTEREST)} {format_number(before)} → {format_number(after)}"
        if lost and len(faded) < len(moments):
            gained = format_signed(after - before - lost)
            return f"{text}: {gained}, and {format_signed(lost)} as it faded {_times(len(faded))}"
        return text if before != after else ""

    def without_points(self, moments: Sequence[StoryMoment]) -> Iterator[str]:
        """A note on score rules that reached their cap."""
        rules = {rule.name: rule for rule in self.formatter.model.scoring}
        capped = [moment for moment in moments if moment.capped]
        named = dict.fromkeys(name for moment in capped for name in moment.capped)
        if not named:
            return
        limits = joined(
            f"“{plain(name)}” gives {self.formatter.limit(rules[name])}" for name in named
        )
        none = all(
            _INTEREST not in [change.field for change in moment.changes] for moment in capped
        )
        if len(moments) == 1:
            yield f"{'no points' if none else 'fewer points'}: {limits}"
        else:
            yield f"{len(capped)} gave {'no' if none else 'fewer'} points: {limits}"


def _interest(fields: Mapping[str, Value]) -> int:
    interest = fields[_INTEREST]
    assert isinstance(interest, int)
    return interest


def _several(parts: Iterable[tuple[str, int]], most: int) -> str:
    """Things with their counts, the most frequent first: ``/pricing ×4, /, 3 others``."""
    ordered = sorted(parts, key=lambda part: -part[1])
    shown = [f"{name} ×{count}" if count > 1 else name for name, count in ordered[:most]]
    left = len(ordered) - len(shown)
    if left:
        shown.append(counted(left, "other page"))
    return ", ".join(shown)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _decayed(*moments: StoryMoment) -> str:
    """The names of the decay rules, which their decisions begin with."""
    names = dict.fromkeys(
        decision.reason.partition(":")[0]
        for moment in moments
        for decision in moment.decisions
        if decision.kind == "decay"
    )
    return joined(f"“{plain(name)}”" for name in names)
