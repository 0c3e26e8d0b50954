"""What stands on a sheet, part by part."""

from __future__ import annotations

import re

import attrs
import pytest

from lifecycle_fsm.document.blocks import Alternatives, DataTable
from lifecycle_fsm.model import load, loads, shipped
from lifecycle_fsm.sheet import Sheet, make_sheet
from tests.sheet.pages import cell_text, lines
from tests.sheet.samples import EVERYTHING, everything


@pytest.fixture(scope="module")
def rich() -> Sheet:
    return make_sheet(everything())


@pytest.fixture(scope="module")
def waterfall() -> Sheet:
    return make_sheet(load("waterfall"))


def part(sheet: Sheet, name: str) -> list[str]:
    """The lines of a part, without its headings and notes."""
    return list(lines(sheet.parts[name]))


def section(sheet: Sheet, name: str, title: str) -> list[str]:
    """The lines of one section of a part."""
    return list(lines(part for part in sheet.parts[name] if part.title == title))


def stage(sheet: Sheet, name: str) -> tuple[str, str, list[str], str]:
    """What a sheet says of a stage: its name, its meaning, how one gets there, and what is done."""
    ((table,),) = (row.blocks for row in sheet.parts["stages"])
    assert isinstance(table, DataTable)
    place = list(sheet.model.by_name).index(name)
    head, meaning, ways, does = table.rows[place].cells
    return cell_text(head), cell_text(meaning), cell_text(ways).split(" / "), cell_text(does)


def ways(sheet: Sheet, name: str) -> list[str]:
    return stage(sheet, name)[2]


FIT = "demographic score of 20 or more and behavior score of 65 or more"
CUT = (
    "Whoever is moved here: behavior score is cut to 50% and to at most 64 and hand raised is "
    "cleared."
)
WATERFALL = {
    "processing": ["Everybody starts here."],
    "mal": [
        "Everybody else from new people",
        "Rested: 90 or more days in this stage from Recycled",
        "Reinstated: role is not known or role is neither accounts payable nor legal by hand: "
        "“reinstate” from Disqualified and Off path",
        "Became a prospect: role is known and role is neither accounts payable nor legal from Off "
        "path",
    ],
    "mql": [
        "Hand raise: hand raised from new people, MAL and Recycled",
        f"Fits and interested: {FIT} from new people, MAL and Recycled",
    ],
    "sal": [
        "Sales accepts from MAL and MQL when any of:",
        "– sales activity since this journey began",
        "– owner change since this journey began and owner is on the list “SDR team”",
        "Created by sales: sourced by sales from new people",
    ],
    "sql": [
        "Open opportunity: 1 or more open opportunities from new people, MAL, MQL, SAL and "
        "Recycled",
    ],
    "customer": [
        "Closed won: 1 or more won opportunities from new people, MAL, MQL, SAL, SQL, Recycled and "
        "Disqualified",
    ],
    "recycled": [
        "Not ready: rejection reason is on the list “recycle reasons” by hand: “sales rejected” "
        "from MQL and SAL",
        "Opportunity lost: no open opportunities and lost opportunity since this journey began "
        "from SQL",
        CUT,
    ],
    "off_path": [
        "No prospect: role is accounts payable or legal from new people, MAL, MQL, SAL, SQL and "
        "Recycled",
        CUT,
    ],
}


@pytest.mark.parametrize("name", WATERFALL)
def test_how_a_person_gets_into_a_stage_of_the_waterfall(waterfall: Sheet, name: str) -> None:
    assert ways(waterfall, name) == WATERFALL[name]


def test_the_score_that_recycling_cuts_is_told_once_for_the_stage(waterfall: Sheet) -> None:
    for name in ("recycled", "disqualified", "off_path"):
        *others, last = ways(waterfall, name)
        assert last == CUT
        assert not any("Then" in way for way in others)


def test_two_step() -> None:
    sheet = make_sheet(load("two_step"))
    assert ways(sheet, "lead") == ["Interested: behavior score of 30 or more from Contact and Lost"]
    assert ways(sheet, "lost") == [
        "Gave up by hand: “give up” from Lead",
        "Whoever is moved here: behavior score becomes 0.",
    ]
    assert part(sheet, "starts") == ["Bought already → Customer", "Everybody else → Contact"]
    assert part(sheet, "fast_tracks")[:2] == [
        "Bought already | new people | Customer | Contact and Lead without credit",
        "Bought | Contact | Customer | Lead passed over",
    ]
    assert sheet.parts["reasons"] == ()
    assert [section.title for section in sheet.parts["rules"]] == []


@pytest.mark.parametrize("name", shipped())
def test_every_rule_of_a_shipped_model_is_on_its_sheet(name: str) -> None:
    model = load(name)
    sheet = make_sheet(model)
    for edge in (*model.sort_edges, *model.edges):
        new = edge.source == model.initial.name
        origin = "new people" if new else model.stage(edge.source).display
        assert any(re.search(rf" from .*\b{origin}\b", way) for way in ways(sheet, edge.target)), (
            f"{edge.name} from {edge.source} is not told"
        )
    assert len(part(sheet, "starts")) == len(model.sort)
    rules = part(sheet, "rules")
    dues = [line for line in rules if ": within " in line or " later, " in line]
    assert len(dues) == len(model.deadlines)
    requests = [line for line in rules if line.startswith("- ") and " later, " not in line]
    onto = section(sheet, "rules", "Lists")
    changes = sum(len(re.findall(r"(when entering|on “)", line)) for line in onto)
    assert len(requests) + changes == len(model.assignment) + len(model.alerts)
    points = [line for line in part(sheet, "points") if " | " in line]
    assert len(points) == len(model.scoring)
    assert len(part(sheet, "tokens")) == len(model.tokens)
    for name in {*sheet.parts} - {"signed"}:
        for line in part(sheet, name):
            assert "$" not in line
            assert "_" not in line.replace("New_York", "")


def test_what_stands_in_a_stage(rich: Sheet) -> None:
    name, meaning, _, does = stage(rich, "mql")
    assert (name, meaning) == ("MQL / Marketing · middle", "Ready for sales. They want us.")
    assert does == "Call them. / Take it or give it back: within 4 working hours."
    assert stage(rich, "lead")[3] == "Write to them. / Marketing mail: nurture."
    assert stage(rich, "sal")[3] == "Decide: within 30 days. Marketing mail is paused."
    assert ways(rich, "mql") == [
        "Ready: behavior score of 50 or more and yearly budget is known from Lead",
        "Raised: hand raised from new people and Lead",
    ]


def test_effects_that_differ_are_told_with_their_way() -> None:
    model = loads(EVERYTHING.replace('to = "out"\non', 'to = "back"\npriority = 1\non'))
    first, second = ways(make_sheet(model), "back")
    assert first.endswith(
        "Then behavior score is cut to 50% and to at most 49 and hand raised is cleared."
    )
    assert second.endswith("Then behavior score becomes 0.")


def test_fast_tracks_say_what_becomes_of_the_stages_between(rich: Sheet) -> None:
    assert part(rich, "fast_tracks")[:3] == [
        "Asked | new people | MQL | Lead passed over",
        "Picked | Lead | SAL | MQL passed over",
        "Has bought | new people | Won | Lead, MQL and SAL without credit",
    ]


def test_reasons_lead_somewhere(rich: Sheet) -> None:
    """R38."""
    assert part(rich, "reasons")[1:] == [
        "Later: no budget, no time | Later from MQL or SAL",
        "No way: student | Out from MQL or SAL",
    ]


def test_a_single_reason_and_one_that_is_excluded() -> None:
    text = EVERYTHING
    text = text.replace('rejection_reason in $no_way"', "rejection_reason == 'too_small'\"")
    text = text.replace(
        'rejection_reason in $later"', 'rejection_reason not in $no_way and owner is known"'
    )
    assert part(make_sheet(loads(text)), "reasons")[1:] == ["too small | Out from MQL or SAL"]


def test_deadlines_stand_with_their_escalation(rich: Sheet) -> None:
    """R34."""
    assert section(rich, "rules", "Deadlines") == [
        "MQL, take it or give it back: within 4 working hours. If not: a task for the owner, else "
        "desk.",
        "- 1 working day later, escalation: an e-mail to boss.",
        "SAL, decide: within 30 days, if no open opportunities. If not: it is recorded.",
        "Working time: Mon 09:00–12:00, 13:00–17:00; Tue–Wed 09:00–17:00 (Europe/Berlin), closed "
        "on 2024-12-24.",
    ]


def test_assignment_alerts_and_lists(rich: Sheet) -> None:
    assert section(rich, "rules", "Who works on whom") == [
        "On entering MQL",
        "- If owner is known: to the owner.",
        "- To the list “team” in turn, due in 4 working hours. “Call [first name]”",
    ]
    assert section(rich, "rules", "Alerts and tasks") == [
        "On entering MQL or SAL",
        "- A task for the assigned rep, else desk, once the CRM has the record. “Call [first name] "
        "of [company]”",
        "On “form filled”",
        "- A message to the system “billing”.",
    ]
    assert section(rich, "rules", "Lists") == [
        "Letter: onto it when entering Lead if not unsubscribed; off it on “unsubscribed”."
    ]


def test_tokens_say_what_they_decide(rich: Sheet) -> None:
    assert part(rich, "tokens") == [
        "Threshold | 50 | MQL, Later",
        "Team | ann, ben, cem, dee | SAL, who works on it",
        "Later | no budget, no time | Later",
        "No way | student | Out",
    ]
    (whole,) = rich.parts["tokens"]
    (layouts,) = whole.blocks
    assert isinstance(layouts, Alternatives)
    # On a page, the lists of reasons stand with where they lead.
    assert list(lines(layouts.page)) == [
        "Threshold: 50 MQL, Later",
        "Team: ann, ben, cem, dee SAL, who works on it",
    ]


def test_points_have_bounds_limits_and_fade(rich: Sheet) -> None:
    """R43."""
    assert section(rich, "points", "Points: fit") == [
        "They make the demographic score.",
        "Yearly budget of 1,000 or more | +30",
    ]
    assert section(rich, "points", "Points: interest") == [
        "They make the behavior score, never below 0 and never above 100.",
        "Web visit at most 20 a week | +5",
        "Unsubscribed at most 10 in all | −10",
        "Every 30 days without new points, behavior score is cut to 50%.",
    ]


def test_owners_and_words(rich: Sheet) -> None:
    assert part(rich, "owners") == ["Marketing: Lead, MQL, Later", "CRM: SAL, Won, Out"]
    words = dict(line.split(": ", 1) for line in part(rich, "vocabulary"))
    assert words["Yearly budget"] == "What they may spend"
    assert words["Hand raised"].endswith("Set on “form filled” if form starts with “Ask:”")
    assert "Behavior score" in words
    assert "Stage" not in words


def test_whatever_fades_and_every_bound_is_told_with_and_without_points() -> None:
    sheet = make_sheet(
        loads("""
        name = "bounds"
        [fields]
        behavior_score = { type = "int", min = 0, max = 100 }
        demographic_score = { type = "int", max = 40 }
        heat = { type = "int", min = -5, max = 5 }
        plain = "int"
        [[stages]]
        name = "new"
        [[stages]]
        name = "lead"
        [[stages]]
        name = "won"
        [[sort]]
        name = "all"
        when = "otherwise"
        to = "lead"
        [[moves]]
        name = "bought"
        from = "lead"
        to = "won"
        on = "buy"
        [[decay]]
        name = "silence"
        every = "30 days"
        then = { behavior_score = "behavior_score * 0.5", heat = 0 }
        [[decay]]
        name = "forgotten"
        every = "90 days"
        then = { hand_raised = false }
    """)
    )
    assert section(sheet, "points", "Points: fit") == [
        "They make the demographic score, never above 40."
    ]
    bounds, fades = section(sheet, "points", "Points: interest")
    assert "never below 0 and never above 100" in bounds
    assert fades.startswith("Every 30 days without")
    heat, hand = section(sheet, "points", "Bounds, and what fades")
    assert heat.startswith("Heat: Never below −5 and never above 5. Every 30 days without")
    assert hand.startswith("Hand raised: Every 90 days without")
    for text in (sheet.markdown(), re.sub("<[^>]*>", "", sheet.html())):
        assert "They make the behavior score, never below 0 and never above 100" in text
        assert "Every 30 days without" in text
        assert "Every 90 days without" in text
        for name in ("Heat", "Hand raised"):
            assert name in text.split("Bounds, and what fades")[1]


def test_a_named_guard_with_a_label_is_explained_once(waterfall: Sheet) -> None:
    model = attrs.evolve(
        load("waterfall"),
        guard_labels={"sales_owns": "sales owns the lead"},
        token_labels={"sdr_team": "the SDRs"},
    )
    sheet = make_sheet(model)
    assert "Sales accepts: sales owns the lead from MAL and MQL" in ways(sheet, "sal")
    text = " ".join(sheet.markdown().split())
    assert "**Sales owns the lead**: sales activity since this journey began, or (owner" in text
    assert "owner is on the list “the SDRs”)" in text
    assert "| The SDRs |" in text
    assert model.version == waterfall.model.version
