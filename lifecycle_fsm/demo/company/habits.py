"""How sales works: how often it does what, and how long that takes."""

from __future__ import annotations

from lifecycle_fsm.demo.company.chance import Odds, Spread

# Minutes of office time.
WITHIN_THE_HOUR: Spread = (5, 15, 30, 60)
NEXT_CALL: Spread = (60, 300, 600, 1_200, 2_600)
SLOW_ANSWER: Spread = (300, 480, 900, 1_500, 3_600)
FILLS_IN_DEAL: Spread = (30, 200, 600, 1_800)
NEXT_IN_DEAL: Spread = (300, 700, 1_400, 2_600, 5_000)
SECOND_DEAL: Spread = (300, 1_200, 4_000, 9_000)
UPSELL: Spread = (2_000, 5_000, 12_000, 20_000)
CALLS_AGAIN: Spread = (4_000, 9_000, 20_000, 40_000)
RULES_OUT_LATE: Spread = (2_000, 9_000, 20_000)
REVIEWS: Spread = (60, 400, 1_200)

CALLS: Spread = (1, 2, 4, 6, 10)  # until something comes of a lead
CYCLE: Spread = (6, 18, 32, 50, 75, 115, 190)  # days that a deal takes
SOON: Spread = (9, 20, 35, 55, 75)  # days until somebody who was given back comes again
LATER: Spread = (92, 120, 160, 220, 320)

ANSWERS: Odds[str] = Odds({"accepts": 715, "returns": 200, "rules out": 85})
#: What comes of a lead that sales works on, by who found it.
WORKS: dict[str, Odds[str]] = {
    "marketing": Odds({"deal": 490, "returns": 325, "rules out": 75, "stops": 110}),
    "sales": Odds({"deal": 390, "returns": 310, "rules out": 70, "stops": 230}),
}
#: What becomes of somebody who was given back.
THEN: Odds[str] = Odds(
    {
        "gone": 70, "soon": 54, "later": 48, "sales again": 14, "reads": 40, "ruled out": 6,
        "buys": 2, "leaves": 2,
    }
)  # fmt: skip

# Why sales gives a lead back at once, why after having worked on it, why for ever: the reasons are
# those of the model's tokens.
RETURNS_AT_ONCE: Odds[str] = Odds(
    {"no_answer": 40, "no_time": 25, "not_ready": 22, "no_budget": 13}
)
RETURNS: Odds[str] = Odds({"no_budget": 34, "not_ready": 30, "no_answer": 22, "no_time": 14})
RULES_OUT: Odds[str] = Odds(
    {"wrong_person": 46, "student": 26, "competitor": 14, "out_of_business": 14}
)
UNHEARD_OF = ("bad timing", "call again in spring", "on holiday")
WHY_LOST: Odds[str] = Odds(
    {"price": 34, "competitor": 24, "no decision": 30, "missing function": 12}
)
