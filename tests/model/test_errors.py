"""Every fault of a model, with its place and its remedy: input -> the exact problems [S5][S6]."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lifecycle_fsm.errors import GuardError, ModelError
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.guard import Compare, Const, Field, named, p
from lifecycle_fsm.guard.lexer import EMPTY
from lifecycle_fsm.model import (
    DataRule,
    Model,
    Move,
    ScoreRule,
    Set,
    SortRule,
    Stage,
    StepDef,
    from_plain,
)

STAGES = [
    {"name": "new"},
    {"name": "mal"},
    {"name": "mql"},
    {"name": "sal"},
    {"name": "lost", "off_path": True},
    {"name": "out", "off_path": True},
]
SORT = [{"name": "all", "when": "otherwise", "to": "mal"}]
STEP = {"from": "mal", "to": "mql", "name": "step"}
#: Rules of fit need the step that gives new people their score.
FIT = {"processing": [{"number": 40, "step": "demographic_score"}]}


def plain(**changes: Any) -> dict[str, Any]:
    found = {"name": "acme", "stages": STAGES, "sort": SORT, "moves": [STEP]} | changes
    return {key: value for key, value in found.items() if value is not ...}


def problems(given: Any) -> list[str]:
    with pytest.raises(ModelError) as caught:
        from_plain(given)
    return [str(one) for one in caught.value.problems]


def move(**changes: Any) -> dict[str, Any]:
    found = STEP | changes
    return {key: value for key, value in found.items() if value is not ...}


def test_the_model_of_these_tests_builds() -> None:
    assert from_plain(plain()).name == "acme"


SHAPE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown section": (
        {"gaurds": {}},
        ["gaurds: no part of a model is called 'gaurds'; did you mean 'guards'?"],
    ),
    "no name": ({"name": ...}, ["name: it is missing, and every model needs it"]),
    "no stages": ({"stages": ...}, ["stages: it is missing, and every model needs it"]),
    "a name that is no text": ({"name": 3}, ["name: this is a text, not 3"]),
    "a lone surrogate": (
        {"title": "\ud800"},
        ["title: this is a text, not a text with a lone surrogate"],
    ),
    "a lone surrogate in a row": (
        {"moves": [move(label="\ud800")], "systems": {"crm": "\ud800"}},
        [
            "moves[0] mal -> mql, label: this is a text, not a text with a lone surrogate",
            "systems.crm: this is a text, not a text with a lone surrogate",
        ],
    ),
    "a section that is no list": (
        {"moves": {"from": "mal"}},
        ["moves: write each one under its own [[moves]]"],
    ),
    "a table that is none": ({"tokens": [1]}, ["tokens: write this as a table, [tokens]"]),
    "a row that is no table": (
        {"moves": ["mal"]},
        ["moves[0]: this is a table of keys and values, not 'mal'"],
    ),
    "a key that does not exist": (
        {"moves": [move(whn="always")]},
        ["moves[0] mal -> mql: no key 'whn' here; did you mean 'when'?"],
    ),
    "a key that is missing": (
        {"moves": [move(to=...)], "sort": [{"name": "all", "when": "otherwise"}]},
        ["sort[0] all: 'to' is missing", "moves[0] mal ->: 'to' is missing"],
    ),
    "a number for a text": (
        {"stages": [*STAGES, {"name": "x", "code": 1}]},
        ["stages[6] x, code: this is a text, not 1"],
    ),
    "a text for yes or no": (
        {"stages": [*STAGES, {"name": "x", "off_path": "yes"}]},
        ["stages[6] x, off_path: this is true or false, not 'yes'"],
    ),
    "yes or no for a number": (
        {"moves": [move(priority=True)]},
        ["moves[0] mal -> mql, priority: this is a whole number, not True"],
    ),
    "a number for a stage": (
        {"moves": [move(**{"from": ["mal", 3]})]},
        [
            "moves[0] step, from: this is the name of a stage, or a list of them, not ['mal', 3]",
        ],
    ),
    "effects that are no table": (
        {"moves": [move(then="hand_raised")]},
        ["moves[0] mal -> mql, then: this is a table of field and value, not 'hand_raised'"],
    ),
    "a guard that cannot be read": (
        {"moves": [move(when="behavior_score => 65")]},
        [
            "moves[0] mal -> mql, when: '=>' is not an operator: did you mean '>='? "
            "(column 16 of 'behavior_score => 65')"
        ],
    ),
    "a guard that is no text": (
        {"guards": {"fits": 3}},
        ["guards.fits: a guard is written as text, not 3 (column 1 of '3')"],
    ),
    "an effect that cannot be read": (
        {"moves": [move(then={"behavior_score": "min(1"})]},
        [
            "moves[0] mal -> mql, then behavior_score: this '(' is not closed "
            "(column 4 of 'min(1')"
        ],
    ),
    "an effect of no kind": (
        {"moves": [move(then={"behavior_score": [1]})]},
        ["moves[0] mal -> mql, then behavior_score: a list stands only in .is_in(…)"],
    ),
    "points that cannot be read": (
        {"scoring": [{"name": "a", "on": "web_visit", "points": "1 +"}]},
        [
            "scoring[0] a, points: something is missing at the end: a field, a value or a guard "
            "(column 4 of '1 +')"
        ],
    ),
    "a name in a table that is no text": (
        {"guards": {1: "always"}},
        ["guards: the name 1 is no text"],
    ),
    "a label that is no text": (
        {"systems": {"crm": 1}},
        ["systems.crm: this is a text, not 1"],
    ),
    "a length of time": (
        {"settle": "ten minutes"},
        [
            "settle: 'ten minutes' is not a length of time: write '10 minutes', '4 hours' or "
            "'2 days'"
        ],
    ),
    "a length of time as a number": (
        {"settle": 10},
        ["settle: 10 is not a length of time: write '10 minutes', '4 hours' or '2 days'"],
    ),
    "a field without a type": (
        {"fields": {"tier": {"label": "tier"}}},
        ["fields.tier: its type is missing: one of bool, int, float, str, datetime"],
    ),
    "a field of no type": (
        {"fields": {"tier": "string"}},
        [
            "fields.tier: 'string' is not a type: use bool, int, float, str, datetime, with or "
            "without '| None'; did you mean 'str'?"
        ],
    ),
    "a field that is no table": (
        {"fields": {"tier": 3}},
        ["fields.tier: give a type, such as 'int | None', not 3"],
    ),
    "a key of a field": (
        {"fields": {"tier": {"type": "int", "mni": 0}}},
        ["fields.tier: no key 'mni' here; did you mean 'min'?"],
    ),
    "choices that are no list": (
        {"fields": {"tier": {"choices": "a"}}},
        ["fields.tier: choices: this is a list of texts, not 'a'"],
    ),
    "choices that are no texts": (
        {"fields": {"tier": {"choices": [1]}}},
        ["fields.tier: every choice is a text, and not an empty one"],
    ),
    "a choice twice": (
        {"fields": {"tier": {"choices": ["a", "a"]}}},
        ["fields.tier: a choice stands there twice"],
    ),
    "choices of a number": (
        {"fields": {"tier": {"type": "int", "choices": ["1"]}}},
        ["fields.tier: choices are for texts, and this is int"],
    ),
    "clamps of a text": (
        {"fields": {"tier": {"type": "str", "max": 3}}},
        ["fields.tier: min and max are for numbers, and this is str"],
    ),
    "clamps that are no numbers": (
        {"fields": {"tier": {"type": "int", "max": "3"}}},
        ["fields.tier: min and max are numbers, not '3'"],
    ),
    "a clamp without an end": (
        {"fields": {"tier": {"type": "float", "max": float("inf")}}},
        ["fields.tier: min and max are numbers, not inf"],
    ),
    "a clamp between whole numbers": (
        {"fields": {"tier": {"type": "int", "max": 3.5}}},
        ["fields.tier: min and max of an int are whole numbers within 64 bits, not 3.5"],
    ),
    "clamps that leave nothing": (
        {"fields": {"tier": {"type": "int", "min": 4, "max": 3}}},
        ["fields.tier: min is 4 and max is 3: nothing is between them"],
    ),
    "a default of another type": (
        {"fields": {"tier": {"type": "int", "default": "many"}}},
        ["fields.tier: its default does not fit: 'many' is not a whole number"],
    ),
    "a default outside of the clamps": (
        {"fields": {"tier": {"type": "int", "max": 3, "default": 4}}},
        ["fields.tier: its default 4 lies outside of min and max"],
    ),
    "a default that is no choice": (
        {"fields": {"tier": {"choices": ["gold"], "default": "gild"}}},
        ["fields.tier: its default does not fit: 'gild' is none of 'gold'; did you mean 'gold'?"],
    ),
    "a kind that is no table": (
        {"kinds": {"called": "yes"}},
        ["kinds.called: this is a table of keys and values, not 'yes'"],
    ),
    "a payload that is no table": (
        {"kinds": {"called": {"payload": ["by"]}}},
        ["kinds.called: payload: a table of name and type, not ['by']"],
    ),
    "a payload of no type": (
        {"kinds": {"called": {"payload": {"by": "text"}}}},
        [
            "kinds.called, payload by: 'text' is not a type: use bool, int, float, str, datetime, "
            "with or without '| None'"
        ],
    ),
    "a key of a kind": (
        {"kinds": {"called": {"trigge": "x"}}},
        ["kinds.called: no key 'trigge' here; did you mean 'trigger'?"],
    ),
    "a kind that says its name twice": (
        {"kinds": {"called": {"name": "called"}}},
        ["kinds.called called: no key 'name' here"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), SHAPE.values(), ids=SHAPE.keys())
def test_s5_a_wrong_shape_is_told_with_its_place(
    changes: dict[str, Any], expected: list[str]
) -> None:
    assert problems(plain(**changes)) == expected


@pytest.mark.parametrize("given", [None, [], "name = 'acme'", 3])
def test_s5_what_is_no_table_is_no_model(given: Any) -> None:
    assert problems(given) == [f"a model is a table of keys and values, not {given!r}"]


STRUCTURE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a name of spaces": ({"name": " "}, ["name: a model needs a name"]),
    "ties that are nothing": (
        {"ties": "by_name"},
        [
            "ties: 'by_name' is nothing that it can say: write 'as_written' where the order of the "
            "file is meant to decide, or leave it out"
        ],
    ),
    "a settle without an end": (
        {"settle": "53 weeks"},
        [
            "settle: original processing ends after whole seconds, and within a year: this is "
            "371 days, 0:00:00"
        ],
    ),
    # -- tokens, fields, guards
    "a token of no kind": (
        {"tokens": {"limit": {}}},
        [
            "tokens.limit: 'value' is missing",
        ],
    ),
    "a label of a token of another kind, and of a guard with a wrong key": (
        {
            "tokens": {"limit": {"value": 3, "label": 4}},
            "guards": {"ready": {"when": "hand_raised", "lable": "is ready"}},
        },
        [
            "tokens.limit, label: this is a text, not 4",
            "guards.ready: no key 'lable' here; did you mean 'label'?",
        ],
    ),
    "a token of lists": (
        {"tokens": {"limit": [[1]]}},
        [
            "tokens.limit: a token is a number, a text, a time or a list of them: [1] is not a "
            "value for a guard: use a number, a text, true or false, or a time"
        ],
    ),
    "a token that is no number": (
        {"tokens": {"limit": float("nan")}},
        [
            "tokens.limit: a token is a number, a text, a time or a list of them: a number must "
            "be finite: NaN and infinity are refused"
        ],
    ),
    "names that are none": (
        {"tokens": {"the limit": 1}, "fields": {"2nd": "int"}, "guards": {"_fits": "always"}},
        [
            "tokens.the limit: 'the limit' is not a name: use letters, digits and _, and start "
            "with a letter",
            "fields.2nd: '2nd' is not a name: use letters, digits and _, and start with a letter",
            "guards._fits: '_fits' is not a name: use letters, digits and _, and start with a "
            "letter",
        ],
    ),
    "names that are words of Python": (
        {
            "tokens": {"class": 1},
            "fields": {"import": "int"},
            "stages": [*STAGES, {"name": "pass", "off_path": True}],
        },
        [
            f"{place}: {name!r} is a word of the Python language, in which names become attributes "
            f"and methods: choose another, such as '{name}_'"
            for place, name in (
                ("tokens.class", "class"),
                ("fields.import", "import"),
                ("stages[6] pass", "pass"),
            )
        ],
    ),
    "texts without content": (
        {
            "tokens": {"nobody": "", "some": ["a", ""]},
        },
        [
            *(
                f"tokens.{name}: a token is a number, a text, a time or a list of them: {EMPTY}"
                for name in ("nobody", "some")
            ),
        ],
    ),
    "an effect without content": (
        {"moves": [move(then={"owner": "''"})]},
        [f"moves[0] mal -> mql, then owner: {EMPTY} (column 1 of \"''\")"],
    ),
    "a stage in capitals": (
        {"moves": [move(to="MQL")]},
        ["moves[0] mal -> MQL: no stage named 'MQL'; did you mean 'mql'?"],
    ),
    "a text without quotes in a guard": (
        {"moves": [move(when="owner == ada")]},
        [
            "moves[0] mal -> mql: no field named 'ada': a text has quotes of its own, as in "
            "\"owner == 'ada'\""
        ],
    ),
    "names that are words of the language": (
        {"tokens": {"now": 1}, "fields": {"always": "int"}, "guards": {"true": "always"}},
        [
            "tokens.now: 'now' is a word of the guard language: choose another name",
            "fields.always: 'always' is a word of the guard language: choose another name",
            "guards.true: 'true' is a word of the guard language: choose another name",
        ],
    ),
    "fields that are taken": (
        {"fields": {"stage": "str", "id": "str", "fire": "int", "stamps": "int", "_due": "int"}},
        [
            "fields.stage: this is written by the machine and cannot be declared",
            "fields.id: this name is taken by the person itself; choose another",
            "fields.fire: this name is taken by the person itself; choose another",
            "fields.stamps: this name is taken by the person itself; choose another",
            "fields._due: '_due' is not a name: use letters, digits and _, and start with a letter",
            "fields._due: this name is taken by the person itself; choose another",
        ],
    ),
    "a field of every person with another type": (
        {"fields": {"employees": "int", "source": "int | None"}},
        [
            "fields.employees: every person has this field, as int | None: declare it so, or "
            "choose another name",
            "fields.source: every person has this field, as str | None: declare it so, or "
            "choose another name",
        ],
    ),
    "a guard with the name of a field": (
        {"guards": {"hand_raised": "always", "stage": "always"}},
        [
            "guards.hand_raised: a field has the same name, so a guard could mean either",
            "guards.stage: a field has the same name, so a guard could mean either",
        ],
    ),
    "a guard that needs itself": (
        {"guards": {"a": "b", "b": "not a"}},
        [
            "guards.a: the named guard 'b' needs itself: b -> a -> b",
            "guards.b: the named guard 'a' needs itself: a -> b -> a",
        ],
    ),
    "a guard with a wrong field": (
        {"guards": {"fits": "behaviour_score >= 3"}},
        ["guards.fits: no field named 'behaviour_score'; did you mean 'behavior_score'?"],
    ),
    # -- stages
    "one stage": (
        {"stages": STAGES[:1], "moves": [], "sort": []},
        [
            "stages: a lifecycle needs a success path of at least two stages: the first is for "
            "original processing, the others are walked forwards",
            "sort: it is empty: give at least one rule, with when = 'otherwise'",
        ],
    ),
    "detours alone": (
        {"stages": STAGES[4:], "moves": [], "sort": []},
        [
            "stages: a lifecycle needs a success path of at least two stages: the first is for "
            "original processing, the others are walked forwards",
            "sort: it is empty: give at least one rule, with when = 'otherwise'",
        ],
    ),
    "a sort without a path": (
        {"stages": STAGES[4:], "moves": [], "sort": [SORT[0] | {"to": "lost"}]},
        [
            "stages: a lifecycle needs a success path of at least two stages: the first is for "
            "original processing, the others are walked forwards",
        ],
    ),
    "a stage twice": (
        {"stages": [*STAGES, {"name": "mql"}]},
        ["stages: 'mql' stands here 2 times; each needs its own"],
    ),
    "a stage with a space": (
        {"stages": [*STAGES, {"name": "my stage"}]},
        [
            "stages[6] my stage: 'my stage' is not a name: use letters, digits and _, and start "
            "with a letter"
        ],
    ),
    "mail that does not exist": (
        {"stages": [*STAGES, {"name": "x", "mail": "nurtur"}]},
        ["stages[6] x: mail: 'nurtur' is none of nurture, paused, suspended; "
         "did you mean 'nurture'?"],
    ),
    "a system that is not declared": (
        {
            "systems": {"marketing": "Marketing"},
            "stages": [*STAGES, {"name": "x", "system": "markting"}],
            "sort": [SORT[0] | {"system": "crm"}],
            "moves": [move(system="Marketing")],
        },
        [
            "stages[6] x: no system named 'markting'; did you mean 'marketing'?",
            "sort[0] all: no system named 'crm'",
            "moves[0] mal -> mql: no system named 'Marketing'; did you mean 'marketing'?",
        ],
    ),
    # -- moves
    "stages that do not exist": (
        {"moves": [move(**{"from": ["mal", "mlq"], "to": "lots"})]},
        [
            "moves[0] mal | mlq -> lots: no stage named 'mlq'; did you mean 'mql'?",
            "moves[0] mal | mlq -> lots: no stage named 'lots'; did you mean 'lost'?",
        ],
    ),
    "a move from nowhere": (
        {"moves": [move(**{"from": []})]},
        ["moves[0]  -> mql: a move leaves at least one stage: name it in 'from'"],
    ),
    "a move from one stage twice": (
        {"moves": [move(**{"from": ["mal", "mal"]})]},
        ["moves[0] mal | mal -> mql: 'mal' stands here 2 times; each needs its own"],
    ),
    "out of original processing": (
        {"moves": [move(**{"from": "new"})]},
        ["moves[0] new -> mql: only the sort leads out of 'new': write this as a rule of the sort"],
    ),
    "back to original processing": (
        {"moves": [move(**{"from": "lost", "to": "new"}), move(to="new", name="x")]},
        [
            "moves[0] lost -> new: nobody goes back to 'new': a return leads to a later stage of "
            "the path",
            "moves[1] mal -> new: nobody goes back to 'new': a return leads to a later stage of "
            "the path",
        ],
    ),
    "to itself": (
        {"moves": [move(to="mal"), move(**{"from": "lost", "to": "lost", "name": "x"})]},
        [
            "moves[0] mal -> mal: 'mal' cannot move to itself",
            "moves[1] lost -> lost: 'lost' cannot move to itself",
        ],
    ),
    "backwards": (
        {"moves": [move(**{"from": "sal", "to": "mal"})]},
        [
            "moves[0] sal -> mal: this moves backwards, from 'sal': people leave the path by a "
            "detour stage and return from there"
        ],
    ),
    "a fast track that does not say what it skips": (
        {"moves": [move(to="sal")]},
        [
            "moves[0] mal -> sal: a fast track must say what it makes of the stages that it "
            "skips: skips = 'passed_over' or 'no_credit'"
        ],
    ),
    "a step that says so": (
        {"moves": [move(skips="no_credit")]},
        [
            "moves[0] mal -> mql: it skips no stage, so 'skips' has no meaning here: leave it out"
        ],
    ),
    "skips of no kind": (
        {"moves": [move(to="sal", skips="passed")]},
        ["moves[0] mal -> sal: skips: 'passed' is none of passed_over, no_credit; "
         "did you mean 'passed_over'?"],
    ),
    "the same name twice": (
        {"moves": [move(name="all")]},
        [
            "moves: 2 moves or sort rules are named 'all': history could not tell them apart; "
            "give each its own 'name'"
        ],
    ),
    "two unnamed moves": (
        {"moves": [move(name=...), move(name=..., when="hand_raised")]},
        [
            "moves: 2 moves or sort rules are named 'mal_to_mql': history could not tell them "
            "apart; give each its own 'name'"
        ],
    ),
    "a name that is none": (
        {"moves": [move(name="by score")]},
        ["moves[0] mal -> mql: 'by score' is not a name: use letters, digits and _, and start with "
         "a letter"],
    ),
    "a trigger with the name of a field": (
        {"moves": [move(on="hand_raised")]},
        [
            "moves[0] mal -> mql: the trigger 'hand_raised' has the name of a field or method of "
            "the person; choose another"
        ],
    ),
    "a trigger with the name of a method": (
        {"moves": [move(on="explain")]},
        [
            "moves[0] mal -> mql: the trigger 'explain' has the name of a field or method of the "
            "person; choose another"
        ],
    ),
    "triggers whose methods collide": (
        {"moves": [move(on="go"), move(on="may_go", name="x", when="hand_raised")]},
        ["moves[0] mal -> mql: the trigger 'go' comes with 'may_go', which is taken"],
    ),
    "a trigger that is no name": (
        {"moves": [move(on="sales says no")]},
        [
            "moves[0] mal -> mql: 'sales says no' is not a name: use letters, digits and _, and "
            "start with a letter"
        ],
    ),
    "a trigger that no activity raises": (
        {"moves": [move(on="created")]},
        [
            "moves[0] mal -> mql: the activity 'created' does not ask for a move: write a system "
            "move, without 'on'"
        ],
    ),
    "a trigger of a kind that raises another": (
        {"moves": [move(on="call")], "kinds": {"call": {"trigger": "called"}}},
        [
            "moves[0] mal -> mql: the activity 'call' does not ask for a move, it raises 'called'"
        ],
    ),
    "a wrong field, as in the design": (
        {"moves": [STEP, move(name="x", when="behaviour_score >= 65")]},
        [
            "moves[1] mal -> mql: no field named 'behaviour_score'; did you mean 'behavior_score'?"
        ],
    ),
    "a wrong token, type and choice": (
        {
            "tokens": {"mql_threshold": 65},
            "moves": [
                move(when="behavior_score >= $mql_treshold and created_by == 'sale' and email > 3")
            ],
        },
        [
            "moves[0] mal -> mql: no token named 'mql_treshold'; did you mean 'mql_threshold'?",
            "moves[0] mal -> mql: 'sale' is no choice of the field; did you mean 'sales'?",
            "moves[0] mal -> mql: email is a text and 3 is a whole number: they cannot be compared",
        ],
    ),
    "what only an effect may say": (
        {"moves": [move(when="created_at >= now")]},
        [
            "moves[0] mal -> mql: 'now' is for effects only: a guard reads fields, tokens and "
            "'days since'"
        ],
    ),
    # -- effects
    "an effect on what is not there": (
        {"moves": [move(then={"behaviour_score": 0, "stage": "'mal'", "id": "'x'"})]},
        [
            "moves[0] mal -> mql: cannot set 'behaviour_score': no field of this name; did you "
            "mean 'behavior_score'?",
            "moves[0] mal -> mql: cannot set 'stage': only the machine writes it",
            "moves[0] mal -> mql: cannot set 'id': only the machine writes it",
        ],
    ),
    "an effect of another type": (
        {"moves": [move(then={"behavior_score": "'many'", "hand_raised": 1})]},
        [
            "moves[0] mal -> mql: behavior_score: \"many\" is a text, the field is a whole number",
            "moves[0] mal -> mql: hand_raised: 1 is a whole number, the field is yes or no",
        ],
    ),
    "a text without its own quotes": (
        {"moves": [move(then={"lead_status": "open"})]},
        [
            "moves[0] mal -> mql: lead_status: no field named 'open'; a text has quotes of its "
            "own, as in \"'open'\""
        ],
    ),
    "a condition on a number": (
        {"moves": [move(then={"behavior_score": "behavior_score >= 3"})]},
        ["moves[0] mal -> mql: behavior_score: a condition can set a yes/no field only"],
    ),
    "a condition with a wrong field": (
        {"moves": [move(then={"hand_raised": "behaviour_score >= 3"})]},
        ["moves[0] mal -> mql: no field named 'behaviour_score'; did you mean 'behavior_score'?"],
    ),
    "a missing value for a field that has one": (
        {"moves": [move(then={"behavior_score": "employees"})]},
        [
            "moves[0] mal -> mql: behavior_score: employees may be missing and the field may not: "
            "declare the field with '| None', or use a field that is always known"
        ],
    ),
    "a value of an activity in a move": (
        {"moves": [move(then={"last_form": "activity.form"})]},
        ["moves[0] mal -> mql: last_form: no value of the activity named 'form'"],
    ),
    # -- the sort
    "an empty sort": (
        {"sort": []},
        ["sort: it is empty: give at least one rule, with when = 'otherwise'"],
    ),
    "a sort through which one can fall": (
        {"sort": [{"name": "some", "when": "hand_raised", "to": "mal"}]},
        ["sort[0] some: the last rule must be when = 'otherwise', so that nobody falls "
         "through"],
    ),
    "a sort rule that takes everyone": (
        {"sort": [{"name": "a", "when": "always", "to": "mal"}, *SORT]},
        ["sort[0] a: it takes everyone, so no rule behind it is ever reached"],
    ),
    "a sort into nowhere": (
        {"sort": [{"name": "a", "when": "hand_raised", "to": "mlq"}, SORT[0] | {"to": "new"}]},
        [
            "sort[0] a: no stage named 'mlq'; did you mean 'mql'?",
            "sort[1] all: the sort leads out of original processing, not back into it",
        ],
    ),
    "a sort that does not say what it skips": (
        {"sort": [SORT[0] | {"to": "mql"}]},
        [
            "sort[0] all: a fast track must say what it makes of the stages that it skips: "
            "skips = 'passed_over' or 'no_credit'"
        ],
    ),
    "a sort into a detour that says so": (
        {"sort": [SORT[0] | {"to": "lost", "skips": "no_credit"}]},
        ["sort[0] all: it skips no stage, so 'skips' has no meaning here: leave it out"],
    ),
    "a sort with a wrong field": (
        {"sort": [{"name": "a", "when": "rol == 'legal'", "to": "lost"}, *SORT]},
        ["sort[0] a: no field named 'rol'; did you mean 'role'?"],
    ),
    # -- the silos
    "a kind that is kept": (
        {"kinds": {"opportunity_won": {}}},
        [
            "kinds.opportunity_won: this kind is built in and means more than its fields: choose "
            "another name"
        ],
    ),
    "the names in a kind": (
        {"kinds": {"web call": {"trigger": "a b", "payload": {"by whom": "str", "now": "int"}}}},
        [
            "kinds.web call: 'web call' is not a name: use letters, digits and _, and start with a "
            "letter",
            "kinds.web call: 'a b' is not a name: use letters, digits and _, and start with a "
            "letter",
            "kinds.web call, payload by whom: 'by whom' is not a name: use letters, digits and _, "
            "and start with a letter",
            "kinds.web call, payload now: 'now' is a word of the guard language: choose another "
            "name",
        ],
    ),
    "a default in a payload": (
        {"kinds": {"called": {"payload": {"by": {"type": "str", "default": "x"}}}}},
        ["kinds.called, payload by: what an activity brings has no default: leave it out"],
    ),
    "effects of a kind": (
        {"kinds": {"called": {"payload": {"by": "str"}, "sets": {"owner": "activity.bye",
                                                                 "lead_status": "stage"}}}},
        [
            "kinds.called: owner: no value of the activity named 'bye'; did you mean 'by'?",
            "kinds.called: it reads 'stage': data and scoring come before the lifecycle and never "
            "read the stage",
        ],
    ),
    "data of no activity": (
        {"data": [{"on": "form_fild", "then": {"hand_raised": True}}]},
        ["data[0] form_fild: no activity named 'form_fild'; did you mean 'form_filled'?"],
    ),
    "data that sets nothing": (
        {"data": [{"on": "form_filled", "then": {}}]},
        ["data[0] form_filled: it sets nothing: say what in 'then'"],
    ),
    "data that reads the stage": (
        {
            "guards": {"resting": "days in stage >= 3"},
            "data": [
                {"name": "a", "on": "web_visit", "when": "resting", "then": {"hand_raised": True}},
                {"on": "web_visit", "then": {"hand_raised": "journey >= 2 or resting"}},
            ],
        },
        [
            "data[0] a: it reads 'stage_entered_at': data and scoring come before the lifecycle "
            "and never read the stage",
            "data[1] web_visit: it reads 'journey': data and scoring come before the lifecycle "
            "and never read the stage",
            "data[1] web_visit: it reads 'stage_entered_at': data and scoring come before the "
            "lifecycle and never read the stage",
        ],
    ),
    "scores of no activity": (
        {"scoring": [{"name": "a", "on": "form", "points": 3}]},
        ["scoring[0] a: no activity named 'form'"],
    ),
    "scores of the begin and the end of original processing": (
        {"scoring": [{"name": "a", "on": "created", "points": 3}]},
        [
            "scoring[0] a: 'created' is no sign of interest and gives no points: set the score by "
            "a rule of 'data', or leave 'on' out for points of fit"
        ],
    ),
    "scores that read the stage": (
        {"scoring": [{"name": "a", "when": "stage == 'mal'", "points": 3}], **FIT},
        [
            "scoring[0] a: it reads 'stage': data and scoring come before the lifecycle and never "
            "read the stage"
        ],
    ),
    "fit that depends on interest": (
        {"scoring": [{"name": "a", "when": "behavior_score >= 3", "points": 3}], **FIT},
        [
            "scoring[0] a: without 'on' these are points for how well somebody fits, and cannot "
            "depend on the 'behavior_score'"
        ],
    ),
    "points that are no number": (
        {
            "scoring": [
                {"name": "a", "points": "behavior_score >= 3", "on": "web_visit"},
                {"name": "b", "points": "0.5"},
                {"name": "c", "points": "$points"},
                {"name": "c", "points": 1},
            ],
            **FIT,
        },
        [
            "scoring: 'c' stands here 2 times; each needs its own",
            "scoring[0] a: points are a number or a token, not a condition",
            "scoring[1] b: points: 0.5 is a number, the field is a whole number: only an integer "
            "times a decimal constant or token is floored by itself",
            "scoring[2] c: points: no token named 'points'",
        ],
    ),
    # -- original processing
    "steps out of range": (
        {"processing": [{"number": 0, "step": "normalise"}, {"number": 90, "name": "own"}]},
        [
            "processing[0] normalise: number a step from 1 to 89: the sort is 90",
            "processing[1] own: number a step from 1 to 89: the sort is 90",
        ],
    ),
    "steps with one number": (
        {"processing": [{"number": 10, "name": "a"}, {"number": 10, "name": "b"}]},
        ["processing: 10 stands here 2 times; each needs its own"],
    ),
    "steps with one name": (
        {"processing": [{"number": 10, "step": "enrich"}, {"number": 20, "step": "enrich"}]},
        ["processing: 'enrich' stands here 2 times; each needs its own"],
    ),
    "a step of no name": (
        {"processing": [{"number": 10}]},
        ["processing[0]: give 'step', for a built-in one, or the 'name' of your own"],
    ),
    "a built-in step that does not exist": (
        {"processing": [{"number": 10, "step": "normalize"}]},
        [
            "processing[0] normalize: no built-in step 'normalize'; did you mean 'normalise'?; "
            "the project's own step has a 'name' instead"
        ],
    ),
    "a failure of no kind": (
        {"processing": [{"number": 10, "name": "own", "on_failure": "parks"}]},
        ["processing[0] own: on_failure: 'parks' is none of park, skip; did you mean 'park'?"],
    ),
    "no timeout and no attempts": (
        {"processing": [{"number": 10, "name": "own", "timeout": 0, "attempts": 0},
                        {"number": 20, "name": "two", "timeout": float("inf")},
                        {"number": 30, "name": "three", "timeout": "5 s", "attempts": 2.0}]},
        [
            "processing[2] three, timeout: this is a number of seconds, not '5 s'",
            "processing[2] three, attempts: this is a whole number, not 2.0",
            "processing[0] own: timeout: a number of seconds, more than 0, not 0",
            "processing[0] own: attempts: a whole number, at least 1, not 0",
            "processing[1] two: timeout: a number of seconds, more than 0, not inf",
        ],
    ),
    "fields of a step": (
        {"processing": [{"number": 10, "name": "own", "reads": "mail", "writes": ["stage", "id",
                                                                                 "emial"]}]},
        [
            "processing[0] own: no field named 'mail'; did you mean 'email'?",
            "processing[0] own: it writes 'stage': only the machine does",
            "processing[0] own: it writes 'id': only the machine does",
            "processing[0] own: no field named 'emial'; did you mean 'email'?",
        ],
    ),
    "columns of an enrich step": (
        {"processing": [{"number": 10, "step": "enrich", "options": {"columns": {"a": "indusrty",
                                                                                 "b": 3}}}]},
        ["processing[0] enrich: no field named 'indusrty'; did you mean 'industry'?"],
    ),
    "a step that reads too early": (
        {
            "scoring": [{"name": "fit", "when": "domain is known", "points": 1}],
            "processing": [
                {"number": 20, "step": "normalise"},
                {"number": 10, "step": "demographic_score"},
            ],
        },
        [
            "processing[1] demographic_score: it reads 'domain', which is written only later, by "
            "step 020 normalise: give one of them another number"
        ],
    ),
    "options that no file can hold": (
        {
            "processing": [
                {"number": 10, "name": "own", "options": {"a": [None, {1}], "b": {"c": b""}}}
            ]
        },
        [
            "processing[0] own: options: None is no value to compare with: write 'is missing' "
            "(.is_missing())",
            "processing[0] own: options: {1} has no order: write a list",
            "processing[0] own: options: b'' is not a value for a guard: use a number, a text, "
            "true or false, or a time",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), STRUCTURE.values(), ids=STRUCTURE.keys())
def test_s5_s6_a_fault_of_structure_is_told_with_its_place(
    changes: dict[str, Any], expected: list[str]
) -> None:
    assert problems(plain(**changes)) == expected


def test_s5_all_faults_are_told_at_once_those_of_shape_and_those_of_structure() -> None:
    found = problems(
        plain(
            title=3,
            guards={"fits": "demographic_score >= ", "warm": "behaviour_score >= 3"},
            fields={"tier": "txt", "size": "int"},
            tokens={"limit": 20},
            stages=[*STAGES, {"name": "won", "colour": "red"}],
            sort=[{"name": "a", "when": "rol == 'x'", "to": "won", "skips": "no_credit"}, *SORT],
            moves=[
                move(whn="fits"),
                move(name="b", when="fits and tier == 'a' and size >= $limt"),
                move(name="c", to="mlq"),
            ],
        )
    )
    assert found == [
        "stages[6] won: no key 'colour' here",
        "moves[0] mal -> mql: no key 'whn' here; did you mean 'when'?",
        "title: this is a text, not 3",
        "guards.fits: something is missing at the end: a field, a value or a guard (column 22 of "
        "'demographic_score >= ')",
        "fields.tier: 'txt' is not a type: use bool, int, float, str, datetime, with or without "
        "'| None'",
        "guards.warm: no field named 'behaviour_score'; did you mean 'behavior_score'?",
        "sort[0] a: no field named 'rol'; did you mean 'role'?",
        "moves[1] mal -> mql: no token named 'limt'; did you mean 'limit'?",
        "moves[2] mal -> mlq: no stage named 'mlq'; did you mean 'mql'?",
    ]


def test_what_a_fault_only_leads_to_is_not_told() -> None:
    """Nothing is known of the field, so no comparison with it is a second fault; and the row keeps
    its place, so that the number of the next one is right."""
    assert problems(
        plain(
            fields={"tier": "txt"},
            kinds={"called": {"payload": {"by": "txt"}}},
            data=[
                {"on": "called", "then": {"owner": "activity.by"}},
                {"on": "calld", "then": {"owner": "activity.by"}},
            ],
            moves=["x", move(name="b", when="tier == 3"), move(name="c", to="mlq")],
            processing=[3, {"number": 10, "step": "normalise"}],
        )
    ) == [
        "moves[0]: this is a table of keys and values, not 'x'",
        "fields.tier: 'txt' is not a type: use bool, int, float, str, datetime, with or without "
        "'| None'",
        "kinds.called, payload by: 'txt' is not a type: use bool, int, float, str, datetime, with "
        "or without '| None'",
        "processing[0]: this is a table of keys and values, not 3",
        "data[1] calld: no activity named 'calld'; did you mean 'called'?",
        "moves[2] mal -> mlq: no stage named 'mlq'; did you mean 'mql'?",
    ]


def test_the_error_counts_and_lists() -> None:
    with pytest.raises(ModelError) as caught:
        from_plain(plain(name="acme", title=3, moves=[move(to="x")]))
    assert caught.value.name == "acme"
    assert str(caught.value) == (
        "the model 'acme' has 2 problems:\n"
        "  title: this is a text, not 3\n"
        "  moves[0] mal -> x: no stage named 'x'"
    )


# ---------------------------------------------------------------- from Python

NEW, MAL, MQL, SAL = map(Stage, ("new", "mal", "mql", "sal"))
LOST = Stage("lost", off_path=True)
OTHERWISE = SortRule(name="all", when="otherwise", target=MAL)


def opaque(person: Any, now: datetime) -> bool:
    return True


def built(**changes: Any) -> list[str]:
    parts: dict[str, Any] = {
        "name": "acme", "stages": [NEW, MAL, MQL, SAL, LOST], "sort": [OTHERWISE], "moves": []
    }  # fmt: skip
    with pytest.raises(ModelError) as caught:
        Model(**(parts | changes))
    return [str(one) for one in caught.value.problems]


PYTHON: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a settle of half a second": (
        {"settle": timedelta(seconds=0.5)},
        [
            "settle: original processing ends after whole seconds, and within a year: this is "
            "0:00:00.500000"
        ],
    ),
    "a settle before the creation": (
        {"settle": timedelta(-1)},
        [
            "settle: original processing ends after whole seconds, and within a year: this is "
            "-1 day, 0:00:00"
        ],
    ),
    "a settle of no kind": (
        {"settle": 60},
        ["settle: this is a length of time, a timedelta, not 60"],
    ),
    "a field twice": (
        {"fields": [FieldDef("tier", FieldType("str")), FieldDef("tier", FieldType("int"))]},
        ["fields: 'tier' stands here 2 times; each needs its own"],
    ),
    "a type of no kind": (
        {"fields": [FieldDef("tier", FieldType("text"))]},  # type: ignore[arg-type]
        ["fields.tier: 'text' is not a type: use bool, int, float, str, datetime"],
    ),
    "an annotation of no kind": (
        {"fields": {"tier": list[str], "size": int | None, "level": "in"},
         "moves": [MAL.to(MQL, p.tier >= 3), MAL.to(SAL, p.size >= 3, skips="no_credit")]},
        [
            "fields.tier: list[str] is not a type for a field: use bool, int, float, str, "
            "datetime or Literal of texts, with or without '| None'",
            "fields.level: 'in' is not a type: use bool, int, float, str, datetime, with or "
            "without '| None'; did you mean 'int'?",
        ],
    ),
    "Python functions where they may not be": (
        {
            "sort": [SortRule(name="a", when=opaque, target=MAL), OTHERWISE],
            "guards": {"fits": opaque},
            "data": [DataRule(on="web_visit", when=opaque, then={"hand_raised": True})],
            "scoring": [ScoreRule(name="b", when=opaque, points=1, on="web_visit")],
        },
        [
            "guards.fits: a Python function can guard a move only, not this",
            "data[0] web_visit: a Python function can guard a move only, not this",
            "scoring[0] b: a Python function can guard a move only, not this",
            "sort[0] a: a Python function can guard a move only, not this",
        ],
    ),
    "two guards of one name": (
        {
            "moves": [
                MAL.to(MQL, named("fits", p.employees >= 3)),
                MAL.to(SAL, named("fits", p.employees >= 4), skips="no_credit"),
            ]
        },
        ["moves[1] mal -> sal: two different guards are named 'fits': rename one of them"],
    ),
    "two guards of one name, one in the other": (
        {
            "guards": {"warm": named("fits", p.employees >= 3) & p.hand_raised},
            "moves": [
                MAL.to(MQL, named("warm", named("fits", p.employees >= 4) & p.hand_raised)),
            ],
        },
        ["moves[0] mal -> mql: two different guards are named 'fits': rename one of them"],
    ),
    "an effect in a sequence, twice": (
        {"moves": [MAL.to(MQL, then=[Set("hand_raised", False), Set("hand_raised", True)])]},
        ["moves[0] mal -> mql: 'hand_raised' stands here 2 times; each needs its own"],
    ),
    "an own step without a name": (
        {"processing": [StepDef(number=10)]},
        ["processing[0]: give 'step', for a built-in one, or the 'name' of your own"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), PYTHON.values(), ids=PYTHON.keys())
def test_s5_a_model_from_python_tells_the_same_way(
    changes: dict[str, Any], expected: list[str]
) -> None:
    assert built(**changes) == expected


def test_a_guard_that_nests_without_end_is_told_and_not_walked() -> None:
    guard = p.hand_raised == True  # noqa: E712 -- writes a tree
    for _ in range(3000):
        guard = ~(guard & p.unsubscribed)
    assert built(moves=[MAL.to(MQL, guard)]) == [
        "moves[0] mal -> mql: nested more than 40 deep: give a part of it a name of its own"
    ]


WRONG_WORDS: dict[str, tuple[Any, str]] = {
    "a detour along the path": (
        lambda: (MAL | MQL).detour(SAL),
        "mal | mql -> sal: 'sal' is no detour stage: write .to(…)",
    ),
    "a return from the path": (
        lambda: (LOST | MAL).back_to(MQL),
        "lost | mal -> mql: 'mal' is on the path, not back from a detour",
    ),
    "a return to a detour": (
        lambda: LOST.back_to(Stage("out", off_path=True)),
        "lost -> out: 'out' is off the path: write .detour(…)",
    ),
}


@pytest.mark.parametrize(("write", "expected"), WRONG_WORDS.values(), ids=WRONG_WORDS.keys())
def test_a_word_that_says_another_move_is_refused_where_it_stands(
    write: Any, expected: str
) -> None:
    with pytest.raises(ModelError) as caught:
        write()
    assert [str(one) for one in caught.value.problems] == [expected]


def test_a_lambda_has_no_name_for_the_history() -> None:
    with pytest.raises(GuardError, match="a Python guard needs a name: write a function with def"):
        MAL.to(MQL, lambda person, now: True)


def test_an_async_guard_would_count_as_true() -> None:
    async def may(person: Any, now: Any) -> bool:
        return False

    with pytest.raises(GuardError, match="may is async, and nothing here awaits it"):
        MAL.to(MQL, may)


def test_what_a_program_can_never_mean_is_a_plain_error() -> None:
    with pytest.raises(GuardError, match="None is no value"):
        Move(sources="mal", target="mql", then={"owner": None})
    with pytest.raises(GuardError, match="finite"):
        Set("ratio", float("nan"))
    with pytest.raises(GuardError, match="within 64 bits"):
        Set("points", 2**63)


def test_a_tree_by_hand_has_no_empty_text_either() -> None:
    empty = Compare("==", Field("owner"), Const(""))
    for part in ({"when": empty}, {"then": {"owner": Const("")}}):
        with pytest.raises(ModelError, match="an empty text is a missing value"):
            Model(
                name="acme",
                stages=[NEW, MAL, MQL],
                sort=[OTHERWISE],
                moves=[MAL.to(MQL, **part)],
            )


def test_tokens_are_kept_in_their_stored_form() -> None:
    model = Model(
        name="acme",
        stages=[NEW, MAL],
        sort=[OTHERWISE],
        tokens={"since": datetime(2024, 5, 1), "list": ["a", "b"], "set": {"a"}},  # noqa: DTZ001 -- a naive time is what this is about
    )
    assert model.tokens == {
        "since": datetime(2024, 5, 1, tzinfo=UTC),
        "list": ("a", "b"),
        "set": ("a",),
    }


@pytest.mark.parametrize("name", ["self", "at", "id", "kind", "person", "attr_dict"])
def test_s5_a_field_has_no_name_that_calls_and_classes_need(name: str) -> None:
    assert any(name in one for one in problems(plain(fields={name: "int"})))


def test_s5_a_payload_has_no_name_that_every_activity_has() -> None:
    (found,) = problems(plain(kinds={"called": {"payload": {"at": "str"}}}))
    assert "choose another name" in found
