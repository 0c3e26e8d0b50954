"""What Python would do behind one's back with a field is an error that says what to write [S2]."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.guard import Const, Opaque, Term, least, named, p, t, to_text


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: bool(p.score),
        lambda: not p.hand_raised,
        lambda: p.hand_raised and p.score > 3,
        lambda: (p.score > 3) or p.hand_raised,
        lambda: 20 <= p.score < 65,
        lambda: p.source in ["web"],
        lambda: "web" in p.source,
        lambda: len(p.source),
        lambda: list(p.source),
        lambda: int(p.score),
        lambda: float(p.score),
        lambda: round(p.score),
        lambda: range(p.score),
        lambda: {p.score: 1},
        lambda: min(p.score, 3),
        lambda: p.score / 2,
        lambda: 2 // p.score,
        lambda: -p.score,
        lambda: p.source.startswith,
        lambda: p.source == None,  # noqa: E711
        lambda: p.score + math.nan,
        lambda: p.score >= 2**63,
        lambda: p.company == "\ud800",
        lambda: p.score == [1],
        lambda: p.score == object(),
        lambda: p.score == (p.bonus > 3),
        lambda: (p.score > 3) & 5,
        lambda: (p.score + 1) & p.hand_raised,
        lambda: p.source.is_in(t.a, t.b),
        lambda: p.source.is_in(p.company),
        lambda: p.source.starts_with(p.company),
        (p.score + 1).is_known,
        t.launch.days_since,
        lambda: least(p.score),
        lambda: named("two words", p.hand_raised),
        lambda: named("and", p.hand_raised),
        lambda: p.now,
        lambda: to_text(Opaque("vip", lambda person, now: True)),
    ],
)
def test_misuse_in_python_says_what_to_write(misuse: Any) -> None:
    with pytest.raises((GuardError, AttributeError)) as error:
        misuse()
    assert isinstance(error.value, GuardError) or "startswith" in str(error.value)
    assert len(str(error.value)) > 10


def test_expressions_are_no_nodes_and_private_names_are_plain() -> None:
    assert not isinstance(p.score, Term)
    assert repr(p.score * 2 + t.half) == "score * 2 + $half"
    with pytest.raises(AttributeError):
        p.__wrapped__  # noqa: B018
    assert not hasattr(p, "_repr_html_")
    # Sets have no order, a guard has one.
    assert p.source.is_in({"b", "a"}) == p.source.is_in("a", "b")


def test_constants_of_different_types_differ() -> None:
    assert Const(1) != Const(True)
    assert Const(1) != Const(1.0)
    assert Const((1,)) != Const((True,))
    assert (p.score == 1) != (p.score == 1.0)
