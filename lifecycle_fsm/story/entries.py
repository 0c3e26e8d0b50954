"""The entries of a story: one for each moment that says something, or for a run of small ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from lifecycle_fsm.history import HistoryRow, VisitKey
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.requests import Request
from lifecycle_fsm.story.happened import Happened
from lifecycle_fsm.story.needs import Needs
from lifecycle_fsm.story.replay import Moment
from lifecycle_fsm.story.runs import INTEREST, Runs, decayed
from lifecycle_fsm.story.words import Speech
from lifecycle_fsm.wording import clean, joined, plain, sentence


@attrs.frozen(kw_only=True)
class Entry:
    """Something that happened, as a sentence, and what came of it, a sentence each.

    A run of small things has the instant of its last one in ``until``. ``moments`` are what it was
    made from. Times are in UTC, texts name them in the zone of the story.
    """

    at: datetime
    until: datetime | None = None
    text: str
    details: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = attrs.field(repr=False)

    @property
    def row(self) -> HistoryRow | None:
        """The row that tells where the person is behind it, where there is one: the last of
        several."""
        rows = [row for moment in self.moments for row in moment.rows if row.to_stage]
        return rows[-1] if rows else None


class Teller:
    """Makes entries from moments."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.needs = Needs(speech)
        self.happened = Happened(speech)
        self.runs = Runs(speech)
        self._visits: dict[str, VisitKey] = {}

    def entries(self, moments: Iterable[Moment]) -> Iterator[Entry]:
        """All entries of one record, first to last."""
        run: list[Moment] = []
        # What was stopped has not waited for what was due before it.
        for moment in sorted(moments, key=lambda one: one.now):
            if self.runs.small(moment):
                run.append(moment)
                continue
            yield from self._run(run)
            run = []
            yield self.entry(moment)
        yield from self._run(run)

    def _run(self, moments: Sequence[Moment]) -> Iterator[Entry]:
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

    def entry(self, moment: Moment) -> Entry:
        """One moment, told alone."""
        details = [*self._answers(moment), *self._assigned(moment)]
        requests = [one for decision in moment.decisions for one in decision.requests]
        details += self.speech.requests([one for one in requests if not _passing(one, moment)])
        self._visits |= {row.person: row.visit for row in moment.rows if row.to_stage}
        return Entry(
            at=moment.now, text=self._text(moment), details=tuple(details), moments=(moment,)
        )

    def _text(self, moment: Moment) -> str:
        main = moment.main
        if moment.activity is None:
            return self._time(moment)
        said = self.happened.sentence(moment)
        match main.result:
            case "duplicate":
                return f"{said}: it came once more, and counts once."
            case "rejected":
                return f"{said}: not accepted, {clean(main.reason)}."
            case "held":
                return self._held(moment, said)
            case "parked":
                why = clean(main.reason)
                return f"{said}: an error stopped it, and it waits to be tried again: {why}."
        if main.late:
            said += f" (it came late: it happened on {self.speech.moment(main.at)})"
        if moment.kind == "merged" and not moment.rows and main.reason:
            said += f": {clean(main.reason)}"
        changes = [*self.happened.changes(moment), *self.runs.without_points((moment,))]
        return f"{said}. {sentence('; '.join(changes))}." if changes else f"{said}."

    def _held(self, moment: Moment, said: str) -> str:
        """What nobody can do, because somebody whom it needs was never created [S19]."""
        assert moment.activity is not None
        if moment.kind == "merged":
            loser = clean(str(moment.activity.payload.get("loser")))
            return (
                f"The record {loser} of the same person should be folded into this one; it waits, "
                "because nobody has created that record."
            )
        return f"{said}: it waits, because nobody has created {clean(moment.activity.person)}."

    def _time(self, moment: Moment) -> str:
        """What time brought: fading, missed deadlines, a move."""
        parts = []
        if moment.main.result == "parked":
            what = "original processing" if moment.main.kind == "processed" else "what was due"
            return (
                f"An error stopped {what}, and it waits to be tried again: "
                f"{clean(moment.main.reason)}."
            )
        for one in moment.decisions:
            if one.kind == "decay":
                parts.append(self._faded(moment))
            elif one.kind == "deadline":
                deadline = self.speech.deadlines[one.reason]
                parts.append(
                    f"deadline missed: {self.speech.deadline(deadline)}, "
                    f"{self.speech.within_words(deadline)}"
                )
        if not parts:
            parts.append(self._met(moment.rows[0], moment) if moment.rows else "")
        return sentence("; ".join(dict.fromkeys(filter(None, parts))) or "time passed") + "."

    def _faded(self, moment: Moment) -> str:
        changes = list(self.happened.changes(moment))
        interest = self.speech.field(INTEREST)
        if len(changes) == 1 and changes[0].startswith(f"{interest} "):
            return (
                f"{interest} faded ({decayed(moment)}): {changes[0].removeprefix(interest).strip()}"
            )
        return f"time without new points ({decayed(moment)}): {'; '.join(changes)}"

    # -- what came of it -----------------------------------------------------------------------

    def _answers(self, moment: Moment) -> Iterator[str]:
        """Moves, refusals, deferrals: a sentence each."""
        if moment.kind == "created":
            return
        for one in moment.decisions:
            if one is not moment.main and one.activity != moment.main.activity and one.trigger:
                yield f"Then what had waited: {self._asked(one)}."
            for row in one.rows:
                said = self._row(row, moment)
                if said:
                    yield said
            yield from self._unmoved(one, moment)
        for fact in moment.decided:
            if fact.late and fact.decided_at == moment.now:
                deadline = self.speech.deadline(self.speech.deadlines[fact.rule])
                yield f"So the deadline {deadline} was kept after all."

    def _asked(self, decision: Decision) -> str:
        return f"“{plain(decision.kind or decision.trigger or '')}”"

    def _row(self, row: HistoryRow, moment: Moment) -> str:
        speech = self.speech
        if row.kind == "merge":
            if not row.to_stage or row.visit == self._visits.get(row.person):
                return ""
            since = speech.day(row.entered_at)
            return f"→ {speech.stage(row.to_stage)}, where that record has been since {since}."
        met, label = self._met(row, moment), speech.rule(row.rule)
        # Time moves say it first: "90 days in this stage."
        told = moment.activity is None and moment.decisions[0].rows[:1] == (row,)
        told = told or met.startswith(label.strip("“”"))
        because = f": {met}" if met and not told else ""
        if row.from_stage == speech.model.initial.name:
            said = f"Sorted to {speech.stage(row.to_stage)} by {label}{because}."
        else:
            said = f"→ {speech.stage(row.to_stage)} by {label}{because}."
        if row.kind == "return":
            said += f" Journey {row.journey} begins."
        return said + self._passed(row)

    def _met(self, row: HistoryRow, moment: Moment) -> str:
        outcome = moment.reasons.get(row.sequence)
        return self.needs.met(outcome) if outcome is not None else ""

    def _passed(self, row: HistoryRow) -> str:
        """What became of the stages that the move went past."""
        if not row.passed_over:
            return ""
        names = joined(self.speech.stages(row.passed_over))
        if row.credit:
            verb = "were" if len(row.passed_over) > 1 else "was"
            return f" Fast track: {names} {verb} passed over."
        return f" No credit for {names}, where they never were."

    def _unmoved(self, decision: Decision, moment: Moment) -> Iterator[str]:
        speech = self.speech
        for refusal in decision.unmet:
            yield (
                f"Refused: → {speech.stage(refusal.target)} by {speech.rule(refusal.move)} "
                f"{self.needs.refusal(refusal)}."
            )
        if decision.result == "deferred":
            yield "It waits for the end of original processing."
        elif decision.result == "no_such_move":
            stage = speech.stage(decision.stage)
            yield f"Refused: from {stage} nobody is moved by {self._asked(decision)}."
        elif (
            decision.kind == "processed"
            and decision.reason
            and decision is moment.main
            and decision.result not in ("parked", "rejected")
        ):
            yield f"Went on without a step that failed: {clean(decision.reason)}."

    def _assigned(self, moment: Moment) -> Iterator[str]:
        if moment.kind == "created":
            return
        for one in moment.changes:
            if one.field == "assigned_to" and one.after:
                before = f" (before: {clean(str(one.before))})" if one.before else ""
                yield f"Assigned to {clean(str(one.after))}{before}."


def _passing(request: Request, moment: Moment) -> bool:
    """Whether a request was superseded at once by the next hop: nobody ever waited for it."""
    return request.state == "superseded" and request.stage in {row.to_stage for row in moment.rows}
