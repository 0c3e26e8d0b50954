"""The words of a story: fields, values, times, opportunities, requests, as a person would say them.

Rules are said as on the sheet that sales signed (:class:`lifecycle_fsm.wording.Words`); here
come the words for what happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Const, Field, Token
from lifecycle_fsm.guard.printer import MOST_OPTIONS
from lifecycle_fsm.model import Deadline, Model
from lifecycle_fsm.person import Opportunity
from lifecycle_fsm.requests import Request
from lifecycle_fsm.wording import Words, clean, counted, lasting, plain, rule_words, sentence
from lifecycle_fsm.zones import find_zone

#: What the two scores are about, where the model has no label of its own for them.
_SCORES = {"behavior_score": "interest", "demographic_score": "fit"}
_SENT = {
    "task": "a task for {}",
    "email": "a mail to {}",
    "webhook": "a message to {}",
}
_PLUMBING = {
    "list_add": "onto the list “{}”",
    "list_remove": "off the list “{}”",
    "crm_sync": "the record goes to the CRM",
}


class Speech(Words):
    """What stands in a model and what happened, in words.

    Every text is one line of plain characters; nothing of it is markup yet.
    """

    def __init__(self, model: Model, zone: str = "UTC") -> None:
        super().__init__(model)
        self.zone_name = zone
        self.zone: tzinfo = find_zone(zone)
        self.rules = {rule.name: rule_words(rule) for rule in model.sort}
        self.rules |= {move.name: rule_words(move) for move in model.moves}
        self.deadlines = {one.name: one for one in model.deadlines}

    # -- names -------------------------------------------------------------------------------

    def field(self, name: str) -> str:
        """A field by its label; the scores by what they are about."""
        if name in _SCORES and name not in self._labels:
            return _SCORES[name]
        return super().field(name)

    def _long_list(self, options: Const | Token) -> str:
        """A list is written out, where that is not very long: nobody has the model at hand."""
        values = self._constant(options)
        long = isinstance(values, tuple) and len(values) > MOST_OPTIONS
        return super()._long_list(options) if long else ""

    def subject(self, name: str) -> str:
        """A field as what something is said of: "owner is", but "sourced by"."""
        return self._subject(Field(name))

    def rule(self, name: str) -> str:
        """A move or a sort rule by its words, in quotes."""
        return f"“{self.rules.get(name) or plain(name)}”"

    def place(self, name: str) -> str:
        """A stage with its label: "MQL (Marketing Qualified Lead)"."""
        stage = self.model.by_name.get(name)
        if stage is None:
            return clean(name)
        label = clean(stage.label)
        return self.stage(name) + (f" ({label})" if label else "")

    def said(self, value: Value) -> str:
        """A value of a field."""
        if value is None or value == "":
            return "not known"
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, float):
            return _number(value)
        return self.value(value)

    # -- time --------------------------------------------------------------------------------

    def day(self, at: datetime) -> str:
        """The date of an instant in the zone of the story: ``3 Mar 2025``."""
        local = at.astimezone(self.zone)
        return f"{local.day} {local:%b %Y}"

    def moment(self, at: datetime) -> str:
        """Date and time of day: ``3 Mar 2025 10:14``."""
        return f"{self.day(at)} {at.astimezone(self.zone):%H:%M}"

    def near(self, at: datetime, now: datetime) -> str:
        """An instant as one says it at another: without the year where that is the same."""
        local = at.astimezone(self.zone)
        if local.year != now.astimezone(self.zone).year:
            return self.moment(at)
        return f"{local.day} {local:%b %H:%M}"

    def lasting(self, length: timedelta) -> str:
        """How long something was, roughly, as one would say it."""
        return lasting(length)

    def within_words(self, deadline: Deadline) -> str:
        """From when a deadline counts, and how long."""
        if deadline.escalates:
            other = self.deadlines[deadline.escalates]
            return f"{self.within(deadline)} after {self.deadline(other)} was due"
        return f"{self.within(deadline)} after {self.stage(deadline.stage)} was entered"

    def deadline(self, deadline: Deadline) -> str:
        """A deadline by its label, in quotes."""
        return f"“{clean(deadline.label) or plain(deadline.name)}”"

    # -- opportunities -----------------------------------------------------------------------

    def deal(self, name: str, deal: Opportunity, what: str) -> str:
        """What is, or was done, with an opportunity, and what it is worth."""
        parts = [amount(deal.amount)] if deal.amount is not None else []
        if deal.closes_at is not None and deal.status == "open":
            parts.append(f"to close on {self.day(deal.closes_at)}")
        said = f"Opportunity {clean(name)} {what}"
        return f"{said}: {', '.join(parts)}" if parts else said

    # -- requests ----------------------------------------------------------------------------

    def requests(self, requests: Sequence[Request]) -> Iterator[str]:
        """What was asked for, as sentences: people first, then the systems in one."""
        systems = []
        for one in requests:
            if one.channel in _SENT:
                yield self._for_somebody(one)
            elif one.state in ("sent", "released"):
                systems.append(self._for_a_system(one))
        if systems:
            yield sentence("; ".join(dict.fromkeys(systems))) + "."

    def _for_somebody(self, one: Request) -> str:
        said = _SENT[one.channel].format(clean(one.to or "") or "somebody who is not known")
        due = ""
        if one.due_at is not None and one.due_at > one.at and one.state != "superseded":
            due = f", due {self.near(one.due_at, one.at)}"
        text = f": “{clean(one.text)}”" if one.text else ""
        match one.state:
            case "held":
                return f"Held until the CRM knows the record: {said}{due}{text}."
            case "released":
                return f"Goes out now: {said}{due}."
            case "superseded":
                return f"No longer needed: {said}{text}."
        return f"Asked: {said}{due}{text}."

    def _for_a_system(self, one: Request) -> str:
        if one.channel == "mail":
            mail = one.data.get("mail")
            return f"marketing mail: {mail or 'as usual'}"
        return _PLUMBING[one.channel].format(clean(one.to or ""))


def amount(value: float | None) -> str:
    """Money, in whatever currency the CRM counts."""
    return "no amount" if value is None else _number(value)


def _number(value: float) -> str:
    return f"{value:,.2f}".removesuffix(".00").replace("-", "−")


def several(parts: Iterable[tuple[str, int]], most: int) -> str:
    """Things with how often they came, the most frequent first: ``/pricing ×4, /, 3 others``."""
    ordered = sorted(parts, key=lambda one: -one[1])
    shown = [f"{name} ×{count}" if count > 1 else name for name, count in ordered[:most]]
    left = len(ordered) - len(shown)
    if left:
        shown.append(counted(left, "other page"))
    return ", ".join(shown)
