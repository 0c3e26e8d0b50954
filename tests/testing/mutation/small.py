"""A model small enough to say of each of its mutants what should become of it."""

from __future__ import annotations

MODEL = """\
name = "small"

[tokens]
ready = 10

[[stages]]
name = "new"

[[stages]]
name = "open"

[[stages]]
name = "won"

[[stages]]
name = "lost"
off_path = true

[[sort]]
name = "all"
when = "otherwise"
to = "open"

[[moves]]
name = "buys"
from = "open"
to = "won"
when = "behavior_score >= $ready"

[[moves]]
name = "gives_up"
from = "open"
to = "lost"
on = "give_up"
when = "unsubscribed and (unsubscribed or hand_raised)"
then = { hand_raised = false }
"""

#: Notices every mutant of ``buys``, and none of ``gives_up``.
BUYS = """
import pytest
from lifecycle_fsm.testing import Bench

def test_sorted():
    bench = Bench("small.toml")
    bench.assert_moves(bench.person_in("new"), to="open", by="all")

@pytest.mark.parametrize(("score", "moved"), [(9, False), (10, True), (11, True)])
def test_buys(score, moved):
    bench = Bench("small.toml")
    person = bench.person_in("open", behavior_score=score)
    if moved:
        bench.assert_moves(person, to="won", by="buys")
    else:
        bench.assert_stays(person)
"""
