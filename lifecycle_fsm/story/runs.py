"""Runs of small things, each of which says little alone: summed up in one or two sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from lifecycle_fsm.story.replay import Moment
from lifecycle_fsm.story.words import Speech, several
from lifecycle_fsm.wording import clean, joined, plain, sentence

#: Kinds that are told one by one, each in its own words; all others may stand in a run.
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
INTEREST = "behavior_score"
_PAGES = 3


class Runs:
    """Knows what is small, and sums it up."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech

    def small(self, moment: Moment) -> bool:
        """Whether it says little alone: a visit, a click, a call, interest that fades."""
        main = moment.main
        if any(one.requests or one.hops or one.unmet for one in moment.decisions):
            return False
        if moment.activity is None:
            fading = all(one.kind == "decay" for one in moment.decisions)
            return fading and [one.field for one in moment.changes] == [INTEREST]
        if main.result == "duplicate":
            return True
        if main.result != "unchanged" or main.late or moment.kind in _TOLD_ALONE:
            return False
        if moment.kind == "crm_synced":
            return moment.before["crm_synced_at"] is not None
        return all(
            one.field == INTEREST or isinstance(one.after, datetime) or one.field == "source_latest"
            for one in moment.changes
        )

    def summed(self, moments: Sequence[Moment]) -> str:
        """All of it, without a stop at the end."""
        counts: Counter[str] = Counter()
        again = 0
        for one in moments:
            if one.main.result == "duplicate":
                again += 1
            elif one.activity is not None:
                counts[one.kind] += 1
        faded = [one for one in moments if one.activity is None]
        said = [joined(self._number(kind, count, moments) for kind, count in counts.items())]
        if faded and not counts:
            label = sentence(self.speech.field(INTEREST))
            change = self._interest(moments).removeprefix(f"{self.speech.field(INTEREST)} ")
            said = [f"{label} faded {_times(len(faded))} ({decayed(*faded)}): {change}"]
        if again:
            came = (
                "1 thing came again, and counts"
                if again == 1
                else f"{again} things came again, and count"
            )
            said.append(f"{came} once")
        first = sentence("; ".join(filter(None, said)))
        if not counts:
            return first
        more = [one for one in (self._interest(moments), *self.without_points(moments)) if one]
        return f"{first}. {sentence('; '.join(more))}" if more else first

    def _number(self, kind: str, count: int, moments: Sequence[Moment]) -> str:
        one, more = _NOUNS.get(kind, (plain(kind), ""))
        said = f"{count} {one if count == 1 else more}" if more else f"{count} × {one}"
        own = [
            moment.activity.payload
            for moment in moments
            if moment.activity is not None
            and moment.kind == kind
            and moment.main.result != "duplicate"
        ]
        if kind == "web_visit":
            pages = Counter(clean(str(one["page"])) for one in own if one.get("page"))
            return f"{said} ({several(pages.items(), _PAGES)})" if pages else said
        names = sorted({clean(str(one["by"])) for one in own if one.get("by")})
        return f"{said} ({', '.join(names)})" if names else said

    def _interest(self, moments: Sequence[Moment]) -> str:
        """What became of the interest in a run, and how much of that was its fading."""
        before, after = moments[0].before[INTEREST], moments[-1].after[INTEREST]
        assert isinstance(before, int)
        assert isinstance(after, int)
        faded = [one for one in moments if one.activity is None]
        lost = sum(map(_gain, faded))
        said = f"{self.speech.field(INTEREST)} {_n(before)} → {_n(after)}"
        if lost and len(faded) < len(moments):
            gained = _signed(after - before - lost)
            return f"{said}: {gained}, and {_signed(lost)} as it faded {_times(len(faded))}"
        return said if before != after else ""

    def without_points(self, moments: Sequence[Moment]) -> Iterator[str]:
        """That the caps of score rules were reached."""
        rules = {rule.name: rule for rule in self.speech.model.scoring}
        capped = [one for one in moments if one.capped]
        named = dict.fromkeys(name for one in capped for name in one.capped)
        if not named:
            return
        limits = joined(f"“{plain(name)}” gives {self.speech.limit(rules[name])}" for name in named)
        none = all(INTEREST not in [change.field for change in one.changes] for one in capped)
        if len(moments) == 1:
            yield f"{'no points' if none else 'fewer points'}: {limits}"
        else:
            yield f"{len(capped)} gave {'no' if none else 'fewer'} points: {limits}"


def _gain(moment: Moment) -> int:
    before, after = moment.before[INTEREST], moment.after[INTEREST]
    assert isinstance(before, int)
    assert isinstance(after, int)
    return after - before


def _n(number: int) -> str:
    return f"{number:,}".replace("-", "−")


def _signed(number: int) -> str:
    return f"+{number:,}" if number >= 0 else _n(number)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def decayed(*moments: Moment) -> str:
    """The names of the decay rules, which their decisions begin with."""
    names = dict.fromkeys(
        one.reason.partition(":")[0]
        for moment in moments
        for one in moment.decisions
        if one.kind == "decay"
    )
    return joined(f"“{plain(name)}”" for name in names)
