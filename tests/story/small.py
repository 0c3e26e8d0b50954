"""What the tests of the story share: a small model with a bit of everything, and logs as text."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from lifecycle_fsm import Activity, Model, loads

TOML = """
name = "small"
settle = "1 minute"

[tokens]
threshold = 30
reps = ["rep.one", "rep.two"]
later = ["no_budget", "no_time"]
hopeless = ["competitor"]

[guards]
interested = "behavior_score >= $threshold"
fits = "demographic_score >= 10"
touched = "sales_touched_at >= journey_started_at"
taken = "owner_changed_at >= journey_started_at and owner in $reps"
sales_works = "touched or taken"

[calendars.office]
hours = "09:00-17:00"

[fields]
budget = { type = "int | None", label = "yearly budget" }
seats = "int"

[kinds.meeting_held]
payload = { by = "str | None", minutes = "int | None" }
sets = { sales_touched_at = "now" }

[[stages]]
name = "processing"

[[stages]]
name = "mal"
label = "Accepted"
mail = "nurture"

[[stages]]
name = "mql"
label = "Qualified"
mail = "nurture"

[[stages]]
name = "sal"
label = "Worked on"
mail = "paused"

[[stages]]
name = "sql"
label = "Opportunity"
mail = "suspended"

[[stages]]
name = "customer"

[[stages]]
name = "recycled"
off_path = true
mail = "nurture"

[[stages]]
name = "out"
label = "Never"
off_path = true

[[processing]]
number = 20
step = "enrich"
options = { key = "domain", columns = ["industry", "employees"] }

[[processing]]
number = 40
step = "demographic_score"

[[data]]
on = "form_filled"
when = "activity.form starts with 'Demo'"
then = { hand_raised = true, hand_raised_at = "now" }

[[scoring]]
name = "known_company"
when = "employees >= 50"
points = 15

[[scoring]]
name = "form"
on = "form_filled"
points = 10

[[scoring]]
name = "visit"
on = "web_visit"
points = 4
cap = 10
per = "day"

[[decay]]
name = "silence"
every = "30 days"
when = "behavior_score >= 1"
then = { behavior_score = "behavior_score * 0.5" }

[[sort]]
name = "deal"
when = "open_opportunities >= 1"
to = "sql"
skips = "no_credit"

[[sort]]
name = "hand"
when = "hand_raised"
to = "mql"
skips = "passed_over"
label = "hand raise"

[[sort]]
name = "others"
when = "otherwise"
to = "mal"
label = "everybody else"

[[moves]]
name = "by_hand"
from = ["mal", "recycled"]
to = "mql"
when = "hand_raised"
label = "hand raise"

[[moves]]
name = "by_score"
from = ["mal", "recycled"]
to = "mql"
when = "fits and interested"
priority = 1
label = "fits and interested"

[[moves]]
name = "accepted"
from = "mql"
to = "sal"
when = "sales_works"
label = "sales works"

[[moves]]
name = "early"
from = ["mal", "mql", "sal"]
to = "sql"
when = "open_opportunities >= 1"
skips = "passed_over"
priority = -1
label = "open deal"

[[moves]]
name = "won"
from = "sql"
to = "customer"
when = "won_opportunities >= 1"
label = "won"

[[moves]]
name = "lost"
from = "sql"
to = "recycled"
when = "open_opportunities == 0 and last_lost_at >= journey_started_at"
priority = 1
label = "lost"

[[moves]]
name = "not_now"
from = ["mql", "sal"]
to = "recycled"
on = "sales_rejected"
when = "rejection_reason in $later"
then = { behavior_score = "behavior_score * 0.5", hand_raised = false }
label = "not now"

[[moves]]
name = "never"
from = ["mal", "mql", "sal"]
to = "out"
on = "sales_rejected"
when = "rejection_reason in $hopeless"
label = "never"

[[moves]]
name = "rested"
from = "recycled"
to = "mal"
when = "days in stage >= 90"
priority = 2
label = "rested"

[[deadlines]]
name = "answer"
stage = "mql"
after = "4 hours"
calendar = "office"
label = "answer"
send = "task"
to = ["assigned_to"]
text = "Overdue: {first_name} {last_name}"

[[deadlines]]
name = "forgotten"
stage = "mql"
escalates = "answer"
after = "1 day"
calendar = "office"
send = "email"
to = "'boss'"

[[assignment]]
name = "turns"
entering = "mql"
to = "'rep.one'"

[[alerts]]
name = "call"
entering = "mql"
send = "task"
to = ["owner", "assigned_to"]
text = "Call {first_name} {last_name}"
links_to_crm = true
deadline = "answer"

[[alerts]]
name = "stop"
entering = ["sal", "sql"]
send = "list_remove"
to = "'newsletter'"

[merging]
behavior_score = "sum"
"""


@cache
def small() -> Model:
    """The model."""
    return loads(TOML, "small.toml")


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def log(text: str, person: str = "p") -> list[Activity]:
    """Activities, one a line: date, time, kind, then ``name=value``; ``~`` stands for a space,
    ``who=`` names another person, ``id=`` another id than the number of the line."""
    found = []
    for number, line in enumerate(text.strip().splitlines()):
        day, time, kind, *rest = line.split()
        given = dict(one.replace("~", " ").split("=", 1) for one in rest)
        who, name = given.pop("who", person), given.pop("id", f"a{number}")
        found.append(Activity(name, who, kind, at(f"{day}T{time}"), given))
    return found
