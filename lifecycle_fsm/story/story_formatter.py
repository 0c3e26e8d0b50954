"""The words of a story: fields, values, times, opportunities and requests, in plain language.

Rules are worded as on the sheet that sales signed (:class:`lifecycle_fsm.wording.Formatter`). This
module adds the words for what happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle_fsm.guard import Const, Token
from lifecycle_fsm.guard.printer import MOST_OPTIONS
from lifecycle_fsm.machine import Refusal
from lifecycle_fsm.model import Deadline, Model
from lifecycle_fsm.person import Opportunity
from lifecycle_fsm.requests import Request
from lifecycle_fsm.wording import (
    Formatter,
    OutcomeExplainer,
    clean,
    format_amount,
    plain,
    rule_words,
    sentence,
)

#: What the two scores are about, if the model has no label for them.
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


class StoryFormatter(Formatter):
    """The parts of a model and what happened, in words.

    Every text is one line of plain characters, without markup.
    """

    def __init__(self, model: Model, zone: str = "UTC") -> None:
        super().__init__(model, zone)
        self.outcomes = OutcomeExplainer(self)
        self.rules = {rule.name: rule_words(rule) for rule in model.sort}
        self.rules |= {move.name: rule_words(move) for move in model.moves}
        self.deadlines = {deadline.name: deadline for deadline in model.deadlines}

    # -- names -------------------------------------------------------------------------------

    def field(self, name: str) -> str:
        """A field by its label; a score by what it is about."""
        if name in _SCORES and name not in self.labels:
            return _SCORES[name]
        return super().field(name)

    def long_list(self, options: Const | Token) -> str:
        """The name of a very long list; others are written out: readers do not have the model."""
        values = self.constant(options)
        long = isinstance(values, tuple) and len(values) > MOST_OPTIONS
        return super().long_list(options) if long else ""

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

    # -- time --------------------------------------------------------------------------------

    def within_words(self, deadline: Deadline) -> str:
        """When a deadline starts to count, and how long it is."""
        if deadline.escalates:
            other = self.deadlines[deadline.escalates]
            return f"{self.within(deadline)} after {self.deadline(other)} was due"
        return f"{self.within(deadline)} after {self.stage(deadline.stage)} was entered"

    def deadline(self, deadline: Deadline) -> str:
        """A deadline by its label, in quotes."""
        return f"“{clean(deadline.label) or plain(deadline.name)}”"

    def refusal(self, refusal: Refusal) -> str:
        """What a move that is not open needs."""
        if refusal.note:
            return f"is not open: {refusal.note}"
        return f"needs {self.outcomes.missing(refusal.outcome)}"

    # -- opportunities -----------------------------------------------------------------------

    def deal(self, name: str, deal: Opportunity, what: str) -> str:
        """The state of an opportunity or what was done with it, and its value."""
        parts = [self.worth(deal)] if deal.amount is not None else []
        if deal.closes_at is not None and deal.status == "open":
            parts.append(f"to close on {self.day(deal.closes_at)}")
        text = f"Opportunity {clean(name)} {what}"
        return f"{text}: {', '.join(parts)}" if parts else text

    def worth(self, deal: Opportunity) -> str:
        """The amount of an opportunity, in its currency if that is known."""
        reporting = None if self.model.money is None else self.model.money.currency
        return format_amount(deal.amount, clean(deal.currency or reporting or ""))

    # -- requests ----------------------------------------------------------------------------

    def requests(self, requests: Sequence[Request]) -> Iterator[str]:
        """The requests as sentences: first those to people, then those to systems in one."""
        systems = []
        for request in requests:
            if request.channel in _SENT:
                yield self._for_somebody(request)
            elif request.state in ("sent", "released"):
                systems.append(self._for_a_system(request))
        if systems:
            yield sentence("; ".join(dict.fromkeys(systems))) + "."

    def _for_somebody(self, request: Request) -> str:
        what = _SENT[request.channel].format(clean(request.to or "") or "somebody who is not known")
        due = ""
        if (
            request.due_at is not None
            and request.due_at > request.at
            and request.state != "superseded"
        ):
            due = f", due {self.near(request.due_at, request.at)}"
        text = f": “{clean(request.text)}”" if request.text else ""
        match request.state:
            case "held":
                return f"Held until the CRM knows the record: {what}{due}{text}."
            case "released":
                return f"Goes out now: {what}{due}."
            case "superseded":
                return f"No longer needed: {what}{text}."
        return f"Asked: {what}{due}{text}."

    def _for_a_system(self, request: Request) -> str:
        if request.channel == "mail":
            mail = request.data.get("mail")
            return f"marketing mail: {mail or 'as usual'}"
        return _PLUMBING[request.channel].format(clean(request.to or ""))
