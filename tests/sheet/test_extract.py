"""What stands on a sheet, part by part."""

from __future__ import annotations

import re

import pytest

from lifecycle_fsm.model import Model, load, loads, shipped
from lifecycle_fsm.sheet.contents import Contents, StageLine
from lifecycle_fsm.sheet.extract import Extract
from lifecycle_fsm.sheet.sheet import make_sheet
from tests.sheet.samples import EVERYTHING


def stage(model: Model, name: str) -> StageLine:
    return next(one for one in Extract(model).stages() if one.name == name)


def ways(line: StageLine) -> list[tuple[str, str, tuple[str, ...], bool, str]]:
    return [(one.label, one.condition, one.origins, one.new, one.by_hand) for one in line.ways]


SALES_OWNS = (
    "sales activity since this journey began, or (owner change since this journey began and owner "
    "is on the list “SDR team”)"
)
FIT = "demographic score of 20 or more and behavior score of 65 or more"
WATERFALL = {
    "processing": [],
    "mal": [
        ("everybody else", "", (), True, ""),
        ("rested", "90 or more days in this stage", ("Recycled",), False, ""),
        ("reinstated", "role is not known or role is neither accounts payable nor legal",
         ("Disqualified", "Off path"), False, "reinstate"),
        ("became a prospect", "role is known and role is neither accounts payable nor legal",
         ("Off path",), False, ""),
    ],
    "mql": [
        ("hand raise", "hand raised", ("MAL", "Recycled"), True, ""),
        ("fits and interested", FIT, ("MAL", "Recycled"), True, ""),
    ],
    "sal": [
        ("sales accepts", SALES_OWNS, ("MAL", "MQL"), False, ""),
        ("created by sales", "sourced by sales", (), True, ""),
    ],
    "sql": [
        ("open opportunity", "1 or more open opportunities", ("MAL", "MQL", "SAL", "Recycled"),
         True, ""),
    ],
    "customer": [
        ("closed won", "1 or more won opportunities",
         ("MAL", "MQL", "SAL", "SQL", "Recycled", "Disqualified"), True, ""),
    ],
    "recycled": [
        ("not ready", "rejection reason is on the list “recycle reasons”", ("MQL", "SAL"), False,
         "sales rejected"),
        ("opportunity lost", "no open opportunities and lost opportunity since this journey began",
         ("SQL",), False, ""),
    ],
    "off_path": [
        ("no prospect", "role is accounts payable or legal",
         ("MAL", "MQL", "SAL", "SQL", "Recycled"), True, ""),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", WATERFALL)
def test_how_a_person_gets_into_a_stage_of_the_waterfall(name: str) -> None:
    assert ways(stage(load("waterfall"), name)) == WATERFALL[name]


def test_the_score_that_recycling_cuts_is_told_once_for_the_stage() -> None:
    model = load("waterfall")
    cut = ("behavior score is cut to 50% and to at most 64", "hand raised is cleared")
    for name in ("recycled", "disqualified", "off_path"):
        line = stage(model, name)
        assert line.then == cut
        assert not any(way.then for way in line.ways)


def test_two_step() -> None:
    model = load("two_step")
    assert ways(stage(model, "lead")) == [
        ("interested", "behavior score of 30 or more", ("Contact", "Lost"), False, "")
    ]
    assert ways(stage(model, "lost")) == [("gave up", "", ("Lead",), False, "give up")]
    assert stage(model, "lost").then == ("behavior score becomes 0",)
    assert [(one.label, one.target) for one in Extract(model).starts()] == [
        ("bought already", "Customer"),
        ("everybody else", "Contact"),
    ]
    assert [(one.origins, one.target, one.passed, one.credit)
            for one in Extract(model).fast_tracks()] == [
        ((), "Customer", ("Contact", "Lead"), False),
        (("Contact",), "Customer", ("Lead",), True),
    ]  # fmt: skip
    for part in (Extract.reasons, Extract.dues, Extract.alerts):
        assert part(Extract(model)) == ()


@pytest.mark.parametrize("name", shipped())
def test_every_rule_of_a_shipped_model_is_on_its_sheet(name: str) -> None:
    model = load(name)
    contents = make_sheet(model).contents
    by_target = {one.name: one for one in contents.stages}
    for edge in (*model.sort_edges, *model.edges):
        line = by_target[edge.target]
        source = model.stage(edge.source)
        said = [
            way
            for way in line.ways
            if (way.new if edge.source == model.initial.name else source.display in way.origins)
        ]
        assert said, f"{edge.name} from {edge.source} is not told"
    assert len(contents.starts) == len(model.sort)
    assert len(contents.dues) == len(model.deadlines)
    assert len(contents.assignment) == len(model.assignment)
    asked = len(contents.alerts) + sum(len(one.on) + len(one.off) for one in contents.lists)
    assert asked == len(model.alerts)
    assert sum(len(one.points) for one in contents.scores) == len(model.scoring)
    assert len(contents.tokens) == len(model.tokens)
    for text in _texts(contents):
        assert "$" not in text
        assert "_" not in text.replace("__", "")


def _texts(contents: Contents) -> list[str]:
    found = [way.condition for line in contents.stages for way in line.ways]
    found += [text for line in contents.stages for text in line.then]
    found += [due.condition for due in contents.dues]
    found += [asked.condition for asked in (*contents.assignment, *contents.alerts)]
    found += [points.what for score in contents.scores for points in score.points]
    return found


def test_what_stands_in_a_stage(rich: Model) -> None:
    line = stage(rich, "mql")
    assert (line.title, line.label, line.group) == ("MQL", "Ready for sales", "middle")
    assert (line.meaning, line.playbook) == ("They want us.", "Call them.")
    assert (line.owner, line.off_path, line.mail) == ("Marketing", False, "")
    assert line.due == ("Take it or give it back: within 4 working hours",)
    assert stage(rich, "lead").mail == "Marketing mail: nurture"
    assert stage(rich, "sal").mail == "Marketing mail is paused"
    assert ways(line) == [
        ("ready", "behavior score of 50 or more and yearly budget is known", ("Lead",), False, ""),
        ("raised", "hand raised", ("Lead",), True, ""),
    ]


def test_effects_that_differ_are_told_with_their_way() -> None:
    model = loads(EVERYTHING.replace('to = "out"\non', 'to = "back"\npriority = 1\non'))
    assert stage(model, "back").then == ()
    assert [way.then for way in stage(model, "back").ways] == [
        ("behavior score is cut to 50% and to at most 49", "hand raised is cleared"),
        ("behavior score becomes 0",),
    ]


def test_fast_tracks_say_what_becomes_of_the_stages_between(rich: Model) -> None:
    assert [(one.label, one.origins, one.target, one.passed, one.credit)
            for one in Extract(rich).fast_tracks()] == [
        ("asked", (), "MQL", ("Lead",), True),
        ("picked", ("Lead",), "SAL", ("MQL",), True),
        ("has bought", (), "Won", ("Lead", "MQL", "SAL"), False),
    ]  # fmt: skip


def test_reasons_lead_somewhere(rich: Model) -> None:
    """R38."""
    assert [(one.name, one.reasons, one.target, one.origins, one.reported)
            for one in Extract(rich).reasons()] == [
        ("later", ("no budget", "no time"), "Later", ("MQL", "SAL"), "sales rejected"),
        ("no way", ("student",), "Out", ("MQL", "SAL"), "sales rejected"),
    ]  # fmt: skip


def test_a_single_reason_and_one_that_is_excluded() -> None:
    text = EVERYTHING
    text = text.replace('rejection_reason in $no_way"', "rejection_reason == 'too_small'\"")
    text = text.replace(
        'rejection_reason in $later"', 'rejection_reason not in $no_way and owner is known"'
    )
    found = [(one.name, one.reasons, one.target) for one in Extract(loads(text)).reasons()]
    assert found == [("", ("too small",), "Out")]


def test_deadlines_stand_with_their_escalation(rich: Model) -> None:
    """R34."""
    assert [(one.stage, one.what, one.within, one.condition, one.missed, one.after)
            for one in Extract(rich).dues()] == [
        ("MQL", "take it or give it back", "4 working hours", "", "a task for the owner, else desk",
         ""),
        ("MQL", "escalation", "1 working day", "", "an e-mail to boss", "take it or give it back"),
        ("SAL", "decide", "30 days", "no open opportunities", "", ""),
    ]  # fmt: skip
    (hours,) = Extract(rich).hours()
    assert hours.meaning == (
        "Mon 09:00–12:00, 13:00–17:00; Tue–Wed 09:00–17:00 (Europe/Berlin), closed on 2024-12-24"
    )


def test_assignment_alerts_and_lists(rich: Model) -> None:
    assert [(one.entering, one.condition, one.what, one.text, one.due)
            for one in Extract(rich).assignment()] == [
        (("MQL",), "owner is known", "to the owner", "", ""),
        (("MQL",), "", "to the list “team” in turn", "Call [first name]", "4 working hours"),
    ]  # fmt: skip
    assert [
        (one.entering, one.activity, one.what, one.waits) for one in Extract(rich).alerts()
    ] == [
        (("MQL", "SAL"), "", "a task for the assigned rep, else desk", True),
        ((), "form filled", "a message to the system “billing”", False),
    ]
    (letter,) = Extract(rich).lists()
    assert (letter.name, letter.on, letter.off) == (
        "letter", ("when entering Lead if not unsubscribed",), ("on “unsubscribed”",)
    )  # fmt: skip


def test_tokens_say_what_they_decide(rich: Model) -> None:
    assert [(one.name, one.value, one.kind, one.decides) for one in Extract(rich).tokens()] == [
        ("threshold", "50", "number", ("MQL", "Later")),
        ("team", "ann, ben, cem, dee", "list", ("SAL", "who works on it")),
        ("later", "no budget, no time", "reasons", ("Later",)),
        ("no way", "student", "reasons", ("Out",)),
    ]


def test_points_have_bounds_limits_and_fade(rich: Model) -> None:
    """R43."""
    fit, interest = Extract(rich).scores()
    assert [(one.what, one.points, one.limit) for one in fit.points] == [
        ("Yearly budget of 1,000 or more", "+30", "")
    ]
    assert (interest.name, interest.bounds) == ("Interest", "never below 0 and never above 100")
    assert [(one.what, one.points, one.limit) for one in interest.points] == [
        ("Web visit", "+5", "at most 20 a week"),
        ("Unsubscribed", "−10", "at most 10 in all"),
    ]
    assert interest.fades == ("Every 30 days without new points, behavior score is cut to 50%",)


def test_owners_and_words(rich: Model) -> None:
    assert [(one.name, one.stages) for one in Extract(rich).owners()] == [
        ("Marketing", ("Lead", "MQL", "Later")),
        ("CRM", ("SAL", "Won", "Out")),
    ]
    words = {one.word: one for one in Extract(rich).vocabulary()}
    assert words["yearly budget"].meaning == "what they may spend"
    assert words["hand raised"].rule == "set on “form filled” if form starts with “Ask:”"
    assert "behavior score" in words
    assert "stage" not in words


def test_whatever_fades_and_every_bound_is_told_with_and_without_points() -> None:
    model = loads("""
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
    fit, interest = Extract(model).scores()
    assert (fit.bounds, fit.points, fit.fades) == ("never above 40", (), ())
    assert interest.bounds == "never below 0 and never above 100"
    assert len(interest.fades) == 1
    others = {one.name: (one.bounds, len(one.fades)) for one in Extract(model).limits()}
    assert others == {"Heat": ("never below −5 and never above 5", 1), "Hand raised": ("", 1)}
    sheet = make_sheet(model)
    for text in (sheet.markdown(), re.sub("<[^>]*>", "", sheet.html())):
        assert "They make the behavior score, never below 0 and never above 100" in text
        assert "Every 30 days without" in text
        assert "Every 90 days without" in text
        for name in ("Heat", "Hand raised"):
            assert name in text.split("Bounds, and what fades")[1]
