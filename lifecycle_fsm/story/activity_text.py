"""What an activity was, in one sentence, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.person import Opportunity
from lifecycle_fsm.story.replay import FieldChange, StoryMoment
from lifecycle_fsm.story.story_formatter import StoryFormatter
from lifecycle_fsm.wording import clean, joined, plain, sentence

_Description: TypeAlias = Callable[["ActivityText", StoryMoment, Mapping[str, Any]], str]

_SCORES = ("demographic_score", "behavior_score")
#: Fields that the sentence about the activity covers already, or that only the machine needs.
_IN_SENTENCE = frozenset(
    """assigned_to created_at created_by created_through last_form lead_status open_opportunities
    rejection_reason source_latest unsubscribed won_opportunities""".split()
)
#: Fields that original processing writes for other programs.
_PLUMBING = frozenset({"cohort", "domain", "source"})
_TOOLS = {"api": "another system", "form": "a web form", "import": "an import"}
_PLACES = {"crm": "in the CRM", "list": "from a list"}
_MOST = 8
_FIXED = {
    "changed": "The record was changed",
    "crm_synced": "The CRM acknowledged the record",
    "processed": "Original processing",
    "unsubscribed": "Unsubscribed: wants no marketing mail",
}
#: The sentence for a kind with a value from its payload, and the one without.
_WITH_VALUE = {
    "converted": (
        "account", "Converted from lead to contact, account {}", "Converted from lead to contact"
    ),
    "email_clicked": ("campaign", "Clicked in a mail (“{}”)", "Clicked in a mail"),
    "sales_touched": ("by", "Sales activity by {}", "Sales activity"),
    "web_visit": ("page", "Visited {}", "Visited the site"),
}  # fmt: skip


class ActivityText:
    """Texts about activities and the changes that they made."""

    def __init__(self, formatter: StoryFormatter) -> None:
        self.formatter = formatter
        model = formatter.model
        #: The kinds of activity that ask for a move.
        self.asks = frozenset(
            kind.name for kind in model.activity_kinds.values() if kind.trigger in model.triggers
        )

    def sentence(self, moment: StoryMoment) -> str:
        """The activity as a sentence, without the full stop."""
        activity = moment.activity
        if activity is None:
            return "Time passed"
        payload = {name: value for name, value in activity.payload.items() if value is not None}
        if activity.kind in _FIXED:
            return _FIXED[activity.kind]
        if activity.kind in _WITH_VALUE:
            name, text, without = _WITH_VALUE[activity.kind]
            return text.format(clean(payload[name])) if payload.get(name) else without
        describe = _DESCRIPTIONS.get(activity.kind)
        return describe(self, moment, payload) if describe else self._other_kind(activity, payload)

    # -- the built-in kinds --------------------------------------------------------------------

    def _created(self, moment: StoryMoment, payload: Mapping[str, Any]) -> str:
        through = moment.after["created_through"]
        sales = moment.after["created_by"] == "sales"
        how = _PLACES.get(str(through), "")
        if through and not how:
            tool = _TOOLS.get(str(through), clean(str(through)))
            how = f"{'through' if sales else 'by'} {tool}"
        source = moment.after["source"]
        text = " ".join(filter(None, ("Created", "by sales" if sales else "", how)))
        return f"{text} (source: {self.formatter.field_value(source)})" if source else text

    def _form(self, moment: StoryMoment, payload: Mapping[str, Any]) -> str:
        where = f" on {clean(payload['page'])}" if payload.get("page") else ""
        return f"Filled the form “{clean(str(payload.get('form', '')))}”{where}"

    def _points(self, moment: StoryMoment, payload: Mapping[str, Any]) -> str:
        why = f" for “{clean(payload['reason'])}”" if payload.get("reason") else ""
        number = int(payload.get("points", 0))
        return f"{'Points were taken off' if number < 0 else 'Points were given'}{why}"

    def _owner(self, moment: StoryMoment, payload: Mapping[str, Any]) -> str:
        owner, before = clean(str(payload.get("owner", ""))), moment.before["owner"]
        was = f" (before: {clean(str(before))})" if before and before != owner else ""
        if not owner:
            return f"The CRM took the owner off{was}"
        return f"{owner} became the owner in the CRM{was}"

    def _status(self, moment: StoryMoment, payload: Mapping[str, Any]) -> str:
        why = f" ({self.formatter.field_value(payload['reason'])})" if payload.get("reason") else ""
        return f"Sales set the status “{clean(str(payload.get('status', '')))}”{why}"

    def _merged(self, moment: StoryMoment, payload: Mapping[str, Any]) -> str:
        assert moment.activity is not None
        loser = clean(str(payload.get("loser", "")))
        if any(not row.to_stage for row in moment.rows):
            return f"Folded into {clean(moment.activity.person)}"
        return f"The record {loser} of the same person was merged into this one"

    def _deal(self, moment: StoryMoment, payload: Mapping[str, Any]) -> str:
        assert moment.activity is not None
        name = str(payload.get("opportunity", ""))
        before, after = (deals.get(name) for deals in moment.deals)
        if after is None:  # it was refused, so nothing is known of it
            return f"{sentence(plain(moment.activity.kind))}: {clean(name)}"
        why = f" ({self.formatter.field_value(payload['reason'])})" if payload.get("reason") else ""
        match moment.activity.kind:
            case "opportunity_opened":
                return self._opened(name, after)
            case "opportunity_changed":
                return self._deal_changed(name, before, after)
            case "opportunity_won":
                return f"{self.formatter.deal(name, after, 'won')}{why}"
        left = sum(deal.status == "open" for deal in moment.deals[1].values())
        others = f"; {left} other{' is' if left == 1 else 's are'} still open" if left else ""
        return f"{self.formatter.deal(name, after, 'lost')}{why}{others}"

    def _opened(self, name: str, after: Opportunity) -> str:
        text = self.formatter.deal(name, after, "opened")
        if after.counts_as_open:
            return text
        lacks = [
            word
            for word, value in (("amount", after.amount), ("close date", after.closes_at))
            if value is None
        ]
        return f"{text}; without {joined(lacks, 'or')} it does not count yet"

    def _deal_changed(self, name: str, before: Opportunity | None, after: Opportunity) -> str:
        parts = []
        was = before or Opportunity("open")
        if (was.amount, was.currency) != (after.amount, after.currency):
            earlier = f", was {self.formatter.worth(was)}" if was.amount else ""
            parts.append(f"amount {self.formatter.worth(after)}{earlier}")
        if was.closes_at != after.closes_at and after.closes_at is not None:
            then = f", was {self.formatter.day(was.closes_at)}" if was.closes_at else ""
            parts.append(f"to close on {self.formatter.day(after.closes_at)}{then}")
        text = "; ".join(parts) or "nothing new"
        return f"Opportunity {clean(name)} changed: {text}"

    # -- all others ----------------------------------------------------------------------------

    def _other_kind(self, activity: Activity, payload: Mapping[str, Any]) -> str:
        """A kind of the model, or a trigger."""
        text = sentence(plain(activity.kind))
        parts = [
            self._part(name, value)
            for name, value in payload.items()
            if name not in ("by", "reason")
        ]
        by = f" by {clean(str(payload['by']))}" if payload.get("by") else ""
        if activity.kind in self.asks:
            text = f"“{text}”"
        text += by
        if payload.get("reason"):
            parts.insert(0, self.formatter.field_value(payload["reason"]))
        return f"{text} ({', '.join(parts)})" if parts else text

    def _part(self, name: str, value: Any) -> str:
        if isinstance(value, bool):
            return plain(name) if value else f"not {plain(name)}"
        if isinstance(value, int) and name.endswith("s"):
            return f"{self.formatter.field_value(value)} {plain(name)}"
        return f"{plain(name)} {self.formatter.field_value(value)}"

    # -- what it changed -----------------------------------------------------------------------

    def changes(self, moment: StoryMoment) -> tuple[str, ...]:
        """The changes that matter to a reader, in words: scores first."""
        by_name = {change.field: change for change in moment.changes}
        if moment.kind == "created":
            return ()
        changes = list(self._scores(by_name, moment))
        raised = by_name.pop("hand_raised", None)
        if raised is not None:
            changes.append(
                "a hand is raised" if raised.after else "the raised hand counts no longer"
            )
        if moment.kind == "processed":
            return (*self._filled(by_name, moment), *changes)
        left = [change for change in by_name.values() if self._is_news(change, moment)]
        texts = [self._change(change) for change in left[:_MOST]]
        if len(left) > _MOST:
            texts.append(f"{len(left) - _MOST} more")
        return (*changes, *texts)

    def _scores(self, by_name: dict[str, FieldChange], moment: StoryMoment) -> Iterator[str]:
        for name in _SCORES:
            change = by_name.pop(name, None)
            if change is None:
                continue
            label = self.formatter.field(name)
            if moment.kind == "processed" and not change.before:
                yield f"{label} {self.formatter.field_value(change.after)}"
            else:
                before, after = map(self.formatter.field_value, (change.before, change.after))
                yield f"{label} {before} → {after}"

    def _filled(self, by_name: Mapping[str, FieldChange], moment: StoryMoment) -> Iterator[str]:
        """The fields that original processing filled, without those that it only normalised."""
        fresh = [
            change
            for change in by_name.values()
            if change.before in (None, "", 0)
            and change.field not in _PLUMBING
            and self._is_news(change, moment)
        ]
        if fresh:
            yield f"found out: {', '.join(self._change(change) for change in fresh)}"

    def _is_news(self, change: FieldChange, moment: StoryMoment) -> bool:
        if change.field in _IN_SENTENCE or isinstance(change.after, datetime):
            return False
        if change.before in (None, "") and change.after in (None, ""):
            return False
        return not (change.field == "owner" and moment.kind == "owner_changed")

    def _change(self, change: FieldChange) -> str:
        label = self.formatter.field(change.field)
        if isinstance(change.after, bool):
            return label if change.after else f"no longer {label}"
        before, after = map(self.formatter.field_value, (change.before, change.after))
        if change.before in (None, "", 0):
            return f"{after} {label}" if self._counts(change) else f"{label} {after}"
        return f"{label} {before} → {'none' if change.after in (None, '') else after}"

    def _counts(self, change: FieldChange) -> bool:
        """Whether a number is a quantity: "120 employees"."""
        return type(change.after) is int and self.formatter.field(change.field).endswith("s")


_DESCRIPTIONS: Mapping[str, _Description] = {
    "created": ActivityText._created,
    "form_filled": ActivityText._form,
    "lead_status_changed": ActivityText._status,
    "merged": ActivityText._merged,
    "opportunity_changed": ActivityText._deal,
    "opportunity_lost": ActivityText._deal,
    "opportunity_opened": ActivityText._deal,
    "opportunity_won": ActivityText._deal,
    "owner_changed": ActivityText._owner,
    "score_given": ActivityText._points,
}
