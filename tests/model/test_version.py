"""The version names the meaning of a model, not its words [S28]."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from lifecycle_fsm.model import from_plain, load, to_plain

Plain = dict[str, Any]
#: Tokens, fields, options and values of activities that are called like something for display.
BASE: Plain = to_plain(load("waterfall")) | {
    "fields": {
        "label": {"type": "str | None", "label": "a", "description": "b"},
        "code": "int",
        "system": {"type": "int", "max": 9},
    },
    "kinds": {
        "title": {
            "description": "c",
            "payload": {"group": {"type": "str", "label": "d"}, "code": "int"},
            "sets": {"label": "activity.group"},
            "trigger": "titled",
        }
    },
}
BASE["tokens"] = BASE["tokens"] | {"label": 1, "description": 2}
BASE["guards"] = BASE["guards"] | {"title": "code >= $label"}
BASE["processing"] = [
    *BASE["processing"],
    {"number": 60, "name": "own", "options": {"label": {"title": "x", "deep": [{"code": 1}]}}},
]
BASE["moves"] = copy.deepcopy(BASE["moves"])
BASE["moves"][0]["then"] = {"label": "'x'", "code": 3}


def version(change: Callable[[Plain], Any] = lambda plain: None) -> str:
    plain = copy.deepcopy(BASE)
    change(plain)
    return from_plain(plain).version


def put(*path: Any, value: Any) -> Callable[[Plain], None]:
    def change(plain: Plain) -> None:
        holder: Any = plain
        for key in path[:-1]:
            holder = holder[key]
        was = holder[path[-1]] if isinstance(holder, list) else holder.get(path[-1])
        assert repr(was) != repr(value), "this would change nothing"
        holder[path[-1]] = value

    return change


def reverse(key: str) -> Callable[[Plain], None]:
    def change(plain: Plain) -> None:
        plain[key] = dict(reversed(plain[key].items()))

    return change


def rename(*path: Any, to: str) -> Callable[[Plain], None]:
    def change(plain: Plain) -> None:
        holder: Any = plain
        for key in path[:-1]:
            holder = holder[key]
        holder[to] = holder.pop(path[-1])

    return change


WORDS = {
    "the title": put("title", value="Another"),
    "the description": put("description", value="Another"),
    "the label of a system": put("systems", "crm", value="Another"),
    "another system": put("systems", "web", value="Web site"),
    "the label of a stage": put("stages", 1, "label", value="Another"),
    "the title of a stage": put("stages", 1, "title", value="Another"),
    "the code of a stage": put("stages", 1, "code", value="7"),
    "the group of a stage": put("stages", 1, "group", value="another"),
    "the system of a stage": put("stages", 1, "system", value="crm"),
    "the description of a stage": put("stages", 1, "description", value="Another"),
    "the label of a move": put("moves", 1, "label", value="another"),
    "the system of a move": put("moves", 1, "system", value="crm"),
    "the label of a sort rule": put("sort", 1, "label", value="another"),
    "the system of a sort rule": put("sort", 2, "system", value="crm"),
    "the label of a step": put("processing", 0, "label", value="another"),
    "the timeout of a step": put("processing", 0, "timeout", value=2.5),
    "the attempts of a step": put("processing", 0, "attempts", value=3),
    "the label of a field": put("fields", "label", "label", value="another"),
    "the description of a field": put("fields", "code", value={"type": "int", "description": "x"}),
    "the description of a kind": put("kinds", "title", "description", value="another"),
    "the label of a payload": put("kinds", "title", "payload", "group", "label", value="another"),
    "the order of tokens": reverse("tokens"),
    "the order of guards": reverse("guards"),
    "the order of fields": reverse("fields"),
    "a guard written otherwise": put("guards", "fits", value="$fit_threshold <= demographic_score"),
    "a list of one": put("moves", 0, "from", value=["mal"]),
    "a bound as a decimal": put("fields", "system", "max", value=9.0),
    "a type as a table": put("fields", "code", value={"type": "int"}),
    "a default that it has anyway": put("fields", "code", value={"type": "int", "default": 0}),
}
MEANING = {
    "the name": put("name", value="another"),
    "settle": put("settle", value="2 minutes"),
    "a token": put("tokens", "rest_days", value=91),
    "a token called label": put("tokens", "label", value=5),
    "a token called timeout": put("tokens", "timeout", value=5),
    "a token called description": put("tokens", "description", value=5),
    "another token": put("tokens", "systems", value=5),
    "a whole number for a decimal": put("tokens", "label", value=1.0),
    "a guard": put("guards", "won", value="won_opportunities >= 2"),
    "a guard called title": put("guards", "title", value="code >= 4"),
    "a field called title": put("fields", "description", value="int"),
    "the type of a field": put("fields", "code", value="float"),
    "the clamp of a field": put("fields", "system", "max", value=10),
    "the default of a field": put("fields", "code", value={"type": "int", "default": 3}),
    "the mail of a stage": put("stages", 1, "mail", value="paused"),
    "a stage more": lambda plain: plain["stages"].append({"name": "label"}),
    "a step": lambda plain: plain["processing"].pop(0),
    "what its failure does": put("processing", 0, "on_failure", value="skip"),
    "an option called attempts": put("processing", -1, "options", "attempts", value=3),
    "an option called label": rename("processing", -1, "options", "label", to="description"),
    "an option below": put("processing", -1, "options", "label", "title", value="y"),
    "an option further below": put(
        "processing", -1, "options", "label", "deep", 0, "code", value=2
    ),
    "a rule of the data": put("data", 0, "when", value="activity.form == 'x'"),
    "what it sets": put("data", 0, "then", "hand_raised", value=False),
    "points": put("scoring", 0, "points", value=21),
    "a sort rule": put("sort", 0, "when", value="role == 'legal'"),
    "where it leads": put("sort", 0, "to", value="disqualified"),
    "what it skips": put("sort", 1, "skips", value="passed_over"),
    "the order of the sort": lambda plain: plain["sort"].insert(0, plain["sort"].pop(1)),
    "the name of a move": put("moves", 0, "name", value="another"),
    "its guard": put("moves", 0, "when", value="interested"),
    "its priority": put("moves", 0, "priority", value=-1),
    "its sources": put("moves", 0, "from", value=["mal", "recycled"]),
    "its trigger": put("moves", 1, "on", value="asked"),
    "its effects": put("moves", 0, "then", "label", value="'y'"),
    "an effect on another field": rename("moves", 0, "then", "code", to="system"),
    "the order of the moves": lambda plain: plain["moves"].insert(0, plain["moves"].pop(1)),
    "a value of an activity": rename("kinds", "title", "payload", "code", to="title"),
    "what an activity sets": put("kinds", "title", "sets", "label", value="'x'"),
    "the trigger of an activity": put("kinds", "title", "trigger", value="another"),
    "a kind": rename("kinds", "title", to="label"),
}


def renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name: renamed(one, old, new) for name, one in value.items()}
    if isinstance(value, list):
        return [renamed(one, old, new) for one in value]
    if isinstance(value, str):  # guards may name a stage
        return new if value == old else value.replace(f'"{old}"', f'"{new}"')
    return value


MEANING["the name of a stage"] = lambda plain: plain.update(renamed(plain, "customer", "sold"))


@pytest.mark.parametrize("change", WORDS.values(), ids=WORDS.keys())
def test_s28_words_for_people_are_no_other_model(change: Callable[[Plain], Any]) -> None:
    assert version(change) == version()


@pytest.mark.parametrize("change", MEANING.values(), ids=MEANING.keys())
def test_s28_another_meaning_is_another_version(change: Callable[[Plain], Any]) -> None:
    assert version(change) != version()


def test_s28_no_two_meanings_share_a_version() -> None:
    found = [version(change) for change in MEANING.values()]
    assert len(set(found)) == len(found)


def test_s28_a_version_is_the_same_on_every_machine() -> None:
    """Twelve digits that histories keep: a change here is a change to all of them."""
    model = from_plain(
        {
            "name": "acme",
            "stages": [{"name": "new"}, {"name": "mal"}, {"name": "mql"}],
            "sort": [{"name": "all", "to": "mal", "when": "otherwise"}],
            "moves": [{"from": "mal", "to": "mql", "when": "hand_raised or employees >= 3"}],
        }
    )
    assert model.version == "64ef5e459ea6"
