"""Models and people that the tests of the sheet have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lifecycle_fsm import Lifecycle
from lifecycle_fsm.model import Model, loads

START = datetime(2024, 5, 1, 9, tzinfo=UTC)

#: A small model with everything that a sheet shows.
EVERYTHING = """
name = "everything"
title = "Our way of a lead"
description = "From a click to a contract."

[systems]
marketing = "Marketing"
crm = "CRM"

[tokens]
threshold = 50
team = ["ann", "ben", "cem", "dee"]
later = ["no_budget", "no_time"]
no_way = ["student"]

[calendars.office]
zone = "Europe/Berlin"
hours = { mon = "09:00-12:00, 13:00-17:00", tue = "09:00-17:00", wed = "09:00-17:00" }
closed = ["2024-12-24"]

[fields]
behavior_score = { type = "int", min = 0, max = 100 }
budget = { type = "int | None", label = "yearly budget", description = "what they may spend" }

[[stages]]
name = "new"

[[stages]]
name = "lead"
label = "Somebody we know"
description = "We know them."
playbook = "Write to them."
group = "top"
system = "marketing"
mail = "nurture"

[[stages]]
name = "mql"
label = "Ready for sales"
description = "They want us."
playbook = "Call them."
group = "middle"
system = "marketing"

[[stages]]
name = "sal"
title = "SAL"
description = "Sales works on it."
group = "middle"
system = "crm"
mail = "paused"

[[stages]]
name = "won"
title = "Won"
group = "bottom"
system = "crm"

[[stages]]
name = "back"
title = "Later"
off_path = true
system = "marketing"

[[stages]]
name = "out"
title = "Out"
off_path = true
system = "crm"

[[processing]]
number = 40
step = "demographic_score"

[[data]]
on = "form_filled"
when = "activity.form starts with 'Ask:'"
then = { hand_raised = true }

[[scoring]]
name = "visit"
on = "web_visit"
points = 5
cap = 20
per = "week"

[[scoring]]
name = "big"
when = "budget >= 1000"
points = 30

[[scoring]]
name = "no_mail"
on = "unsubscribed"
points = -10
cap = 10

[[decay]]
name = "fading"
every = "30 days"
then = { behavior_score = "behavior_score * 0.5" }

[[sort]]
name = "bought"
when = "won_opportunities >= 1"
to = "won"
skips = "no_credit"
label = "has bought"

[[sort]]
name = "asked"
when = "hand_raised"
to = "mql"
skips = "passed_over"

[[sort]]
name = "others"
when = "otherwise"
to = "lead"
label = "everybody else"

[[moves]]
name = "ready"
from = "lead"
to = "mql"
when = "behavior_score >= $threshold and budget is known"

[[moves]]
name = "raised"
from = "lead"
to = "mql"
when = "hand_raised"

[[moves]]
name = "taken"
from = "mql"
to = "sal"
when = "owner in $team"

[[moves]]
name = "picked"
from = "lead"
to = "sal"
on = "pick"
skips = "passed_over"

[[moves]]
name = "signed"
from = "sal"
to = "won"
when = "won_opportunities >= 1"

[[moves]]
name = "not_now"
from = ["mql", "sal"]
to = "back"
on = "sales_rejected"
when = "rejection_reason in $later"
then = { behavior_score = "min(behavior_score * 0.5, $threshold - 1)", hand_raised = false }

[[moves]]
name = "never"
from = ["mql", "sal"]
to = "out"
on = "sales_rejected"
when = "rejection_reason in $no_way"
then = { behavior_score = 0 }

[[moves]]
name = "rested"
from = "back"
to = "lead"
when = "days in stage >= 30"

[[deadlines]]
name = "answer"
stage = "mql"
after = "4 hours"
calendar = "office"
label = "take it or give it back"
send = "task"
to = ["owner", "'desk'"]
text = "{first_name} of {company} waits"

[[deadlines]]
name = "escalation"
stage = "mql"
after = "1 day"
calendar = "office"
escalates = "answer"
send = "email"
to = "'boss'"

[[deadlines]]
name = "decide"
stage = "sal"
after = "30 days"
when = "open_opportunities == 0"

[[assignment]]
name = "owner_stays"
entering = "mql"
when = "owner is known"
to = "owner"

[[assignment]]
name = "round"
entering = "mql"
to = "$team"
text = "Call {first_name}"
deadline = "answer"

[[alerts]]
name = "call"
entering = ["mql", "sal"]
send = "task"
to = ["assigned_to", "'desk'"]
text = "Call {first_name} of {company}"
links_to_crm = true

[[alerts]]
name = "onto_letter"
entering = "lead"
when = "not unsubscribed"
send = "list_add"
to = "'letter'"

[[alerts]]
name = "off_letter"
on = "unsubscribed"
send = "list_remove"
to = "'letter'"

[[alerts]]
name = "hook"
on = "form_filled"
send = "webhook"
to = "'billing'"
"""


def everything() -> Model:
    return loads(EVERYTHING)


def people(**scores: tuple[int, int | None]) -> Lifecycle:
    """People of the model, each with points of interest and a budget."""
    lifecycle = Lifecycle(everything())
    for place, (name, (points, budget)) in enumerate(scores.items()):
        fields: dict[str, Any] = {"behavior_score": points, "budget": budget}
        lifecycle.admit(name, at=START + timedelta(hours=place), first_name=name, **fields)
        if (points >= 50) and budget is not None:
            lifecycle.apply(name, "changed", at=START + timedelta(hours=place, minutes=1))
    return lifecycle
