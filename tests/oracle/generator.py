"""Small random models and logs for the comparison: few stages, tiny ranges, a coarse grid of time,
so that ties and coinciding instants are common.

A model is plain data, which the interpreter reads as it is; :func:`as_toml` writes the same as a
model file for the package.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import attrs

from tests.oracle.interpreter import Activity
from tests.oracle.language import DAY, Node, as_time, effect_text, guard_text, is_guard

#: The grid of time, in minutes: everything happens at a multiple of it.
STEP = DAY // 4
#: Two of them have another order as texts than their numbers have [S19].
PERSONS = ("p10", "p9", "q")


@attrs.define
class Story:
    """A model and what is done with it, as ``("apply", activity)`` and ``("tick", until)``."""

    model: dict[str, Any]
    steps: list[tuple[str, Any]]
    expected: set[str] = attrs.field(factory=set)

    def __str__(self) -> str:
        lines = [as_toml(self.model), f"expect_processed: {sorted(self.expected)}"]
        for word, what in self.steps:
            if word == "tick":
                lines.append(f"{_clock(what)} tick")
            elif word == "ask":
                lines.append(f"{_clock(what[2])} ask {what[0]} {what[1]}")
            else:
                place = "" if what.sequence is None else f" sequence={what.sequence}"
                lines.append(
                    f"{_clock(what.at)} {what.person} {what.kind} id={what.id} {what.brings}{place}"
                )
        return "\n".join(lines)


def _clock(minutes: int) -> str:
    day, rest = divmod(minutes, DAY)
    return f"day {day} {rest // 60:02}:{rest % 60:02}"


# ------------------------------------------------------------------ models

FIELDS: dict[str, dict[str, Any]] = {
    "level": {"type": "int", "min": 0, "max": 4},
    "ready": {"type": "bool"},
    "tier": {"type": "str", "nullable": True, "choices": ["a", "b"]},
    "mark": {"type": "datetime"},
}
TOKENS: dict[str, Any] = {"hot": 2, "rest": 1}


def model(random: Random, *, money: bool = False) -> dict[str, Any]:
    """A model of three to five path stages and one to three detours; with ``money``, where others
    count opportunities, it compares their amounts."""
    path = ["new", *"abcd"[: random.randint(2, 4)]]
    detours = list("xyz"[: random.randint(1, 3)])
    made: dict[str, Any] = {
        "stages": [(name, False) for name in path] + [(name, True) for name in detours],
        "mail": {
            name: random.choice(["nurture", "paused"])
            for name in [*path[1:], *detours]
            if random.random() < 0.3
        },
        "dimensions": random.choice([[], ["level"], ["tier", "level"]]),
        "tokens": TOKENS,
        "guards": {"warm": guard(random, "plain")},
        "fields": dict(FIELDS),
        "kinds": {},
        "data": [],
        "scoring": [],
        "decay": [],
        "deadlines": [],
        "assignment": [],
        "alerts": [],
        "merging": {},
        "winning": [name for name in detours if random.random() < 0.2],
        "calendars": {"office": _calendar(random)},
        "settle": random.choice([0, 0, STEP, 2 * STEP, DAY]),
    }
    if random.random() < 0.5:
        made["fields"]["behavior_score"] = {"type": "int", "min": 0, "max": 30}
    made["sort"] = _sort(random, path, detours)
    made["moves"] = _moves(random, path, detours)
    made["kinds"] = random.choice([{}, {"called": CALLED}])
    on = ["form_filled", "web_visit", "changed", "called" if made["kinds"] else "go"]
    made["data"] = [_data(random, number, on) for number in range(random.randint(0, 2))]
    made["scoring"] = _scoring(random, on)
    made["decay"] = [_decay(random, number) for number in range(random.choice([0, 0, 1, 2]))]
    made["deadlines"] = _deadlines(random, [*path[1:], *detours])
    made["assignment"] = _assignment(random, [*path[1:], *detours])
    made["alerts"] = _alerts(random, [*path[1:], *detours], made["deadlines"], on)
    made["merging"] = _merging(random)
    made["money"] = {"USD": 0.5} if money else {}
    return _with_amounts(random, made) if money else made


def _with_amounts(random: Random, part: Any) -> Any:
    """A part of a model whose guards read amounts of opportunities instead of their number."""
    match part:
        case (_, ("field", ("open_opportunities" | "won_opportunities") as name), ("const", 1)):
            compare = random.choice(["==", "!=", "<", "<=", ">", ">="])
            amount = name.replace("opportunities", "amount")
            return compare, ("field", amount), ("const", random.choice([0, 5, 9.5]))
        case tuple() | list():
            return type(part)(_with_amounts(random, each) for each in part)
        case dict():
            return {name: _with_amounts(random, each) for name, each in part.items()}
    return part


CALLED = {
    "payload": {"minutes": "int", "by": "str | None"},
    "required": ["minutes"],
    "sets": {
        "level": ("min", ("payload", "minutes"), ("const", 3)),
        "lead_status": ("payload", "by"),
        "ready": (">=", ("payload", "minutes"), ("const", 2)),
    },
    "trigger": "go",
}


def guard(random: Random, use: str, deep: int = 2) -> Node:
    """A random guard: ``plain`` ones read no stage, ``fit`` ones neither stage, time nor scores."""
    roll = random.random()
    if deep and roll < 0.15:
        return ("not", guard(random, use, deep - 1))
    if deep and roll < 0.4:
        word = random.choice(["and", "or"])
        return (word, guard(random, use, deep - 1), guard(random, use, deep - 1))
    return _atom(random, use)


def _atom(random: Random, use: str) -> Node:
    compare = random.choice(["==", "!=", "<", "<=", ">", ">="])
    known: list[Node] = [
        (compare, ("field", "level"), ("const", random.randint(0, 4))),
        (">=", ("field", "level"), ("token", "hot")),
        ("yes", "ready"),
        ("==", ("field", "tier"), ("const", random.choice("ab"))),
        ("in", ("field", "tier"), random.choice([["a"], ["a", "b"]])),
        ("known", random.choice(["mark", "tier", "owner"])),
    ]
    if use == "fit":
        return random.choice(known)
    times: list[Node] = [
        (compare, ("days since", "mark"), ("const", random.randint(-1, 3))),
        (">=", ("days since", random.choice(["created_at", "scored_at"])), ("token", "rest")),
        (compare, ("days since", "scored_at"), ("const", random.randint(0, 3))),
    ]
    others: list[Node] = [
        ("yes", "hand_raised"),
        (">=", ("field", "behavior_score"), ("const", random.choice([1, 10, 20]))),
        ("<", ("field", "behavior_score"), ("const", 5)),
        (">=", ("field", "demographic_score"), ("const", 5)),
        ("known", "owner"),
        ("starts with", ("field", "last_form"), "De"),
        (">=", ("field", "open_opportunities"), ("const", 1)),
        (">=", ("field", "won_opportunities"), ("const", 1)),
        (">", ("+", ("field", "level"), ("*", ("field", "behavior_score"), ("const", 0.5))),
         ("const", 5)),
        (">=", ("field", "mark"), ("field", "scored_at")),
        ("<", ("field", "created_at"), ("time", 3 * STEP)),
        (">=", ("field", "mark"), ("time", random.randint(0, 20) * STEP)),
    ]  # fmt: skip
    if use == "plain":
        return random.choice([*known, *known, *others, *times])
    stages: list[Node] = [
        ("named", "warm"),
        ("always",),
        (compare, ("days in stage",), ("const", random.randint(0, 3))),
        (">=", ("days in stage",), ("token", "rest")),
        (">=", ("days in stage",), ("const", random.randint(1, 3))),
        (">=", ("field", "sales_touched_at"), ("field", "journey_started_at")),
        (">=", ("field", "last_lost_at"), ("field", "stage_entered_at")),
        ("==", ("field", "journey"), ("const", 1)),
    ]
    if random.random() < 0.3:
        return (
            random.choice([">=", "==", ">"]),
            ("days in stage",),
            ("const", random.randint(0, 3)),
        )
    return random.choice([*known, *others, *times, *stages, *stages])


THENS: list[dict[str, Node]] = [
    {},
    {},
    {"ready": ("const", False)},
    {"level": ("-", ("field", "level"), ("const", 1))},
    {"level": ("const", 3), "ready": ("const", True)},
    {"behavior_score": ("min", ("*", ("field", "behavior_score"), ("const", 0.5)), ("const", 9))},
    {"hand_raised": ("const", False), "level": ("+", ("field", "level"), ("token", "hot"))},
    {"mark": ("now",)},
]
#: A text without content is missing, wherever it comes in [S4].
NOBODY = ("",)
TRIGGERS = (
    "go", "go", "off", "off", "again", "again", "sales_touched", "owner_changed", "web_visit",
    "changed", "opportunity_won", "merged", "converted",
)  # fmt: skip


def _sort(random: Random, path: list[str], detours: list[str]) -> list[dict[str, Any]]:
    rules = []
    for number in range(random.randint(0, 2)):
        target = random.choice([*path[1:], *detours])
        skips = None
        if target in path[2:]:
            skips = random.choice(["passed_over", "no_credit"])
        rules.append(
            {"name": f"sort{number}", "when": guard(random, "plain"), "to": target, "skips": skips}
        )
    rules.append({"name": "others", "when": ("always",), "to": path[1], "skips": None})
    return rules


def _moves(random: Random, path: list[str], detours: list[str]) -> list[dict[str, Any]]:
    moves: list[dict[str, Any]] = []
    # So that the kinds of these triggers are known, and most people get somewhere.
    for name, sources, target, on in (
        ("goes", path[1:2], path[2], "go"),
        ("leaves", path[1:], detours[0], "off"),
        ("returns", detours, path[1], "again"),
    ):
        moves.append(
            {
                "name": name, "from": sources, "to": target, "on": on,
                "when": guard(random, "move") if random.random() < 0.3 else ("always",),
                "priority": 0, "skips": None, "then": {},
            }
        )  # fmt: skip
    moves += [
        {
            "name": f"back_from_{detour}", "from": [detour], "to": random.choice(path[1:]),
            "on": None, "when": guard(random, "move"), "priority": 0, "skips": None,
            "then": random.choice(THENS),
        }
        for detour in detours
        if random.random() < 0.6
    ]  # fmt: skip
    for number in range(random.randint(2, 7)):
        source = random.choice([*path[1:], *path[1:], *detours])
        if source in path:
            ahead = [*path[path.index(source) + 1 :], *detours]
        else:
            ahead = [*path[1:], *path[1:], *(one for one in detours if one > source)]
        target = random.choice(ahead)
        skips = None
        if source in path and target in path and path.index(target) > path.index(source) + 1:
            skips = random.choice(["passed_over", "no_credit"])
        sources = [source]
        if target in detours and random.random() < 0.3:
            sources = list(dict.fromkeys([source, random.choice(path[1:])]))
        moves.append(
            {
                "name": f"move{number}",
                "from": sources,
                "to": target,
                "when": guard(random, "move"),
                "on": random.choice([None, None, *TRIGGERS]),
                "priority": random.choice([0, 0, 0, -1, 1]),
                "skips": skips,
                "then": random.choice(THENS),
            }
        )
    return moves


def _data(random: Random, number: int, on: list[str]) -> dict[str, Any]:
    return {
        "name": f"data{number}",
        "on": random.choice(on),
        "when": guard(random, "plain"),
        "then": random.choice(THENS[2:]),
    }


def _scoring(random: Random, on: list[str]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for number in range(random.randint(0, 3)):
        cap = random.choice([None, None, 5, 12])
        rules.append(
            {
                "name": f"points{number}",
                "on": random.choice(on),
                "when": guard(random, "fit"),
                "points": random.choice(
                    [
                        ("const", 5),
                        ("const", -4),
                        ("const", 10),
                        ("*", ("field", "level"), ("const", 3)),
                    ]
                ),
                "cap": cap,
                "per": None if cap is None else random.choice([None, "day", "week", "month"]),
            }
        )
    rules += [
        {
            "name": f"fit{number}",
            "on": None,
            "when": guard(random, "fit"),
            "points": random.choice(
                [("const", 5), ("const", -3), ("*", ("field", "level"), ("const", 0.5))]
            ),
            "cap": None,
            "per": None,
        }
        for number in range(random.choice([0, 1, 2]))
    ]
    return rules


def _decay(random: Random, number: int) -> dict[str, Any]:
    return {
        "name": f"decay{number}",
        "every": random.choice([STEP * 3, DAY, 2 * DAY]),
        "since": random.choice(["scored_at", "created_at", "mark"]),
        "when": guard(random, "plain"),
        "then": random.choice(
            [
                {"behavior_score": ("*", ("field", "behavior_score"), ("const", 0.5))},
                {"level": ("-", ("field", "level"), ("const", 1))},
                {"ready": ("const", False)},
                {"level": ("+", ("field", "level"), ("const", 1)), "ready": ("const", True)},
            ]
        ),
    }


def _calendar(random: Random) -> dict[str, Any]:
    """Open on the days named, at hours whose bounds lie on the grid of time or beside it; the
    days that are closed beside are counted from the start."""
    return {
        "days": random.choice([["mon", "tue", "wed", "thu", "fri"], ["wed", "fri", "sat"]]),
        "hours": random.choice([(6 * 60, 18 * 60), (12 * 60, 15 * 60), (0, 24 * 60)]),
        "closed": random.choice([[], [1], [2, 3]]),
    }


def _deadlines(random: Random, stages: list[str]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for number in range(random.choice([0, 1, 2, 3])):
        parent = random.choice([None, *rules])
        rules.append(
            {
                "name": f"due{number}",
                "stage": parent["stage"] if parent else random.choice(stages),
                **random.choice(
                    [{"after": length} for length in (STEP, 3 * STEP, DAY, 2 * DAY)]
                    + [
                        {"after": length, "calendar": "office"}
                        for length in (STEP // 2, STEP, 3 * STEP, "1 day", "2 days", "1 week")
                    ]
                ),
                "when": random.choice([("always",), guard(random, "fit")]),
                "escalates": parent["name"] if parent else None,
                **_asking(random, random.choice([None, "task"])),
            }
        )
    return rules


def _asking(random: Random, send: str | None) -> dict[str, Any]:
    if send is None:
        return {"send": None, "to": [], "text": None, "links_to_crm": False}
    to = random.choice([[("const", "desk")], [("field", "owner"), ("const", "desk")],
                        [("field", "assigned_to")]])  # fmt: skip
    return {
        "send": send, "to": to, "text": "{id} {stage} {level}",
        "links_to_crm": random.random() < 0.3,
    }  # fmt: skip


def _assignment(random: Random, stages: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"rep{number}",
            "entering": random.sample(stages, random.randint(1, 2)),
            "on": None,
            "when": random.choice([("always",), guard(random, "fit")]),
            "to": random.choice([("const", "eve"), ("const", "sam"), ("field", "owner")]),
        }
        for number in range(random.choice([0, 1, 2]))
    ]


def _alerts(
    random: Random, stages: list[str], deadlines: list[dict[str, Any]], on: list[str]
) -> list[dict[str, Any]]:
    rules = []
    for number in range(random.choice([0, 1, 2, 3])):
        entering = random.sample(stages, random.randint(1, 2)) if random.random() < 0.6 else []
        due = [rule["name"] for rule in deadlines if entering == [rule["stage"]]]
        rules.append(
            {
                "name": f"alert{number}",
                "entering": entering,
                "on": None if entering else random.choice([*on, "crm_synced", "sales_touched"]),
                "when": random.choice([("always",), guard(random, "fit")]),
                "deadline": random.choice([None, *due]),
                **_asking(random, random.choice(["task", "email"])),
            }
        )
    return rules


def _merging(random: Random) -> dict[str, str]:
    rules = ["max", "min", "sum", "survivor", "loser"]
    chosen = {name: random.choice(rules) for name in ("level", "behavior_score")}
    return dict(item for item in chosen.items() if random.random() < 0.5)


# ------------------------------------------------------------------ logs


def story(random: Random, *, persons: int = 1, lateness: float = 0.0, money: bool = False) -> Story:
    """A model, and a log of it in the order of arrival, with ticks in between."""
    made = model(random, money=money)
    if persons > 1:
        made["mail"] = {}  # the rules do not say what is told of mail around a merge
    names = PERSONS[:persons]
    expected = set(names) if random.random() < 0.25 else set()
    if random.random() < 0.2:
        expected = {name for name in names if random.random() < 0.5}
    log: list[tuple[int, Activity]] = []
    for name in names:
        at = random.randint(0, 4) * STEP
        log.append((at, Activity(f"c-{name}", name, "created", at, _created(random))))
        if name in expected:
            ends = at + random.randint(0, 3) * STEP
            log.append((ends, Activity("processed", name, "processed", ends, _processed(random))))
        for number in range(random.randint(0, 12)):
            at += random.choice([0, 0, 1, 1, 2, 3, 4, 5, 8]) * STEP
            kind, brings = _happening(random, made, name)
            if len(names) > 1 and random.random() < 0.08:
                kind, brings = "merged", {"loser": random.choice(names)}
            sequence = random.choice([None, None, None, 1, 2])
            late = random.randint(1, 8) * STEP if random.random() < lateness else 0
            # A contact that is created after the conversion is another story.
            if len(names) > 1 and at > DAY and random.random() < 0.03:
                kind, brings = "converted", {"contact": random.choice([*names, "k"])}
            made_id = random.choice(["e-", "", "0"]) + str(number)
            log.append((at + late, Activity(made_id, name, kind, at, brings, sequence)))
    log.sort(key=lambda pair: (pair[0], pair[1].kind != "created"))
    steps: list[tuple[str, Any]] = []
    for arrives, activity in log:
        passed = arrives - 1 - random.randint(0, 1) * STEP
        if passed >= 0 and random.random() < 0.25:
            steps.append(("tick", passed))
        steps.append(("apply", activity))
        if random.random() < 0.1:
            asked = random.choice([None, *TRIGGERS])
            when = max(0, arrives + random.choice([-1, 0, 1, 2, 4, 8, 16]) * STEP)
            steps.append(("ask", (random.choice(names), asked, when)))
        if random.random() < 0.05:
            deal = activity.kind.startswith("opportunity")
            again = activity.person if deal else random.choice([activity.person, *names])
            steps.append(("apply", attrs.evolve(activity, person=again)))
    last = max((pair[0] for pair in log), default=0)
    steps.append(("tick", last + random.randint(0, 6) * DAY))
    return Story(made, steps, expected)


def _created(random: Random) -> dict[str, Any]:
    return dict(
        random.choice(
            [{}, {}, {"level": 2}, {"ready": True, "level": 4}, {"tier": "a"}, {"mark": 0},
             {"hand_raised": True}, {"owner": "ada"}, {"behavior_score": 12, "scored_at": 0}]
        )
    )  # fmt: skip


def _processed(random: Random) -> dict[str, Any]:
    return dict(random.choice([{}, {"source": "web"}, {"owner": "bob"}]))


def _happening(random: Random, made: dict[str, Any], name: str) -> tuple[str, dict[str, Any]]:
    kinds: list[tuple[str, list[dict[str, Any]]]] = [
        ("changed", [
            {"level": random.randint(-1, 6)}, {"level": random.randint(0, 4)}, {"ready": True},
            {"ready": False}, {"tier": random.choice(["a", "b", None])}, {"tier": ""},
            {"mark": random.randint(0, 30) * STEP}, {"mark": None}, {"owner": None},
            {"level": "many"}, {"height": 3},
        ]),
        ("form_filled", [{"form": "Demo"}, {"form": "News", "source": "web"}, {}]),
        ("web_visit", [{}, {"source": "ads"}]),
        ("score_given", [{"points": random.choice([-10, 0, 5, 20])}]),
        ("owner_changed", [{"owner": random.choice(["ada", "bob", *NOBODY])}]),
        ("sales_touched", [{}]),
        ("lead_status_changed", [{"status": "open"}, {"status": "shut", "reason": "no"}]),
        ("unsubscribed", [{}]),
        ("crm_synced", [{}]),
        *_deals(random, name, money=bool(made["money"])),
    ]  # fmt: skip
    triggers = sorted({move["on"] for move in made["moves"] if move["on"]} & {"go", "off", "again"})
    if made["kinds"]:
        kinds.append(("called", [{"minutes": random.randint(0, 4)}, {"minutes": 2, "by": "ada"}]))
        triggers = [one for one in triggers if one != "go"]
    kinds += [(trigger, [{}, {"reason": "no"}]) for trigger in [*triggers, *triggers, *triggers]]
    kinds += kinds[:1] * 3
    kind, payloads = random.choice(kinds)
    return kind, dict(random.choice(payloads))


def _deals(random: Random, name: str, *, money: bool) -> list[tuple[str, list[dict[str, Any]]]]:
    deal = f"{name}-{random.randint(1, 2)}"
    full = {"opportunity": deal, "amount": 5.0, "closes_at": 40 * DAY}
    deals: list[tuple[str, list[dict[str, Any]]]] = [
        ("opportunity_opened", [full, {"opportunity": deal}]),
        ("opportunity_changed", [full, {"opportunity": deal, "amount": 7.0}]),
        ("opportunity_won", [{"opportunity": deal}]),
        ("opportunity_lost", [{"opportunity": deal}]),
    ]
    if money:
        deals[0][1].append(full | {"amount": 19.0, "currency": "USD"})
        deals[1][1].append({"opportunity": deal, "currency": "JPY"})
        deals[2][1].append({"opportunity": deal, "currency": "EUR"})
        return deals * 3
    return deals


# ------------------------------------------------------------------ as a model file


def as_toml(made: dict[str, Any]) -> str:
    """The model as the text of a model file."""
    lines = ['name = "oracle"', f'settle = "{made["settle"]} minutes"']
    if made["dimensions"]:
        lines.append(f"dimensions = {json.dumps(made['dimensions'])}")
    merging = {name: json.dumps(one) for name, one in made["merging"].items()}
    if made["winning"]:
        merging["winning_detours"] = json.dumps(made["winning"])
    for head, values in (
        ("[tokens]", {name: json.dumps(value) for name, value in made["tokens"].items()}),
        ("[guards]", {name: _quoted(one) for name, one in made["guards"].items()}),
        ("[fields]", {name: _field(one) for name, one in made["fields"].items()}),
        ("[merging]", merging),
        (
            "[money]",
            {"currency": '"EUR"', "rates": _inline({n: str(r) for n, r in made["money"].items()})}
            if made["money"]
            else {},
        ),
    ):
        if values:
            _table(lines, head, values)
    for name, calendar in made["calendars"].items():
        opens, closes = (f"{minute // 60:02}:{minute % 60:02}" for minute in calendar["hours"])
        hours = {day: json.dumps(f"{opens}-{closes}") for day in calendar["days"]}
        closed = [as_time(day * DAY).strftime("%Y-%m-%d") for day in calendar["closed"]]
        _table(
            lines, f"[calendars.{name}]", {"hours": _inline(hours), "closed": json.dumps(closed)}
        )  # fmt: skip
    for name, off_path in made["stages"]:
        _table(
            lines, "[[stages]]",
            {"name": json.dumps(name)}
            | ({"off_path": "true"} if off_path else {})
            | ({"mail": json.dumps(made["mail"][name])} if name in made["mail"] else {}),
        )  # fmt: skip
    if any(rule["on"] is None for rule in made["scoring"]):
        _table(lines, "[[processing]]", {"number": "40", "step": '"demographic_score"'})
    for name, kind in made["kinds"].items():
        payload = {one: json.dumps(text) for one, text in kind["payload"].items()}
        _table(
            lines, f"[kinds.{name}]",
            {
                "payload": _inline(payload),
                "sets": _then(kind["sets"]),
                "trigger": json.dumps(kind["trigger"]),
            },
        )  # fmt: skip
    for rule in made["data"]:
        _table(lines, "[[data]]", _rule(rule))
    for rule in made["scoring"]:
        _table(lines, "[[scoring]]", _rule(rule))
    for rule in made["decay"]:
        _table(lines, "[[decay]]", _rule(rule))
    for rule in made["sort"][:-1]:
        _table(lines, "[[sort]]", _rule(rule))
    _table(lines, "[[sort]]", _rule(made["sort"][-1]) | {"when": '"otherwise"'})
    for rule in made["moves"]:
        _table(lines, "[[moves]]", _rule(rule))
    for rule in made["deadlines"]:
        _table(lines, "[[deadlines]]", _rule(rule))
    for rule in made["assignment"]:
        _table(lines, "[[assignment]]", _rule(rule))
    for rule in made["alerts"]:
        _table(lines, "[[alerts]]", _rule(rule))
    return "\n".join(lines)


def _table(lines: list[str], head: str, values: dict[str, str]) -> None:
    lines += ["", head, *(f"{name} = {value}" for name, value in values.items())]


def _rule(rule: dict[str, Any]) -> dict[str, str]:
    written: dict[str, str] = {}
    for name, value in rule.items():
        if value is None or value == [] or value == {}:
            continue
        if name in ("every", "after"):
            written[name] = f'"{value} minutes"' if isinstance(value, int) else json.dumps(value)
        elif name == "then":
            written[name] = _then(value)
        elif name == "to" and isinstance(value, list):
            written[name] = json.dumps([effect_text(term) for term in value])
        elif isinstance(value, bool):
            written |= {name: "true"} if value else {}
        elif name == "to" and isinstance(value, tuple):
            written[name] = _quoted(value)
        elif isinstance(value, tuple):
            written[name] = _value(value)
        else:
            written[name] = json.dumps(value)
    return written


def _value(node: Node) -> str:
    if node[0] == "const" and not isinstance(node[1], str):
        return json.dumps(node[1])
    return _quoted(node)


def _quoted(node: Node) -> str:
    return json.dumps(guard_text(node) if is_guard(node) else effect_text(node))


def _then(effects: dict[str, Node]) -> str:
    return _inline({name: _value(value) for name, value in effects.items()})


def _inline(values: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{name} = {value}" for name, value in values.items()) + " }"


def _field(type: dict[str, Any]) -> str:
    missing = type.get("nullable") or type["type"] == "datetime"
    values = {"type": json.dumps(type["type"] + (" | None" if missing else ""))}
    if "choices" in type:
        values["choices"] = json.dumps(type["choices"])
    for name in ("min", "max", "default"):
        if name in type:
            values[name] = json.dumps(type[name])
    return _inline(values)
