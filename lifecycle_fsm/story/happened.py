"""What an activity was, in one sentence, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.fields import Value
from lifecycle_fsm.person import Opportunity
from lifecycle_fsm.story.replay import Change, Moment
from lifecycle_fsm.story.words import Speech, amount
from lifecycle_fsm.wording import clean, joined, plain, sentence

_Teller: TypeAlias = Callable[["Happened", Moment, Mapping[str, Any]], str]

_SCORES = ("demographic_score", "behavior_score")
#: What the sentence about the activity has said already, or what only the machine needs.
_SAID = frozenset(
    """assigned_to created_at created_by created_through last_form lead_status open_opportunities
    rejection_reason source_latest unsubscribed won_opportunities""".split()
)
#: What original processing writes for other programs.
_PLUMBING = frozenset({"cohort", "domain", "source"})
_TOOLS = {"api": "another system", "form": "a web form", "import": "an import"}
_PLACES = {"crm": "in the CRM", "list": "from a list"}
_MOST = 8


class Happened:
    """Says what happened."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        model = speech.model
        #: The kinds of activity by which somebody asks for a move.
        self.asks = frozenset(
            kind.name for kind in model.activity_kinds.values() if kind.trigger in model.triggers
        )

    def sentence(self, moment: Moment) -> str:
        """The activity, without a stop at the end."""
        activity = moment.activity
        if activity is None:
            return "Time passed"
        brought = {name: value for name, value in activity.payload.items() if value is not None}
        teller = _TELLERS.get(activity.kind)
        return teller(self, moment, brought) if teller else self._plainly(activity, brought)

    # -- the built-in kinds --------------------------------------------------------------------

    def _created(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        through = moment.after["created_through"]
        sales = moment.after["created_by"] == "sales"
        how = _PLACES.get(str(through), "")
        if through and not how:
            tool = _TOOLS.get(str(through), clean(str(through)))
            how = f"{'through' if sales else 'by'} {tool}"
        source = moment.after["source"]
        said = " ".join(filter(None, ("Created", "by sales" if sales else "", how)))
        return f"{said} (source: {self.speech.said(source)})" if source else said

    def _processed(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        return "Original processing"

    def _form(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        where = f" on {clean(brought['page'])}" if brought.get("page") else ""
        return f"Filled the form “{clean(str(brought.get('form', '')))}”{where}"

    def _visit(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        return f"Visited {clean(brought['page'])}" if brought.get("page") else "Visited the site"

    def _click(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        of = f" (“{clean(brought['campaign'])}”)" if brought.get("campaign") else ""
        return f"Clicked in a mail{of}"

    def _unsubscribed(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        return "Unsubscribed: wants no marketing mail"

    def _points(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        why = f" for “{clean(brought['reason'])}”" if brought.get("reason") else ""
        number = int(brought.get("points", 0))
        return f"{'Points were taken off' if number < 0 else 'Points were given'}{why}"

    def _owner(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        owner, before = clean(str(brought.get("owner", ""))), moment.before["owner"]
        was = f" (before: {clean(str(before))})" if before and before != owner else ""
        if not owner:
            return f"The CRM took the owner off{was}"
        return f"{owner} became the owner in the CRM{was}"

    def _touched(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        by = f" by {clean(brought['by'])}" if brought.get("by") else ""
        return f"Sales activity{by}"

    def _status(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        why = f" ({self.speech.said(brought['reason'])})" if brought.get("reason") else ""
        return f"Sales set the status “{clean(str(brought.get('status', '')))}”{why}"

    def _synced(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        return "The CRM acknowledged the record"

    def _converted(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        account = f", account {clean(brought['account'])}" if brought.get("account") else ""
        return f"Converted from lead to contact{account}"

    def _merged(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        assert moment.activity is not None
        loser = clean(str(brought.get("loser", "")))
        if any(not row.to_stage for row in moment.rows):
            return f"Folded into {clean(moment.activity.person)}"
        return f"The record {loser} of the same person was folded into this one"

    def _changed(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        return "The record was changed"

    def _deal(self, moment: Moment, brought: Mapping[str, Any]) -> str:
        assert moment.activity is not None
        name = str(brought.get("opportunity", ""))
        before, after = (deals.get(name) for deals in moment.deals)
        if after is None:  # it was refused, and nothing is known of it
            return f"{sentence(plain(moment.activity.kind))}: {clean(name)}"
        why = f" ({self.speech.said(brought['reason'])})" if brought.get("reason") else ""
        match moment.activity.kind:
            case "opportunity_opened":
                return self._opened(name, after)
            case "opportunity_changed":
                return self._deal_changed(name, before, after)
            case "opportunity_won":
                return f"{self.speech.deal(name, after, 'won')}{why}"
        left = sum(one.status == "open" for one in moment.deals[1].values())
        others = f"; {left} other{' is' if left == 1 else 's are'} still open" if left else ""
        return f"{self.speech.deal(name, after, 'lost')}{why}{others}"

    def _opened(self, name: str, after: Opportunity) -> str:
        said = self.speech.deal(name, after, "opened")
        if after.counts_as_open:
            return said
        lacks = [
            word
            for word, value in (("amount", after.amount), ("close date", after.closes_at))
            if value is None
        ]
        return f"{said}; without {joined(lacks, 'or')} it does not count yet"

    def _deal_changed(self, name: str, before: Opportunity | None, after: Opportunity) -> str:
        parts = []
        was = before or Opportunity("open")
        if was.amount != after.amount:
            now = amount(after.amount)
            parts.append(f"amount {now}" + (f", was {amount(was.amount)}" if was.amount else ""))
        if was.closes_at != after.closes_at and after.closes_at is not None:
            then = f", was {self.speech.day(was.closes_at)}" if was.closes_at else ""
            parts.append(f"to close on {self.speech.day(after.closes_at)}{then}")
        said = "; ".join(parts) or "nothing new"
        return f"Opportunity {clean(name)} changed: {said}"

    # -- all others ----------------------------------------------------------------------------

    def _plainly(self, activity: Activity, brought: Mapping[str, Any]) -> str:
        """A kind that the model adds, or the asking of a human."""
        said = sentence(plain(activity.kind))
        parts = [
            self._part(name, value)
            for name, value in brought.items()
            if name not in ("by", "reason")
        ]
        by = f" by {clean(str(brought['by']))}" if brought.get("by") else ""
        if activity.kind in self.asks:
            said = f"“{said}”"
        said += by
        if brought.get("reason"):
            parts.insert(0, self.speech.said(brought["reason"]))
        return f"{said} ({', '.join(parts)})" if parts else said

    def _part(self, name: str, value: Any) -> str:
        if isinstance(value, bool):
            return plain(name) if value else f"not {plain(name)}"
        if isinstance(value, int) and name.endswith("s"):
            return f"{self.speech.said(value)} {plain(name)}"
        return f"{plain(name)} {self.speech.said(value)}"

    # -- what it changed -----------------------------------------------------------------------

    def changes(self, moment: Moment) -> tuple[str, ...]:
        """The changes that a reader wants to know, in words: scores first."""
        by_name = {one.field: one for one in moment.changes}
        if moment.kind == "created":
            return ()
        found = list(self._scores(by_name, moment))
        raised = by_name.pop("hand_raised", None)
        if raised is not None:
            found.append("a hand is raised" if raised.after else "the raised hand counts no longer")
        if moment.kind == "processed":
            return (*self._filled(by_name, moment), *found)
        left = [one for one in by_name.values() if self._is_news(one, moment)]
        told = [self._change(one) for one in left[:_MOST]]
        if len(left) > _MOST:
            told.append(f"{len(left) - _MOST} more")
        return (*found, *told)

    def _scores(self, by_name: dict[str, Change], moment: Moment) -> Iterator[str]:
        for name in _SCORES:
            change = by_name.pop(name, None)
            if change is None:
                continue
            label = self.speech.field(name)
            if moment.kind == "processed" and not change.before:
                yield f"{label} {self.speech.said(change.after)}"
            else:
                before, after = map(self.speech.said, (change.before, change.after))
                yield f"{label} {before} → {after}"

    def _filled(self, by_name: Mapping[str, Change], moment: Moment) -> Iterator[str]:
        """What original processing found out; what it only wrote in another way is no news."""
        fresh = [
            one
            for one in by_name.values()
            if one.before in (None, "", 0)
            and one.field not in _PLUMBING
            and self._is_news(one, moment)
        ]
        if fresh:
            yield f"found out: {', '.join(self._change(one) for one in fresh)}"

    def _is_news(self, change: Change, moment: Moment) -> bool:
        if change.field in _SAID or isinstance(change.after, datetime):
            return False
        if change.before in (None, "") and change.after in (None, ""):
            return False
        return not (change.field == "owner" and moment.kind == "owner_changed")

    def _change(self, one: Change) -> str:
        label = self.speech.field(one.field)
        if isinstance(one.after, bool):
            return label if one.after else f"no longer {label}"
        if one.before in (None, "", 0):
            return (
                f"{self._value(one.after)} {label}"
                if self._counts(one)
                else (f"{label} {self._value(one.after)}")
            )
        if one.after in (None, ""):
            return f"{label} {self._value(one.before)} → none"
        return f"{label} {self._value(one.before)} → {self._value(one.after)}"

    def _counts(self, one: Change) -> bool:
        """Whether a number says how many: "120 employees"."""
        return type(one.after) is int and self.speech.field(one.field).endswith("s")

    def _value(self, value: Value) -> str:
        return self.speech.said(value)


_TELLERS: Mapping[str, _Teller] = {
    "changed": Happened._changed,
    "converted": Happened._converted,
    "created": Happened._created,
    "crm_synced": Happened._synced,
    "email_clicked": Happened._click,
    "form_filled": Happened._form,
    "lead_status_changed": Happened._status,
    "merged": Happened._merged,
    "opportunity_changed": Happened._deal,
    "opportunity_lost": Happened._deal,
    "opportunity_opened": Happened._deal,
    "opportunity_won": Happened._deal,
    "owner_changed": Happened._owner,
    "processed": Happened._processed,
    "sales_touched": Happened._touched,
    "score_given": Happened._points,
    "unsubscribed": Happened._unsubscribed,
    "web_visit": Happened._visit,
}
